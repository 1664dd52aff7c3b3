"""Buying dips: enters what fell too far too fast, leaves when it has recovered.

It exists to put the pipeline to work: it buys into falling markets, so stops, cool-downs and the volatility breaker have
something to do in a crash. Its numbers are round ones, fitted to nothing; it is no advice and claims no profit.

After each close: a two-day RSI below `oversold`, or a close below the lower Bollinger band, is a BUY, the stronger the deeper;
an RSI above `recovered` with a close above the short mean is a SELL.

Inside the next sessions: BUY on the first bar in the entry window while nothing is held; the larger the share of the symbols that
are oversold with it, the stronger (a market-wide fall recovers more often than one company's). Without such an idea, a bar that
closes more than `panic_atr` below the last daily close is a BUY of its own. SELL on a SELL idea, or when a bar closes
above the middle band, while its own position is held. One of each a day. Source: W1.
"""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec.structs import replace

from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.bars import is_near, is_usable
from tradingd.core.signals.ideas import LAPSE_NS, Idea, graded
from tradingd.core.signals.indicators import Atr, Bollinger, Rsi, Saved, Sma
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.signals.tracks import Track as AnyTrack
from tradingd.core.signals.tracks import Tracks, on_event

WANTS: frozenset[type] = frozenset({Bar, Split})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """rsi, mean, atr: days, 2..400.   band: days of the Bollinger band, 2..400, `width` deviations wide, > 0.
    oversold, recovered: RSI bars, 0 < oversold < recovered < 100.   panic_atr: fall below the last close that is a dip of its
    own, ATRs, > 0.   symbols: the only ones it looks at; empty means all."""

    rsi: int = 2
    oversold: float = 10.0
    recovered: float = 70.0
    band: int = 20
    width: float = 2.0
    mean: int = 5
    atr: int = 14
    panic_atr: float = 1.5
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("rsi", "band", "mean", "atr"):
            if not 2 <= getattr(self, name) <= 400:
                raise ValueError(f"`{name}` must be within 2..400 days, not {getattr(self, name)}")
        if not 0.0 < self.oversold < self.recovered < 100.0:
            raise ValueError(f"0 < `oversold` < `recovered` < 100, not {self.oversold} and {self.recovered}")
        for name in ("width", "panic_atr"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"`{name}` must be > 0, not {getattr(self, name)}")


class Track(AnyTrack, frozen=True):
    """What it knows of one symbol. range, middle: the ATR's and the middle band's value, 0 before warm-up.
    oversold: the last daily bar made it a BUY.   idea: of that bar."""

    rsi: Saved = ()
    band: Saved = ()
    mean: Saved = ()
    atr: Saved = ()
    range: float = 0.0
    middle: float = 0.0
    oversold: bool = False
    idea: Idea | None = None

    def doubted(self, ts: int) -> Track:
        return replace(super().doubted(ts), idea=None, oversold=False)


_NEW = Track()
State = Tracks[Track]


def initial(_: Settings) -> State:
    return State({})


def decide(settings: Settings, state: State, view: View, event: Bar | Split) -> tuple[State, tuple[Signal, ...]]:
    return on_event(
        state, settings.symbols, _NEW, event,
        learn=partial(_learn, settings), act=partial(_act, settings, state, view), scale=partial(_scale, settings),
    )  # fmt: skip


def _learn(settings: Settings, track: Track, bar: Bar) -> Track:
    rsi, mean = Rsi(settings.rsi, track.rsi), Sma(settings.mean, track.mean)
    band, atr = Bollinger(settings.band, settings.width, track.band), Atr(settings.atr, track.atr)
    rsi.update(bar.close)
    mean.update(bar.close)
    band.update(bar.close)
    atr.update(bar.high, bar.low, bar.close)
    idea = None
    if rsi.value is not None and mean.value is not None and band.lower is not None and atr.value:
        idea = _think(settings, bar, rsi.value, bar.close - mean.value, (band.lower - bar.close) / atr.value)
    return Track(
        ts=bar.ts, close=bar.close, rsi=rsi.save(), band=band.save(), mean=mean.save(), atr=atr.save(), range=atr.value or 0.0,
        middle=band.value or 0.0, oversold=idea is not None and idea.action is Action.BUY, idea=idea, voice=track.voice,
    )  # fmt: skip


def _think(settings: Settings, bar: Bar, rsi: float, above_mean: float, below_band: float) -> Idea | None:
    """above_mean: close minus short mean.   below_band: lower band minus close, in ATRs.

    A dip must be below the mean as well: the RSI of a price that does not move at all is 0.
    """
    if above_mean < 0.0 and (rsi < settings.oversold or below_band > 0.0):
        depth = max(0.0, (settings.oversold - rsi) / settings.oversold)
        beyond = max(0.0, below_band)
        confidence = graded(0.15 + 0.4 * depth + 0.4 * beyond)
        thesis = f"oversold: RSI({settings.rsi}) {rsi:.1f}, close {bar.close:g}, {beyond:.2f} ATR below the lower band"
        return Idea(Action.BUY, confidence, thesis, bar.ts, bar.close)
    if rsi > settings.recovered and above_mean > 0.0:
        confidence = graded(0.4 + (rsi - settings.recovered) / (100.0 - settings.recovered))
        return Idea(Action.SELL, confidence, f"recovered: RSI({settings.rsi}) {rsi:.1f}", bar.ts, bar.close)
    return None


def _act(settings: Settings, state: State, view: View, track: Track, bar: Bar) -> tuple[Track, tuple[Signal, ...]]:
    if bar.history or not is_usable(bar):
        return track, ()
    held = view.qty(bar.symbol)
    voice = track.voice.seen(bar.ts, held)
    if voice is not track.voice:
        track = replace(track, voice=voice)
    spoken = None
    if held == 0.0 and view.in_window and voice.may(Action.BUY, bar.ts):
        spoken = _entry(settings, state, track, bar)
    elif held > 0.0 and voice.mine and voice.may(Action.SELL, bar.ts):
        spoken = _exit(track, bar)
    if spoken is None:
        return track, ()
    voice, signal = voice.say(bar.symbol, spoken.action, spoken.confidence, spoken.thesis, bar.ts)
    return replace(track, idea=None, voice=voice), (signal,)


def _entry(settings: Settings, state: State, track: Track, bar: Bar) -> Idea | None:
    idea = track.idea
    if idea is not None and idea.action is Action.BUY and idea.is_fresh(bar.ts):
        share = _share_oversold(state, bar.ts)
        confidence = min(0.95, round(idea.confidence + 0.08 * share, 4))
        return replace(idea, confidence=confidence, thesis=f"{idea.thesis}; {share:.0%} of the market with it")
    if not (track.range > 0.0 and track.middle > 0.0 and 0 < bar.ts - track.ts <= LAPSE_NS):
        return None
    fall = (track.close - bar.close) / track.range
    if fall > settings.panic_atr and is_near(bar.close, track.close):
        thesis = f"panic: {fall:.2f} ATR below the last close"
        return Idea(Action.BUY, graded(0.2 + 0.5 * (fall - settings.panic_atr)), thesis, bar.ts, bar.close)
    return None


def _share_oversold(state: State, ts: int) -> float:
    """0..1 of the symbols with a recent daily bar. One pass over them, once for each entry idea, not for each bar."""
    recent = [t for t in state.tracks.values() if ts - t.ts <= LAPSE_NS]
    return len([t for t in recent if t.oversold]) / len(recent) if recent else 0.0


def _exit(track: Track, bar: Bar) -> Idea | None:
    idea = track.idea
    if idea is not None and idea.action is Action.SELL and idea.is_fresh(bar.ts):
        return idea
    if bar.close > track.middle > 0.0 and 0 < bar.ts - track.ts <= LAPSE_NS:
        return Idea(Action.SELL, graded(0.6), f"recovered: {bar.close:g} is above the middle band", bar.ts, bar.close)
    return None


def _scale(settings: Settings, track: Track, f: float) -> Track:
    """Prices of the past in new shares; an idea's price too."""
    parts = (
        Rsi(settings.rsi, track.rsi), Bollinger(settings.band, settings.width, track.band), Sma(settings.mean, track.mean),
        Atr(settings.atr, track.atr),
    )  # fmt: skip
    for part in parts:
        part.scale(f)
    rsi, band, mean, atr = (part.save() for part in parts)
    idea = None if track.idea is None else replace(track.idea, close=track.idea.close * f)
    return replace(
        track, close=track.close * f, rsi=rsi, band=band, mean=mean, atr=atr, range=track.range * f, middle=track.middle * f,
        idea=idea,
    )  # fmt: skip
