"""The guardian: what is told, what is done, and that nothing is told twice."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, DAY, INSTRUMENTS, World, at, make_rules
from tradingd.core.events import Verb
from tradingd.core.facts import Alerted, CancelIntended, DayClosed, Decided, ReserveKind, ReserveMoved, StateChanged
from tradingd.core.gates.breaker import BreakerSettings, Level
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.tiers import TIERS, TierSettings
from tradingd.core.steps.guardian import NAMES, guarded, is_quiet, judged
from tradingd.core.types import Money, Side, TierName, TradingState

D = Decimal


def told(world: World, code: str, subject: str = "") -> list[Alerted]:
    return [a for a in world.all(Alerted) if a.code == code and a.subject == subject]


def levels(world: World) -> dict[tuple[str, str], Level]:
    world.book.remark()
    return {(one.watch.name, one.subject): one.watch.level for one in guarded(world.book, world.rules)}


def entered(world: World, *symbols: str) -> dict[str, str]:
    """Working entries, accepted and not filled: symbol -> order id."""
    orders = {}
    for symbol in symbols:
        [orders[symbol]] = world.recommend(symbol).orders  # type: ignore[arg-type]
        world.accept(orders[symbol])
    return orders


def test_every_limit_is_watched_and_a_quiet_account_is_told_nothing():
    """R5: day loss, drawdown, heat, gross exposure, each position and sector, buying power, reserve."""
    world = World()
    world.buy(ACME)
    assert {name for name, _ in levels(world)} == set(NAMES)
    assert set(levels(world).values()) == {Level.OK}
    world.minutes(5, quotes=True)
    assert not [a for a in world.all(Alerted) if a.code.endswith(("_warn", "_act"))]


def test_a_position_grown_past_its_limit_takes_its_own_entry_back_only():
    """R5: above it by more than a tenth; told once with its name, and when it is over."""
    world = World(protective=False, breaker=BreakerSettings(daily_loss=0.9, position_loss=0.9))
    orders = entered(world, ACME, BOLT)
    world.foreign_fill(ACME, Side.BUY, "120", "100")
    cancels = [f for f in world.minutes(5, quotes=True) if isinstance(f, CancelIntended)]
    assert [(c.order_id, c.why) for c in cancels if "position" in c.why] == [(orders[ACME], "guardian: position")]
    [act] = told(world, "position_act", ACME)
    assert act.level == "page"
    assert act.text.startswith("position of ACME 1")
    assert act.text.endswith("the limit is 10.00%")
    world.foreign_fill(ACME, Side.SELL, "120", "100")
    world.cancelled(orders[ACME])
    world.minutes(5, quotes=True)
    [over] = told(world, "position_resolved", ACME)
    assert over.level == "log"


def test_a_little_above_the_limit_is_a_warning():
    """R5: a price that rose is nobody's fault; the gate lets nothing be added."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.BUY, "105", "100")
    world.minutes(2, quotes=True)
    assert levels(world)["position", ACME] is Level.WARN
    assert [a.level for a in told(world, "position_warn", ACME)] == ["tell"]
    assert not told(world, "position_act", ACME)


def test_a_sector_takes_back_its_entries_and_no_others():
    """R5."""
    both = {**INSTRUMENTS, BOLT: msgspec.structs.replace(INSTRUMENTS[BOLT], sector="tech")}
    world = World(
        protective=False, instruments=both, gate=GateSettings(max_position_pct=0.9), sizer=make_rules().sizer,
        breaker=BreakerSettings(daily_loss=0.9, position_loss=0.9),
    )  # fmt: skip
    orders = entered(world, BOLT, CORN)
    world.foreign_fill(ACME, Side.BUY, "250", "100")
    cancels = [f for f in world.minutes(1, quotes=True) if isinstance(f, CancelIntended)]
    assert [c.order_id for c in cancels if c.why == "guardian: sector"] == [orders[BOLT]]
    assert [a.level for a in told(world, "sector_act", "tech")] == ["page"]


def test_heat_far_above_its_limit_takes_all_entries_back():
    """R5: a position without a stop risks all it is worth."""
    cold = TierSettings(conservative=msgspec.structs.replace(TIERS[TierName.CONSERVATIVE], max_portfolio_heat=0.004))
    world = World(tier=cold, protective=False)
    orders = entered(world, ACME, BOLT, CORN)
    world.foreign_fill(CORN, Side.BUY, "300", "100")
    cancels = [f for f in world.minutes(1, quotes=True) if isinstance(f, CancelIntended)]
    assert {c.order_id for c in cancels} == set(orders.values())
    assert len(told(world, "heat_act")) == 1


def deep(world: World) -> None:
    """A drawdown of a quarter and more, by an old high water."""
    world.book.emit(
        DayClosed(
            ts=world.now, account=ACCOUNT, date="x", equity=Money(D(0)), high_water=Money(D(140_000)), drawdown=0.0
        )
    )


def test_a_deep_drawdown_holds_the_account_until_an_operator_resumes():
    """R5: reducing by rule, paged, entries back; a resume stands for the session, the next one holds again."""
    world = World()
    orders = entered(world, ACME)
    deep(world)
    world.minutes(1, quotes=True)
    assert world.book.state() is TradingState.REDUCING
    assert [a.level for a in told(world, "drawdown")] == ["page"]
    assert [c.order_id for c in world.all(CancelIntended)] == [orders[ACME]]
    world.minutes(3, quotes=True)
    assert len([s for s in world.all(StateChanged) if s.key == "rule:drawdown"]) == 1
    world.say(Verb.RESUME)
    world.minutes(3, quotes=True)
    assert world.book.state() is TradingState.ACTIVE
    world.now = at("2008-10-07T14:30")
    world.minutes(1, quotes=True)
    assert world.book.state() is TradingState.REDUCING
    assert len(told(world, "drawdown")) == 2


def test_a_hold_of_a_wrong_future_is_no_reason_not_to_hold_now():
    """R5, E1: a life with a clock a year ahead was told of a drawdown; this one still holds."""
    world = World()
    world.facts.append(Alerted(ts=world.now + 365 * DAY, account=ACCOUNT, level="page", code="drawdown", text="then"))
    world.restart()
    world.connect()
    world.say(Verb.RESUME)
    deep(world)
    world.minutes(1, quotes=True)
    assert "rule:drawdown" in world.book.booked.holds


def test_an_exit_passes_the_hold_of_a_drawdown():
    """R5, R3: no entry guard blocks an exit."""
    world = World(protective=False)
    world.buy(ACME)
    deep(world)
    world.minutes(1, quotes=True)
    world.quote(ACME, 90.0)
    assert [d.source for d in world.all(Decided) if d.kind == "exit" and d.orders] in (["stop"], ["breaker"])


def test_a_spent_account_is_told_and_its_entries_come_back():
    """R5: what entries claim and the reserve holds is more than there is in cash."""
    world = World(protective=False)
    orders = entered(world, ACME)
    world.book.emit(
        ReserveMoved(
            ts=world.now, account=ACCOUNT, kind=ReserveKind.MANUAL_ADJUSTMENT, amount=Money(D(99_000)), balance=Money(D(99_000))
        )
    )  # fmt: skip
    cancels = [f for f in world.minutes(1, quotes=True) if isinstance(f, CancelIntended)]
    assert orders[ACME] in [c.order_id for c in cancels]
    assert [a.level for a in told(world, "buying_power_act")] == ["tell"]
    assert [a.level for a in told(world, "reserve_share_act")] == ["tell"]


def test_gross_exposure_above_what_may_be_bought_takes_entries_back():
    """R5."""
    world = World(protective=False, breaker=BreakerSettings(daily_loss=0.9, position_loss=0.9))
    orders = entered(world, BOLT)
    world.foreign_fill(ACME, Side.SELL, "1200", "100")
    cancels = [f for f in world.minutes(1, quotes=True) if isinstance(f, CancelIntended)]
    assert orders[BOLT] in [c.order_id for c in cancels]
    assert [a.level for a in told(world, "gross_act")] == ["page"]


def test_a_limit_that_comes_and_goes_is_told_once_a_session():
    """R5: up and down ten times is one warning and one word that it is over; the next session begins anew."""
    world = World(atr=40.0, protective=False)
    world.foreign_fill(ACME, Side.BUY, "600", "100")
    for _ in range(5):
        world.quote(ACME, 97.3)
        world.minutes(1, quotes=True)
        world.quote(ACME, 99.0)
        world.minutes(1, quotes=True)
    assert (len(told(world, "day_loss_warn")), len(told(world, "day_loss_resolved"))) == (1, 1)
    world.now = at("2008-10-07T14:30")
    world.quote(ACME, 99.0)
    world.minutes(1, quotes=True)
    world.quote(ACME, 96.3)
    world.minutes(1, quotes=True)
    assert len(told(world, "day_loss_warn")) == 2


def test_a_tripped_breaker_is_not_told_twice():
    """R5, E6: the breaker pages the day's loss, the guardian does not repeat it."""
    world = World(atr=40.0, protective=False)
    world.foreign_fill(ACME, Side.BUY, "600", "100")
    world.quote(ACME, 96.0)
    world.minutes(2, quotes=True)
    assert "breaker_daily_loss" in world.codes()
    assert "day_loss_act" not in world.codes()


def test_what_was_told_is_known_after_a_restart():
    """R5, J1: the same process or another, once a session."""
    world = World(atr=40.0, protective=False)
    world.foreign_fill(ACME, Side.BUY, "600", "100")
    world.quote(ACME, 97.3)
    world.minutes(1, quotes=True)
    before = len(world.all(Alerted))
    world.restart()
    world.connect()
    world.quote(ACME, 97.3)
    found = [a.code for a in world.all(Alerted)[before:]]
    world.minutes(2, quotes=True)
    assert not [code for code in found if code.endswith(("_warn", "_act"))]
    assert (len(told(world, "day_loss_warn")), len(told(world, "position_act", ACME))) == (1, 1)


@pytest.mark.parametrize("symbol", [ACME])
@given(st.lists(st.integers(60, 140), min_size=1, max_size=12))
def test_levels_follow_the_price_and_act_only_beyond_the_slack(symbol, prices):
    """R5: warned from 80 % of the limit, acted on above 110 % of it, by a reckoning of its own."""
    settings = BreakerSettings(daily_loss=0.99, position_loss=0.99)
    world = World(atr=60.0, protective=False, breaker=settings, gate=GateSettings(max_drawdown=0.99))
    world.foreign_fill(symbol, Side.BUY, "90", "100")
    for price in prices:
        world.quote(symbol, float(price), spread=0.0)
        world.book.remark()
        share = 90.0 * price / (100_000.0 + 90.0 * (price - 100.0))
        expected = Level.ACT if share > 0.11 else Level.WARN if share >= 0.08 else Level.OK
        if world.book.markets[symbol].mid == price:  # believed
            assert levels(world)["position", symbol] is expected


@given(
    st.sampled_from(NAMES),
    st.one_of(st.floats(0, 3), st.floats(allow_nan=True, allow_infinity=True)),
    st.floats(0, 2),
    st.floats(0.01, 1),
)
def test_what_is_below_its_warning_is_no_business_of_anybody(name, used, limit, warn_at):
    """R5: the guardian passes over a limit exactly when nothing would be told or done about it; a use nobody knows is acted on."""
    rules = make_rules(breaker=BreakerSettings(warn_at=warn_at))
    assert is_quiet((name, used, limit, ""), warn_at) is (
        judged((name, used, limit, ""), rules).watch.level is Level.OK
    )
