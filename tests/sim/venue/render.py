"""The venue's records in the product's words: what an adapter's `parse` does. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.sim.venue.records import Execution, VenueOrder, Word
from tradingd.core.events import (
    CancelRejected,
    Event,
    FillSeen,
    ForeignOrder,
    InstrumentStatus,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    Quote,
    ReplaceRejected,
    Split,
)  # fmt: skip
from tradingd.core.types import AccountId, ExecId, Money, OrderId, Price, Qty, VenueOrderId
from tradingd.ports import OrderReport

Names = Callable[[str, str], OrderId]  # (client id, venue id) -> the id we know it by, "" when it is not ours


def price(x: Decimal | None) -> Price | None:
    return None if x is None else Price(x)


def fill(account: AccountId, done: Execution, name: Names, *, cursor: bool) -> FillSeen:
    return FillSeen(
        ts=done.ts, account=account, order_id=name(done.order_id, done.venue_id), exec_id=ExecId(done.exec_id), symbol=done.symbol,
        side=done.side, qty=Qty(done.qty), price=Price(done.price), fee=Money(done.fee), cursor=done.cursor if cursor else 0,
        venue_order_id=VenueOrderId(done.venue_id),
    )  # fmt: skip


def report(order: VenueOrder, name: Names) -> OrderReport:
    return OrderReport(
        order_id=name(order.client_id, order.venue_id), venue_order_id=VenueOrderId(order.venue_id), symbol=order.symbol,
        side=order.side, type=order.type, qty=Qty(order.qty), cum_qty=Qty(order.cum), status=order.status, limit=price(order.limit),
        stop=price(order.stop), rev=order.rev, code=order.code, text=order.text,
    )  # fmt: skip


def event(account: AccountId, word: Word, name: Names, *, cursor: bool) -> Event | None:
    """None: a word of the connection itself, or of an order that has no name here."""
    what = word.what
    if word.kind == "fill":
        return fill(account, what["execution"], name, cursor=cursor)
    if word.kind == "split":
        return Split(ts=word.ts, **what)
    if word.kind == "status":
        return InstrumentStatus(ts=word.ts, **what)
    order_id = name(word.order_id, word.venue_id)
    if word.kind == "foreign" or (word.order_id and not order_id):
        return _foreign(account, word)
    return _of_order(account, word, order_id)


def _foreign(account: AccountId, word: Word) -> Event | None:
    order: VenueOrder | None = word.what.get("order")
    if order is None:
        return None
    return ForeignOrder(
        ts=word.ts, account=account, venue_order_id=VenueOrderId(order.venue_id), symbol=order.symbol, side=order.side,
        qty=Qty(order.qty), type=order.type, open=word.what["open"],
    )  # fmt: skip


def _of_order(account: AccountId, word: Word, order_id: OrderId) -> Event | None:
    what = word.what
    match word.kind:
        case "accepted":
            return OrderAccepted(
                ts=word.ts, account=account, order_id=order_id, venue_order_id=VenueOrderId(word.venue_id)
            )
        case "cancelled":
            return OrderCancelled(
                ts=word.ts, account=account, order_id=order_id, reason=what["reason"], cum_qty=Qty(what["cum"])
            )
        case "expired":
            return OrderExpired(ts=word.ts, account=account, order_id=order_id, cum_qty=Qty(what["cum"]))
        case "replaced":
            return OrderReplaced(
                ts=word.ts, account=account, order_id=order_id, rev=what["rev"], qty=Qty(what["qty"]), limit=price(what["limit"]),
                stop=price(what["stop"]),
            )  # fmt: skip
        case "submit_refused":
            return OrderRejected(ts=word.ts, account=account, order_id=order_id, **what)
        case "submit_unknown":
            return OrderUnknown(ts=word.ts, account=account, order_id=order_id, why=f"{what['code']}: {what['text']}")
        case "cancel_refused":
            return CancelRejected(ts=word.ts, account=account, order_id=order_id, **what)
        case "replace_refused":
            return ReplaceRejected(ts=word.ts, account=account, order_id=order_id, **what)
        case _:
            return None


def own_copy(quote: Quote, recv_ts: int) -> Quote:
    """A host may overwrite a quote it has (conflation); the one of another host stays."""
    return Quote(
        quote.symbol, quote.bid, quote.ask, quote.ts, bid_size=quote.bid_size, ask_size=quote.ask_size, seq=quote.seq,
        recv_ts=recv_ts, source=quote.source,
    )  # fmt: skip
