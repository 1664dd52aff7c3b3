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


def with_spells(c: np.ndarray) -> np.ndarray:
    """The same with four long spells without any move: a halted symbol, a holiday, a peg."""
    c = c.copy()
    for first, last in ((40, 75), (150, 190), (300, 302), (500, 560)):
        c[first:last] = c[first]
    return c


def with_gaps(c: np.ndarray) -> np.ndarray:
    """The same with a jump every 37 inputs, by a fifth to a half, up and down in turn."""
    jumps = np.ones(len(c))
    jumps[37::74], jumps[74::74] = 1.5, 0.7
    return c * np.cumprod(jumps)


WALKS = [
    walk(1),
    walk(2, start=0.7),
    walk(3, start=5000.0),
    with_spells(walk(7)),
    with_gaps(walk(8)),
    with_gaps(with_spells(walk(9))),
]
NAMES = ["plain", "cents", "thousands", "flat spells", "gaps", "flat and gaps"]
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


TIGHT = 1e-9


def apart(ours: list[float | None], theirs: np.ndarray) -> float:
    """How far they are from each other at most: of 1 and the size of the number. Infinite unless None stands exactly where TA-Lib
    has NaN, and with too few values to say anything."""
    known = ~np.isnan(theirs)
    if [v is not None for v in ours] != known.tolist() or np.count_nonzero(known) <= 100:
        return np.inf
    mine = np.array([v for v in ours if v is not None])
    return float(np.max(np.abs(mine - theirs[known]) / (1.0 + np.abs(theirs[known]))))


# where nothing moves TA-Lib's deviation keeps the rest of a difference of sums: there NumPy judges, in a test of its own
SPREADS = {"std", "volatility", "bollinger middle"}
MOVING = [(walk_, name) for walk_, name in zip(WALKS, NAMES, strict=True) if "flat" not in name]
CASES = [
    pytest.param(indicator, walk_, id=f"{indicator}-{name}")
    for indicator in CLOSE
    for walk_, name in zip(WALKS, NAMES, strict=True)
    if indicator not in SPREADS or "flat" not in name
]


@pytest.mark.parametrize(("name", "prices"), CASES)
def test_close_indicators_equal_ta_lib(name: str, prices: np.ndarray) -> None:
    """W4: to 1e-9, warm-up included."""
    make, reference = CLOSE[name]
    indicator, ours = make(), []
    for x in prices.tolist():
        indicator.update(x)
        ours.append(indicator.value)
    assert apart(ours, reference(prices)) <= TIGHT


@pytest.mark.parametrize("prices", [w for w, _ in MOVING], ids=[name for _, name in MOVING])
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
        assert apart(ours, theirs) <= TIGHT


@pytest.mark.parametrize("prices", WALKS, ids=NAMES)
@pytest.mark.parametrize("period", [1, 2, 14])
def test_atr_equals_ta_lib(period: int, prices: np.ndarray) -> None:
    """W4: gaps between the last close and the new range count, a bar without a range is none."""
    wide = np.where(np.diff(prices, prepend=0.0) == 0.0, 0.0, 1.0)
    high, low = prices * (1.0 + wide * (walk(5) % 0.03)), prices * (1.0 - wide * (walk(6) % 0.03))
    atr, ours = Atr(period), []
    for h, low_, c in zip(high.tolist(), low.tolist(), prices.tolist(), strict=True):
        atr.update(h, low_, c)
        ours.append(atr.value)
    assert apart(ours, talib.ATR(high, low, prices, period)) <= TIGHT


@pytest.mark.parametrize("prices", WALKS, ids=NAMES)
def test_macd_is_the_difference_of_two_averages_with_seeds_of_their_own(prices: np.ndarray) -> None:
    """W4: the slow average begins with the mean of its first 26 inputs, the fast one with that of the last 12 of these, the signal
    with that of its first 9 differences; made of TA-Lib's EMA alone."""
    slow, fast = talib.EMA(prices, 26), np.concatenate([np.full(14, np.nan), talib.EMA(prices[14:], 12)])
    line = fast - slow
    signal = np.concatenate([np.full(25, np.nan), talib.EMA(line[25:], 9)])
    macd, ours = Macd(12, 26, 9), ([], [], [])
    for x in prices.tolist():
        macd.update(x)
        for lines, v in zip(ours, (macd.line, macd.signal, macd.value), strict=True):
            lines.append(v)
    known = ~np.isnan(signal)
    assert apart(ours[0], np.where(known, line, np.nan)) <= TIGHT
    assert apart(ours[1], signal) <= TIGHT
    assert apart(ours[2], line - signal) <= TIGHT


@pytest.mark.parametrize("prices", WALKS, ids=NAMES)
def test_deviations_equal_numpy(prices: np.ndarray) -> None:
    """W4: of the population, by its definition over each window; where nothing moves it is 0, where TA-Lib's sums leave a rest."""
    returns = np.diff(prices) / prices[:-1]
    std, volatility = Std(20), Volatility(20, 252.0)
    for i, x in enumerate(prices.tolist(), 1):
        std.update(x)
        volatility.update(x)
        if i >= 20:
            window = prices[i - 20 : i]
            np.testing.assert_allclose([std.mean, std.value], [window.mean(), window.std()], rtol=1e-9, atol=1e-9)
        if i >= 21:
            expected = returns[i - 21 : i - 1].std() * np.sqrt(252.0)
            np.testing.assert_allclose(volatility.value, expected, rtol=1e-9, atol=1e-9)


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
