"""A strategy that declares wrongly: it is told so with the quote, and its sparse run is another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.lab.columns import NAMES, Asked, Random, ran
from tests.lab.levels import Settings, State, levels, triggers
from tests.lab.test_leap_props import config_of
from tradingd.core.events import Quote
from tradingd.core.signals.strategy import Loaded
from tradingd.core.signals.triggers import Between, Triggers
from tradingd.core.types import NS
from tradingd.lab.watched import Watch

Declare = Callable[[Settings, State, Any], Triggers]
CLOCK = Settings(width=0.5, every=600 * NS)
GAIN = Settings(width=0.003, gain=-0.001)


def moved(low: float, high: float) -> Declare:
    """Each symbol's lines, moved by so much."""

    def declare(settings: Settings, state: State, view: Any) -> Triggers:
        right = triggers(settings, state, view)
        return replace(right, of={s: Between(b.low + low, b.high + high) for s, b in right.of.items()})

    return declare


def forgets_the_clock(settings: Settings, state: State, view: Any) -> Triggers:
    return replace(triggers(settings, state, view), until=None)


def is_late(settings: Settings, state: State, view: Any) -> Triggers:
    right = triggers(settings, state, view)
    return replace(right, until=None if right.until is None else right.until + NS)


def mistakes_symbols(settings: Settings, state: State, view: Any) -> Triggers:
    right = triggers(settings, state, view)
    return replace(right, of={s: right.of[NAMES[i - 1]] for i, s in enumerate(NAMES)})


def forgets_a_symbol(settings: Settings, state: State, view: Any) -> Triggers:
    right = triggers(settings, state, view)
    return replace(right, of={s: right.of[s] for s in NAMES[1:]})


def knows_its_first_state_only(settings: Settings, _: State, view: Any) -> Triggers:
    return triggers(settings, State(), view)


def forgets_what_it_holds(settings: Settings, state: State, view: Any) -> Triggers:
    return triggers(replace(settings, gain=None), state, view)


def goes_by_the_last_price(settings: Settings, state: State, view: Any) -> Triggers:
    of = {s: Between(mid * 0.99, mid * 1.01) for s in NAMES if (mid := view.mid(s)) is not None}
    return replace(triggers(settings, state, view), of=of)


def mistakes_the_window(settings: Settings, state: State, view: Any) -> Triggers:
    return triggers(replace(settings, inside=not settings.inside), state, view)


WRONG: dict[str, tuple[Settings, Declare]] = {
    "low, a cent too low": (Settings(), moved(-0.01, 0.0)),
    "high, a cent too high": (Settings(), moved(0.0, 0.01)),
    "no low": (Settings(), moved(-1e9, 0.0)),
    "no high": (Settings(), moved(0.0, 1e9)),
    "no end": (CLOCK, forgets_the_clock),
    "a second too late": (CLOCK, is_late),
    "another symbol's": (Settings(), mistakes_symbols),
    "all but one, the others nothing": (Settings(), forgets_a_symbol),
    "of its first state": (Settings(), knows_its_first_state_only),
    "not of what it holds": (GAIN, forgets_what_it_holds),
    "of the last price": (Settings(), goes_by_the_last_price),
    "of the wrong hours": (Settings(inside=True), mistakes_the_window),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_declaration_is_told_with_the_quote_and_makes_another_run(wrong: str) -> None:
    """T1, W1: the watch finds it, and so does whoever compares sparse and dense; the watched run itself is the dense one."""
    settings, declare = WRONG[wrong]
    loaded, watch = (levels(settings, declare=declare),), Watch()
    differs = False
    for seed in range(4):
        asked = Asked(seed=seed, rows=1_500, wobble=2e-4, gap=NS, odd=2)
        dense, sparse, watched = (
            ran(config_of(300.0, 0.03, 300.0), Random(asked), sparse=each, asked=asked, strategies=which)
            for each, which in ((False, loaded), (True, loaded), (False, watch.over(loaded)))
        )
        assert watched.facts == dense.facts
        if differs := sparse.facts != dense.facts:
            break
    assert differs
    assert "at a quote within what it declared: " in watch.notes()[0]


class Once:
    """Moves at the first quote of its time or later, and declares a time."""

    class Settings(msgspec.Struct, frozen=True):
        at: int
        declared: int

    State = bool
    WANTS = frozenset({Quote})

    def initial(self, _: Any) -> bool:
        return False

    def decide(self, own: Any, state: bool, view: Any, quote: Quote) -> tuple[bool, tuple[()]]:
        return state or quote.ts >= own.at, ()

    def triggers(self, own: Any, state: bool, view: Any) -> Triggers:
        return Triggers(others=Between(), until=None if state else own.declared)


class Still:
    """What a strategy sees of an account where nothing is."""

    def __init__(self, ts: int) -> None:
        self.ts, self.in_window = ts, True


@pytest.mark.parametrize(("declared", "told"), [(50, []), (51, ["once"])])
def test_until_is_the_first_moment_that_may_matter(declared: int, told: list[str]) -> None:
    """W1: a quote at that very moment is beyond the declaration, one before it is not."""
    watch, own = Watch(), Once.Settings(at=50, declared=declared)
    [watched] = watch.over((Loaded(name="once", module=Once(), settings=own),))  # type: ignore[arg-type]
    state = watched.initial()
    for ts in (49, 50):
        state, _ = watched.decide(state, Still(ts), Quote(NAMES[0], 9.0, 9.1, ts))  # type: ignore[arg-type]
    assert state
    assert list(watch.counts) == told
