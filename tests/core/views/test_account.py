"""One account as an operator sees it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from tests.core.world import ACME, BOLT, CORN, World
from tradingd.core.events import Verb
from tradingd.core.types import Money
from tradingd.core.views.account import account_view

D = Decimal


def test_a_busy_account_in_words_and_numbers():
    """H1, H3: position with its stop at the venue, orders with the working ones first, decisions with the newest first."""
    world = World()
    world.buy(ACME)
    world.recommend(BOLT)
    world.recommend(CORN, confidence=0.1)
    world.quote(ACME, 101.0)
    view = account_view(world.book, world.rules)
    [position] = view.positions
    assert (position.symbol, position.qty, position.stop, position.target) == (ACME, "35", "97.01", "104.51")
    assert (position.protective, position.drift, position.confidence) == ("live", None, 0.9)
    assert position.unrealised == pytest.approx(35 * 0.99)
    assert [(o.order_id, o.open) for o in view.orders] == [("a1.2.e", True), ("a1.1.p", True), ("a1.1.e", False)]
    assert [d.symbol for d in view.decisions] == [CORN, BOLT, ACME]
    assert view.equity == pytest.approx(view.active + float(view.reserve))
    assert view.refusals == {"low_confidence": 1}
    assert view.counts["quotes"] == 5
    assert msgspec.json.decode(msgspec.json.encode(view))["state"] == "active"


def test_an_empty_account_can_be_shown():
    """H1: before anything was said, nothing is divided by nothing."""
    world = World(ready=False)
    view = account_view(world.book, world.rules)
    assert (view.equity, view.positions, view.orders, view.day_pnl) == (0.0, (), (), 0.0)
    assert view.state == "reducing"
    assert not view.broker.up


@pytest.mark.parametrize(
    ("what", "state"),
    [("pause", "reducing"), ("halt", "halted"), ("trip", "reducing"), ("link", "reducing"), ("unknown", "reducing")],
)
def test_the_state_shown_says_what_may_leave(what, state):
    """FEATURES 5.9: reducing also for a soft breaker, a link that is not ready and an order nobody knows."""
    world = World()
    match what:
        case "link":
            world.disconnect()
        case "unknown":
            world.lose(world.recommend(ACME).orders[0])
        case _:
            world.say(Verb(what))
    assert account_view(world.book, world.rules).state == state


def test_holds_are_shown_with_who_and_why():
    """H3, I14."""
    world = World()
    world.say(Verb.HALT, actor="ann", reason="lunch")
    [hold] = account_view(world.book, world.rules).holds
    assert (hold.key, hold.verb, hold.state, hold.actor, hold.reason) == ("operator", "halt", "halted", "ann", "lunch")


def test_drift_and_quarantine_are_shown():
    """B6, B7: the venue's figure, and the count of quotes thrown away."""
    world = World()
    world.buy(ACME)
    world.positions(ACME="12")
    world.raw(ACME, 2.0, 1.0)
    view = account_view(world.book, world.rules)
    assert view.positions[0].drift == "12"
    assert view.counts["quarantined"] == 1


def test_limits_show_what_is_used_of_them():
    """R5: headroom before a breach, each against the limit that acts first."""
    world = World()
    world.buy(ACME)
    used = {limit.name: limit for limit in account_view(world.book, world.rules).limits}
    assert used["largest position"].used == pytest.approx(3500 / world.book.equity)
    assert used["largest sector"].limit == 0.20
    assert used["open positions"].used == 1.0
    assert all(limit.limit > 0 for limit in used.values())
    assert D(account_view(world.book, world.rules).cash) == world.book.booked.cash == Money(D("96499.65"))
