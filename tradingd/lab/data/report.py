"""What an import is asked to do, and what it says became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from tradingd.core.types import NS, Instrument
from tradingd.lab.data.faults import DataError, Fault
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.store import stamp
from tradingd.lab.data.times import Reading

TOLD_MAX, SHOWN_MAX = 100, 20  # bad lines that are kept, and that are shown when all is refused
EARLY = 631_152_000 * NS  # 1990: before it, numbers are likelier of another unit than that old


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with a file. symbol: of all its rows, or "" when it has a column for it.   columns: field -> column of the
    source.   merge: rows among stored ones are welcome.   skip_bad: lines that cannot be used are left out and listed.
    instruments: what is known of its symbols; of those the calendar is theirs where the reading names none.   instead: of what is
    stored its rows stand for: "" none; "own" what came of the same source while it was shorter; "all"."""

    kind: Kind
    reading: Reading = Reading()
    symbol: str = ""
    columns: Mapping[str, str] = {}
    merge: bool = False
    skip_bad: bool = False
    instruments: Mapping[str, Instrument] = {}
    instead: Literal["", "own", "all"] = ""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one symbol. rows: new in the store.   same: were there already.   late: rows of the source that stood
    behind a later one and were put in order.   first, last: ns, of the source's rows."""

    symbol: str
    outcome: Literal["imported", "merged", "nothing new", "imported before"]
    rows: int = 0
    same: int = 0
    late: int = 0
    first: int = 0
    last: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. unused: columns nobody asked for.   faults: what was left out, at most TOLD_MAX of `bad`.
    doubts: what was imported and is hardly meant so, in words."""

    file: str
    sha256: str
    kind: str
    loaded: tuple[Loaded, ...]
    unused: tuple[str, ...]
    bad: int
    faults: tuple[Fault, ...]
    doubts: tuple[str, ...] = ()


def doubts(reading: Reading, loaded: Sequence[Loaded]) -> tuple[str, ...]:
    """Numbers that give times before EARLY: most likely of another unit. One line for all symbols."""
    early = [each for each in loaded if each.outcome != "imported before" and each.first < EARLY]
    if not reading.unit or not early:
        return ()
    more = f" (and {len(early) - 1} more symbols)" if len(early) > 1 else ""
    return (f"{early[0].symbol}{more}: begins at {stamp(early[0].first)}: is --unit {reading.unit} right?",)


def left_out(report: Report) -> list[str]:
    """Columns nobody asked for and lines that could not be used, in words."""
    found = []
    if report.unused:
        found.append(f"{report.file}: columns not used: {', '.join(report.unused)}")
    if report.bad:
        found.append(f"{report.file}: {report.bad} bad lines left out")
        found += [f"  {fault}" for fault in report.faults]
    return found


def notes(report: Report) -> list[str]:
    """What an import did that is more than taking the rows as they stand, one a line; SHOWN_MAX bad lines are shown."""
    head = f"{report.file}: {report.kind}"
    found = [
        f"{head} {each.symbol}: {each.late} rows were out of order and are not any more" for each in report.loaded if each.late
    ]  # fmt: skip
    for each in report.loaded:
        if each.outcome == "merged" or each.same:
            found.append(f"{head} {each.symbol}: {each.same} rows stood in a file before and count once")
        if each.outcome == "imported before":
            found.append(f"{head} {each.symbol}: this very file was named twice and counts once")
    found += [f"{head} {doubt}" for doubt in report.doubts]
    short = msgspec.structs.replace(report, faults=report.faults[:SHOWN_MAX])
    more = [f"  ... and {report.bad - SHOWN_MAX} more"] if report.bad > SHOWN_MAX else []
    return [*found, *left_out(short), *more]


class Refused(DataError):
    """Lines that cannot be used, and nobody said to leave them out."""

    def __init__(self, faults: Sequence[Fault], bad: int) -> None:
        lines = "\n".join(f"  {fault}" for fault in faults[:SHOWN_MAX])
        more = f"\n  ... and {bad - SHOWN_MAX} more" if bad > SHOWN_MAX else ""
        super().__init__(
            f"{bad} bad line{'s' if bad > 1 else ''}, nothing was imported (--skip-bad imports the rest):\n{lines}{more}"
        )
        self.faults, self.bad = faults, bad
