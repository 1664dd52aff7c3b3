"""How much a candidate moves like what is held or being entered already: one weighted figure for the sizer. Source: E3, E7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import fsum

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.gates.window import SessionTable
from tradingd.core.signals.bars import date_of
from tradingd.core.types import Side, Symbol


class CorrelationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """days: daily returns looked back on.   days_min: fewer common ones say nothing (the pair counts as 0)."""

    days: int = 90
    days_min: int = 20

    def __post_init__(self) -> None:
        if not 3 <= self.days_min <= self.days <= 120:
            raise ValueError("days_min must be at least 3 and at most days, days at most 120")


class Alike(msgspec.Struct, frozen=True):
    """average: weighted by absolute market value, -1..1, None when nothing else is held.   note: the holding it is most like."""

    average: float | None
    note: str = ""


_ALONE = Alike(None)


def with_portfolio(
    book: Book, symbol: Symbol, side: Side, calendars: Mapping[str, SessionTable], s: CorrelationSettings
) -> Alike:
    """A candidate on `side` of `symbol` against everything held or being entered; its own symbol is left out.

    A long against a short counts with the opposite sign: what falls together hedges. A pair that says nothing is 0 with its full
    weight. Weights: absolute market values with working entries, account currency.
    """
    signs = _signs(book)
    signs.pop(symbol, None)
    market = book.markets.get(symbol)
    if not signs or market is None:
        return _ALONE
    weights, parts, known = [], [], []
    for other, sign in signs.items():
        weight = book.symbol_value(other)
        found = _pair(book, market, book.markets.get(other), calendars, s)
        weights.append(weight)
        if found is not None:
            parts.append(weight * found * sign * side.sign)
            known.append((found * sign * side.sign, other))
    total = fsum(weights)
    if not total > 0:
        return _ALONE
    return Alike(min(1.0, max(-1.0, fsum(parts) / total)), _note(known, len(signs) - len(known)))


def _signs(book: Book) -> dict[Symbol, int]:
    """Symbol -> 1 for long, -1 for short: of what is held, else of what is being entered."""
    signs = {symbol: side.sign for symbol, side in book.entering().items()}
    for symbol, position in book.booked.positions.items():
        if position.qty:
            signs[symbol] = 1 if position.qty > 0 else -1
    return signs


def _pair(
    book: Book, market: Market, other: Market | None, calendars: Mapping[str, SessionTable], s: CorrelationSettings
) -> float | None:
    if other is None:
        return None
    return book.correlations.pair(
        market, other, _dates(market, calendars), _dates(other, calendars), days=s.days, days_min=s.days_min
    )


def _dates(market: Market, calendars: Mapping[str, SessionTable]) -> Callable[[int], str]:
    table = calendars.get(market.instrument.calendar)
    return date_of if table is None else table.local_date


def _note(known: list[tuple[float, Symbol]], unknown: int) -> str:
    words = []
    if known:
        most, symbol = max(known)
        words.append(f"most like {symbol}: {most:.2f}")
    if unknown:
        words.append(f"{unknown} with too few common days count as 0")
    return "; ".join(words)
