"""The decision that all engines of the comparison run, as a strategy of this house and as a loop without any engine.

Per event and instrument: the middle (of a bar, its close) moves two averages; once they are warm, a change of the sign of fast -
slow asks for one unit on that side, and a price at the stop asks for none. `sparse` acts on a cross only a thousand events after
the last action, `calc` never acts, `noop` does not even look.

A flip is two orders here: SELL means to leave the long, so what was wanted is closed at the event itself and the other side opened
at the next event of that instrument. `expected` counts just that.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tradingd.core.events import Action, Bar, Quote
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import Symbol

FAST, SLOW = 2.0 / 11.0, 2.0 / 21.0
TICK_STOP, BAR_STOP = 0.15, 1.5  # price units from the price of the decision
WARM = 20
SPARSE = 1_000  # events of the instrument between two actions
NEVER = 10**12
APART = {"noop": 0, "calc": NEVER, "sparse": SPARSE, "cross": 0}
MODES = tuple(APART)


class Rule(msgspec.Struct, frozen=True):
    """apart: events of an instrument from one action to the next cross that is acted on.   stop: price units."""

    apart: int = 0
    stop: float = TICK_STOP


class Track(msgspec.Struct, frozen=True, gc=False):
    """One instrument. seen: events before this one.   sign: of fast - slow, 0 while cold.   want: units wanted, -1, 0, 1.
    stop: where the want ends.   last: the event of the last action.   moving: what is held is not yet what is wanted."""

    fast: float
    slow: float
    seen: int
    sign: int
    want: int
    stop: float
    last: int
    moving: bool


Tracks = dict[Symbol, Track]


def move(track: Track | None, mid: float, bid: float, ask: float, s: Rule) -> tuple[Track, bool]:
    """The rule itself: the track after one event, and whether another position is wanted since."""
    if track is None:
        return Track(mid, mid, 1, 0, 0, 0.0, -SPARSE, False), False
    fast, slow, k = track.fast, track.slow, track.seen
    fast += FAST * (mid - fast)
    slow += SLOW * (mid - slow)
    if k < WARM:
        return Track(fast, slow, k + 1, 0, 0, 0.0, track.last, False), False
    sign = 1 if fast > slow else -1
    want = track.want
    if sign == -track.sign and k - track.last >= s.apart and sign != want:
        return Track(fast, slow, k + 1, sign, sign, mid - sign * s.stop, k, True), True
    if (want > 0 and bid <= track.stop) or (want < 0 and ask >= track.stop):
        return Track(fast, slow, k + 1, sign, 0, track.stop, k, True), True
    return Track(fast, slow, k + 1, sign, want, track.stop, track.last, track.moving), False


class Crosses:
    """The strategy. kind: Quote or Bar, what it is shown."""

    Settings = Rule
    State = Tracks

    def __init__(self, kind: type[Quote | Bar]) -> None:
        self.WANTS = frozenset({kind})

    def initial(self, _: Rule) -> Tracks:
        return {}

    def decide(self, s: Rule, state: Tracks, view: View, event: Any) -> tuple[Tracks, tuple[Signal, ...]]:
        symbol = event.symbol
        if type(event) is Quote:
            bid, ask = event.bid, event.ask
            mid = (bid + ask) * 0.5
        elif event.history or event.span_s != 60:
            return state, ()
        else:
            mid = bid = ask = event.close
        track, _ = move(state.get(symbol), mid, bid, ask, s)
        said: tuple[Signal, ...] = ()
        if track.moving:
            track, said = _towards(track, view.qty(symbol), symbol, event.ts)
        after = state.copy()
        after[symbol] = track
        return after, said


class Idle(Crosses):
    """Is shown everything and does nothing."""

    def decide(self, s: Rule, state: Tracks, view: View, event: Any) -> tuple[Tracks, tuple[Signal, ...]]:
        return state, ()


def _towards(track: Track, held: float, symbol: Symbol, ts: int) -> tuple[Track, tuple[Signal, ...]]:
    """The next order on the way from what is held to what is wanted: first flat, then the other side."""
    if held * track.want > 0 or held == track.want:
        return msgspec.structs.replace(track, moving=False), ()
    buy = held < 0 or (held == 0 and track.want > 0)
    signal = Signal(
        symbol=symbol,
        action=Action.BUY if buy else Action.SELL,
        confidence=0.9,
        thesis="the averages crossed, or the price is at the stop",
        key=str(ts),
    )
    return track, (signal,)


def strategy(mode: str, kind: type[Quote | Bar]) -> tuple[Crosses, Rule]:
    """What runs in that mode. Raises KeyError for a mode there is not."""
    settings = Rule(APART[mode], TICK_STOP if kind is Quote else BAR_STOP)
    return (Idle if mode == "noop" else Crosses)(kind), settings


class Expected(msgspec.Struct):
    """decisions: changes of what is wanted (the orders of an engine that flips in one order).   orders: those of this house."""

    decisions: int = 0
    orders: int = 0


def expected(rows: Iterable[tuple[int, float, float]], mode: str, stop: float) -> Expected:
    """What the same rule gives with no engine at all, each order filling before the next event. rows: instrument, bid, ask."""
    found = Expected()
    if mode == "noop":
        return found
    s = Rule(APART[mode], stop)
    tracks: dict[int, Track] = {}
    held: dict[int, int] = {}
    for i, bid, ask in rows:
        track, changed = move(tracks.get(i), (bid + ask) * 0.5, bid, ask, s)
        found.decisions += changed
        tracks[i] = track
        have = held.get(i, 0)
        if have != track.want:
            found.orders += 1
            held[i] = 0 if have else track.want
    return found
