"""What all indicators take: usable numbers, periods, and what was saved."""

from __future__ import annotations

Saved = tuple[float, ...]

_MAX = 1e15  # far beyond any price or volume; its square and their sums stay finite


def is_usable(x: float) -> bool:
    """Finite and of a size that arithmetic survives. NaN compares False."""
    return -_MAX <= x <= _MAX


def checked(period: int, least: int = 1) -> int:
    """The period. Refuses (ValueError) one below `least`: there is no such window."""
    if period < least:
        raise ValueError(f"period must be >= {least}, not {period}")
    return period


def unwound(at: float, ring: list[float], period: int) -> int:
    """The saved place in a saved ring. Refuses (ValueError) a ring that another period filled."""
    if len(ring) > period or not 0 <= at < period or (at and len(ring) < period):
        raise ValueError(f"this was not saved by a window of {period}")
    return int(at)


def fields(saved: Saved, count: int) -> Saved:
    """The saved fields, or zeros for a fresh start. Refuses (ValueError) another number of them."""
    if saved and len(saved) != count:
        raise ValueError(f"{count} saved numbers expected, not {len(saved)}")
    return saved or (0.0,) * count
