"""For hours only: in when flat, and out by whatever the rules of micro-trading say, never by a word of its own."""

from __future__ import annotations

import msgspec

from tests.sim.minds.pace import FOREVER, Pace, is_price
from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal, View

WANTS: frozenset[type] = frozenset({Quote})
State = Pace


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """until: silent from this time on, ns.
    wait_s: since its last word about a symbol.   confidence: of its entries, 0..1."""

    until: int = FOREVER
    wait_s: float = 2.0
    confidence: float = 0.9


def initial(_: Settings) -> Pace:
    return Pace()


def decide(settings: Settings, state: Pace, view: View, event: Quote) -> tuple[Pace, tuple[Signal, ...]]:
    symbol, ts = event.symbol, event.ts
    silent = ts >= settings.until or not is_price(event) or view.qty(symbol) != 0.0
    if silent or state.since_s(symbol, ts) < settings.wait_s:
        return state, ()
    idea = Signal(
        symbol=symbol, action=Action.BUY, confidence=settings.confidence, thesis="for hours", key=f"{ts}", intraday=True
    )
    return state.spoke(symbol, ts), (idea,)
