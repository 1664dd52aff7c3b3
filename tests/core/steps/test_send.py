"""What may leave right now: an order and a cancel, asked in the words that stand in the journal behind "never written"."""

from __future__ import annotations

import pytest

from tests.core.world import ACME, World
from tradingd.core.events import Verb
from tradingd.core.steps.send import is_moot, refusal
from tradingd.core.types import NS, Leg, Order, OrderId


def entering(w: World) -> Order:
    """An entry that was decided and not answered."""
    return w.order(w.recommend(ACME).orders[0]).order


def asked(
    w: World, order: Order, *, up: bool = True, halted: bool = False, leaving: bool = False, later: float = 0
) -> str | None:
    return refusal(w.book, order, w.rules, now=w.now + int(later * NS), up=up, halted=halted, leaving=leaving)


def test_an_entry_on_a_good_link_with_a_fresh_price_may_leave() -> None:
    w = World()
    assert asked(w, entering(w)) is None


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"up": False}, "the link is down or not reconciled"),
        ({"halted": True}, "halted"),
        ({"leaving": True}, "the daemon stops"),
        ({"later": 6.0}, "stale_price"),
    ],
)
def test_what_keeps_an_entry_back(state: dict[str, bool], why: str) -> None:
    """I7, I12: each alone."""
    w = World()
    assert asked(w, entering(w), **state) == why


def test_what_happened_since_it_was_decided_keeps_it_back() -> None:
    """I7: it was answered, the link was lost, a pause came, it was taken back."""
    w = World()
    order = entering(w)
    w.accept(order.order_id)
    assert asked(w, order) == "settled meanwhile"
    assert asked(World(), order) == "settled meanwhile"  # nobody knows it
    w = World()
    order = entering(w)
    w.disconnect()
    assert asked(w, order) == "the link is down or not reconciled"
    w = World()
    order = entering(w)
    w.say(Verb.PAUSE)
    assert asked(w, order) == "reducing"
    w = World()
    order = entering(w)
    w.say(Verb.CANCEL, order_id=order.order_id)
    assert str(asked(w, order)).startswith("taken back meanwhile: ")


def test_a_protective_stop_leaves_whatever_holds_but_not_without_a_position() -> None:
    """R3, I5, I7: under a halt, while the daemon stops, at an old price; never when nothing is held any more."""
    w = World()
    entry = entering(w)
    w.accept(entry.order_id)
    w.fill(entry.order_id)
    stop = w.book.protection(ACME)
    assert stop is not None
    assert asked(w, stop.order, halted=True, leaving=True, later=3600) is None
    assert asked(w, stop.order, up=False) == "the link is down or not reconciled"
    w.book.booked.positions.pop(ACME)
    assert asked(w, stop.order) == "nothing to reduce any more"


def test_a_cancel_of_what_never_left_or_has_ended_is_moot() -> None:
    """A19: of an order that another connection wrote, or that nobody knows, the venue is asked."""
    w = World()
    order = entering(w)
    assert is_moot(w.book, order.order_id, written=False)
    assert not is_moot(w.book, order.order_id, written=True)
    w.accept(order.order_id)
    assert not is_moot(w.book, order.order_id, written=False)
    w.cancelled(order.order_id)
    assert is_moot(w.book, order.order_id, written=True)
    assert not is_moot(w.book, OrderId("nobody.1.e"), written=False)


def test_of_what_we_believe_refused_or_lost_the_venue_may_think_otherwise() -> None:
    """A15: such a cancel goes."""
    for end in (World.reject, World.never):
        w = World()
        order = entering(w)
        end(w, order.order_id)
        assert not is_moot(w.book, order.order_id, written=True)
    assert not World().book.open_orders(leg=Leg.ENTRY)
