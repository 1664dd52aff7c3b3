"""The operator's CSV files as rows: a bad line is named by its number and field, the good ones count. Pure; no file is read here.

A file is UTF-8 with a header line; empty lines and lines that begin with # are passed over. Columns may stand in any order.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO
from math import inf
from typing import Literal, TypeVar

import msgspec

from tradingd.config.model import ID, SYMBOL
from tradingd.core.types import Symbol

EARNINGS = ("symbol", "date", "confirmed", "source")
ACTIONS = ("symbol", "ex_date", "kind", "value", "action_id")
HISTORY = ("date", "open", "high", "low", "close", "volume")
PRICE_MAX = 1e12
RATIO_MAX = 10_000

Row = TypeVar("Row")
Field = Mapping[str, str]


class Fault(msgspec.Struct, frozen=True):
    """One line that does not count. line: from 1, the header is 1.   field: "" when it is the whole line."""

    line: int
    field: str
    why: str


class Earning(msgspec.Struct, frozen=True):
    symbol: Symbol
    date: str  # exchange-local, ISO
    confirmed: bool
    source: str


class Action(msgspec.Struct, frozen=True):
    """value: new shares for one old, or cash per share in the instrument's currency; > 0."""

    symbol: Symbol
    ex_date: str
    kind: Literal["split", "dividend"]
    value: Decimal
    action_id: str


class Day(msgspec.Struct, frozen=True):
    """One session's prices. line: where it stands."""

    date: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    line: int


class _Bad(Exception):
    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


def earnings(data: bytes) -> tuple[list[Earning], list[Fault]]:
    """Columns symbol, date, confirmed (yes or no), source (free text)."""
    return _rows(data, EARNINGS, _earning)


def actions(data: bytes) -> tuple[list[Action], list[Fault]]:
    """Columns symbol, ex_date, kind, value, action_id; an action_id stands once per symbol."""
    seen: set[tuple[str, str]] = set()

    def row(field: Field, line: int) -> Action:
        found = _action(field, line)
        if (found.symbol, found.action_id) in seen:
            raise _Bad("action_id", f"{found.action_id!r} stands in a line of {found.symbol} before")
        seen.add((found.symbol, found.action_id))
        return found

    return _rows(data, ACTIONS, row)


def history(data: bytes) -> tuple[list[Day], list[Fault]]:
    """Columns date, open, high, low, close, volume, a line a session, the oldest first."""
    last = ""

    def row(field: Field, line: int) -> Day:
        nonlocal last
        found = _day(field, line)
        if found.date <= last:
            raise _Bad("date", f"{found.date} does not follow {last}")
        last = found.date
        return found

    return _rows(data, HISTORY, row)


def _rows(data: bytes, header: tuple[str, ...], row: Callable[[Field, int], Row]) -> tuple[list[Row], list[Fault]]:
    rows: list[Row] = []
    faults: list[Fault] = []
    lines = _lines(data)
    _, first = next(lines, (1, ""))
    names = [name.strip() for name in first.split(",")]
    if sorted(names) != sorted(header):
        return [], [Fault(1, "", f"the header must be {','.join(header)}")]
    for number, text in lines:
        try:
            rows.append(row(_fields(names, text), number))
        except csv.Error as error:
            faults.append(Fault(number, "", str(error)))
        except _Bad as bad:
            faults.append(Fault(number, bad.field, bad.why))
    return rows, faults


def _fields(names: list[str], text: str) -> Field:
    cells = next(csv.reader(StringIO(text), strict=True))
    if len(cells) != len(names):
        raise _Bad("", f"{len(cells)} fields, {len(names)} are due")
    return {name: cell.strip() for name, cell in zip(names, cells, strict=True)}


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Lines that say something, numbered from 1."""
    for number, line in enumerate(data.decode("utf-8-sig", errors="replace").split("\n"), 1):
        text = line.rstrip("\r")
        if text.strip() and not text.lstrip().startswith("#"):
            yield number, text


def _earning(field: Field, line: int) -> Earning:
    return Earning(_symbol(field), _date(field, "date"), _flag(field, "confirmed"), field["source"][:100])


def _action(field: Field, line: int) -> Action:
    symbol, day, kind = _symbol(field), _date(field, "ex_date"), field["kind"]
    value, action_id = _decimal(field, "value"), field["action_id"]
    if ID.match(action_id) is None:
        raise _Bad("action_id", f"{action_id!r}: letters, digits, - and _ only, at most 64")
    if kind == "dividend":
        if not 0 < value <= 10**9:
            raise _Bad("value", f"{value} is no amount per share: above 0")
        return Action(symbol, day, "dividend", value, action_id)
    if kind != "split":
        raise _Bad("kind", f"{kind!r} is neither split nor dividend")
    if not Decimal(1) / RATIO_MAX <= value <= RATIO_MAX or value == 1:
        raise _Bad("value", f"{value} is no ratio of new shares for one old")
    return Action(symbol, day, "split", value, action_id)


def _day(field: Field, line: int) -> Day:
    day = _date(field, "date")
    opens, high, low, close = (_price(field, name) for name in ("open", "high", "low", "close"))
    for name, price in (("open", opens), ("close", close)):
        if not low <= price <= high:
            raise _Bad(name, f"{price!r} is not between low and high")
    volume = float(_decimal(field, "volume")) if field["volume"] else 0.0
    if not 0 <= volume < inf:
        raise _Bad("volume", f"{field['volume']!r} is no volume")
    return Day(day, opens, high, low, close, volume, line)


def _symbol(field: Field) -> Symbol:
    text = field["symbol"]
    if SYMBOL.match(text) is None:
        raise _Bad("symbol", f"{text!r} is no symbol")
    return Symbol(text)


def _date(field: Field, name: str) -> str:
    text = field[name]
    try:
        good = date.fromisoformat(text).isoformat() == text
    except ValueError:
        good = False
    if not good:
        raise _Bad(name, f"{text!r} is no date like 2008-10-06")
    return text


def _flag(field: Field, name: str) -> bool:
    text = field[name].lower()
    if text not in ("yes", "no", "true", "false", "1", "0"):
        raise _Bad(name, f"{field[name]!r} is neither yes nor no")
    return text in ("yes", "true", "1")


def _decimal(field: Field, name: str) -> Decimal:
    try:
        value = Decimal(field[name])
    except InvalidOperation:
        raise _Bad(name, f"{field[name]!r} is no number") from None
    if not value.is_finite():
        raise _Bad(name, f"{field[name]!r} is no number")
    return value


def _price(field: Field, name: str) -> float:
    value = float(_decimal(field, name))
    if not 0.0 < value <= PRICE_MAX:
        raise _Bad(name, f"{field[name]!r} is no price")
    return value
