"""Chores that come round: periodic work as data, run by tasks when live and by the driver in a replay.

One chore never overlaps itself. Live, each has its own supervised task on the monotonic clock; in a replay the driver asks
`run_due` between two events, so that a chore takes no time and has its place in the order of things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tradingd.core.types import NS
from tradingd.ports import Clock

Chore = Callable[[], Awaitable[None]]


class Every:
    """One chore. every_s: seconds between the end of one run and the begin of the next, > 0."""

    def __init__(self, name: str, every_s: float, chore: Chore) -> None:
        if not every_s > 0:
            raise ValueError(f"{name}: every_s must be > 0")
        self.name = name
        self.every_s = every_s
        self.chore = chore
        self.due = 0

    async def run(self, clock: Clock) -> None:
        """Live: for ever."""
        while True:
            await clock.sleep(self.every_s)
            await self.chore()


class Schedule:
    def __init__(self) -> None:
        self.chores: list[Every] = []

    def add(self, name: str, every_s: float, chore: Chore) -> None:
        self.chores.append(Every(name, every_s, chore))

    async def run_due(self, now: int) -> int:
        """Replay: run what is due at `now` (ns), in the order it was added; a night is one gap, not many rounds. The number
        run."""
        ran = 0
        for chore in self.chores:
            if now >= chore.due:
                chore.due = now + int(chore.every_s * NS)
                await chore.chore()
                ran += 1
        return ran
