"""The tape as the house sees it: the engine lets it hear each event before its step, and never waits for it.

Hearing is one append to a queue; a thread of its own (the journal's is not lent) packs and writes what waits there. When the
thread falls behind by `BOUND` events, the tape hears nothing until it caught up: a counted gap, no delay. In a replay, where
time waits for the disk anyway, there is no thread and no gap. Source: J5, ARCHITECTURE "order of events is a fact too".
"""

from __future__ import annotations

import threading  # sim-ok: the tape must not wait for the journal's thread, nor the journal for it; off in a simulation
from collections import deque
from collections.abc import Callable, Mapping

from tradingd.core.events import Event
from tradingd.core.inputs import Adopted, Began, Ended, Input, Learned, Venue
from tradingd.core.types import AccountId, Instrument
from tradingd.ports import Env
from tradingd.shell.ticks.reel import Reel

BLOCK = 512  # entries of a block: what packing holds the interpreter for is some tenths of a millisecond
BOUND = 200_000  # events that may wait
INLINE = 4_096  # events that wait for each other without a thread
WAKE_S = 0.25
CLOSE_S = 5.0


class _Skipped:
    """Stands in the queue for events that were not kept."""

    def __init__(self, events: int) -> None:
        self.events = events


class Tape:
    """One life's tape. All but `drain` is called on the loop. threaded: False writes where one stands.

    reel: its figures are the tape's.
    """

    def __init__(self, env: Env, reel: Reel, *, threaded: bool = True) -> None:
        self.reel = reel
        self._env = env
        self._queue: deque[Input | _Skipped] = deque()
        self._hear = self._queue.append
        self._skipped = self._unheard = 0  # since the last one that was heard; in all
        self._dead = False  # the thread ended by a fault of ours
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True) if threaded else None

    @property
    def lost(self) -> int:
        """Events so far that are not on the tape."""
        return self.reel.lost + self._unheard

    @property
    def why(self) -> str:
        """What stands in the way, "" when nothing does."""
        return "its thread ended by a fault: see the log" if self._dead else self.reel.why

    def begin(self, *, seq: int, head: str, build: str, config: str, venues: Mapping[AccountId, Venue]) -> None:
        """The first entry, before the first event. seq, head: the journal's last record."""
        self._queue.append(
            Began(ts=self._env.clock.wall(), seq=seq, head=head, build=build, config=config, venues=dict(venues))
        )
        if self._thread is not None:
            self._thread.start()

    def ear(self) -> Callable[[Event], None]:
        """What hears the events of one burst."""
        waiting = len(self._queue)
        if self._thread is None:
            if waiting >= INLINE:
                self.drain()
        elif waiting >= BOUND or self._dead:
            return self._skip
        self._note_skipped()
        return self._hear

    def learned(self, account: AccountId, instruments: tuple[Instrument, ...]) -> None:
        """An account's venue told what is traded; called before the rules and the book hear of it."""
        self._tell(Learned(ts=self._env.clock.wall(), account=account, instruments=instruments))

    def adopted(self, config: str) -> None:
        """The rules change now. config: all of it as text."""
        self._tell(Adopted(ts=self._env.clock.wall(), config=config))

    def close(self) -> None:
        """Everything heard is written, and that it ends here. A disk that hangs is left alone after some seconds."""
        self._tell(Ended(ts=self._env.clock.wall()))
        self._stop.set()
        if self._thread is None:
            self.drain()
            self.reel.close()
        elif self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def _tell(self, told: Input) -> None:
        self._note_skipped()
        self._queue.append(told)

    def _note_skipped(self) -> None:
        if self._skipped:
            self._queue.append(_Skipped(self._skipped))
            self._skipped = 0

    def _skip(self, event: Event) -> None:
        self._skipped += 1
        self._unheard += 1

    # the thread -----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        done = False
        try:
            while not self._stop.wait(WAKE_S):
                self.drain()
            self.drain()
            self.reel.close()
            done = True
        finally:
            self._dead = not done

    def drain(self) -> None:
        """All that waits is written; on the tape's thread, or where there is none."""
        queue = self._queue
        while queue:
            block: list[Input] = []
            while queue and len(block) < BLOCK:
                each = queue.popleft()
                if isinstance(each, _Skipped):
                    self._write(block)
                    block = []
                    self.reel.skip(each.events)
                else:
                    block.append(each)
            self._write(block)

    def _write(self, block: list[Input]) -> None:
        if block:
            self.reel.write(block)
