"""The house's pulse: a beat a second that notices when this process, this machine or its wall clock did not live on as it should.

A pause (SIGSTOP, suspend, a loop that hung) leaves sessions, prices and answers that are all of another time, and perhaps a second
daemon that took over: nothing leaves before every session was opened and compared anew (RELIABILITY E3, H5). The beat may come
after what was queued, so dispatch looks too, right before bytes leave. Boot time counts, for it goes on while a machine sleeps.
A wall clock that was set is told to the core, which takes entries off until it is right again (E1).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tradingd.core.types import NS
from tradingd.ports import Clock
from tradingd.shell.clock import SteadyClock

BEAT_S = 1.0
PAUSE_S = 5.0  # boot time between two beats that is a pause
STEADY_S = 30.0  # how long the wall clock must agree before it counts as right again
OFF_S = 1.0


class Pulse:
    """on_pause(seconds): called at once, by whoever noticed; closes the send gates.   end_sessions: ends the brokers' sessions,
    awaited by the beat.   on_clock(seconds): the wall clock went wrong by so much; 0.0: it has been right for a while.

    Not running, it never finds a pause: a replay's time may leap.
    """

    def __init__(
        self, clock: Clock, *, on_pause: Callable[[float], None], end_sessions: Callable[[], Awaitable[None]],
        on_clock: Callable[[float], None],
    ) -> None:  # fmt: skip
        self.pauses = 0
        self._clock = clock
        self._on_pause = on_pause
        self._end_sessions = end_sessions
        self._on_clock = on_clock
        self._last: int | None = None
        self._ending = False  # sessions of before a pause are still to be ended
        self._right_since: int | None = None
        self._told_off: bool | None = None

    def look(self) -> None:
        """Was there a pause since the last beat? Then say so, once. One clock read."""
        if self._last is None:
            return
        now = self._clock.boot()
        seconds = (now - self._last) / NS
        if seconds > PAUSE_S:
            self._last = now
            self.pauses += 1
            self._ending = True
            self._on_pause(seconds)

    async def run(self) -> None:
        """For ever: look, and be the beat that the next look is measured from."""
        self._last = self._clock.boot()
        try:
            while True:
                await self._clock.sleep(BEAT_S)
                self.look()
                self._last = self._clock.boot()
                if self._ending:
                    await self._end_sessions()
                    self._ending = False
                self._look_at_wall()
        finally:
            self._last = None

    def _look_at_wall(self) -> None:
        if not isinstance(self._clock, SteadyClock):
            return
        off, now = self._clock.compare(), self._clock.mono()
        if abs(off) > OFF_S:
            self._right_since = None
            if self._told_off is not True:
                self._told_off = True
                self._on_clock(off)
            return
        if self._right_since is None:
            self._right_since = now
        if self._told_off is not False and now - self._right_since >= STEADY_S * NS:
            self._told_off = False
            self._on_clock(0.0)
