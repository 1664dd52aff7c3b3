"""The inbox: the one bounded channel into the engine, and what happens when it is full.

Orders, fills, commands: never dropped; past the hard bound the house is broken, because something upstream does not keep up.
Quotes: conflated to the latest of each instrument once `conflate_above` events wait (F11); the count is shown.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from tradingd.core.events import Event, Quote
from tradingd.core.types import Symbol
from tradingd.ports import Broken


class Inbox:
    """Single loop, many producers, one consumer. `taken` numbers every event handed to the engine, from 1."""

    def __init__(self, *, conflate_above: int = 1_000, bound: int = 100_000) -> None:
        self._items: deque[Event] = deque()
        self._waiting: dict[Symbol, Quote] = {}
        self._conflate_above = conflate_above
        self._bound = bound
        self._wake = asyncio.Event()
        self.taken = 0
        self.conflated = 0
        self.deepest = 0
        self._time: Callable[[int], None] | None = None
        self._alarmed = False

    def __len__(self) -> int:
        return len(self._items)

    def watch_time(self, tell: Callable[[int], None]) -> None:
        """Tell a following clock the time of each event as it comes in."""
        self._time = tell

    def offer(self, event: Event) -> None:
        """Take an event in, in order. Raises Broken above the hard bound."""
        items = self._items
        if self._time is not None:
            self._time(event.ts)
        if event.__class__ is Quote:
            if len(items) >= self._conflate_above and self._conflate(event):
                return
            self._waiting[event.symbol] = event
        elif len(items) >= self._bound:
            raise Broken(f"the inbox holds {len(items)} events: the engine does not keep up")
        items.append(event)
        if len(items) == 1:
            self._wake.set()

    def _conflate(self, quote: Quote) -> bool:
        waiting = self._waiting.get(quote.symbol)
        if waiting is None:
            return False
        for name in ("bid", "ask", "ts", "bid_size", "ask_size", "seq", "recv_ts", "source"):
            setattr(waiting, name, getattr(quote, name))
        self.conflated += 1
        return True

    def take(self) -> Event | None:
        """The oldest event, or None."""
        items = self._items
        if not items:
            return None
        if len(items) > self.deepest:  # noqa: PLR1730  a comparison, not a call, for every event
            self.deepest = len(items)
        event = items.popleft()
        if event.__class__ is Quote and self._waiting.get(event.symbol) is event:
            del self._waiting[event.symbol]
        self.taken += 1
        return event

    def alarm(self) -> None:
        """From now on `ready` returns at once: the engine has something to say although nothing waits."""
        self._alarmed = True
        self._wake.set()

    async def ready(self) -> None:
        """Returns when something waits."""
        while not self._items and not self._alarmed:
            self._wake.clear()
            await self._wake.wait()
