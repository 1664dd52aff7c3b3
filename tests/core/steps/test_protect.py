"""The protective stop at venues that do not do what they are asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, HOUR, World
from tradingd.core.book import fold
from tradingd.core.book.fold.orders import KEEP_FINISHED
from tradingd.core.book.orders import Working
from tradingd.core.events import Action, CancelRejected, ForeignOrder, OrderReplaced, ReplaceRejected, Verb
from tradingd.core.facts import CancelIntended, Decided, Kind, Outcome, Reason, ReplaceIntended
from tradingd.core.types import Leg, OrderId, OrderType, Qty, Side, TradingState, VenueOrderId

# a venue that does not amend -------------------------------------------------------------------------------------------------


def refuse_amend(world: World, stop: Working, code: str = "no") -> None:
    assert stop.rev_asked > stop.rev, "no amend was asked for"
    order_id = stop.order.order_id
    world.step(ReplaceRejected(ts=world.now, account=ACCOUNT, order_id=order_id, rev=stop.rev_asked, code=code))


def stuck(world: World, code: str = "no") -> Working:
    """A position whose stop should be as large as it is, and is not, for three refused amends."""
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "20")
    stop = world.book.protection(ACME)
    assert stop is not None
    world.accept(stop.order.order_id)
    world.fill(decided.orders[0], "10")
    for _ in range(3):
        refuse_amend(world, stop, code)
        world.wait(5)
        world.timer()
    return stop


def test_a_stop_that_the_venue_does_not_amend_is_taken_back_and_placed_anew():
    """R3, E4: after the third refusal in a row, with a page; the new one has the right size."""
    world = World()
    stop = stuck(world)
    assert stop.cancel_asked
    assert "stop_stuck" in world.codes()
    assert [w for w in world.book.open_orders(ACME, Leg.PROTECT) if w is not stop] == [], "never two"
    world.cancelled(stop.order.order_id)
    fresh = world.book.protection(ACME)
    assert fresh is not None
    assert fresh is not stop
    assert fresh.order.qty == world.book.qty(ACME) == 30


def test_a_stuck_stop_that_cannot_be_taken_back_is_tried_once_a_minute():
    """G4: no loop of cancels either, and no further amend."""
    world = World()
    stop = stuck(world)
    cancels = len(world.all(CancelIntended))
    world.step(CancelRejected(ts=world.now, account=ACCOUNT, order_id=stop.order.order_id, code="no"))
    for _ in range(11):
        world.wait(5)
        world.timer()
    assert len(world.all(CancelIntended)) == cancels
    world.wait(5)
    world.timer()
    assert len(world.all(CancelIntended)) == cancels + 1
    assert len(world.all(ReplaceIntended)) == 3
    assert world.codes().count("stop_stuck") == 1


def test_a_stuck_stop_of_a_wrong_future_is_tried_at_once():
    """E8, G4: what a clock far ahead wrote does not hold the next try back until then."""
    world = World()
    stop = stuck(world)
    world.step(CancelRejected(ts=world.now, account=ACCOUNT, order_id=stop.order.order_id, code="no"))
    cancels = len(world.all(CancelIntended))
    stop.updated_ts = world.now + HOUR
    world.timer()
    assert len(world.all(CancelIntended)) == cancels + 1


def test_an_amend_that_was_never_written_is_no_refusal():
    """D1: a link that was down says nothing of the venue's will."""
    world = World()
    stop = stuck(world, "link_down")
    assert not stop.cancel_asked
    assert stop.rev_asked > stop.rev


def test_an_amend_that_works_begins_the_count_anew():
    """E4: in a row means in a row."""
    world = World()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "5")
    stop = world.book.protection(ACME)
    assert stop is not None
    world.accept(stop.order.order_id)
    for _ in range(3):
        world.fill(decided.orders[0], "5")
        for _ in range(2):
            refuse_amend(world, stop)
            world.timer()
        asked = stop.pending[stop.rev_asked]
        world.step(
            OrderReplaced(
                ts=world.now, account=ACCOUNT, order_id=stop.order.order_id, rev=stop.rev_asked, qty=asked.qty, stop=asked.stop
            )
        )  # fmt: skip
    assert not stop.cancel_asked
    assert stop.qty == 20


# a venue that cannot amend ---------------------------------------------------------------------------------------------------


def test_where_nothing_can_be_amended_a_stop_is_taken_back_before_the_next_is_placed():
    """ADR-0005, R3: never two stops that could both fill; the price is watched by the house meanwhile."""
    world = World(amend=False)
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "20")
    first = world.book.protection(ACME)
    assert first is not None
    world.accept(first.order.order_id)
    world.fill(decided.orders[0], "10")
    assert first.cancel_asked
    assert len(world.book.open_orders(ACME, Leg.PROTECT)) == 1
    world.cancelled(first.order.order_id)
    [second] = world.book.open_orders(ACME, Leg.PROTECT)
    assert second.order.qty == 30
    assert world.all(ReplaceIntended) == []


def test_a_stop_that_is_on_its_way_back_gives_the_house_no_grace():
    """ADR-0005: only a stop that is proven to stay may act first."""
    world = World(amend=False)
    world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.say(Verb.CANCEL, protective=True, order_id=stop.order.order_id)
    world.quote(ACME, 90.0)
    assert world.exit_order().order.side is Side.SELL


# a venue that does not clip ---------------------------------------------------------------------------------------------------


def closing(world: World, how: str) -> None:
    """One of the causes of a close."""
    if how == "idea":
        world.step(world.recommendation(ACME, Action.SELL))
    elif how == "target":
        world.quote(ACME, 110.0)
    elif how == "flatten":
        world.say(Verb.FLATTEN)
    else:
        for _ in range(5):
            world.quote(ACME, 90.0)


@pytest.mark.parametrize("how", ["idea", "target", "stop", "flatten"])
def test_where_closes_are_not_clipped_the_stop_goes_before_the_exit_comes(how):
    """ADR-0005: the two could both fill and flip the position; the decision is journaled once, when it is acted on."""
    world = World(reduce_only=False)
    qty = world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    closing(world, how)
    assert stop.cancel_asked
    assert world.book.open_orders(ACME, Leg.EXIT) == []
    world.minutes(1)
    assert world.book.open_orders(ACME, Leg.EXIT) == []
    world.cancelled(stop.order.order_id)
    assert world.exit_order().order.qty == qty
    assert world.book.open_orders(ACME, Leg.PROTECT) == [], "and none is placed beside it"
    assert len([d for d in world.all(Decided) if d.kind is Kind.EXIT]) == 1
    world.fill(world.exit_order().order.order_id, price="90")
    world.minutes(3, quotes=True)
    assert world.book.qty(ACME) == 0
    assert not world.book.open_orders(ACME)


def test_a_stop_that_fills_instead_of_going_ends_the_close():
    """A14: fills win; the idea is answered all the same (E1)."""
    world = World(reduce_only=False)
    world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    rec = world.recommendation(ACME, Action.SELL)
    world.step(rec)
    world.fill(stop.order.order_id, price="97")
    world.minutes(1, quotes=True)
    assert world.book.qty(ACME) == 0
    assert world.book.open_orders(ACME) == []
    [decided] = [d for d in world.all(Decided) if d.kind is Kind.EXIT]
    assert (decided.outcome, decided.headline) == (Outcome.SKIP, Reason.NOTHING_TO_REDUCE)


def test_a_second_idea_while_a_close_waits_is_answered_at_once():
    """E1: one idea, one decision."""
    world = World(reduce_only=False)
    world.buy(ACME)
    world.step(world.recommendation(ACME, Action.SELL))
    assert world.of(Decided) == []
    assert world.recommend(ACME, Action.SELL).headline is Reason.NOTHING_TO_REDUCE


def test_a_close_that_the_venue_refuses_has_the_stop_back():
    """R3: not naked for longer than the close was under way."""
    world = World(reduce_only=False)
    world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    closing(world, "idea")
    world.cancelled(stop.order.order_id)
    world.reject(world.exit_order().order.order_id)
    [fresh] = world.book.open_orders(ACME)
    assert (fresh.order.leg, fresh.order.qty) == (Leg.PROTECT, world.book.qty(ACME))


# a close that opened ---------------------------------------------------------------------------------------------------------


def both_filled(world: World) -> Qty:
    """The stop at the venue and our own close fill in full, both; what is held then."""
    world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order().order.order_id)
    world.fill(stop.order.order_id, stop.order.qty, price="98")
    return world.book.qty(ACME)


def test_what_a_close_has_opened_is_closed_at_once():
    """A17, I5: nobody wanted it: no new risk, a page, and out."""
    world = World()
    short = both_filled(world)
    assert short < 0
    assert "exit_opened" in world.codes()
    assert world.book.state() is TradingState.REDUCING
    exit_ = world.exit_order()
    assert (exit_.order.side, exit_.order.qty) == (Side.BUY, -short)
    world.fill(exit_.order.order_id, price="98")
    world.minutes(3, quotes=True)
    assert world.book.qty(ACME) == 0
    assert all(w.cancel_asked for w in world.book.open_orders())


def test_what_a_close_has_opened_is_closed_after_the_link_is_back():
    """B1: learned by a resync, closed when it is over; a refused close is tried again after its minute, not in a loop."""
    world = World()
    world.buy(ACME)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order().order.order_id)
    world.disconnect()
    world.fill(stop.order.order_id, stop.order.qty, price="98")
    assert world.book.open_orders(ACME, Leg.EXIT) == []
    world.connect()
    world.reject(world.exit_order().order.order_id)
    assert world.book.open_orders(ACME, Leg.EXIT) == []
    world.minutes(2, quotes=True)
    assert world.exit_order().order.side is Side.BUY


# a second daemon ----------------------------------------------------------------------------------------------------------------


def _strangers_stop(world: World, qty: str, *, open_: bool) -> None:
    world.step(
        ForeignOrder(
            ts=world.now, account=world.book.account, venue_order_id=VenueOrderId("F1"), symbol=ACME, side=Side.SELL,
            qty=Qty(Decimal(qty)), type=OrderType.STOP, open=open_, order_id=OrderId(f"{world.book.account}-abcdef.4.p"),
        )
    )  # fmt: skip


def test_what_a_second_daemon_guards_gets_no_second_stop_until_that_one_is_gone():
    """H4, I13: two full-size stops on one position could open a short; none at all would be worse."""
    world = World()
    _strangers_stop(world, "20", open_=True)
    assert world.book.state() is TradingState.REDUCING
    world.foreign_fill(ACME, Side.BUY, "20", "100")
    assert world.book.qty(ACME) == 20
    world.minutes(2, quotes=True)
    assert world.book.protection(ACME) is None
    _strangers_stop(world, "20", open_=False)
    assert world.book.protection(ACME) is not None


def test_a_strangers_stop_that_covers_only_a_part_is_no_guard():
    world = World()
    _strangers_stop(world, "5", open_=True)
    world.foreign_fill(ACME, Side.BUY, "20", "100")
    world.minutes(2, quotes=True)
    assert world.book.protection(ACME) is not None


def test_a_stop_that_never_left_is_placed_anew_at_once():
    """I5: a reset on its way is no refusal; a minute without a stop would be."""
    world = World()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0])
    stop = world.book.protection(ACME)
    assert stop is not None
    world.never(stop.order.order_id)
    for _ in range(4):
        world.quote(ACME, 100.0)
        world.timer()
    again = world.book.protection(ACME)
    assert again is not None
    assert again.order.order_id != stop.order.order_id


# ids ----------------------------------------------------------------------------------------------------------------------------


def _forget_old(world: World, days: int) -> None:
    """What the fold does with orders that ended long ago, once there are many younger ones."""
    booked = world.book.booked
    booked.finished.extend(OrderId(f"gone-{n}") for n in range(KEEP_FINISHED))
    world.wait(days * 86_400)
    fold._forget_old(booked, world.now)


def test_an_id_of_a_stop_is_never_used_for_a_second_one():
    """I3: a position that is older than what is remembered of its orders; the venue would take the next stop for the first."""
    world = World()
    world.buy(ACME)
    used: list[OrderId] = []
    for weeks_without in (1, 0, 0, 1, 0):
        stop = world.book.protection(ACME)
        assert stop is not None
        used.append(stop.order.order_id)
        world.disconnect()
        world.cancelled(stop.order.order_id)
        _forget_old(world, 8 * weeks_without)
        world.connect()
        world.minutes(3, quotes=True)
    assert len(set(used)) == len(used), used
