"""Wire bytes of the simulated venue -> events and reports; pure, and the only place where its text becomes booked numbers.

Anything that is not exactly what `wire` describes is a `Malformed` frame: unknown type or word, missing field, a key given twice,
a number that is not finite, absurd, off the grid or not positive (F3, F5, D18).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec

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
    ExecId,
    Instrument,
    Money,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip
from tradingd.ports import AccountReport, OrderReport, PositionsReport
from tradingd_adapters.sim import wire

B = TypeVar("B")
MONEY_MAX = Decimal(10) ** 15
OBSERVED_MAX = 1e9
STATES = ("working", "filled", "cancelled", "expired", "rejected")


class Malformed(ValueError):
    """The venue sent a frame that is not in its own format; it is kept aside and the session is opened anew."""


def frame(data: bytes) -> wire.ToClient:
    """One frame of the venue. Malformed: see the module."""
    try:
        out: wire.ToClient = wire.to_client.decode(data)
        if not isinstance(out, wire.Tick):
            json.loads(data, object_pairs_hook=_once)
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        raise Malformed(f"{e} in {data[:200]!r}") from e
    return out


def _once(pairs: Sequence[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is given twice")


def event(f: wire.ToClient) -> Event | None:
    """What the frame says, None when it is no event (Beat, Answer ...)."""
    try:
        match f:
            case wire.Tick():
                return _quote(f)
            case wire.Candle():
                return bar(f)
            case wire.Update():
                return _update(f)
            case wire.Trade():
                return fill(f)
            case wire.Elsewhere():
                return ForeignOrder(
                    ts=_ts(f.ts), account=AccountId(f.account), venue_order_id=VenueOrderId(f.venue_id), symbol=Symbol(f.symbol),
                    side=Side(f.side), qty=_qty(f.qty), type=OrderType(f.kind), open=f.open,
                )  # fmt: skip
            case wire.Corporate():
                return _corporate(f)
            case wire.Status():
                return InstrumentStatus(ts=_ts(f.ts), symbol=Symbol(f.symbol), tradable=f.tradable, why=f.text)
            case _:
                return None
    except Malformed:
        raise
    except ValueError as e:
        raise Malformed(f"{e} in {f!r}") from e


def _quote(f: wire.Tick) -> Quote:
    # A crossed quote is passed on: the feed quarantines and counts it (B7).
    return Quote(
        Symbol(f.symbol), _observed(f.bid), _observed(f.ask), _ts(f.ts), seq=f.seq, source="sim",
        bid_size=_observed(f.bid_size, zero=True), ask_size=_observed(f.ask_size, zero=True),
    )  # fmt: skip


def bar(f: wire.Candle) -> Bar:
    """A bar; its prices must not contradict each other."""
    o, h, lo, c = (_observed(x) for x in (f.open, f.high, f.low, f.close))
    if not (lo <= min(o, c) and max(o, c) <= h and f.span_s > 0 and math.isfinite(f.volume) and f.volume >= 0):
        raise Malformed(f"impossible bar {f!r}")
    return Bar(
        ts=_ts(f.ts), symbol=Symbol(f.symbol), span_s=f.span_s, open=o, high=h, low=lo, close=c, volume=f.volume,
        history=f.history,
    )  # fmt: skip


def fill(f: wire.Trade) -> FillSeen:
    """An execution."""
    if not f.exec_id or f.cursor < 1:
        raise Malformed(f"an execution without identity {f!r}")
    return FillSeen(
        ts=_ts(f.ts), account=AccountId(f.account), order_id=OrderId(f.client_id), exec_id=ExecId(f.exec_id),
        symbol=Symbol(f.symbol), side=Side(f.side), qty=_qty(f.qty), price=_price(f.price), fee=_money(f.fee),
        cursor=f.cursor, venue_order_id=VenueOrderId(f.venue_id),
    )  # fmt: skip


def _update(f: wire.Update) -> Event:
    ts, account, oid = _ts(f.ts), AccountId(f.account), OrderId(f.client_id)
    cum = None if f.cum is None else _qty(f.cum, zero=True)
    match f.what:
        case "accepted":
            return OrderAccepted(ts=ts, account=account, order_id=oid, venue_order_id=VenueOrderId(f.venue_id))
        case "rejected":
            return OrderRejected(ts=ts, account=account, order_id=oid, code=f.code, text=f.text)
        case "cancelled":
            return OrderCancelled(ts=ts, account=account, order_id=oid, reason=f.text, cum_qty=cum)
        case "expired":
            return OrderExpired(ts=ts, account=account, order_id=oid, cum_qty=cum)
        case "cancel_rejected":
            return CancelRejected(ts=ts, account=account, order_id=oid, code=f.code, text=f.text)
        case "replace_rejected":
            return ReplaceRejected(ts=ts, account=account, order_id=oid, rev=f.rev, code=f.code, text=f.text)
        case "replaced":
            if f.qty is None:
                raise Malformed(f"an amend without quantity {f!r}")
            return OrderReplaced(
                ts=ts,
                account=account,
                order_id=oid,
                rev=f.rev,
                qty=_qty(f.qty),
                limit=_maybe(f.limit),
                stop=_maybe(f.stop),
            )
        case _:
            raise Malformed(f"unknown word {f.what!r} about order {f.client_id!r}")


_FINANCED: dict[str, Literal["interest", "borrow"]] = {"interest": "interest", "borrow": "borrow"}


def _corporate(f: wire.Corporate) -> Event:
    if f.kind == "split":
        return Split(ts=_ts(f.ts), symbol=Symbol(f.symbol), ratio=_observed(f.ratio), action_id=f.id)
    if f.kind == "dividend" and f.amount is not None:
        return Dividend(
            ts=_ts(f.ts), account=AccountId(f.account), symbol=Symbol(f.symbol), amount=_money(f.amount), action_id=f.id
        )
    kind = _FINANCED.get(f.kind)
    if kind is not None and f.amount is not None:
        return Financed(ts=_ts(f.ts), account=AccountId(f.account), kind=kind, amount=_money(f.amount), action_id=f.id)
    raise Malformed(f"unknown corporate action {f!r}")


# answers --------------------------------------------------------------------------------------------------------------


def order_answer(a: wire.Answer) -> OrderReport | None:
    """One order, None when the venue does not have it."""
    b: wire.OrderBody | None = _body(a, wire.OrderBody | None)
    return None if b is None else _order(b)


def orders_answer(a: wire.Answer) -> list[OrderReport]:
    """Orders, oldest first."""
    return [_order(b) for b in _body(a, list[wire.OrderBody])]


def _order(b: wire.OrderBody) -> OrderReport:
    if b.status not in STATES:
        raise Malformed(f"unknown order status {b.status!r}")
    return _checked(lambda: OrderReport(
        order_id=OrderId(b.client_id), venue_order_id=VenueOrderId(b.venue_id), symbol=Symbol(b.symbol), side=Side(b.side),
        type=OrderType(b.kind), qty=_qty(b.qty), cum_qty=_qty(b.cum, zero=True), status=b.status, limit=_maybe(b.limit),
        stop=_maybe(b.stop), rev=b.rev, code=b.code, text=b.text))  # fmt: skip


def fills_answer(a: wire.Answer, since: int) -> list[FillSeen]:
    """A page of executions; its cursors must follow `since` without a hole."""
    page = [_checked(partial(fill, t)) for t in _body(a, list[wire.Trade])]
    if [f.cursor for f in page] != list(range(since + 1, since + len(page) + 1)):
        raise Malformed(f"the page of fills after {since} has holes")
    return page


def positions_answer(a: wire.Answer) -> PositionsReport:
    """All positions, signed."""
    b = _body(a, wire.PositionsBody)
    held = {Symbol(s): Qty(_finite(q)) for s, q in b.positions.items()}
    return PositionsReport(positions=held, cursor=b.cursor, ts=_ts(b.ts))


def account_answer(a: wire.Answer) -> AccountReport:
    """Balances."""
    b = _body(a, wire.AccountBody)
    return AccountReport(
        account=AccountId(b.account),
        currency=b.currency,
        cash=_money(b.cash),
        equity=_money(b.equity),
        blocked=b.blocked,
    )


def instruments_answer(a: wire.Answer) -> list[Instrument]:
    """Instruments with their grids."""
    return [_checked(partial(_instrument, b)) for b in _body(a, list[wire.InstrumentBody])]


def _instrument(b: wire.InstrumentBody) -> Instrument:
    return Instrument(
        symbol=Symbol(b.symbol), tick=_finite(b.tick), lot=_finite(b.lot), multiplier=_finite(b.multiplier),
        currency=b.currency, sector=b.sector, calendar=b.calendar, tradable=b.tradable, shortable=b.shortable,
    )  # fmt: skip


def history_answer(a: wire.Answer) -> list[Bar]:
    """Daily bars, oldest first."""
    return [bar(c) for c in _body(a, list[wire.Candle])]


def _body(answer: wire.Answer, kind: Any) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        raise Malformed(f"{e} in the answer to request {answer.req}") from e


def _checked(make: Callable[[], B]) -> B:
    try:
        return make()
    except ValueError as e:
        raise Malformed(str(e)) from e


# numbers --------------------------------------------------------------------------------------------------------------


def _ts(ns: int) -> int:
    if not 0 < ns < 1 << 62:
        raise Malformed(f"impossible time {ns}")
    return ns


def _observed(x: float, *, zero: bool = False) -> float:
    if not (0 < x < OBSERVED_MAX or (zero and x == 0)):
        raise Malformed(f"impossible number {x}")
    return float(x)


def _finite(x: Decimal) -> Decimal:
    if not x.is_finite() or abs(x) > MONEY_MAX or -x.as_tuple().exponent > 12:  # type: ignore[operator]
        raise Malformed(f"impossible number {x}")
    return x


def _qty(x: Decimal, *, zero: bool = False) -> Qty:
    if _finite(x) < 0 or (not zero and x == 0):
        raise Malformed(f"impossible quantity {x}")
    return Qty(x)


def _price(x: Decimal) -> Price:
    if _finite(x) <= 0:
        raise Malformed(f"impossible price {x}")
    return Price(x)


def _maybe(x: Decimal | None) -> Price | None:
    return None if x is None else _price(x)


def _money(x: Decimal) -> Money:
    return Money(_finite(x))
