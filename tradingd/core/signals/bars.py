"""What every bar strategy asks of a bar: is it usable, and which day is it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from tradingd.core.events import Bar
from tradingd.core.types import NS

DAY_S = 86_400
PRICE_MAX = 1e12  # above any price of anything; a bar beyond it is garbage
_EPOCH = date(1970, 1, 1).toordinal()
_LAST = date.max.toordinal()


def is_usable(bar: Bar) -> bool:
    """Whether open, high, low and close are positive, finite and in order (low <= open, close <= high). NaN is not. Source: B7."""
    return (
        0.0 < bar.low <= bar.open <= bar.high <= PRICE_MAX
        and bar.low <= bar.close <= bar.high
    )  # fmt: skip


def is_near(close: float, previous: float, factor: float = 3.0) -> bool:
    """Whether a close could follow the previous one: within `factor` (> 1) of it, up or down. Both > 0."""
    return previous <= close * factor and close <= previous * factor


def date_of(ts: int) -> str:
    """The UTC date of a time in ns, "2008-10-06". Sessions in New York lie within one UTC date; clamped to the calendar."""
    return _date(ts // (DAY_S * NS))


@lru_cache(maxsize=256)
def _date(day: int) -> str:
    return date.fromordinal(min(max(_EPOCH + day, 1), _LAST)).isoformat()
