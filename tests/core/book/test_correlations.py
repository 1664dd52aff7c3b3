"""The matrix of one account: matched days, what says nothing, and what is worked out only once."""

from __future__ import annotations

from math import inf, nan

import pytest

from tests.core.world import ACME, BOLT, DAY, INSTRUMENTS, at
from tradingd.core.book.correlations import Correlations, pearson, returns
from tradingd.core.book.market import Market
from tradingd.core.events import Bar
from tradingd.core.signals.bars import date_of

BEGIN = at("2008-01-02T21:00")
UP = [100.0, 101.0, 100.5, 102.0, 101.0, 103.0, 104.0, 102.5]


def market(symbol, closes, begin=BEGIN):
    found = Market(INSTRUMENTS[symbol])
    for i, close in enumerate(closes):
        learn(found, close, begin + i * DAY)
    return found


def learn(market, close, ts):
    low, high = (1.0, 1e6) if close == close and 0 < close < inf else (1.0, 2.0)
    market.learn(
        Bar(ts=ts, symbol=market.instrument.symbol, span_s=86_400, open=close, high=high, low=low, close=close)
    )


def pair(a, b, matrix=None, days=90, days_min=3):
    return (matrix or Correlations()).pair(a, b, date_of, date_of, days=days, days_min=days_min)


def test_the_same_returns_are_one_and_their_mirror_is_minus_one():
    """E7."""
    a = market(ACME, UP)
    assert pair(a, market(BOLT, [c * 3 for c in UP])) == pytest.approx(1.0, abs=1e-12)
    down = [100.0]
    for r in returns(UP):
        down.append(down[-1] * (1 - r))
    assert pair(a, market(BOLT, down)) == pytest.approx(-1.0, abs=1e-12)


def test_only_days_on_which_both_have_a_bar_are_compared():
    """E7: a holiday of one calendar spans a longer return of both, and shifts nothing."""
    gap = [c for i, c in enumerate(UP) if i != 3]
    b = Market(INSTRUMENTS[BOLT])
    for i, close in enumerate(UP):
        if i != 3:
            learn(b, close * 2, BEGIN + i * DAY + 3_600_000_000_000)  # another hour of the same date
    assert pair(market(ACME, UP), b) == pytest.approx(1.0, abs=1e-12)
    assert len(gap) - 1 == 6
    assert pair(market(ACME, UP), b, days_min=6) is not None
    assert pair(market(ACME, UP), b, days_min=7) is None


def test_a_bar_that_ends_at_midnight_belongs_to_the_day_it_covers():
    """E7: a venue whose days end at midnight, and one whose end in the evening."""
    late = market(BOLT, UP, begin=at("2008-01-03T00:00"))
    assert pair(market(ACME, UP), late) == pytest.approx(1.0, abs=1e-12)
    assert pair(market(ACME, UP), late, days_min=7) is not None


def test_only_the_last_days_count():
    """E7: what was alike long ago is not."""
    other = [c * 2 for c in UP[:4]] + [210.0, 200.0, 190.0, 195.0]
    long, short = pair(market(ACME, UP), market(BOLT, other)), pair(market(ACME, UP), market(BOLT, other), days=3)
    assert long != short
    assert short == pytest.approx(pearson(returns(UP[-4:]), returns(other[-4:])))


@pytest.mark.parametrize("closes", [[50.0] * 8, UP[:1], [], [nan] * 8, [100.0 * 1.01**i for i in range(8)]])
def test_what_does_not_vary_or_is_no_number_says_nothing(closes):
    """E7: a constant series, one point, none, NaN, a constant growth."""
    assert pair(market(ACME, UP), market(BOLT, closes)) is None


def test_a_close_that_is_no_number_loses_its_day_only():
    """E7."""
    broken = [c * 2 for c in UP]
    broken[2] = nan
    assert pair(market(ACME, UP), market(BOLT, broken), days_min=6) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("xs", "ys"), [([1.0], [1.0]), ([1.0, inf], [1.0, 2.0]), ([1e308, -1e308], [1.0, 2.0])])
def test_rows_that_cannot_be_measured(xs, ys):
    """E7: never an exception, never a NaN."""
    assert pearson(xs, ys) is None


def test_a_pair_is_worked_out_once_and_again_with_a_new_bar_or_other_days():
    """E7: refreshed when a daily bar came, not per question (the very same number is handed out); the order does not matter."""
    matrix, a, b = Correlations(), market(ACME, UP), market(BOLT, [*UP[:-1], 99.0])
    first = pair(a, b, matrix)
    assert pair(a, b, matrix) is first
    assert pair(b, a, matrix) is first
    learn(a, 105.0, BEGIN + 8 * DAY)
    again = pair(a, b, matrix)
    assert again == first
    assert again is not first
    learn(b, 90.0, BEGIN + 8 * DAY)
    fresh = pair(a, b, matrix)
    assert fresh != first
    assert pair(a, b, matrix) is fresh
    assert pair(a, b, matrix, days=4) != fresh
    assert pair(a, b, matrix) == fresh


def test_a_split_changes_nothing():
    """E7, F9: the past is divided, its returns stay."""
    a, b, matrix = market(ACME, UP), market(BOLT, [*UP[:-1], 99.0]), Correlations()
    before = pair(a, b, matrix)
    a.rescale(4.0)
    assert pair(a, b, matrix) == pytest.approx(before, abs=1e-12)
