"""What a strategy of daily and shorter bars knows of each symbol, and which of its parts is asked about an event.

What the shipped strategies share: a daily bar is learnt from once, one far close is doubted and three in a row are a new price
level, a split with a garbled ratio changes nothing, and a symbol that nothing was learnt of leaves no trace. Source: W1, B7.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Generic, Self, TypeVar

import msgspec
from msgspec.structs import replace

from tradingd.core.events import Bar, Split
from tradingd.core.signals.bars import DAY_S, is_near, is_usable
from tradingd.core.signals.ideas import Voice
from tradingd.core.signals.strategy import Signal
from tradingd.core.types import Symbol

_ODD_MAX = 3  # that many closes in a row far from the last good one are a new price level: start anew


class Track(msgspec.Struct, frozen=True):
    """What every one of them knows of a symbol; a strategy adds its own fields.

    ts, close: of the last good daily bar.   odd: far closes in a row since.
    """

    ts: int = 0
    close: float = 0.0
    odd: int = 0
    voice: Voice = Voice()

    def doubted(self, ts: int) -> Self:
        """After a close too far from the last good one, at `ts`: what was thought before it no longer counts."""
        return replace(self, ts=ts, odd=self.odd + 1)


T = TypeVar("T", bound=Track)


class Tracks(msgspec.Struct, Generic[T], frozen=True):
    """The state of such a strategy."""

    tracks: dict[Symbol, T]


def on_event(
    state: Tracks[T], symbols: Collection[str], new: T, event: Bar | Split, *,
    learn: Callable[[T, Bar], T], act: Callable[[T, Bar], tuple[T, tuple[Signal, ...]]], scale: Callable[[T, float], T],
) -> tuple[Tracks[T], tuple[Signal, ...]]:  # fmt: skip
    """The next state and what to do now.

    symbols: the only ones looked at; empty means all.   new: what is known of a symbol never seen.
    learn: the track after a usable daily bar newer than its last one.   act: the track after a shorter bar, and signals.
    scale: the track with the prices of the past times a factor.
    """
    if symbols and event.symbol not in symbols:
        return state, ()
    track = state.tracks.get(event.symbol, new)
    said: tuple[Signal, ...] = ()
    if isinstance(event, Split):
        known = 1e-6 <= event.ratio <= 1e6 and track.ts != 0
        after = scale(track, 1.0 / event.ratio) if known else track
    elif event.span_s == DAY_S:
        after = _learnt(track, new, event, learn)
    else:
        after, said = act(track, event)
    return (state if after is track else Tracks({**state.tracks, event.symbol: after})), said


def _learnt(track: T, new: T, bar: Bar, learn: Callable[[T, Bar], T]) -> T:
    if bar.ts <= track.ts or not is_usable(bar):
        return track
    if track.close > 0.0 and not is_near(bar.close, track.close):
        if track.odd + 1 < _ODD_MAX:
            return track.doubted(bar.ts)
        track = replace(new, voice=track.voice)
    return learn(track, bar)
