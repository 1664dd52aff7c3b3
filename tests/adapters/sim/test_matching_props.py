"""Matching: what is not worked out decides nothing."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.events import Quote
from tradingd.core.types import AccountId, OrderType, Side, Symbol, Tif
from tradingd_adapters.sim.matching import Top, VenueOrder

cents = st.integers(1, 10_000_000)


@given(cents, st.integers(0, 500), st.integers(-400, 400), st.sampled_from(Side), st.integers(0, 99))
def test_a_stop_goes_off_exactly_when_the_price_on_the_grid_has_reached_it(bid, spread, off, side, between):
    """R3, T3: a price between two cents counts as the cent that is worse for whoever trades; far off is not worked out."""
    quote = Quote(
        Symbol("ACME"), (bid + between / 100) / 100, (bid + spread + between / 100) / 100, 1, bid_size=1, ask_size=1
    )
    stop = Decimal(max(1, bid + off)) / 100
    order = VenueOrder(AccountId("a1"), "c", Symbol("ACME"), side, Decimal(1), OrderType.STOP, Tif.GTC, stop=stop)
    price = Top(quote).price(side)
    assert order.trigger(Top(quote)) is ((price - stop) * side.sign >= 0)


@given(cents, st.integers(0, 500))
def test_the_top_is_what_was_shown_when_its_quote_is_written_over(bid, spread):
    """B9: a quote that waits may take a newer one's prices."""
    quote = Quote(Symbol("ACME"), bid / 100, (bid + spread) / 100, 1, bid_size=1, ask_size=1)
    top = Top(quote)
    quote.bid = quote.ask = 1.0
    assert top.prices == (Decimal(bid) / 100, Decimal(bid + spread) / 100)
    assert top.mid == Decimal(2 * bid + spread) / 200


@given(st.integers(-3, 3), st.sampled_from(Side), st.integers(1, 3))
def test_an_order_reduces_a_position_as_long_as_something_of_it_may_still_fill(held, side, qty):
    """G11: a reduce-only order lives while there is something to reduce, and no longer."""
    order = VenueOrder(
        AccountId("a1"), "c", Symbol("ACME"), side, Decimal(qty), OrderType.MARKET, Tif.GTC, reduce_only=True
    )
    for position in (Decimal(held), Decimal(held).copy_negate(), Decimal("0.00")):
        assert order.reduces(position) is (order.clipped(position) > 0)
