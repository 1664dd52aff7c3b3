"""Ways out: sizes, clipping, slices, and what stops even an exit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, HOUR, World, at
from tradingd.core.events import Action, CancelRejected, InstrumentStatus, Verb
from tradingd.core.facts import CancelIntended, Decided, OrderIntended, Outcome, Reason
from tradingd.core.gates.gate import GateSettings
from tradingd.core.types import Leg, OrderType, Side, TradingState

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


def test_an_exit_waits_for_the_reconciliation_and_goes_right_after_it():
    """I4, G11: what the venue's own stop did while the link was down is not known: closing before asking would sell twice."""
    world = World()
    qty = world.buy(ACME)
    world.disconnect()
    world.quote(ACME, 80.0, after=60)
    assert not world.of(OrderIntended)
    assert world.recommend(ACME, Action.SELL).reasons == (Reason.LINK_NOT_READY,)
    world.reconcile()
    world.quote(ACME, 80.0, after=60)
    assert [f.order.qty for f in world.of(OrderIntended) if f.order.leg is Leg.EXIT] == [qty]


def test_reducing_orders_with_nothing_left_to_reduce_are_taken_back():
    """G11: the stop at the venue fills while a target's exit is on its way: that exit must not open a short."""
    world = World()
    qty = world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    world.quote(ACME, 120.0, after=60)
    exit_id = world.exit_order().order.order_id
    world.accept(exit_id)
    world.fill(stop, str(qty), "97")
    assert exit_id in [c.order_id for c in world.of(CancelIntended)]
    world.fill(exit_id, str(qty), "97")
    assert "exit_opened" in world.codes()
    assert world.book.state() is TradingState.REDUCING


def test_a_refused_idea_does_not_silence_the_stop():
    """R3, I5: a SELL that a halt refuses, again and again, must not hold back the stop of the same symbol."""
    world = World(protective=False)
    world.buy(ACME)
    world.say(Verb.HALT)
    for _ in range(3):
        assert world.recommend(ACME, Action.SELL).reasons == (Reason.HALTED,)
        world.wait(20)
    world.quote(ACME, 90.0, after=1)
    assert [f.order.leg for f in world.of(OrderIntended)] == [Leg.EXIT]


@pytest.mark.parametrize("key", ["refused", "order"])
def test_a_pause_of_a_wrong_future_holds_no_stop_back(key):
    """E8, R3: neither a refusal nor a refused order that a clock far ahead has stamped."""
    world = World(protective=False)
    world.buy(ACME)
    if key == "refused":
        world.book.booked.exits_refused["ACME:stop"] = world.now + HOUR
    else:
        world.quote(ACME, 90.0, after=1)
        exit_id = world.exit_order().order.order_id
        world.reject(exit_id)
        world.book.order(exit_id).updated_ts = world.now + HOUR
    world.quote(ACME, 89.9, after=1)
    assert [f.order.leg for f in world.of(OrderIntended)] == [Leg.EXIT]


def test_a_stop_the_venue_gives_back_is_not_placed_in_a_loop():
    """F7, G4: cancelled without being asked: told at once, placed again after a minute and not at once."""
    world = World()
    world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    world.cancelled(stop)
    assert not world.of(OrderIntended)
    assert "exit_not_placed" in world.codes()
    world.wait(61)
    world.quote(ACME, 100.0, after=1)
    world.timer()
    assert [f.order.leg for f in world.of(OrderIntended)] == [Leg.PROTECT]


def test_a_cancel_that_was_refused_is_asked_again_while_it_is_wanted():
    """G11, A14: a stop without a position would open one: a busy venue's refusal is not the last word."""
    world = World()
    qty = world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order().order.order_id, str(qty), "100")
    world.step(CancelRejected(ts=world.now, account=ACCOUNT, order_id=stop, code="429", text="busy"))
    world.wait(30)
    world.timer()
    assert [c.order_id for c in world.of(CancelIntended)] == [stop]


def test_where_the_venue_holds_less_no_more_than_that_is_closed():
    """D24, G11: under drift an exit beyond the venue's word would open a position, or be refused each minute for ever."""
    world = World(protective=False)
    world.buy(ACME)
    world.positions(ACME="0")
    assert "ACME" in world.book.booked.drift
    for _ in range(3):
        world.quote(ACME, 80.0, after=61)
        assert not world.of(OrderIntended)
    world.positions(ACME="5")
    world.quote(ACME, 80.0, after=61)
    assert [f.order.qty for f in world.of(OrderIntended)] == [5]


@pytest.mark.parametrize("venue", ["0", "-7"])
def test_where_the_venue_holds_nothing_of_it_an_idea_closes_nothing(venue):
    """D24, G11: refused with its reason, not sent with a quantity of nothing."""
    world = World()
    world.buy(ACME)
    world.positions(ACME=venue)
    decided = world.recommend(ACME, Action.SELL)
    assert decided.reasons == (Reason.NOTHING_TO_REDUCE,)
    assert not world.of(OrderIntended)


def test_what_is_being_closed_is_not_bought_on():
    """G11, E4: an entry half filled, its stop reached: the rest of the entry is taken back with the close."""
    world = World(protective=False)
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "1", "100")
    world.quote(ACME, 90.0, after=5)
    assert [c.order_id for c in world.of(CancelIntended)] == list(decided.orders)
    assert [f.order.leg for f in world.of(OrderIntended)] == [Leg.EXIT]
