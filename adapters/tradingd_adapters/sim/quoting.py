"""How data that has no quotes is shown as quotes: prints and bars by stated rules.

The quote around a price p, on the instrument's grid of `tick`:
    spread = max(tick, p * spread_bps / 10,000), rounded up to the grid
    bid = p - (spread - tick) / 2, rounded down to the grid;   ask = bid + spread

A print is shown as one such quote of its size. A bar becomes a path of straight lines, open to close, by way of its low first when
it rose (close >= open), else of its high first; the turns are at a third and at two thirds of its time. A quote stands at each of
n + 1 even moments from its begin to its end: n is one for every five minutes, and at least 3. Displayed on each side: `size_share`
of volume / n, in whole lots, at least one. Where the data knows no size, size limits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from typing import Protocol

import msgspec

from tradingd.core.events import Bar
from tradingd.core.types import NS, Instrument, Symbol

SLOT_NS = 300 * NS
TURNS = 3  # a path has three legs
UNKNOWN_SIZE = 1e12
EPS = 1e-9  # of a tick: what a division may be off by


class QuotingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """spread_bps: hundredths of a percent of the price, 0 .. 1000.   size_share: of what traded in that time, > 0 and at most 1."""

    spread_bps: float = 2.0
    size_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.spread_bps <= 1000:
            raise ValueError("spread_bps must be 0 .. 1000")
        if not 0 < self.size_share <= 1:
            raise ValueError("size_share must be above 0 and at most 1")


class Print(Protocol):
    """A trade somebody else made. ts: ns.   size: 0 when the data does not say."""

    @property
    def ts(self) -> int: ...

    @property
    def symbol(self) -> Symbol: ...

    @property
    def price(self) -> float: ...

    @property
    def size(self) -> float: ...


class Quoting:
    """The rules above for one instrument."""

    __slots__ = ("_den", "_lot", "_num", "_share", "_spread")

    def __init__(self, instrument: Instrument, settings: QuotingSettings) -> None:
        self._num, self._den = instrument.tick.as_integer_ratio()
        self._lot = float(instrument.lot)
        self._spread = settings.spread_bps / 10_000
        self._share = settings.size_share

    @property
    def terms(self) -> tuple[int, int, float]:
        """(numerator and denominator of the tick, spread as a share of the price)."""
        return self._num, self._den, self._spread

    def around(self, price: float) -> tuple[float, float]:
        """(bid, ask) of a price; bid <= price <= ask."""
        ticks = price * self._den / self._num
        spread = max(1, ceil(ticks * self._spread - EPS))
        bid = floor(ticks - (spread - 1) / 2 + EPS)
        return bid * self._num / self._den, (bid + spread) * self._num / self._den

    def of_print(self, price: float, size: float) -> tuple[float, float, float]:
        """(bid, ask, size on each side)."""
        return *self.around(price), size if size > 0 else UNKNOWN_SIZE

    def of_bar(self, bar: Bar, begin: int) -> Iterator[tuple[int, float, float, float, float]]:
        """(ts, price, bid, ask, size on each side) of a bar that began at `begin`, ns."""
        span = bar.ts - begin
        n = max(TURNS, span // SLOT_NS)
        size = floor(bar.volume * self._share / n / self._lot) * self._lot
        shown = max(size, self._lot) if bar.volume > 0 else UNKNOWN_SIZE
        for i, price in enumerate(path(bar, n)):
            yield begin + span * i // n, price, *self.around(price), shown


def path(bar: Bar, n: int) -> Iterator[float]:
    """n + 1 prices of a bar's path; n >= 3."""
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    turns = (0, n // TURNS, 2 * n // TURNS, n)
    prices = (bar.open, first, second, bar.close)
    for leg in range(TURNS):
        a, b = turns[leg], turns[leg + 1]
        for i in range(a, b):
            yield prices[leg] + (prices[leg + 1] - prices[leg]) * (i - a) / (b - a)
    yield bar.close
