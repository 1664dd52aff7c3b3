"""The house's own wall clock: set once by the machine's, carried on by boot time, so that no step of the machine's moves it.

A step of an hour would open and close sessions, end cool-downs, make every price too old and every position blind at once. This
clock goes on as before; `compare` says how far the machine's is off, and the pulse has entries taken off meanwhile (E1). A wrong
clock that was right at last needs a new start of the daemon, or its way back.
"""

from __future__ import annotations

from tradingd.core.types import NS
from tradingd.ports import Clock

FOLLOW_NS = NS  # corrections up to here are small enough to be taken over at once


class SteadyClock:
    """A Clock around the machine's. wall: ns since the epoch, never moved by a step of more than a second."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._base = machine.wall() - machine.boot()

    def wall(self) -> int:
        return self._base + self._machine.boot()

    def mono(self) -> int:
        return self._machine.mono()

    def boot(self) -> int:
        return self._machine.boot()

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)

    def compare(self) -> float:
        """Seconds by which the machine's wall clock is ahead of ours. Up to one second is followed (NTP, a leap second)."""
        off = self._machine.wall() - self.wall()
        if abs(off) <= FOLLOW_NS:
            self._base += off
        return off / NS
