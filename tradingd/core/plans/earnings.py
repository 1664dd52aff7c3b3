"""How far away the next earnings report of an instrument is, in trading days. Source: E3, E4."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tradingd.core.gates.window import SessionTable

DATES_MAX = 40  # of one symbol: ten years of quarters


def days_to_next(dates: Iterable[str], table: SessionTable | None, now: int) -> int | None:
    """Trading days to the first date that is not past: 0 today, 1 the next session; a report on a day without a session counts
    as on the session before it. None when none is known, or no calendar to count by. dates: exchange-local ISO.   now: ns."""
    if table is None or not dates:
        return None
    today = table.local_date(now)
    ahead = [day for day in dates if day >= today]
    return table.trading_days(today, min(ahead)) if ahead else None


def bad_dates(dates: Iterable[str]) -> list[str]:
    """Those that are not written like 2008-10-06, or stand for no day."""
    return [day for day in dates if not _is_date(day)]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
