"""The weekly rebalance as an operator sees it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.steps.test_rebalance import MONDAY, TUESDAY, W42, come, overweight, resting
from tests.core.world import ACME, BOLT, HOUR, World, at
from tradingd.core.events import Verb
from tradingd.core.gates.gate import GateSettings
from tradingd.core.rules import RebalanceSettings
from tradingd.core.types import Side
from tradingd.core.views.rebalance import RebalanceView, rebalance_view

D = Decimal


def view(world: World) -> RebalanceView:
    return rebalance_view(world.book, world.rules, world.now)


def test_a_week_says_what_was_sold_and_why_and_when_the_next_one_is():
    """E13: the figures of the decision; the next turn is the next week's window."""
    world = overweight()
    assert view(world).weeks[0].sales == ()
    come(world, f"{MONDAY}T13:45")
    seen = view(world)
    [sale] = seen.weeks[0].sales
    assert (seen.weeks[0].week, seen.weeks[0].done) == (W42, True)
    assert (sale.symbol, sale.qty, sale.reasons) == (ACME, "41", ())
    assert sale.why == "position 9.00% of the active pool, at most 5.00%"
    assert seen.next_due == at("2008-10-20T13:45")
    assert [week.week for week in seen.weeks] == [W42, "2008-W41"]


def test_a_refused_sell_is_shown_with_its_reasons():
    """E13, R4: what a gate refused was not sold."""
    world = World(gate=GateSettings(exits_per_minute=1))
    for symbol in (ACME, BOLT):
        world.foreign_fill(symbol, Side.BUY, "90", "100")
        resting(world, symbol)
    come(world, f"{MONDAY}T13:45")
    assert [(s.symbol, s.qty, s.reasons) for s in view(world).weeks[0].sales] == [
        (ACME, "41", ()), (BOLT, "0", ("order_rate",)),
    ]  # fmt: skip


def test_before_its_turn_it_says_when_and_a_held_one_is_due_at_once():
    """E13: on a weekend the window of Monday; held back on Monday, now; then the coming Tuesday's window."""
    world = overweight()
    world.now = at("2008-10-11T12:00")
    assert view(world).next_due == at(f"{MONDAY}T13:45")
    world.say(Verb.PAUSE)
    come(world, f"{MONDAY}T14:00")
    assert view(world).next_due == world.now
    assert [week.week for week in view(world).weeks] == ["2008-W41"]
    world.now = at(f"{MONDAY}T21:00")
    assert view(world).next_due == at(f"{TUESDAY}T13:45")


def test_a_sell_in_slices_is_not_done_before_the_last():
    """E13: the largest order allowed took a part of it."""
    world = overweight(gate=GateSettings(max_order_qty=20.0))
    come(world, f"{MONDAY}T13:45")
    [week, _] = view(world).weeks
    assert ([s.qty for s in week.sales], week.done) == (["20"], False)
    assert view(world).next_due == world.now


@pytest.mark.parametrize("calendars", [None, {}])
def test_switched_off_or_without_a_calendar_nothing_is_due(calendars):
    """E13."""
    changes = {"rebalance": RebalanceSettings(enabled=False)} if calendars is None else {"calendars": calendars}
    world = World(ready=False, **changes)
    assert view(world) == RebalanceView(enabled=calendars is not None, next_due=None, weeks=())


def test_the_weeks_are_kept_by_number_and_a_restart_knows_them():
    """J1, I8: twelve, whatever comes; the fold of the facts says the same."""
    world = overweight()
    for week in range(14):
        world.now = at(f"{MONDAY}T13:45") + week * 168 * HOUR
        come_again(world)
    assert len(view(world).weeks) == 12
    assert world.book.booked.counts["rebalances"] == 15
    assert world.book.booked.counts["rebalance_sells"] == 1
    assert world.refold() == world.book.dump()


def come_again(world: World) -> None:
    """An hour into the session, by winter's and summer's clocks."""
    world.now += 2 * HOUR
    for symbol, mid in world.mids.items():
        world.quote(symbol, mid, after=0.001)
    world.timer()
    for working in list(world.book.open_orders(ACME)):
        if working.order.decision_id and not working.order.protective:
            world.fill(working.order.order_id)
