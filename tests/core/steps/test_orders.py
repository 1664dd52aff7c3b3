"""What venues say of our orders, in every order in which they say it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, EURO, INSTRUMENTS, World, make_rules
from tradingd.core.book.orders import Life
from tradingd.core.events import (
    Action,
    CancelRejected,
    FillSeen,
    ForeignOrder,
    FxRate,
    OrderAccepted,
    OrderExpired,
    OrderReplaced,
    PositionsSeen,
    ReplaceRejected,
)  # fmt: skip
from tradingd.core.facts import (
    Alerted,
    AmendRefused,
    Anomaly,
    CancelIntended,
    CancelRefused,
    Filled,
    ForeignSeen,
    OrderMoved,
    Outcome,
    Reason,
    ReplaceIntended,
    StateChanged,
)  # fmt: skip
from tradingd.core.types import (
    ExecId,
    Instrument,
    Money,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    TradingState,
    VenueOrderId,
)

D = Decimal


def entry(world: World) -> OrderId:
    return world.recommend(ACME).orders[0]


def anomalies(world: World) -> list[str]:
    return [a.kind for a in world.all(Anomaly)]


def test_a_fill_before_the_acknowledgement_is_booked_and_the_late_answer_changes_nothing():
    """A16."""
    world = World()
    order_id = entry(world)
    world.fill(order_id)
    assert world.order(order_id).life is Life.FILLED
    world.accept(order_id)
    assert world.order(order_id).life is Life.FILLED
    assert anomalies(world) == []


def test_a_fill_after_the_cancel_is_booked():
    """A14: fills win; what was cancelled stays cancelled."""
    world = World()
    order_id = entry(world)
    world.accept(order_id)
    world.cancelled(order_id, "0")
    world.fill(order_id, "10")
    assert world.book.qty(ACME) == 10
    assert world.order(order_id).life is Life.CANCELLED
    assert world.book.protection(ACME).qty == 10


def test_a_fill_is_booked_once():
    """I4, D8, D12: by its number and by its id."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "10")
    fill = {"exec_id": ExecId("x1"), "price": "100.01"}
    world.fill(order_id, "10", **fill, cursor=1)
    world.fill(order_id, "10", **fill, cursor=0)
    assert world.book.qty(ACME) == 10
    assert len(world.all(Filled)) == 1


def test_the_same_content_under_another_id_beyond_the_order_is_not_booked():
    """D9: quarantined, told, new risk off."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "35", "100.01", cursor=0)
    world.fill(order_id, "35", "100.01", cursor=0)
    assert world.book.qty(ACME) == 35
    assert anomalies(world) == ["duplicate_execution"]
    assert world.book.state() is TradingState.REDUCING


def test_of_two_alike_that_the_venue_has_numbered_both_are_real():
    """A17: two parts of one size at one price and one share too many; the second is no twin, for the venue counted both."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "30", "100.00")
    world.fill(order_id, "3", "100.01")
    world.fill(order_id, "3", "100.01")
    assert world.book.qty(ACME) == 36
    assert anomalies(world) == ["overfill"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("overfill", {"qty": "36"}),
        ("fill_mismatch", {"price": "150"}),
        ("fill_mismatch", {"side": Side.SELL}),
        ("fill_mismatch", {"symbol": BOLT}),
    ],
)
def test_an_execution_other_than_ordered_is_booked_told_and_stops_new_risk(kind, changes):
    """A17: it is real; a page; REDUCING until a named operator looked, also after a restart."""
    world = World()
    world.fill(entry(world), **changes)
    assert len(world.of(Filled)) == 1
    assert anomalies(world) == [kind]
    assert [s.key for s in world.of(StateChanged)] == [f"rule:{kind}"]
    assert "page" in {a.level for a in world.of(Alerted)}
    world.restart()
    assert world.book.state() is TradingState.REDUCING


def test_an_execution_of_a_stranger_is_booked_and_told():
    """D21, I4: the position is what the account holds."""
    world = World()
    world.foreign_fill(ACME, Side.BUY, "12", "100")
    assert world.book.qty(ACME) == 12
    assert anomalies(world) == ["foreign_fill"]
    assert ACME in world.book.booked.levels


def test_an_execution_of_a_symbol_that_is_not_configured_stops_new_risk():
    """D21: it cannot be booked without its grid; it is told, and positions will drift."""
    world = World()
    world.foreign_fill(Symbol("NOPE"), Side.BUY, "12", "100")
    assert anomalies(world) == ["fill_of_unknown_symbol"]
    assert world.book.state() is TradingState.REDUCING


def unlist(world: World, symbol: Symbol) -> None:
    """A new life, and the venue does not list the symbol any more."""
    world.rules.instruments = {s: i for s, i in world.rules.instruments.items() if s != symbol}
    world.restart()
    world.bars()
    world.connect()


def test_a_fill_of_ours_in_a_symbol_that_is_not_listed_any_more_is_booked():
    """I4: at the multiplier and the rate it was bought at; the fills after it do not wait; told, and no new risk."""
    listed = {**INSTRUMENTS, EURO: Instrument(symbol=EURO, currency="EUR", multiplier=D("50"))}
    world = World(cash="10000000", rules=make_rules(instruments=listed))
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.25"))))
    held = world.buy(EURO)
    stop = world.book.protection(EURO)
    assert stop is not None
    unlist(world, EURO)
    before = world.book.booked.cash
    world.fill(stop.order.order_id, price="98")
    assert world.book.qty(EURO) == 0
    assert world.book.booked.cash - before == held * 98 * 50 * D("1.25")
    assert world.book.booked.fill_cursor == world.cursor
    assert "fill_of_unknown_symbol" in anomalies(world)
    assert world.book.state() is TradingState.REDUCING
    assert world.refold() == world.book.dump()


def test_an_entry_of_a_symbol_that_is_not_listed_any_more_stops_no_decision():
    """I6, I8: its claim on cash and heat stays counted, and its fill is booked."""
    world = World()
    (order_id,) = world.recommend(ACME).orders
    world.accept(order_id)
    unlist(world, ACME)
    world.quote(BOLT, 100.0)
    decided = world.recommend(BOLT)
    assert decided.outcome is Outcome.ACT
    assert decided.heat > 0
    world.fill(order_id)
    assert world.book.qty(ACME) > 0
    assert world.order(order_id).life is Life.FILLED


@pytest.mark.parametrize("qty", ["0", "-3", "NaN", "Infinity"])
def test_a_foreign_execution_without_a_quantity_is_none(qty):
    """D18: recorded and told, not booked."""
    world = World()
    world.foreign_fill(ACME, Side.BUY, qty, "100")
    assert anomalies(world) == ["fill_mismatch"]
    assert world.book.qty(ACME) == 0


def test_an_answer_to_an_order_nobody_knows_is_told():
    """O3: never applied."""
    world = World()
    world.step(
        OrderAccepted(ts=world.now, account=ACCOUNT, order_id=OrderId("a1.99.e"), venue_order_id=VenueOrderId("v"))
    )
    world.step(OrderReplaced(ts=world.now, account=ACCOUNT, order_id=OrderId("a1.99.e"), rev=1, qty=Qty(D(1))))
    assert anomalies(world) == ["unknown_order", "unknown_order"]


def test_an_impossible_transition_is_recorded_and_told_and_changes_nothing():
    """O3: an acceptance of what was proven never to have arrived."""
    world = World()
    order_id = entry(world)
    world.never(order_id)
    world.accept(order_id)
    assert world.order(order_id).life is Life.NEVER
    assert anomalies(world) == ["impossible_transition"]


def test_a_venue_that_counts_less_than_we_booked_is_told():
    """A14, D9: both figures in the detail."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "10")
    world.cancelled(order_id, "4")
    assert anomalies(world) == ["cum_qty_mismatch"]
    assert "venue says 4, booked 10" in world.all(Anomaly)[0].detail
    assert world.book.qty(ACME) == 10


def test_a_partial_fill_then_expiry_leaves_the_part():
    """A14: what is held is protected."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "10")
    world.step(OrderExpired(ts=world.now, account=ACCOUNT, order_id=order_id, cum_qty=Qty(D(10))))
    assert world.order(order_id).life is Life.EXPIRED
    assert (world.book.qty(ACME), world.book.working_entries(ACME)) == (10, 0)


def test_too_late_to_cancel_is_no_alarm():
    """A14: the fill that made it so follows."""
    world = World()
    order_id = entry(world)
    world.accept(order_id)
    world.minutes(16)
    assert world.order(order_id).cancel_asked
    world.step(CancelRejected(ts=world.now, account=ACCOUNT, order_id=order_id, code="late"))
    assert len(world.of(CancelRefused)) == 1
    world.fill(order_id)
    assert anomalies(world) == []
    assert world.order(order_id).life is Life.FILLED


def test_a_replace_that_races_a_fill_never_counts_too_little():
    """A15: while the answer is out the larger of both quantities is reserved; refused, the old one stands."""
    world = World()
    order_id = entry(world)
    world.fill(order_id, "10")
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    world.fill(order_id, "10")
    [asked] = world.of(ReplaceIntended)
    assert world.order(stop).leaves() == 20
    world.step(ReplaceRejected(ts=world.now, account=ACCOUNT, order_id=stop, rev=asked.rev, code="no"))
    assert len(world.of(AmendRefused)) == 1
    assert world.order(stop).leaves() == 10
    asked_again = [f for f in world.minutes(1, quotes=True) if isinstance(f, ReplaceIntended)]
    assert [r.rev for r in asked_again] == [asked.rev + 1]


def test_an_accepted_amend_of_an_unknown_order_proves_that_it_lives():
    """A15, O2."""
    world = World()
    world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.quote(ACME, 102.5)
    [asked] = world.of(ReplaceIntended)
    world.lose(stop)
    world.step(
        OrderReplaced(ts=world.now, account=ACCOUNT, order_id=stop, rev=asked.rev, qty=asked.qty, stop=asked.stop)
    )
    assert world.order(stop).life is Life.LIVE
    assert world.order(stop).stop == asked.stop


def test_an_order_of_somebody_else_is_recorded_and_told():
    """D21: never cancelled."""
    world = World()
    world.step(
        ForeignOrder(
            ts=world.now, account=ACCOUNT, venue_order_id=VenueOrderId("z"), symbol=ACME, side=Side.BUY, qty=Qty(D(5)),
            type=OrderType.LIMIT, open=True,
        )
    )  # fmt: skip
    assert len(world.of(ForeignSeen)) == 1
    assert world.codes() == ["foreign_order"]
    assert list(world.book.booked.foreign) == ["z"]


def test_a_refused_order_frees_what_it_reserved():
    """I6, O3: only because the venue said so."""
    world = World()
    order_id = entry(world)
    assert world.book.working_entries(ACME) == 35
    world.reject(order_id)
    assert world.book.working_entries(ACME) == 0
    assert world.book.booked.rejects[ACME] == 1


def test_fills_out_of_order_are_booked_once_each_and_the_gap_stays_open():
    """D10, D11: the cursor waits at the gap, so the missing one is asked for."""
    world = World()
    order_id = entry(world)
    for cursor, qty in ((3, "5"), (1, "6"), (3, "5"), (2, "7"), (1, "6")):
        world.fill(order_id, qty, exec_id=ExecId(f"e{cursor}"), cursor=cursor)
    assert world.book.qty(ACME) == 18
    assert world.book.booked.fill_cursor == 3


def test_a_day_trade_is_counted():
    """R1: opened and closed within one session."""
    world = World(protective=False)
    world.buy(ACME)
    world.quote(ACME, 105.0)
    world.fill(world.exit_order().order.order_id)
    assert world.book.booked.day_trades == ["2008-10-06"]


def test_a_fee_is_no_profit():
    """O4: booked apart; the reserve takes its share of the gross profit."""
    world = World(protective=False)
    order_id = entry(world)
    world.step(
        FillSeen(
            ts=world.now, account=ACCOUNT, order_id=order_id, exec_id=ExecId("x1"), symbol=ACME, side=Side.BUY, qty=Qty(D(35)),
            price=Price(D("100")), fee=Money(D("1.50")), cursor=1,
        )
    )  # fmt: skip
    assert world.book.booked.cash == D("100000") - 3500 - D("1.50")
    assert (world.book.booked.fees, world.book.booked.realised) == (D("1.50"), 0)


def test_a_lost_stop_of_a_held_position_pages():
    """I14: an unprotected position is somebody's business."""
    world = World()
    world.buy(ACME)
    world.lose(world.book.protection(ACME).order.order_id)
    assert [(a.level, a.code) for a in world.of(Alerted)] == [("page", "exit_not_placed")]
    assert [m.to for m in world.of(OrderMoved)] == ["unknown"]
    assert Reason.ORDER_UNKNOWN in world.recommend(BOLT).reasons


def test_an_execution_that_is_not_booked_does_not_hold_up_the_count():
    """I4, B6: its number is passed over, later fills are booked, positions compared, the rest is drift."""
    world = World()
    cursor = world.book.booked.fill_cursor
    world.step(
        FillSeen(
            ts=world.now, account=ACCOUNT, order_id="", exec_id="x-strange", symbol="TSLA", side=Side.BUY, qty=Qty(D(5)),
            price=Price(D(10)), fee=Money(D(0)), cursor=cursor + 1,
        )
    )  # fmt: skip
    assert world.book.booked.fill_cursor == cursor + 1
    assert not world.book.booked.fills_ahead
    assert "fill_of_unknown_symbol" in world.codes()
    world.step(PositionsSeen(ts=world.now, account=ACCOUNT, positions={"TSLA": Qty(D(5))}, cursor=cursor + 1))
    assert "TSLA" in world.book.booked.drift


# what comes after the end, twice, or in parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["never", "reject"])
def test_an_order_accepted_after_its_end_is_taken_back(end):
    """A13, O3: nobody waits for it any more; the contradiction is told, and it must not fill."""
    world = World()
    order_id = entry(world)
    getattr(world, end)(order_id)
    world.accept(order_id)
    assert anomalies(world) == ["impossible_transition"]
    assert [c.order_id for c in world.of(CancelIntended)] == [order_id]
    world.fill(order_id, qty="10")
    assert world.book.qty(ACME) == 10, "what fills all the same is booked"


def test_a_strangers_execution_without_a_number_is_booked_once():
    """I4: a venue that does not number its fills tells them again at each question."""
    world = World()
    for n in range(2):
        fill = FillSeen(
            ts=world.now, account=ACCOUNT, order_id=OrderId(""), exec_id=ExecId("z9"), symbol=ACME, side=Side.BUY, qty=Qty(D(4)),
            price=Price(D(100)), fee=Money(D(0)), cursor=0,
        )  # fmt: skip
        world.step(fill)
        if n == 0:
            world.restart()
            world.connect()
    assert world.book.qty(ACME) == 4


def test_the_executions_of_one_closing_order_are_one_trade():
    """E2, R1: neither the win rate nor the count of day trades is made by how a venue cuts an order into pieces."""
    world = World()
    world.buy(ACME)
    world.recommend(ACME, Action.SELL)
    order_id = world.exit_order().order.order_id
    for price in ("101", "102", "99"):
        world.fill(order_id, qty="10", price=price)
    booked = world.book.booked
    assert len(booked.day_trades) == 1
    [trade] = booked.trades
    assert trade.pnl == sum(f.realised for f in world.all(Filled))
    assert world.refold() == world.book.dump()
