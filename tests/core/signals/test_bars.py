"""What is a usable bar, which day it is, and how ideas wait and are said."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.events import Action, Bar
from tradingd.core.signals.bars import DAY_S, date_of, is_near, is_usable
from tradingd.core.signals.ideas import Idea, Voice, graded
from tradingd.core.types import NS, Symbol

DAY = DAY_S * NS


def bar(**changes: Any) -> Bar:
    whole: dict[str, Any] = {"ts": DAY, "symbol": Symbol("IBM"), "span_s": DAY_S}
    return Bar(**(whole | {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0} | changes))


def test_a_plain_bar_is_usable() -> None:
    assert is_usable(bar())
    assert is_usable(bar(open=10.0, high=10.0, low=10.0, close=10.0))


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e13])
def test_garbage_is_not_usable(field: str, value: float) -> None:
    """B7."""
    assert not is_usable(bar(**{field: value}))


@pytest.mark.parametrize("changes", [{"high": 10.5}, {"low": 10.5}, {"close": 12.5}, {"open": 8.0}])
def test_prices_out_of_order_are_not_usable(changes: dict[str, float]) -> None:
    assert not is_usable(bar(**changes))


def test_near_is_symmetric_in_ratio() -> None:
    assert is_near(3.0, 1.0)
    assert is_near(1.0, 3.0)
    assert not is_near(3.1, 1.0)
    assert not is_near(1.0, 3.1)


@pytest.mark.parametrize(
    ("ts", "day"),
    [
        (0, "1970-01-01"),
        (DAY - 1, "1970-01-01"),
        (DAY, "1970-01-02"),
        (1_223_326_800 * NS, "2008-10-06"),
        (-1, "1969-12-31"),
    ],
)
def test_date_of_is_the_utc_date(ts: int, day: str) -> None:
    assert date_of(ts) == day


@given(st.integers(-(10**25), 10**25))
def test_date_of_never_raises(ts: int) -> None:
    assert len(date_of(ts)) == 10


@given(st.floats())
def test_confidence_stays_within_its_bounds(strength: float) -> None:
    """Also for NaN: a strategy must not be able to say what intake would call invalid."""
    assert 0.5 <= graded(strength) <= 0.95


def test_confidence_grows_with_strength() -> None:
    assert [graded(x) for x in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.5, 0.5, 0.725, 0.95, 0.95]


def test_an_idea_lapses() -> None:
    """Not before it was formed, not when the market has moved on."""
    idea = Idea(Action.BUY, 0.7, "x", 10 * DAY, 1.0)
    assert [idea.is_fresh(ts) for ts in (10 * DAY, 10 * DAY + 1, 15 * DAY, 15 * DAY + 1)] == [False, True, True, False]


def test_one_signal_a_day_and_direction() -> None:
    voice, said = Voice().say(Symbol("IBM"), Action.BUY, 0.7, "x", DAY)
    assert said.key == "1970-01-02-buy"
    assert not voice.may(Action.BUY, 2 * DAY - 1)
    assert voice.may(Action.BUY, 2 * DAY)
    assert voice.may(Action.SELL, DAY)
    sold, _ = voice.say(Symbol("IBM"), Action.SELL, 0.7, "x", DAY + 1)
    assert not sold.may(Action.SELL, DAY + 2)
    assert not sold.may(Action.BUY, DAY + 2)


def test_a_position_is_mine_until_seen_flat_on_a_later_day() -> None:
    """On the day of the BUY a flat position only means that the order has not filled yet."""
    voice, _ = Voice().say(Symbol("IBM"), Action.BUY, 0.7, "x", DAY)
    assert voice.mine
    assert voice.seen(DAY + 1, 0.0).mine
    assert voice.seen(2 * DAY, 5.0).mine
    assert not voice.seen(2 * DAY, 0.0).mine
