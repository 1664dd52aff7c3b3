"""Prints and bars shown as quotes: laws of every price, tick and spread."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.events import Bar
from tradingd.core.types import NS, Instrument, Symbol
from tradingd_adapters.sim.quoting import UNKNOWN_SIZE, Quoting, QuotingSettings, path

TICKS = st.sampled_from(["0.01", "0.00001", "0.25", "0.05", "5", "0.1"])
PRICES = st.floats(min_value=10, max_value=1e5)


def quoting(tick: str, bps: float, lot: str = "1", share: float = 0.1) -> Quoting:
    instrument = Instrument(symbol=Symbol("A"), tick=Decimal(tick), lot=Decimal(lot))
    return Quoting(instrument, QuotingSettings(spread_bps=bps, size_share=share))


@given(price=PRICES, tick=TICKS, bps=st.floats(min_value=0, max_value=1000))
def test_a_quote_lies_around_its_price_on_the_grid(price: float, tick: str, bps: float) -> None:
    """T2: bid <= price < ask up to what a float is off, both on the grid; as wide as asked for, and at most a tick wider."""
    bid, ask = quoting(tick, bps).around(price)
    step = float(tick)
    assert bid <= price + step * 1e-6
    assert price <= ask + step * 1e-6
    for side in (bid, ask):
        assert Decimal(repr(side)) % Decimal(tick) == 0
    wide, wanted = Decimal(repr(ask)) - Decimal(repr(bid)), price * bps / 10_000
    assert wide >= Decimal(tick)
    assert wanted - step * 1e-3 <= wide <= wanted + step * 1.001


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low, high = sorted((draw(PRICES), draw(PRICES)))
    inside = st.floats(min_value=low, max_value=high)
    return Bar(
        ts=1_000_000 * NS, symbol=Symbol("A"), span_s=draw(st.sampled_from([60, 900, 1800, 86400])), open=draw(inside), high=high,
        low=low, close=draw(inside), volume=draw(st.sampled_from([0.0, 50.0, 1e6])),
    )  # fmt: skip


@given(bar=bars())
def test_a_path_goes_to_every_price_of_its_bar_and_nowhere_else(bar: Bar) -> None:
    """T2: from open to close, by the low first in a bar that rose; inside [low, high] at every moment."""
    n = max(3, bar.span_s // 300)
    points = list(path(bar, n))
    assert len(points) == n + 1
    assert (points[0], points[-1]) == (bar.open, bar.close)
    slack = bar.high * 1e-12
    assert all(bar.low - slack <= point <= bar.high + slack for point in points)
    assert points[n // 3] == (bar.low if bar.close >= bar.open else bar.high)
    assert points[2 * n // 3] == (bar.high if bar.close >= bar.open else bar.low)


@given(bar=bars(), lot=st.sampled_from(["1", "100", "0.01"]))
def test_a_bar_is_shown_while_it_lasts_in_whole_lots(bar: Bar, lot: str) -> None:
    """T2: from its begin to its end, in order; no more than its share of the volume unless that is less than a lot."""
    begin = bar.ts - bar.span_s * NS
    shown = list(quoting("0.01", 2.0, lot=lot).of_bar(bar, begin))
    times = [ts for ts, *_ in shown]
    assert (times[0], times[-1]) == (begin, bar.ts)
    assert times == sorted(set(times))
    for *_, size in shown:
        if not bar.volume:
            assert size == UNKNOWN_SIZE
            continue
        assert size >= float(lot) * (1 - 1e-9)
        assert size <= max(float(lot), 0.1 * bar.volume / (len(shown) - 1)) * (1 + 1e-9)
