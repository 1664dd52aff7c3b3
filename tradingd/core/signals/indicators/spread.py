"""How far values spread: deviation, Bollinger bands, volatility."""

from __future__ import annotations

import math

from tradingd.core.signals.indicators.inputs import Saved, checked, is_usable, unwound

_WORN = 1e-4  # of the square of a distance: a smaller variance has less than nine digits left
_SAME = 1e-12  # of the reference: nearer than that there is nothing to lose


class Std:
    """Standard deviation of the last `period` inputs (population), with their `mean`.

    Sums are kept of the distances from a nearby reference, not of the values, so that prices far from zero lose no digits. They are
    made anew as well when the window has become much quieter than the reference is far or than what has just left it: after a gap
    and a halt the deviation is that of the halt, not the rest of a difference of two large sums.
    """

    __slots__ = ("_at", "_origin", "_ring", "_sum", "_sum2", "mean", "period", "value")

    def __init__(self, period: int, saved: Saved = ()) -> None:
        self.period = checked(period)
        self._at = 0
        self._origin = self._sum = self._sum2 = 0.0
        self._ring: list[float] = []
        if saved:
            at, self._origin, self._sum, self._sum2, *self._ring = saved
            self._at = unwound(at, self._ring, period)
        self._show()

    def update(self, x: float) -> None:
        if not is_usable(x):
            return
        if len(self._ring) < self.period:
            self._ring.append(x)
            full = len(self._ring) == self.period
        else:
            new, old = x - self._origin, self._ring[self._at] - self._origin
            self._sum += new - old
            self._sum2 += new * new - old * old
            self._ring[self._at] = x
            self._at += 1
            full = self._at == self.period or self._is_worn(old)
        if full:
            self._renew()
        self._show()

    def _is_worn(self, left: float) -> bool:
        """Have the sums lost digits that the window needs? left: the distance that has just gone out of it."""
        shift = self._sum / self.period
        spread = self._sum2 / self.period - shift * shift
        return max(left * left, shift * shift) * _WORN > spread and abs(shift) + abs(left) > abs(self._origin) * _SAME

    def _renew(self) -> None:
        self._ring = self._ring[self._at :] + self._ring[: self._at]
        self._at = 0
        self._origin = math.fsum(self._ring) / self.period
        self._sum = math.fsum(x - self._origin for x in self._ring)
        self._sum2 = math.fsum((x - self._origin) * (x - self._origin) for x in self._ring)

    def _show(self) -> None:
        self.mean: float | None = None
        self.value: float | None = None
        if len(self._ring) == self.period:
            shift = self._sum / self.period
            self.mean = self._origin + shift
            self.value = math.sqrt(max(0.0, self._sum2 / self.period - shift * shift))

    def scale(self, f: float) -> None:
        self._ring = [x * f for x in self._ring]
        self._origin *= f
        self._sum *= f
        self._sum2 *= f * f
        self._show()

    def save(self) -> Saved:
        return (float(self._at), self._origin, self._sum, self._sum2, *self._ring)


class Bollinger:
    """Bands of `width` deviations around the mean: `lower`, `value` (the middle), `upper`; None until warm. width > 0."""

    __slots__ = ("_std", "width")

    def __init__(self, period: int = 20, width: float = 2.0, saved: Saved = ()) -> None:
        if not width > 0.0:
            raise ValueError(f"width must be > 0, not {width}")
        self.width = width
        self._std = Std(period, saved)

    def update(self, x: float) -> None:
        self._std.update(x)

    @property
    def value(self) -> float | None:
        return self._std.mean

    @property
    def lower(self) -> float | None:
        return self._band(-self.width)

    @property
    def upper(self) -> float | None:
        return self._band(self.width)

    def _band(self, deviations: float) -> float | None:
        mean, std = self._std.mean, self._std.value
        return None if mean is None or std is None else mean + deviations * std

    def scale(self, f: float) -> None:
        self._std.scale(f)

    def save(self) -> Saved:
        return self._std.save()


class Volatility:
    """Deviation of the simple returns x / previous - 1 of the last `period` steps, times the root of `per_year` steps.

    0.20 = 20 % a year; per_year=1 gives it per step. Inputs must be > 0 and are passed over otherwise. Simple, not logarithmic,
    returns: a logarithm's last digit differs between machines, and a decision must not.
    """

    __slots__ = ("_last", "_root", "_std", "value")

    def __init__(self, period: int = 20, per_year: float = 252.0, saved: Saved = ()) -> None:
        if not per_year > 0.0:
            raise ValueError(f"per_year must be > 0, not {per_year}")
        self._root = math.sqrt(per_year)
        self._last = saved[0] if saved else 0.0
        self._std = Std(period, saved[1:])
        self._show()

    def update(self, x: float) -> None:
        if not (is_usable(x) and x > 0.0):
            return
        if self._last > 0.0:
            self._std.update(x / self._last - 1.0)
            self._show()
        self._last = x

    def _show(self) -> None:
        self.value = None if self._std.value is None else self._std.value * self._root

    def scale(self, f: float) -> None:
        self._last *= f

    def save(self) -> Saved:
        return (self._last, *self._std.save())
