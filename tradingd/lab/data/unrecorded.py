"""Times in which nobody recorded, as parts of a store tell them: a daemon that was down, a tape with a gap. Source: T2, J5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.days import BEGINNING, END
from tradingd.lab.data.store import Part, stamp

TOLD_MAX = 10

Hole = tuple[int, int]  # ns: the last row before, the first one after


def unrecorded(holes: Iterable[Hole], keys: Iterable[str], since: int = BEGINNING, until: int = END) -> list[str]:
    """Those of since <= ts < until, ns, that lie in a session of one of these calendars, in words; TOLD_MAX of them one by one."""
    tables = [calendar(key) for key in sorted({*keys})]
    found: list[Hole] = []
    for begin, end in sorted({*holes}):
        for table in tables:
            session = None if table is None else (table.at(begin) or table.next_after(begin))
            if end > since and begin < until and (table is None or (session is not None and session.open_ns < end)):
                found.append((begin, end))
                break
    said = [f"nothing was recorded from {stamp(begin)} to {stamp(end)}" for begin, end in found[:TOLD_MAX]]
    return said + [f"and {len(found) - TOLD_MAX} more such times"] * (len(found) > TOLD_MAX)


def in_parts(parts: Sequence[Part], since: int, until: int) -> list[str]:
    """What parts of a store say of it."""
    holes = {hole for part in parts for hole in part.meta.holes}
    return unrecorded(holes, {part.meta.calendar for part in parts}, since, until)
