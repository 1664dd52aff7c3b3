"""From an idea to an order or a refusal: every reason an entry can meet, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import inf, isfinite, nan

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, DAY, HOUR, World, at, make_rules
from tradingd.core.book.orders import Life
from tradingd.core.events import Action, EarningsSeen, InstrumentStatus, Mode, Recommendation, Verb
from tradingd.core.facts import (
    OWN_SOURCES,
    PRECEDENCE,
    BreakerKind,
    BreakerTripped,
    CancelIntended,
    DayClosed,
    DayOpened,
    Decided,
    Kind,
    OrderIntended,
    Outcome,
    Reason,
    ReserveKind,
    ReserveMoved,
)  # fmt: skip
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.sizer import SizerSettings
from tradingd.core.gates.tiers import TIERS, TierSettings
from tradingd.core.rules import EntrySettings, MicroSettings
from tradingd.core.steps.ideas import on_recommendations
from tradingd.core.types import Leg, Money, OrderType, Side, Symbol, TierName, Tif

D = Decimal
Prepare = Callable[[World], None]


def gate(**limits: float) -> dict[str, object]:
    return {"gate": GateSettings(**limits)}


def nothing(w: World) -> None:
    pass


def halt(w: World) -> None:
    w.say(Verb.HALT)


def lock(w: World) -> None:
    w.say(Verb.LOCKOUT, until=w.now + HOUR)


def pause(w: World) -> None:
    w.say(Verb.PAUSE)


def cut(w: World) -> None:
    w.disconnect()


def unknown(w: World) -> None:
    w.lose(w.recommend(BOLT).orders[0])


def drift(w: World) -> None:
    w.positions(ACME="7")


def move_to(text: str) -> Prepare:
    def prepare(w: World) -> None:
        w.now = at(text)
        w.quote(ACME, 100.0)

    return prepare


def halted_symbol(w: World) -> None:
    w.step(InstrumentStatus(ts=w.now, symbol=ACME, tradable=False, why="volatility pause"))


def later(w: World) -> None:
    w.wait(6)


def held(w: World) -> None:
    w.buy(ACME)
    w.quote(ACME, 100.0, after=90)


def losing(w: World) -> None:
    w.buy(BOLT)
    w.quote(BOLT, 97.5)
    w.quote(ACME, 100.0)


def alike(w: World) -> None:
    closes = [100.0 + i % 3 for i in range(40)]
    for symbol in (ACME, BOLT):
        w.learn(symbol, closes)
    w.buy(BOLT)


def reporting(w: World) -> None:
    w.step(EarningsSeen(ts=w.now, symbol=ACME, dates=("2008-10-07",)))


def poor(w: World) -> None:
    w.foreign_fill(BOLT, Side.BUY, "900", "100")
    w.book.emit(
        ReserveMoved(
            ts=w.now, account=ACCOUNT, kind=ReserveKind.PROFIT_SIPHON, amount=Money(D(8000)), balance=Money(D(8000))
        )
    )


def tripped(w: World) -> None:
    w.say(Verb.TRIP)


def cooling(w: World) -> None:
    w.book.emit(
        BreakerTripped(
            ts=w.now, account=ACCOUNT, kind=BreakerKind.SINGLE_POSITION, threshold=0.08, actual=0.1, until=w.now + HOUR,
            symbol=ACME,
        )
    )  # fmt: skip


def bad_day(w: World) -> None:
    w.book.emit(DayOpened(ts=w.now, account=ACCOUNT, date="2008-10-06", equity=Money(D(104_000))))


def bad_year(w: World) -> None:
    w.book.emit(
        DayClosed(
            ts=w.now, account=ACCOUNT, date="2008-10-03", equity=Money(D(0)), high_water=Money(D(200_000)), drawdown=0.5
        )
    )


def other_held(w: World) -> None:
    w.buy(BOLT)


def resting_sell(w: World) -> None:
    w.recommend(ACME, Action.SELL)


def day_trade(w: World) -> None:
    w.buy(BOLT)
    w.wait(60)
    w.recommend(BOLT, Action.SELL)
    w.fill(w.exit_order(BOLT).order.order_id)
    w.quote(ACME, 100.0)


def refused_before(seconds: float) -> Prepare:
    def prepare(w: World) -> None:
        w.reject(w.recommend(ACME).orders[0])
        w.quote(ACME, 100.0, after=seconds)

    return prepare


def one_order(w: World) -> None:
    w.recommend(BOLT)


HOT = TierSettings(conservative=msgspec.structs.replace(TIERS[TierName.CONSERVATIVE], max_portfolio_heat=0.0001))

# reason, rules, what came before, the recommendation's own oddity, the headline where a stricter reason must come along
ROWS: list[tuple[Reason, dict[str, object], Prepare, dict[str, object], Reason | None]] = [
    (Reason.INVALID, {}, nothing, {"confidence": 1.5}, None),
    (Reason.STALE_RECOMMENDATION, {}, nothing, {"generated_at": at("2008-10-05T14:00")}, None),
    (Reason.MODE_NOT_ELIGIBLE, {"mode": "live"}, nothing, {}, None),
    (Reason.UNKNOWN_SYMBOL, {}, nothing, {"symbol": Symbol("NOPE")}, None),
    (Reason.HALTED, {}, halt, {}, None),
    (Reason.LOCKED, {}, lock, {}, None),
    (Reason.REDUCING, {}, pause, {}, None),
    (Reason.LINK_NOT_READY, {}, cut, {}, None),
    (Reason.ORDER_UNKNOWN, {}, unknown, {}, None),
    (Reason.DRIFT, {}, drift, {}, None),
    (Reason.ACCOUNT_BLOCKED, {"observe": True}, nothing, {}, None),
    (Reason.MARKET_CLOSED, {}, move_to("2008-10-06T21:00"), {}, None),
    (Reason.OUTSIDE_WINDOW, {}, move_to("2008-10-06T19:50"), {}, None),
    (Reason.CALENDAR_MISSING, {"calendars": {}}, nothing, {}, None),
    (Reason.NOT_TRADABLE, {}, halted_symbol, {}, None),
    (Reason.NO_PRICE, {}, lambda w: w.restart_with_link(), {}, None),
    (Reason.STALE_PRICE, {}, later, {}, None),
    (Reason.LOW_CONFIDENCE, {}, nothing, {"confidence": 0.74}, None),
    (Reason.NO_RANGE, {}, lambda w: setattr(w.book.markets[ACME], "atr", None), {}, None),
    (Reason.ALREADY_HELD, {}, held, {}, None),
    (Reason.NOT_SHORTABLE, {}, nothing, {"action": Action.SELL}, None),
    (Reason.MICRO_OFF, {}, nothing, {"intraday": True}, None),
    (Reason.MICRO_LIMIT, {"micro": MicroSettings(enabled=True, per_day=0)}, nothing, {"intraday": True}, None),
    (Reason.DECLINING, {}, losing, {}, None),
    (Reason.CORRELATION, {}, alike, {}, None),
    (Reason.EARNINGS, {}, reporting, {}, None),
    (Reason.HEAT, {"tier": HOT}, nothing, {}, None),
    (Reason.SIZE_ZERO, {}, nothing, {"price": 9000.0}, None),
    (Reason.ACTIVE_POOL_MINIMUM, {"sizer": SizerSettings(active_pool_minimum=Money(D(200_000)))}, nothing, {}, None),
    (Reason.RESERVE_SHORT, {}, poor, {}, None),
    (Reason.BREAKER_ACTIVE, {}, tripped, {}, None),
    (Reason.TICKER_COOLDOWN, {}, cooling, {}, None),
    (Reason.BUYING_POWER, gate(buying_power_multiplier=0.01), nothing, {}, None),
    (Reason.POSITION_LIMIT, gate(max_position_pct=0.0005), nothing, {}, None),
    (Reason.SECTOR_LIMIT, gate(max_sector_pct=0.01), nothing, {}, None),
    (Reason.DAILY_LOSS, {}, bad_day, {}, None),
    (Reason.DRAWDOWN, {}, bad_year, {}, None),
    (Reason.OPEN_POSITIONS, gate(max_open_positions=1), other_held, {}, None),
    (Reason.OPEN_TRADES, gate(max_open_trades=1), other_held, {}, None),
    (Reason.WASH_TRADE, {"entry": EntrySettings(allow_short=True, tranches=1)}, resting_sell, {}, Reason.ALREADY_HELD),
    (Reason.PDT, gate(pdt_day_trades=1, pdt_equity=1e6), day_trade, {}, None),
    (Reason.MAX_QTY, gate(max_order_qty=1), nothing, {}, None),
    (Reason.MAX_NOTIONAL, gate(max_order_notional=100), nothing, {}, None),
    (Reason.PRICE_COLLAR, gate(price_collar=0.0001), nothing, {}, None),
    (Reason.ORDER_RATE, gate(orders_per_minute=1), one_order, {}, None),
    (Reason.REPEATED_EXECUTION, gate(repeated_executions=1), refused_before(30), {}, None),
    (Reason.DUPLICATE_ORDER, {}, refused_before(2), {}, None),
    (Reason.REJECT_LOOP, gate(rejects_in_row=1), refused_before(90), {}, None),
]  # fmt: skip
# no entry can meet these: a twin is answered by the first decision; only exits reduce; a limit that is
# missing is refused when the settings are read; only later parts of an entry deteriorate and are called off
ELSEWHERE = {
    Reason.DUPLICATE, Reason.NOTHING_TO_REDUCE, Reason.LIMIT_MISSING, Reason.DETERIORATED, Reason.CALLED_OFF,
}  # fmt: skip


class Entrance(World):
    def restart_with_link(self) -> None:
        """A new process that has its bars and its link, and no price yet."""
        self.restart(clean=True)
        self.bars()
        self.connect()


def judged(rules: dict[str, object], prepare: Prepare, odd: dict[str, object]) -> tuple[World, Decided]:
    """One row's day: the world it prepared and what became of its recommendation."""
    odd = dict(odd)
    world = Entrance(price=odd.pop("price", 100.0), **rules)
    prepare(world)
    decided = world.recommend(odd.pop("symbol", ACME), odd.pop("action", Action.BUY), odd.pop("confidence", 0.9), **odd)
    return world, decided


@pytest.mark.parametrize(("reason", "rules", "prepare", "odd", "headline"), ROWS, ids=[row[0].value for row in ROWS])
def test_an_entry_is_refused_for(reason, rules, prepare, odd, headline):
    """E11, R1, R2, E3, E9, E6: one refusal, this headline, nothing sent."""
    world, decided = judged(rules, prepare, odd)
    assert decided.outcome is Outcome.SKIP
    assert reason in decided.reasons
    assert decided.headline == (headline or reason)
    assert decided.orders == ()
    assert not world.of(OrderIntended)
    assert world.book.booked.refusals[reason.value] >= 1
    assert world.refold() == world.book.dump()


def test_the_table_holds_every_reason_once_in_order_of_precedence():
    """E11: no reason without a test of its own."""
    listed = [row[0] for row in ROWS]
    assert listed == sorted(listed, key=PRECEDENCE.__getitem__)
    assert len(listed) == len(set(listed))
    assert set(listed) | ELSEWHERE == set(Reason)


def test_all_that_is_wrong_is_listed_in_order_of_precedence():
    """E11, R1: the first is the headline, the others stand behind it, each with its check (R4)."""
    world = World(**gate(max_sector_pct=0.01, max_order_qty=1))
    pause(world)
    tripped(world)
    drift(world)
    later(world)
    decided = world.recommend(ACME)
    assert decided.reasons == (
        Reason.REDUCING, Reason.DRIFT, Reason.STALE_PRICE, Reason.BREAKER_ACTIVE, Reason.SECTOR_LIMIT, Reason.MAX_QTY,
    )  # fmt: skip
    assert decided.headline is Reason.REDUCING
    assert {c.reason for c in decided.checks if c.ok is False} == set(decided.reasons)


def test_a_tier_that_would_hold_more_than_the_gate_allows_is_clamped_not_refused():
    """E2, R1: the aggressive tier's ceiling is 12 %, the gate's 10 %: what fits is bought, and the decision is not lost."""
    world = World(sizer=SizerSettings(absolute_cap=Money(D(1_000_000))), tier_at_start=TierName.AGGRESSIVE)
    decided = world.recommend(ACME, confidence=1.0)
    assert decided.outcome is Outcome.ACT
    assert decided.qty == 99  # of 100.01 each: 9.9 % of 100,000


def test_an_entry_that_passes_carries_the_whole_chain():
    """E11, E3, E4: every check with value and limit, pools, heat, tier, levels; one limit order with a derived id."""
    world = World()
    decided = world.recommend(ACME, confidence=0.9, thesis="because")
    [order] = [f.order for f in world.of(OrderIntended)]
    assert decided.outcome is Outcome.ACT
    assert (decided.headline, decided.reasons) == (None, ())
    assert decided.orders == (order.order_id,) == (f"{ACCOUNT}.{decided.seq}.e",)
    assert decided.pools.equity == decided.pools.active + decided.pools.reserve == 100_000.0
    assert (decided.tier, decided.heat, decided.breaker, decided.thesis) == (TierName.CONSERVATIVE, 0.0, "", "because")
    names = [c.name for c in decided.checks]
    assert names.index("state") < names.index("window") < names.index("stop_distance") < names.index("confidence")
    assert names.index("reserve") < names.index("breaker") < names.index("buying_power") < names.index("price_collar")
    assert all(c.ok for c in decided.checks)
    assert (decided.stop, decided.target) == (D("97.01"), D("104.51"))  # ask 100.01, ATR 2 x 1.5, twice 1.5 away
    assert (order.type, order.tif, order.leg, order.limit) == (OrderType.LIMIT, Tif.DAY, Leg.ENTRY, D("100.22"))
    assert order.qty == D(35)  # 2.5 % x 0.9 / 0.75 x 1.2 of 100,000 at 100.01
    assert (order.reduce_only, order.protective) == (False, False)


def test_a_twin_makes_no_second_decision():
    """E1, G16: the same source and id again is answered by the first decision, acted or refused, also after a restart."""
    world = World()
    idea = world.recommendation(ACME)
    assert len([f for f in world.step(idea) if isinstance(f, Decided)]) == 1
    assert world.step(idea) == ()
    world.restart()
    assert world.step(idea) == ()
    assert world.book.twins == 1
    assert world.step(msgspec.structs.replace(idea, source="file")) != ()


def test_a_twin_of_an_exit_makes_no_second_decision_whatever_its_source_is_called():
    """E1: a source may bear any name but the house's own."""
    world = World()
    world.buy(ACME)
    idea = world.recommendation(ACME, Action.SELL, source="bus")
    assert len([f for f in world.step(idea) if isinstance(f, Decided)]) == 1
    assert world.step(idea) == ()


def test_a_twin_of_a_sale_that_waits_for_its_stop_waits_with_it():
    """E1: where the venue does not clip, the close is decided when the stop is gone: once, however often asked."""
    world = World(rules=make_rules(reduce_only=False))
    world.buy(ACME)
    idea = world.recommendation(ACME, Action.SELL)
    assert [type(f) for f in world.step(idea)] == [CancelIntended]
    assert world.step(idea) == ()
    assert world.book.twins == 1
    world.cancelled(world.book.protection(ACME).order.order_id, "0")
    assert [f.outcome for f in world.of(Decided)] == [Outcome.ACT]
    assert world.step(idea) == ()
    assert len([f for f in world.all(Decided) if f.cause == "api:" + idea.id]) == 1


@pytest.mark.parametrize("source", OWN_SOURCES)
def test_nobody_outside_speaks_under_a_name_of_the_house(source):
    """E1, I7: else a recommendation called "operator" would pass under a halt as protective."""
    world = World()
    world.buy(ACME)
    halt(world)
    decided = world.recommend(ACME, Action.SELL, source=source)
    assert decided.outcome is Outcome.SKIP
    assert decided.headline is Reason.INVALID


def test_the_most_confident_goes_first():
    """E1: of what came together; one whose confidence is no number goes last."""
    world = World()
    recs = tuple(world.recommendation(s, confidence=c) for s, c in [(ACME, 0.8), (BOLT, nan), (CORN, 0.95)])
    on_recommendations(world.book, recs, world.rules)
    assert [f.symbol for f in world.book.take_facts() if isinstance(f, Decided)] == [CORN, ACME, BOLT]


@pytest.mark.parametrize("confidence", [nan, inf, -inf])
def test_no_number_that_is_none_reaches_the_journal(confidence):
    """E11, B12: a NaN in a recommendation is shown as text and decided as invalid."""
    world = World()
    decided = world.recommend(ACME, confidence=confidence)
    assert decided.headline is Reason.INVALID
    assert decided.confidence is None
    assert b"nan" not in msgspec.json.encode(decided).replace(b'"nan"', b"")


def test_a_sell_of_something_held_is_an_exit_and_meets_no_entry_guard():
    """R3: breaker, pause, stale price, low confidence."""
    world = World()
    qty = world.buy(ACME)
    pause(world)
    tripped(world)
    later(world)
    decided = world.recommend(ACME, Action.SELL, confidence=0.1)
    assert (decided.kind, decided.outcome, decided.qty) == (Kind.EXIT, Outcome.ACT, qty)
    assert world.exit_order().order.reduce_only


def test_a_second_exit_finds_nothing_left_to_reduce():
    """G11, E11: an exit that was asked for has its decision, though all is being closed already."""
    world = World()
    qty = world.buy(ACME)
    assert world.recommend(ACME, Action.SELL).outcome is Outcome.ACT
    second = world.recommend(ACME, Action.SELL)
    assert second.reasons == (Reason.NOTHING_TO_REDUCE,)
    assert world.book.working_exits(ACME) == qty


def test_a_short_is_opened_only_where_it_is_allowed():
    """E4: stop above, target below, limit below the bid."""
    world = World(entry=EntrySettings(allow_short=True, tranches=1))
    decided = world.recommend(ACME, Action.SELL)
    [order] = [f.order for f in world.of(OrderIntended)]
    assert decided.stop > order.ref_price > decided.target
    assert order.limit < D("99.99")


def test_an_unknown_order_keeps_its_exposure_and_keeps_entries_off_until_it_is_settled():
    """I2, I6, O2: reserved while nobody knows; the proof that it never arrived frees both."""
    world = World()
    order_id = world.recommend(BOLT).orders[0]
    reserved = world.book.symbol_value(BOLT)
    world.lose(order_id)
    assert world.order(order_id).life is Life.UNKNOWN
    assert world.book.symbol_value(BOLT) == reserved > 0
    assert Reason.ORDER_UNKNOWN in world.recommend(ACME).reasons
    world.never(order_id)
    assert world.book.symbol_value(BOLT) == 0
    world.wait(1)
    world.quote(ACME, 100.0)
    assert world.recommend(ACME).outcome is Outcome.ACT


def test_two_ideas_at_one_moment_share_the_limits():
    """G9, I6: what the first reserves, the second does not find."""
    world = World(**gate(max_open_positions=1))
    assert world.recommend(ACME).outcome is Outcome.ACT
    assert world.recommend(BOLT).reasons == (Reason.OPEN_POSITIONS,)


def test_an_observed_account_decides_and_sends_nothing():
    """B4: entries and exits are decided with all their checks; nothing is intended."""
    world = World(observe=True)
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    assert world.recommend(BOLT).reasons == (Reason.ACCOUNT_BLOCKED,)
    assert world.recommend(ACME, Action.SELL).reasons == (Reason.ACCOUNT_BLOCKED,)
    world.quote(ACME, 90.0)
    world.minutes(20)
    assert not world.all(OrderIntended)


def test_a_recommendation_of_yesterday_is_stale_and_one_of_today_is_not():
    """E1: twenty-four hours, the limit itself included."""
    world = World()
    assert world.recommend(ACME, generated_at=world.now - DAY).outcome is Outcome.ACT
    assert world.recommend(BOLT, generated_at=world.now - DAY - 1).headline is Reason.STALE_RECOMMENDATION


def test_a_live_account_takes_what_is_live_eligible():
    """E1: and only that."""
    assert World(mode="live").recommend(ACME, mode=Mode.LIVE).outcome is Outcome.ACT
    assert isinstance(World(mode="live").recommendation(ACME), Recommendation)


def test_a_confidence_beyond_all_numbers_is_recorded_as_refused():
    """E11, F6: the record holds finite numbers only, whatever was said."""
    for confidence in (1e308, float("inf"), float("nan"), -1e308):
        world = World()
        decided = world.recommend(ACME, confidence=confidence)
        assert decided.outcome is Outcome.SKIP
        assert all(isfinite(x) for _, before, after in decided.adjustments for x in (before, after))
        assert Reason.INVALID in decided.reasons
