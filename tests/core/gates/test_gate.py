"""The gate on its own: each limit at its edge, what exits meet, and the switch right before the bytes leave."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import msgspec
import pytest

from tradingd.core.facts import Reason
from tradingd.core.gates.gate import (
    GateSettings,
    Intent,
    Standing,
    approve_entry,
    approve_exit,
    approve_protection,
    may_send,
    observes,
    order_id,
)  # fmt: skip
from tradingd.core.types import (
    NS,
    AccountId,
    DecisionId,
    Instrument,
    Leg,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
    TradingState,
)  # fmt: skip

D = Decimal
STOCK = Instrument(symbol=Symbol("ACME"))
S = GateSettings()
NOW = 1_000 * NS
CALM = Standing(
    equity=100_000.0, buying_power=100_000.0, day_loss=0.0, drawdown=0.0, position_value=0.0, sector_value=0.0, open_positions=0,
    open_trades=0, opposite_resting=False, day_trades=0, orders_last_minute=0, same_recently=0,
    identical_recently=False, rejects_in_row=0,
)  # fmt: skip
ENTRY = Intent(
    account=AccountId("a1"), decision_id=DecisionId("d7"), seq=7, symbol=Symbol("ACME"), side=Side.BUY, qty=Qty(D(10)),
    leg=Leg.ENTRY, type=OrderType.LIMIT, tif=Tif.DAY, ref_price=100.0, ref_ts=NOW, limit=Price(D("100.20")),
)  # fmt: skip
EXIT = msgspec.structs.replace(ENTRY, side=Side.SELL, leg=Leg.EXIT, type=OrderType.MARKET, limit=None)
STOP = msgspec.structs.replace(EXIT, leg=Leg.PROTECT, type=OrderType.STOP, stop=Price(D("97")), protective=True)
replace = msgspec.structs.replace


def enter(standing: Standing = CALM, intent: Intent = ENTRY, now: int = NOW, s: GateSettings = S):
    return approve_entry(intent, STOCK, 1.0, standing, s, now)


# notional is 1,000; each pair is the last value that passes and the first that does not
EDGES = [
    ("buying_power", 1000.0, 999.99, Reason.BUYING_POWER),
    ("buying_power", 1000.0, nan, Reason.BUYING_POWER),
    ("position_value", 9_000.0, 9_000.01, Reason.POSITION_LIMIT),
    ("position_value", 9_000.0, nan, Reason.POSITION_LIMIT),
    ("sector_value", 29_000.0, 29_000.01, Reason.SECTOR_LIMIT),
    ("day_loss", 0.03, 0.0300001, Reason.DAILY_LOSS),
    ("drawdown", 0.25, 0.2500001, Reason.DRAWDOWN),
    ("drawdown", 0.25, nan, Reason.DRAWDOWN),
    ("open_positions", 19, 20, Reason.OPEN_POSITIONS),
    ("open_trades", 19, 20, Reason.OPEN_TRADES),
    ("opposite_resting", False, True, Reason.WASH_TRADE),
    ("orders_last_minute", 59, 60, Reason.ORDER_RATE),
    ("same_recently", 2, 3, Reason.REPEATED_EXECUTION),
    ("identical_recently", False, True, Reason.DUPLICATE_ORDER),
    ("rejects_in_row", 2, 3, Reason.REJECT_LOOP),
]


@pytest.mark.parametrize(("field", "passes", "fails", "reason"), EDGES)
def test_each_entry_guard_at_its_edge(field, passes, fails, reason):
    """R1, R2: the limit itself passes; NaN fails closed."""
    assert enter(replace(CALM, **{field: passes})).order is not None
    refused = enter(replace(CALM, **{field: fails}))
    assert (refused.order, refused.reasons) == (None, (reason,))


@pytest.mark.parametrize("equity", [0.0, -1.0, nan])
def test_without_equity_no_share_is_small_enough(equity):
    """R1: closed, not divided by nothing."""
    assert {Reason.POSITION_LIMIT, Reason.SECTOR_LIMIT} <= set(enter(replace(CALM, equity=equity)).reasons)


def test_the_day_trader_rule_is_for_small_accounts():
    """R1: three in five sessions below 25,000; not above, not when switched off."""
    small = replace(CALM, equity=24_999.0, day_trades=3)
    assert enter(small).reasons == (Reason.PDT,)
    assert enter(replace(small, day_trades=2)).order is not None
    assert enter(replace(small, equity=25_000.0)).order is not None
    assert enter(small, s=GateSettings(pdt=False)).order is not None


def test_an_old_price_is_no_price():
    """F1, I12: five seconds and not a nanosecond more."""
    assert enter(now=NOW + 5 * NS).order is not None
    assert enter(now=NOW + 5 * NS + 1).reasons == (Reason.STALE_PRICE,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"qty": Qty(D("10.5"))}, Reason.INVALID),
        ({"limit": Price(D("100.205"))}, Reason.INVALID),
        ({"limit": Price(D("-1.00")), "ref_price": 1.0}, Reason.INVALID),
        ({"qty": Qty(D(100_001)), "ref_price": 1.0, "limit": Price(D("1.00"))}, Reason.MAX_QTY),
        ({"qty": Qty(D(2_501))}, Reason.MAX_NOTIONAL),
        ({"limit": Price(D("102.01"))}, Reason.PRICE_COLLAR),
        ({"ref_price": 0.0}, Reason.PRICE_COLLAR),
        ({"ref_price": nan}, Reason.PRICE_COLLAR),
        ({"ref_price": inf}, Reason.PRICE_COLLAR),
    ],
)
def test_sanity_controls(change, reason):
    """R2, G1, G8: grid, quantity, notional, collar; what cannot be compared is refused."""
    verdict = enter(replace(CALM, buying_power=1e12, equity=1e12), replace(ENTRY, **change))
    assert verdict.order is None
    assert reason in verdict.reasons


def test_one_failure_of_an_earlier_gate_refuses_and_all_are_listed():
    """E11: the checks of the gates before come first."""
    before = (observes(True),)
    verdict = approve_entry(ENTRY, STOCK, 1.0, replace(CALM, drawdown=0.9), S, NOW, before)
    assert verdict.reasons == (Reason.ACCOUNT_BLOCKED, Reason.DRAWDOWN)
    assert verdict.checks[0] == before[0]


@pytest.mark.parametrize(
    ("position", "working", "change", "reasons"),
    [
        ("10", "0", {}, ()),
        ("10", "1", {}, (Reason.NOTHING_TO_REDUCE,)),
        ("10", "10", {}, (Reason.NOTHING_TO_REDUCE,)),
        ("0", "0", {}, (Reason.NOTHING_TO_REDUCE,)),
        ("-10", "0", {}, (Reason.NOTHING_TO_REDUCE,)),
        ("-10", "0", {"side": Side.BUY}, ()),
        ("10", "0", {"qty": Qty(D(0))}, (Reason.NOTHING_TO_REDUCE,)),
        ("10", "0", {"qty": Qty(D("0.5"))}, (Reason.INVALID,)),
        ("0.5", "0", {"qty": Qty(D("0.5"))}, ()),  # what a split left behind may go
        ("200000", "0", {"qty": Qty(D(200_000))}, (Reason.MAX_QTY,)),
        ("90000", "0", {"qty": Qty(D(90_000))}, ()),
        ("10", "0", {"ref_price": nan}, ()),
    ],
)
def test_an_exit_shrinks_the_position_and_meets_only_sanity(position, working, change, reasons):
    """R3, G11: no notional limit, no collar: a position may have grown past both."""
    verdict = approve_exit(replace(EXIT, **change), STOCK, 1.0, Qty(D(position)), Qty(D(working)), 0, S)
    assert verdict.reasons == reasons
    assert (verdict.order is not None) == (not reasons)


def test_exits_have_a_budget_of_their_own():
    """R2, I5, D16: the 120th of a minute passes when it guards the account, ideas of selling leave a quarter for those."""
    for protective, lately, passes in ((True, 119, True), (True, 120, False), (False, 89, True), (False, 90, False)):
        verdict = approve_exit(replace(EXIT, protective=protective), STOCK, 1.0, Qty(D(10)), Qty(D(0)), lately, S)
        assert (verdict.order is not None) == passes


def test_a_stop_protects_what_is_there():
    """E4: its side, its size, its grid."""
    assert approve_protection(STOP, STOCK, Qty(D(10))).order.reduce_only
    for intent, position in ((STOP, "9"), (STOP, "-10"), (STOP, "0"), (replace(STOP, stop=Price(D("97.005"))), "10")):
        assert approve_protection(intent, STOCK, Qty(D(position))).order is None


def test_order_ids_come_from_account_decision_and_leg():
    """O2: and a suffix where one leg of a decision needs several."""
    assert order_id(ENTRY) == "a1.7.e"
    assert order_id(replace(STOP, suffix="2")) == "a1.7.p2"


ENTRY_ORDER = enter().order
EXIT_ORDER = approve_exit(EXIT, STOCK, 1.0, Qty(D(10)), Qty(D(0)), 0, S).order
STOP_ORDER = approve_protection(STOP, STOCK, Qty(D(10))).order


@pytest.mark.parametrize(
    ("state", "entry", "exit_", "stop"),
    [
        (TradingState.ACTIVE, None, None, None),
        (TradingState.REDUCING, Reason.REDUCING, None, None),
        (TradingState.HALTED, Reason.HALTED, Reason.HALTED, None),
        (TradingState.LOCKED, Reason.LOCKED, None, None),
    ],
)
def test_what_may_leave_in_each_state(state, entry, exit_, stop):
    """FEATURES 5.9, I7: asked again right before the bytes leave."""
    for order, expected in ((ENTRY_ORDER, entry), (EXIT_ORDER, exit_), (STOP_ORDER, stop)):
        assert may_send(order, state, now=NOW, price_ts=NOW, link_up=True, s=S) == expected


def test_an_entry_is_judged_again_after_the_durability_wait():
    """I12, B10, F1: link and age of the price; an exit is not."""
    active = TradingState.ACTIVE
    assert may_send(ENTRY_ORDER, active, now=NOW, price_ts=NOW, link_up=False, s=S) is Reason.LINK_NOT_READY
    assert may_send(ENTRY_ORDER, active, now=NOW + 6 * NS, price_ts=NOW, link_up=True, s=S) is Reason.STALE_PRICE
    assert may_send(EXIT_ORDER, active, now=NOW + 60 * NS, price_ts=NOW, link_up=False, s=S) is None


@pytest.mark.parametrize("name", [n for n in GateSettings.__struct_fields__ if n != "pdt"])
@pytest.mark.parametrize("wrong", [0, -1, nan, inf])
def test_a_limit_that_limits_nothing_is_refused_when_it_is_read(name, wrong):
    """G1 (FIA): a missing limit means no trading, not no limit."""
    with pytest.raises(ValueError, match=name):
        GateSettings(**{name: wrong})


def test_a_share_above_the_whole_is_refused():
    """G1: ten per cent is 0.10."""
    with pytest.raises(ValueError, match="share"):
        GateSettings(max_position_pct=10)
