"""Orders of the last minutes, at hand by time and symbol: what a decision costs must not grow with how many orders went before it.

Nothing here is state of its own: it is read out of the booked half after a restart, and follows the facts after that. A clock that
was set back leaves stamps of a wrong future; they stand in their place by time, and no question about the past counts them.
Source: R2, E4.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from operator import attrgetter

from tradingd.core.book.booked import Booked, Sent
from tradingd.core.book.orders import Working
from tradingd.core.types import NS, Leg, Side, Symbol

KEEP_SENT = 600 * NS
STOPS_KEPT = 8  # of a symbol: the last one counts, unless it fills after all
_ts = attrgetter("ts")


class Recent:
    """What was sent within KEEP_SENT, and the stops that were given back last."""

    __slots__ = ("_entries", "_exits", "_of", "_stops")

    def __init__(self, booked: Booked) -> None:
        self._entries: list[int] = []  # when, rising; so the next
        self._exits: list[int] = []
        self._of: dict[tuple[Symbol, Side], list[Sent]] = {}  # entries
        self._stops: dict[Symbol, list[Working]] = {}  # in the order they ended
        for sent in booked.sent:
            self.sent(sent)
        for order_id in booked.finished:
            if (working := booked.orders.get(order_id)) is not None:
                self.ended(working)

    def sent(self, sent: Sent) -> None:
        """An entry or an exit was intended."""
        since = sent.ts - KEEP_SENT
        if sent.entry:
            of = self._of.setdefault((sent.symbol, sent.side), [])
            insort(of, sent, key=_ts)
            del of[: bisect_right(of, since, key=_ts)]
        times = self._entries if sent.entry else self._exits
        insort(times, sent.ts)
        del times[: bisect_right(times, since)]

    def ended(self, working: Working) -> None:
        """An order is over. A stop that the venue gave back is kept at hand."""
        if working.order.leg is Leg.PROTECT and working.given_back():
            stops = self._stops.setdefault(working.order.symbol, [])
            if not stops or stops[-1] is not working:
                stops.append(working)
                del stops[:-STOPS_KEPT]

    def entries(self, now: int, within: int) -> int:
        """How many entries were intended less than `within` ns before now."""
        return bisect_right(self._entries, now) - bisect_right(self._entries, now - within)

    def exits(self, now: int, within: int) -> int:
        """How many exits were."""
        return bisect_right(self._exits, now) - bisect_right(self._exits, now - within)

    def entries_of(self, symbol: Symbol, side: Side, now: int, within: int) -> list[Sent]:
        """Those of one symbol and side, in the order of time."""
        of = self._of.get((symbol, side))
        if of is None:
            return []
        return of[bisect_right(of, now - within, key=_ts) : bisect_right(of, now, key=_ts)]

    def stop_given_back(self, symbol: Symbol) -> Working | None:
        """The last stop of the symbol that the venue refused, or ended without a fill and without being asked."""
        return next((w for w in reversed(self._stops.get(symbol, ())) if w.given_back()), None)
