"""Text cells as columns of numbers, instrument by instrument; a cell that cannot be used is named, and its row left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import numpy as np

from tradingd.config.model import ID, SYMBOL
from tradingd.lab.data.cells import Cells
from tradingd.lab.data.faults import Bad, Fault
from tradingd.lab.data.header import Mapped
from tradingd.lab.data.kinds import TEXT, Kind
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.times import Reading, iso_date, reader

RATIO_MAX = 10_000  # new shares for one old
CASH_MIN, CASH_MAX = Decimal("1e-9"), Decimal("1e9")
_FLOATS = np.dtype(np.float64)

Block = tuple[Columns, "np.ndarray[Any, Any]"]  # columns with ts, and the line each row stands on


class Rows:
    """Reads the rows of one source. symbol: of all rows, or "" when they name their own. Keeps all faults it found, in order."""

    def __init__(self, file: str, kind: Kind, fields: Mapped, how: Reading, symbol: str) -> None:
        self.file, self.kind, self.fields, self.symbol = file, kind, fields, symbol
        self._time = reader(kind, how, "ex_date" if kind.name == "actions" else "ts")

    def blocks(self, cells: Cells) -> tuple[dict[str, Block], list[Fault]]:
        """The rows of each symbol in their order, and what could not be used."""
        faults = list(cells.faults)
        if not cells.rows:
            return {}, faults
        try:
            columns, lines = self._columns(cells.rows), cells.lines
        except Bad:  # some row of these: find which
            good = []
            for line, row in zip(cells.lines, cells.rows, strict=True):
                try:
                    self._columns([row])
                    good.append((line, row))
                except Bad as bad:
                    faults.append(Fault(self.file, line, bad.field, bad.why))
            faults.sort(key=lambda fault: fault.line)
            if not good:
                return {}, faults
            columns, lines = self._columns([row for _, row in good]), [line for line, _ in good]
        return _by_symbol(columns, np.array(lines, dtype=np.int64)), faults

    def _columns(self, rows: Sequence[Sequence[str]]) -> Columns:
        """All columns of some rows, and "symbol". Raises Bad for the first cell that cannot be used."""
        cells = list(zip(*rows, strict=True))
        texts = {
            field: [cell.strip() for cell in cells[at[0]]]
            if len(at) == 1
            else [" ".join(part.strip() for part in parts) for parts in zip(*(cells[i] for i in at), strict=True)]
            for field, at in self.fields.fields.items()
        }
        if self.fields.symbol is None:
            symbols = [self.symbol] * len(rows)
        else:
            symbols = [_symbol(cell.strip()) for cell in cells[self.fields.symbol]]
        if self.kind.name == "actions":
            found = _actions(texts, symbols, self._time)
        else:
            time = self._time
            found = {"ts": np.array([time(text) for text in texts["ts"]], dtype=np.int64)}
            for name in self.kind.columns:
                found[name] = _numbers(texts[name], name) if name in texts else np.zeros(len(rows), dtype=_FLOATS)
        found["symbol"] = np.array(symbols, dtype=object)
        return found


def _by_symbol(columns: Columns, lines: np.ndarray[Any, Any]) -> dict[str, Block]:
    symbols = columns.pop("symbol")
    if (symbols == symbols[0]).all():
        return {str(symbols[0]): (columns, lines)}
    found = {}
    for symbol in dict.fromkeys(symbols.tolist()):
        own = symbols == symbol
        found[symbol] = ({name: values[own] for name, values in columns.items()}, lines[own])
    return found


def _numbers(texts: Sequence[str], field: str) -> np.ndarray[Any, Any]:
    """Finite numbers; an empty size or volume is 0."""
    if field in ("volume", "size", "bid_size", "ask_size"):
        texts = [text or "0" for text in texts]
    try:
        found = np.array([float(text) for text in texts], dtype=_FLOATS)
        if np.isfinite(found).all() and "_" not in "".join(texts):
            return found
    except ValueError:
        pass
    raise Bad(field, f"{next(text for text in texts if not _is_number(text))!r} is no number")


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _symbol(text: str) -> str:
    if SYMBOL.match(text) is None:
        raise Bad("symbol", f"{text!r} is no symbol")
    return text


def _actions(texts: dict[str, list[str]], symbols: Sequence[str], time: Callable[[str], int]) -> Columns:
    """Splits (new shares for one old) and dividends (cash per share), told as in the daemon's own file of actions."""
    days = [iso_date(text, "ex_date") for text in texts["ex_date"]]
    kinds = [_word(text) for text in texts["kind"]]
    values = [_value(text, kind) for text, kind in zip(texts["value"], kinds, strict=True)]
    own = [f"{kind}-{day}" for kind, day in zip(kinds, days, strict=True)]
    ids = [text or name for text, name in zip(texts.get("action_id", own), own, strict=True)]
    for text in ids:
        if ID.match(text) is None:
            raise Bad("action_id", f"{text!r}: letters, digits, - and _ only, at most 64")
    columns = {"ex_date": days, "kind": kinds, "value": values, "action_id": ids}
    found = {name: np.array(columns[name], dtype=object) for name in columns if name in TEXT}
    return {"ts": np.array([time(text) for text in texts["ex_date"]], dtype=np.int64), **found}


def _word(text: str) -> str:
    if text.lower() not in ("split", "dividend"):
        raise Bad("kind", f"{text!r} is neither split nor dividend")
    return text.lower()


def _value(text: str, kind: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Bad("value", f"{text!r} is no number") from None
    if kind == "dividend" and not (value.is_finite() and CASH_MIN <= value <= CASH_MAX):
        raise Bad("value", f"{text!r} is no amount per share: above 0")
    if kind == "split" and not (value.is_finite() and Decimal(1) / RATIO_MAX <= value <= RATIO_MAX and value != 1):
        raise Bad("value", f"{text!r} is no ratio of new shares for one old")
    return format(value.normalize(), "f")
