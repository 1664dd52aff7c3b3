"""Wilder's indicators: relative strength and average true range."""

from __future__ import annotations

from tradingd.core.signals.indicators.inputs import Saved, checked, fields, is_usable


class Rsi:
    """Relative strength index, 0..100; period >= 2. Without any movement ever it is 0.0, as in TA-Lib; while a price that moved
    stands still it stays where it was."""

    __slots__ = ("_gain", "_last", "_loss", "_seen", "period", "value")

    def __init__(self, period: int = 14, saved: Saved = ()) -> None:
        self.period = checked(period, 2)
        self._seen, self._last, self._gain, self._loss = fields(saved, 4)  # sums until seeded, then averages
        self.value = self._index()

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        change = x - self._last
        self._last = x
        if self._seen == 0.0:
            self._seen = 1.0
            return
        gain, loss = (change, 0.0) if change > 0.0 else (0.0, -change)
        n = self.period
        if self._seen > n:
            self._gain = (self._gain * (n - 1) + gain) / n
            self._loss = (self._loss * (n - 1) + loss) / n
        else:
            self._seen += 1.0
            self._gain += gain
            self._loss += loss
            if self._seen > n:
                self._gain /= n
                self._loss /= n
        self.value = self._index()

    def _index(self) -> float | None:
        if self._seen <= self.period:
            return None
        moved = self._gain + self._loss
        return 100.0 * (self._gain / moved) if moved > 0.0 else 0.0

    def scale(self, f: float) -> None:
        self._last *= f
        self._gain *= f
        self._loss *= f

    def save(self) -> Saved:
        return (self._seen, self._last, self._gain, self._loss)


class Atr:
    """Average true range, in the unit of the price. Takes high, low, close of each bar; the first bar has no true range."""

    __slots__ = ("_close", "_level", "_seen", "period", "value")

    def __init__(self, period: int = 14, saved: Saved = ()) -> None:
        self.period = checked(period)
        self._seen, self._close, self._level = fields(saved, 3)  # _level: sum of true ranges until seeded
        self.value = self._level if self._seen > period else None

    def update(self, high: float, low: float, close: float) -> None:
        if not (is_usable(high) and is_usable(low) and is_usable(close)):
            return
        true_range = max(high - low, abs(high - self._close), abs(low - self._close))
        self._close = close
        if self._seen == 0.0:
            self._seen = 1.0
            return
        n = self.period
        if self._seen > n:
            self._level = (self._level * (n - 1) + true_range) / n
        else:
            self._seen += 1.0
            self._level += true_range
            if self._seen <= n:
                return
            self._level /= n
        self.value = self._level

    def scale(self, f: float) -> None:
        self._close *= f
        self._level *= f
        self.value = self._level if self._seen > self.period else None

    def save(self) -> Saved:
        return (self._seen, self._close, self._level)
