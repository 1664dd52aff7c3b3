"""Between which prices, and until when, strategies that are shown quotes are left as they are, by what they declare. W1, T1."""

from __future__ import annotations

from math import inf

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.gates.window import next_window_change
from tradingd.core.rules import Rules
from tradingd.core.signals.triggers import NOTHING, Between, Triggers, TriggersError
from tradingd.core.steps.strategies import View, quarantined, state_of
from tradingd.core.types import Symbol
from tradingd.ports import Broken

FAR = 2**63 - 1


class Quiet(msgspec.Struct, frozen=True):
    """What is declared at one moment. declared: by each of them.   until: quotes at or after that time may matter, ns."""

    declared: tuple[Triggers, ...]
    until: int

    def low(self, symbol: Symbol) -> float:
        """A bid of that symbol at or below it may matter, price; inf: each may."""
        return max((each.low for each in self._of(symbol)), default=-inf)

    def high(self, symbol: Symbol) -> float:
        """An ask at or above it may matter."""
        return min((each.high for each in self._of(symbol)), default=inf)

    def _of(self, symbol: Symbol) -> list[Between]:
        return [each.between(symbol) or NOTHING for each in self.declared]


def quiet(book: Book, rules: Rules) -> Quiet:
    """Now, of all strategies that are shown quotes and are in service; each of them must declare (`Loaded.declares`). It ends where
    `View.in_window` may change. Raises Broken for a declaration that cannot be used."""
    view, found = View(book, rules), []
    for loaded in rules.quote_strategies:
        if quarantined(book, loaded.name):
            continue
        try:
            told = loaded.triggers(state_of(book, loaded), view)
        except TriggersError as error:
            raise Broken(f"{error}; --dense does without") from error
        assert told is not None
        found.append(told)
    if not found:
        return SILENT
    ends = [each.until for each in found]
    ends += [next_window_change(table, book.now, rules.window) for table in rules.calendars.values()]
    return Quiet(tuple(found), min((end for end in ends if end is not None), default=FAR))


SILENT = Quiet((), FAR)
