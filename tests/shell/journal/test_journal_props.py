"""The journal against a list of appends: commits, kills, half writes, power cuts and snapshots in any order."""

import asyncio
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv, Killed
from tests.shell.journal.desk import DIR, GENESIS, fact
from tradingd.core.facts import AnyFact
from tradingd.ports import Broken
from tradingd.shell.journal import Settings, open_journal, verify


class JournalMachine(RuleBasedStateMachine):
    """Model: `said` holds what each append was given, in order; what survives anything is a whole number of them (B2, I8), and at
    least the first `acknowledged` facts (I9)."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = FakeDisk()
        self.said: list[list[AnyFact]] = []
        self.acknowledged = 0
        self.numbers = iter(range(1, 1 << 30))
        self._open()

    def _open(self) -> None:
        self.env = FakeEnv(self.disk)
        self.journal, recovery = open_journal(self.env, DIR, GENESIS, Settings(segment_bytes=900, reserve_bytes=16))
        assert recovery.seq >= self.acknowledged, "I9"
        while self.count() > recovery.seq:
            self.said.pop()
        assert self.count() == recovery.seq, "B2: an append was halved"
        facts = [fact for append in self.said for fact in append]
        folded = facts[: recovery.snapshot_seq]
        if recovery.snapshot is not None:
            assert recovery.snapshot == str(recovery.snapshot_seq).encode()
        folded += [found for _, found in recovery.tail()]
        assert folded == facts, "I8: snapshot and tail are the facts that were said"
        self.acknowledged = recovery.seq  # opening made it durable
        self.journal.subscribe(self._told)
        self.task = self.loop.create_task(self.journal.run())

    def count(self) -> int:
        return sum(map(len, self.said))

    def _say(self, size: int) -> int:
        facts = [fact(next(self.numbers)) for _ in range(size)]
        seq = self.journal.append(facts)
        self.said.append(facts)
        assert seq == self.count()
        return seq

    def _told(self, first: int, facts: object) -> None:
        assert first == self.acknowledged + 1, "told in order, without a gap"
        assert isinstance(facts, list)
        self.acknowledged += len(facts)

    def _stop(self) -> None:
        self.task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))

    @rule(size=st.integers(0, 6))
    def append(self, size: int) -> None:
        self._say(size)

    @rule(turns=st.integers(1, 6))
    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.loop.run_until_complete(asyncio.sleep(0))

    @precondition(lambda self: self.journal.pending)
    @rule()
    def sync(self) -> None:
        self.loop.run_until_complete(self.journal.synced(self.journal.seq))
        assert self.acknowledged == self.count()

    @rule()
    def snapshot(self) -> None:
        assert self.loop.run_until_complete(self.journal.snapshot(str(self.count()).encode())) in {True, False}

    @rule()
    def close(self) -> None:
        self.loop.run_until_complete(self.journal.close())
        assert self.acknowledged == self.count()
        self._open()

    @rule()
    def kill(self) -> None:
        self._stop()
        self.disk.killed()
        self._open()

    @rule(seed=st.integers(0, 99))
    def power_cut(self, seed: int) -> None:
        self._stop()
        self.disk = self.disk.crash(random.Random(seed))
        self._open()

    @rule(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3), part=st.floats(0, 1), at_line=st.booleans())
    def kill_in_the_write(self, sizes: list[int], part: float, at_line: bool) -> None:
        """B2: SIGKILL while the group is on its way into the file: any part of its bytes is there, maybe whole lines only."""
        for size in sizes:
            self._say(size)
        self.env.kill_at = ("K1", self.env.hits.get("K1", 0) + 1)
        ended = self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
        assert isinstance(ended[0], Killed)
        node = self.disk.names[f"{DIR}/{self.journal._store.segment}"]
        size = node.dirty + int((len(node.data) - node.dirty) * part)
        if at_line:
            size = bytes(node.data).rindex(b"\n", 0, max(size, node.dirty)) + 1
        del node.data[size:]
        self.disk.killed()
        self._open()

    @rule(at=st.integers(1, 4), power=st.booleans(), seed=st.integers(0, 99))
    def disk_error(self, at: int, power: bool, seed: int) -> None:
        """I10: the next operations meet one failure; the house stops and starts again."""
        self.disk.fail_at = self.disk.done + at
        try:
            self.loop.run_until_complete(self.journal.synced(self._say(3)))
        except Broken:
            assert self.journal.broken
        self.disk.fail_at = 0
        self._stop()
        self.disk = self.disk.crash(random.Random(seed)) if power else self.disk.killed()
        self._open()

    @invariant()
    def chain_is_whole(self) -> None:
        report = verify(self.disk, DIR)
        assert report.ok, report.fault

    def teardown(self) -> None:
        self._stop()
        self.loop.close()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=60, stateful_step_count=30)
