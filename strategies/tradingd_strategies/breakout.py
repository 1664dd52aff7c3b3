"""Intraday breakouts: buys what leaves the range of its first hour upwards, for hours, by the rules of micro-trading.

It exists to put micro-trading to work: its ideas are small, short and many. Its numbers are round ones, fitted to nothing; it is no
advice and claims no profit.

The daily bars give the ATR. The bars of a session's first hour (after a late start: of the first hour it sees) make the range.
Then, while there are hours left: a bar that closes above a range no wider than `narrow_atr` is a BUY, the stronger the further it
closes above it in ATRs. A bar of the same day that closes below the range's low is a SELL of its own position; otherwise stop,
target and time end it. One of each a day. Source: E15, W1.
"""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec.structs import replace

from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.bars import DAY_S, date_of, is_near, is_usable
from tradingd.core.signals.ideas import LAPSE_NS, graded
from tradingd.core.signals.indicators import Atr, Saved
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.signals.tracks import Track as AnyTrack
from tradingd.core.signals.tracks import Tracks, on_event

WANTS: frozenset[type] = frozenset({Bar, Split})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """atr: days, 1..400.   range_s: length of the opening range, seconds of bars, 60..14400.   until_s: seconds of bars into the
    session after which nothing is bought, range_s..86400.   narrow_atr: the widest range that counts, ATRs, > 0.
    symbols: the only ones it looks at; empty means all."""

    atr: int = 14
    range_s: int = 3_600
    until_s: int = 14_400
    narrow_atr: float = 0.5
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.atr <= 400:
            raise ValueError(f"`atr` must be within 1..400 days, not {self.atr}")
        if not 60 <= self.range_s <= 14_400:
            raise ValueError(f"`range_s` must be within 60..14400 seconds, not {self.range_s}")
        if not self.range_s <= self.until_s <= DAY_S:
            raise ValueError(f"`until_s` must be within `range_s`..{DAY_S} seconds, not {self.until_s}")
        if not 0.0 < self.narrow_atr < float("inf"):
            raise ValueError(f"`narrow_atr` must be > 0, not {self.narrow_atr}")


class Track(AnyTrack, frozen=True):
    """What it knows of one symbol. range: the ATR's value, 0 before warm-up.   seen: ts of the last bar inside a session, on the
    UTC date `day`.   covered: seconds of bars of that day.   high, low: of its opening range so far."""

    atr: Saved = ()
    range: float = 0.0
    seen: int = 0
    day: str = ""
    covered: int = 0
    high: float = 0.0
    low: float = 0.0


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
    atr = Atr(settings.atr, track.atr)
    atr.update(bar.high, bar.low, bar.close)
    return replace(track, ts=bar.ts, close=bar.close, odd=0, atr=atr.save(), range=atr.value or 0.0)


def _act(settings: Settings, view: View, track: Track, bar: Bar) -> tuple[Track, tuple[Signal, ...]]:
    if bar.history or not is_usable(bar) or bar.ts <= track.seen or not 0 < bar.span_s < DAY_S:
        return track, ()
    held = view.qty(bar.symbol)
    track = replace(_watch(settings, track, bar), voice=track.voice.seen(bar.ts, held))
    if track.covered <= settings.range_s or not track.range > 0.0 or not is_near(bar.close, track.close):
        return track, ()
    if held == 0.0 and view.in_window and track.covered <= settings.until_s:
        return _enter(settings, track, bar)
    if held > 0.0 and track.voice.mine and track.voice.bought == track.day and bar.close < track.low:
        return _say(track, bar, Action.SELL, graded(0.5), f"back below the opening range's low {track.low:g}")
    return track, ()


def _watch(settings: Settings, track: Track, bar: Bar) -> Track:
    """The opening range, and how much of the session has passed."""
    if date_of(bar.ts) != track.day:
        return replace(track, seen=bar.ts, day=date_of(bar.ts), covered=bar.span_s, high=bar.high, low=bar.low)
    passed = replace(track, seen=bar.ts, covered=track.covered + bar.span_s)
    if track.covered < settings.range_s:
        return replace(passed, high=max(track.high, bar.high), low=min(track.low, bar.low))
    return passed


def _enter(settings: Settings, track: Track, bar: Bar) -> tuple[Track, tuple[Signal, ...]]:
    fresh = 0 < bar.ts - track.ts <= LAPSE_NS
    if not fresh or bar.close <= track.high or track.high - track.low > settings.narrow_atr * track.range:
        return track, ()
    beyond = (bar.close - track.high) / track.range
    thesis = f"closed {beyond:.2f} ATR above its opening range {track.low:g} to {track.high:g}"
    return _say(track, bar, Action.BUY, graded(0.25 + 2.0 * beyond), thesis)


def _say(track: Track, bar: Bar, action: Action, confidence: float, thesis: str) -> tuple[Track, tuple[Signal, ...]]:
    if not track.voice.may(action, bar.ts):
        return track, ()
    voice, signal = track.voice.say(bar.symbol, action, confidence, thesis, bar.ts)
    return replace(track, voice=voice), (replace(signal, intraday=True),)


def _scale(settings: Settings, track: Track, f: float) -> Track:
    """Prices of the past in new shares."""
    atr = Atr(settings.atr, track.atr)
    atr.scale(f)
    return replace(
        track, close=track.close * f, atr=atr.save(), range=track.range * f, high=track.high * f, low=track.low * f
    )
