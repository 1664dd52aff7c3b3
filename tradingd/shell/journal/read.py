"""Reading a journal beside its writer or without one: no lock, no checks of the chain (that is `verify`), no writes.

What a running daemon is just writing ends without a newline and is left for the next look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from tradingd.core.facts import AnyFact
from tradingd.ports import Disk
from tradingd.shell.journal.record import JournalDamaged, data_of, fact_of, hash_of, intact, parse, parse_fact
from tradingd.shell.journal.segments import batches, segments_of


class _When(msgspec.Struct):
    ts: int


_when = msgspec.json.Decoder(_When)


def records(disk: Disk, directory: str, *, after: int = 0, upto: int | None = None) -> Iterator[tuple[int, AnyFact]]:
    """(sequence, fact) of the records after `after`, to `upto` or the end. A follower that acts on them gives the journal's
    `durable` as upto. Broken for a fact of a newer version (B16)."""
    for seq, line in _lines(disk, directory, after):
        if upto is not None and seq > upto:
            return
        yield seq, fact_of(line)


def payloads(disk: Disk, directory: str, *, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """(sequence, the fact's bytes as they stand) of the records after `after`."""
    for seq, line in _lines(disk, directory, after):
        yield seq, data_of(line)


def head_at(disk: Disk, directory: str, seq: int) -> str:
    """The hash of record `seq`, 1 or later; "" when the journal does not reach it."""
    return next((hash_of(line).decode() for _, line in _lines(disk, directory, seq - 1)), "")


def scan(disk: Disk, directory: str, needles: Sequence[bytes]) -> Iterator[tuple[int, AnyFact]]:
    """(sequence, fact) of the records whose bytes contain any of the needles. JournalDamaged when such a record was altered."""
    for first, name in segments_of(disk.listdir(directory)):
        begun = False
        for lines, _ in batches(disk, f"{directory}/{name}"):
            facts = lines if begun else lines[1:]
            begun = begun or bool(lines)
            together = b"\n".join(facts)
            if not any(needle in together for needle in needles):
                continue
            for line in facts:
                if any(needle in line for needle in needles):
                    if not intact(line):
                        raise JournalDamaged(f"a record in {name} (after {first - 1}) was altered: run journal verify")
                    yield parse_fact(line)


def tail(disk: Disk, directory: str, n: int) -> list[bytes]:
    """The last n records as they stand, without newlines, oldest first."""
    found: list[bytes] = []
    for first, _ in reversed(segments_of(disk.listdir(directory))):
        if len(found) >= n:
            break
        last = deque((line for _, line in _lines(disk, directory, first - 1, segments=1)), maxlen=n - len(found))
        found = [*last, *found]
    return found


def export(disk: Disk, directory: str, *, after: int = 0) -> Iterator[bytes]:
    """One JSON line a fact: sequence, the time of the event that caused it, the fact. Without newlines."""
    for _, line in _lines(disk, directory, after):
        yield export_line(line)


def export_line(line: bytes) -> bytes:
    """The exported form of one raw record."""
    found = parse(line)
    return b'{"seq":%d,"ts":%d,"fact":%b}' % (found.seq, _when.decode(found.fact).ts, bytes(found.fact))


def _lines(disk: Disk, directory: str, after: int, segments: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(sequence, raw line) of the facts after `after`; genesis and segment headers are left out. The sequence is counted."""
    every = segments_of(disk.listdir(directory))
    begin = max((i for i, (first, _) in enumerate(every) if first <= after + 1), default=0)
    end = None if segments is None else begin + segments
    for first, name in every[begin:end]:
        seq = max(first, 1) - 1  # the first line of a segment is no fact
        header = True
        for lines, _ in batches(disk, f"{directory}/{name}"):
            facts = lines[1:] if header and lines else lines
            header = header and not lines
            if seq + len(facts) <= after:
                seq += len(facts)
                continue
            for line in facts:
                seq += 1
                if seq > after:
                    yield seq, line
