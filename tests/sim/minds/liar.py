"""Says what no honest strategy says: confidences that are none, symbols nobody knows, the same key again and again."""

from __future__ import annotations

import math

import msgspec

from tests.sim.minds.pace import FOREVER, Pace, word
from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import Symbol

WANTS: frozenset[type] = frozenset({Quote})
State = Pace

ABSURD = (math.nan, math.inf, -math.inf, -1.0, 1.0000001, 1e308, 5e-324)
STRANGE = ("ZZZ", "", "aaa", "AAA ", "AAA\n", "../AAA", "A" * 300, "\u0410\u0410\u0410")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    every_s: between two lies about one symbol."""

    until: int = FOREVER
    every_s: float = 4.0


def initial(_: Settings) -> Pace:
    return Pace()


def decide(settings: Settings, state: Pace, _view: View, event: Quote) -> tuple[Pace, tuple[Signal, ...]]:
    if event.ts >= settings.until or state.since_s(event.symbol, event.ts) < settings.every_s:
        return state, ()
    state = state.heard().spoke(event.symbol, event.ts)
    return state, lies(state.seen, event)


def lies(n: int, event: Quote) -> tuple[Signal, ...]:
    """The n-th batch: never one that may become an entry."""
    action = Action.BUY if n % 2 else Action.SELL
    absurd = word(event.symbol, Action.BUY, event.ts, 0.9, "quite sure\n" * (n % 50))
    msgspec.structs.force_setattr(absurd, "confidence", ABSURD[n % len(ABSURD)])
    strange = word(Symbol(STRANGE[n % len(STRANGE)]), action, event.ts, 1.0, "\x00\x1b[31m")
    again = Signal(symbol=event.symbol, action=Action.BUY, confidence=0.0, thesis="", key="always-the-same")
    return absurd, strange, strange, again
