"""What a run asks of those around it: the venue's time, a clock that is set, reconciliation. They come in from above (T1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from tradingd.core.events import Quote
from tradingd.core.types import Symbol


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


class QuoteBlock(Protocol):
    """Quotes as NumPy columns of one length: which (place in `symbols`), ts (ns), bid, ask."""

    @property
    def symbols(self) -> Sequence[Symbol]: ...

    @property
    def which(self) -> Any: ...

    @property
    def ts(self) -> Any: ...

    @property
    def bid(self) -> Any: ...

    @property
    def ask(self) -> Any: ...

    def quotes(self, first: int, last: int) -> Iterator[Quote]:
        """The rows first .. last - 1 as events."""


class QuoteAhead(Protocol):
    """Quotes that come next: the rows of `block` from `row` on, as far as their times lie before `until`, ns."""

    @property
    def block(self) -> QuoteBlock: ...

    @property
    def row(self) -> int: ...

    @property
    def until(self) -> int: ...


class PriceBounds(Protocol):
    """A quote may matter to the venue where bid <= bid_low, bid >= bid_high, ask <= ask_low or ask >= ask_high."""

    @property
    def bid_low(self) -> float: ...

    @property
    def bid_high(self) -> float: ...

    @property
    def ask_low(self) -> float: ...

    @property
    def ask_high(self) -> float: ...


class SparseVenue(Venue, Protocol):
    """A venue that may be told to pass over quotes."""

    def ahead(self) -> QuoteAhead | None:
        """None when the next happening is no quote of a block, or every quote must be shown."""

    def bounds(self, symbol: Symbol) -> PriceBounds:
        """What of that symbol matters to the venue now."""

    def show_row(self, row: int) -> None:
        """Show that row of the block ahead, whatever lies before it."""

    def see_row(self, row: int) -> Quote:
        """The same, told to nobody but the one who asks."""

    def pass_over(self, row: int) -> None:
        """The next row of the block ahead is that one, or what follows the block."""


class Looks(Protocol):
    """Comparing book and venue, as the daemon does: nothing in it waits for anything but `Run.settle`."""

    async def resync(self) -> None: ...

    async def orders(self) -> None: ...

    def has_questions(self) -> bool: ...

    async def positions(self) -> None: ...

    async def foreign(self) -> None: ...

    async def account(self) -> None: ...
