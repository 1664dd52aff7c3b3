"""How many messages a channel may send: at most so many in any rolling hour (E16; S2 property 30)."""

from __future__ import annotations

from collections import deque

from tradingd.core.types import NS

HOUR = 3_600 * NS


class Hour:
    """The deliveries of the last hour. per_hour: > 0.

    An hour is over when both clocks say so: the house's wall time, by which the journal knows what a former process delivered,
    and this process's own time, because wall time may be a venue's that runs ahead.
    """

    def __init__(self, per_hour: int) -> None:
        self.per_hour = per_hour
        self.going = 0  # messages on their way: each may become a delivery
        self._sent: deque[tuple[int, int | None]] = deque()

    def count(self, wall: int, mono: int | None) -> None:
        """A message was delivered. mono: None for one of a former process."""
        self._sent.append((wall, mono))

    def full(self, wall: int, mono: int) -> bool:
        self._sent = deque(sent for sent in self._sent if _left(sent, wall, mono) > 0)
        return len(self._sent) + self.going >= self.per_hour

    def free_in(self, wall: int, mono: int) -> int:
        """ns until a message may go, 0 now."""
        if not self.full(wall, mono):
            return 0
        left = sorted(_left(sent, wall, mono) for sent in self._sent)
        first = len(left) + self.going - self.per_hour
        return left[first] if first < len(left) else NS  # all of it is on its way: look again soon


def _left(sent: tuple[int, int | None], wall: int, mono: int) -> int:
    """ns for which that delivery still counts. One that wall time puts into a far future is of a clock that was wrong."""
    then, at = sent
    by_wall = HOUR - (wall - then) if then - wall < HOUR else 0
    by_mono = HOUR - (mono - at) if at is not None else 0
    return max(by_wall, by_mono)
