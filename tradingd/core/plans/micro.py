"""Micro-trades: what is different about an idea for hours, in bare numbers. All other constraints hold for it too. Source: E15."""

from __future__ import annotations

from tradingd.core.book.booked import Booked
from tradingd.core.facts import Check, Reason
from tradingd.core.types import NS

MINUTE = 60 * NS
LAST_MIN = 5  # a window that closes with the session would leave no time to close


def taken(booked: Booked) -> int:
    """Micro-trades entered in the account's present session, filled or not."""
    return booked.micro_count if booked.micro_day == booked.day else 0


def checks(*, enabled: bool, taken: int, per_day: int) -> tuple[Check, ...]:
    """May one more be entered? taken: in this session so far, per_day: the most. Refuses MICRO_OFF and MICRO_LIMIT."""
    more = taken < per_day
    return (
        Check("micro_enabled", "yes" if enabled else "no", "yes", enabled, None if enabled else Reason.MICRO_OFF),
        Check("micro_trades", taken + 1, per_day, more, None if more else Reason.MICRO_LIMIT),
    )


def why_close(opened_ts: int, now: int, close_ns: int, *, hold_min: float, before_close_min: int) -> str:
    """Why a micro-trade must be closed now, in words, "" while it may be held.

    opened_ts, now: ns.   close_ns: end of the session that runs.   hold_min: minutes it may be held.   before_close_min: minutes
    before the session's end at which the trading window closes; none is held beyond it, so none stays over night.
    """
    held = (now - opened_ts) / MINUTE
    if held >= hold_min:
        return f"held {held:.0f} min, at most {hold_min:g}"
    if now >= close_ns - max(before_close_min, LAST_MIN) * MINUTE:
        return "the trading window closes"
    return ""
