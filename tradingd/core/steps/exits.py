"""Ways out of a position: closing orders, the protective stop at the venue, cancels.

Each closing order stands on its own journaled decision. Its quantity is the position less what already works to close it, so two
causes at once can never flip a position (G11). After a refusal or an unknown outcome a close is asked again only when nothing of
the last one can still fill. Source: R3, E4, I5.
"""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book, Wanted
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Life, Working
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
from tradingd.core.types import (
    NS,
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
RETRY_NS = 60 * NS  # after a refused close or stop, ask again no sooner
FIRST_RETRY_NS = 5 * NS  # after the first refusal of a close
AGAIN_NS = 2 * NS  # after a close that never left
REFUSED = frozenset({Life.REJECTED, Life.NEVER})


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
    position, market = book.qty(symbol), book.markets.get(symbol)
    if market is None:  # held, but not configured (any more): nothing is known of its grid
        return 0
    if not asked and not book.booked.link_up:  # what the venue did meanwhile is not known: first reconcile, then close
        return 0
    agreed = _agreed(book, symbol, position)
    left = Qty(agreed - book.working_exits(symbol))
    part = None if qty is None else market.instrument.floor_qty(min(qty, left))
    if part is not None and not part:
        return 0
    waits = _too_soon(book, symbol, source) or _waits_for_session(book, market, source, rules)
    if not asked and (left <= 0 or (waits and not at_once)):
        return 0
    side = Side.SELL if position > 0 else Side.BUY
    whole = market.instrument.floor_qty(max(left, ZERO)) or max(left, ZERO)
    size = Qty(min(whole if part is None else part, market.instrument.floor_qty(rules.gate.max_order_qty)))
    seq = book.booked.decision_seq + 1
    protective = source in PROTECTIVE
    intent = Intent(
        account=book.account, maker=book.maker,
        decision_id=DecisionId(f"d{seq}"), seq=seq, symbol=symbol, side=side, qty=size, leg=Leg.EXIT,
        type=OrderType.MARKET, tif=Tif.DAY, ref_price=market.bid if side is Side.SELL else market.ask, ref_ts=market.ts,
        protective=protective,
    )  # fmt: skip
    gate = approve_exit(
        intent, market.instrument, float(book.rate(market.instrument)), Qty(agreed if position > 0 else -agreed),
        book.working_exits(symbol), exits_last_minute(book), rules.gate,
    )  # fmt: skip
    verdict = _with_state(book, gate, symbol, market, rules, protective=protective)
    resting = book.protection(symbol)
    if verdict.order is not None and resting is not None and not rules.reduce_only:  # both could fill (ADR-0005)
        cancel_entries(book, "closing", symbol)
        cancel(book, resting, CLOSING)
        waiting = book.closing.get(symbol)
        if waiting is None or (waiting.qty is not None and part is None):  # the whole takes the place of a part
            book.closing[symbol] = Wanted(
                source=source, cause=cause, thesis=thesis, confidence=confidence, asked=asked, qty=part,
                keep=Qty(ZERO if part is None else left - part),
            )  # fmt: skip
            return 0
        if not asked:
            return 0
        verdict = _second(verdict, waiting)
    _decide(book, intent, verdict, source, cause, market, thesis, confidence)
    if verdict.order is None:
        return 0
    cancel_entries(book, "closing", symbol)  # what is being sold must not be bought on
    book.emit(OrderIntended(ts=book.now, account=book.account, order=verdict.order))
    return 1


def _second(verdict: Verdict, waiting: Wanted) -> Verdict:
    """Somebody else asked for the same close before, and it waits for the stop to be gone."""
    check = Check("close_waits", waiting.source, "none", False, Reason.NOTHING_TO_REDUCE)
    return Verdict(None, (*verdict.checks, check), (Reason.NOTHING_TO_REDUCE,))


def left_to_close(book: Book, symbol: Symbol) -> Qty:
    """What no closing order works on yet, >= 0; where the venue holds less than we do, of what it holds."""
    return Qty(max(ZERO, _agreed(book, symbol, book.qty(symbol)) - book.working_exits(symbol)))


def _agreed(book: Book, symbol: Symbol, position: Qty) -> Qty:
    """How much there is to close: where the venue holds less than we do, no more than it holds (D24)."""
    drift = book.booked.drift.get(symbol)
    if drift is None:
        return Qty(abs(position))
    return Qty(min(abs(position), abs(drift.venue)) if drift.venue * position > 0 else ZERO)


def _too_soon(book: Book, symbol: Symbol, source: str) -> bool:
    """A close by the same cause was refused a moment ago, or one was sent and did not work: no loop (F7, G4)."""
    if (
        0 <= book.now - book.booked.exits_refused.get(f"{symbol}:{source}", -RETRY_NS) < RETRY_NS
    ):  # not one of a wrong future
        return True
    if book.open_orders(symbol, Leg.EXIT):
        return False
    position = book.booked.positions.get(symbol)
    since = max(book.now - RETRY_NS, position.opened_ts - 1 if position is not None else 0)  # of this position
    for working in reversed(book.booked.orders.values()):
        if working.opened_ts <= since:
            return False
        if working.order.leg is Leg.EXIT and working.order.symbol == symbol and working.opened_ts <= book.now:
            pause = _pause_after(working.life, book.booked.exits_rejected.get(symbol, 0))
            return 0 <= book.now - working.updated_ts < pause
    return False


def _pause_after(life: Life, rejects: int) -> int:
    """ns to wait after a close that ended so. What was filled was a slice; what never left may go as soon as the link is back; what
    the venue refused is asked again after 5, 15, 45 s, then each minute."""
    if life is Life.FILLED:
        return 0
    if life is Life.NEVER:
        return AGAIN_NS
    return min(RETRY_NS, int(FIRST_RETRY_NS * 3 ** max(0, rejects - 1)))


def _waits_for_session(book: Book, market: Market, source: str, rules: Rules) -> bool:
    """It was refused in this very pause between sessions: the next word is due when the market opens, not each minute."""
    table = rules.calendar(market.instrument)
    refused = book.booked.exits_refused.get(f"{market.instrument.symbol}:{source}")
    if table is None or refused is None or table.at(book.now) is not None:
        return False
    before = table.previous_before(book.now)
    return before is None or refused > before.close_ns


def _with_state(
    book: Book, gate: Verdict, symbol: Symbol, market: Market, rules: Rules, *, protective: bool
) -> Verdict:
    """Add what no size can cure: a halt, a closed market, an account that only observes."""
    table = rules.calendar(market.instrument)
    session = table.at(book.now) if table is not None else None
    state = book.state()
    halted = book.halted() and not protective
    extra = [
        Check(
            "session",
            "open" if session else "closed",
            "open",
            session is not None,
            None if session else Reason.MARKET_CLOSED,
        ),
        Check("state", state.value, "not halted", not halted, Reason.HALTED if halted else None),
    ]
    up = book.booked.link_up
    extra.append(Check("link", book.booked.link_why, "ready", up, None if up else Reason.LINK_NOT_READY))
    extra.append(observes(rules.observe))
    if symbol in book.booked.untradable:
        extra.append(Check("tradable", book.booked.untradable[symbol], "yes", False, Reason.NOT_TRADABLE))
    checks = (*gate.checks, *extra)
    reasons = refusals(checks)
    return Verdict(gate.order if not reasons else None, checks, reasons)


def _decide(
    book: Book,
    intent: Intent,
    verdict: Verdict,
    source: str,
    cause: str,
    market: Market,
    thesis: str,
    confidence: float | None,
) -> None:
    levels = book.booked.levels.get(intent.symbol)
    notional = float(intent.qty * book.rate(market.instrument)) * intent.ref_price
    book.emit(
        Decided(
            ts=book.now, account=book.account, decision_id=intent.decision_id, seq=intent.seq, kind=Kind.EXIT,
            symbol=intent.symbol, side=intent.side, outcome=Outcome.ACT if verdict.order else Outcome.SKIP, source=source,
            cause=cause, headline=verdict.reasons[0] if verdict.reasons else None, reasons=verdict.reasons,
            checks=verdict.checks, pools=pools(book), tier=book.booked.tier, heat=heat_now(book), breaker=book.breaker_word(),
            state=book.state(), confidence=confidence, thesis=thesis, qty=intent.qty, notional=money(notional),
            ref_price=intent.ref_price, stop=levels.stop if levels else None, target=levels.target if levels else None,
            atr=levels.atr if levels else None, orders=(verdict.order.order_id,) if verdict.order else (),
        )
    )  # fmt: skip


def money(x: float) -> Money:
    """An observed amount as money to the cent, for records; the ledger never uses it."""
    return Money(Decimal(repr(x)).quantize(CENT))
