"""The journal against a list of appends, under faults that come one upon the other: the n-th operation of the disk fails, once or
for ever, or is the last one the process does; power goes; and whoever finds the directory meanwhile flips a bit or cuts a file.

`test_journal_props.py` has the plain days (commits, kills, power cuts in any order); here nothing is spared, recovery included.
"""

import asyncio
import copy
import errno
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.fakes.disk import FakeDisk, FakeFile, Node
from tests.fakes.env import FakeEnv, Killed
from tests.shell.journal.desk import DIR, GENESIS, fact
from tradingd.core.facts import AnyFact
from tradingd.ports import Broken
from tradingd.shell.journal import JournalDamaged, Recovery, Settings, open_journal, verify

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS)
FULL = {errno.ENOSPC, errno.EDQUOT}
WRITES = {"append", "sync", "truncate", "create", "write", "rename", "unlink", "sync_dir"}
SMALL = {"segment_bytes": 3_500, "reserve_bytes": 4_000}


class MortalFile(FakeFile):
    def append(self, data: bytes) -> None:
        try:
            super().append(data)
        except Killed:
            self.node.data += data[: int(len(data) * self.disk.part)]
            raise


class MortalDisk(FakeDisk):
    """die_at: the number of the operation in which the process dies; of an append, `part` gets to the file."""

    die_at, part, dead = 0, 0.0, False

    def step(self, op: str, path: str) -> None:
        super().step(op, path)
        if self.dead or self.done == self.die_at:
            self.dead = True
            raise Killed(op)

    def open_append(self, path: str) -> MortalFile:
        super().open_append(path)
        return MortalFile(self, path)

    def after(self, cut: random.Random | None) -> "MortalDisk":
        """What the next start finds: after a kill, or a power cut, which often takes all notes that were not synced."""
        notes = f"{DIR}/durable.txt"
        synced = len(self.names[notes].platter) if notes in self.names else 0
        found = self.killed() if cut is None else self.crash(cut)
        fresh = MortalDisk()
        fresh.names, fresh.durable = found.names, found.durable
        if cut is not None and notes in fresh.names and cut.random() < 0.5:
            del fresh.names[notes].data[synced:], fresh.names[notes].platter[synced:]
        return fresh

    def segments(self) -> dict[str, Node]:
        return {path: self.names[path] for path in sorted(self.names) if path.endswith(".jsonl")}


class JournalUnderFaults(RuleBasedStateMachine):
    """Model: `said` is what each append was given; `acked` of the facts were told durable. Of one life:

    anchored: a synced promise covers these.   group: the last acknowledged group begins after this record.
    power: a power cut may have taken unsynced notes.   short: a full disk may have kept notes out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = MortalDisk()
        self.said: list[list[AnyFact]] = []
        self.numbers = iter(range(1, 1 << 30))
        self.acked = self.anchored = self.group = 0
        self.up = self.power = self.short = False
        self._open()

    # lives ----------------------------------------------------------------------------------------------------------------

    def _open(self, *, least: int | None = None, use_snapshots: bool = True) -> None:
        self.env = FakeEnv(self.disk)
        limits = Settings(**SMALL, use_snapshots=use_snapshots)
        self.journal, recovery = open_journal(self.env, DIR, GENESIS, limits)
        self._compare(recovery, self.acked if least is None else least)
        self.acked = self.anchored = self.group = recovery.seq
        self.up, self.power, self.short = True, False, False
        self.journal.subscribe(self._told)
        self.task = self.loop.create_task(self.journal.run())

    def _compare(self, recovery: Recovery, least: int) -> None:
        assert recovery.seq >= least, "I9: an acknowledged fact is gone"
        while self._count() > recovery.seq:
            self.said.pop()
        assert self._count() == recovery.seq, "B2: an append was halved, or something is there that was never appended"
        facts = [each for append in self.said for each in append]
        armed, self.disk.fail_at, self.disk.die_at = (self.disk.fail_at, self.disk.die_at), 0, 0
        if recovery.snapshot is not None:
            assert recovery.snapshot == b"%d" % recovery.snapshot_seq
        assert list(recovery.tail()) == [(n + 1, facts[n]) for n in range(recovery.snapshot_seq, len(facts))]
        report = verify(self.disk, DIR)
        assert report.ok, report.fault
        assert report.records == recovery.seq
        self.disk.fail_at, self.disk.die_at = armed

    def _count(self) -> int:
        return sum(map(len, self.said))

    def _told(self, first: int, facts: object) -> None:
        assert first == self.acked + 1, "told in order, without a gap"
        assert isinstance(facts, list)
        self.group = first - 1
        self.acked += len(facts)

    def _end(self, cut: random.Random | None = None) -> None:
        """The process is gone, and with power the pages that were not synced."""
        if self.up:
            self.task.cancel()
            self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
            self.short = self.short or (self.disk.failed > 0 and self.disk.error in FULL)
        self.up = False
        self.power = self.power or cut is not None
        self.disk = self.disk.after(cut)

    def _do(self, asked: object) -> bool:
        """Did it end well? If not, there must have been a reason."""
        try:
            self.loop.run_until_complete(asked)  # type: ignore[call-overload]
        except (Broken, Killed):
            assert self.disk.failed or self.disk.dead, f"broken without a cause: {self.journal.broken}"
            return False
        finally:
            if self.disk.dead:
                self._end(self.cut)
        return True

    # running --------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.up and not self.journal.broken)
    @rule(size=st.integers(0, 5))
    def append(self, size: int) -> None:
        facts = [fact(next(self.numbers)) for _ in range(size)]
        self.journal.append(facts)
        self.said.append(facts)

    @precondition(lambda self: self.up and not self.journal.broken)
    @rule(groups=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=4))
    def commit(self, groups: list[list[int]]) -> None:
        """Groups of appends, each durable before the next."""
        for sizes in groups:
            for size in sizes:
                self.append(size)
            if not self._do(self.journal.synced(self.journal.seq)):
                return
            assert self.acked == self._count()

    @precondition(lambda self: self.up and not self.journal.broken)
    @rule()
    def snapshot(self) -> None:
        seq = self.journal.seq
        before = {path for path in self.disk.names if "/snapshot-" in path}
        if self._do(self.journal.snapshot(b"%d" % seq)) and {p for p in self.disk.names if "/snapshot-" in p} - before:
            self.anchored = seq

    @precondition(lambda self: self.up and not self.disk.fail_at)
    @rule(at=st.integers(1, 8), persistent=st.booleans(), error=st.sampled_from(ERRORS))
    def fail(self, at: int, persistent: bool, error: int) -> None:
        """B6, B7, I10: the n-th operation from now fails, once or for ever."""
        self.disk.fail_at, self.disk.persistent, self.disk.error = self.disk.done + at, persistent, error

    @precondition(lambda self: self.up and not self.disk.die_at)
    @rule(at=st.integers(1, 8), part=st.floats(0, 1), seed=st.none() | st.integers(0, 99))
    def die(self, at: int, part: float, seed: int | None) -> None:
        """B1, B2, A2: the process dies in the n-th operation from now; a seed: by a power cut."""
        self.disk.die_at, self.disk.part = self.disk.done + at, part
        self.cut = None if seed is None else random.Random(seed)

    @precondition(lambda self: self.up and self.journal.broken)
    @rule()
    def broken_stays_broken(self) -> None:
        """I10: no fact more, no promise more, not a byte more."""
        done, seq = len(self.disk.ops), self.journal.seq
        for refused in (lambda: self.journal.append([fact(1)]), lambda: self._now(self.journal.synced(seq + 1))):
            try:
                refused()
            except Broken:
                continue
            raise AssertionError("a broken journal took something")
        self.loop.run_until_complete(asyncio.sleep(0))
        assert not [op for op, _ in self.disk.ops[done:] if op in WRITES]

    def _now(self, asked: object) -> None:
        self.loop.run_until_complete(asked)  # type: ignore[call-overload]

    @precondition(lambda self: self.up)
    @rule()
    def close(self) -> None:
        clean = self._do(self.journal.close())
        if not self.up:
            return
        assert not self.disk.locks, "a closed journal gives its lock back"
        assert self.journal.broken or self.acked == self._count()
        if clean and not self.journal.broken and not self.disk.failed:
            self.anchored = self.acked
        self._end()

    @precondition(lambda self: self.up and not self.journal.broken)
    @rule(groups=st.integers(2, 4), seed=st.integers(0, 99), offset=st.integers(0, 3_000), cut=st.booleans())
    def lose_power_and_more(self, groups: int, seed: int, offset: int, cut: bool) -> None:
        """The last groups of a life, then a power cut, then hands in the file: what is left speaks for what is before it."""
        self.commit([[2]] * groups)
        if self.up and cut:
            self.snapshot()
        if self.up:
            self.end(seed)
        if not self.up and cut:
            self.cut_a_file(0, offset, at_line=bool(seed % 2))
        elif not self.up:
            self.flip_a_bit(0, offset, bit=seed % 8)

    @rule(seed=st.none() | st.integers(0, 99))
    def end(self, seed: int | None) -> None:
        """SIGKILL, or a power cut (again, when the machine was down already)."""
        self._end(None if seed is None else random.Random(seed))

    # starting again ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.up)
    @rule(snapshots=st.booleans())
    def start(self, snapshots: bool) -> None:
        self._open(use_snapshots=snapshots)

    @precondition(lambda self: not self.up)
    @rule(at=st.integers(1, 30), persistent=st.booleans(), error=st.sampled_from(ERRORS))
    def start_on_a_bad_disk(self, at: int, persistent: bool, error: int) -> None:
        """B7: refused as a disk that fails, never as a journal that is damaged; and the next start finds all of it."""
        self.disk.fail_at, self.disk.persistent, self.disk.error = self.disk.done + at, persistent, error
        try:
            self._open()
        except JournalDamaged:
            raise
        except Broken:
            assert self.disk.failed
            assert not self.disk.locks
            self._end()

    @precondition(lambda self: not self.up)
    @rule(at=st.integers(1, 30), part=st.floats(0, 1), seed=st.none() | st.integers(0, 99))
    def die_while_starting(self, at: int, part: float, seed: int | None) -> None:
        """A9, K15."""
        self.disk.die_at, self.disk.part = self.disk.done + at, part
        self.cut = None if seed is None else random.Random(seed)
        try:
            self._open()
        except Killed:
            self._end(self.cut)

    # hands in the files -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.up)
    @rule(back=st.integers(0, 2), offset=st.integers(0, 5_000), bit=st.integers(0, 7))
    def flip_a_bit(self, back: int, offset: int, bit: int) -> None:
        """B3, I9: damage below the watermark is refused, above it nothing but the torn end may go."""
        path, node, at = self._somewhere(back, offset)
        kept = copy.deepcopy(node)
        floor, last = self._floor(self.group), self._last(path)
        must = not last or not self._line(node, at) or self._seq(path, node, at) <= floor
        for held in (node.data, node.platter):
            if at < len(held):
                held[at] ^= 1 << bit
        self._judge(path, kept, must, floor)

    @precondition(lambda self: not self.up)
    @rule(back=st.integers(0, 2), offset=st.integers(0, 5_000), at_line=st.booleans())
    def cut_a_file(self, back: int, offset: int, at_line: bool) -> None:
        """B4, I9: what is promised and missing is refused, whole lines of it too."""
        path, node, at = self._somewhere(back, offset)
        at = bytes(node.data).rfind(b"\n", 0, at) + 1 if at_line else at
        kept = copy.deepcopy(node)
        floor, last = self._floor(self.anchored), self._last(path)
        must = not last or not self._line(node, at) or self._seq(path, node, at) <= floor
        del node.data[at:], node.platter[at:]
        node.dirty = min(node.dirty, at)
        self._judge(path, kept, must, floor)

    @precondition(lambda self: not self.up)
    @rule(pick=st.integers(0, 3), offset=st.integers(0, 400), bit=st.integers(0, 7))
    def flip_a_bit_beside(self, pick: int, offset: int, bit: int) -> None:
        """B14: a damaged note or snapshot is as if it were not there."""
        beside = sorted(path for path in self.disk.names if "/snapshot-" in path or path.endswith("durable.txt"))
        beside = [path for path in beside if self.disk.names[path].data]
        if beside:
            node = self.disk.names[beside[pick % len(beside)]]
            node.data[offset % len(node.data)] ^= 1 << bit
        self._open()

    def _somewhere(self, back: int, offset: int) -> tuple[str, Node, int]:
        segments = list(self.disk.segments().items())
        path, node = segments[-1 - back % len(segments)]
        return path, node, len(node.data) - 1 - offset % len(node.data)

    def _last(self, path: str) -> bool:
        return path == list(self.disk.segments())[-1]

    @staticmethod
    def _line(node: Node, at: int) -> int:
        return bytes(node.data[:at]).count(b"\n")

    def _seq(self, path: str, node: Node, at: int) -> int:
        first = int(path.rpartition("-")[2].removesuffix(".jsonl"))
        return max(first, 1) - 1 + self._line(node, at)

    def _floor(self, promised: int) -> int:
        """The last record that damage must not take silently."""
        return max(self.anchored, promised) if self.power or self.short else self.acked

    def _judge(self, path: str, kept: Node, must: bool, floor: int) -> None:
        before = {name: bytes(node.data) for name, node in self.disk.segments().items()}
        if must:
            self._start_at_a_snapshot(copy.deepcopy(self.disk))
        try:
            self._open(least=min(self.acked, floor), use_snapshots=False)
        except JournalDamaged:
            assert {name: bytes(node.data) for name, node in self.disk.segments().items()} == before
            assert not self.disk.locks
            node = self.disk.names[path]
            node.data, node.platter, node.dirty = kept.data, kept.platter, kept.dirty
            self._open()
            return
        assert not must, "damage below the watermark passed silently"

    def _start_at_a_snapshot(self, disk: MortalDisk) -> None:
        """ADR-0003: a start reads from the newest snapshot on; what is damaged before it does not change what is read, and stays
        for `verify` to find."""
        report = verify(disk, DIR)
        assert not report.ok
        assert not report.torn
        try:
            journal, recovery = open_journal(FakeEnv(disk), DIR, GENESIS, Settings(**SMALL))
        except JournalDamaged:
            return
        assert recovery.snapshot is not None
        facts = [each for append in self.said for each in append]
        assert list(recovery.tail()) == [(n + 1, facts[n]) for n in range(recovery.snapshot_seq, recovery.seq)]
        assert not verify(disk, DIR).ok
        self.loop.run_until_complete(journal.close())

    def teardown(self) -> None:
        if self.up:
            self.disk.fail_at = self.disk.die_at = 0
            self._end()
        self.loop.close()


TestJournalUnderFaults = JournalUnderFaults.TestCase
TestJournalUnderFaults.settings = settings(max_examples=max(200, settings.default.max_examples), stateful_step_count=40)
