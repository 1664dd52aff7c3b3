"""What can be traded, told by the venue after a login: no event, for it is asked for. Rules and book learn it at once."""

from __future__ import annotations

from collections.abc import Iterable

from tradingd.core.book.book import Book
from tradingd.core.rules import Rules
from tradingd.core.types import Instrument


def learn(book: Book, instruments: Iterable[Instrument], rules: Rules) -> None:
    """They are known from here on, and watched."""
    for instrument in instruments:
        rules.instruments[instrument.symbol] = instrument
        book.watch(instrument, band=rules.quotes.band, atr_bars=rules.quotes.atr_bars)
    book.remark()
