"""The journal's directory: names, lines of a segment, and the walk along the chain that recovery and verify share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from tradingd.ports import Broken, Disk
from tradingd.shell.journal.record import (
    NO_HEAD,
    Genesis,
    JournalDamaged,
    Place,
    fault,
    follow,
    hash_of,
    intact,
    joins,
    parse,
    parse_genesis,
    parse_segment,
)  # fmt: skip

LOCK = "lock"
RESERVE = "reserve.bin"
TEMP = ".tmp"
_SEGMENT = re.compile(r"journal-([0-9]{12,})\.jsonl")


def segment_name(first: int) -> str:
    """first: sequence of its first record; the genesis segment begins with 0."""
    return f"journal-{first:012d}.jsonl"


def segments_of(names: list[str]) -> list[tuple[int, str]]:
    """(first sequence, name) of each segment, in order."""
    return sorted((int(found[1]), name) for name in names if (found := _SEGMENT.fullmatch(name)))


def place(disk: Disk, directory: str, name: str, data: bytes) -> None:
    """Put a whole file in place so that a crash leaves the old one or the new one, and the new one is durable."""
    temp = f"{directory}/{name}{TEMP}"
    disk.write_new(temp, data)
    disk.rename(temp, f"{directory}/{name}")
    disk.sync_dir(directory)


def batches(disk: Disk, path: str) -> Iterator[tuple[list[bytes], bytes]]:
    """The whole lines of a file, some at a time and without their newlines; with the last ones, what follows them."""
    rest = b""
    for chunk in disk.read_chunks(path):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if lines:
            yield lines, b""
    if rest:
        yield [], rest


class Bad(msgspec.Struct, frozen=True):
    """Where the chain ends too early. seq: of the first bad record.   line: counted from 1.   offset: bytes before it.

    incomplete: the file ends inside a line or inside an append: a write that did not get to its end.
    tear: a write that was not synced may look so; False for what no crash leaves, wherever it stands.
    """

    segment: str
    line: int
    seq: int
    offset: int
    reason: str
    incomplete: bool
    tear: bool


class Whole(msgspec.Struct, frozen=True):
    """Where the last whole append ends. seq, head: its last record.   offset: bytes to there in the walk's segment."""

    seq: int
    head: bytes
    offset: int


class Walk:
    """Follows the chain through segments. Afterwards: seq and head of the last good record, `bad` where it ended too early, and
    `whole`, to where a start takes back what is torn: one step of the core stays whole or goes (B2).

    expect: hashes that the records of those sequences must have.   durable: the highest watermark that good records claim.
    """

    def __init__(self, disk: Disk, directory: str, genesis: Genesis, expect: Mapping[int, bytes] | None = None) -> None:
        self.disk = disk
        self.directory = directory
        self.genesis = genesis
        self.expect = dict(expect or {})
        self.at = Place(-1, NO_HEAD)
        self.whole = Whole(-1, NO_HEAD, 0)
        self.durable = 0
        self.bad: Bad | None = None
        self.segment = ""
        self.offset = 0  # bytes of good lines in that segment
        self.line = 0

    @property
    def seq(self) -> int:
        return self.at.seq

    @property
    def head(self) -> bytes:
        return self.at.head

    def start_at(self, seq: int, head: bytes) -> None:
        self.at, self.durable = Place(seq, head), seq

    def segment_all(self, first: int, name: str, skip_to: int | None = None) -> bool:
        """Walk one segment; False when the chain ended in it. skip_to: leave the records up to that one unwalked; it must be
        the one this walk starts after, else JournalDamaged."""
        self.segment, self.offset, self.line = name, 0, 0
        self._mark()
        if skip_to is None and first != self.seq + 1:
            return self._end(f"record {self.seq + 1} is missing: the next segment begins with {first}")
        headers = 1 if first > 0 else 0
        to_skip = 0 if skip_to is None else skip_to - first + 1
        for lines, rest in batches(self.disk, f"{self.directory}/{name}"):
            if lines and self.line == 0 and headers:
                if not self._header(lines[0], first):
                    return False
                lines = lines[1:]
            left = to_skip + headers - self.line
            if left > 0:
                lines = self._skip(lines, left)
            if not self._records(lines):
                return False
            if rest and self.line >= to_skip + headers:
                return self._end(f"record {self.seq + 1} is incomplete", incomplete=True)
        if skip_to is not None and self.line < to_skip + headers:
            raise JournalDamaged(f"record {self.seq} in {name} was promised durable and is missing")
        if self.line == 0:
            return self._end(f"{name} is empty")
        if self.at.left:
            why = f"record {self.seq + 1} is missing: {self.at.left} of the append of record {self.seq} must follow"
            return self._end(why, incomplete=True)
        return True

    def _header(self, line: bytes, first: int) -> bool:
        if not intact(line):
            return self._end(f"the header of {self.segment} was altered")
        try:
            head = parse_segment(line)
        except Broken as e:
            return self._end(f"{self.segment} does not begin as a segment: {e}")
        if head.instance != self.genesis.instance:
            return self._end(f"{self.segment} belongs to instance {head.instance}, not to {self.genesis.instance}")
        says = parse(line)
        # where the walk begins inside this segment, its predecessor was not walked and cannot be compared
        joins = self.seq >= first or (says.seq == self.seq and says.prev.encode() == self.head)
        if head.first != first or not joins:
            return self._end(f"{self.segment} does not go on where record {self.seq} ended")
        self.durable = max(self.durable, says.durable)
        self._pass([line])
        self._mark()
        return True

    def _skip(self, lines: list[bytes], left: int) -> list[bytes]:
        """Leave out `left` records, the last of which must be the one the walk starts after."""
        self._pass(lines[:left])
        self._mark()
        if left <= len(lines) and (not intact(lines[left - 1]) or hash_of(lines[left - 1]) != self.head):
            raise JournalDamaged(f"record {self.seq} in {self.segment} is not the one the snapshot was taken after")
        return lines[left:]

    def _records(self, lines: list[bytes]) -> bool:
        before = self.seq
        good, whole, at = follow(lines, self.at)
        for seq in [seq for seq in self.expect if before < seq <= at.seq]:
            line = lines[seq - before - 1]
            if self.expect[seq] != hash_of(line):
                self._pass(lines[: seq - before - 1])
                self.at = Place(seq - 1, parse(line).prev.encode())
                return self._end(f"record {seq} is not the one that was promised durable: history was rewritten")
        if whole:
            self._pass(lines[:whole])
            self.at = Place(before + whole, hash_of(lines[whole - 1]))
            self._mark()
        self._pass(lines[whole:good])
        self.at = at
        if good:
            self.durable = max(self.durable, parse(lines[good - 1]).durable)
        if good < len(lines):
            bad = lines[good]
            return self._end(fault(bad, at), tear=not (intact(bad) and joins(bad, at)))
        return True

    def _mark(self) -> None:
        self.whole = Whole(self.seq, self.head, self.offset)

    def _pass(self, lines: list[bytes]) -> None:
        self.offset += sum(map(len, lines)) + len(lines)
        self.line += len(lines)

    def _end(self, reason: str, *, incomplete: bool = False, tear: bool = True) -> bool:
        # a segment's first line was synced before the segment got its name
        self.bad = Bad(
            self.segment, self.line + 1, self.seq + 1, self.offset, reason, incomplete, tear and self.line > 0
        )
        return False


def claims_after(disk: Disk, path: str, offset: int) -> int:
    """The highest durable watermark that intact lines claim behind `offset`: what a torn tail may not reach down to."""
    highest, at = -1, 0
    for lines, _ in batches(disk, path):
        for line in lines:
            if at >= offset and intact(line):
                highest = max(highest, parse(line).durable)
            at += len(line) + 1
    return highest


def genesis_of(disk: Disk, directory: str, segments: list[tuple[int, str]]) -> Genesis:
    """The journal's first record, proven by its own hash. JournalDamaged when it is not there or altered."""
    first, name = segments[0]
    if first != 0:
        raise JournalDamaged(f"the journal's first segment is missing: the oldest one begins with record {first}")
    for lines, _ in batches(disk, f"{directory}/{name}"):
        if lines and intact(lines[0]):
            return parse_genesis(lines[0])
        break
    raise JournalDamaged(f"record 0 in {name} was altered: its bytes do not match its hash")


def wrap(what: str, e: OSError) -> Broken:
    return Broken(f"{what}: {e.strerror or e}" + (f" ({e.filename})" if e.filename else ""))
