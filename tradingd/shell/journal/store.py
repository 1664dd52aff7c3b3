"""The journal's files while it is written: one group at a time, on the writer thread. Any error here is the end (I10)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

import msgspec

from tradingd.ports import Broken, Env
from tradingd.shell.journal.marks import Marks
from tradingd.shell.journal.record import Stamped, seal_all, segment_line
from tradingd.shell.journal.segments import RESERVE, TEMP, segment_name
from tradingd.shell.journal.snapshot import encode, snapshot_name, snapshots_of

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the journal.

    segment_bytes: a new segment is begun once one has reached this.   pending_max: facts waiting for the disk.
    record_max: bytes of one fact.   reserve_bytes: kept free for the last words on a full disk.   snapshots_kept: >= 1.
    state_schema: of the snapshots' state; others are ignored.   force: take any file system (B17).
    use_snapshots: False folds from genesis, to check the snapshots.
    """

    segment_bytes: int = 64 << 20
    pending_max: int = 100_000
    record_max: int = 1 << 20
    reserve_bytes: int = 1 << 20
    snapshots_kept: int = 2
    state_schema: int = 1
    force: bool = False
    use_snapshots: bool = True

    def __post_init__(self) -> None:
        for name in ("segment_bytes", "pending_max", "record_max", "reserve_bytes", "snapshots_kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")


class Committed(msgspec.Struct, frozen=True):
    """A durable group. heads: hashes of the records asked for and of the last one."""

    seq: int
    heads: dict[int, bytes]
    bytes: int
    seconds: float  # writing and syncing


class Store:
    """Open files of one journal. Made by recovery, which vouches for seq, head and size."""

    def __init__(
        self, env: Env, directory: str, settings: Settings, *, instance: str, seq: int, head: bytes, segment: str, size: int,
        marks: Marks, release: Callable[[], None],
    ) -> None:  # fmt: skip
        self.env = env
        self.directory = directory
        self.settings = settings
        self.instance = instance
        self.seq = seq
        self.head = head
        self.segment = segment
        self.full = False  # the reserve was given up
        self._last_words = settings.reserve_bytes  # bytes that may still be written then
        self._marks = marks
        self._release = release
        self._open(segment, size)

    def _open(self, segment: str, size: int) -> None:
        self.segment = segment
        self._file = self.env.disk.open_append(f"{self.directory}/{segment}")
        self._identity = self._file.identity()
        self._size = size

    def commit(self, group: Sequence[Stamped], marks: frozenset[int]) -> Committed:
        """Write the group, all of it into one segment, and sync it. OSError or Broken: nothing of it counts, and this store must
        not be used again."""
        self._untouched()
        if self._size >= self.settings.segment_bytes and not self.full:
            self._rotate(group[0][0])
        # All before this group is durable, so the watermark is the last sequence before it: it depends on the grouping alone.
        data, heads = seal_all(self.seq, self.head, self.seq, group, marks)
        began = self.env.clock.mono()
        self._write(data)
        self.env.failpoint("K1")
        self._file.sync()
        self.env.failpoint("K2")
        seconds = (self.env.clock.mono() - began) / 1e9
        self._size += len(data)
        self.seq = max(heads)
        self.head = heads[self.seq]
        self._mark()
        return Committed(self.seq, heads, len(data), seconds)

    def _untouched(self) -> None:
        """Somebody else at our file means two writers or a restore under our feet (B18)."""
        path = f"{self.directory}/{self.segment}"
        try:
            same = self._file.identity() == self._identity
        except FileNotFoundError:
            raise Broken(f"{path} was removed while it was written") from None
        if not same:
            raise Broken(f"{path} was replaced by another file while it was written")
        size = self._file.size()
        if size != self._size:
            raise Broken(f"{path} has {size} bytes where {self._size} were written: somebody else writes it")

    def _write(self, data: bytes) -> None:
        """A full disk gives up the reserve, once. Unlike a failed sync, a write that found no room is known not to have
        happened, so the same bytes may be written again after what came of them is taken away."""
        if self.full:
            self._last_words -= len(data)
            if self._last_words < 0:
                raise Broken("the disk is full and the reserve for the last words is used up")
        try:
            self._file.append(data)
        except OSError as e:
            if e.errno not in FULL or self.full:
                raise
            self.full = True
            self._last_words -= len(data)
            self._file.truncate(self._size)
            self.env.disk.unlink(f"{self.directory}/{RESERVE}")
            self.env.disk.sync_dir(self.directory)  # some file systems give the room back only with this
            self._file.append(data)

    def _mark(self) -> None:
        if self.full:
            return  # what room is left is for facts
        try:
            self._marks.add(self.seq, self.head)
        except OSError as e:
            if e.errno not in FULL:
                raise

    def _rotate(self, when: bytes) -> None:
        """Begin the next segment. Its file appears whole or not at all, and only when all before it is durable (B13)."""
        disk, name = self.env.disk, segment_name(self.seq + 1)
        path = f"{self.directory}/{name}"
        header = segment_line(self.seq, self.head, when, self.instance)
        if not self._write_new(path + TEMP, header):
            return  # no room for a new file: the old segment goes on, and meets the full disk by itself
        self.env.failpoint("K14")
        disk.rename(path + TEMP, path)
        self.env.failpoint("K14")
        disk.sync_dir(self.directory)
        self._file.close()
        self._open(name, len(header))

    def _write_new(self, path: str, data: bytes) -> bool:
        try:
            self.env.disk.write_new(path, data)
        except OSError as e:
            if e.errno not in FULL:
                raise
            name = path.rpartition("/")[2]
            if name in self.env.disk.listdir(self.directory):
                self.env.disk.unlink(path)
            return False
        return True

    def snapshot(self, seq: int, head: bytes, state: bytes) -> bool:
        """Write a snapshot of a durable sequence and drop the oldest ones. False when there is no room for it."""
        disk, path = self.env.disk, f"{self.directory}/{snapshot_name(seq)}"
        data = encode(self.instance, self.settings.state_schema, seq, head, state)
        if self.full or not self._write_new(path + TEMP, data):
            return False
        self.env.failpoint("K13")
        disk.rename(path + TEMP, path)
        self.env.failpoint("K13")
        disk.sync_dir(self.directory)
        for _, name in snapshots_of(disk.listdir(self.directory))[self.settings.snapshots_kept :]:
            disk.unlink(f"{self.directory}/{name}")
        return True

    def close(self, *, clean: bool) -> None:
        """Give files and lock back. clean: also make the last note durable, so that the next start knows all of the end."""
        try:
            if clean and not self.full:
                self._marks.sync()
        finally:
            self._marks.close()
            self._file.close()
            self._release()
