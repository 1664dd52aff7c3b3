"""On one side of the market or the other: long from the close at which the fast average has crossed above the slow one, short
from the one at which it has crossed below. `last`: from that close on it wants nothing any more."""

from __future__ import annotations

from datetime import UTC, datetime
from math import fsum

import msgspec

from tradingd.core.events import Action, Bar, Quote
from tradingd.core.signals.bars import DAY_S
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import NS

WANTS: frozenset[type] = frozenset({Bar, Quote})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fast, slow: closes averaged, 1 <= fast < slow.   last: ISO day, "" for none."""

    fast: int
    slow: int
    last: str = ""


class State(msgspec.Struct, frozen=True):
    """side: 1, -1, 0 before the first cross.   over: nothing is wanted any more."""

    closes: tuple[float, ...] = ()
    side: int = 0
    over: bool = False


def initial(_: Settings) -> State:
    return State()


def decide(settings: Settings, state: State, view: View, event: Bar | Quote) -> tuple[State, tuple[Signal, ...]]:
    if isinstance(event, Bar):
        return (_closed(settings, state, event) if event.span_s == DAY_S and not event.history else state), ()
    held = view.qty(event.symbol)
    if not view.in_window or state.side == 0 or (held > 0) - (held < 0) == (0 if state.over else state.side):
        return state, ()
    buys = held < 0 if state.over else state.side > 0
    action = Action.BUY if buys else Action.SELL
    return state, (
        Signal(symbol=event.symbol, action=action, confidence=0.5, thesis="the averages crossed", key=str(event.ts)),
    )


def _closed(settings: Settings, state: State, bar: Bar) -> State:
    closes = (*state.closes, bar.close)[-settings.slow - 1 :]
    side = state.side
    if len(closes) > settings.slow:
        now, then = _gap(closes[1:], settings), _gap(closes[:-1], settings)
        side = 1 if then < 0 < now else -1 if now < 0 < then else side
    day = datetime.fromtimestamp(bar.ts // NS, UTC).date().isoformat()
    return State(closes, side, state.over or day == settings.last)


def _gap(closes: tuple[float, ...], settings: Settings) -> float:
    """Fast average less slow one, at the last of them."""
    return fsum(closes[-settings.fast :]) / settings.fast - fsum(closes[-settings.slow :]) / settings.slow
