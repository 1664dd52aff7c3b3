"""What venues say about our orders: answers, fills, refusals. Fills are booked once and always; the rest follows the table.

What should not happen (a step the table does not know, more filled than ordered, another side) is recorded and alerted, never
silently fixed; a real execution is booked whatever else is wrong with it, and new risk stops (A17). Source: O3, O4, I4.
"""

from __future__ import annotations

import re
from decimal import Decimal

from tradingd.core.book.book import Book, Wanted
from tradingd.core.book.ledger import EXACT, Position, post_fill
from tradingd.core.book.orders import FINAL, OPEN, Life, What, Working
from tradingd.core.events import (
    CancelRejected,
    FillSeen,
    ForeignOrder,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderNever,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    ReplaceRejected,
)  # fmt: skip
from tradingd.core.facts import (
    Alerted,
    AmendRefused,
    CancelIntended,
    CancelRefused,
    Filled,
    FillSkipped,
    ForeignSeen,
    OrderAmended,
    OrderMoved,
    ReserveKind,
    ReserveMoved,
)  # fmt: skip
from tradingd.core.gates.reserve import siphon
from tradingd.core.rules import Rules
from tradingd.core.steps import tranches
from tradingd.core.steps.agenda import tell_large_trade
from tradingd.core.steps.levels import after_fill, redraw
from tradingd.core.steps.limits import SECOND, anomaly, draw_loss_line, second_daemon, stop_new_risk, watch_stop_outs
from tradingd.core.steps.operator import push_flatten
from tradingd.core.steps.protect import amend_refused, ensure_protection
from tradingd.core.types import ZERO, Instrument, Leg, Money, OrderId, Price, Qty, Symbol, VenueOrderId

OUR_ID = re.compile(r"(-[0-9a-f]{6})?\.\d+\.[a-z]\d*")

_WHAT = {
    OrderAccepted: What.ACCEPT, OrderRejected: What.REJECT, OrderUnknown: What.LOSE, OrderNever: What.NEVER,
    OrderCancelled: What.CANCEL, OrderExpired: What.EXPIRE,
}  # fmt: skip


def on_order_event(book: Book, event: OrderEvent, rules: Rules) -> None:
    """An answer that moves the order's life: accepted, rejected, unknown, never, cancelled, expired."""
    working = book.order(event.order_id)
    if working is None:
        anomaly(book, "unknown_order", event.order_id, type(event).__name__)
        _not_intended(book, event.order_id)
        return
    cum = getattr(event, "cum_qty", None)
    if cum is not None and cum < working.cum_qty:
        anomaly(book, "cum_qty_mismatch", event.order_id, f"venue says {cum}, booked {working.cum_qty}")
    what = _WHAT[type(event)]
    before = working.life
    if not move(book, working, what, _why(event), getattr(event, "venue_order_id", None), cum):
        complete(book, working)
        if what is What.ACCEPT and working.life in (
            Life.NEVER,
            Life.REJECTED,
        ):  # nobody waits for it any more, and it may fill
            book.emit(
                CancelIntended(ts=book.now, account=book.account, order_id=event.order_id, why="accepted after its end")
            )
        return
    asked = working.cancel_asked and isinstance(event, OrderCancelled)
    ended = isinstance(event, OrderCancelled | OrderExpired) and working.order.leg is Leg.PROTECT and not asked
    silent = working.life is before or working.order.leg is Leg.ENTRY
    if (
        (ended or isinstance(event, OrderRejected | OrderNever | OrderUnknown))
        and not silent
        and book.qty(working.order.symbol)
    ):
        book.emit(
            Alerted(
                ts=book.now, account=book.account, level="page" if working.order.leg is Leg.PROTECT else "tell",
                code="exit_not_placed", text=f"{event.order_id}: {type(event).__name__} {_why(event)}",
            )
        )  # fmt: skip
    settle(book, working.order.symbol, rules)
    tranches.go_on(book, rules, working.order.symbol)


def _why(event: OrderEvent) -> str:
    match event:
        case OrderRejected():
            return f"{event.code} {event.text}".strip()
        case OrderUnknown():
            return event.why
        case OrderNever():
            return event.proof
        case OrderCancelled():
            return event.reason
        case _:
            return ""


def move(
    book: Book,
    working: Working,
    what: What,
    why: str,
    venue_order_id: VenueOrderId | None = None,
    cum_qty: Qty | None = None,
) -> bool:
    """One step of the table, or an anomaly with the state kept (O3). False when nothing is new: messages come twice and late."""
    to = working.step(what)
    if to is None:
        anomaly(
            book, "impossible_transition", working.order.order_id, f"{what.value} while {working.life.value}: {why}"
        )
        return False
    if to is working.life and venue_order_id in (None, working.venue_order_id):
        return False
    book.emit(
        OrderMoved(
            ts=book.now, account=book.account, order_id=working.order.order_id, frm=working.life.value, to=to.value, why=why,
            venue_order_id=venue_order_id, cum_qty=cum_qty,
        )
    )  # fmt: skip
    return True


def complete(book: Book, working: Working) -> None:
    """An order whose last fill came before the answer to an amend, or whose last step a crash cut off, is filled."""
    if working.life in OPEN and working.cum_qty > 0 and working.fill_word() is What.FILL_ALL:
        move(book, working, What.FILL_ALL, "nothing of it is left")


def settle(book: Book, symbol: Symbol, rules: Rules) -> None:
    """After anything that moved an order or a position of the symbol: protection at the venue, and the lines to watch."""
    ensure_protection(book, symbol, rules)
    redraw(book, symbol, rules)


# fills ----------------------------------------------------------------------------------------------------------------


def on_fill(book: Book, fill: FillSeen, rules: Rules) -> None:
    """One execution: booked once by its id and by the account's fill number, whatever else is wrong with it (I4)."""
    working = book.order(fill.order_id) if fill.order_id else None
    if fill.cursor > 0 and (fill.cursor <= book.booked.fill_cursor or fill.cursor in book.booked.fills_ahead):
        return
    if working is None and fill.cursor == 0 and fill.exec_id in book.booked.strangers:
        return
    ours = working is not None or bool(book.qty(fill.symbol))
    instrument = _instrument(book, fill, rules, ours=ours)
    if instrument is None:
        if fill.cursor > 0:
            _skip(book, fill)
        return
    if not _judged(book, working, fill):
        if fill.cursor > 0:
            _skip(book, fill)
        return
    closes = _book_fill(book, working, fill, instrument, rules)
    if working is not None:
        move(book, working, working.fill_word(), "")
    after_fill(book, fill.symbol, working, rules)
    settle(book, fill.symbol, rules)
    watch_stop_outs(book, rules)
    if closes:
        tell_large_trade(book, working, fill, rules)
    tranches.go_on(book, rules, fill.symbol)
    if book.booked.flatten:
        push_flatten(book, rules)


def _skip(book: Book, fill: FillSeen) -> None:
    """The venue counted it and we do not book it: the next ones must not wait for its number."""
    why = "not booked: see the anomaly before"
    book.emit(FillSkipped(ts=book.now, account=book.account, exec_id=fill.exec_id, cursor=fill.cursor, why=why))


def _instrument(book: Book, fill: FillSeen, rules: Rules, *, ours: bool) -> Instrument | None:
    """Of the execution's symbol. Is it ours and not listed (any more), what the position knows of it stands in: the fills after it
    must not wait for ever. None: a stranger's, in a symbol that nothing is known of."""
    market = book.markets.get(fill.symbol)
    if market is not None:
        return market.instrument
    listed = rules.instruments.get(fill.symbol)
    if listed is not None:
        return book.watch(listed, band=rules.quotes.band, atr_bars=rules.quotes.atr_bars).instrument
    anomaly(book, "fill_of_unknown_symbol", fill.exec_id, f"{fill.side} {fill.qty} {fill.symbol} at {fill.price}")
    stop_new_risk(book, "unknown_symbol", f"an execution in {fill.symbol}, which is not listed")
    if not ours:
        return None
    return Instrument(symbol=fill.symbol, multiplier=book.unit(fill.symbol), currency=book.booked.currency)


def _judged(book: Book, working: Working | None, fill: FillSeen) -> bool:
    """Is it booked? What is real but wrong is booked and told, and no new risk leaves until somebody looked (A17, D9, D21)."""
    if not (fill.qty.is_finite() and fill.price.is_finite() and fill.qty > 0):
        anomaly(book, "fill_mismatch", fill.exec_id, f"quantity {fill.qty} at {fill.price} is no execution")
        return False
    if working is None:
        anomaly(
            book, "foreign_fill", fill.exec_id, f"{fill.side} {fill.qty} {fill.symbol} at {fill.price}, not our order"
        )
        _not_intended(book, fill.order_id)
        return True
    judged = working.judge(fill)
    if judged.kind:
        anomaly(book, judged.kind, fill.exec_id, judged.detail)
        stop_new_risk(book, judged.kind, f"order {fill.order_id}: {judged.detail}")
    return judged.book


def _book_fill(book: Book, working: Working | None, fill: FillSeen, instrument: Instrument, rules: Rules) -> bool:
    """Did it close anything?"""
    before = book.booked.positions.get(fill.symbol)
    rate = _fx(book, instrument.currency) if fill.symbol in book.markets else _rate_paid(before)
    posting = post_fill(
        before, fill.symbol, fill.side, fill.qty, fill.price, fill.fee, multiplier=instrument.multiplier,
        rate=rate, ts=fill.ts,
    )  # fmt: skip
    table = rules.calendar(instrument)
    opened = table.local_date(before.opened_ts) if table and before is not None and before.qty else ""
    closing = posting.closed > 0
    book.emit(
        Filled(
            ts=fill.ts, account=book.account, order_id=working.order.order_id if working else OrderId(""), exec_id=fill.exec_id,
            symbol=fill.symbol, side=fill.side, qty=fill.qty, price=fill.price, fee=fill.fee, realised=posting.realised,
            cursor=fill.cursor, day_trade=bool(closing and table and opened == table.local_date(fill.ts)),
            multiplier=Qty(instrument.multiplier), rate=rate,
        )
    )  # fmt: skip
    book.remark()
    if working is not None and working.order.reduce_only and posting.opened > 0:
        anomaly(book, "exit_opened", fill.exec_id, f"{working.order.order_id} closed more than was held")
        stop_new_risk(book, "exit_opened", f"order {working.order.order_id} opened {posting.opened} {fill.symbol}")
        book.closing[fill.symbol] = Wanted(
            source="guardian", cause=f"exit_opened:{fill.exec_id}", thesis="an exit opened this position", insist=True
        )
    share = siphon(posting.realised, rules.reserve) if closing else Money(ZERO)
    if share > 0:
        book.emit(
            ReserveMoved(
                ts=fill.ts, account=book.account, kind=ReserveKind.PROFIT_SIPHON, amount=share,
                balance=Money(book.booked.reserve + share), reference=fill.exec_id,
            )
        )  # fmt: skip
        draw_loss_line(book, rules)
    return closing


def _fx(book: Book, currency: str) -> Price:
    """Account currency for one unit of `currency`."""
    one = Decimal(1)
    return Price(one if currency == book.booked.currency else book.booked.rates.get(currency, one))


def _rate_paid(position: Position | None) -> Price:
    """The rate a position was bought at: of a symbol that is not listed any more not even the currency is known."""
    if position is None or not position.qty or not position.cost:
        return Price(Decimal(1))
    rate = EXACT.divide(position.basis, EXACT.multiply(position.cost, position.multiplier))
    return Price(round(rate, 12).normalize())


# the rest ---------------------------------------------------------------------------------------------------------------


def on_replaced(book: Book, event: OrderReplaced, rules: Rules) -> None:
    working = book.order(event.order_id)
    if working is None:
        anomaly(book, "unknown_order", event.order_id, "replaced")
        return
    if event.rev <= working.rev:
        return
    book.emit(
        OrderAmended(
            ts=book.now, account=book.account, order_id=event.order_id, rev=event.rev, qty=event.qty, limit=event.limit,
            stop=event.stop,
        )
    )  # fmt: skip
    if working.life in (Life.INTENDED, Life.UNKNOWN):
        move(book, working, What.ACCEPT, "an amend of it took effect")
    complete(book, working)
    settle(book, working.order.symbol, rules)


def on_replace_rejected(book: Book, event: ReplaceRejected, rules: Rules) -> None:
    working = book.order(event.order_id)
    if working is None or event.rev <= working.rev or working.rev_asked <= working.rev:
        return
    book.emit(
        AmendRefused(
            ts=book.now, account=book.account, order_id=event.order_id, rev=event.rev, code=event.code, text=event.text
        )
    )
    complete(book, working)
    if working.life in OPEN:
        amend_refused(book, working)


def on_cancel_rejected(book: Book, event: CancelRejected, rules: Rules) -> None:
    """Too late to cancel is normal: the fill that made it so comes, or the next reconcile fetches it (A14)."""
    working = book.order(event.order_id)
    if working is not None and working.life not in FINAL:
        book.emit(
            CancelRefused(ts=book.now, account=book.account, order_id=event.order_id, code=event.code, text=event.text)
        )


def on_foreign(book: Book, event: ForeignOrder, rules: Rules) -> None:
    book.emit(
        ForeignSeen(
            ts=book.now, account=book.account, venue_order_id=event.venue_order_id, symbol=event.symbol, side=event.side,
            qty=event.qty, type=event.type, open=event.open,
        )
    )  # fmt: skip
    if not event.open:  # what it guarded is ours to guard
        settle(book, event.symbol, rules)
        return
    book.emit(
        Alerted(
            ts=book.now, account=book.account, level="page", code="foreign_order",
            text=f"order {event.venue_order_id} on the account is not ours: {event.side} {event.qty} {event.symbol}",
        )
    )  # fmt: skip
    _not_intended(book, event.order_id)


def _not_intended(book: Book, order_id: OrderId) -> None:
    """An id of our own making that we never intended: another daemon makes them for this account (H4)."""
    ours = order_id.startswith(book.account) and OUR_ID.fullmatch(order_id[len(book.account) :])
    if ours and SECOND not in book.booked.holds:
        second_daemon(book, f"order {order_id} was never intended here")
