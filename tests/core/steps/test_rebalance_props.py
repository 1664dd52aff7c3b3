"""Laws of the weekly rebalance through the whole core, under storms."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.steps.test_micro_props import HOURS, act, storms
from tests.core.world import DAY, World
from tradingd.core.facts import Decided, OrderIntended, Outcome, ScheduleRan
from tradingd.core.gates.gate import GateSettings
from tradingd.core.rules import RebalanceSettings
from tradingd.core.types import Leg

FEW = settings(max_examples=max(60, settings.default.max_examples // 4))  # storms are long


@FEW
@given(storms, st.integers(1, 4), st.integers(1, 4))
def test_no_entry_takes_the_positions_beyond_their_number(storm, week, gate):
    """S2 property 18, E13, R1: neither beyond rebalance.max_positions nor beyond the gate's own limit, working and unknown entries
    counted."""
    world = World(
        micro=HOURS, rebalance=RebalanceSettings(max_positions=week), gate=GateSettings(max_open_positions=gate)
    )
    for what in storm:
        before = len(world.facts)
        act(world, what)
        if any(isinstance(f, OrderIntended) and f.order.leg is Leg.ENTRY for f in world.facts[before:]):
            entering = {w.order.symbol for w in world.book.open_orders(leg=Leg.ENTRY)}
            assert len({*world.book.held(), *entering}) <= min(week, gate)


@FEW
@given(storms)
def test_a_week_is_rebalanced_once_and_what_it_sells_is_decided(storm):
    """E13, I8: weeks in order, none twice; each sell bears its week; a restart finds all of it in the facts."""
    world = World(micro=HOURS, rebalance=RebalanceSettings(max_positions=1))
    for n, what in enumerate(storm):
        if n % 4 == 3:
            world.now += 3 * DAY
            world.minutes(1, quotes=True)
        act(world, what)
    weeks = [f.key for f in world.all(ScheduleRan) if f.name == "rebalance"]
    assert weeks == sorted(set(weeks))
    done = ""
    for fact in world.facts:
        if isinstance(fact, Decided) and fact.source == "rebalance":
            week = fact.cause.removeprefix("rebalance:")
            assert week > done
            assert fact.thesis
            assert fact.outcome is Outcome.SKIP or fact.orders
        elif isinstance(fact, ScheduleRan) and fact.name == "rebalance":
            done = fact.key
    assert world.refold() == world.book.dump()
