"""Showing events to strategies and taking what they say into the same intake as any other idea.

A strategy that raises is quarantined: five failures within a minute take it out of service until the next start, the others go
on, and what it holds stays protected (W1, G5).
"""

from __future__ import annotations

from typing import Any

from tradingd.core.book.book import Book
from tradingd.core.events import Bar, Event, Quote, Recommendation
from tradingd.core.facts import Alerted, Anomaly
from tradingd.core.gates.window import in_window
from tradingd.core.rules import Rules
from tradingd.core.signals.strategy import Loaded
from tradingd.core.steps.ideas import on_recommendations
from tradingd.core.types import NS, Symbol

FAILURES_MAX = 5
FAILURE_WINDOW = 60 * NS


class View:
    """What a strategy may see of one account, read only."""

    __slots__ = ("_book", "_rules")

    def __init__(self, book: Book, rules: Rules) -> None:
        self._book = book
        self._rules = rules

    @property
    def ts(self) -> int:
        return self._book.now

    @property
    def in_window(self) -> bool:
        return any(in_window(table, self._book.now, self._rules.window) for table in self._rules.calendars.values())

    def qty(self, symbol: Symbol) -> float:
        return float(self._book.qty(symbol))

    def entry(self, symbol: Symbol) -> float | None:
        position = self._book.booked.positions.get(symbol)
        return float(position.avg_price) if position is not None and position.qty else None

    def mid(self, symbol: Symbol) -> float | None:
        market = self._book.markets.get(symbol)
        return market.mid if market is not None and market.mid else None


def show(book: Book, event: Event, rules: Rules) -> None:
    """Every strategy that wants this event, in the order of the configuration; then decide all they said together."""
    said: list[Recommendation] = []
    for loaded in rules.quote_strategies if event.__class__ is Quote else rules.strategies:
        if loaded.wants(event) and not (book.strategy_errors and quarantined(book, loaded.name)):
            said += _ask(book, loaded, event, rules)
    if said and not (isinstance(event, Bar) and event.history):
        book.settle_marks()
        on_recommendations(book, tuple(said), rules)


def quarantined(book: Book, name: str) -> bool:
    return len(book.strategy_errors.get(name, ())) >= FAILURES_MAX


def state_of(book: Book, loaded: Loaded) -> Any:
    """What it remembers; its first state before it was shown anything."""
    if loaded.name not in book.strategy_states:
        book.strategy_states[loaded.name] = loaded.initial()
    return book.strategy_states[loaded.name]


def _ask(book: Book, loaded: Loaded, event: Event, rules: Rules) -> list[Recommendation]:
    before = state_of(book, loaded)
    try:
        state, signals = loaded.decide(before, View(book, rules), event)
        said = [loaded.recommendation(signal, book.now, rules.eligible) for signal in signals] if signals else []
    except Exception as error:  # noqa: BLE001  foreign code: whatever it raises must not stop the house (G5)
        _failed(book, loaded.name, error)
        return []
    book.strategy_states[loaded.name] = state
    return said


def _failed(book: Book, name: str, error: Exception) -> None:
    """Counted and told; the fifth within a minute is the last."""
    recent = [ts for ts in book.strategy_errors.get(name, ()) if book.now - ts < FAILURE_WINDOW]
    book.strategy_errors[name] = [*recent, book.now]
    detail = f"{type(error).__name__}: {error}"[:300]
    book.emit(Anomaly(ts=book.now, account=book.account, kind="strategy_failed", subject=name, detail=detail))
    if quarantined(book, name):
        book.emit(
            Alerted(
                ts=book.now, account=book.account, level="page", code="strategy_quarantined",
                text=f"strategy {name} failed {FAILURES_MAX} times within a minute and is out of service: {detail}",
            )
        )  # fmt: skip
