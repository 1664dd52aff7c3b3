"""A strategy of quotes that declares what can move it: lines it draws around prices, a clock, what it holds, the window.

Where it draws them is as good as random, by `seed` and how often it has moved.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.lab.columns import NAMES
from tradingd.core.events import Action, Bar, Quote
from tradingd.core.signals.strategy import Loaded, Signal, View, load
from tradingd.core.signals.triggers import Between, Triggers
from tradingd.core.types import Symbol
from tradingd_adapters.sim.market import mix

WANTS: frozenset[type] = frozenset({Bar, Quote})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """width: of the lines, share of the price, about.   symbols: the only ones it looks at, () for all.   every: ns after which it
    moves whatever the price is, 0 for never.   gain: share above the entry at which it sells, None for never.   inside: lines count
    only while entries are allowed (True), only while they are not (False), always (None)."""

    seed: int = 0
    width: float = 0.001
    symbols: tuple[str, ...] = ()
    every: int = 0
    gain: float | None = None
    inside: bool | None = None


class State(msgspec.Struct, frozen=True):
    """lines: (low, high) by symbol.   moves: so many.   due: the next by the clock, ns, 0 before the first bar.   sold: entry
    price by symbol that it has said SELL of."""

    lines: dict[str, tuple[float, float]] = {}
    moves: int = 0
    due: int = 0
    sold: dict[str, float] = {}


def initial(_: Settings) -> State:
    return State()


def decide(settings: Settings, state: State, view: View, event: Bar | Quote) -> tuple[State, tuple[Signal, ...]]:
    if settings.symbols and event.symbol not in settings.symbols:
        return state, ()
    if isinstance(event, Bar):
        if event.history or event.span_s != 1800:
            return state, ()
        due = state.due or (event.ts + settings.every if settings.every else 0)
        return replace(_drawn(settings, state, event.symbol, event.close), due=due), ()
    if not 0.0 < event.bid <= event.ask < 1e6:
        return state, ()
    return _at(settings, state, view, event)


def _at(settings: Settings, state: State, view: View, quote: Quote) -> tuple[State, tuple[Signal, ...]]:
    symbol, mid = quote.symbol, (quote.bid + quote.ask) / 2
    if state.due and quote.ts >= state.due:
        moved = replace(_drawn(settings, state, symbol, mid), due=quote.ts + settings.every)
        return moved, _said(moved, view, quote)
    price = _goal(settings, state, view, symbol)
    if price is not None and quote.bid >= price:
        entry = view.entry(symbol)
        assert entry is not None
        sold = replace(state, sold={**state.sold, symbol: entry}, moves=state.moves + 1)
        return sold, (_signal(sold, symbol, Action.SELL, quote),)
    low, high = _lines(settings, state, view, symbol)
    if quote.bid <= low or quote.ask >= high:
        moved = _drawn(settings, state, symbol, mid)
        return moved, _said(moved, view, quote)
    return state, ()


def triggers(settings: Settings, state: State, view: View) -> Triggers:
    of = {}
    for symbol in map(Symbol, settings.symbols or NAMES):
        low, high = _lines(settings, state, view, symbol)
        price = _goal(settings, state, view, symbol)
        of[symbol] = Between(low, high if price is None else min(high, price))
    return Triggers(of, others=Between(), until=state.due or None)


def _lines(settings: Settings, state: State, view: View, symbol: str) -> tuple[float, float]:
    if settings.inside is not None and view.in_window is not settings.inside:
        return -1.0, 1e9
    return state.lines.get(symbol, (-1.0, 1e9))


def _goal(settings: Settings, state: State, view: View, symbol: Symbol) -> float | None:
    entry = view.entry(symbol)
    if settings.gain is None or entry is None or view.qty(symbol) <= 0 or state.sold.get(symbol) == entry:
        return None
    return entry * (1 + settings.gain)


def _drawn(settings: Settings, state: State, symbol: str, price: float) -> State:
    h = mix(settings.seed, state.moves, symbol)
    low, high = (price * settings.width * (0.2 + part % 1000 / 1000) for part in (h, h >> 20))
    lines = price - low, price + high
    if settings.seed % 2 == 0:  # where quotes stand exactly
        lines = round(lines[0], 2), round(lines[1], 2)
    return replace(state, lines={**state.lines, symbol: lines}, moves=state.moves + 1)


def _said(state: State, view: View, quote: Quote) -> tuple[Signal, ...]:
    if state.moves % 3 == 0:
        return ()
    held = view.qty(quote.symbol) > 0 and state.moves % 5 == 0
    return (_signal(state, quote.symbol, Action.SELL if held else Action.BUY, quote),)


def _signal(state: State, symbol: Symbol, action: Action, quote: Quote) -> Signal:
    words = f"move {state.moves} at {quote.bid:g}"
    return Signal(symbol=symbol, action=action, confidence=0.9, thesis=words, key=f"{quote.ts}-{state.moves}")


def levels(settings: Settings, *, name: str = "levels", declare: Any = None) -> Loaded:
    """Ready to run. declare: another declaration in place of the right one."""
    own = sys.modules[__name__]
    if declare is None:
        return load(name, own, msgspec.structs.asdict(settings))
    parts = {part: getattr(own, part) for part in ("Settings", "State", "WANTS", "initial", "decide")}
    return load(name, SimpleNamespace(**parts, triggers=declare), msgspec.structs.asdict(settings))
