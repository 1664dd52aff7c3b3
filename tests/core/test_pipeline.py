"""The one way through: every event has its step, and a step hands out what it folded."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.core.world import ACME, World
from tradingd.core import events
from tradingd.core.events import Bar, Event, Quote
from tradingd.core.facts import Decided, OrderIntended
from tradingd.core.pipeline import _HANDLERS, step


def test_every_event_has_a_step():
    """ARCHITECTURE: one door in; a new kind of event is not forgotten."""
    assert set(_HANDLERS) | {Quote, Bar} == set(get_args(Event))
    named = {v for v in vars(events).values() if isinstance(v, type) and issubclass(v, events.Said)}
    assert named - {events.Said, events.OrderEvent} <= set(_HANDLERS) | {Bar}


def test_a_step_returns_what_it_folded_and_keeps_nothing_back():
    """T1, O2: the decision stands before its order."""
    world = World()
    facts = world.step(world.recommendation(ACME))
    assert [type(f) for f in facts] == [Decided, OrderIntended]
    assert world.book.facts == []


def test_a_quote_that_changes_nothing_makes_no_fact():
    """ARCHITECTURE, speed by design."""
    world = World()
    assert world.quote(ACME, 100.5) == ()


def test_time_does_not_step_back():
    """E-rows of RELIABILITY: an event of the past is taken at the account's present."""
    world = World()
    now = world.book.now
    world.now -= 10**12
    world.timer()
    assert world.book.now == now


def test_the_same_session_makes_the_same_order_ids():
    """O2, T1: account, decision, leg; nothing drawn, nothing counted outside of the book."""
    ids = []
    for _ in range(2):
        world = World()
        world.buy(ACME)
        world.quote(ACME, 105.0)
        ids.append([f.order.order_id for f in world.all(OrderIntended)])
    assert ids[0] == ids[1] == ["a1.1.e", "a1.1.p", "a1.2.x"]


def test_what_is_no_event_is_our_own_fault():
    """STYLE B7: an assert, because parse promised."""

    class Strange(events.Said, frozen=True):
        pass

    with pytest.raises(AssertionError, match="no step for Strange"):
        step(World().book, Strange(ts=0), World().rules)  # type: ignore[arg-type]
