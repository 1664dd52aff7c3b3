"""What trend following says of markets drawn by hand."""

from tests.strategies.simulate import CLOSE_NS, DAY_NS, Look, daily
from tradingd.core.events import Action, Bar
from tradingd.core.signals.bars import date_of
from tradingd.core.signals.strategy import Signal, load
from tradingd.core.types import Symbol
from tradingd_strategies import trend

STRATEGY = load("trend", trend, {})


def after(closes: list[float]) -> tuple[trend.State, Bar]:
    """The state after daily bars one point high, and the last bar."""
    state, bar = STRATEGY.initial(), None
    for n, c in enumerate(closes):
        bar = daily("A", date_of(n * DAY_NS), c, c + 0.5, c - 0.5, c)
        state, signals = STRATEGY.decide(state, Look(), bar)
        assert signals == ()
    assert bar is not None
    return state, bar


def next_day(last: Bar, price: float, days: int = 1) -> Bar:
    ts = last.ts + days * DAY_NS - CLOSE_NS // 4
    return Bar(ts=ts, symbol=last.symbol, span_s=1_800, open=price, high=price, low=price, close=price)


def look(qty: float = 0.0) -> Look:
    seen = Look()
    seen.in_window, seen.held[Symbol("A")] = True, qty
    return seen


def say(state: trend.State, bar: Bar, qty: float = 0.0) -> tuple[trend.State, tuple[Signal, ...]]:
    return STRATEGY.decide(state, look(qty), bar)


RISING = [100.0 + n for n in range(40)]


def test_a_new_high_in_an_uptrend_is_bought_in_the_next_session() -> None:
    state, last = after(RISING)
    _, (signal,) = say(state, next_day(last, last.close))
    assert (signal.action, signal.key) == (Action.BUY, date_of(last.ts + DAY_NS) + "-buy")


def test_a_breakout_that_was_given_back_overnight_is_not_bought() -> None:
    """Not now, and not when it comes back: the idea is gone."""
    state, last = after(RISING)
    state, signals = say(state, next_day(last, last.close - 3.0))
    assert signals == ()
    assert say(state, next_day(last, last.close, days=2))[1] == ()


def test_a_breakout_is_forgotten_after_a_week() -> None:
    state, last = after(RISING)
    assert say(state, next_day(last, last.close, days=7))[1] == ()


def test_a_stronger_breakout_is_said_with_more_confidence() -> None:
    gentle = [100.0 + n / 20 for n in range(40)]
    weak, strong = ([*gentle, gentle[-1] + step] for step in (0.6, 1.0))
    confidences = [
        say(state, next_day(last, last.close))[1][0].confidence for state, last in (after(weak), after(strong))
    ]
    assert confidences[0] < confidences[1]


def test_a_broken_trend_is_sold_only_when_the_position_is_its_own() -> None:
    """A position somebody else opened is left to its stop and to its owner."""
    state, last = after(RISING)
    bought, _ = say(state, next_day(last, last.close))
    fall = daily("A", date_of(last.ts + DAY_NS), 139.0, 139.0, 128.0, 128.0)
    own, others = (STRATEGY.decide(s, look(5.0), fall)[0] for s in (bought, state))
    _, (signal,) = say(own, next_day(fall, 128.0), qty=5.0)
    assert signal.action is Action.SELL
    assert say(others, next_day(fall, 128.0), qty=5.0)[1] == ()


def test_an_exit_does_not_wait_for_the_entry_window() -> None:
    """R3: no entry guard may hold back an exit."""
    state, last = after(RISING)
    state, _ = say(state, next_day(last, last.close))
    fall = daily("A", date_of(last.ts + DAY_NS), 139.0, 139.0, 128.0, 128.0)
    state, _ = STRATEGY.decide(state, look(5.0), fall)
    shut = look(5.0)
    shut.in_window = False
    _, (signal,) = STRATEGY.decide(state, shut, next_day(fall, 128.0))
    assert signal.action is Action.SELL


def test_nothing_is_bought_while_something_is_held() -> None:
    state, last = after(RISING)
    for qty in (5.0, -5.0):
        assert say(state, next_day(last, last.close), qty)[1] == ()
