"""The lockstep driver: turns the simulated venue and the house by turns, so that a replay is the same at any speed, anywhere.

One happening of the venue at a time; before the next, everything it caused is decided, durable and handed to the venue. All times
are the replay's; pacing only waits between sessions' quotes. This is all that differs from a live run: who feeds the inbox, whose
clock it is, who answers orders (ARCHITECTURE).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tradingd.core.steps.nights import AFTER, DAY, moments
from tradingd.shell.env import ReplayClock
from tradingd.shell.house import House
from tradingd_adapters.sim.exchange import Exchange

STEP = 64  # happenings between two breaths at full speed

Pace = Callable[[int], Awaitable[bool]]


class Lockstep:
    """Drives until the market is over or `stop` says so.

    events: happenings so far.   traded: ns of replay time so far, nights left out.   pace: awaited with `traded` after each
    `every` happenings; it may wait, others (a page, a command) may run meanwhile, and its False stops the replay there.
    """

    def __init__(
        self, house: House, exchange: Exchange, clock: ReplayClock, *, pace: Pace | None = None, every: int = STEP
    ) -> None:
        self.house = house
        self.exchange = exchange
        self.clock = clock
        self.events = 0
        self.traded = 0
        self.stop = False
        self._pace = pace
        self._every = every
        self._due = 0

    async def run(self) -> None:
        house, exchange, clock = self.house, self.exchange, self.clock
        inbox, journal, pump = house.inbox, house.journal, house.engine.pump
        dispatches = [member.dispatch for member in house.members.values()]
        last = clock.wall()
        while not self.stop and (ts := exchange.next_ts()) is not None:
            if ts - last > AFTER:
                await self._night(last, ts)
            if ts >= self._due:
                await self._pass_time(ts)
            clock.set(ts)
            self.traded += min(ts - last, AFTER)
            last = ts
            exchange.run_next()
            self.events += 1
            if len(inbox):
                pump()
                if journal.pending or [d for d in dispatches if d.pending]:
                    await house.quiesce()
            if self._pace is not None and self.events % self._every == 0:
                self.stop = not await self._pace(self.traded)
        if not self.stop:
            await self._night(last, last + DAY)  # the last day ends too

    async def _night(self, last: int, until: int) -> None:
        """The silence from `last` to `until`: sessions close, and the summary of the day is told on time."""
        rules = [member.rules for member in self.house.members.values()]
        for moment in moments(last, until, rules):
            await self._pass_time(moment)

    async def _pass_time(self, ts: int) -> None:
        """Chores that are due: the core's timer, reconciliation, snapshots. They take no time."""
        if ts < self._due:
            return
        self.clock.set(ts)
        await self.house.schedule.run_due(ts)
        await self.house.quiesce()
        self._due = min(chore.due for chore in self.house.schedule.chores)
