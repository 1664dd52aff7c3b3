"""The stand-in: at the touch of believed quotes, at once and whole; resting orders wait for theirs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, DAY, D, World
from tradingd.core.events import FillSeen, OrderAccepted, OrderCancelled, OrderExpired, OrderNever, OrderReplaced, Quote
from tradingd.core.facts import ReplaceIntended
from tradingd.core.types import (
    DecisionId,
    ExecId,
    Leg,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Tif,
)  # fmt: skip
from tradingd.lab.standin import Standin

ID = OrderId("a1.1.e")


def order(side: Side = Side.BUY, qty: str = "10", **more: Any) -> Order:
    plain: dict[str, Any] = {
        "account": ACCOUNT, "order_id": ID, "decision_id": DecisionId("d1"), "symbol": ACME, "side": side, "qty": Qty(D(qty)),
        "type": OrderType.MARKET, "tif": Tif.GTC, "leg": Leg.ENTRY,
    }  # fmt: skip
    return Order(**{**plain, **more})


def price(text: str) -> Price:
    return Price(D(text))


class Bench:
    """A stand-in beside a book that knows ACME at 100, 99.99 bid and 100.01 asked."""

    def __init__(self, **settings: Any) -> None:
        self.world = World(**settings)
        self.standin = Standin(self.world.book, self.world.rules)

    def send(self, order: Order) -> list[Any]:
        return list(self.standin.submit(order, self.world.now))

    def quote(self, mid: float) -> list[Any]:
        self.world.quote(ACME, mid)
        return list(self.standin.look(ACME, self.world.now))


@pytest.mark.parametrize(("side", "at"), [(Side.BUY, "100.01"), (Side.SELL, "99.99")])
def test_a_market_order_is_taken_and_fills_at_the_touch(side: Side, at: str) -> None:
    taken, fill = Bench().send(order(side))
    assert isinstance(taken, OrderAccepted)
    assert isinstance(fill, FillSeen)
    assert (fill.qty, fill.price, fill.fee, fill.side) == (10, Decimal(at), 0, side)


@pytest.mark.parametrize(
    ("side", "limit", "near", "reached"),
    [(Side.BUY, "99.50", 99.50, 99.49), (Side.SELL, "100.50", 100.50, 100.51)],
)
def test_a_limit_waits_for_a_quote_that_reaches_it(side: Side, limit: str, near: float, reached: float) -> None:
    bench = Bench()
    answers = bench.send(order(side, type=OrderType.LIMIT, limit=price(limit)))
    assert [type(each) for each in answers] == [OrderAccepted]
    assert bench.quote(near) == []
    [fill] = bench.quote(reached)
    assert fill.price == Decimal(limit)
    assert bench.quote(reached) == [], "once"


@pytest.mark.parametrize(
    ("side", "stop", "touch", "at"), [(Side.SELL, "95", 95.01, "95.00"), (Side.BUY, "105", 104.99, "105.00")]
)
def test_a_stop_fills_at_the_touch_that_set_it_off(side: Side, stop: str, touch: float, at: str) -> None:
    bench = Bench()
    assert len(bench.send(order(side, type=OrderType.STOP, stop=price(stop)))) == 1
    assert bench.quote(100.0) == []
    [fill] = bench.quote(touch)
    assert fill.price == Decimal(at)


def test_a_stop_limit_that_was_set_off_waits_for_its_limit() -> None:
    bench = Bench()
    bench.send(order(Side.SELL, type=OrderType.STOP_LIMIT, stop=price("98"), limit=price("97")))
    assert bench.quote(96.0) == [], "leapt over"
    [fill] = bench.quote(97.5)
    assert fill.price == Decimal("97.49")


def test_a_trailing_stop_follows_the_best_price() -> None:
    bench = Bench()
    bench.send(order(Side.SELL, type=OrderType.TRAILING, trail=price("2")))
    assert bench.quote(103.0) == []
    assert bench.quote(101.5) == []
    [fill] = bench.quote(101.0)
    assert fill.price == Decimal("100.99")


def test_what_a_quote_is_not_believed_fills_nothing() -> None:
    """B7: the stand-in looks at what the book believes."""
    bench = Bench()
    bench.send(order(Side.SELL, type=OrderType.STOP, stop=price("95")))
    assert bench.quote(40.0) == []


def test_a_day_order_lapses_with_the_exchanges_day_and_others_stay() -> None:
    bench = Bench()
    bench.send(order(type=OrderType.LIMIT, limit=price("90"), tif=Tif.DAY))
    bench.send(order(type=OrderType.LIMIT, limit=price("90"), order_id=OrderId("a1.2.e")))
    bench.world.wait(DAY / 1e9)
    [lapsed] = bench.quote(100.0)
    assert isinstance(lapsed, OrderExpired)
    assert (lapsed.order_id, lapsed.cum_qty) == (ID, 0)


@pytest.mark.parametrize("tif", [Tif.IOC, Tif.FOK])
def test_an_immediate_order_fills_at_once_or_is_gone(tif: Tif) -> None:
    answers = Bench().send(order(type=OrderType.LIMIT, limit=price("90"), tif=tif))
    assert [type(each) for each in answers] == [OrderAccepted, OrderCancelled]
    answers = Bench().send(order(type=OrderType.LIMIT, limit=price("101"), tif=tif))
    assert [type(each) for each in answers] == [OrderAccepted, FillSeen]


def test_a_closing_order_closes_no_more_than_is_held() -> None:
    bench = Bench()
    held = bench.world.buy(ACME)
    more = order(Side.SELL, str(held + 5), reduce_only=True, leg=Leg.EXIT)
    _, fill, rest = bench.send(more)
    assert fill.qty == held
    assert isinstance(rest, OrderCancelled)
    [never] = bench.send(msgspec.structs.replace(more, side=Side.BUY))
    assert isinstance(never, OrderNever)


def test_nothing_is_sent_while_the_link_is_down() -> None:
    bench = Bench()
    bench.world.disconnect()
    [never] = bench.send(order())
    assert isinstance(never, OrderNever)


def test_cancel_and_replace_take_effect_at_once() -> None:
    bench = Bench()
    bench.send(order(type=OrderType.LIMIT, limit=price("90")))
    changed = ReplaceIntended(ts=1, account=ACCOUNT, order_id=ID, rev=1, qty=Qty(D(4)), limit=price("99"))
    [replaced] = bench.standin.replace(changed, bench.world.now)
    assert isinstance(replaced, OrderReplaced)
    [fill] = bench.quote(98.0)
    assert fill.qty == 4
    assert bench.standin.replace(changed, bench.world.now) == []
    bench.send(order(type=OrderType.LIMIT, limit=price("90")))
    [gone] = bench.standin.cancel(ID, bench.world.now)
    assert isinstance(gone, OrderCancelled)
    assert bench.quote(80.0) == []


def test_a_fill_costs_the_share_that_recorded_ones_cost() -> None:
    bench = Bench()
    recorded = FillSeen(
        ts=1, account=ACCOUNT, order_id=ID, exec_id=ExecId("x"), symbol=ACME, side=Side.BUY, qty=Qty(D(100)), price=price("50"),
        fee=Money(D("5.00")),
    )  # fmt: skip
    bench.standin.paid(recorded)
    _, fill = bench.send(order(qty="20"))
    assert fill.fee == Decimal("2.00"), "a thousandth of 2000.20"
    assert bench.standin.fills == 1


def test_without_a_price_an_order_waits() -> None:
    bench = Bench(ready=False)
    bench.world.start()
    bench.world.connect()
    assert [type(each) for each in bench.send(order())] == [OrderAccepted]
    bench.world.step(Quote(ACME, 99.99, 100.01, bench.world.now))
    [fill] = bench.standin.look(ACME, bench.world.now)
    assert isinstance(fill, FillSeen)
