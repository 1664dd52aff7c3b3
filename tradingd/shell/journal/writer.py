"""The journal as the house sees it: append buffers, one committer makes groups durable, followers hear of them in order.

`append` never waits and never touches the disk; what one call is given is whole after any crash, or not there. `run` takes all
that is buffered as one group, has it written and synced on the writer thread, and only then tells anybody. A failed write or
sync is final: the group is void, nobody hears of it, and every later call says Broken. Source: J1, RELIABILITY I1, I9, I10, B6.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from tradingd.core.facts import AnyFact
from tradingd.ports import Broken, Env
from tradingd.shell.journal.record import Stamped, payload, stamp
from tradingd.shell.journal.segments import wrap
from tradingd.shell.journal.store import Settings, Store

T = TypeVar("T")

Follower = Callable[[int, Sequence[AnyFact]], None]
OnCommit = Callable[[float, int, int], None]


class Journal:
    """Made by `open_journal`. Attributes for metrics: seq (last appended), durable, head, segment, pending, commits, records,
    bytes, last_commit_s, full (the disk is full, the last words are being written), broken (why, or None)."""

    def __init__(self, env: Env, store: Store, settings: Settings) -> None:
        self.env = env
        self.settings = settings
        self.seq = self.durable = store.seq
        self.broken: str | None = None
        self.commits = self.records = self.bytes = 0
        self.last_commit_s = 0.0
        self.on_commit: OnCommit | None = None  # (seconds, records, bytes) of each durable group
        self._store = store
        self._head, self._segment, self._full = store.head, store.segment, store.full
        self._group: list[Stamped] = []
        self._facts: list[AnyFact] = []
        self._followers: list[Follower] = []
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waited = 0
        self._marks: dict[int, bytes | None] = {}  # sequences whose hash a snapshot needs
        self._work = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = self._closing = self._closed = False

    @property
    def head(self) -> str:
        """Hash of the last durable record."""
        return self._head.decode()

    @property
    def segment(self) -> str:
        return self._segment

    @property
    def full(self) -> bool:
        """The disk is full: these are the last words; let nothing but a halt follow."""
        return self._full

    @property
    def pending(self) -> int:
        """Facts appended and not yet durable."""
        return self.seq - self.durable

    def subscribe(self, follower: Follower) -> None:
        """follower(first sequence, facts) is called on the loop for each durable group, in order, before `synced` returns.
        It must not raise and not block."""
        self._followers.append(follower)

    def append(self, facts: Sequence[AnyFact]) -> int:
        """Buffer facts, all or none, and return the last sequence. They are durable once `synced` returns for it, and a crash
        before that leaves all of them or none (B2): hand over what belongs together in one call.

        FactRefused for a fact that could not be read back equal; Broken when the journal is, was closed, or when more than
        `pending_max` facts would wait for the disk.
        """
        self._alive()
        if not facts:
            return self.seq
        if self.pending + len(facts) > self.settings.pending_max:
            raise Broken(
                f"{self.pending} facts wait for the disk, at most {self.settings.pending_max} may: it is too slow"
            )
        size_max = self.settings.record_max
        items = [payload(fact, size_max) for fact in facts]
        self._group.append((stamp(self.env.clock.wall(), self.env.clock.mono(), self.env.boot_id), items))
        self._facts.extend(facts)
        self.seq += len(facts)
        self._work.set()
        return self.seq

    async def synced(self, seq: int) -> None:
        """Returns when the record `seq` is durable and its followers were told; Broken when it never will be."""
        if seq <= self.durable:
            return
        self._alive()
        assert seq <= self.seq, f"record {seq} was never appended"
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waited += 1
        heapq.heappush(self._waiters, (seq, self._waited, future))
        await future

    async def run(self) -> None:
        """The committer: one task, for as long as the journal lives. Returns after `close`, raises Broken on any fault."""
        assert not self._running, "one journal, one committer"
        self._running = True
        try:
            while not (self._closing and not self._group):
                if self._group:
                    await self._commit()
                else:
                    await self._work.wait()
                self._work.clear()
                self._alive()
        finally:
            self._running = False
            self._ended.set()

    async def close(self) -> None:
        """Make durable what is buffered, then give back files and lock. After a fault it only gives back."""
        if self._closed:
            return
        self._closing = True
        self._work.set()
        if self._running:
            await self._ended.wait()
        await self.flush()
        self._closed = True
        clean = self.broken is None
        await self._disk(lambda: self._store.close(clean=clean))

    async def flush(self) -> None:
        """Make durable what is buffered, where no committer runs: at the end, and for a driver that has no tasks."""
        assert not self._running, "the committer makes groups durable"
        while self._group and self.broken is None:
            await self._commit()

    def snapshot(self, state: bytes) -> Coroutine[None, None, bool]:
        """Write a snapshot of the state as it is now, that is after record `seq`. The moment counts when this is called, not
        when it is awaited; the file is written once that record is durable. False when the disk has no room for it."""
        seq = self.seq
        self._marks[seq] = self._head if seq == self.durable else None
        return self._snapshot(seq, state)

    # ------------------------------------------------------------------------------------------------------------------

    async def _snapshot(self, seq: int, state: bytes) -> bool:
        await self.synced(seq)
        head = self._marks.pop(seq, None)
        if head is None:
            return False  # another call is writing the same one
        return await self._disk(lambda: self._store.snapshot(seq, head, state))

    async def _commit(self) -> None:
        group, self._group = self._group, []
        facts, self._facts = self._facts, []
        marks = frozenset(self._marks)
        if self.env.sometimes("journal.group_waits"):
            await self.env.clock.sleep(0.05)
        done = await self._disk(lambda: self._store.commit(group, marks))
        first = self.durable + 1
        self.durable, self._head = done.seq, done.heads[done.seq]
        self._segment, self._full = self._store.segment, self._store.full
        self._marks.update({seq: head for seq, head in done.heads.items() if seq in self._marks})
        self.commits += 1
        self.records += len(facts)
        self.bytes += done.bytes
        self.last_commit_s = done.seconds
        self._tell(first, facts)
        while self._waiters and self._waiters[0][0] <= self.durable:
            future = heapq.heappop(self._waiters)[2]
            if not future.done():
                future.set_result(None)
        if self.on_commit is not None:
            self.on_commit(done.seconds, len(facts), done.bytes)

    def _tell(self, first: int, facts: Sequence[AnyFact]) -> None:
        told = False
        try:
            for follower in self._followers:
                follower(first, facts)
            told = True
        finally:
            if not told:
                self._break("a follower failed: others may not have heard of what is durable")

    async def _disk(self, fn: Callable[[], T]) -> T:
        """fn on the writer thread. If it fails, or nobody stays to hear how it ended, the journal is broken."""
        why = "the committer was stopped while a group was being written"
        try:
            done = await self.env.blocking(fn)
            why = ""
            return done
        except OSError as e:
            broken = wrap("the journal cannot be written", e)
            why = str(broken)
            raise broken from e
        except Broken as e:
            why = str(e)
            raise
        finally:
            if why:
                self._break(why)

    def _alive(self) -> None:
        if self.broken is not None:
            raise Broken(self.broken)
        if self._closed:
            raise Broken("the journal is closed")

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        self._group, self._facts = [], []
        for _, _, future in self._waiters:
            if not future.done():
                future.set_exception(Broken(self.broken))
        self._waiters = []
        self._work.set()
