"""The quote path: what is believed, what is thrown away, and what a crossing sets off."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from math import inf, nan

import pytest

from tests.core.world import ACME, BOLT, DAY, World
from tradingd.core.book.orders import Working
from tradingd.core.events import InstrumentStatus, Quote, Verb
from tradingd.core.facts import BreakerKind, BreakerTripped, Decided, Kind, OrderIntended, Outcome, Reason
from tradingd.core.rules import QuoteSettings
from tradingd.core.types import NS, Leg, Side, Symbol

D = Decimal


@pytest.mark.parametrize(
    ("kind", "bid", "ask"),
    [
        ("crossed", 100.02, 100.00),
        ("not_positive", 0.0, 100.0),
        ("not_positive", -1.0, 100.0),
        ("not_finite", nan, 100.0),
        ("not_finite", 100.0, nan),
        ("not_finite", 100.0, inf),
        ("absurd", 1000.0, 1000.02),
        ("absurd", 10.0, 10.02),
        ("absurd", 1e308, 1e308),
    ],
)
def test_a_bad_quote_is_quarantined_and_counted(kind, bid, ask):
    """B7, F2, F3, F4: it changes no mark, no equity, and sets off no stop."""
    world = World()
    world.buy(ACME)
    market, equity, quotes = world.book.markets[ACME], world.book.equity, world.book.quotes
    before = (market.bid, market.ask, market.mid, market.ts)
    assert world.raw(ACME, bid, ask) == ()
    assert (market.bid, market.ask, market.mid, market.ts) == before
    assert (world.book.equity, world.book.quotes) == (equity, quotes)
    assert market.quarantined == {kind: 1}


@pytest.mark.parametrize(("ahead_s", "believed"), [(5.0, True), (5.1, False), (3600.0, False)])
def test_a_quote_from_the_future_of_its_arrival_is_thrown_away(ahead_s, believed):
    """E8, B7: whoever hands it in; it would end cool-downs and blind the stop. Where nobody noted the arrival nothing is known."""
    world = World()
    market, now = world.book.markets[ACME], world.now
    ts = now + int(ahead_s * NS)
    world.step(Quote(ACME, 101.0, 101.1, ts, recv_ts=now))
    assert (market.bid == 101.0) == believed
    assert market.quarantined == ({} if believed else {"future": 1})
    assert (world.book.now > now) == believed
    world.step(Quote(ACME, 102.0, 102.1, ts + NS))
    assert market.bid == 102.0


def test_a_demo_whose_clock_follows_the_quotes_believes_the_next_morning():
    """B4: there the time of arrival is the time of the quote before."""
    world = World(mode="demo")
    world.step(Quote(ACME, 101.0, 101.1, world.now + DAY, recv_ts=world.now))
    assert world.book.markets[ACME].bid == 101.0


@pytest.mark.parametrize(("age_s", "reasons"), [(5, ()), (6, (Reason.STALE_PRICE,))])
def test_a_quote_that_was_old_when_it_came_is_no_basis_for_an_entry(age_s, reasons):
    """F1, D5: a stream that runs behind shows nothing by its own times; stops are watched on it all the same."""
    world = World()
    world.wait(60)
    world.step(Quote(ACME, 99.9, 100.1, world.now, recv_ts=world.now + age_s * NS))
    assert world.recommend(ACME).reasons == reasons
    assert world.book.markets[ACME].bid == 99.9


@pytest.mark.parametrize("known", ["close", "cost"])
def test_the_first_print_after_a_start_must_be_near_what_is_known(known):
    """F4, B7: one absurd print right after a restart sets off no stop; three that agree are a new level, as ever."""
    world = World()
    world.buy(ACME)
    world.restart()
    if known == "close":
        world.bars()
    world.connect()
    assert world.quote(ACME, 40.0) == ()
    assert world.book.markets[ACME].quarantined == {"absurd": 1}
    assert not world.book.open_orders(ACME, Leg.EXIT)
    world.quote(ACME, 40.0)
    world.quote(ACME, 40.0)
    assert world.book.markets[ACME].mid == 40.0
    assert world.book.qty(ACME) > 0


def test_late_and_repeated_quotes_are_quarantined():
    """B7: out of order by source time; the same instant and sequence again."""
    world = World()
    market = world.book.markets[ACME]
    world.raw(ACME, 100.0, 100.1, ts=market.ts - 1)
    world.raw(ACME, 100.0, 100.1, ts=market.ts, seq=market.seq)
    assert market.quarantined == {"out_of_order": 1, "duplicate": 1}
    world.raw(ACME, 100.0, 100.1, ts=market.ts, seq=market.seq + 1)
    assert market.bid == 100.0


def test_a_new_level_is_believed_after_its_confirmations():
    """F4: three quotes in a row that agree with each other; the third one counts."""
    world = World()
    market = world.book.markets[ACME]
    for n, mid in enumerate((50.0, 50.5, 51.0), 1):
        world.quote(ACME, mid)
        assert (market.mid == mid) == (n == 3)
    assert market.quarantined == {"absurd": 2}


def test_confirmations_must_come_in_a_row_and_agree():
    """F4: a good quote in between, or prints far from each other, begin the count again."""
    world = World()
    market = world.book.markets[ACME]
    for mid in (50.0, 50.0, 100.0, 50.0, 50.0, 300.0, 50.0):
        world.quote(ACME, mid)
    assert market.mid == 100.0


def test_the_largest_float_does_not_poison_a_market_that_has_no_price_yet():
    """F3: the middle of two such prices would be infinite, and nothing would be believed after it."""
    world = World(ready=False)
    world.raw(ACME, 1e308, 1e308)
    world.quote(ACME, 100.0)
    assert world.book.markets[ACME].mid == 100.0


def test_a_quote_of_a_stranger_changes_nothing():
    """B7: not watched, not counted."""
    world = World()
    assert world.step(Quote(Symbol("NOPE"), 1.0, 1.1, world.now)) == ()
    assert world.book.quotes == 4


def test_time_does_not_step_back_with_a_slower_source():
    """B8: sources differ in delay; the account's time does not."""
    world = World()
    now = world.book.now
    world.raw(ACME, 100.0, 100.1, ts=world.book.markets[ACME].ts + 1)
    assert world.book.now == now


def test_equity_follows_the_middle():
    """E5: quantity times the move."""
    world = World()
    qty = float(world.buy(ACME))
    before = world.book.equity
    world.quote(ACME, 102.0)
    assert world.book.equity == pytest.approx(before + qty * 2.0)


def test_the_venues_stop_has_its_moment_before_the_house_closes():
    """E4, G11: within the grace nothing is sent; after it exactly one closing order."""
    world = World()
    qty = world.buy(ACME)
    assert world.quote(ACME, 96.9) == ()
    assert world.quote(ACME, 96.9) == ()
    world.quote(ACME, 96.9)
    assert [f.order.qty for f in world.of(OrderIntended)] == [qty]
    for _ in range(20):
        assert world.quote(ACME, 96.5) == ()


def test_each_breach_has_a_moment_of_its_own():
    """E4, G11: a price that came back inside the stop ended the first breach."""
    world = World()
    world.buy(ACME)
    assert world.quote(ACME, 96.9) == ()
    world.quote(ACME, 98.0)
    world.wait(600)
    assert world.quote(ACME, 96.9) == ()


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_gap_through_the_stop_makes_exactly_one_exit_of_the_real_size(side):
    """F6: without a stop at the venue the house closes at the first quote beyond, once, however many follow."""
    world = World(protective=False)
    world.foreign_fill(ACME, side, "30", "100")
    world.quote(ACME, 100.0 - side.sign * 20)
    exits = list(world.of(OrderIntended))
    for _ in range(30):
        world.quote(ACME, 100.0 - side.sign * 20)
        exits += world.of(OrderIntended)
    assert [(f.order.qty, f.order.side, f.order.protective) for f in exits] == [(D(30), side.opposite, True)]


def test_a_gap_through_the_stop_beyond_the_position_limit_cools_the_ticker_down():
    """E6: whatever closes it, a position that lost more than its limit keeps its ticker closed; told once."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.BUY, "30", "100")
    for _ in range(5):
        world.quote(ACME, 80.0)
    assert [(t.kind, t.symbol) for t in world.all(BreakerTripped)] == [(BreakerKind.SINGLE_POSITION, ACME)]
    assert [d.source for d in world.all(Decided)] == ["stop"]


def test_a_position_that_lost_its_limit_is_closed_and_its_ticker_cools_down():
    """E6: 8 % of the entry value, before its wide stop is reached; other tickers go on."""
    world = World(atr=8.0, protective=False)
    qty = world.buy(ACME)
    world.quote(ACME, 91.0)
    [trip] = world.of(BreakerTripped)
    [exit_] = world.of(Decided)
    assert (trip.kind, trip.symbol, trip.until) == (BreakerKind.SINGLE_POSITION, ACME, world.now + 1440 * 60 * NS)
    assert (exit_.source, exit_.kind, exit_.outcome, exit_.qty) == ("breaker", Kind.EXIT, Outcome.ACT, qty)
    world.fill(world.exit_order().order.order_id)
    world.quote(ACME, 91.0)
    world.quote(BOLT, 100.0)
    assert [r.value for r in world.recommend(ACME).reasons] == ["ticker_cooldown"]
    assert world.recommend(BOLT).outcome is Outcome.ACT


def test_the_target_closes_the_position():
    """E4: at the bid for a long."""
    world = World(protective=False)
    world.buy(ACME)
    world.quote(ACME, 104.6)
    assert [d.source for d in world.of(Decided)] == ["target"]


def test_under_a_halt_the_stop_acts_and_the_target_does_not():
    """FEATURES 5.9, H3: protective orders only."""
    world = World(protective=False)
    world.buy(ACME)
    world.say(Verb.HALT)
    world.quote(ACME, 104.6)
    assert [(d.source, d.outcome) for d in world.of(Decided)] == [("target", Outcome.SKIP)]
    world.wait(61)
    world.quote(ACME, 90.0)
    assert [(d.source, d.outcome) for d in world.of(Decided)] == [("stop", Outcome.ACT)]


def _exits_of_each_second(world: World, seconds: int, end: Callable[[Working], None]) -> list[int]:
    """In which seconds an exit was asked for, when each is ended by `end` at once."""
    found = []
    for second in range(seconds):
        world.quote(ACME, 90.0)
        found += [second] * len(world.of(OrderIntended))
        for working in world.book.open_orders(ACME):
            end(working)
    return found


def test_a_refused_close_is_not_fired_again_at_each_quote():
    """F7, G4: after 5 s, 15 s, 45 s, then once a minute."""
    world = World(protective=False)
    world.buy(ACME)
    found = _exits_of_each_second(world, 160, lambda working: world.reject(working.order.order_id))
    gaps = [after - before for before, after in pairwise(found)]
    assert gaps == [5, 15, 45, 60]


def test_a_close_waits_for_its_own_refusals_alone():
    """I5: stops that the venue refused before say nothing of a close: the second one goes after five seconds."""
    world = World()
    entry = world.recommend(ACME).orders[0]
    world.accept(entry)
    world.fill(entry)
    for _ in range(3):  # the venue takes no stop
        [stop] = world.book.open_orders(ACME, Leg.PROTECT)
        world.reject(stop.order.order_id)
        world.minutes(2, quotes=True)
    world.reject(world.book.open_orders(ACME, Leg.PROTECT)[0].order.order_id)
    found = _exits_of_each_second(world, 7, lambda working: world.reject(working.order.order_id))
    assert [after - before for before, after in pairwise(found)] == [5]


def test_a_close_that_never_left_is_sent_as_soon_as_it_can_be():
    """I5: the link failed it, not the venue; a minute behind the stop would be the operator's loss."""
    world = World(protective=False)
    world.buy(ACME)
    found = _exits_of_each_second(world, 7, lambda working: world.never(working.order.order_id))
    assert len(found) >= 3


def test_settings_refuse_what_cannot_be_meant():
    """H1: a band of everything, a confirmation by nobody."""
    for wrong in ({"band": 1.0}, {"band": 0.0}, {"confirmations": 1}, {"atr_bars": 1}):
        with pytest.raises(ValueError, match="must be"):
            QuoteSettings(**wrong)


def test_a_close_that_met_a_halted_instrument_goes_when_it_resumes():
    """F7: not a minute later."""
    world = World(protective=False)
    world.buy(ACME)
    world.step(InstrumentStatus(ts=world.now, symbol=ACME, tradable=False, why="halted"))
    world.quote(ACME, 90.0)
    assert not world.of(OrderIntended)
    world.step(InstrumentStatus(ts=world.now, symbol=ACME, tradable=True))
    world.quote(ACME, 90.0)
    assert [fact.order.leg for fact in world.of(OrderIntended)] == [Leg.EXIT]
