"""What buying dips says of markets drawn by hand."""

import pytest

from tests.strategies.simulate import CLOSE_NS, DAY_NS, Look, daily
from tradingd.core.events import Action, Bar
from tradingd.core.signals.bars import date_of
from tradingd.core.signals.strategy import Signal, load
from tradingd.core.types import Symbol
from tradingd_strategies import reversion

STRATEGY = load("reversion", reversion, {})
QUIET = [100.0 + n % 2 for n in range(40)]  # closes 100, 101, 100, ...; days two points high


def learn(state: reversion.State, n: int, close: float, symbol: str = "A") -> tuple[reversion.State, Bar]:
    bar = daily(symbol, date_of(n * DAY_NS), close, close + 1.0, close - 1.0, close)
    state, signals = STRATEGY.decide(state, Look(), bar)
    assert signals == ()
    return state, bar


def after(*closes: float, symbols: tuple[str, ...] = ("A",)) -> tuple[reversion.State, Bar]:
    """The state after a quiet market and these closes (of "A"; other symbols stay quiet), and the last bar of "A"."""
    state: reversion.State = STRATEGY.initial()
    last = None
    for n, close in enumerate([*QUIET, *closes]):
        for symbol in symbols:
            state, bar = learn(state, n, close if symbol == "A" else 101.0 - n % 2, symbol)
            last = bar if symbol == "A" else last
    assert last is not None
    return state, last


def half_hour(last: Bar, price: float, days: int = 1) -> Bar:
    ts = last.ts + days * DAY_NS - CLOSE_NS // 4
    return Bar(ts=ts, symbol=last.symbol, span_s=1_800, open=price, high=price, low=price, close=price)


def say(state: reversion.State, bar: Bar, qty: float = 0.0) -> tuple[reversion.State, tuple[Signal, ...]]:
    look = Look()
    look.in_window, look.held[Symbol("A")] = True, qty
    return STRATEGY.decide(state, look, bar)


def test_a_dip_is_bought_in_the_next_session() -> None:
    state, last = after(97.0, 94.0)
    _, (signal,) = say(state, half_hour(last, 94.0))
    assert signal.action is Action.BUY
    assert "oversold" in signal.thesis


def test_a_dip_is_forgotten_after_a_week() -> None:
    state, last = after(97.0, 94.0)
    assert say(state, half_hour(last, 94.0, days=7))[1] == ()


def test_a_deeper_dip_is_said_with_more_confidence() -> None:
    shallow, deep = (say(s, half_hour(b, b.close))[1][0] for s, b in (after(97.5), after(97.0, 93.0)))
    assert shallow.confidence < deep.confidence


def test_a_dip_of_the_whole_market_is_said_with_more_confidence() -> None:
    alone, market = (
        say(s, half_hour(b, b.close))[1][0] for s, b in (after(97.5, symbols=("A", "B", "C")), after(97.5))
    )
    assert alone.confidence < market.confidence
    assert "33% of the market" in alone.thesis


@pytest.mark.parametrize(("fall_atr", "said"), [(1.4, False), (1.6, True)])
def test_a_panic_inside_the_session_is_bought(fall_atr: float, said: bool) -> None:
    """1.5 ATRs below the last close, as set."""
    state, last = after()
    price = last.close - fall_atr * state.tracks["A"].range
    _, signals = say(state, half_hour(last, price))
    assert [s.action for s in signals] == ([Action.BUY] if said else [])


def test_a_recovery_is_sold_only_when_the_position_is_its_own() -> None:
    state, last = after(97.0, 94.0)
    bought, _ = say(state, half_hour(last, 94.0))
    middle = bought.tracks["A"].middle
    _, (signal,) = say(bought, half_hour(last, middle + 0.1), qty=5.0)
    assert signal.action is Action.SELL
    assert say(bought, half_hour(last, middle - 0.1), qty=5.0)[1] == ()
    assert say(state, half_hour(last, middle + 0.1), qty=5.0)[1] == ()


def test_a_strong_close_is_sold_below_the_middle_too() -> None:
    """The two-day RSI recovers long before the average of twenty days does."""
    state, last = after(97.0, 90.0, 85.0, 80.0)
    state, _ = say(state, half_hour(last, 80.0))
    state, last = learn(state, len(QUIET) + 4, 92.0)
    assert last.close < state.tracks["A"].middle
    _, (signal,) = say(state, half_hour(last, 92.0), qty=5.0)
    assert signal.action is Action.SELL
