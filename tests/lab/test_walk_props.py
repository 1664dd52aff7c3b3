"""The law of walks: strategies that want each quote are shown each, and a run that spares the venue the quotes that cannot matter
to it comes to the same as one that does not."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.lab.columns import BUYER, Asked, Random, ran, state_of
from tests.lab.test_leap_props import ASKED, config_of
from tradingd.core.events import Action, Bar, Quote
from tradingd.core.signals.strategy import Loaded, Signal, View
from tradingd.core.types import Symbol


class Seen(msgspec.Struct, frozen=True):
    """All it was shown, as one number, and what it may see besides. seen: quotes.   mids: the first middle of each symbol."""

    seen: int = 0
    digest: int = 0
    mids: dict[Symbol, float] = {}


class Settings(msgspec.Struct, frozen=True):
    """away: from a symbol's first middle, share; a price that far away is acted upon.   every: how many quotes apart at least.
    raises: at each quote whose number divides by that, 0 never."""

    away: float = 0.001
    every: int = 50
    raises: int = 0


class Each:
    """Remembers every quote, and buys and sells when a price has moved."""

    Settings, State, WANTS = Settings, Seen, frozenset({Bar, Quote})

    def initial(self, _: Settings) -> Seen:
        return Seen()

    def decide(self, s: Settings, state: Seen, view: View, what: Any) -> tuple[Seen, tuple[Signal, ...]]:
        if type(what) is not Quote:
            return state, ()
        if s.raises and state.seen % s.raises == s.raises - 1:
            raise ValueError("as asked")
        symbol, mid = what.symbol, view.mid(what.symbol)
        met = (symbol, what.bid, what.ask, what.ts, mid, view.ts, view.in_window, view.qty(symbol), view.entry(symbol))
        seen = Seen(state.seen + 1, hash((state.digest, *map(str, met))), state.mids)
        if mid is None:
            return seen, ()
        first = state.mids.get(symbol, mid)
        if symbol not in state.mids:
            seen = msgspec.structs.replace(seen, mids={**state.mids, symbol: mid})
        if abs(mid / first - 1.0) < s.away or seen.seen % s.every:
            return seen, ()
        action = Action.SELL if view.qty(symbol) > 0 else Action.BUY
        idea = Signal(symbol=symbol, action=action, confidence=0.9, thesis="moved", key=str(what.ts))
        return msgspec.structs.replace(seen, mids={**seen.mids, symbol: mid}), (idea,)


SETTINGS = st.builds(
    Settings,
    away=st.sampled_from([0.0, 0.0005, 0.01]),
    every=st.sampled_from([1, 7, 60, 500]),
    raises=st.sampled_from([0, 0, 0, 70]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=ASKED, own=SETTINGS, timer=st.sampled_from([0.5, 5.0, 300.0, 7200.0]), loss=st.sampled_from([0.0002, 0.002, 0.03]),
    latency=st.sampled_from([0, 2_000_000, 700_000_000]), also=st.booleans(),
)  # fmt: skip
def test_each_quote_is_shown_and_the_venue_is_spared_what_cannot_matter(
    asked: Asked, own: Settings, timer: float, loss: float, latency: int, also: bool
) -> None:
    """T1: not one fact, mark, top of book or count differs, nor what the strategy remembers of each quote."""
    each = Loaded(name="each", module=Each(), settings=own)  # type: ignore[arg-type]
    strategies = (BUYER, each) if also else (each,)
    config = config_of(timer, loss, 300.0)
    dense, spared = (
        ran(config, Random(asked), sparse=sparse, asked=asked, latency=latency, strategies=strategies)
        for sparse in (False, True)
    )
    event(f"{10 * spared.shown // dense.shown * 10} % shown")
    assert spared.facts == dense.facts
    assert state_of(spared) == state_of(dense)
    assert dense.shown == dense.quotes


def test_a_venue_is_spared_most_of_a_calm_market() -> None:
    """T1, P5: nothing comes of it, so that the venue sees the last quote of each symbol now and then."""
    asked = Asked(seed=5, rows=2_500, wobble=2e-5, gap=1_000_000, odd=0, split=False)
    each = Loaded(name="each", module=Each(), settings=Settings(away=1.0))  # type: ignore[arg-type]
    spared = ran(config_of(300.0, 0.03, 300.0), Random(asked), sparse=True, asked=asked, strategies=(each,))
    state = spared.book.strategy_states["each"]
    assert state.seen == spared.quotes == asked.rows
    assert spared.shown < spared.quotes / 10
