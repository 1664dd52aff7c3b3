"""Moving averages: simple, exponential, and their difference (MACD)."""

from __future__ import annotations

import math

from tradingd.core.signals.indicators.inputs import Saved, checked, fields, is_usable, unwound


class Sma:
    """Mean of the last `period` inputs."""

    __slots__ = ("_at", "_ring", "_total", "period", "value")

    def __init__(self, period: int, saved: Saved = ()) -> None:
        self.period = checked(period)
        self._at = 0  # where the oldest stands, once the ring is full
        self._total = 0.0
        self._ring: list[float] = []
        if saved:
            at, self._total, *self._ring = saved
            self._at = unwound(at, self._ring, period)
        self.value = self._mean()

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        if len(self._ring) < self.period:
            self._ring.append(x)
            full = len(self._ring) == self.period
        else:
            self._total += x - self._ring[self._at]
            self._ring[self._at] = x
            self._at += 1
            full = self._at == self.period
        if full:
            self._at = 0
            self._total = math.fsum(self._ring)
        self.value = self._mean()

    def _mean(self) -> float | None:
        return self._total / self.period if len(self._ring) == self.period else None

    def scale(self, f: float) -> None:
        self._ring = [x * f for x in self._ring]
        self._total *= f
        self.value = self._mean()

    def save(self) -> Saved:
        return (float(self._at), self._total, *self._ring)


class Ema:
    """Exponential average with weight 2 / (period + 1), seeded with the mean of the first `period` inputs."""

    __slots__ = ("_level", "_seen", "_weight", "period", "value")

    def __init__(self, period: int, saved: Saved = ()) -> None:
        self.period = checked(period)
        self._weight = 2.0 / (period + 1)
        self._seen, self._level = fields(saved, 2)  # _level: the sum of the inputs until seeded, then the average
        self.value = self._level if self._seen >= period else None

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        if self._seen >= self.period:
            self._level += (x - self._level) * self._weight
        else:
            self._seen += 1.0
            self._level += x
            if self._seen < self.period:
                return
            self._level /= self.period
        self.value = self._level

    def scale(self, f: float) -> None:
        self._level *= f
        self.value = self._level if self._seen >= self.period else None

    def save(self) -> Saved:
        return (self._seen, self._level)


class Macd:
    """Fast minus slow Ema (`line`), its Ema (`signal`) and their difference (`value`, the histogram).

    As TA-Lib, all three are None until the signal line is warm: slow + signal - 1 inputs. 0 < fast < slow, 0 < signal.
    """

    __slots__ = ("_fast", "_signal", "_skip", "_slow", "line", "signal", "value")

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9, saved: Saved = ()) -> None:
        if not 0 < fast < slow:
            raise ValueError(f"fast must be > 0 and below slow, not {fast} and {slow}")
        skip, *rest = fields(saved or (float(slow - fast), *(0.0,) * 6), 7)
        self._skip = skip  # inputs until the fast average begins
        self._fast = Ema(fast, tuple(rest[0:2]))
        self._slow = Ema(slow, tuple(rest[2:4]))
        self._signal = Ema(signal, tuple(rest[4:6]))
        self._show()

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        self._slow.update(x)
        if self._skip > 0.0:
            self._skip -= 1.0
            return
        self._fast.update(x)
        if self._fast.value is not None and self._slow.value is not None:
            self._signal.update(self._fast.value - self._slow.value)
            self._show()

    def _show(self) -> None:
        self.line: float | None = None
        self.signal = self._signal.value
        self.value: float | None = None
        if self.signal is not None and self._fast.value is not None and self._slow.value is not None:
            self.line = self._fast.value - self._slow.value
            self.value = self.line - self.signal

    def scale(self, f: float) -> None:
        for part in (self._fast, self._slow, self._signal):
            part.scale(f)
        self._show()

    def save(self) -> Saved:
        return (self._skip, *self._fast.save(), *self._slow.save(), *self._signal.save())
