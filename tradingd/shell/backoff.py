"""How long a link stays away from its venue, by how the last session ended (D1, D6, D7, D15).

Losses: doubling from 0.1 s to 30 s, set back only by a session that lasted. Refused logins: ten seconds apart, so that a gateway's
bad moment costs seconds and no account is locked; from the third in a row on, five minutes. A session that somebody took is taken
back once in ten minutes. Every wait is jittered.
"""

from __future__ import annotations

from tradingd.core.types import NS
from tradingd.ports import Env

LOW_S, HIGH_S = 0.1, 30.0
REFUSALS_MAX = 3
PACE_S = 10.0  # after a refused login
REFUSED_WAIT_S = 300.0
TAKEN_WAIT_S = 600.0  # two who take the session from each other would do so for ever
STEADY_S = 30.0  # a session that lasted so long was no flapping


class Backoff:
    """One link's. Call one of the three after each session or try; each gives the seconds to wait."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._pause = LOW_S
        self._refused = 0
        self._back_at: int | None = None  # when a session that was taken may be taken back a second time

    def lost(self, lasted_s: float | None) -> float:
        """A session ended after so long, or none came up (None)."""
        if lasted_s is not None:
            self._refused = 0
            if lasted_s >= STEADY_S:
                self._pause = LOW_S
        wait = self._pause * (0.5 + self._jitter())
        self._pause = min(HIGH_S, self._pause * 2)
        return wait

    def refused(self) -> float:
        """The venue refused the login."""
        self._refused += 1
        wait = REFUSED_WAIT_S if self._refused >= REFUSALS_MAX else PACE_S
        return max(wait * (1.0 + self._jitter()), self.lost(None))

    def taken(self, lasted_s: float | None) -> float:
        """Somebody else logged in and our session ended."""
        now = self._env.clock.mono()
        wait = max(self.lost(lasted_s), ((self._back_at or now) - now) / NS)
        self._back_at = now + int((wait + TAKEN_WAIT_S) * NS)
        return wait

    def _jitter(self) -> float:
        return 0.5 * self._env.rng.random()
