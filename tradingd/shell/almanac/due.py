"""When a corporate action of the operator's file takes effect for one account, and as which event. Pure. Source: F9, T2."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tradingd.core.book.book import Book
from tradingd.core.events import DividendDue, Split
from tradingd.core.gates.window import DAY, MINUTE, Session, SessionTable
from tradingd.core.rules import Rules
from tradingd.core.types import Price
from tradingd.shell.almanac.rows import Action

BEFORE_OPEN = 30 * MINUTE
_EPOCH = date(1970, 1, 1).toordinal()
LATE_MAX = 30 * DAY  # the book remembers the last 500 actions; an older one is for the operator to book


def session_of(table: SessionTable, ex_date: str) -> Session | None:
    """The session an ex-date means: its own, or the next when the exchange is closed that day; None beyond the table."""
    found = table.session(ex_date)
    if found is not None or not table.first.date <= ex_date <= table.last.date:
        return found
    midnight = (date.fromisoformat(ex_date).toordinal() - _EPOCH) * DAY
    following = table.next_after(midnight - DAY)  # a session may begin on the evening before its date
    while following is not None and following.date < ex_date:
        following = table.next_after(following.open_ns)
    return following


def due(
    actions: Iterable[Action], book: Book, rules: Rules, *, now: int, learned: int | None
) -> list[Split | DividendDue]:
    """The actions that take effect by now and are not booked yet, in order of time, a split before a dividend.

    Half an hour before the open of the ex-date. learned: when the bars of the account were first learned in this life, None
    before that. A position must have been open before that session's open; a split of what is flat only rescales prices that were
    learned before it, and bars learned after it are adjusted already.
    """
    found: list[tuple[int, bool, Split | DividendDue]] = []
    for action in actions:
        session = _session(action, rules)
        if session is None:
            continue
        at = session.open_ns - BEFORE_OPEN
        action_id = f"file:{action.symbol}:{action.action_id}"
        booked = f"{action_id}:{action.symbol}" if action.kind == "split" else action_id
        if not now - LATE_MAX <= at <= now or booked in book.booked.actions:
            continue
        position = book.booked.positions.get(action.symbol)
        held = position is not None and bool(position.qty) and position.opened_ts < session.open_ns
        seen = learned is not None and learned < at
        if action.kind == "split" and (held or (seen and action.symbol in book.markets)):
            split = Split(
                ts=at, symbol=action.symbol, ratio=float(action.value), action_id=action_id, account=book.account,
                adjusted=not seen,
            )  # fmt: skip
            found.append((at, False, split))
        elif action.kind == "dividend" and held:
            dividend = DividendDue(
                ts=at, symbol=action.symbol, per_share=Price(action.value), action_id=action_id, account=book.account
            )
            found.append((at, True, dividend))
    return [event for _, _, event in sorted(found, key=lambda each: (each[0], each[1], each[2].symbol))]


def _session(action: Action, rules: Rules) -> Session | None:
    """By the instrument's calendar; before the instruments are known, by the account's main one."""
    instrument = rules.instruments.get(action.symbol)
    table = rules.calendar(instrument) if instrument is not None else next(iter(rules.calendars.values()), None)
    return session_of(table, action.ex_date) if table is not None else None
