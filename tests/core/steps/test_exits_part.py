"""Closing a part: by the same gate as a whole close, and never in its way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACME, World
from tradingd.core.events import Action, Verb
from tradingd.core.facts import CancelIntended, Decided, OrderIntended, Outcome, Reason, ReplaceIntended
from tradingd.core.gates.gate import GateSettings
from tradingd.core.steps.exits import close
from tradingd.core.types import Leg, Qty, Side

D = Decimal
NO_CLIP = {"reduce_only": False}


def part(world: World, qty: str, *, source: str = "rebalance") -> int:
    """Ask for a part; the facts are handed over as a step would."""
    sent = close(
        world.book, ACME, source=source, cause="rebalance:2008-W41", rules=world.rules, thesis="too much", qty=Qty(D(qty))
    )  # fmt: skip
    world.last = world.book.take_facts()
    world.facts.extend(world.last)
    return sent


def holding(qty: str = "100", **rules: object) -> World:
    """A long position, bought elsewhere, with its stop resting where the house places stops."""
    world = World(**rules)
    world.foreign_fill(ACME, Side.BUY, qty, "100")
    stop = world.book.protection(ACME)
    if stop is not None:
        world.accept(stop.order.order_id)
    return world


def exits(world: World) -> list[Decimal]:
    return [f.order.qty for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT]


def test_a_part_is_an_exit_like_any_with_its_own_decision():
    """E13, R3, E11: reduce-only, market, by the exit gate."""
    world = holding()
    assert part(world, "30.9") == 1
    [decided] = world.of(Decided)
    order = world.exit_order().order
    assert (decided.outcome, decided.qty, decided.source, decided.cause) == (
        Outcome.ACT, 30, "rebalance", "rebalance:2008-W41",
    )  # fmt: skip
    assert (order.reduce_only, order.protective, order.qty, order.side) == (True, False, 30, Side.SELL)


@pytest.mark.parametrize("qty", ["0", "0.99", "-5"])
def test_a_part_of_nothing_is_nothing(qty):
    """E13: less than a lot decides nothing."""
    world = holding()
    assert part(world, qty) == 0
    assert world.last == ()


def test_a_part_is_clipped_to_what_is_left():
    """G11: what other closes work on already is theirs."""
    world = holding()
    part(world, "70")
    part(world, "70")
    assert exits(world) == [70, 30]
    assert part(world, "70") == 0


def test_the_stop_shrinks_with_the_position():
    """E4, ADR-0005: amended to what is left at each execution."""
    world = holding()
    part(world, "30")
    exit_id = world.exit_order().order.order_id
    world.accept(exit_id)
    world.fill(exit_id, "10")
    assert [(r.qty, r.order_id) for r in world.of(ReplaceIntended)] == [
        (90, world.book.protection(ACME).order.order_id)
    ]


@pytest.mark.parametrize("rules", [{}, NO_CLIP, {"protective": False}])
def test_a_stop_that_fires_while_a_part_works_closes_the_rest(rules):
    """G11, E4: neither is in the other's way, and together they close what is held."""
    world = holding(**rules)
    part(world, "30")
    stop = world.book.protection(ACME)
    if stop is not None and not world.rules.reduce_only:
        world.cancelled(stop.order.order_id)
    for _ in range(5):
        world.quote(ACME, 90.0)
    assert exits(world) == [30, 70]
    assert world.book.working_exits(ACME) == 100


def test_where_the_venue_does_not_clip_a_part_waits_for_the_stop_and_the_rest_gets_a_new_one():
    """ADR-0005, ADR-0006: cancel, then close, then place anew; both together could sell more than is held."""
    world = holding(**NO_CLIP)
    stop = world.book.protection(ACME).order.order_id
    part(world, "30")
    assert [c.order_id for c in world.of(CancelIntended)] == [stop]
    assert exits(world) == []
    world.cancelled(stop)
    assert exits(world) == [30]
    exit_id = world.exit_order().order.order_id
    world.accept(exit_id)
    assert world.book.protection(ACME) is None
    world.fill(exit_id)
    assert world.book.protection(ACME).order.qty == 70


def test_a_stop_that_fires_while_a_part_waits_takes_its_place():
    """E4: the whole is closed as soon as the resting stop is gone; the part is not sold besides."""
    world = holding(**NO_CLIP)
    stop = world.book.protection(ACME).order.order_id
    part(world, "30")
    for _ in range(4):
        world.quote(ACME, 90.0)
    world.cancelled(stop)
    assert exits(world) == [100]
    assert [d.source for d in world.all(Decided) if d.outcome is Outcome.ACT][-1] == "stop"


def test_an_idea_of_selling_while_a_part_waits_gets_its_decision():
    """E1, E11: and closes the whole."""
    world = holding(**NO_CLIP)
    stop = world.book.protection(ACME).order.order_id
    part(world, "30")
    world.step(world.recommendation(ACME, Action.SELL))
    world.cancelled(stop)
    [decided] = world.of(Decided)
    assert (decided.source, decided.qty) == ("api", 100)


@pytest.mark.parametrize(("stopped", "sold"), [("20", ["10"]), ("30", []), ("60", []), ("100", [])])
def test_what_the_stop_sold_while_a_part_waited_counts(stopped, sold):
    """E13: the stop filled in part before it was taken back: no more is sold than was meant to go."""
    world = holding(**NO_CLIP)
    stop = world.book.protection(ACME).order.order_id
    part(world, "30")
    world.fill(stop, stopped, "97")
    world.cancelled(stop, stopped)
    assert exits(world) == [D(qty) for qty in sold]
    left = 100 - int(stopped)
    if left and not sold:
        assert world.book.protection(ACME).order.qty == left


def test_a_flatten_closes_what_a_part_leaves():
    """I10: under a halt, whatever a rebalance had begun."""
    world = holding()
    part(world, "30")
    world.say(Verb.FLATTEN)
    assert exits(world) == [30, 70]


def test_a_part_is_sliced_to_the_largest_order():
    """R2."""
    world = holding(gate=GateSettings(max_order_qty=20))
    part(world, "30")
    assert exits(world) == [20]


def test_a_halt_holds_a_part_back():
    """I7: it guards nothing; the refusal has its decision."""
    world = holding()
    world.say(Verb.HALT)
    assert part(world, "30") == 0
    assert [d.reasons for d in world.of(Decided)] == [(Reason.HALTED,)]


def test_a_short_is_cut_by_buying():
    """E13: shorts by their size."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.SELL, "100", "100")
    part(world, "30")
    order = world.exit_order().order
    assert (order.side, order.qty) == (Side.BUY, 30)
