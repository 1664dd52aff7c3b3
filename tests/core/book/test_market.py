"""What is observed of one instrument: the range of its days, and splits of its past."""

from __future__ import annotations

from math import inf, nan

import pytest

from tests.core.world import ACME, DAY, INSTRUMENTS
from tradingd.core.book.market import Market
from tradingd.core.events import Bar


def bar(i: int, high: float, low: float, close: float, span_s: int = 86_400) -> Bar:
    return Bar(ts=i * DAY, symbol=ACME, span_s=span_s, open=close, high=high, low=low, close=close)


def test_the_range_needs_one_bar_more_than_its_length():
    """E4, W4: the first true range needs a close before it."""
    market = Market(INSTRUMENTS[ACME], atr_bars=3)
    for i in range(3):
        market.learn(bar(i, 101, 99, 100))
        assert market.atr is None
    market.learn(bar(3, 101, 99, 100))
    assert market.atr == pytest.approx(2.0)


def test_the_range_is_smoothed_as_wilder_does_and_knows_gaps():
    """E4, W4: (n - 1) old parts and one new; a gap counts from the last close."""
    market = Market(INSTRUMENTS[ACME], atr_bars=3)
    for i in range(4):
        market.learn(bar(i, 101, 99, 100))
    market.learn(bar(4, 111, 110, 110))
    assert market.atr == pytest.approx((2.0 * 2 + 11.0) / 3)


@pytest.mark.parametrize(
    "wrong",
    [bar(9, nan, 1, 1), bar(9, 1, nan, 1), bar(9, inf, 1, 1), bar(9, 1, 2, 1), bar(9, 2, 0, 1), bar(9, 2, 1, 1, 60)],
)
def test_a_bar_that_is_none_teaches_nothing(wrong):
    """F3: not finite, upside down, not positive, or of another span."""
    market = Market(INSTRUMENTS[ACME], atr_bars=2)
    market.learn(wrong)
    assert not market.bars
    assert market.prev_close is None


def test_memory_of_bars_is_bounded():
    """I15."""
    market = Market(INSTRUMENTS[ACME])
    for i in range(500):
        market.learn(bar(i, 101, 99, 100))
    assert len(market.bars) == 128


def test_a_split_rescales_all_that_was_observed():
    """F9: quote, band, range, bars; the next range is not a gap."""
    market = Market(INSTRUMENTS[ACME], atr_bars=3)
    for i in range(5):
        market.learn(bar(i, 101, 99, 100))
    market.bid = market.ask = market.mid = 100.0
    market.lo, market.hi = 75.0, 125.0
    market.rescale(4.0)
    assert (market.mid, market.lo, market.hi, market.atr) == (25.0, 18.75, 31.25, pytest.approx(0.5))
    market.learn(bar(6, 25.25, 24.75, 25.0))
    assert market.atr == pytest.approx(0.5)


def test_a_split_told_late_leaves_what_was_observed_after_it():
    """F9: a price of after it divided once more would break every stop and the day's limit."""
    told, late = Market(INSTRUMENTS[ACME], atr_bars=3), Market(INSTRUMENTS[ACME], atr_bars=3)
    for i in range(6):
        for market in (told, late):
            market.learn(bar(i, 101, 99, 100))
    at = told.bars[-1].ts
    told.rescale(4.0, at)
    for market in (told, late):
        market.learn(bar(6, 25.25, 24.75, 25.0))
        market.bid = market.ask = market.mid = 25.0
        market.lo, market.hi, market.ts = 18.75, 31.25, at + 1
        market.swings.append((at + 1, 25.0))
    late.rescale(4.0, at)
    assert (late.mid, late.lo, late.hi, late.prev_close) == (25.0, 18.75, 31.25, 25.0)
    assert (late.bars, late.swings) == (told.bars, told.swings)
    assert late.atr == pytest.approx(told.atr)
