"""What all gates share: how a measured value is written into a check, and which reasons a row of checks gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite

from tradingd.core.facts import PRECEDENCE, Check, Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_US = 60_000_000


def shown(x: float | None) -> float | str | None:
    """A measured number as a check may carry it: JSON has no nan and no infinity, so those become text."""
    return x if x is None or isfinite(x) else repr(x)


@lru_cache(maxsize=64)  # one decision shows the same few moments again and again
def iso(ts: int) -> str:
    """ns since the epoch as ISO text in UTC, to the microsecond; the number itself where a calendar cannot hold it."""
    minutes, rest = divmod(ts // 1000, _MINUTE_US)
    try:
        minute = _minute(minutes)
    except OverflowError:
        return str(ts)
    second, us = divmod(rest, 1_000_000)
    return f"{minute}:{second:02d}.{us:06d}+00:00" if us else f"{minute}:{second:02d}+00:00"


@lru_cache(maxsize=64)
def _minute(minutes: int) -> str:
    """A minute since the epoch as ISO text; OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:16]


def refusals(checks: Iterable[Check]) -> tuple[Reason, ...]:
    """Every reason of the failed checks, once each, in order of precedence: the first is the headline. Source: E11."""
    failed = [check.reason for check in checks if check.ok is False]
    if not failed:
        return ()
    return tuple(sorted({reason for reason in failed if reason is not None}, key=PRECEDENCE.__getitem__))


def ratio(owner: str, name: str, x: float, *, low: float = 0.0, high: float = 1.0) -> None:
    """Settings door: x must be a finite number in low..high, or ValueError names the field."""
    if not (isfinite(x) and low <= x <= high):
        raise ValueError(f"{owner}.{name} must be between {low:g} and {high:g} (0.10 means 10 %), not {x!r}")


def count(owner: str, name: str, x: int, *, low: int = 0, high: int = 1_000_000) -> None:
    """Settings door: x must be a whole number in low..high, or ValueError names the field."""
    if not low <= x <= high:
        raise ValueError(f"{owner}.{name} must be between {low} and {high}, not {x!r}")
