"""Later parts of an entry: each is judged anew before it goes, by everything an entry must pass at that moment (E10).

A part is due when the one before has ended and `entry.tranche_s` are over since that one was judged. It goes, or it is refused, and
then the rest of its decision is off: as soon as the part before got nothing or the position shrank, and at the latest
`entry.ttl_s` after it was due. Until then a lost link or a missing price only delays it. Looked at with time passing and after
whatever venues say about our orders.
"""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book
from tradingd.core.book.booked import Tranches
from tradingd.core.book.market import Market
from tradingd.core.book.orders import OPEN, Working
from tradingd.core.events import Action, Recommendation
from tradingd.core.facts import Check, OrderIntended, Outcome, Reason, TrancheJudged
from tradingd.core.gates import breaker
from tradingd.core.gates.checks import refusals, shown
from tradingd.core.gates.gate import approve_entry
from tradingd.core.gates.reserve import claim_check
from tradingd.core.gates.standing import claimed_cash, heat_now, standing, value_of
from tradingd.core.plans.entry import refuse
from tradingd.core.rules import Rules
from tradingd.core.steps.enter import intent_of
from tradingd.core.steps.exits import money
from tradingd.core.steps.ideas import levels_check, market_checks, sized_now, state_checks
from tradingd.core.types import NS, ZERO, Money, Side, Symbol

MOVED = 0.5  # of the way from the decision's price to its stop: further off, either way, it is another market


def go_on(book: Book, rules: Rules, symbol: Symbol | None = None) -> None:
    """Judge every part that is due, of one symbol or of all."""
    for pending in list(book.booked.tranches.values()):
        if symbol in (None, pending.symbol) and pending.decision_id in book.booked.tranches:
            _look(book, pending, rules)


def _look(book: Book, pending: Tranches, rules: Rules) -> None:
    market = book.markets.get(pending.symbol)
    kept = _kept(book, pending)
    spoiled = refusals(kept)
    due = pending.ts + int(rules.entry.tranche_s * NS)
    late = book.now >= due + int(rules.entry.ttl_s * NS)
    working = _working(book, pending)
    if market is None:
        gone = Check("symbol", pending.symbol, "configured", False, Reason.UNKNOWN_SYMBOL)
        refuse(book, pending, (gone,), (Reason.UNKNOWN_SYMBOL,))
    elif working and late:
        checks = (*kept, _stands("part_before_ended", "working", "ended", False))
        refuse(book, pending, checks, refusals(checks))
    elif spoiled and not working:
        refuse(book, pending, kept, spoiled)
    elif not working and book.now >= due and (late or _can_judge(book, market, rules)):
        _judge(book, pending, market, kept, rules)


def _can_judge(book: Book, market: Market, rules: Rules) -> bool:
    """Is there a link, a fresh price and a range to judge by? After a restart they come one by one."""
    fresh = max(book.now, market.recv_ts) - market.ts <= rules.gate.price_max_age_s * NS
    return book.booked.link_up and market.mid > 0 and fresh and market.atr is not None


def _parts(book: Book, pending: Tranches) -> list[Working]:
    """The orders of the decision so far, in order."""
    plan = book.booked.plans.get(pending.decision_id)
    found = [book.order(order_id) for order_id in (plan.orders if plan is not None else ())]
    return [working for working in found if working is not None]


def _working(book: Book, pending: Tranches) -> bool:
    """May something of the parts before still fill?"""
    return any(w.life in OPEN for w in _parts(book, pending)) or bool(book.owed(pending.symbol, entry=True))


def _kept(book: Book, pending: Tranches) -> tuple[Check, ...]:
    """Does what the parts before were meant to bring stand? Refuses DETERIORATED."""
    parts = _parts(book, pending)
    got = parts[-1].cum_qty if parts else ZERO
    bought = ZERO
    for working in parts:
        bought += working.cum_qty
    held = book.qty(pending.symbol) * pending.side.sign
    return (
        _stands("part_before", float(got), "some of it filled", got > 0, parts[-1].life.value if parts else "unknown"),
        _stands("position_kept", float(held), float(bought), held >= bought),
    )


def _stands(name: str, value: float | str | None, limit: float | str | None, ok: bool, note: str = "") -> Check:
    return Check(name, value, limit, ok, None if ok else Reason.DETERIORATED, note)


def _judge(book: Book, pending: Tranches, market: Market, kept: tuple[Check, ...], rules: Rules) -> None:
    """The whole of it, and the record: an order, or the end of the rest."""
    side, qty, instrument = pending.side, pending.left[0], market.instrument
    price = market.ask if side is Side.BUY else market.bid
    intent = intent_of(book, market, side, qty, price, pending.decision_id, rules, n=pending.n)
    value = value_of(
        book, pending.symbol, qty, market.mid or pending.ref_price
    )  # as the book counts it among what is to come
    claimed = claimed_cash(book) - value_of(book, pending.symbol, qty, pending.ref_price)
    before = standing(
        book, pending.symbol, side, qty, book.now, rules.gate, sector_value=book.sector_value(instrument.sector) - value,
        claimed=claimed, position_value=book.symbol_value(pending.symbol) - value, own=pending.decision_id,
    )  # fmt: skip
    verdict = approve_entry(
        intent, instrument, float(book.rate(instrument)), before, rules.gate, max(book.now, market.recv_ts),
        (*kept, *_anew(book, pending, market, price or None, claimed, rules)), positions_max=rules.positions_max,
    )  # fmt: skip
    if verdict.order is None:
        refuse(book, pending, verdict.checks, verdict.reasons)
        return
    book.emit(
        TrancheJudged(
            ts=book.now, account=book.account, decision_id=pending.decision_id, symbol=pending.symbol, n=pending.n, qty=qty,
            outcome=Outcome.ACT, checks=verdict.checks, order_id=verdict.order.order_id,
        )
    )  # fmt: skip
    book.emit(OrderIntended(ts=book.now, account=book.account, order=verdict.order))


def _anew(
    book: Book, pending: Tranches, market: Market, price: float | None, claimed: float, rules: Rules
) -> tuple[Check, ...]:
    """All gates before the last, as if the decision were made now by an account without this symbol; and what is there with the
    rest of it, as it really is."""
    symbol, side = pending.symbol, pending.side
    idea = _idea(book, pending)
    levels, stop_check = levels_check(book, idea, market, price, side, rules)
    sized = sized_now(
        book, idea, market, price, side, levels, heat_now(book, but=symbol), book.values(but=symbol), rules, held=0.0,
    )  # fmt: skip
    heat, limit = heat_now(book), rules.tiers[book.booked.tier].max_portfolio_heat
    hot = not heat <= limit
    need = money(value_of(book, symbol, pending.left[0], price or pending.ref_price))
    return (
        *[check for check in state_checks(book, market, side, rules) if check.name != "already_held"],
        *market_checks(book, market, rules),
        stop_check,
        *sized.checks,
        Check("heat_with_the_rest", shown(heat), limit, not hot, Reason.HEAT if hot else None),
        claim_check(need, book.booked.cash, book.booked.reserve, money(claimed) if claimed else Money(Decimal(0))),
        *breaker.entry_checks(book.booked.trips.values(), book.now, symbol),
        *_moved(book, pending, market, price),
    )  # fmt: skip


def _idea(book: Book, pending: Tranches) -> Recommendation:
    """The recommendation behind it, as far as the book remembers it."""
    plan = book.booked.plans.get(pending.decision_id)
    return Recommendation(
        ts=book.now, id=plan.cause if plan is not None else "", symbol=pending.symbol, generated_at=pending.ts,
        action=Action.BUY if pending.side is Side.BUY else Action.SELL, confidence=pending.confidence,
        source=plan.source if plan is not None else "",
    )  # fmt: skip


def _moved(book: Book, pending: Tranches, market: Market, price: float | None) -> tuple[Check, ...]:
    """Is it still the market it was decided in? Not beyond the stop, nor half the way to it, up or down: the rest is neither chased
    nor added to what goes wrong."""
    if pending.stop is None or price is None:
        return (_stands("price_moved", price, None, False, "no price or no stop to measure by"),)
    stop, sign, reach = float(pending.stop), pending.side.sign, abs(pending.ref_price - float(pending.stop))
    level = book.booked.levels.get(pending.symbol)
    if level is not None:
        stop = max(stop, float(level.stop)) if sign > 0 else min(stop, float(level.stop))
    out = market.bid if sign > 0 else market.ask
    return (
        _stands("price_moved", abs(price - pending.ref_price), MOVED * reach, abs(price - pending.ref_price) <= MOVED * reach),
        _stands("beyond_stop", out, stop, (out - stop) * sign > 0),
    )  # fmt: skip
