"""Where rows are missing: by the sessions of a calendar, else by the usual distance between rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS
from tradingd.lab.data.calendars import day_session
from tradingd.lab.data.check.found import Found
from tradingd.lab.data.kinds import DAY_S, Kind
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.store import stamp

MULTIPLE = {"bars": 5.0, "ticks": 20.0}  # of the usual distance
TICKS_MIN_NS = 300 * NS  # a shorter silence is none
_BINS = 64 * 8


class Distances:
    """How far rows usually are apart, from all of them in little memory: to within a tenth."""

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, dtype=np.int64)
        self._last: int | None = None

    def see(self, ts: np.ndarray[Any, Any]) -> None:
        steps = np.diff(ts) if self._last is None else np.diff(ts, prepend=self._last)
        self._last = int(ts[-1])
        steps = steps[steps > 0]
        if len(steps):
            self._bins += np.bincount((np.log2(steps) * 8).astype(np.int64), minlength=_BINS)

    def usual(self) -> int:
        """The distance nine of ten do not exceed, ns; 0 when there are no two moments."""
        total = int(self._bins.sum())
        at = int(np.searchsorted(np.cumsum(self._bins), total * 0.9)) if total else 0
        return int(2 ** ((at + 1) / 8)) if total else 0


class Gaps:
    """Follows the rows of one instrument. multiple: of the usual distance from which on it is a gap, None: as a rule.   usual: of
    ticks, ns; bars have their span."""

    def __init__(
        self, found: Found, kind: Kind, table: SessionTable | None, usual: int, multiple: float | None
    ) -> None:
        self._found, self._kind, self._table = found, kind, table
        self._last: int | None = None
        span = kind.span_s * NS
        if span and table is not None and multiple is None:
            self._limit = span * 3 // 2  # within its sessions every bar is due
        elif span:
            self._limit = int(span * (multiple or MULTIPLE["bars"]))
        else:
            self._limit = max(TICKS_MIN_NS, int(usual * (multiple or MULTIPLE["ticks"])))
        self._shortest = min(self._limit, DAY_S * NS) if table is not None else self._limit

    def see(self, columns: Columns) -> None:
        ts = columns["ts"]
        before = np.concatenate(([ts[0] if self._last is None else self._last], ts[:-1]))
        for i in np.flatnonzero(ts - before > min(self._shortest, self._limit)):
            self._judge(int(before[i]), int(ts[i]))
        self._last = int(ts[-1])

    def _judge(self, since: int, until: int) -> None:
        table = self._table
        if table is None:
            if until - since > self._limit:
                self._found.add("gap", since, until, f"nothing from {stamp(since)} to {stamp(until)}")
            return
        if self._kind.span_s == DAY_S:
            missing = _sessions_between(table, since, until)
            if missing:
                more = f" to {missing[-1]}" if len(missing) > 1 else ""
                self._found.add(
                    "gap",
                    since,
                    until,
                    f"{len(missing)} session{'s' * (len(missing) > 1)} of {table.key} missing: {missing[0]}{more}",
                )
            return
        open_ns = open_between(table, since, until)
        if open_ns > self._limit:
            why = f"nothing from {stamp(since)} to {stamp(until)}, {open_ns / NS / 60:.0f} minutes of sessions of {table.key}"
            self._found.add("gap", since, until, why)


def open_between(table: SessionTable, since: int, until: int) -> int:
    """How long the exchange was open after since and up to until, ns."""
    total = 0
    session = table.at(since) or table.next_after(since)
    while session is not None and session.open_ns < until:
        total += min(until, session.close_ns) - max(since, session.open_ns)
        session = table.next_after(session.open_ns)
    return total


def _sessions_between(table: SessionTable, since: int, until: int) -> list[str]:
    """Dates of the sessions between those of two bars of days, told by their ends."""
    before, after = day_session(table, since), day_session(table, until)
    missing: list[str] = []
    session = table.first if before is None else table.next_after(before.open_ns)
    while session is not None and after is not None and session.open_ns < after.open_ns:
        missing.append(session.date)
        session = table.next_after(session.open_ns)
    return missing
