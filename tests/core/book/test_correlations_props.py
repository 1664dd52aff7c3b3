"""Laws of the matrix, against NumPy."""

from __future__ import annotations

from collections import deque

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.core.book.test_correlations import BEGIN, learn, pair
from tests.core.world import ACME, BOLT, DAY, INSTRUMENTS
from tradingd.core.book.correlations import Closes, Correlations, pearson
from tradingd.core.book.market import Market
from tradingd.core.events import Bar

walks = st.lists(
    st.tuples(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.sampled_from("bbbbab0")), min_size=3, max_size=128
)


def build(walk):
    """Two markets; a day may be missing in one ("a"), or in both ("0")."""
    first, second, kept = Market(INSTRUMENTS[ACME]), Market(INSTRUMENTS[BOLT]), []
    x = y = 100.0
    for i, (dx, dy, days) in enumerate(walk):
        x, y = x * (1 + dx), y * (1 + dy)
        if days in "ab":
            learn(first, x, BEGIN + i * DAY)
        if days == "b":
            learn(second, y, BEGIN + i * DAY)
            kept.append((x, y))
    return first, second, kept


@given(walks, st.integers(3, 120))
def test_the_coefficient_is_numpys(walk, days):
    """E7: np.corrcoef of the simple returns between common days, to 1e-12."""
    first, second, kept = build(walk)
    closes = np.array(kept[-days - 1 :]).reshape(-1, 2)
    ours = pair(first, second, days=days)
    if len(closes) < 4:
        assert ours is None
        return
    rets = closes[1:] / closes[:-1] - 1.0
    assume(rets.std(axis=0).min() > 1e-4)  # below, both are the noise of the last digits
    assert abs(ours - np.corrcoef(rets.T)[0, 1]) <= 1e-12


@given(walks)
def test_it_is_symmetric_bounded_and_the_same_from_the_cache(walk):
    """E7: pair(a, b) = pair(b, a), within -1..1, and asked twice it is the same number."""
    first, second, _ = build(walk)
    matrix = Correlations()
    found = pair(first, second, matrix)
    assert found == pair(second, first, matrix) == pair(first, second, Correlations())
    assert found is None or -1.0 <= found <= 1.0


odd = st.tuples(st.integers(-1, 3), st.sampled_from([100.0, 101.5, 0.0, float("nan"), float("inf")]))


@given(st.lists(odd, max_size=40), st.integers(3, 12))
def test_closes_that_grew_are_those_taken_anew(steps, keep):
    """E7: bars of one day, of an earlier one, without a price, and the oldest gone: the same closes in the same order."""
    bars, grown, ts = deque(maxlen=keep), None, BEGIN
    for halves, close in steps:
        ts += halves * DAY // 2
        bars.append(Bar(ts=ts, symbol=ACME, span_s=86_400, open=close, high=close, low=close, close=close))
        anew = Closes(bars, date_of, {})
        grown = (grown.grown(bars, date_of) if grown is not None else None) or anew
        assert list(grown.by_date.items()) == list(anew.by_date.items())
        assert (grown.last, grown.count, grown.dates) == (anew.last, anew.count, anew.dates)


@given(walks, st.lists(st.integers(-1, 3), min_size=1, max_size=9))
def test_a_split_told_late_is_in_the_closes_as_after_a_restart(walk, late):
    """E7, F9: by the operator's file a day after new bars came, asked before and after: the number of bars learned anew."""
    first, second, matrix = Market(INSTRUMENTS[ACME]), Market(INSTRUMENTS[BOLT]), Correlations()
    x = y = 100.0
    for i, (dx, dy, _) in enumerate(walk):
        x, y = x * (1 + dx), y * (1 + dy)
        learn(first, x, BEGIN + i * DAY)
        learn(second, y, BEGIN + i * DAY)
        pair(first, second, matrix)
        if i < len(late) and late[i] >= 0:
            first.rescale(2.0, BEGIN + (i - late[i]) * DAY)
        assert pair(first, second, matrix) == pair(first, second, Correlations())


def date_of(ts):
    return f"{ts // DAY:09d}"


def test_a_day_more_is_no_reason_to_take_all_anew():
    """I2: what a day costs must not grow with how far is looked back."""
    bars = deque(
        [Bar(ts=BEGIN + i * DAY, symbol=ACME, span_s=86_400, open=1.0, high=1.0, low=1.0, close=1.0) for i in range(9)],
        9,
    )
    before = Closes(bars, date_of, {})
    bars.append(Bar(ts=BEGIN + 9 * DAY, symbol=ACME, span_s=86_400, open=1.0, high=1.0, low=1.0, close=2.0))
    after = before.grown(bars, date_of)
    assert after is not None
    assert list(after.by_date.values()) == [1.0] * 8 + [2.0]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=10), st.lists(st.floats(), max_size=10))
def test_no_numbers_make_it_raise_or_say_nan(xs, ys):
    """E7: anything in, None or a share out."""
    n = min(len(xs), len(ys))
    found = pearson(xs[:n], ys[:n])
    assert found is None or -1.0 <= found <= 1.0
