"""The protective stop that rests at the venue: there, at the stop, as large as the position, and never more of them than one.

A venue that refuses to amend it three times in a row has it taken back and placed anew, and somebody is paged; meanwhile the price
is watched by the house itself. Source: R3, E4, I5, ADR-0005.
"""

from __future__ import annotations

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.fold.orders import KEEP_FINISHED_FOR
from tradingd.core.book.orders import AMENDS_MAX, Life, Working
from tradingd.core.facts import Alerted, OrderIntended, ReplaceIntended
from tradingd.core.gates.gate import Intent, approve_protection, order_id, reduces
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import CLOSING, cancel, close, left_to_close
from tradingd.core.steps.limits import SECOND
from tradingd.core.steps.pauses import AGAIN_NS, RETRY_NS
from tradingd.core.types import ZERO, DecisionId, Leg, OrderType, Price, Qty, Side, Symbol, Tif

STUCK = "amends refused"


def ensure_protection(book: Book, symbol: Symbol, rules: Rules) -> None:
    """Make the stop resting at the venue what the book says it should be: there, at the stop, as large as the position.

    Called after anything that moves a position or its stop; asks for one thing at a time and does nothing while an answer is
    still out.
    """
    position, levels = book.qty(symbol), book.booked.levels.get(symbol)
    if symbol in book.closing and _close_first(book, symbol, rules):
        return
    if _take_back(book, symbol, position) or not position or levels is None or not rules.protective or rules.observe:
        return
    resting = book.protection(symbol)
    if resting is None and symbol in book.markets:
        if (book.working_exits(symbol) and not rules.reduce_only) or _another_guards(book, symbol, position):
            return  # both could fill
        _place(book, symbol, position, levels.stop, rules)
        return
    if resting is None or resting.cancel_asked or resting.rev_asked > resting.rev:
        return
    if resting.amends_refused >= AMENDS_MAX:
        if not 0 <= book.now - resting.updated_ts < RETRY_NS:
            cancel(book, resting, STUCK)
        return
    if resting.qty != abs(position) + resting.cum_qty or resting.stop != levels.stop:
        if not rules.amend:
            cancel(book, resting, "moved: placed anew when it is gone")
            return
        book.emit(
            ReplaceIntended(
                ts=book.now, account=book.account, order_id=resting.order.order_id, rev=resting.next_rev(),
                qty=Qty(abs(position) + resting.cum_qty), stop=levels.stop,
            )
        )  # fmt: skip


def _another_guards(book: Book, symbol: Symbol, position: Qty) -> bool:
    """A second daemon's stops, resting at the venue, cover the position: two for one position could open one (H4, I13)."""
    if SECOND not in book.booked.holds:
        return False
    covered = ZERO
    for other in book.booked.foreign.values():
        if other.symbol == symbol and other.type is OrderType.STOP and reduces(position, other.side):
            covered += other.qty
    return covered >= abs(position)


def _close_first(book: Book, symbol: Symbol, rules: Rules) -> bool:
    """A close waits here. True while the stop it waits for may still fill."""
    wanted, resting = book.closing[symbol], book.protection(symbol)
    if resting is not None and book.qty(symbol) and not rules.reduce_only:
        cancel(book, resting, CLOSING)
        return True
    del book.closing[symbol]
    part = None if wanted.qty is None else Qty(min(wanted.qty, left_to_close(book, symbol) - wanted.keep))
    close(
        book, symbol, source=wanted.source, cause=wanted.cause, rules=rules, thesis=wanted.thesis,
        confidence=wanted.confidence, asked=wanted.asked, at_once=not wanted.tried, qty=part,
    )  # fmt: skip
    if wanted.insist and book.qty(symbol):
        book.closing[symbol] = msgspec.structs.replace(wanted, tried=wanted.tried or book.booked.link_up)
    return False


def amend_refused(book: Book, working: Working) -> None:
    """The venue refused an amend of a stop. The third time in a row it is taken back, and placed anew once it is gone."""
    if working.order.leg is Leg.PROTECT and working.amends_refused == AMENDS_MAX:
        text = f"{working.order.symbol}: {working.order.order_id} was not amended {AMENDS_MAX} times: {working.why}"
        book.emit(Alerted(ts=book.now, account=book.account, level="page", code="stop_stuck", text=text))
        cancel(book, working, STUCK)


def _take_back(book: Book, symbol: Symbol, position: Qty) -> bool:
    """Reducing orders that have nothing to reduce any more, stop and exits alike, would open a position: they are taken back.
    True when there were any."""
    found = False
    for working in book.open_orders(symbol):
        if working.order.reduce_only and not reduces(position, working.order.side):
            cancel(book, working, "position closed" if not position else "the position stands on the other side now")
            found = True
    return found


def _place(book: Book, symbol: Symbol, position: Qty, stop: Price, rules: Rules) -> None:
    market = book.markets[symbol]
    if not book.booked.link_up or _stop_refused(book, symbol):
        return
    levels = book.booked.levels[symbol]
    decision_id = levels.decision_id or DecisionId(f"d{book.booked.decision_seq}")
    seq = int(decision_id[1:])
    intent = Intent(
        account=book.account, maker=book.maker,
        decision_id=decision_id, seq=seq, symbol=symbol, side=Side.SELL if position > 0 else Side.BUY,
        qty=Qty(abs(position)), leg=Leg.PROTECT, type=OrderType.STOP, tif=Tif.GTC, stop=stop,
        ref_price=market.mid, ref_ts=market.ts, protective=True,
    )  # fmt: skip
    intent = _with_own_id(book, intent)
    verdict = approve_protection(intent, market.instrument, position)
    if verdict.order is None:
        reasons = ", ".join(verdict.reasons)
        book.emit(
            Alerted(
                ts=book.now,
                account=book.account,
                level="page",
                code="unprotected_position",
                text=f"{symbol}: {reasons}",
            )
        )
        return
    book.emit(OrderIntended(ts=book.now, account=book.account, order=verdict.order))


def _with_own_id(book: Book, intent: Intent) -> Intent:
    """An id names one order for ever. While the entry is remembered and young, so is every order of its decision, and the next free
    number will do; later only one that counts every order ever intended is known to be new."""
    plan = book.booked.plans.get(intent.decision_id)
    entry = book.order(plan.orders[0]) if plan is not None and plan.orders else None
    if entry is None or book.now - entry.opened_ts >= KEEP_FINISHED_FOR:
        return msgspec.structs.replace(intent, suffix=str(book.booked.counts.get("orders", 0) + 1))
    times = 1
    while order_id(intent) in book.booked.orders:
        times += 1
        intent = msgspec.structs.replace(intent, suffix=str(times))
    return intent


def _stop_refused(book: Book, symbol: Symbol) -> bool:
    """A protective stop of the symbol was refused a moment ago."""
    working = book.recent.stop_given_back(symbol)
    if working is None:
        return False
    return 0 <= book.now - working.updated_ts < (AGAIN_NS if working.life is Life.NEVER else RETRY_NS)
