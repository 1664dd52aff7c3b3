"""Exact skipping over data that is known, and how much of it is left out."""

from collections import Counter

import msgspec
import pytest

from tests.lab.columns import Asked, Gathered, Random, ran, state_of
from tests.lab.test_leap_props import config_of
from tradingd.core.facts import BreakerTripped, Filled, ForeignSeen, OrderIntended, SplitApplied
from tradingd.core.types import Leg
from tradingd.demo.config import demo_config
from tradingd_adapters.sim.market import Market

CALM = Asked(seed=1, rows=20_000, wobble=2e-6, gap=1_000_000, odd=0)


def test_a_year_that_is_known() -> None:
    """T1: the shipped days of 2008 with all that happened in them. Time passes rarely, so that there is something to leap over."""
    config = demo_config()
    config = msgspec.structs.replace(config, house=msgspec.structs.replace(config.house, timer_s=7200.0))
    dense, sparse = (
        ran(config, Gathered(Market(start="2008-01-02", end="2008-12-31")), sparse=each) for each in (False, True)
    )
    assert sparse.facts == dense.facts
    assert state_of(sparse) == state_of(dense)
    assert len([f for f in dense.facts if isinstance(f, Filled)]) > 100


def test_quotes_that_cannot_matter_are_not_looked_at() -> None:
    """T1: of a calm market with positions and resting stops next to nothing is left."""
    dense, sparse = (
        ran(config_of(300.0, 0.03, 1800.0), Random(CALM), sparse=each, asked=CALM) for each in (False, True)
    )
    assert sparse.facts == dense.facts
    assert state_of(sparse) == state_of(dense)
    assert any(isinstance(f, OrderIntended) and f.order.leg is Leg.PROTECT for f in dense.facts)
    assert (dense.shown, dense.quotes, sparse.quotes) == (20_000, 20_000, 20_000)
    assert sparse.shown < 1_000


def test_whoever_asks_for_quotes_gets_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """W1."""
    from tests.lab import columns
    from tradingd.core.events import Bar, Quote

    monkeypatch.setattr(columns.Buyer, "WANTS", frozenset({Bar, Quote}))
    seen: Counter[type] = Counter()
    decide = columns.Buyer.decide

    def counted(self, settings, state, view, event):  # type: ignore[no-untyped-def]
        seen[type(event)] += 1
        return (state, ()) if isinstance(event, Quote) else decide(self, settings, state, view, event)

    monkeypatch.setattr(columns.Buyer, "decide", counted)
    sparse = ran(config_of(300.0, 0.03, 1800.0), Random(CALM), sparse=True, asked=CALM)
    assert sparse.quotes == seen[Quote] == 20_000


def test_quotes_that_a_strategy_declares_nothing_for_are_not_shown_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """W1, T1: it is asked what it declares now and then, not for each quote; what moves it, it is shown."""
    from tests.lab import levels

    asked: Counter[str] = Counter()
    for part in ("decide", "triggers"):
        original = getattr(levels, part)

        def counted(*args, part=part, original=original):  # type: ignore[no-untyped-def]
            asked[part] += 1
            return original(*args)

        monkeypatch.setattr(levels, part, counted)
    strategies = (levels.levels(levels.Settings(width=2e-4, symbols=("GOOG",))),)
    sparse = ran(config_of(300.0, 0.03, 1800.0), Random(CALM), sparse=True, asked=CALM, strategies=strategies)
    assert sparse.book.strategy_states["levels"].moves > 10
    assert sparse.quotes == 20_000
    assert sparse.shown < 1_000
    assert asked["decide"] < 1_000
    assert asked["triggers"] < 200


def test_the_law_is_tried_where_things_happen() -> None:
    """The random markets of the law trade, trip, split and are traded in from elsewhere."""
    told: Counter[type] = Counter()
    legs: Counter[Leg] = Counter()
    for seed in range(6):
        asked = Asked(seed=seed, rows=2_000, wobble=2e-4, gap=10_000_000, odd=5, drift=-2e-5, split=True, orders=10)
        for fact in ran(config_of(5.0, 0.0002, 300.0), Random(asked), sparse=True, asked=asked).facts:
            told[type(fact)] += 1
            if isinstance(fact, OrderIntended):
                legs[fact.order.leg] += 1
    assert min(told[kind] for kind in (Filled, BreakerTripped, SplitApplied, ForeignSeen)) > 0
    assert min(legs[leg] for leg in (Leg.ENTRY, Leg.EXIT, Leg.PROTECT)) > 0
