"""Laws that hold for every indicator."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.signals.indicators import (
    Atr,
    Bollinger,
    Ema,
    Highest,
    Lowest,
    Macd,
    Rsi,
    Saved,
    Sma,
    Std,
    Volatility,
)  # fmt: skip

MAKERS: dict[str, Callable[[Saved], Any]] = {
    "sma": lambda s: Sma(4, s),
    "ema": lambda s: Ema(4, s),
    "macd": lambda s: Macd(2, 4, 3, s),
    "rsi": lambda s: Rsi(3, s),
    "std": lambda s: Std(4, s),
    "bollinger": lambda s: Bollinger(4, 2.0, s),
    "volatility": lambda s: Volatility(4, 252.0, s),
    "highest": lambda s: Highest(4, s),
    "lowest": lambda s: Lowest(4, s),
    "atr": lambda s: _Atr(3, s),
}
prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40)
anything = st.lists(st.floats(), max_size=40)


class _Atr(Atr):
    """Fed with one number, so that it can stand in the table."""

    def update(self, x: float) -> None:  # type: ignore[override]
        super().update(x * 1.01, x * 0.99, x)


def lines(indicator: Any) -> list[float | None]:
    return [getattr(indicator, n, None) for n in ("value", "line", "signal", "mean", "lower", "upper")]


def fed(name: str, xs: list[float]) -> Any:
    indicator = MAKERS[name](())
    for x in xs:
        indicator.update(x)
    return indicator


@pytest.mark.parametrize("name", MAKERS)
@given(before=prices, after=prices)
def test_saved_and_loaded_goes_on_as_if_never_stopped(name: str, before: list[float], after: list[float]) -> None:
    """W4: warm restart, to the bit, through JSON, at any moment of warm-up."""
    one = fed(name, before)
    saved = msgspec.json.decode(msgspec.json.encode(one.save()), type=Saved)
    two = MAKERS[name](saved)
    assert lines(two) == lines(one)
    for x in after:
        one.update(x)
        two.update(x)
        assert lines(two) == lines(one)
        assert two.save() == one.save()


@pytest.mark.parametrize("name", MAKERS)
@given(xs=anything)
def test_update_never_raises_and_values_stay_finite(name: str, xs: list[float]) -> None:
    """B7: NaN, infinities and absurd sizes do not poison an indicator."""
    for v in lines(fed(name, xs)):
        assert v is None or math.isfinite(v)


@pytest.mark.parametrize("name", MAKERS)
@given(xs=prices, bad=st.sampled_from([math.nan, math.inf, -math.inf, 1e300]), at=st.integers(0, 40))
def test_unusable_input_is_passed_over(name: str, xs: list[float], bad: float, at: int) -> None:
    assert fed(name, [*xs[:at], bad, *xs[at:]]).save() == fed(name, xs).save()


@given(xs=prices)
def test_windows_equal_their_definitions(xs: list[float]) -> None:
    """Running sums and kept extremes against a look at the whole window."""
    sma, std, high, low = (fed(n, xs) for n in ("sma", "std", "highest", "lowest"))
    if len(xs) < 4:
        assert sma.value is std.value is high.value is low.value is None
        return
    window = xs[-4:]
    mean = math.fsum(window) / 4
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in window) / 4)
    scale = max(xs)
    assert math.isclose(sma.value, mean, rel_tol=1e-9, abs_tol=1e-9 * scale)
    assert math.isclose(std.value, deviation, rel_tol=1e-6, abs_tol=1e-6 * scale)
    assert (high.value, low.value) == (max(window), min(window))


@pytest.mark.parametrize("name", MAKERS)
@given(xs=prices, more=prices)
def test_scaling_by_a_split_equals_having_seen_new_prices(name: str, xs: list[float], more: list[float]) -> None:
    """A 2:1 split: halving what is remembered is the same, to the bit, as having seen halved prices."""
    one = fed(name, xs)
    one.scale(0.5)
    two = fed(name, [x * 0.5 for x in xs])
    for x in more:
        one.update(x * 0.5)
        two.update(x * 0.5)
    assert lines(one) == lines(two)


@given(xs=st.lists(st.floats(0.01, 1e6), min_size=4, max_size=40))
def test_rsi_lies_between_0_and_100(xs: list[float]) -> None:
    value = fed("rsi", xs).value
    assert 0.0 <= value <= 100.0
