"""Taking the measures of performance: every few minutes of a session for the page, once a day for the journal (E14)."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.facts import DayMeasured
from tradingd.core.rules import Rules
from tradingd.core.types import NS
from tradingd.core.views.performance import cumulative_return, daily_return, measure


def take_measures(book: Book, rules: Rules, *, heat: float | None = None) -> None:
    """Keep the figures of this moment when the last ones are old, and at once when a new process has none. Not journaled: they
    follow from what is. heat: in a session, of a book that is marked now; None outside of one."""
    if heat is None and book.measures is not None:
        return
    if book.measures is None or book.now - book.measured_ts >= rules.performance.every_s * NS:
        if heat is None:
            book.remark()
        book.measures, book.measured_ts = measure(book, rules, heat=heat), book.now


def measure_day(book: Book, rules: Rules) -> None:
    """The snapshot of the day that has just closed; its tier is the one it was traded by."""
    booked = book.booked
    before = booked.measured[-1] if booked.measured else None
    capital = float(booked.deposits)
    earned = daily_return(before, book.equity, capital)
    now = measure(book, rules, today=(earned,))
    book.emit(
        DayMeasured(
            ts=book.now, account=book.account, date=booked.day, measures=now, daily_return=earned,
            cumulative_return=cumulative_return(now.value, capital), tier=booked.tier, capital=booked.deposits,
        )
    )  # fmt: skip
    book.measures, book.measured_ts = now, book.now
