"""How often things happened in the life of an account."""

from __future__ import annotations

from tradingd.core.book.booked import Booked


def count(b: Booked, name: str, n: int = 1) -> None:
    b.counts[name] = b.counts.get(name, 0) + n
