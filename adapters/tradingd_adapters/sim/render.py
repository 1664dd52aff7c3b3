"""The venue's side of the wire: what the exchange says -> frames, and a New frame -> the order the exchange is given."""

from __future__ import annotations

from typing import Any

from tradingd.core.events import (
    Bar,
    CancelRejected,
    Dividend,
    Event,
    FillSeen,
    Financed,
    ForeignOrder,
    InstrumentStatus,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    Quote,
    ReplaceRejected,
    Split,
)  # fmt: skip
from tradingd.core.types import (
    AccountId,
    DecisionId,
    Instrument,
    Leg,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
)
from tradingd.ports import AccountReport, OrderReport, PositionsReport
from tradingd_adapters.sim import wire


def order(account: AccountId, f: wire.New) -> Order:
    """The order in a New frame. ValueError for an unknown side, kind or tif."""
    return Order(
        account=account, order_id=OrderId(f.client_id), decision_id=DecisionId(""), symbol=Symbol(f.symbol), side=Side(f.side),
        qty=Qty(f.qty), type=OrderType(f.kind), tif=Tif(f.tif), leg=Leg.ENTRY, limit=price(f.limit), stop=price(f.stop),
        trail=price(f.trail), reduce_only=f.reduce_only,
    )  # fmt: skip


def price(x: Any) -> Price | None:
    """A price field that may be absent."""
    return None if x is None else Price(x)


def frame(e: Event) -> wire.Frame:
    """The frame that says an event. TypeError for an event a venue never says."""
    match e:
        case Quote():
            return wire.Tick(
                ts=e.ts, symbol=e.symbol, bid=e.bid, ask=e.ask, bid_size=e.bid_size, ask_size=e.ask_size, seq=e.seq
            )
        case Bar():
            return candle(e)
        case FillSeen():
            return trade(e)
        case ForeignOrder():
            return wire.Elsewhere(
                ts=e.ts, account=e.account, venue_id=e.venue_order_id, symbol=e.symbol, side=e.side, kind=e.type, qty=e.qty,
                open=e.open,
            )  # fmt: skip
        case Split():
            return wire.Corporate(ts=e.ts, kind="split", id=e.action_id, symbol=e.symbol, ratio=e.ratio)
        case Dividend():
            return wire.Corporate(
                ts=e.ts, kind="dividend", id=e.action_id, symbol=e.symbol, account=e.account, amount=e.amount
            )
        case Financed():
            return wire.Corporate(ts=e.ts, kind=e.kind, id=e.action_id, symbol="", account=e.account, amount=e.amount)
        case InstrumentStatus():
            return wire.Status(ts=e.ts, symbol=e.symbol, tradable=e.tradable, text=e.why)
        case _:
            return _update(e)


def _update(e: Event) -> wire.Update:
    words: dict[str, Any]
    match e:
        case OrderAccepted():
            words = {"what": "accepted", "venue_id": e.venue_order_id}
        case OrderRejected():
            words = {"what": "rejected", "code": e.code, "text": e.text}
        case OrderCancelled():
            words = {"what": "cancelled", "text": e.reason, "cum": e.cum_qty}
        case OrderExpired():
            words = {"what": "expired", "cum": e.cum_qty}
        case CancelRejected():
            words = {"what": "cancel_rejected", "code": e.code, "text": e.text}
        case ReplaceRejected():
            words = {"what": "replace_rejected", "rev": e.rev, "code": e.code, "text": e.text}
        case OrderReplaced():
            words = {"what": "replaced", "rev": e.rev, "qty": e.qty, "limit": e.limit, "stop": e.stop}
        case _:
            raise TypeError(f"a venue does not say {type(e).__name__}")
    return wire.Update(ts=e.ts, account=e.account, client_id=e.order_id, **words)


def candle(e: Bar) -> wire.Candle:
    """A bar."""
    return wire.Candle(
        ts=e.ts, symbol=e.symbol, span_s=e.span_s, open=e.open, high=e.high, low=e.low, close=e.close, volume=e.volume,
        history=e.history,
    )  # fmt: skip


def trade(e: FillSeen) -> wire.Trade:
    """An execution."""
    return wire.Trade(
        ts=e.ts, account=e.account, client_id=e.order_id, venue_id=e.venue_order_id, exec_id=e.exec_id, symbol=e.symbol,
        side=e.side, qty=e.qty, price=e.price, fee=e.fee, cursor=e.cursor,
    )  # fmt: skip


def order_body(r: OrderReport) -> wire.OrderBody:
    """One order, in an answer."""
    return wire.OrderBody(
        client_id=r.order_id, venue_id=r.venue_order_id, symbol=r.symbol, side=r.side, kind=r.type, qty=r.qty, cum=r.cum_qty,
        status=r.status, limit=r.limit, stop=r.stop, rev=r.rev, code=r.code, text=r.text,
    )  # fmt: skip


def positions_body(r: PositionsReport) -> wire.PositionsBody:
    """All positions, in an answer."""
    return wire.PositionsBody(ts=r.ts, cursor=r.cursor, positions=dict(r.positions.items()))


def account_body(r: AccountReport) -> wire.AccountBody:
    """Balances, in an answer."""
    return wire.AccountBody(account=r.account, currency=r.currency, cash=r.cash, equity=r.equity, blocked=r.blocked)


def instrument_body(i: Instrument) -> wire.InstrumentBody:
    """One instrument, in an answer."""
    return wire.InstrumentBody(
        symbol=i.symbol, tick=i.tick, lot=i.lot, multiplier=i.multiplier, currency=i.currency, sector=i.sector,
        calendar=i.calendar, tradable=i.tradable, shortable=i.shortable,
    )  # fmt: skip
