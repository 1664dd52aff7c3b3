"""Ways out: sizes, clipping, slices, and what stops even an exit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACME, World, at
from tradingd.core.events import Action, InstrumentStatus, Verb
from tradingd.core.facts import Decided, OrderIntended, Outcome, Reason
from tradingd.core.gates.gate import GateSettings
from tradingd.core.types import Leg, OrderType, Side

D = Decimal


def test_two_causes_at_once_never_flip_a_position():
    """G11: a recommendation, then target, stop and flatten while the first close works: nothing is left for them."""
    world = World()
    qty = world.buy(ACME)
    world.recommend(ACME, Action.SELL)
    for mid in (105.0, 90.0, 90.0, 90.0, 90.0):
        world.quote(ACME, mid)
    world.say(Verb.FLATTEN)
    world.minutes(3, quotes=True)
    exits = [f.order.qty for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT]
    assert exits == [qty]


def test_a_partly_filled_close_leaves_only_the_rest_to_close():
    """G11: cancelled after a part, the next one asks for what is left."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.BUY, "30", "100")
    world.recommend(ACME, Action.SELL)
    first = world.exit_order().order.order_id
    world.fill(first, "12")
    world.cancelled(first, "12")
    assert world.recommend(ACME, Action.SELL).qty == 18


def test_a_large_position_leaves_in_slices():
    """R2, I5: no limit on quantity holds a position captive."""
    world = World(gate=GateSettings(max_order_qty=10), protective=False)
    world.foreign_fill(ACME, Side.BUY, "25", "100")
    sizes = []
    for _ in range(3):
        sizes.append(world.recommend(ACME, Action.SELL).qty)
        world.fill(world.exit_order().order.order_id)
    assert sizes == [10, 10, 5]
    assert world.book.qty(ACME) == 0


def test_an_exit_has_its_own_decision_with_position_and_levels():
    """E11, R3: market, day, reduce-only."""
    world = World()
    world.buy(ACME)
    decided = world.recommend(ACME, Action.SELL, thesis="enough")
    order = world.exit_order().order
    assert (order.type, order.reduce_only, order.order_id) == (OrderType.MARKET, True, f"a1.{decided.seq}.x")
    assert (decided.stop, decided.thesis, decided.orders) == (D("97.01"), "enough", (order.order_id,))


@pytest.mark.parametrize("reason", [Reason.MARKET_CLOSED, Reason.NOT_TRADABLE, Reason.HALTED, Reason.ORDER_RATE])
def test_what_stops_even_an_exit(reason):
    """R3, I5: no session, no trading of the symbol, an operator's halt, the exits' own budget; nothing else."""
    world = World(gate=GateSettings(exits_per_minute=1))
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    match reason:
        case Reason.MARKET_CLOSED:
            world.now = at("2008-10-06T22:00")
        case Reason.NOT_TRADABLE:
            world.step(InstrumentStatus(ts=world.now, symbol=ACME, tradable=False, why="halt"))
        case Reason.HALTED:
            world.say(Verb.HALT)
        case _:
            world.recommend(ACME, Action.SELL)
            world.reject(world.exit_order().order.order_id)
    decided = world.recommend(ACME, Action.SELL)
    assert (decided.outcome, decided.reasons) == (Outcome.SKIP, (reason,))


def test_a_stop_of_a_new_position_does_not_wait_for_the_exit_of_the_old_one():
    """F7, E4: the minute of patience is for a close that failed."""
    world = World(protective=False)
    world.buy(ACME)
    world.quote(ACME, 95.0)
    world.fill(world.exit_order().order.order_id)
    world.quote(ACME, 100.0, after=6)
    world.buy(ACME, 0.8)
    world.quote(ACME, 95.0)
    assert [d.outcome for d in world.of(Decided)] == [Outcome.ACT]


def test_an_exit_of_unknown_outcome_is_not_asked_twice():
    """O2, G11: it may still fill."""
    world = World(protective=False)
    world.buy(ACME)
    world.quote(ACME, 95.0)
    order_id = world.exit_order().order.order_id
    world.lose(order_id)
    for _ in range(5):
        world.minutes(1)
        world.quote(ACME, 95.0)
    assert [f.order.order_id for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT] == [order_id]
