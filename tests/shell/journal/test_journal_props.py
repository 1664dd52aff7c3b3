"""The journal against a list: appends, commits, kills, power cuts and snapshots in any order."""

import asyncio
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.journal.desk import DIR, GENESIS, fact
from tradingd.core.facts import AnyFact
from tradingd.ports import Broken
from tradingd.shell.journal import Settings, open_journal, verify


class JournalMachine(RuleBasedStateMachine):
    """Model: `said` holds every fact in the order of sequences; the first `acknowledged` of them must survive anything."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = FakeDisk()
        self.said: list[AnyFact] = []
        self.acknowledged = 0
        self.numbers = iter(range(1, 1 << 30))
        self._open()

    def _open(self) -> None:
        self.env = FakeEnv(self.disk)
        self.journal, recovery = open_journal(self.env, DIR, GENESIS, Settings(segment_bytes=900, reserve_bytes=16))
        assert recovery.seq >= self.acknowledged, "I9"
        del self.said[recovery.seq :]
        folded = list(self.said[: recovery.snapshot_seq])
        if recovery.snapshot is not None:
            assert recovery.snapshot == str(recovery.snapshot_seq).encode()
        folded += [found for _, found in recovery.tail()]
        assert folded == self.said, "I8: snapshot and tail are the facts that were said"
        self.acknowledged = recovery.seq  # opening made it durable
        self.journal.subscribe(self._told)
        self.task = self.loop.create_task(self.journal.run())

    def _told(self, first: int, facts: object) -> None:
        assert first == self.acknowledged + 1, "told in order, without a gap"
        assert isinstance(facts, list)
        self.acknowledged += len(facts)

    def _stop(self) -> None:
        self.task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))

    @rule(count=st.integers(0, 6))
    def append(self, count: int) -> None:
        facts = [fact(next(self.numbers)) for _ in range(count)]
        assert self.journal.append(facts) == len(self.said) + count
        self.said += facts

    @rule(turns=st.integers(1, 6))
    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.loop.run_until_complete(asyncio.sleep(0))

    @precondition(lambda self: self.journal.pending)
    @rule()
    def sync(self) -> None:
        self.loop.run_until_complete(self.journal.synced(self.journal.seq))
        assert self.acknowledged == len(self.said)

    @rule()
    def snapshot(self) -> None:
        assert self.loop.run_until_complete(self.journal.snapshot(str(len(self.said)).encode())) in {True, False}

    @rule()
    def close(self) -> None:
        self.loop.run_until_complete(self.journal.close())
        assert self.acknowledged == len(self.said)
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

    @rule(at=st.integers(1, 4), power=st.booleans(), seed=st.integers(0, 99))
    def disk_error(self, at: int, power: bool, seed: int) -> None:
        """I10: the next operations meet one failure; the house stops and starts again."""
        self.disk.fail_at = self.disk.done + at
        facts = [fact(next(self.numbers)) for _ in range(3)]
        self.said += facts
        try:
            self.loop.run_until_complete(self.journal.synced(self.journal.append(facts)))
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
