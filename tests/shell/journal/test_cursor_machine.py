"""A follower with a cursor of its own: what the journal promises to whoever carries durable facts elsewhere (J1, I9).

The follower reads from its cursor with `records(after=cursor, upto=journal.durable)`; once it stands at the end it hears the rest
by `subscribe`; when it falls behind it drops what it was told and reads again. It may die alone or with the process, before or
after it handled a fact and before or after it saved its cursor. It sees every durable fact at least once and in order, and
nothing that is not durable, also while a group is half written.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.disk import FakeDisk, FakeFile
from tests.fakes.env import FakeEnv
from tests.shell.journal.desk import DIR, GENESIS, fact
from tradingd.core.facts import AnyFact
from tradingd.ports import Broken
from tradingd.shell.journal import Settings, open_journal, records, tail
from tradingd.shell.journal.record import parse_fact

SMALL = Settings(segment_bytes=1_500, reserve_bytes=16)
QUEUE_MAX = 5
STEPS = ("", "", "", "before handling", "before saving", "after saving")  # where the follower dies


class SlowFile(FakeFile):
    """Somebody looks when half of a write is there, and when all of it is and the sync has not begun."""

    def append(self, data: bytes) -> None:
        super().append(data[: len(data) // 2])
        self.disk.look(self.path)
        self.node.data += data[len(data) // 2 :]

    def sync(self) -> None:
        self.disk.look(self.path)
        super().sync()


class SlowDisk(FakeDisk):
    beside: Callable[[], None] | None = None

    def look(self, path: str) -> None:
        if self.beside is not None and path.endswith(".jsonl"):
            self.beside()

    def open_append(self, path: str) -> SlowFile:
        super().open_append(path)
        return SlowFile(self, path)

    def after(self, cut: random.Random | None) -> "SlowDisk":
        found = self.killed() if cut is None else self.crash(cut)
        fresh = SlowDisk()
        fresh.names, fresh.durable = found.names, found.durable
        return fresh


class CursorMachine(RuleBasedStateMachine):
    """Model: `said`, one entry a fact; the first `durable` of them were told durable.   seen: what the follower handled, in all its
    lives.   saved: its cursor, which outlives everything.   at: where it stands; None while it is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = SlowDisk()
        self.said: list[AnyFact] = []
        self.numbers = iter(range(1, 1 << 30))
        self.durable = self.saved = 0
        self.at: int | None = None
        self.seen: dict[int, AnyFact] = {}
        self._open()

    # the journal ------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.disk.beside = self._beside
        self.journal, recovery = open_journal(FakeEnv(self.disk), DIR, GENESIS, SMALL)
        assert recovery.seq >= max([self.durable, *self.seen]), "what was told and carried away is gone"
        del self.said[recovery.seq :]
        self.durable = recovery.seq
        self.at, self.live, self.queue = None, False, deque[tuple[int, AnyFact]]()
        self.journal.subscribe(self._told)
        self.task = self.loop.create_task(self.journal.run())

    def _told(self, first: int, facts: Sequence[AnyFact]) -> None:
        assert first == self.durable + 1
        self.durable += len(facts)
        if self.at is None or not self.live:
            return
        self.queue.extend(enumerate(facts, first))
        if len(self.queue) > QUEUE_MAX:  # bounded: what is dropped here stands in the journal
            self.queue.clear()
            self.live = False

    @precondition(lambda self: not self.journal.broken)
    @rule(size=st.integers(1, 5))
    def append(self, size: int) -> None:
        facts = [fact(next(self.numbers)) for _ in range(size)]
        self.journal.append(facts)
        self.said += facts

    @rule(turns=st.integers(1, 4))
    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.loop.run_until_complete(asyncio.sleep(0))

    @precondition(lambda self: not self.journal.broken)
    @rule(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3), fail=st.integers(0, 6))
    def commit(self, sizes: list[int], fail: int) -> None:
        """fail: of the next operations one fails, 0 for none."""
        if fail:
            self.disk.fail_at = self.disk.done + fail
        try:
            for size in sizes:
                self.append(size)
                self.loop.run_until_complete(self.journal.synced(self.journal.seq))
        except Broken:
            assert self.disk.failed
        self.disk.fail_at = 0

    @rule(seed=st.none() | st.integers(0, 99))
    def restart(self, seed: int | None) -> None:
        """SIGKILL or a power cut, and the next start."""
        self.task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
        self.disk = self.disk.after(None if seed is None else random.Random(seed))
        self._open()

    # the follower -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.at is None)
    @rule()
    def follow(self) -> None:
        self.at, self.live = self.saved, False
        self.queue.clear()

    @precondition(lambda self: self.at is not None)
    @rule(n=st.integers(1, 12), dies=st.sampled_from(STEPS))
    def work(self, n: int, dies: str) -> None:
        """n facts; it dies at the last one, if at all."""
        for i in range(n):
            found = self._next()
            if found is None:
                return
            self._take(*found, dies if i == n - 1 else "")

    @precondition(lambda self: self.at is not None)
    @rule()
    def work_all(self) -> None:
        """Left alone it has seen everything durable, and nothing else."""
        while (found := self._next()) is not None:
            self._take(*found, "")
        assert self.at == self.saved == self.durable
        assert self.seen == dict(enumerate(self.said[: self.durable], 1))

    def _next(self) -> tuple[int, AnyFact] | None:
        assert self.at is not None
        if not self.live:
            found = next(records(self.disk, DIR, after=self.at, upto=self.journal.durable), None)
            if found is not None:
                return found
            self.live = True  # at the end, and nothing can become durable between this look and the next group
        return self.queue.popleft() if self.queue else None

    def _take(self, seq: int, what: AnyFact, dies: str) -> None:
        assert self.at is not None
        assert seq == self.at + 1, "in order, without a gap, and no fact twice in one life"
        if dies == "before handling":
            self.at = None
            return
        assert seq <= self.durable, "not durable yet"
        assert what == self.said[seq - 1]
        assert self.seen.setdefault(seq, what) == what, "the same sequence is the same fact for ever"
        self.at = seq
        if dies != "before saving":
            self.saved = seq
        if dies:
            self.at = None

    def _beside(self) -> None:
        """In the middle of a write: the file holds more than is durable. Reads some facts as the follower would."""
        found = list(records(self.disk, DIR, after=self.saved, upto=self.journal.durable))
        assert found == list(enumerate(self.said[: self.durable], 1))[self.saved :]
        if self.at is not None and not self.live:
            for _ in range(3):
                if (one := self._next()) is not None:
                    self._take(*one, "")

    # the other readers ------------------------------------------------------------------------------------------------------

    @rule(n=st.integers(0, 20))
    def look_at_the_end(self, n: int) -> None:
        """`tail` may be ahead of what is durable (a group that failed stands in the file), and never tells anything that was not
        appended; of what is durable it misses nothing."""
        last = [parse_fact(line) for line in tail(self.disk, DIR, n)]
        begin = last[0][0] if last else 0
        assert last == list(enumerate(self.said[begin - 1 :], begin))[: len(last)]
        assert not last or last[-1][0] >= self.durable
        assert len(last) == n or begin <= 1

    @rule(after=st.integers(0, 60), n=st.integers(0, 20))
    def read_some(self, after: int, n: int) -> None:
        """Any cursor, any bite, wherever segments begin."""
        found = list(islice(records(self.disk, DIR, after=after, upto=self.journal.durable), n))
        assert found == list(enumerate(self.said[: self.durable], 1))[after : after + n]

    @invariant()
    def nothing_is_seen_that_is_not_durable(self) -> None:
        assert max([0, *self.seen]) <= self.durable == self.journal.durable
        assert all(seq in self.seen for seq in range(1, self.saved + 1)), (
            "the cursor is past a fact that was never handled"
        )

    def teardown(self) -> None:
        if self.at is None:
            self.follow()
        self.work_all()
        self.task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
        self.loop.close()


TestCursorMachine = CursorMachine.TestCase
TestCursorMachine.settings = settings(max_examples=max(150, settings.default.max_examples), stateful_step_count=40)
