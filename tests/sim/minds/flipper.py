"""Never of one opinion: BUY, SELL, BUY, SELL about each symbol, whatever came of it."""

from __future__ import annotations

import msgspec

from tests.sim.minds.pace import FOREVER, word
from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import NS

WANTS: frozenset[type] = frozenset({Quote})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    every_s: between two opinions about one symbol."""

    until: int = FOREVER
    every_s: float = 2.5


class State(msgspec.Struct, frozen=True):
    """last: (time in ns, what was said) by symbol."""

    last: dict[str, tuple[int, Action]] = {}


def initial(_: Settings) -> State:
    return State()


def decide(settings: Settings, state: State, _view: View, event: Quote) -> tuple[State, tuple[Signal, ...]]:
    ts, action = state.last.get(event.symbol, (0, Action.SELL))
    if event.ts >= settings.until or event.ts - ts < settings.every_s * NS:
        return state, ()
    action = Action.BUY if action is Action.SELL else Action.SELL
    after = State({**state.last, event.symbol: (event.ts, action)})
    return after, (word(event.symbol, action, event.ts, 0.8, "changed its mind"),)
