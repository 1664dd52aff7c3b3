"""Indicators that take one value at a time: O(1) an update, equal to TA-Lib to 1e-9, the same to the bit on every Python.

Each class is made with its period(s) and, for a warm restart, with what `save()` gave: `Ema(20, saved)`. It has `update(...)`,
`value` (None until warm) and `save()`, a flat tuple of floats that a frozen state can hold; `()` is a fresh start. What an
indicator of other periods saved is refused with ValueError where the shape tells. `scale(f)` moves all remembered prices by
the factor f > 0, for a split (2:1 is 0.5). Inputs that are not finite or are beyond 1e15 are passed over: the indicator stays
as it was. `update` never raises.

How each is seeded (as TA-Lib, equal from its first value on, not only after convergence):

- Ema: the first value is the mean of the first `period` inputs; then value += (x - value) * 2 / (period + 1).
- Rsi, Atr (Wilder): the first value is the mean of the first `period` changes (true ranges), which takes period + 1 inputs; then
  value = (value * (period - 1) + x) / period. An RSI without any movement ever is 0.0, as in TA-Lib.
- Macd: the slow average is seeded with its own first `slow` inputs, the fast one with the last `fast` of these, so that both
  begin at the same bar; the signal line with the mean of the first `signal` differences.
- Std, Bollinger, Volatility: the population's deviation (divided by n). Here TA-Lib itself is inexact when nothing moves (it takes
  the difference of two sums of squares): in such windows these are what the definition says.

Running sums are made anew each time the window has gone round, so their error does not grow with the age of the process; that
costs O(1) an update on average. Source: W4.
"""

from __future__ import annotations

from tradingd.core.signals.indicators.averages import Ema, Macd, Sma
from tradingd.core.signals.indicators.extremes import Highest, Lowest
from tradingd.core.signals.indicators.inputs import Saved
from tradingd.core.signals.indicators.spread import Bollinger, Std, Volatility
from tradingd.core.signals.indicators.wilder import Atr, Rsi

__all__ = ["Atr", "Bollinger", "Ema", "Highest", "Lowest", "Macd", "Rsi", "Saved", "Sma", "Std", "Volatility"]
