"""The rows of one instrument on their way into a new file: put in order, and judged against their neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tradingd.lab.data.faults import DataError, Fault
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.parquet import Columns, Writer
from tradingd.lab.data.rows import Block
from tradingd.lab.data.spill import Spill


class Pile:
    """One file in the making. waiting: rows not written yet.   late: rows that stood behind a later one.   keep: also keep the
    line of each row, in `lines`, for a merge.   spill: keep no file open between two blocks."""

    def __init__(self, path: Path, kind: Kind, source: str, *, keep: bool, spill: bool) -> None:
        self.path, self.kind, self.source = path, kind, source
        self.waiting = self.rows = self.late = 0
        self.first = self.last = 0
        self._blocks: list[Block] = []
        self._writer: Writer | Spill = (Spill if spill else Writer)(path, kind)
        self._lines: list[np.ndarray[Any, Any]] | None = [] if keep else None
        self._last_line = 0
        self._ids: dict[str, int] = {}  # of actions: where each stands

    @property
    def lines(self) -> np.ndarray[Any, Any]:
        return np.concatenate(self._lines) if self._lines else np.zeros(0, dtype=np.int64)

    def add(self, block: Block) -> None:
        self._blocks.append(block)
        self.waiting += len(block[1])

    def flush(self) -> list[Fault]:
        """Writes what waits, in order of time; rows of one moment stay in the order of the source. Returns what stands twice.
        DataError when a row belongs before what was written already."""
        if not self._blocks:
            return []
        columns: Columns = {
            name: np.concatenate([block[name] for block, _ in self._blocks]) for name in self._blocks[0][0]
        }
        lines = np.concatenate([found for _, found in self._blocks])
        self._blocks, self.waiting = [], 0
        columns, lines = self._sorted(columns, lines)
        if self.rows and columns["ts"][0] < self.last:
            raise DataError(
                f"{self.source}:{lines[0]}: ts: too far behind later rows to be put in order here; sort the file by time"
            )
        twice, faults = self._twice(columns, lines)
        if faults:
            columns, lines = {name: values[~twice] for name, values in columns.items()}, lines[~twice]
        if len(lines):
            self._write(columns, lines)
        return faults

    def close(self, meta: object) -> None:
        self._writer.close(meta)

    def abandon(self) -> None:
        self._writer.abandon()

    def _sorted(self, columns: Columns, lines: np.ndarray[Any, Any]) -> tuple[Columns, np.ndarray[Any, Any]]:
        ts = columns["ts"]
        late = int((ts < np.maximum.accumulate(ts)).sum())
        self.late += late
        if self.kind.name == "actions":
            order = np.lexsort((columns["kind"] != "split", ts))  # a split before a dividend
        elif late:
            order = np.argsort(ts, kind="stable")
        else:
            return columns, lines
        return {name: values[order] for name, values in columns.items()}, lines[order]

    def _twice(self, columns: Columns, lines: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], list[Fault]]:
        """Which rows stand where only one can: a bar of a moment, an action of an id."""
        twice = np.zeros(len(lines), dtype=bool)
        if self.kind.name == "actions":
            return twice, self._same_ids(columns, lines, twice)
        if not self.kind.unique:
            return twice, []
        ts = columns["ts"]
        twice[1:] = ts[1:] == ts[:-1]
        twice[0] = bool(self.rows) and ts[0] == self.last
        before = np.concatenate(([self._last_line], lines[:-1]))
        return twice, [
            Fault(self.source, int(lines[i]), "ts", f"line {before[i]} is a bar of the same moment")
            for i in np.flatnonzero(twice)
        ]

    def _same_ids(self, columns: Columns, lines: np.ndarray[Any, Any], twice: np.ndarray[Any, Any]) -> list[Fault]:
        faults = []
        for i, (name, line) in enumerate(zip(columns["action_id"].tolist(), lines.tolist(), strict=True)):
            if self._ids.setdefault(name, line) != line:
                twice[i] = True
                faults.append(Fault(self.source, line, "action_id", f"{name!r} stands in line {self._ids[name]}, too"))
        return faults

    def _write(self, columns: Columns, lines: np.ndarray[Any, Any]) -> None:
        if not self.rows:
            self.first = int(columns["ts"][0])
        self._writer.write(columns)
        self.rows += len(lines)
        self.last, self._last_line = int(columns["ts"][-1]), int(lines[-1])
        if self._lines is not None:
            self._lines.append(lines)
