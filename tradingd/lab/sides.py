"""What a run asks of those around it: the venue's time, a clock that is set, reconciliation. They come in from above (T1)."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The run's time, ns since the epoch, UTC."""

    def wall(self) -> int: ...

    def set(self, ns: int) -> None:
        """It is now `ns`; an earlier time changes nothing."""


class Venue(Protocol):
    """A venue in this process whose time only we move. What happens there reaches the broker's sink from within `run_next`."""

    now: int

    def next_ts(self) -> int | None:
        """When the next happening is; None when there are no more."""

    def run_next(self) -> None:
        """Make exactly the next happening happen."""


class Looks(Protocol):
    """Comparing book and venue, as the daemon does: nothing in it waits for anything but `Run.settle`."""

    async def resync(self) -> None: ...

    async def orders(self) -> None: ...

    def has_questions(self) -> bool: ...

    async def positions(self) -> None: ...

    async def foreign(self) -> None: ...

    async def account(self) -> None: ...
