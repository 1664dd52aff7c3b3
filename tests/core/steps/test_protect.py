"""The protective stop at venues that do not do what they are asked."""

from __future__ import annotations

from tests.core.world import ACCOUNT, ACME, World
from tradingd.core.book.orders import Working
from tradingd.core.events import CancelRejected, OrderReplaced, ReplaceRejected
from tradingd.core.facts import CancelIntended, ReplaceIntended
from tradingd.core.types import Leg

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
