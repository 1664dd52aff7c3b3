"""Verify: walk the whole chain from genesis and say where it breaks first. Works beside a running daemon, without its lock."""

from __future__ import annotations

import msgspec

from tradingd.ports import Broken, Disk
from tradingd.shell.journal.marks import read_marks
from tradingd.shell.journal.record import JournalDamaged
from tradingd.shell.journal.segments import Bad, Walk, claims_after, genesis_of, segments_of
from tradingd.shell.journal.snapshot import read_snapshots

LOOKS = 3  # at a last line that a running daemon may be writing


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """records: good ones, genesis not counted.   head: hash of the last good one.   durable: what is known to have been synced.

    ok: every byte is as it was written, and the last append is whole.   torn: not ok, but only what was never durable is bad, or
    is an append whose end is missing; the next start keeps it aside and goes on.   bad: the first bad or missing record.
    """

    ok: bool
    torn: bool
    records: int
    segments: int
    head: str
    durable: int
    instance: str
    bad: Bad | None = None
    fault: str = ""


def verify(disk: Disk, directory: str) -> Report:
    """Check every record. Broken when there is no journal or it cannot be read; OSError as the disk gives it."""
    names = disk.listdir(directory)
    segments = segments_of(names)
    if not segments:
        raise Broken(f"there is no journal in {directory}")
    try:
        genesis = genesis_of(disk, directory, segments)
    except JournalDamaged as e:
        bad = Bad(segments[0][1], 1, 0, 0, str(e), incomplete=False, tear=False)
        return Report(
            ok=False, torn=False, records=0, segments=len(segments), head="", durable=-1, instance="", bad=bad, fault=str(e)
        )  # fmt: skip
    # promises are read before the records, so that a running daemon cannot make one that was not seen
    promised = read_marks(disk, directory, genesis.instance)
    promised.update({s.seq: s.head for s in read_snapshots(disk, directory, names, genesis.instance)})
    walk = Walk(disk, directory, genesis, promised)
    for first, name in segments:
        if not _segment(walk, first, name):
            break
    durable = max([walk.durable, *promised])
    if walk.bad is not None:
        durable = max(durable, claims_after(disk, f"{directory}/{walk.segment}", walk.bad.offset))
    return _report(walk, len(segments), segments[-1][1], durable)


def _segment(walk: Walk, first: int, name: str) -> bool:
    at, durable = walk.at, walk.durable
    for _ in range(LOOKS):
        walk.at, walk.durable, walk.bad = at, durable, None
        if walk.segment_all(first, name):
            return True
        if not _unfinished(walk.bad):
            break
    return False


def _unfinished(bad: Bad | None) -> bool:
    return bad is not None and bad.incomplete


def _report(walk: Walk, segments: int, last: str, durable: int) -> Report:
    fault, torn = "", False
    if walk.bad is not None:
        torn = walk.bad.tear and walk.bad.segment == last and durable <= min(walk.whole.seq, walk.seq)
        fault = f"{walk.bad.reason} ({walk.bad.segment}, line {walk.bad.line})"
    elif durable > walk.seq:
        fault = f"record {durable} was durable, but the journal ends with {walk.seq}"
    return Report(
        ok=not fault, torn=torn, records=max(walk.seq, 0), segments=segments, head=walk.head.decode(), durable=durable,
        instance=walk.genesis.instance, bad=walk.bad, fault=fault,
    )  # fmt: skip
