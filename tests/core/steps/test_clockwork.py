"""What time alone brings about."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tests.core.world import ACCOUNT, ACME, BOLT, DAY, World, at
from tradingd.core.events import Action
from tradingd.core.facts import (
    CancelIntended,
    DayClosed,
    DayOpened,
    Decided,
    Kind,
    Outcome,
    ReserveKind,
    ReserveMoved,
    StopSet,
    TierChanged,
)  # fmt: skip
from tradingd.core.gates.tiers import TIERS, TierSettings
from tradingd.core.types import Money, Side, TierName

D = Decimal


def test_in_a_session_time_sets_the_running_equity_right():
    """E6, I15: a sum of millions of marks drifts in its last digits; what limits are held against is taken anew."""
    world = World()
    world.buy(ACME)
    world.timer()
    right = world.book.equity
    world.book.equity = right + 5.0
    world.minutes(1)
    assert world.book.equity == right


def test_after_the_close_too_time_takes_the_marks_anew_where_a_quote_came():
    """T1, I15: what it then decides goes by the equity that a run without that quote has, to the last digit."""
    world = World()
    world.buy(ACME)
    world.now = at("2008-10-06T20:01")
    world.timer()
    world.quote(ACME, 101.0)
    world.book.remark()
    right = world.book.equity
    world.book.equity, world.book.marked = right + 5.0, world.book.quotes - 1
    world.wait(60)
    world.timer()
    assert world.book.equity == right


def test_a_session_opens_and_closes_the_day_once():
    """E2, E6: equity at the open is the base of the day's loss; high water and drawdown at the close."""
    world = World()
    assert [d.date for d in world.all(DayOpened)] == ["2008-10-06"]
    world.minutes(3, quotes=True)
    assert len(world.all(DayOpened)) == 1
    world.now = at("2008-10-06T20:01")
    world.timer()
    world.minutes(3)
    [closed] = world.all(DayClosed)
    assert (closed.equity, closed.high_water, closed.drawdown) == (100_000, 100_000, 0.0)
    world.now = at("2008-10-07T13:31")
    world.timer()
    assert [d.date for d in world.all(DayOpened)] == ["2008-10-06", "2008-10-07"]


def test_a_day_nobody_saw_the_end_of_is_closed_before_the_next_one_opens():
    """E2: the daemon slept over the close."""
    world = World()
    world.now = at("2008-10-08T14:00")
    world.timer()
    assert [(type(f).__name__, f.date) for f in world.last if isinstance(f, DayOpened | DayClosed)] == [
        ("DayClosed", "2008-10-06"), ("DayOpened", "2008-10-08"),
    ]  # fmt: skip


def test_the_tier_steps_at_the_close():
    """E2: down one on a drawdown above 15 %, up one on wins, reserve and no drawdown."""
    world = World()
    world.book.emit(
        TierChanged(ts=world.now, account=ACCOUNT, previous=TierName.CONSERVATIVE, tier=TierName.MODERATE, why="t")
    )
    world.book.emit(
        DayClosed(
            ts=world.now, account=ACCOUNT, date="x", equity=Money(D(0)), high_water=Money(D(120_000)), drawdown=0.0
        )
    )
    world.book.emit(DayOpened(ts=world.now, account=ACCOUNT, date="2008-10-06", equity=Money(D(100_000))))
    world.now = at("2008-10-06T20:01")
    world.timer()
    assert [(t.previous, t.tier) for t in world.of(TierChanged)][1:] == [(TierName.MODERATE, TierName.CONSERVATIVE)]


def test_fifteen_minutes_without_a_price_close_the_position():
    """E4: not after fourteen; once."""
    world = World()
    qty = world.buy(ACME)
    assert not [f for f in world.minutes(14) if isinstance(f, Decided)]
    [closed] = [f for f in world.minutes(3) if isinstance(f, Decided)]
    assert (closed.source, closed.kind, closed.outcome, closed.qty) == ("no_price", Kind.EXIT, Outcome.ACT, qty)


def test_a_restart_in_the_middle_of_a_session_does_not_close_what_it_could_not_see_yet():
    """E4: the quarter of an hour counts from the start of the process that waits for the price."""
    world = World()
    world.buy(ACME)
    world.wait(3600)
    world.restart()
    world.connect()
    assert not [f for f in world.minutes(14) if isinstance(f, Decided)]
    assert [f.source for f in world.minutes(1) if isinstance(f, Decided)] == ["no_price"]


def test_nothing_is_missed_outside_of_sessions():
    """E4: no price on a weekend is no reason."""
    world = World()
    world.buy(ACME)
    world.now = at("2008-10-11T15:00")
    assert not [f for f in world.minutes(30) if isinstance(f, Decided)]


def test_an_entry_that_nobody_fills_is_taken_back():
    """R2: after its time to live, asked once."""
    world = World()
    order_id = world.recommend(ACME).orders[0]
    world.accept(order_id)
    assert not [f for f in world.minutes(14, quotes=True) if isinstance(f, CancelIntended)]
    assert [f.order_id for f in world.minutes(5, quotes=True) if isinstance(f, CancelIntended)] == [order_id]


def test_too_much_heat_tightens_the_stop_of_the_weakest_first():
    """E4: above 80 % of the tier's limit; only tighter. What it brings down is no reason to warn anybody (R5)."""
    cold = TierSettings(conservative=msgspec.structs.replace(TIERS[TierName.CONSERVATIVE], max_portfolio_heat=0.0021))
    world = World(tier=cold)
    world.buy(ACME, 0.9)
    world.buy(BOLT, 0.8)
    before = world.book.booked.levels[BOLT].stop
    moved = [f for f in world.minutes(1, quotes=True) if isinstance(f, StopSet)]
    assert [(f.symbol, f.why) for f in moved][:1] == [(BOLT, "heat")]
    assert moved[0].stop > before
    assert "heat_warn" not in world.codes()


def test_a_full_reserve_is_told_at_the_close():
    """E5: above 30 % of the whole."""
    world = World()
    world.book.emit(
        ReserveMoved(
            ts=world.now,
            account=ACCOUNT,
            kind=ReserveKind.PROFIT_SIPHON,
            amount=Money(D(40_000)),
            balance=Money(D(40_000)),
        )
    )
    world.now = at("2008-10-06T20:01")
    world.timer()
    assert "reserve_high_water" in world.codes()


def test_a_close_outside_of_the_session_is_decided_and_not_sent():
    """E9, O6: no market order then; asked again when it opens."""
    world = World()
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    world.now += DAY // 2
    assert world.recommend(ACME, Action.SELL).outcome is Outcome.SKIP


# the link -----------------------------------------------------------------------------------------------------------------


def test_a_link_that_does_not_come_back_pages_once_an_outage():
    """B1: after a minute in market hours, after a start as after a loss; not while the venue is away for seconds."""
    world = World()
    world.disconnect()
    world.minutes(1)
    assert "link_missing" in world.codes()
    world.minutes(5)
    assert world.codes().count("link_missing") == 1
    world.reconcile()
    world.disconnect()
    world.wait(59)
    world.timer()
    assert world.codes().count("link_missing") == 1
    world.minutes(1)
    assert world.codes().count("link_missing") == 2
    world.restart()
    world.minutes(2)
    assert world.codes().count("link_missing") == 3


def test_at_night_a_link_may_be_away():
    """D23: expected silence is no alarm."""
    world = World()
    world.now = at("2008-10-06T23:00")
    world.disconnect()
    world.minutes(5)
    assert "link_missing" not in world.codes()
