"""The weekly rebalance: when its turn comes, what it sells, and that it is done once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, HOUR, World, at, calendar
from tradingd.core.events import InstrumentStatus, Verb
from tradingd.core.facts import (
    BreakerKind,
    BreakerTripped,
    CancelIntended,
    Decided,
    OrderIntended,
    Outcome,
    Reason,
    ScheduleRan,
)
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.window import WindowSettings, week_of
from tradingd.core.rules import MicroSettings, RebalanceSettings
from tradingd.core.types import Leg, Side

D = Decimal
MONDAY, TUESDAY = "2008-10-13", "2008-10-14"
W42 = "2008-W42"
ON = {"micro": MicroSettings(enabled=True)}


def overweight(**rules: object) -> World:
    """90 of ACME at 100 in an account of 100,000: 9 % of it, where the conservative tier allows 5 %."""
    world = World(**rules)
    world.foreign_fill(ACME, Side.BUY, "90", "100")
    resting(world, ACME)
    return world


def resting(world: World, symbol: str) -> None:
    stop = world.book.protection(symbol)
    if stop is not None:
        world.accept(stop.order.order_id)


def come(world: World, text: str) -> None:
    """The time, with fresh prices of all, and its timer."""
    world.now = at(text)
    for symbol, mid in world.mids.items():
        world.quote(symbol, mid, after=0.001)
    world.timer()


def sold(world: World) -> list[tuple[str, Decimal]]:
    return [(d.symbol, d.qty) for d in world.all(Decided) if d.source == "rebalance" and d.outcome is Outcome.ACT]


def weeks(world: World) -> list[str]:
    return [f.key for f in world.all(ScheduleRan) if f.name == "rebalance"]


def test_on_monday_when_the_window_opens_the_excess_is_sold():
    """E13: to just below the tier's share of the active pool, tagged, with its figures, by an ordinary exit."""
    world = overweight()
    come(world, f"{MONDAY}T13:44")
    assert sold(world) == []
    come(world, f"{MONDAY}T13:45")
    [decided] = [d for d in world.of(Decided) if d.source == "rebalance"]
    assert (decided.symbol, decided.side, decided.qty) == (ACME, Side.SELL, 41)
    assert decided.cause == "rebalance:2008-W42"
    assert decided.thesis == "position 9.00% of the active pool, at most 5.00%"
    order = world.exit_order().order
    assert (order.reduce_only, order.protective) == (True, False)
    world.fill(order.order_id)
    assert world.book.symbol_value(ACME) <= 0.05 * world.book.active_pool()
    assert world.refold() == world.book.dump()


def test_it_is_done_once_a_week_whatever_restarts():
    """E13, I8: neither the next timer nor a new process nor the next day sells again; the next week does."""
    world = overweight()
    come(world, f"{MONDAY}T13:45")
    world.fill(world.exit_order().order.order_id)
    world.foreign_fill(ACME, Side.BUY, "45", "100")
    come(world, f"{MONDAY}T14:00")
    world.restart(clean=True)
    world.bars()
    world.connect(str(world.book.booked.cash))
    come(world, f"{MONDAY}T15:00")
    come(world, f"{TUESDAY}T15:00")
    assert [qty for _, qty in sold(world)] == [41]
    come(world, "2008-10-20T13:45")
    assert [qty for _, qty in sold(world)] == [41, 45]
    assert weeks(world) == ["2008-W41", W42, "2008-W43"]


@pytest.mark.parametrize(
    ("early", "due"),
    [
        ("2009-09-07T15:00", "2009-09-08T13:45"),  # Labor Day: Tuesday is the first session
        ("2009-03-09T13:44", "2009-03-09T13:45"),  # the first Monday of summer time: an hour earlier in UTC
        ("2008-11-03T14:44", "2008-11-03T14:45"),  # and of winter time
    ],
)
def test_holidays_and_clock_changes_move_it_with_the_sessions(early, due):
    """E13, E9: the exchange's calendar decides, not the weekday."""
    world = World(ready=False)
    world.now = at(early) - HOUR
    world.bars()
    world.start()
    world.connect()
    for symbol in world.rules.instruments:
        world.quote(symbol, 100.0)
    world.foreign_fill(ACME, Side.BUY, "90", "100")
    come(world, early)
    assert sold(world) == []
    come(world, due)
    assert sold(world) == [(ACME, 41)]


def test_a_missed_monday_is_made_up_for_in_the_same_week():
    """E13: down until Wednesday afternoon; after the window of the day it waits for the next."""
    world = overweight()
    come(world, "2008-10-15T19:46")
    assert sold(world) == []
    come(world, "2008-10-16T13:45")
    assert sold(world) == [(ACME, 41)]
    assert weeks(world)[-1] == W42


def test_the_week_of_new_year_is_one_week():
    """E13: 29 December 2008 and 2 January 2009 are of the same ISO week, and weeks compare as text over the years."""
    sessions = [calendar().session(day) for day in ("2008-12-26", "2008-12-29", "2009-01-02", "2009-01-05")]
    assert [week_of(s) for s in sessions] == ["2008-W52", "2009-W01", "2009-W01", "2009-W02"]


def trip(w: World) -> None:
    w.say(Verb.TRIP)


def untrip(w: World) -> None:
    w.say(Verb.RESUME)


@pytest.mark.parametrize(
    ("prevent", "allow"),
    [
        (lambda w: w.say(Verb.PAUSE), untrip),
        (lambda w: w.say(Verb.HALT), untrip),
        (trip, untrip),
        (lambda w: w.disconnect(), lambda w: w.reconcile()),
    ],
    ids=["paused", "halted", "breaker", "link"],
)
def test_it_waits_for_what_holds_it_and_is_then_done(prevent, allow):
    """E13: an active account, its link and no breaker; the week is not lost by waiting."""
    world = overweight()
    come(world, f"{MONDAY}T13:40")
    prevent(world)
    come(world, f"{MONDAY}T14:00")
    assert (sold(world), weeks(world)) == ([], ["2008-W41"])
    allow(world)
    come(world, f"{MONDAY}T15:00")
    assert sold(world) == [(ACME, 41)]


def test_it_waits_for_a_flatten_to_end():
    """E13: an operator closes something; what that leaves is looked at afterwards."""
    world = overweight()
    world.foreign_fill(BOLT, Side.BUY, "10", "100")
    come(world, f"{MONDAY}T13:40")
    world.say(Verb.FLATTEN, symbol=BOLT)
    come(world, f"{MONDAY}T13:45")
    assert sold(world) == []
    world.fill(world.exit_order(BOLT).order.order_id)
    world.cancelled(world.book.protection(BOLT).order.order_id)
    world.positions(ACME="90")
    assert not world.book.booked.flatten
    come(world, f"{MONDAY}T13:46")
    assert sold(world) == [(ACME, 41)]


def test_a_ticker_that_cools_down_does_not_hold_it():
    """E6: a single position's cool-down keeps entries of that ticker off, nothing else."""
    world = overweight()
    until = at("2008-10-14T00:00")
    world.book.emit(
        BreakerTripped(
            ts=world.now, account=ACCOUNT, kind=BreakerKind.SINGLE_POSITION, threshold=0.1, actual=0.2, until=until, symbol=BOLT
        )
    )  # fmt: skip
    come(world, f"{MONDAY}T13:45")
    assert sold(world) == [(ACME, 41)]


def test_it_waits_for_a_price_of_this_session_of_all_that_trades():
    """E13, B7: Friday's prices say nothing on Monday; a halted symbol has none and is not waited for."""
    world = overweight()
    world.foreign_fill(BOLT, Side.BUY, "10", "100")
    world.now = at(f"{MONDAY}T13:45")
    world.quote(ACME, 100.0, after=0)
    world.timer()
    assert sold(world) == []
    world.step(InstrumentStatus(ts=world.now, symbol=BOLT, tradable=False, why="halted"))
    world.wait(5)
    world.timer()
    assert sold(world) == [(ACME, 41)]


def test_switched_off_it_sells_nothing():
    """E13: its own switch."""
    world = overweight(rebalance=RebalanceSettings(enabled=False))
    come(world, f"{MONDAY}T13:45")
    assert (sold(world), weeks(world)) == ([], [])


def test_without_anything_to_sell_the_week_is_done_as_well():
    """E13: what is bought on Tuesday is next week's matter."""
    world = World()
    come(world, f"{MONDAY}T13:45")
    world.foreign_fill(ACME, Side.BUY, "90", "100")
    come(world, f"{TUESDAY}T13:45")
    assert sold(world) == []
    assert weeks(world) == ["2008-W41", W42]


def test_the_least_sure_go_above_the_number_of_positions():
    """E13: whole, with their decision; what is entering or micro does not make others go."""
    world = World(rebalance=RebalanceSettings(max_positions=2))
    for symbol, sureness in ((ACME, 0.9), (BOLT, 0.8)):
        world.quote(symbol, 100.0, after=70)
        world.buy(symbol, sureness)
    world.foreign_fill(CORN, Side.BUY, "10", "100")
    come(world, f"{MONDAY}T13:45")
    assert sold(world) == [(CORN, 10)]
    assert world.exit_order(CORN).order.qty == 10


def test_micro_trades_are_left_to_their_own_time():
    """E13, E15: neither sold nor counted."""
    world = World(**ON, rebalance=RebalanceSettings(max_positions=2), window=WindowSettings(before_close_min=0))
    world.buy(BOLT)
    world.foreign_fill(CORN, Side.BUY, "10", "100")
    come(world, f"{MONDAY}T13:44")
    world.book.booked.schedules["rebalance"] = (
        W42  # its turn comes in the middle of the session, when the micro-trade is held
    )
    come(world, f"{MONDAY}T13:46")
    world.foreign_fill(CORN, Side.SELL, "10", "100")
    decided = world.recommend(ACME, intraday=True)
    world.fill(decided.orders[0])
    world.foreign_fill(CORN, Side.BUY, "10", "100")
    world.book.booked.schedules["rebalance"] = "2008-W41"
    come(world, f"{MONDAY}T13:50")
    assert ACME in world.book.booked.micro
    assert sold(world) == []
    assert weeks(world)[-1] == W42


def test_a_refused_sell_has_its_decision_and_is_not_tried_all_week():
    """E11, E13: the reason stands in the decision; next week looks again."""
    world = overweight(gate=GateSettings(exits_per_minute=1))
    world.foreign_fill(BOLT, Side.BUY, "90", "100")
    resting(world, BOLT)
    come(world, f"{MONDAY}T13:45")
    mine = [d for d in world.of(Decided) if d.source == "rebalance"]
    assert [(d.symbol, d.reasons) for d in mine] == [(ACME, ()), (BOLT, (Reason.ORDER_RATE,))]
    come(world, f"{MONDAY}T14:45")
    assert len([d for d in world.all(Decided) if d.source == "rebalance"]) == 2
    assert weeks(world)[-1] == W42


def test_a_large_sell_goes_in_slices_before_the_week_is_done():
    """R2, E13: the largest order allowed is no way to keep too much."""
    world = overweight(gate=GateSettings(max_order_qty=15))
    come(world, f"{MONDAY}T13:45")
    for minute in (46, 47, 48):
        world.fill(world.exit_order().order.order_id)
        come(world, f"{MONDAY}T13:{minute}")
    assert [qty for _, qty in sold(world)] == [15, 15, 11]
    assert weeks(world)[-1] == W42


class TestWhereTheVenueDoesNotClip:
    """ADR-0006: the stop is taken back first, so the sell comes a moment later."""

    def test_the_sell_follows_and_then_the_week_is_done(self):
        world = overweight(reduce_only=False)
        stop = world.book.protection(ACME).order.order_id
        come(world, f"{MONDAY}T13:45")
        assert [c.order_id for c in world.of(CancelIntended)] == [stop]
        assert weeks(world) == ["2008-W41"]
        world.cancelled(stop)
        assert sold(world) == [(ACME, 41)]
        world.fill(world.exit_order().order.order_id)
        come(world, f"{MONDAY}T13:46")
        assert weeks(world)[-1] == W42
        assert sold(world) == [(ACME, 41)]
        assert world.book.protection(ACME).order.qty == 49

    def test_a_restart_in_between_neither_loses_nor_doubles_it(self):
        """I8: what waited is forgotten, the week is not."""
        world = overweight(reduce_only=False)
        stop = world.book.protection(ACME).order.order_id
        come(world, f"{MONDAY}T13:45")
        world.restart()
        world.bars()
        world.connect(str(world.book.booked.cash))
        world.cancelled(stop)
        assert sold(world) == []
        come(world, f"{MONDAY}T13:46")
        again = world.book.protection(ACME)
        world.cancelled(again.order.order_id)
        come(world, f"{MONDAY}T13:47")
        assert sold(world) == [(ACME, 41)]
        assert weeks(world)[-1] == W42
        assert [f.order.qty for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT] == [41]


def test_a_week_is_never_undone_by_a_clock_that_steps_back():
    """E8: an older week than the last is no new one."""
    world = overweight()
    world.book.booked.schedules["rebalance"] = "2008-W43"
    come(world, f"{MONDAY}T13:45")
    assert sold(world) == []


def test_a_week_marked_by_a_clock_that_was_far_ahead_keeps_nobody_from_this_one():
    """E8, E13: else nothing would be cut down until that week comes."""
    world = overweight()
    world.book.booked.schedules["rebalance"] = "2008-W44"
    come(world, f"{MONDAY}T13:45")
    assert sold(world) == [(ACME, 41)]
    assert weeks(world)[-1] == W42
    come(world, f"{MONDAY}T14:45")
    assert sold(world) == [(ACME, 41)]
