"""Ways out of a position: closing orders, the protective stop at the venue, cancels.

Each closing order stands on its own journaled decision. Its quantity is the position less what already works to close it, so two
causes at once can never flip a position (G11). After a refusal or an unknown outcome a close is asked again only when nothing of
the last one can still fill. Source: R3, E4, I5.
"""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book, Wanted
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Working
from tradingd.core.facts import (
    CancelIntended,
    Check,
    Decided,
    Kind,
    OrderIntended,
    Outcome,
    Reason,
)  # fmt: skip
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.gate import Intent, Verdict, approve_exit, observes, reduces
from tradingd.core.gates.standing import exits_last_minute, heat_now, pools
from tradingd.core.plans.entry import call_off
from tradingd.core.rules import Rules
from tradingd.core.steps.pauses import too_soon, waits_for_session
from tradingd.core.types import (
    ZERO,
    DecisionId,
    Leg,
    Money,
    OrderType,
    Qty,
    Side,
    Symbol,
    Tif,
    TradingState,
)  # fmt: skip

PROTECTIVE = frozenset({"stop", "breaker", "no_price", "operator", "guardian"})
CENT = Decimal("0.01")
CLOSING = "closing: the venue does not clip"


def cancel(book: Book, working: Working, why: str) -> None:
    """Ask the venue to take an order back, once."""
    if not working.cancel_asked:
        book.emit(CancelIntended(ts=book.now, account=book.account, order_id=working.order.order_id, why=why))


def cancel_entries(book: Book, why: str, symbol: Symbol | None = None) -> None:
    """Take every working entry back, of one symbol or of all, and call off the parts that did not go yet."""
    for working in book.open_orders(symbol, Leg.ENTRY):
        cancel(book, working, why)
    call_off(book, why, symbol)


def unwanted(book: Book) -> None:
    """Ask again for what a venue refused to take back, or a link lost: entries under a hold, orders with nothing to reduce."""
    if book.state() is not TradingState.ACTIVE:
        cancel_entries(book, "not active")
    for working in book.open_orders():
        if working.order.reduce_only and not reduces(book.qty(working.order.symbol), working.order.side):
            cancel(book, working, "nothing to reduce")


def close(
    book: Book, symbol: Symbol, *, source: str, cause: str, rules: Rules, thesis: str = "", confidence: float | None = None,
    asked: bool = False, at_once: bool = False, qty: Qty | None = None,
) -> int:  # fmt: skip
    """Close what is left of a position at the market, or `qty` of it. The number of orders intended (0 or 1).

    qty: at most so much, floored to the lot and to what is left; nothing of it means nothing is decided. Whoever else wants the
    whole position closed meanwhile gets the rest of it. Not with `asked`.
    asked: somebody awaits a decision (a recommendation), so one is journaled whatever comes of it. Otherwise a close that is
    already working, or was refused less than a minute ago, is not decided again at each quote.
    at_once: an operator has just said so: what happened a moment ago does not matter.
    Where the venue does not clip closing orders to the position, its stop is taken back first, and the close follows when it is
    gone (`steps/protect.py`).
    """
    market = book.markets.get(symbol)
    if market is None:  # held, but not configured (any more): nothing is known of its grid
        return 0
    if not asked and not book.booked.link_up:  # what the venue did meanwhile is not known: first reconcile, then close
        return 0
    left = Qty(_agreed(book, symbol) - book.working_exits(symbol))
    part = None if qty is None else market.instrument.floor_qty(min(qty, left))
    if part is not None and not part:
        return 0
    waits = too_soon(book, symbol, source) or waits_for_session(book, market, source, rules)
    if not asked and (left <= 0 or (waits and not at_once)):
        return 0
    keep = Qty(ZERO if part is None else left - part)
    wanted = Wanted(source=source, cause=cause, thesis=thesis, confidence=confidence, asked=asked, qty=part, keep=keep)
    return _carry_out(book, market, left, wanted, rules)


def _carry_out(book: Book, market: Market, left: Qty, wanted: Wanted, rules: Rules) -> int:
    """Judge it, and send it or let it wait for the stop. The number of orders intended."""
    intent = _intent(book, market, left, wanted, rules)
    verdict = _judge(book, intent, market, rules)
    resting = None if rules.reduce_only else book.protection(intent.symbol)
    if verdict.order is not None and resting is not None:  # both could fill (ADR-0005)
        cancel_entries(book, "closing", intent.symbol)
        cancel(book, resting, CLOSING)
        waiting = book.closing.get(intent.symbol)
        if waiting is None or (waiting.qty is not None and wanted.qty is None):  # the whole takes the place of a part
            book.closing[intent.symbol] = wanted
            return 0
        if not wanted.asked:
            return 0
        verdict = _second(verdict, waiting)
    _decide(book, intent, verdict, wanted, market)
    if verdict.order is None:
        return 0
    cancel_entries(book, "closing", intent.symbol)  # what is being sold must not be bought on
    book.emit(OrderIntended(ts=book.now, account=book.account, order=verdict.order))
    return 1


def _intent(book: Book, market: Market, left: Qty, wanted: Wanted, rules: Rules) -> Intent:
    """At the market, for what is left or the part that is wanted, no more than one order may be."""
    instrument = market.instrument
    side = Side.SELL if book.qty(instrument.symbol) > 0 else Side.BUY
    whole = instrument.floor_qty(max(left, ZERO)) or max(left, ZERO)
    size = Qty(min(whole if wanted.qty is None else wanted.qty, instrument.floor_qty(rules.gate.max_order_qty)))
    seq = book.booked.decision_seq + 1
    return Intent(
        account=book.account, maker=book.maker, decision_id=DecisionId(f"d{seq}"), seq=seq, symbol=instrument.symbol, side=side,
        qty=size, leg=Leg.EXIT, type=OrderType.MARKET, tif=Tif.DAY,
        ref_price=market.bid if side is Side.SELL else market.ask, ref_ts=market.ts, protective=wanted.source in PROTECTIVE,
    )  # fmt: skip


def _second(verdict: Verdict, waiting: Wanted) -> Verdict:
    """Somebody else asked for the same close before, and it waits for the stop to be gone."""
    check = Check("close_waits", waiting.source, "none", False, Reason.NOTHING_TO_REDUCE)
    return Verdict(None, (*verdict.checks, check), (Reason.NOTHING_TO_REDUCE,))


def left_to_close(book: Book, symbol: Symbol) -> Qty:
    """What no closing order works on yet, >= 0; where the venue holds less than we do, of what it holds."""
    return Qty(max(ZERO, _agreed(book, symbol) - book.working_exits(symbol)))


def _agreed(book: Book, symbol: Symbol) -> Qty:
    """How much there is to close, >= 0: where the venue holds less than we do, no more than it holds (D24)."""
    position, drift = book.qty(symbol), book.booked.drift.get(symbol)
    if drift is None:
        return Qty(abs(position))
    return Qty(min(abs(position), abs(drift.venue)) if drift.venue * position > 0 else ZERO)


def _judge(book: Book, intent: Intent, market: Market, rules: Rules) -> Verdict:
    """The gate, and what no size can cure: a halt, a closed market, an account that only observes."""
    symbol, agreed = intent.symbol, _agreed(book, intent.symbol)
    gate = approve_exit(
        intent, market.instrument, float(book.rate(market.instrument)), Qty(agreed if book.qty(symbol) > 0 else -agreed),
        book.working_exits(symbol), exits_last_minute(book), rules.gate,
    )  # fmt: skip
    checks = (*gate.checks, *_state_checks(book, intent, market, rules))
    reasons = refusals(checks)
    return Verdict(gate.order if not reasons else None, checks, reasons)


def _state_checks(book: Book, intent: Intent, market: Market, rules: Rules) -> tuple[Check, ...]:
    table = rules.calendar(market.instrument)
    is_open = table is not None and table.at(book.now) is not None
    halted, up = book.halted() and not intent.protective, book.booked.link_up
    checks = (
        Check("session", "open" if is_open else "closed", "open", is_open, None if is_open else Reason.MARKET_CLOSED),
        Check("state", book.state().value, "not halted", not halted, Reason.HALTED if halted else None),
        Check("link", book.booked.link_why, "ready", up, None if up else Reason.LINK_NOT_READY),
        observes(rules.observe),
    )
    why = book.booked.untradable.get(intent.symbol)
    return checks if why is None else (*checks, Check("tradable", why, "yes", False, Reason.NOT_TRADABLE))


def _decide(book: Book, intent: Intent, verdict: Verdict, wanted: Wanted, market: Market) -> None:
    levels = book.booked.levels.get(intent.symbol)
    notional = float(intent.qty * book.rate(market.instrument)) * intent.ref_price
    book.emit(
        Decided(
            ts=book.now, account=book.account, decision_id=intent.decision_id, seq=intent.seq, kind=Kind.EXIT,
            symbol=intent.symbol, side=intent.side, outcome=Outcome.ACT if verdict.order else Outcome.SKIP, source=wanted.source,
            cause=wanted.cause, headline=verdict.reasons[0] if verdict.reasons else None, reasons=verdict.reasons,
            checks=verdict.checks, pools=pools(book), tier=book.booked.tier, heat=heat_now(book), breaker=book.breaker_word(),
            state=book.state(), confidence=wanted.confidence, thesis=wanted.thesis, qty=intent.qty, notional=money(notional),
            ref_price=intent.ref_price, stop=levels.stop if levels else None, target=levels.target if levels else None,
            atr=levels.atr if levels else None, orders=(verdict.order.order_id,) if verdict.order else (),
        )
    )  # fmt: skip


def money(x: float) -> Money:
    """An observed amount as money to the cent, for records; the ledger never uses it."""
    return Money(Decimal(repr(x)).quantize(CENT))
