"""The tables of a result folder: one struct a row, its fields the columns of one CSV file.

A row is written whole, as it comes, so that a run that dies leaves files that can be read; half a line at the end is no row. Money,
quantities and prices that were booked are Decimals and keep their digits; what was observed is a float and reads back as it was.
Amounts are in account currency, prices in the instrument's, times in ns since the epoch (`ts`) and once more as text (`utc`).
An empty cell is a value that does not exist. Source: T2; docs/guide/results.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from tradingd.core.types import Money, Price, Qty, Symbol
from tradingd.core.views.reasons import clean
from tradingd.lab.results.faults import ResultFault


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """ts: ns since the epoch.   utc: the same as text."""

    ts: int
    utc: str


class Day(Row, frozen=True, kw_only=True):
    """A session that closed. ts: of the close.   equity: cash and marks, the reserve in it.   capital: put in so far.
    gross, net: what is held at its marks, absolute and signed.   span_s: seconds since the last close (the first: since the run
    began); held_s: those of them in which anything was held.   daily_return: as `core/views/performance.py` has it.
    drawdown: share of the highest growth so far, 0..1; money put in or taken out is neither gain nor fall."""

    date: str
    equity: float
    cash: Money
    reserve: Money
    capital: Money
    gross: float
    net: float
    span_s: float
    held_s: float
    daily_return: float
    drawdown: float


class Trade(Row, frozen=True, kw_only=True):
    """What one order closed, however many executions it took; its quantity made the way from `entry` to `exit`. ts: of the last of
    them.   side: of the position, "long" or "short".   entry, exit: average prices.   entry_fees: their share of what opening cost.
    realised: fees apart.   gain: realised less all fees, as a share of what was paid.   hold_s, sessions: seconds, and closes, it
    was held.   strategy: source of the decision that opened it.   cause: the recommendation behind it.   reason: why it was closed.
    """

    symbol: Symbol
    side: str
    opened: str
    qty: Qty
    entry: float
    exit: float
    entry_fees: Money
    exit_fees: Money
    realised: Money
    gain: float | None = None
    hold_s: float
    sessions: int
    strategy: str = ""
    cause: str = ""
    reason: str = ""
    order_id: str = ""
    micro: bool = False

    @property
    def net(self) -> Money:
        """What is left of it when all fees are paid."""
        return Money(self.realised - self.entry_fees - self.exit_fees)


class Execution(Row, frozen=True, kw_only=True):
    """One fill. value: what changed hands, > 0, account currency.   leg: "entry", "exit", "stop" at the venue, "" not of ours."""

    symbol: Symbol
    side: str
    qty: Qty
    price: Price
    value: Money
    fee: Money
    realised: Money
    leg: str = ""
    order_id: str = ""
    exec_id: str = ""


class Decision(Row, frozen=True, kw_only=True):
    """One decision. verdict: "act" or "skip".   reasons: why it was refused, all of them, the headline first.   orders: what it
    sent at once."""

    id: str
    kind: str
    symbol: Symbol
    action: str
    source: str
    confidence: float | None = None
    verdict: str
    reasons: str = ""
    orders: str = ""
    qty: Qty | None = None
    micro: bool = False
    thesis: str = ""


class Action(Row, frozen=True, kw_only=True):
    """What happened to the account without an order. kind: "split" (amount: new shares for one old), else of the cash that moved:
    "deposit", "dividend", "interest", "borrow", "fee", "adopted"."""

    kind: str
    symbol: str = ""
    amount: Money


class Candle(Row, frozen=True, kw_only=True):
    """One session's bar as it was seen. ts: its end."""

    symbol: Symbol
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """One CSV file that grows by whole lines."""

    def __init__(self, directory: Path, name: str, kind: type[R]) -> None:
        self._columns = [field.name for field in msgspec.structs.fields(kind)]
        self._file = (directory / name).open("x", buffering=1, encoding="utf-8", errors="backslashreplace", newline="")
        self._write = csv.writer(self._file, lineterminator="\n").writerow
        self._write(self._columns)

    def add(self, row: R) -> None:
        self._write([_cell(getattr(row, name)) for name in self._columns])

    def close(self) -> None:
        self._file.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return clean(value)
    return repr(value) if isinstance(value, float) else str(value)


def rows(directory: Path, name: str, kind: type[R]) -> Iterator[R]:
    """The rows of one file, one at a time; none when the file is not there. Raises ResultFault naming file, line and field."""
    try:
        with (directory / name).open("rb") as file:
            yield from _parsed(name, kind, csv.reader(_lines(name, file), strict=True))
    except FileNotFoundError:
        return
    except OSError as exc:
        raise ResultFault(f"{directory / name}: cannot be read: {exc.strerror}") from None


def _lines(name: str, file: Iterable[bytes]) -> Iterator[str]:
    """A last line without its end was being written when the run died."""
    for n, line in enumerate(file, 1):
        if line.endswith(b"\n"):
            try:
                yield line.decode()
            except UnicodeDecodeError:
                raise ResultFault(f"{name}:{n}: no UTF-8 text") from None


def _parsed(name: str, kind: type[R], reader: Any) -> Iterator[R]:
    head: list[str] | None = None
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    try:
        for cells in reader:
            if head is None:
                head = _head(name, kind, cells)
                continue
            if len(cells) != len(head):
                raise ResultFault(f"{name}:{reader.line_num}: {len(cells)} cells where the header has {len(head)}")
            found = {column: cell for column, cell in zip(head, cells, strict=True) if cell or column in needed}
            try:
                yield msgspec.convert(found, kind, strict=False)
            except msgspec.ValidationError as exc:
                raise ResultFault(f"{name}:{reader.line_num}: {exc}") from None
    except csv.Error as exc:
        raise ResultFault(f"{name}:{reader.line_num}: {exc}") from None


def _head(name: str, kind: type[Row], cells: list[str]) -> list[str]:
    missing = [f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in cells]
    if missing:
        raise ResultFault(f"{name}:1: there is no column {missing[0]}")
    return cells
