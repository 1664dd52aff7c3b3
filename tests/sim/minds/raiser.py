"""A strategy with a bug: it raises on each so-many-th quote, else it trades like the steady one."""

from __future__ import annotations

import msgspec

from tests.sim.minds import steady
from tests.sim.minds.pace import FOREVER, Pace
from tradingd.core.events import Quote
from tradingd.core.signals.strategy import Signal, View

WANTS: frozenset[type] = frozenset({Quote})
State = Pace


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    every: raise on each so-many-th quote, 1 always. A raise leaves the state as it was, so it is counted by the quote's own
    sequence.   trader: what it does between."""

    until: int = FOREVER
    every: int = 40
    trader: steady.Settings = steady.Settings(wait_s=2.0, hold_s=5.0)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"`every` must be >= 1, not {self.every}")


def initial(settings: Settings) -> Pace:
    return steady.initial(settings.trader)


def decide(settings: Settings, state: Pace, view: View, event: Quote) -> tuple[Pace, tuple[Signal, ...]]:
    if event.ts >= settings.until:
        return state, ()
    if event.seq % settings.every == 0:
        raise ZeroDivisionError(f"spread of {event.symbol} at {event.ts}")
    return steady.decide(settings.trader, state, view, event)
