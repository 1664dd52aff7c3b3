"""Highest and lowest of a window, for breakouts."""

from __future__ import annotations

from collections import deque

from tradingd.core.signals.indicators.inputs import Saved, checked, is_usable


class Highest:
    """The highest of the last `period` inputs.

    Only inputs that can still become the highest are kept (each lower than the one before it), so an update is O(1) on average.
    """

    __slots__ = ("_kept", "_seen", "period", "value")

    _sign = 1.0

    def __init__(self, period: int, saved: Saved = ()) -> None:
        self.period = checked(period)
        self._seen = 0  # counts up to 2 * period, then only the ages matter and it is set back
        self._kept: deque[tuple[int, float]] = deque()  # (when seen, signed value), oldest and highest first
        if saved:
            self._seen = int(saved[0])
            self._kept.extend((int(n), x) for n, x in zip(saved[1::2], saved[2::2], strict=True))
            if not self._kept or self._kept[-1][0] != self._seen or self._kept[0][0] <= self._seen - period:
                raise ValueError(f"this was not saved by a window of {period}")
        self._show()

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        signed = x * self._sign
        self._seen += 1
        while self._kept and self._kept[-1][1] <= signed:
            self._kept.pop()
        self._kept.append((self._seen, signed))
        if self._kept[0][0] <= self._seen - self.period:
            self._kept.popleft()
        if self._seen >= 2 * self.period:
            self._kept = deque((n - self.period, y) for n, y in self._kept)
            self._seen -= self.period
        self._show()

    def _show(self) -> None:
        self.value = self._kept[0][1] * self._sign if self._seen >= self.period else None

    def scale(self, f: float) -> None:
        self._kept = deque((n, x * f) for n, x in self._kept)
        self._show()

    def save(self) -> Saved:
        if not self._kept:
            return ()
        return (float(self._seen), *(y for n, x in self._kept for y in (float(n), x)))


class Lowest(Highest):
    """The lowest of the last `period` inputs."""

    __slots__ = ()

    _sign = -1.0
