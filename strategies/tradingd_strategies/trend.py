"""Trend following on daily bars: buys a new high in an uptrend, leaves when the trend breaks.

It exists to put the pipeline to work with ideas of varied confidence, and as the shortest honest example of a strategy. Its
numbers are round ones, fitted to nothing; it is no advice and claims no profit.

After each close: the fast average above the slow one is an uptrend; a close above the highest high of the `breakout` days
before is a BUY, the stronger the further the averages are apart and the further it broke out, in units of ATR. A close below
the lowest low of the `breakdown` days before, or a fast average that fell below the slow one, is a SELL.

Inside the next sessions: BUY on the first bar in the entry window while nothing is held, unless the price has fallen back by
more than `giveback_atr`; SELL on the first bar while its own position is held. One of each a day. Source: W1.
"""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec.structs import replace

from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.bars import is_usable
from tradingd.core.signals.ideas import Idea, graded
from tradingd.core.signals.indicators import Atr, Ema, Highest, Lowest, Saved
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.signals.tracks import Track as AnyTrack
from tradingd.core.signals.tracks import Tracks, on_event

WANTS: frozenset[type] = frozenset({Bar, Split})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fast, slow: days of the two averages, 1 <= fast < slow <= 400.   breakout, breakdown: days of the channel, 2..400.
    atr: days, 1..400.   giveback_atr: how far below the breakout's close an entry is still taken, ATRs, >= 0.
    symbols: the only ones it looks at; empty means all."""

    fast: int = 5
    slow: int = 20
    breakout: int = 3
    breakdown: int = 5
    atr: int = 14
    giveback_atr: float = 1.0
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.fast < self.slow <= 400:
            raise ValueError(
                f"`fast` and `slow` are days with 1 <= fast < slow <= 400, not {self.fast} and {self.slow}"
            )
        for name, least in (("breakout", 2), ("breakdown", 2), ("atr", 1)):
            if not least <= getattr(self, name) <= 400:
                raise ValueError(f"`{name}` must be within {least}..400 days, not {getattr(self, name)}")
        if not 0.0 <= self.giveback_atr < float("inf"):
            raise ValueError(f"`giveback_atr` must be >= 0, not {self.giveback_atr}")


class Track(AnyTrack, frozen=True):
    """What it knows of one symbol. range: the ATR's value, 0 before warm-up.   idea: of the last daily bar."""

    fast: Saved = ()
    slow: Saved = ()
    atr: Saved = ()
    high: Saved = ()
    low: Saved = ()
    range: float = 0.0
    idea: Idea | None = None

    def doubted(self, ts: int) -> Track:
        return replace(super().doubted(ts), idea=None)


_NEW = Track()
State = Tracks[Track]


def initial(_: Settings) -> State:
    return State({})


def decide(settings: Settings, state: State, view: View, event: Bar | Split) -> tuple[State, tuple[Signal, ...]]:
    return on_event(
        state, settings.symbols, _NEW, event,
        learn=partial(_learn, settings), act=partial(_act, settings, view), scale=partial(_scale, settings),
    )  # fmt: skip


def _learn(settings: Settings, track: Track, bar: Bar) -> Track:
    fast, slow = Ema(settings.fast, track.fast), Ema(settings.slow, track.slow)
    atr = Atr(settings.atr, track.atr)
    high, low = Highest(settings.breakout, track.high), Lowest(settings.breakdown, track.low)
    roof, floor = high.value, low.value  # of the days before this one
    fast.update(bar.close)
    slow.update(bar.close)
    atr.update(bar.high, bar.low, bar.close)
    high.update(bar.high)
    low.update(bar.low)
    idea = None
    if fast.value is not None and slow.value is not None and roof is not None and floor is not None and atr.value:
        idea = _think(bar, fast.value - slow.value, atr.value, roof, floor)
    return Track(
        ts=bar.ts, close=bar.close, fast=fast.save(), slow=slow.save(), atr=atr.save(), high=high.save(), low=low.save(),
        range=atr.value or 0.0, idea=idea, voice=track.voice,
    )  # fmt: skip


def _think(bar: Bar, lead: float, atr: float, roof: float, floor: float) -> Idea | None:
    """lead: fast minus slow average.   atr: > 0; a symbol without any range, halted for weeks, is not thought about."""
    if lead > 0.0 and bar.close > roof:
        beyond = (bar.close - roof) / atr
        confidence = graded(0.3 * lead / atr + 0.5 * beyond)
        thesis = f"closed at {bar.close:g}, {beyond:.2f} ATR above its high; averages {lead / atr:.2f} ATR apart"
        return Idea(Action.BUY, confidence, thesis, bar.ts, bar.close)
    if lead < 0.0 or bar.close < floor:
        below = max(0.0, (floor - bar.close) / atr)
        why = f"closed {below:.2f} ATR below its low" if below > 0.0 else "averages crossed down"
        return Idea(Action.SELL, graded(0.4 + below), f"trend broke: {why}", bar.ts, bar.close)
    return None


def _act(settings: Settings, view: View, track: Track, bar: Bar) -> tuple[Track, tuple[Signal, ...]]:
    idea = track.idea
    if bar.history or not is_usable(bar):
        return track, ()
    held = view.qty(bar.symbol)
    voice = track.voice.seen(bar.ts, held)
    if voice is not track.voice:
        track = replace(track, voice=voice)
    if idea is None or not idea.is_fresh(bar.ts) or not voice.may(idea.action, bar.ts):
        return track, ()
    if idea.action is Action.BUY:
        if bar.close < idea.close - settings.giveback_atr * track.range:
            return replace(track, idea=None), ()
        if held != 0.0 or not view.in_window:
            return track, ()
    elif not (held > 0.0 and voice.mine):
        return track, ()
    voice, signal = voice.say(bar.symbol, idea.action, idea.confidence, idea.thesis, bar.ts)
    return replace(track, idea=None, voice=voice), (signal,)


def _scale(settings: Settings, track: Track, f: float) -> Track:
    """Prices of the past in new shares; an idea's price too."""
    parts = (
        Ema(settings.fast, track.fast), Ema(settings.slow, track.slow), Atr(settings.atr, track.atr),
        Highest(settings.breakout, track.high), Lowest(settings.breakdown, track.low),
    )  # fmt: skip
    for part in parts:
        part.scale(f)
    fast, slow, atr, high, low = (part.save() for part in parts)
    idea = None if track.idea is None else replace(track.idea, close=track.idea.close * f)
    return replace(
        track,
        close=track.close * f,
        fast=fast,
        slow=slow,
        atr=atr,
        high=high,
        low=low,
        range=track.range * f,
        idea=idea,
    )
