"""The event loop of a world: virtual time, a seeded choice of the next ready callback, hosts that can be killed and paused.

Time stands still while callbacks run, but for `COST` each, and jumps to the next timer when nothing is ready. A callback belongs
to the host in its context; of a dead host none runs again, of a paused one they wait, in order, for the end of the pause. It
leans on two private lists of `BaseEventLoop`; test_loop.py holds it against stock asyncio. Source: RELIABILITY 4.3.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any

COST = 5e-6  # virtual seconds a callback takes
STEPS_MAX = 2_000_000

HOST: ContextVar[Host | None] = ContextVar("HOST", default=None)


class Deadlock(Exception):
    """Nothing is ready and no timer runs: everybody waits for somebody."""


class Livelock(Exception):
    """Far more steps than any honest world takes."""


class Dead(BaseException):
    """Raised by a seam of a dead host: whatever asked is no more."""


class Host:
    """A machine with one process on it. One object a life: a restart makes a new one.

    dead: nothing of it runs any more.   context: callbacks scheduled in it belong to this host.   paused_until: virtual seconds.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused_until = 0.0
        self.parked: list[asyncio.Handle] = []
        self.context: Context = copy_context()
        self.context.run(HOST.set, self)

    def alive_or_dead(self) -> None:
        """What every seam asks first."""
        if self.dead:
            raise Dead(self.name)


class SimTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have one order everywhere."""

    def __init__(self, coro: Coroutine[Any, Any, Any], *, loop: SimLoop, **kwargs: Any) -> None:
        self.number = next(loop.numbers)
        context = kwargs.get("context")
        self.host = context.get(HOST) if context is not None else HOST.get()
        super().__init__(coro, loop=loop, **kwargs)
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimTimer(asyncio.TimerHandle):
    """Of two timers that are due at one moment the one set first goes first. In a plain heap that would hang on all the others,
    and a world would change where a fault is left out that had not struck yet."""

    number = 0

    def __lt__(self, other: Any) -> bool:
        return self._when < other._when or (self._when == other._when and self.number < other.number)  # type: ignore[attr-defined]


class SimLoop(asyncio.BaseEventLoop):
    """rng: chooses the next callback; None takes them in order.   faults: exceptions nobody handled, as (host, message, error).
    tasks: every task ever made, kept so that a killed one never runs its `finally`."""

    def __init__(self, rng: random.Random | None) -> None:
        super().__init__()
        self.rng = rng
        self.steps = 0
        self.numbers = count(1)
        self.tasks: list[SimTask] = []
        self.faults: list[tuple[str, str, BaseException | None]] = []
        self.watch: Callable[[], None] | None = None  # called after each callback
        self._now = 0.0
        self._timers = count(1)
        self.set_task_factory(self._make)  # type: ignore[arg-type]
        self.set_exception_handler(self._fault)

    def __del__(self) -> None:
        """Never closed, on purpose: closing would wake the dead."""

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = SimTimer(when, callback, args, self, context)  # type: ignore[arg-type]
        timer.number = next(self._timers)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    # what BaseEventLoop leaves to its children --------------------------------------------------------------------------

    def _process_events(self, event_list: object) -> None: ...

    def _write_to_self(self) -> None: ...

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def _make(self, loop: SimLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> SimTask:
        task = SimTask(coro, loop=loop, **kwargs)
        self.tasks.append(task)
        return task

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        host = HOST.get()
        error = context.get("exception")
        if (host is not None and host.dead) or isinstance(error, Dead):
            return
        self.faults.append((host.name if host else "world", str(context.get("message")), error))

    def _run_once(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        ready = self._ready  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:  # type: ignore[attr-defined]
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not ready:
            if not timers:
                raise Deadlock(f"at {self._now:.3f} s")
            self._now = max(self._now, timers[0]._when)  # type: ignore[attr-defined]
        while timers and timers[0]._when <= self._now:  # type: ignore[attr-defined]
            timer = heapq.heappop(timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Livelock(f"{self.steps} callbacks by {self._now:.3f} s")
        if self.rng is None or len(ready) == 1:
            handle = ready.popleft()
        else:
            at = int(self.rng.random() * len(ready))
            handle = ready[at]
            del ready[at]
        self._take(handle)

    def _take(self, handle: asyncio.Handle) -> None:
        if handle._cancelled:  # type: ignore[attr-defined]
            return
        host = handle._context.get(HOST)  # type: ignore[attr-defined]
        if host is not None:
            if host.dead:
                return
            if host.paused_until > self._now:
                host.parked.append(handle)
                return
        self._now += COST
        handle._run()  # type: ignore[attr-defined]
        if self.watch is not None:
            self.watch()

    # hosts ------------------------------------------------------------------------------------------------------------

    def pause(self, host: Host, seconds: float) -> None:
        """Nothing of that host runs for so long; what became due meanwhile runs after it, in order."""
        host.paused_until = max(host.paused_until, self._now + seconds)
        self.call_at(host.paused_until, self._resume, host, context=Context())

    def _resume(self, host: Host) -> None:
        if self._now >= host.paused_until:
            parked, host.parked = host.parked, []
            self._ready.extendleft(reversed(parked))  # type: ignore[attr-defined]

    def unpause(self, host: Host) -> None:
        host.paused_until = self._now
        self._resume(host)

    def spawn(self, host: Host | None, coro: Coroutine[Any, Any, Any], name: str = "") -> SimTask:
        """A task that belongs to that host."""
        context = host.context if host is not None else Context()
        task = self.create_task(coro, name=name, context=context)
        assert isinstance(task, SimTask)
        return task


def run(loop: SimLoop, main: Coroutine[Any, Any, Any]) -> Any:
    """Run main to its end. The loop stays open: closing it would wake the dead."""
    before = events._get_running_loop()
    assert before is None, "a world does not run inside another loop"
    return loop.run_until_complete(main)
