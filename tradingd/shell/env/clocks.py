"""The clocks: the machine's, and the two of a replay."""

from __future__ import annotations

import asyncio
import heapq
import time

from tradingd.core.types import NS


class RealClock:
    """The machine's clocks."""

    def wall(self) -> int:
        return time.time_ns()

    def mono(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def boot(self) -> int:
        return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FollowClock(RealClock):
    """Wall time is the newest event's; monotonic time and sleeping are the machine's. For a demo at any speed."""

    def __init__(self, wall: int = 0) -> None:
        self._wall = wall

    def wall(self) -> int:
        return self._wall

    def set(self, ns: int) -> None:
        """An event of that time was taken. An older one does not turn the clock back."""
        self._wall = max(self._wall, ns)


class ReplayClock:
    """Replay time, moved by a driver: all three clocks are it, and sleepers wait in it.

    A driver that wants each sleeper to see its own hour steps through `next_wake` before it sets the time of the next event.
    """

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._count = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def wall(self) -> int:
        return self._now

    def mono(self) -> int:
        return self._now

    def boot(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * NS), self._count, future))
        await future

    def next_wake(self) -> int | None:
        """When the first sleeper is due, ns; None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():  # its task was cancelled
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def set(self, ns: int) -> None:
        """It is now `ns` (an earlier time changes nothing): sleepers that are due wake in the order (time, who slept first)."""
        self._now = max(self._now, ns)
        if not self._sleepers:
            return
        while (due := self.next_wake()) is not None and due <= self._now:
            heapq.heappop(self._sleepers)[2].set_result(None)
