"""Does what was published: buys or sells at the first price after the close of the days it is told."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tradingd.core.events import Action, Bar, Quote
from tradingd.core.signals.bars import DAY_S
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import NS

WANTS: frozenset[type] = frozenset({Bar, Quote})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """buys, sells: ISO days."""

    buys: tuple[str, ...] = ()
    sells: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """wanted: what is still to be done."""

    wanted: Action | None = None


def initial(_: Settings) -> State:
    return State()


def decide(settings: Settings, state: State, view: View, event: Bar | Quote) -> tuple[State, tuple[Signal, ...]]:
    if isinstance(event, Bar):
        return (state if event.history or event.span_s != DAY_S else _closed(settings, state, event)), ()
    if state.wanted is None or not view.in_window:
        return state, ()
    told = Signal(symbol=event.symbol, action=state.wanted, confidence=0.5, thesis="as published", key=str(event.ts))
    return State(), (told,)


def _closed(settings: Settings, state: State, bar: Bar) -> State:
    day = datetime.fromtimestamp(bar.ts // NS, UTC).date().isoformat()
    return State(Action.BUY if day in settings.buys else Action.SELL if day in settings.sells else state.wanted)
