"""How alike the daily returns of two instruments are: Pearson's coefficient, worked out when asked for and kept until a new daily
bar comes. Observed state: floats, never journaled, learned again from the bars after a restart. Source: E7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from itertools import pairwise
from math import fsum, inf, isfinite, sqrt

from tradingd.core.book.market import Market
from tradingd.core.events import Bar
from tradingd.core.types import Symbol

FLAT = 1e-12  # returns that spread less than this are constant but for their last digits
DateOf = Callable[[int], str]


class Closes:
    """The daily closes of one market by exchange date, oldest first. first, second, last: of the bars they were taken from.
    dates: of the bars, by their end, ns."""

    __slots__ = ("by_date", "count", "dates", "first", "last", "second")

    def __init__(self, bars: Sequence[Bar], date_of: DateOf, known: dict[int, str]) -> None:
        self.count = len(bars)
        self.last = bars[-1] if bars else None
        self.first = bars[0] if bars else None
        self.second = bars[1] if len(bars) > 1 else None
        self.dates = {bar.ts: known.get(bar.ts) or _date(bar, date_of) for bar in bars}
        by_date = {self.dates[bar.ts]: bar.close for bar in bars if _is_price(bar.close)}
        self.by_date = dict(sorted(by_date.items()))

    def of(self, bars: Sequence[Bar]) -> bool:
        """Whether these are the bars they were taken from. A split that is told late makes the older ones anew, not the newest."""
        return bool(bars) and self.last is bars[-1] and self.first is bars[0]

    def grown(self, bars: Sequence[Bar], date_of: DateOf) -> Closes | None:
        """What `Closes(bars)` is, where bars are those these were taken from and one more at the end, the oldest perhaps gone; None
        where they are others, or the new one does not come last."""
        gone = self.count + 1 - len(bars)
        if gone not in (0, 1) or len(bars) < 2 or bars[-2] is not self.last or len(self.dates) != self.count:
            return None
        if bars[0] is not (self.second if gone else self.first):
            return None
        bar = bars[-1]
        date = _date(bar, date_of)
        if bar.ts in self.dates or (self.by_date and date < next(reversed(self.by_date))):
            return None
        found = copy(self)
        found.count, found.first, found.second, found.last = len(bars), bars[0], bars[1], bar
        found.dates, found.by_date = {**self.dates, bar.ts: date}, dict(self.by_date)
        if gone:
            oldest = found.dates.pop(next(iter(found.dates)))
            if oldest in found.dates.values():
                return None
            found.by_date.pop(oldest, None)
        if _is_price(bar.close):
            found.by_date[date] = bar.close
        return found


def _date(bar: Bar, date_of: DateOf) -> str:
    return date_of(bar.ts - 1)  # midnight ends its day


def _is_price(close: float) -> bool:
    return 0.0 < close < inf


class Correlations:
    """The matrix of one account: each pair once, whichever way round it is asked for. A question about a pair whose bars have not
    changed costs two look-ups."""

    __slots__ = ("_closes", "_pairs")

    def __init__(self) -> None:
        self._closes: dict[Symbol, Closes] = {}
        self._pairs: dict[tuple[Symbol, Symbol], tuple[Closes, Closes, int, int, float | None]] = {}

    def pair(self, a: Market, b: Market, date_a: DateOf, date_b: DateOf, *, days: int, days_min: int) -> float | None:
        """-1..1, of the last `days` returns between days on which both have a bar; None when there are fewer than `days_min`, or
        one of the two did not vary. date_a, date_b: the exchange-local date of a bar's end, ns."""
        if b.instrument.symbol < a.instrument.symbol:
            a, b, date_a, date_b = b, a, date_b, date_a
        first, second = self._of(a, date_a), self._of(b, date_b)
        key = (a.instrument.symbol, b.instrument.symbol)
        known = self._pairs.get(key)
        if known is not None and known[0] is first and known[1] is second and known[2:4] == (days, days_min):
            return known[4]
        found = _measure(first, second, days, days_min)
        self._pairs[key] = (first, second, days, days_min, found)
        return found

    def _of(self, market: Market, date_of: DateOf) -> Closes:
        known = self._closes.get(market.instrument.symbol)
        if known is None or not known.of(market.bars):
            now = known.grown(market.bars, date_of) if known is not None else None
            if now is None:
                now = Closes(market.bars, date_of, known.dates if known is not None else {})
            known = self._closes[market.instrument.symbol] = now
        return known


def _measure(first: Closes, second: Closes, days: int, days_min: int) -> float | None:
    common = [date for date in first.by_date if date in second.by_date][-days - 1 :]
    if len(common) <= days_min:
        return None
    return pearson(
        returns([first.by_date[date] for date in common]), returns([second.by_date[date] for date in common])
    )


def returns(closes: list[float]) -> list[float]:
    """Simple returns, close / close before - 1: one fewer than closes."""
    return [after / before - 1.0 for before, after in pairwise(closes)]


def pearson(xs: list[float], ys: list[float]) -> float | None:
    """The correlation of two rows of the same length, -1..1; None for fewer than two values, one that is no finite number, or a row
    that does not vary."""
    n = len(xs)
    if n < 2 or not all(map(isfinite, xs)) or not all(map(isfinite, ys)):
        return None
    dx, dy = _off_mean(xs), _off_mean(ys)
    spread_x, spread_y = sqrt(fsum([x * x for x in dx])), sqrt(fsum([y * y for y in dy]))
    least = FLAT * sqrt(n)
    if not (least < spread_x < inf and least < spread_y < inf):
        return None
    found = fsum([x / spread_x * (y / spread_y) for x, y in zip(dx, dy, strict=True)])
    return min(1.0, max(-1.0, found))


def _off_mean(values: list[float]) -> list[float]:
    mean = fsum(values) / len(values)
    return [value - mean for value in values]
