"""Bounds: a quote between them changes nothing of any order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from tradingd.core.events import Quote
from tradingd.core.types import AccountId, OrderType, Side, Symbol, Tif
from tradingd_adapters.sim.bounds import ALWAYS, NEVER, bounds
from tradingd_adapters.sim.matching import STOPS, Top, VenueOrder

A = Symbol("A")
PRICES = st.integers(9_900, 10_100).map(lambda cents: Decimal(cents) / 100)
SHOWN = st.integers(990_000, 1_010_000).map(lambda pips: pips / 10_000)


@st.composite
def orders(draw: st.DrawFn) -> VenueOrder:
    kind = draw(st.sampled_from(OrderType))
    order = VenueOrder(
        AccountId("a"), "c", A, draw(st.sampled_from(Side)), Decimal(10), kind, Tif.GTC,
        limit=draw(PRICES) if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        stop=draw(PRICES) if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
        trail=Decimal("0.50") if kind is OrderType.TRAILING else None, reduce_only=draw(st.booleans()),
    )  # fmt: skip
    if kind in STOPS and draw(st.booleans()):
        order.triggered = True
    order.rested = order.triggered and draw(st.booleans())
    return order


@given(st.lists(orders(), max_size=3), SHOWN, st.integers(0, 300), st.sampled_from([-20, 0, 20]))
def test_between_them_nothing_trades_triggers_trails_or_begins_to_rest(working, bid, over, held):
    """T1: whatever rests."""
    position = Decimal(held)
    found = bounds(working, lambda _: position, 0.01)
    ask = bid + over / 10_000
    assume(found.bid_low < bid < found.bid_high and found.ask_low < ask < found.ask_high)
    for order in working:
        before = (order.stop, order.triggered, order.rested)
        assert not order.reduce_only or order.clipped(position)  # else the venue would take it back
        assert order.match(Top(Quote(A, bid, ask, 1, bid_size=100.0, ask_size=100.0)), position) is None
        assert (order.stop, order.triggered, order.triggered) == before


def test_they_are_wide_where_nothing_rests_near():
    """Else there is nothing to pass over."""
    far = VenueOrder(AccountId("a"), "c", A, Side.SELL, Decimal(1), OrderType.STOP, Tif.GTC, stop=Decimal("90.00"))
    near = VenueOrder(AccountId("a"), "d", A, Side.BUY, Decimal(1), OrderType.LIMIT, Tif.GTC, limit=Decimal("99.00"))
    near.rested = True
    assert bounds([], lambda _: Decimal(0), 0.01) == NEVER
    assert bounds([far], lambda _: Decimal(1), 0.01) == NEVER._replace(bid_low=90.02)
    assert bounds([far, near], lambda _: Decimal(1), 0.01) == NEVER._replace(bid_low=90.02, ask_low=99.02)
    near.rested = False
    assert bounds([far, near], lambda _: Decimal(1), 0.01).bid_low == ALWAYS.bid_low
