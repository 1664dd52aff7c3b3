"""Sessions of a calendar without a single row, between the first and the last row of a range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import msgspec
import numpy as np

from tradingd.core.gates.window import Session, SessionTable
from tradingd.lab.data import parquet
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.kinds import DAY_S, Kind
from tradingd.lab.data.parquet import Column
from tradingd.lab.data.store import Part


class Hole(msgspec.Struct, frozen=True):
    """Sessions in a row that are missing. first, last: the same when it is one.   count: how many, from 1."""

    first: Session
    last: Session
    count: int


def holes(parts: Sequence[Part], kind: Kind, since: int, until: int) -> list[Hole]:
    """In order of time; since <= ts < until, ns. None where the data follows no sessions. Only times are read, block by block.
    DataError when a part is damaged."""
    table = calendar(parts[0].meta.calendar) if parts else None
    if table is None:
        return []
    sessions = _sessions(table)
    opens, closes = (np.array([getattr(s, name) for s in sessions]) for name in ("open_ns", "close_ns"))
    there = np.zeros(len(sessions), dtype=bool)
    for part in parts:
        for block in parquet.blocks(part.path, kind, since, until, ["ts"]):
            there[_reached(block["ts"], kind, opens, closes)] = True
    known = np.flatnonzero(there)
    return list(_runs(sessions, known)) if len(known) else []


@cache
def _sessions(table: SessionTable) -> tuple[Session, ...]:
    found, session = [], table.next_after(table.first.open_ns - 1)
    while session is not None:
        found.append(session)
        session = table.next_after(session.open_ns)
    return tuple(found)


def _reached(ts: Column, kind: Kind, opens: Column, closes: Column) -> Column:
    """Which sessions rows of these times belong to. A bar tells its end; a bar of days may end after the close."""
    at = np.searchsorted(opens, ts, "left" if kind.span_s else "right") - 1
    inside = at >= 0
    if kind.span_s != DAY_S:
        inside &= ts <= closes[np.maximum(at, 0)]
    return np.unique(at[inside])


def _runs(sessions: Sequence[Session], known: Column) -> Iterator[Hole]:
    for n in np.flatnonzero(np.diff(known) > 1):
        first, last = int(known[n]) + 1, int(known[n + 1]) - 1
        yield Hole(sessions[first], sessions[last], last - first + 1)
