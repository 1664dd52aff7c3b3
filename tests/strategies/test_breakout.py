"""What intraday breakouts say of sessions drawn by hand."""

import pytest

from tests.strategies.simulate import DAY_NS, HALF_HOUR_NS, NS, OPEN_NS, Look, daily
from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.bars import date_of
from tradingd.core.signals.strategy import Signal, load
from tradingd.core.types import Symbol
from tradingd_strategies import breakout

STRATEGY = load("breakout", breakout, {})
A = Symbol("A")
DAYS = 20  # of 100 with an ATR of 2


def learnt() -> breakout.State:
    state: breakout.State = STRATEGY.initial()
    for n in range(DAYS):
        state, signals = STRATEGY.decide(state, Look(), daily("A", date_of(n * DAY_NS), 100.0, 101.0, 99.0, 100.0))
        assert signals == ()
    return state


def session(
    state: breakout.State, *closes: float, qty: float = 0.0, day: int = DAYS, first: int = 0, shut: bool = False
) -> tuple[breakout.State, list[Signal]]:
    """Half-hour bars that close there, the first one `first` half hours after the open; half a point high."""
    look, said = Look(), []
    look.in_window, look.held[A] = not shut, qty
    for n, close in enumerate(closes, first + 1):
        ts = day * DAY_NS + OPEN_NS + n * HALF_HOUR_NS
        bar = Bar(ts=ts, symbol=A, span_s=1_800, open=close, high=close + 0.25, low=close - 0.25, close=close)
        look.ts = ts
        state, signals = STRATEGY.decide(state, look, bar)
        said += signals
    return state, said


def test_a_close_above_the_first_hour_is_bought_for_hours() -> None:
    """E15: an idea for hours, once a day."""
    _, said = session(learnt(), 100.0, 100.5, 100.7, 101.0, 101.5, 102.0)
    assert [(s.action, s.intraday, s.key) for s in said] == [(Action.BUY, True, f"{date_of(DAYS * DAY_NS)}-buy")]
    assert "0.12 ATR above its opening range 99.75 to 100.75" in said[0].thesis


@pytest.mark.parametrize(
    ("closes", "why"),
    [
        ((100.0, 102.0), "the first hour makes the range and breaks nothing"),
        ((100.0, 100.5, 100.75), "at the high is not above it"),
        ((99.0, 101.0, 103.0), "the range is wider than half an ATR"),
        ((100.0, 100.5, *[100.6] * 6, 103.0), "too late: hours must be left for it"),
        ((100.0, 100.5, 400.0), "no price that could follow"),
    ],
)
def test_what_is_no_breakout(closes: tuple[float, ...], why: str) -> None:
    assert session(learnt(), *closes)[1] == [], why


def test_the_further_out_the_surer() -> None:
    (near,), (far,) = (session(learnt(), 100.0, 100.5, close)[1] for close in (100.8, 101.2))
    assert 0.5 <= near.confidence < far.confidence <= 0.95


def test_nothing_is_bought_outside_the_window_or_on_top_of_something() -> None:
    """E9: and the breakout is not made up for later at the same price, only by the next bar that closes above."""
    assert session(learnt(), 100.0, 100.5, 101.0, shut=True)[1] == []
    for qty in (5.0, -5.0):
        assert session(learnt(), 100.0, 100.5, 101.0, qty=qty)[1] == []


def test_a_false_breakout_is_left_the_same_day_and_only_by_its_owner() -> None:
    """R3: an exit does not wait for the window; somebody else's position is left alone."""
    bought, (signal,) = session(learnt(), 100.0, 100.5, 101.0)
    assert signal.action is Action.BUY
    _, (left,) = session(bought, 99.5, qty=5.0, first=3, shut=True)
    assert (left.action, left.intraday) == (Action.SELL, True)
    assert session(bought, 99.8, qty=5.0, first=3)[1] == []
    others, _ = session(learnt(), 100.0, 100.5)
    assert session(others, 99.5, qty=5.0, first=2)[1] == []


def test_what_somebody_else_holds_the_next_day_is_left_alone() -> None:
    """Its own are closed by time before the session ends: what stands there next morning is not its own."""
    bought, _ = session(learnt(), 100.0, 100.5, 101.0)
    assert session(bought, 95.0, 94.0, 93.0, qty=5.0, day=DAYS + 1)[1] == []


def test_each_day_has_a_range_of_its_own() -> None:
    state, _ = session(learnt(), 100.0, 100.5)
    _, said = session(state, 90.0, 90.5, 91.0, day=DAYS + 1)
    assert [s.action for s in said] == [Action.BUY]


def test_after_a_late_start_the_first_hour_it_sees_is_the_range() -> None:
    _, said = session(learnt(), 100.0, 100.5, 101.0, first=4)
    assert [s.action for s in said] == [Action.BUY]


def test_a_repeated_bar_counts_once() -> None:
    """The half hours it has seen, not the messages, make the first hour."""
    state = learnt()
    for _ in range(3):
        state, said = session(state, 100.0)
    assert said == []
    assert state.tracks["A"].covered == 1_800


def test_a_split_takes_the_range_with_it() -> None:
    state, _ = session(learnt(), 100.0, 100.5)
    ts = DAYS * DAY_NS + OPEN_NS + 2 * HALF_HOUR_NS + NS
    state, _ = STRATEGY.decide(state, Look(), Split(ts=ts, symbol=A, ratio=2.0, action_id="x"))
    track = state.tracks["A"]
    assert (track.high, track.low, track.close) == (50.375, 49.875, 50.0)
    assert [s.action for s in session(state, 50.5, first=2)[1]] == [Action.BUY]
