"""Earnings, events and rapid moves as a step meets them; dividends by file."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, DAY, EURO, HOUR, INSTRUMENTS, MINUTE, World, at
from tradingd.core.events import Action, DividendDue, EarningsSeen, FxRate, MarketEvent
from tradingd.core.facts import (
    Alerted,
    Anomaly,
    CashMoved,
    EarningsNoted,
    EventNoted,
    Outcome,
    ReplaceIntended,
    StopSet,
)
from tradingd.core.rules import EntrySettings
from tradingd.core.steps.outside import EVENTS_MAX
from tradingd.core.types import Price, Severity, Symbol

D = Decimal


def happens(world, *symbols, severity=Severity.HIGH, ident="e1", lasts=HOUR, text="a quake"):
    return world.step(
        MarketEvent(ts=world.now, id=ident, severity=severity, until=world.now + lasts, symbols=symbols, text=text)
    )


def earnings(world, *dates, symbol=ACME):
    return world.step(EarningsSeen(ts=world.now, symbol=symbol, dates=dates, source="a file"))


# earnings -----------------------------------------------------------------------------------------------------------------


def test_dates_are_noted_once_in_order_and_can_be_taken_back():
    """E3: what is known already changes nothing, however it is written; none at all forgets."""
    world = World()
    earnings(world, "2009-01-05", "2008-10-08")
    [noted] = world.of(EarningsNoted)
    assert (noted.dates, noted.source) == (("2008-10-08", "2009-01-05"), "a file")
    assert earnings(world, "2008-10-08", "2009-01-05", "2008-10-08") == ()
    earnings(world)
    assert [f.dates for f in world.of(EarningsNoted)] == [()]
    assert world.book.booked.earnings == {}
    assert earnings(world) == ()


@pytest.mark.parametrize(
    ("symbol", "dates", "words"),
    [
        (Symbol("NOPE"), ("2008-10-08",), "'NOPE' is not traded"),
        (ACME, ("2008-10-08", "8.10.2008"), "'8.10.2008' is no date"),
        (ACME, tuple(f"20{y}-01-01" for y in range(10, 60)), "50 dates, at most 40"),
    ],
)
def test_what_is_no_earnings_date_is_refused_with_a_word_in_the_log(symbol, dates, words):
    """E3: what was known before stays."""
    world = World()
    earnings(world, "2008-10-08")
    earnings(world, *dates, symbol=symbol)
    [alert] = world.last
    assert isinstance(alert, Alerted)
    assert (alert.level, alert.code) == ("log", "earnings_refused")
    assert words in alert.text
    assert world.book.booked.earnings == {ACME: ("2008-10-08",)}


def test_near_earnings_an_entry_is_half_as_large_with_a_nearer_stop():
    """E3, E4: two days ahead; the stop at 0.7 of its distance, the target where it is; both after the fill too."""
    plain, near = World(), World()
    earnings(near, "2008-10-08")
    normal, half = plain.recommend(ACME, confidence=0.75), near.recommend(ACME, confidence=0.75)
    assert half.qty == normal.qty // 2
    assert (normal.stop, half.stop, half.target) == (D("97.01"), D("97.91"), normal.target)
    for world, decided in ((plain, normal), (near, half)):
        world.fill(decided.orders[0])
    assert [w.book.booked.levels[ACME].stop for w in (plain, near)] == [normal.stop, half.stop]


def test_a_held_position_gets_its_nearer_stop_when_the_day_comes_close():
    """E4: four days ahead nothing, then three; and it stays after the report."""
    world = World()
    earnings(world, "2008-10-10")
    world.buy(ACME)
    assert world.book.booked.levels[ACME].stop == D("97.01")
    assert not [f for f in world.minutes(10, quotes=True) if isinstance(f, StopSet)]
    world.now = at("2008-10-07T14:00")
    [nearer] = [f for f in world.minutes(3, quotes=True) if isinstance(f, StopSet)]
    assert (nearer.stop, nearer.why, nearer.target) == (D("97.91"), "re-evaluated", D("104.51"))
    assert world.book.protection(ACME).pending or world.all(ReplaceIntended)[-1].stop == D("97.91")
    world.now = at("2008-10-13T14:00")
    world.minutes(10, quotes=True)
    assert world.book.booked.levels[ACME].stop == D("97.91")


def test_dates_behind_us_do_nothing():
    """E3."""
    world = World()
    earnings(world, "2008-10-03", "2008-07-03")
    decided = world.recommend(ACME)
    assert (decided.outcome, decided.stop) == (Outcome.ACT, D("97.01"))
    [check] = [c for c in decided.checks if c.name == "earnings_days"]
    assert (check.value, check.ok) == (None, True)


def test_an_exit_does_not_ask_for_earnings():
    """R3: on the day of the report."""
    world = World()
    world.buy(ACME)
    earnings(world, "2008-10-06")
    assert world.recommend(ACME, Action.SELL).outcome is Outcome.ACT


# events -------------------------------------------------------------------------------------------------------------------


def test_a_high_severity_event_halves_the_stop_distance_of_what_it_concerns_at_once():
    """E12: told once; the resting stop follows; others and lesser events change nothing."""
    world = World()
    world.buy(ACME)
    world.buy(BOLT)
    happens(world, ACME, severity=Severity.MEDIUM)
    assert [type(f) for f in world.last] == [EventNoted]
    happens(world, ACME, Symbol("NOPE"), ident="e2")
    [alert], [moved] = world.of(Alerted), world.of(StopSet)
    assert (alert.level, alert.code, alert.text) == ("tell", "market_event", "high-severity event for ACME: a quake")
    assert (moved.symbol, moved.stop, moved.target) == (ACME, D("98.51"), D("104.51"))
    assert [r.stop for r in world.of(ReplaceIntended)] == [D("98.51")]
    assert world.book.booked.levels[BOLT].stop == D("97.01")
    assert happens(world, ACME, Symbol("NOPE"), ident="e2") == ()
    happens(world, ident="e3")
    assert [f.symbol for f in world.of(StopSet)] == [BOLT]


def test_what_is_bought_during_an_event_is_sized_as_ever_and_tightened_at_the_fill():
    """E12: the sizer sees the ordinary distance, or the event would let the order be larger for the same heat."""
    plain, world = World(), World()
    happens(world)
    decided = world.recommend(ACME)
    assert (decided.stop, decided.qty) == (D("97.01"), plain.recommend(ACME).qty)
    world.fill(decided.orders[0])
    assert world.book.booked.levels[ACME].stop == D("98.51")


def test_during_an_event_a_quieter_market_is_noticed_each_minute_and_the_stop_stays_when_it_ends():
    """E12, E4: faster than the five minutes of an ordinary day; nothing loosens afterwards."""
    world = World()
    world.buy(ACME)
    happens(world, lasts=10 * MINUTE)
    world.book.markets[ACME].atr = 1.5
    [first] = [f for f in world.minutes(1, quotes=True) if isinstance(f, StopSet)]
    assert first.stop == D("98.88")
    world.book.markets[ACME].atr = 2.0
    world.minutes(20, quotes=True)
    assert world.book.booked.levels[ACME].stop == D("98.88")
    bolt = world.buy(BOLT)
    assert bolt
    assert world.book.booked.levels[BOLT].stop == D("97.01")


def test_both_at_once_the_stricter_stands():
    """E4: an event (0.5) over earnings (0.7)."""
    world = World()
    earnings(world, "2008-10-08")
    world.buy(ACME)
    happens(world)
    assert world.book.booked.levels[ACME].stop == D("98.51")


def test_a_distance_below_a_tick_is_not_tightened_to_nothing():
    """I14: a position is never left without a stop because it should have a nearer one."""
    world = World(atr=0.015)
    happens(world)
    world.buy(ACME)
    assert world.book.booked.levels[ACME].stop == D("99.98")
    assert "unprotected_position" not in world.codes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"lasts": 0}, "not in the future"), ({"lasts": 31 * DAY}, "more than 30 days"), ({"ident": ""}, "id must have")],
)
def test_an_event_that_cannot_be_is_refused_with_a_word_in_the_log(changes, words):
    """E12: nothing is tightened."""
    world = World()
    world.buy(ACME)
    happens(world, **changes)
    [alert] = world.last
    assert (alert.level, alert.code) == ("log", "market_event_refused")
    assert words in alert.text
    assert world.book.booked.events == {}


def test_a_flood_of_small_events_leaves_room_for_what_matters():
    """I15: bounded by severity; what is over makes room."""
    world = World()
    for n in range(EVENTS_MAX + 3):
        happens(world, severity=Severity.LOW, ident=f"low{n}", lasts=MINUTE)
    assert len(world.book.booked.events) == EVENTS_MAX
    assert world.codes().count("market_event_refused") == 3
    happens(world)
    assert world.of(EventNoted)
    world.wait(120)
    happens(world, severity=Severity.LOW, ident="later")
    assert set(world.book.booked.events) == {"e1", "later"}


def test_an_event_of_others_is_not_this_accounts():
    """E12: nothing in its journal."""
    assert happens(World(), Symbol("NOPE")) == ()


def test_a_restart_in_the_middle_of_an_event_gives_the_same_answers():
    """I8: events and earnings dates are booked."""
    world = World()
    earnings(world, "2008-10-08")
    happens(world, BOLT)
    world.restart()
    world.bars()
    world.connect()
    for symbol in (ACME, BOLT, CORN):
        world.quote(symbol, 100.0)
    stops = {}
    for symbol in (ACME, BOLT, CORN):
        world.buy(symbol, confidence=0.75)
        stops[symbol] = world.book.booked.levels[symbol].stop
    assert stops == {ACME: D("97.91"), BOLT: D("98.51"), CORN: D("97.01")}
    assert world.refold() == world.book.dump()


# a market that runs ---------------------------------------------------------------------------------------------------------


def runner():
    """Held with a stop far away, so that a move of 5 % sets nothing else off; its price kept."""
    world = World(atr=8.0)
    world.buy(ACME)
    world.minutes(2, quotes=True)
    return world


def test_a_move_of_more_than_five_per_cent_within_minutes_is_told_and_looked_at_at_once():
    """E12: the quieter range that waits for the next round is taken into account now."""
    world = runner()
    world.book.markets[ACME].atr = 4.0
    assert world.quote(ACME, 95.1) == ()
    world.quote(ACME, 94.9)
    [alert], [moved] = world.of(Alerted), world.of(StopSet)
    assert (alert.level, alert.code, alert.text) == ("tell", "rapid_move", "ACME moved -5.10% within 15 min")
    assert moved.stop == D("94.01")


def test_it_is_told_once_in_fifteen_minutes_and_every_such_move_is_looked_at():
    """E12."""
    world = runner()
    world.quote(ACME, 94.9)
    world.quote(ACME, 94.8)
    world.quote(ACME, 100.0)
    world.quote(ACME, 105.1)
    assert world.codes().count("rapid_move") == 1
    for _ in range(16):
        world.minutes(1, quotes=True)
    world.quote(ACME, 98.0)
    assert world.codes().count("rapid_move") == 2


def test_one_that_a_clock_far_ahead_told_keeps_nobody_from_telling_this_one():
    """E8, E12: a life by a wrong clock told one two hours from now."""
    world = runner()
    world.facts.append(
        Alerted(
            ts=world.now + 2 * HOUR,
            account=ACCOUNT,
            level="tell",
            code="rapid_move",
            text="ACME moved -6.00% within 15 min",
        )
    )
    world.book.replay(world.facts[-1])
    world.book.now = world.now
    world.quote(ACME, 94.9)
    assert "rapid_move" in [alert.code for alert in world.of(Alerted)]


def test_what_is_not_held_is_not_watched():
    """E12: positions, not markets."""
    world = World()
    world.minutes(2, quotes=True)
    world.quote(ACME, 94.0)
    assert world.last == ()


def test_a_slow_move_is_none():
    """E12: 6 % in half an hour."""
    world = runner()
    for i in range(30):
        world.quote(ACME, 100.0 - i * 0.2, after=0)
        world.minutes(1, quotes=True)
    assert "rapid_move" not in world.codes()


# dividends by file ----------------------------------------------------------------------------------------------------------


def due(world, symbol=ACME, per_share="0.25", ident="ACME-2008-10-07"):
    return world.step(DividendDue(ts=world.now, symbol=symbol, per_share=Price(D(per_share)), action_id=ident))


def test_a_dividend_by_file_is_what_is_held_times_the_amount_once():
    """T2, F9: told again, after a restart too, it counts once."""
    world = World()
    held = world.buy(ACME)
    before = world.book.booked.cash
    due(world)
    [moved] = world.of(CashMoved)
    assert (moved.kind, moved.amount, moved.symbol) == ("dividend", held * D("0.25"), ACME)
    assert world.book.booked.cash == before + moved.amount
    assert world.book.equity == pytest.approx(float(before + moved.amount) + float(held) * 100.0)
    assert due(world) == ()
    world.restart()
    assert due(world) == ()


def test_a_dividend_counts_the_multiplier():
    """O4, T2: the account is worth what it was when the price falls by the amount per share."""
    contract = msgspec.structs.replace(INSTRUMENTS[ACME], multiplier=D(10))
    world = World(instruments={**INSTRUMENTS, ACME: contract})
    held, worth = world.buy(ACME), world.book.equity
    due(world)
    [moved] = world.of(CashMoved)
    assert moved.amount == held * 10 * D("0.25") > 0
    world.quote(ACME, 99.75)
    assert world.book.equity == pytest.approx(worth)


def test_a_short_pays_it_and_nobody_else_gets_it():
    """T2."""
    world = World(entry=EntrySettings(allow_short=True, tranches=1))
    assert due(world) == ()
    world.fill(world.recommend(ACME, Action.SELL).orders[0])
    due(world)
    [moved] = world.of(CashMoved)
    assert moved.amount == world.book.qty(ACME) * D("0.25") < 0


def test_a_dividend_in_another_currency_comes_at_the_rate_of_the_moment():
    """F3."""
    world = World()
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.25"))))
    held = world.buy(EURO)
    due(world, EURO, "0.40")
    assert [f.amount for f in world.of(CashMoved)] == [held * D("0.50")]


@pytest.mark.parametrize("per_share", ["nan", "-1", "1e12", "inf"])
def test_an_amount_that_is_none_is_told_and_not_booked(per_share):
    """F3."""
    world = World()
    world.buy(ACME)
    due(world, per_share=per_share)
    assert [f.kind for f in world.of(Anomaly)] == ["bad_dividend"]
    assert not world.of(CashMoved)
