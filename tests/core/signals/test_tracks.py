"""What the shipped strategies share about a symbol's bars and splits."""

from __future__ import annotations

from msgspec.structs import replace

from tradingd.core.events import Bar, Split
from tradingd.core.signals.bars import DAY_S
from tradingd.core.signals.ideas import Voice
from tradingd.core.signals.strategy import Signal, load
from tradingd.core.signals.tracks import Track, Tracks, on_event
from tradingd.core.types import NS, Symbol
from tradingd_strategies import trend

A = Symbol("A")
SPOKEN = Voice(bought="2008-10-06", mine=True)


class Counted(Track, frozen=True):
    """n: bars learnt from.   idea: thought of at the last of them."""

    n: int = 0
    idea: str = ""

    def doubted(self, ts: int) -> Counted:
        return replace(super().doubted(ts), idea="")


def learn(track: Counted, bar: Bar) -> Counted:
    return replace(track, ts=bar.ts, close=bar.close, odd=0, n=track.n + 1, idea="buy")


def act(track: Counted, _: Bar) -> tuple[Counted, tuple[Signal, ...]]:
    return track, ()


def scale(track: Counted, f: float) -> Counted:
    return replace(track, close=track.close * f)


def after(*events: Bar | Split, state: Tracks[Counted] | None = None, symbols: tuple[str, ...] = ()) -> Tracks[Counted]:
    state = state or Tracks({})
    for event in events:
        state, said = on_event(state, symbols, Counted(), event, learn=learn, act=act, scale=scale)
        assert said == ()
    return state


def bar(n: int, close: float, span_s: int = DAY_S) -> Bar:
    return Bar(ts=n * DAY_S * NS, symbol=A, span_s=span_s, open=close, high=close, low=close, close=close)


def split(ratio: float) -> Split:
    return Split(ts=2, symbol=A, ratio=ratio, action_id="s1")


def test_a_daily_bar_is_learnt_from_once() -> None:
    assert after(bar(1, 10.0), bar(1, 11.0), bar(2, 12.0), bar(1, 13.0)).tracks[A].n == 2


def test_one_far_close_is_doubted_and_the_idea_before_it_is_gone() -> None:
    """B7: it is not learnt from, and what was known stays for the close after it."""
    doubted = after(bar(1, 10.0), bar(2, 100.0)).tracks[A]
    assert (doubted.n, doubted.odd, doubted.close, doubted.idea) == (1, 1, 10.0, "")
    assert after(bar(1, 10.0), bar(2, 100.0), bar(3, 10.5)).tracks[A] == replace(
        doubted, ts=bar(3, 1.0).ts, close=10.5, odd=0, n=2, idea="buy"
    )


def test_three_far_closes_in_a_row_are_a_new_price_level() -> None:
    """What was said stays said; all else begins anew."""
    spoken = Tracks({A: Counted(ts=bar(1, 1.0).ts, close=10.0, n=30, voice=SPOKEN)})
    found = after(bar(2, 100.0), bar(3, 101.0), bar(4, 102.0), state=spoken).tracks[A]
    assert found == Counted(ts=bar(4, 1.0).ts, close=102.0, n=1, idea="buy", voice=SPOKEN)


def test_a_split_scales_what_is_known_and_a_garbled_one_changes_nothing() -> None:
    known = after(bar(1, 10.0))
    assert after(split(2.0), state=known).tracks[A].close == 5.0
    for ratio in (0.0, -1.0, 1e7, float("nan"), float("inf")):
        assert after(split(ratio), state=known) is known


def test_what_brings_nothing_leaves_no_trace() -> None:
    """Neither a symbol that is not looked at, nor a split or a shorter bar of one never seen."""
    nothing: Tracks[Counted] = Tracks({})
    assert after(bar(1, 10.0), state=nothing, symbols=("B",)) is nothing
    assert after(split(2.0), bar(1, 10.0, span_s=60), bar(1, float("nan")), state=nothing) is nothing


def test_a_state_saved_before_there_were_shared_tracks_is_read() -> None:
    """W4: fields have names in it, so where they are declared is of no account."""
    strategy = load("trend", trend, {})
    grown = trend.Track(
        ts=3,
        close=9.5,
        odd=1,
        fast=(1.0, 9.25),
        slow=(2.0,),
        atr=(0.5,),
        high=(1.0, 2.0),
        low=(3.0,),
        range=0.5,
        voice=SPOKEN,
    )
    before = (
        b'{"tracks":{"A":{"ts":3,"close":9.5,"odd":1,"fast":[1.0,9.25],"slow":[2.0],"atr":[0.5],"high":[1.0,2.0],"low":[3.0],'
        b'"range":0.5,"idea":null,"voice":{"bought":"2008-10-06","sold":"","mine":true}}}}'
    )
    settings = strategy.dump(strategy.initial()).partition(b',"state":')[0]
    assert strategy.restore(settings + b',"state":' + before + b"}") == trend.State({A: grown})
