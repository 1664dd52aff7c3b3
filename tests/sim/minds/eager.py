"""An idea on every quote: mostly to buy, whatever is held, and every so often to sell."""

from __future__ import annotations

import msgspec

from tests.sim.minds.pace import FOREVER, Pace, word
from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal, View

WANTS: frozenset[type] = frozenset({Quote})
State = Pace


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    sell_every: each so-many-th idea is a SELL, >= 2.   gap_s: at least so long between two ideas about one symbol."""

    until: int = FOREVER
    sell_every: int = 9
    gap_s: float = 1.0

    def __post_init__(self) -> None:
        if self.sell_every < 2:
            raise ValueError(f"`sell_every` must be >= 2, not {self.sell_every}")


def initial(_: Settings) -> Pace:
    return Pace()


def decide(settings: Settings, state: Pace, _view: View, event: Quote) -> tuple[Pace, tuple[Signal, ...]]:
    if event.ts >= settings.until or state.since_s(event.symbol, event.ts) < settings.gap_s:
        return state, ()
    state = state.heard().spoke(event.symbol, event.ts)
    action = Action.BUY if state.seen % settings.sell_every else Action.SELL
    confidence = 0.75 + 0.05 * (state.seen % 5)
    return state, (word(event.symbol, action, event.ts, confidence, "why wait"),)
