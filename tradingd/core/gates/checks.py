"""What all gates share: how a measured value is written into a check, and which reasons a row of checks gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite

from tradingd.core.facts import PRECEDENCE, Check, Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000


def shown(x: float | None) -> float | str | None:
    """A measured number as a check may carry it: JSON has no nan and no infinity, so those become text."""
    return x if x is None or isfinite(x) else repr(x)


def iso(ts: int) -> str:
    """ns since the epoch as ISO text in UTC, to the microsecond; the number itself where a calendar cannot hold it."""
    days, rest = divmod(ts // 1000, _DAY_US)
    try:
        date = _date(days)
    except OverflowError:
        return str(ts)
    seconds, us = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    fraction = f".{us:06d}" if us else ""
    return f"{date}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{fraction}+00:00"


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """A day since the epoch as ISO text; OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(days=days)).date().isoformat()


def refusals(checks: Iterable[Check]) -> tuple[Reason, ...]:
    """Every reason of the failed checks, once each, in order of precedence: the first is the headline. Source: E11."""
    found = {check.reason for check in checks if check.ok is False and check.reason is not None}
    return tuple(sorted(found, key=PRECEDENCE.__getitem__)) if found else ()


def ratio(owner: str, name: str, x: float, *, low: float = 0.0, high: float = 1.0) -> None:
    """Settings door: x must be a finite number in low..high, or ValueError names the field."""
    if not (isfinite(x) and low <= x <= high):
        raise ValueError(f"{owner}.{name} must be between {low:g} and {high:g} (0.10 means 10 %), not {x!r}")


def count(owner: str, name: str, x: int, *, low: int = 0, high: int = 1_000_000) -> None:
    """Settings door: x must be a whole number in low..high, or ValueError names the field."""
    if not low <= x <= high:
        raise ValueError(f"{owner}.{name} must be between {low} and {high}, not {x!r}")
