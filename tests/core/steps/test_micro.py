"""Micro-trades through the whole core: smaller, nearer, fewer, shorter; and under every other law."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.core.steps.test_ideas import ROWS, Entrance, Prepare
from tests.core.world import ACME, BOLT, CORN, World, at
from tradingd.core.events import Action, Verb
from tradingd.core.facts import Decided, Kind, OrderIntended, Outcome, Reason, StopSet
from tradingd.core.rules import EntrySettings, MicroSettings, RebalanceSettings
from tradingd.core.types import Leg
from tradingd.core.views.account import account_view
from tradingd.core.views.performance import recent_win_rate

D = Decimal
ON = MicroSettings(enabled=True)


def micro_world(**rules: Any) -> World:
    return World(**{"micro": ON, **rules})


def enter(world: World, symbol: str = ACME, **changes: Any) -> Decided:
    """A micro-trade that fills at once and has its stop resting."""
    decided = world.recommend(symbol, intraday=True, **changes)
    assert decided.orders, decided.reasons
    world.accept(decided.orders[0])
    world.fill(decided.orders[0])
    world.accept(world.book.protection(symbol).order.order_id)
    return decided


def test_it_is_capped_and_nearer():
    """E15: 3 % of the active pool after the tier's own ceiling; stop 1.0 ATR, target 1.5 times as far."""
    world = micro_world()
    decided = enter(world)
    assert decided.micro
    assert decided.qty == 29  # 3 % of 100,000 at 100.01
    assert decided.adjustments == (("new_sector_bonus", 0.03, 0.036), ("micro_cap", 0.036, 0.03))
    assert (decided.stop, decided.target) == (D("98.01"), D("103.01"))
    [levels] = [s for s in world.all(StopSet) if s.why == "entry"]
    assert (levels.stop, levels.target, levels.multiplier, levels.reward_risk) == (D("98.01"), D("103.01"), 1.0, 1.5)
    assert world.book.booked.micro[ACME].decision_id == decided.decision_id
    assert world.refold() == world.book.dump()


def test_a_standard_trade_beside_it_is_as_ever():
    """E15: tier's ceiling, stop and target; no micro step among the adjustments."""
    world = micro_world()
    enter(world)
    world.quote(BOLT, 100.0)
    decided = world.recommend(BOLT)
    assert not decided.micro
    assert "micro_cap" not in [name for name, _, _ in decided.adjustments]
    assert (decided.stop, decided.qty) == (D("97.01"), 35)
    assert BOLT not in world.book.booked.micro


def test_an_eleventh_of_a_session_is_refused_and_the_next_session_counts_anew():
    """E15: acts are counted, filled or not, over a restart too."""
    world = micro_world(micro=MicroSettings(enabled=True, per_day=2))
    for symbol in (ACME, BOLT):
        world.quote(symbol, 100.0)
        assert world.recommend(symbol, intraday=True).outcome is Outcome.ACT
    world.quote(CORN, 100.0)
    assert world.recommend(CORN, intraday=True).reasons == (Reason.MICRO_LIMIT,)
    assert world.recommend(CORN).outcome is Outcome.ACT  # a standard trade is none
    world.restart(clean=True)
    world.bars()
    world.connect()
    world.quote(BOLT, 100.0)
    assert Reason.MICRO_LIMIT in world.recommend(BOLT, intraday=True).reasons
    world.now = at("2008-10-07T14:35")
    world.timer()
    world.quote(BOLT, 100.0)
    assert Reason.MICRO_LIMIT not in world.recommend(BOLT, intraday=True).reasons


def test_a_refused_one_does_not_count():
    """E15."""
    world = micro_world(micro=MicroSettings(enabled=True, per_day=1))
    assert world.recommend(ACME, confidence=0.1, intraday=True).outcome is Outcome.SKIP
    world.quote(ACME, 100.0)
    assert world.recommend(ACME, intraday=True).outcome is Outcome.ACT


def test_it_is_closed_when_its_time_is_over():
    """E15: at the market, with its own decision; not a minute before."""
    world = micro_world()
    entered = enter(world)
    world.minutes(119, quotes=True)
    assert world.book.working_exits(ACME) == 0
    world.minutes(1, quotes=True)
    [decided] = [d for d in world.of(Decided) if d.kind is Kind.EXIT]
    assert (decided.source, decided.cause, decided.qty) == ("micro", f"micro:{entered.decision_id}", 29)
    assert decided.thesis.startswith("held 120 min")
    world.fill(world.exit_order().order.order_id)
    assert world.book.booked.micro == {}


def test_its_time_runs_on_through_a_restart():
    """I8: from the moment it was opened."""
    world = micro_world()
    enter(world)
    world.minutes(60, quotes=True)
    world.restart(clean=True)
    world.bars()
    world.connect(str(world.book.booked.cash))
    world.minutes(60, quotes=True)
    assert world.exit_order().order.qty == 29


def test_none_stays_over_night():
    """E15: opened half an hour before the window closes, closed when it does; a standard trade stays."""
    world = micro_world()
    world.now = at("2008-10-06T19:15")
    for symbol in (ACME, BOLT):
        world.quote(symbol, 100.0)
    enter(world, ACME)
    world.quote(BOLT, 100.0)
    world.buy(BOLT)
    world.now = at("2008-10-06T19:44")
    world.minutes(1, quotes=True)
    assert world.exit_order(ACME).order.qty == 29
    assert world.book.open_orders(BOLT, Leg.EXIT) == []


def test_one_that_was_missed_over_night_is_closed_at_the_open():
    """E15: the machine was off at the close."""
    world = micro_world()
    enter(world)
    world.now = at("2008-10-07T12:00")
    world.timer()
    assert world.book.working_exits(ACME) == 0
    world.now = at("2008-10-07T13:31")
    world.quote(ACME, 100.0)
    world.timer()
    assert world.exit_order().order.qty == 29


def test_what_is_bought_as_a_standard_trade_is_not_closed_by_time():
    """E15."""
    world = micro_world()
    world.buy(ACME)
    world.minutes(180, quotes=True)
    assert world.book.working_exits(ACME) == 0


def test_a_sell_for_hours_is_an_exit_as_any():
    """R3, E15: of a micro position, with micro-trading switched off meanwhile and the session's number used up."""
    world = micro_world(micro=MicroSettings(enabled=True, per_day=1))
    enter(world)
    world.rules.micro = MicroSettings(enabled=False, per_day=0)
    world.wait(600)
    decided = world.recommend(ACME, Action.SELL, confidence=0.1, intraday=True)
    assert (decided.kind, decided.outcome, decided.qty) == (Kind.EXIT, Outcome.ACT, 29)


def test_switched_off_meanwhile_it_is_still_closed_in_time():
    """E15: what is held keeps its rules."""
    world = micro_world()
    enter(world)
    world.rules.micro = MicroSettings(enabled=False)
    world.minutes(120, quotes=True)
    assert world.exit_order().order.qty == 29


def test_under_a_halt_it_waits_without_a_decision_a_minute():
    """I7: the operator's word stands above the clock; its stop does not wait."""
    world = micro_world()
    enter(world)
    world.say(Verb.HALT)
    before = world.book.booked.decision_seq
    world.minutes(150, quotes=True)
    assert world.book.booked.decision_seq == before
    world.say(Verb.RESUME)
    world.minutes(1, quotes=True)
    assert world.exit_order().order.qty == 29


@pytest.mark.parametrize("clips", [True, False])
def test_a_stop_of_a_micro_trade_is_a_stop(clips):
    """E4, E15: one ATR below the entry, at the venue and here."""
    world = micro_world(reduce_only=clips)
    enter(world)
    stop = world.book.protection(ACME)
    assert (stop.order.stop, stop.order.qty) == (D("98.01"), 29)
    for _ in range(5):
        world.quote(ACME, 97.5)
    if not clips:
        world.cancelled(stop.order.order_id)
    assert [f.order.qty for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT] == [29]


def test_a_short_for_hours_is_the_mirror():
    """E15: stop above, target below."""
    world = micro_world(entry=EntrySettings(allow_short=True, tranches=1))
    decided = world.recommend(ACME, Action.SELL, intraday=True)
    assert (decided.micro, decided.stop, decided.target) == (True, D("101.99"), D("96.99"))


@pytest.mark.parametrize(
    ("reason", "rules", "prepare", "changes", "headline"), ROWS, ids=[row[0].value for row in ROWS]
)
def test_every_constraint_refuses_a_micro_trade_too(
    reason: Reason, rules: dict[str, Any], prepare: Prepare, changes: dict[str, Any], headline: Reason | None
) -> None:
    """S2 property 34, E15: window, breakers, heat, correlation, sector, earnings, limits, gate: each row that refuses a standard
    trade."""
    micro = MicroSettings(enabled=reason is not Reason.MICRO_OFF, allocation_pct=1.0)
    world = Entrance(**{"micro": micro, **rules}, **_price(changes))
    prepare(world)
    asked = {k: v for k, v in changes.items() if k not in ("price", "symbol", "action")}
    decided = world.recommend(
        changes.get("symbol", ACME), changes.get("action", Action.BUY), **{"confidence": 0.9, **asked, "intraday": True}
    )
    assert (decided.outcome, decided.micro) == (Outcome.SKIP, True)
    assert reason in decided.reasons
    assert decided.headline is (headline or reason)
    assert not world.of(OrderIntended)
    assert world.book.booked.micro_count == 0


def _price(changes: dict[str, Any]) -> dict[str, Any]:
    return {"price": changes["price"]} if "price" in changes else {}


def test_the_trade_is_marked_and_does_not_move_the_tier():
    """E15, E2: the win rate that decides the tier is of standard trades."""
    world = micro_world()
    enter(world)
    world.quote(ACME, 101.0)
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order().order.order_id, price="101.5")
    [trade] = world.book.booked.trades
    assert trade.micro
    assert trade.pnl > 0
    assert recent_win_rate(world.book.booked.trades, 0) is None
    world.quote(BOLT, 100.0)
    world.buy(BOLT)
    world.quote(BOLT, 99.0)
    world.recommend(BOLT, Action.SELL)
    world.fill(world.exit_order(BOLT).order.order_id, price="99")
    assert [t.micro for t in world.book.booked.trades] == [True, False]
    assert recent_win_rate(world.book.booked.trades, 0) == 0.0


def test_what_it_was_is_forgotten_when_it_is_flat():
    """E15: the next trade of the symbol is a standard one; adopted away counts as flat."""
    world = micro_world()
    enter(world)
    world.positions(ACME="0")
    world.say(Verb.ADOPT, symbol=ACME)
    assert world.book.booked.micro == {}
    assert world.refold() == world.book.dump()


def test_the_account_shows_what_is_held_for_hours():
    """H1."""
    world = micro_world()
    enter(world)
    world.quote(BOLT, 100.0)
    world.buy(BOLT)
    view = account_view(world.book, world.rules)
    assert {p.symbol: p.micro for p in view.positions} == {ACME: True, BOLT: False}
    assert [d.micro for d in view.decisions] == [False, True]


@pytest.mark.parametrize(("gate", "plan", "enabled", "limit"), [(20, 1, True, 1), (1, 20, True, 1), (20, 1, False, 20)])
def test_the_smaller_of_both_limits_on_open_positions_refuses(gate, plan, enabled, limit):
    """E13, R1: entries beyond it are refused; while rebalancing is off, the gate's own holds."""
    world = World(rebalance=RebalanceSettings(enabled=enabled, max_positions=plan))
    world.rules.gate = msgspec.structs.replace(world.rules.gate, max_open_positions=gate)
    world.buy(BOLT)
    decided = world.recommend(ACME)
    [check] = [c for c in decided.checks if c.name == "open_positions"]
    assert (check.value, check.limit) == (2, limit)
    assert decided.reasons == ((Reason.OPEN_POSITIONS,) if limit == 1 else ())
    view = account_view(world.book, world.rules)
    assert [x.limit for x in view.limits if x.name == "open positions"] == [limit]
