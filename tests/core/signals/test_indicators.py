"""Indicators against TA-Lib on walks of different temper."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib

from tradingd.core.signals.indicators import Atr, Bollinger, Ema, Highest, Lowest, Macd, Rsi, Sma, Std, Volatility


def walk(seed: int, n: int = 600, start: float = 100.0) -> np.ndarray:
    """A price walk of a linear congruential generator: the same numbers everywhere."""
    x, price, out = seed, start, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2**31
        price *= 1.0 + (x / 2**31 - 0.5) * 0.06
        out.append(price)
    return np.array(out)


WALKS = [walk(1), walk(2, start=0.7), walk(3, start=5000.0)]
CLOSE: dict[str, tuple[Callable[[], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "sma": (lambda: Sma(20), lambda c: talib.SMA(c, 20)),
    "sma 1": (lambda: Sma(1), lambda c: c),
    "ema": (lambda: Ema(21), lambda c: talib.EMA(c, 21)),
    "rsi 14": (lambda: Rsi(14), lambda c: talib.RSI(c, 14)),
    "rsi 2": (lambda: Rsi(2), lambda c: talib.RSI(c, 2)),
    "std": (lambda: Std(20), lambda c: talib.STDDEV(c, 20)),
    "volatility": (lambda: Volatility(20, 252.0), lambda c: talib.STDDEV(talib.ROCP(c, 1), 20) * np.sqrt(252.0)),
    "bollinger middle": (lambda: Bollinger(20, 2.0), lambda c: talib.BBANDS(c, 20, 2.0, 2.0)[1]),
    "macd histogram": (lambda: Macd(12, 26, 9), lambda c: talib.MACD(c, 12, 26, 9)[2]),
    "highest": (lambda: Highest(10), lambda c: talib.MAX(c, 10)),
    "lowest": (lambda: Lowest(10), lambda c: talib.MIN(c, 10)),
}


def agree(ours: list[float | None], theirs: np.ndarray) -> None:
    """Equal from the first value on, relative to the size of the numbers; None exactly where TA-Lib has NaN."""
    assert [v is None for v in ours] == [bool(b) for b in np.isnan(theirs)]
    ok = ~np.isnan(theirs)
    mine = np.array([v for v in ours if v is not None])
    assert len(mine) > 100
    np.testing.assert_allclose(mine, theirs[ok], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CLOSE)
@pytest.mark.parametrize("prices", WALKS, ids=["plain", "cents", "thousands"])
def test_close_indicators_equal_ta_lib(name: str, prices: np.ndarray) -> None:
    """W4: to 1e-9, warm-up included."""
    make, reference = CLOSE[name]
    indicator, ours = make(), []
    for x in prices.tolist():
        indicator.update(x)
        ours.append(indicator.value)
    agree(ours, reference(prices))


@pytest.mark.parametrize("prices", WALKS, ids=["plain", "cents", "thousands"])
def test_all_lines_equal_ta_lib(prices: np.ndarray) -> None:
    """W4: the lines beside `value`: both bands, the MACD and its signal."""
    band, macd = Bollinger(20, 2.5), Macd(8, 17, 9)
    lines: list[list[float | None]] = [[], [], [], []]
    for x in prices.tolist():
        band.update(x)
        macd.update(x)
        for line, v in zip(lines, (band.upper, band.lower, macd.line, macd.signal), strict=True):
            line.append(v)
    upper, _, lower = talib.BBANDS(prices, 20, 2.5, 2.5)
    macd_line, signal, _ = talib.MACD(prices, 8, 17, 9)
    for ours, theirs in zip(lines, (upper, lower, macd_line, signal), strict=True):
        agree(ours, theirs)


@pytest.mark.parametrize("period", [1, 2, 14])
def test_atr_equals_ta_lib(period: int) -> None:
    """W4."""
    close = walk(4)
    high, low = close * (1.0 + np.abs(walk(5) % 0.03)), close * (1.0 - np.abs(walk(6) % 0.03))
    atr, ours = Atr(period), []
    for h, low_, c in zip(high.tolist(), low.tolist(), close.tolist(), strict=True):
        atr.update(h, low_, c)
        ours.append(atr.value)
    agree(ours, talib.ATR(high, low, close, period))


def test_flat_prices() -> None:
    """A halted symbol: no deviation, an RSI of 0 as in TA-Lib, no division by zero."""
    std, rsi, volatility = Std(5), Rsi(2), Volatility(5)
    for _ in range(20):
        for indicator in (std, rsi, volatility):
            indicator.update(0.1)
    assert (std.value, std.mean, rsi.value, volatility.value) == (0.0, 0.1, 0.0, 0.0)


def test_no_value_before_warm_up() -> None:
    sma = Sma(3)
    seen = []
    for x in (1.0, 2.0, 3.0, 4.0):
        sma.update(x)
        seen.append(sma.value)
    assert seen == [None, None, 2.0, 3.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sma(0), lambda: Rsi(1), lambda: Macd(26, 12), lambda: Macd(0, 12), lambda: Bollinger(20, 0.0),
        lambda: Volatility(20, 0.0), lambda: Highest(0),
    ],
)  # fmt: skip
def test_impossible_periods_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sma(2, (0.0, 6.0, 1.0, 2.0, 3.0)), lambda: Sma(5, (1.0, 6.0, 1.0, 2.0, 3.0)), lambda: Ema(5, (1.0,)),
        lambda: Std(2, (0.0, 2.0, 0.0, 2.0, 1.0, 2.0, 3.0)), lambda: Highest(2, (5.0, 1.0, 3.0, 5.0, 2.0)),
    ],
)  # fmt: skip
def test_a_window_of_another_length_is_refused(make: Callable[[], object]) -> None:
    """W4: a warm restart under other periods must not go on with the wrong window."""
    with pytest.raises(ValueError, match=r"not saved|expected"):
        make()
