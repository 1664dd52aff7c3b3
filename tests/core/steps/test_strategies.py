"""Strategies as guests: shown what they want, taken at their word like anybody else, put out when they break."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from tests.core.world import ACME, BOLT, DAY, T0, World
from tradingd.core.events import Action, Bar, Quote, Timer
from tradingd.core.facts import Alerted, Anomaly, Decided, Outcome
from tradingd.core.signals.strategy import Loaded, Signal


class Settings(msgspec.Struct, frozen=True):
    pass


def loaded(name: str, decide: Any, wants: type = Timer) -> Loaded:
    module: Any = SimpleNamespace(
        WANTS=frozenset({wants}), Settings=Settings, State=int, initial=lambda _: 0, decide=decide, __name__=name
    )
    return Loaded(name=name, module=module, settings=Settings())


def buys(symbol: str, confidence: float = 0.9) -> Any:
    def decide(settings: Any, state: int, view: Any, event: Any) -> tuple[int, tuple[Signal, ...]]:
        signal = Signal(symbol=symbol, action=Action.BUY, confidence=confidence, thesis="t", key=f"k{state}")
        return state + 1, (signal,)

    return decide


def breaks(settings: Any, state: int, view: Any, event: Any) -> Any:
    raise ZeroDivisionError("by design")


def test_one_that_raises_is_put_out_and_the_others_go_on():
    """W1, G5: counted, told at the fifth within a minute, not asked again; what is held stays protected."""
    world = World(strategies=(loaded("bad", breaks), loaded("good", buys(ACME))))
    asked = len(world.all(Anomaly))
    for _ in range(8):
        world.wait(5)
        world.quote(ACME, 100.0, after=0)
        world.timer()
    assert [a.kind for a in world.all(Anomaly)] == ["strategy_failed"] * 5
    assert asked == 1
    assert [a.level for a in world.all(Alerted) if a.code == "strategy_quarantined"] == ["page"]
    assert {d.source for d in world.all(Decided)} == {"strategy:good"}
    assert world.all(Decided)[0].outcome is Outcome.ACT


def test_five_failures_far_apart_put_nobody_out():
    """G5: within a minute, that is."""
    world = World(strategies=(loaded("bad", breaks),))
    world.minutes(10)
    assert len(world.all(Anomaly)) == 11


def test_signals_of_several_strategies_are_decided_together_the_surest_first():
    """E1, W1."""
    world = World(strategies=(loaded("a", buys(ACME, 0.8)), loaded("b", buys(BOLT, 0.95))))
    assert [d.source for d in world.all(Decided)] == ["strategy:b", "strategy:a"]


def test_a_warm_up_bar_is_learned_from_and_not_acted_on():
    """T1: history makes state, not orders."""
    world = World(strategies=(loaded("a", buys(ACME), Bar),))
    assert world.book.strategy_states["a"] > 0
    assert not world.all(Decided)
    world.step(Bar(ts=T0 + DAY, symbol=ACME, span_s=60, open=1.0, high=1.0, low=1.0, close=1.0))
    assert len(world.all(Decided)) == 1


def test_a_strategy_that_wants_quotes_is_shown_them():
    """W1: on the quote path too."""
    world = World(strategies=(loaded("a", buys(ACME), Quote),))
    assert len(world.all(Decided)) == len(world.rules.instruments)


def test_a_strategy_sees_its_position_and_price_and_nothing_it_could_change():
    """W1, A: a view of values."""
    seen: list[tuple[object, ...]] = []

    def looks(settings: Any, state: int, view: Any, event: Any) -> Any:
        seen.append((view.ts, view.in_window, view.qty(ACME), view.entry(ACME), view.mid(ACME), view.mid("NOPE")))
        return state, ()

    world = World(strategies=(loaded("a", looks),))
    qty = world.buy(ACME, price="100.01")
    world.timer()
    assert seen[-1] == (world.now, True, float(qty), 100.01, 100.0, None)
    assert seen[0][2:4] == (0.0, None)


def test_an_idea_seen_again_after_a_restart_is_the_same_idea():
    """E1, W4: its id comes from the strategy's own key."""
    world = World(strategies=(loaded("a", buys(ACME)),))
    assert len(world.all(Decided)) == 1
    world.restart()
    assert len(world.all(Decided)) == 1
    world.timer()
    assert len(world.all(Decided)) == 1
