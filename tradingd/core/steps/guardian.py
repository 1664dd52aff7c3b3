"""The guardian: every limit of the account under one eye, each minute of a session (R5).

From `breaker.warn_at` of a limit somebody is told; at the limit it acts:

    day loss        the breaker trips by itself (limits.py)
    drawdown        a hold, REDUCING, until a named operator resumes; put on once a session
    heat, gross     all working entries are taken back
    position        the working entries of the symbol are taken back
    sector          those of the sector
    buying power    all working entries are taken back
    reserve share   told, nothing else: what lies idle risks nothing

Heat, gross, position and sector act only from 10 % above their limit: up to there the gate refuses what would add to them, and a
price that moves is no reason to alarm anybody. Each level is told once a session, limit and subject; back below, that is told too,
for the log. Positions are never touched here: that is what their stops are for.
"""

from __future__ import annotations

from functools import lru_cache
from math import fsum, inf
from typing import NamedTuple

from tradingd.core.book.book import Book
from tradingd.core.facts import Alerted
from tradingd.core.gates import breaker, reserve
from tradingd.core.gates.breaker import Level, Watch
from tradingd.core.gates.standing import claimed_cash, heat_now
from tradingd.core.gates.window import Session
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import cancel_entries, money
from tradingd.core.steps.limits import hold_and_page
from tradingd.core.types import Symbol

SLACK = 1.1
SLACKENED = frozenset({"heat", "gross", "position", "sector"})
TELLS = frozenset({"buying_power", "reserve_share"})  # never worth a page
NAMES = ("day_loss", "drawdown", "heat", "gross", "position", "sector", "buying_power", "reserve_share")


# the hold of a drawdown tells under its own name
_CODES = {(name, level): f"{name}_{level.value}" for name in NAMES for level in Level} | {
    ("drawdown", Level.ACT): "drawdown"
}
_NAMED = {_CODES[name, level]: name for name in NAMES for level in (Level.WARN, Level.ACT)}


Reading = tuple[str, float, float, str]  # name, used, the configured limit, subject


class Guarded(NamedTuple):
    """One limit as it stands. watch.limit: the configured one, whatever the slack.   subject: symbol or sector, "" else."""

    watch: Watch
    subject: str = ""


def guarded(book: Book, rules: Rules) -> list[Guarded]:
    """All limits with their level at this moment, in the order of NAMES. Shares are of equity, heat's of the active pool, those of
    buying power (what entries claim and the reserve holds) of cash times its multiplier."""
    return [judged(reading, rules) for reading in _readings(book, rules, heat_now(book))]


def _readings(book: Book, rules: Rules, heat: float) -> list[Reading]:
    booked, gate, tier, equity = book.booked, rules.gate, rules.tiers[book.booked.tier], book.equity
    values = {symbol: book.symbol_value(symbol) for symbol in _symbols(book)}
    claimed = claimed_cash(book) + float(booked.reserve)
    power = float(booked.cash) * gate.buying_power_multiplier
    found: list[Reading] = [
        ("day_loss", max(0.0, book.day_loss()), rules.breaker.daily_loss, ""),
        ("drawdown", book.drawdown(), gate.max_drawdown, ""),
        ("heat", heat, tier.max_portfolio_heat, ""),
        ("gross", _share(fsum(values.values()), equity), gate.buying_power_multiplier, ""),
    ]
    for symbol, value in values.items():
        found.append(("position", _share(value, equity), gate.max_position_pct, symbol))
    limit = min(gate.max_sector_pct, tier.max_sector_pct)
    for sector, value in book.values(known=values).items():
        found.append(("sector", _share(value, equity), limit, sector))
    found.append(("buying_power", _share(claimed, power), 1.0, ""))
    share = reserve.reserve_share(booked.reserve, money(equity))
    found.append(("reserve_share", share, rules.reserve.high_water_share, ""))
    return found


def guard(book: Book, session: Session, rules: Rules, heat: float) -> None:
    """Tell and act where a limit asks for it, and say when it no longer does. heat: at this moment."""
    warn_at, standing = rules.breaker.warn_at, []
    for reading in _readings(book, rules, heat):
        if is_quiet(reading, warn_at):  # what nearly every one is
            continue
        one = judged(reading, rules)
        standing.append(one)
        if one.watch.level is Level.ACT:
            _act(book, one, session, rules)
        elif one.watch.level is Level.WARN:
            _tell(book, one, "tell", session)
    if book.booked.told:
        _resolve(book, {(one.watch.name, one.subject) for one in standing if one.watch.level is not Level.OK})


def is_quiet(reading: Reading, warn_at: float) -> bool:
    """Is it below its warning?"""
    return reading[1] < warn_at * reading[2]


def judged(reading: Reading, rules: Rules) -> Guarded:
    """Warned about from `warn_at` of the limit, acted on at it; where the gate holds the line, above it by more than a tenth."""
    name, used, limit, subject = reading
    seen = breaker.watch(name, used, limit, rules.breaker)
    if seen.level is Level.ACT and name in SLACKENED and used <= limit * SLACK:
        seen = Watch(name=name, used=used, limit=limit, level=Level.WARN)
    return Guarded(seen, subject)


def _share(value: float, of: float) -> float:
    if value <= 0:
        return 0.0
    return value / of if of > 0 else inf


def _symbols(book: Book) -> list[Symbol]:
    return list(dict.fromkeys([*book.held(), *book.entering()]))


def _act(book: Book, one: Guarded, session: Session, rules: Rules) -> None:
    name = one.watch.name
    why = f"guardian: {name.replace('_', ' ')}"
    for symbol in [s for s in book.entering() if _adds(book, one, s)]:
        cancel_entries(book, why, symbol)
    if name == "day_loss" and book.booked.day_loss_tripped:
        return  # the breaker has told
    if name != "drawdown":
        _tell(book, one, "tell" if name in TELLS else "page", session)
    elif not _told(book, one, session):
        hold_and_page(book, "drawdown", f"{_words(one)}: only what reduces, until an operator resumes")


def _adds(book: Book, one: Guarded, symbol: Symbol) -> bool:
    """Does an entry in the symbol add to a limit? The parts of it that are still to go do, too."""
    match one.watch.name:
        case "heat" | "gross" | "buying_power":
            return True
        case "position":
            return symbol == one.subject
        case "sector":
            market = book.markets.get(symbol)
            return market is not None and market.instrument.sector == one.subject
        case _:
            return False


# telling ------------------------------------------------------------------------------------------------------------------


def _code(name: str, level: Level) -> str:
    return _CODES[name, level]


def _key(one: Guarded) -> str:
    return f"{_code(one.watch.name, one.watch.level)}:{one.subject}"


def _told(book: Book, one: Guarded, session: Session) -> bool:
    return session.open_ns <= book.booked.told.get(_key(one), -1) <= book.now


def _tell(book: Book, one: Guarded, level: str, session: Session) -> None:
    if not _told(book, one, session):
        _alert(book, level, _code(one.watch.name, one.watch.level), _words(one), one.subject)


def _resolve(book: Book, standing: set[tuple[str, str]]) -> None:
    """What was told, and not taken back since, and does not stand any more."""
    told = book.booked.told
    for name, subject in _were_told(book):
        ended = told.get(f"{name}_resolved:{subject}", -1)
        last = max(told.get(f"{_code(name, level)}:{subject}", -1) for level in (Level.WARN, Level.ACT))
        if last > ended and (name, subject) not in standing:
            of = f" of {subject}" if subject else ""
            _alert(book, "log", f"{name}_resolved", f"{name.replace('_', ' ')}{of} is below its limit again", subject)


def _were_told(book: Book) -> list[tuple[str, str]]:
    return list({one: None for key in book.booked.told if (one := _named(key)) is not None})


@lru_cache(maxsize=1024)
def _named(key: str) -> tuple[str, str] | None:
    """Limit and subject that a key of the book's `told` stands for; None for what else is told."""
    code, _, subject = key.partition(":")
    name = _NAMED.get(code)
    return None if name is None else (name, subject)


def _words(one: Guarded) -> str:
    of = f" of {one.subject}" if one.subject else ""
    return f"{one.watch.name.replace('_', ' ')}{of} {one.watch.used:.2%}, the limit is {one.watch.limit:.2%}"


def _alert(book: Book, level: str, code: str, text: str, subject: str) -> None:
    book.emit(Alerted(ts=book.now, account=book.account, level=level, code=code, text=text, subject=subject))
