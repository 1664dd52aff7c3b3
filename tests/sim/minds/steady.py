"""A calm trader: in when flat, out again some seconds later, one symbol at a time in its own rhythm."""

from __future__ import annotations

import msgspec

from tests.sim.minds.pace import FOREVER, Pace, is_price, word
from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal, View

WANTS: frozenset[type] = frozenset({Quote})
State = Pace


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    wait_s: flat for so long before a BUY.   hold_s: held for so long before a SELL.   confidence: of its entries, 0..1."""

    until: int = FOREVER
    wait_s: float = 3.0
    hold_s: float = 7.0
    confidence: float = 0.85


def initial(_: Settings) -> Pace:
    return Pace()


def decide(settings: Settings, state: Pace, view: View, event: Quote) -> tuple[Pace, tuple[Signal, ...]]:
    symbol, ts = event.symbol, event.ts
    if ts >= settings.until or not is_price(event):
        return state, ()
    since, held = state.since_s(symbol, ts), view.qty(symbol)
    if held == 0.0 and since >= settings.wait_s:
        return state.spoke(symbol, ts), (word(symbol, Action.BUY, ts, settings.confidence, "flat long enough"),)
    if held != 0.0 and since >= settings.hold_s:
        action = Action.SELL if held > 0.0 else Action.BUY
        return state.spoke(symbol, ts), (word(symbol, action, ts, 0.9, "held long enough"),)
    return state, ()
