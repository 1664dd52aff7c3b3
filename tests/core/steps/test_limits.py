"""Limits of the whole account: the day's loss, stop-outs in a row, the reserve in an emergency, the guardian."""

from __future__ import annotations

from decimal import Decimal

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, World
from tradingd.core.events import Action, Verb
from tradingd.core.facts import (
    Alerted,
    BreakerKind,
    BreakerResumed,
    BreakerTripped,
    CancelIntended,
    DayClosed,
    OrderIntended,
    Outcome,
    Reason,
    ReserveKind,
    ReserveMoved,
    TierChanged,
)  # fmt: skip
from tradingd.core.gates.breaker import BreakerSettings
from tradingd.core.types import NS, Money, Side, TierName

D = Decimal


def losing(protective: bool = False) -> World:
    """A day on which 600 shares can fall."""
    world = World(atr=40.0, protective=protective)
    world.foreign_fill(ACME, Side.BUY, "600", "100")
    return world


def test_the_days_loss_trips_once_and_takes_entries_back():
    """E6, G13: above 2 % of the opening equity; later falls of the same day trip nothing more."""
    world = World(atr=40.0, protective=False)
    entry = world.recommend(BOLT).orders[0]
    world.foreign_fill(ACME, Side.BUY, "600", "100")
    world.quote(ACME, 96.5)
    [trip] = world.of(BreakerTripped)
    assert (trip.kind, trip.threshold, trip.until) == (BreakerKind.DAILY_LOSS, 0.02, world.now + 1440 * 60 * NS)
    assert [c.order_id for c in world.of(CancelIntended)] == [entry]
    for mid in (96.0, 95.0, 97.0, 94.0):
        world.quote(ACME, mid)
    assert len(world.all(BreakerTripped)) == 1
    assert Reason.BREAKER_ACTIVE in world.recommend(CORN).reasons
    assert "breaker_daily_loss" in world.codes()


def test_the_days_loss_stands_after_a_restart_and_is_still_watched():
    """G13: folded from the journal; and a limit not yet reached is watched by the new process too."""
    world = losing()
    world.quote(ACME, 96.5)
    world.restart()
    world.connect()
    world.quote(CORN, 100.0)
    assert Reason.BREAKER_ACTIVE in world.recommend(CORN).reasons

    fresh = losing()
    fresh.restart()
    fresh.connect()
    fresh.quote(ACME, 100.0)
    fresh.quote(ACME, 96.5)
    assert [t.kind for t in fresh.of(BreakerTripped)] == [BreakerKind.DAILY_LOSS]


def stop_out(world: World, symbol: str) -> None:
    world.quote(symbol, 100.0)
    world.buy(symbol)
    world.quote(symbol, 95.0)
    world.fill(world.exit_order(symbol).order.order_id)


def test_three_stop_outs_within_half_an_hour_trip_the_volatility_breaker():
    """E6: two do not; the third does, once; its cool-down of two hours ends by time."""
    world = World(protective=False)
    for symbol in (ACME, BOLT):
        stop_out(world, symbol)
    assert not world.all(BreakerTripped)
    stop_out(world, CORN)
    [trip] = world.all(BreakerTripped)
    assert (trip.kind, trip.actual, trip.until - trip.ts) == (BreakerKind.VOLATILITY, 3.0, 120 * 60 * NS)
    assert world.refold() == world.book.dump()


def test_stop_outs_far_apart_trip_nothing():
    """E6: the window is thirty minutes."""
    world = World(protective=False)
    for symbol in (ACME, BOLT, CORN):
        stop_out(world, symbol)
        world.minutes(16, quotes=True)
    assert not world.all(BreakerTripped)


def test_a_cool_down_ends_by_time_and_entries_go_again():
    """E6: strictly after it; the timer says so, the decision judges for itself."""
    world = World(breaker=BreakerSettings(cooldown_volatility_min=20, stop_outs=1), protective=False)
    stop_out(world, ACME)
    assert not [f for f in world.minutes(19, quotes=True) if isinstance(f, BreakerResumed)]
    assert world.recommend(BOLT).reasons == (Reason.BREAKER_ACTIVE,)
    assert [f.kind for f in world.minutes(3, quotes=True) if isinstance(f, BreakerResumed)] == [BreakerKind.VOLATILITY]
    [told] = [a for a in world.all(Alerted) if a.code == "breaker_resumed"]
    assert (told.level, told.text) == ("tell", "volatility: cool-down over")
    assert world.recommend(BOLT).outcome is Outcome.ACT


def test_an_emergency_releases_the_whole_reserve_and_calms_the_tier():
    """E5, E2: drawdown above 20 % of the high water; once."""
    world = losing()
    world.book.emit(
        TierChanged(ts=world.now, account=ACCOUNT, previous=TierName.CONSERVATIVE, tier=TierName.MODERATE, why="t")
    )
    world.book.emit(
        ReserveMoved(
            ts=world.now, account=ACCOUNT, kind=ReserveKind.PROFIT_SIPHON, amount=Money(D(900)), balance=Money(D(900))
        )
    )
    world.book.emit(
        DayClosed(
            ts=world.now, account=ACCOUNT, date="x", equity=Money(D(0)), high_water=Money(D(120_000)), drawdown=0.1
        )
    )
    for mid in (97.0, 93.0, 92.0, 91.0):
        world.quote(ACME, mid)
    [moved] = [m for m in world.all(ReserveMoved) if m.kind is ReserveKind.EMERGENCY_LIQUIDATION]
    assert (moved.amount, moved.balance) == (D(-900), D(0))
    assert world.book.booked.reserve == 0
    assert world.book.active_pool() == world.book.equity
    assert world.book.booked.tier is TierName.CONSERVATIVE
    assert world.codes().count("emergency_liquidation") == 1
    changed = world.all(TierChanged)[-1]
    assert changed.drawdown > 0.20
    assert 0.009 < changed.reserve_share < 0.0097  # 900 of about 95,000, before it was released
    assert world.codes().count("risk_tier_changed") == 1


def test_a_position_that_lost_too_much_is_told_and_so_is_a_trip_by_hand():
    """E6, E16: each trip tells somebody, and each end of one, whoever ends it."""
    world = World(atr=40.0, protective=False)
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    world.quote(ACME, 91.0)
    [told] = [a for a in world.all(Alerted) if a.code == "breaker_single_position"]
    assert (told.level, told.subject) == ("tell", ACME)
    world.say(Verb.TRIP)
    assert "breaker_manual" in world.codes()
    world.say(Verb.RESUME)
    texts = [a.text for a in world.all(Alerted) if a.code == "breaker_resumed"]
    assert texts == ["single position of ACME: resumed by ann", "manual: resumed by ann"]


def test_a_profit_is_shared_with_the_reserve_and_a_loss_is_not():
    """E5: a quarter of what was realised, rounded down to the cent, on the closing fill."""
    world = World(protective=False)
    qty = world.buy(ACME, price="100.01")
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order().order.order_id, price="104.01")
    [moved] = world.of(ReserveMoved)
    assert (moved.kind, moved.amount) == (ReserveKind.PROFIT_SIPHON, qty * 4 / 4)
    assert world.book.active_pool() + float(world.book.booked.reserve) == world.book.equity
    stop_out(world, BOLT)
    assert world.book.booked.reserve == moved.balance


def test_the_guardian_tells_each_limit_once_a_day():
    """R5: warned from 80 % of it."""
    world = losing()
    world.quote(ACME, 97.3)
    world.minutes(5, quotes=True)
    assert world.codes().count("day_loss_warn") == 1
    assert not world.all(OrderIntended)
