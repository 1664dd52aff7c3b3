"""Closed trades: what one is, what it remembers, and the counts of all there ever were."""

from __future__ import annotations

import math
from collections import defaultdict
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.core.orders import order as order_of
from tests.core.world import ACCOUNT, ACME, BOLT, DAY, MINUTE, T0, World, refold
from tradingd.core.book.book import Book
from tradingd.core.book.booked import Tally
from tradingd.core.book.ledger import post_fill
from tradingd.core.events import Action
from tradingd.core.facts import Decided, Filled, Kind, OrderIntended, OrderMoved, Outcome, Pools, StopSet
from tradingd.core.types import (
    DecisionId,
    ExecId,
    Leg,
    Money,
    Order,
    OrderId,
    Price,
    Qty,
    Side,
    Symbol,
    TierName,
    TradingState,
)  # fmt: skip

D = Decimal


class Round(NamedTuple):
    """A position of 6 opened at `entry` and closed by one or more orders, each in one or more executions: (quantity, price)."""

    symbol: Symbol
    side: Side
    micro: bool
    entry: int
    exits: list[list[tuple[int, int]]]


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    parts = draw(st.sampled_from([[[6]], [[2, 4]], [[1, 2, 3]], [[3], [3]], [[1, 1], [4]], [[2], [1, 1, 2]]]))
    prices = st.integers(95, 105)
    exits = [[(qty, draw(prices)) for qty in order] for order in parts]
    return Round(draw(st.sampled_from([ACME, BOLT])), draw(st.sampled_from(Side)), draw(st.booleans()), 100, exits)


class Teller:
    """Writes the facts of whole round trips into a book, as the pipeline would."""

    def __init__(self, *, apart: int = MINUTE) -> None:
        self.book = Book(ACCOUNT)
        self.facts: list = []
        self.expected: dict[OrderId, tuple[bool, Decimal]] = {}
        self._ids, self._now, self._apart = count(1), T0, apart

    def tell(self, one: Round) -> None:
        self.open(one)
        self.close(one)

    def open(self, one: Round) -> DecisionId:
        entry = self._decide(one, Kind.ENTRY, one.side, 6)
        self._fill(entry, 6, one.entry)
        self._emit(
            StopSet(
                ts=self._now, account=ACCOUNT, symbol=one.symbol, stop=Price(D(90)), target=Price(D(120)), entry=Price(D(100)),
                atr=1.0, multiplier=1.0, reward_risk=1.0, trailing=False, why="entry", decision_id=entry.decision_id,
            )
        )  # fmt: skip
        return entry.decision_id

    def close(self, one: Round) -> None:
        for pieces in one.exits:
            exit_order = self._decide(one, Kind.EXIT, one.side.opposite, sum(qty for qty, _ in pieces))
            for qty, price in pieces:
                realised = self._fill(exit_order, qty, price)
                known = self.expected.get(exit_order.order_id, (one.micro, D(0)))
                self.expected[exit_order.order_id] = (one.micro, known[1] + realised)

    def _emit(self, fact) -> None:
        self.book.emit(fact)
        self.facts.append(fact)

    def _decide(self, one: Round, kind: Kind, side: Side, qty: int) -> Order:
        n = next(self._ids)
        self._now += self._apart
        order = order_of(
            side, qty, account=ACCOUNT, order_id=OrderId(f"a1.{n}.{kind.value[1]}"), decision_id=DecisionId(f"d{n}"),
            symbol=one.symbol, leg=Leg.ENTRY if kind is Kind.ENTRY else Leg.EXIT, reduce_only=kind is Kind.EXIT,
        )  # fmt: skip
        self._emit(
            Decided(
                ts=self._now, account=ACCOUNT, decision_id=order.decision_id, seq=n, kind=kind, symbol=one.symbol, side=side,
                outcome=Outcome.ACT, source="api", cause=f"r{n}", headline=None, reasons=(), checks=(),
                pools=Pools(equity=1.0, active=1.0, reserve=0.0, cash=1.0), tier=TierName.MODERATE, heat=0.0, breaker="",
                state=TradingState.ACTIVE, orders=(order.order_id,), micro=one.micro,
            )
        )  # fmt: skip
        self._emit(OrderIntended(ts=self._now, account=ACCOUNT, order=order))
        return order

    def _fill(self, order: Order, qty: int, price: int) -> Decimal:
        self._now += self._apart
        held = self.book.booked.positions.get(order.symbol)
        fee = Money(D("0.35"))
        posting = post_fill(held, order.symbol, order.side, Qty(D(qty)), Price(D(price)), fee)
        self._emit(
            Filled(
                ts=self._now, account=ACCOUNT, order_id=order.order_id, exec_id=ExecId(f"x{next(self._ids)}"), symbol=order.symbol,
                side=order.side, qty=Qty(D(qty)), price=Price(D(price)), fee=fee, realised=posting.realised,
            )
        )  # fmt: skip
        working = self.book.booked.orders[order.order_id]
        if working.cum_qty == order.qty:
            self._emit(
                OrderMoved(ts=self._now, account=ACCOUNT, order_id=order.order_id, frm=working.life.value, to="filled")
            )
        return posting.realised


def counted(pnls: list[Decimal]) -> Tally:
    """By brute force, from the profit of each closing order."""
    won, lost = [p for p in pnls if p > 0], [p for p in pnls if p < 0]
    return Tally(len(pnls), len(won), len(lost), Money(sum(won, D(0))), Money(-sum(lost, D(0))))


def brute(teller: Teller, *, micro: bool) -> Tally:
    return counted([pnl for is_micro, pnl in teller.expected.values() if is_micro is micro])


@given(st.lists(rounds(), max_size=12))
def test_the_tallies_are_what_counting_all_executions_gives(told):
    """E14: one closing order is one trade, counted as what it ended as, in however many executions."""
    teller = Teller()
    for one in told:
        teller.tell(one)
    by_order: dict[OrderId, Decimal] = defaultdict(Decimal)
    for fact in teller.facts:
        if isinstance(fact, Filled) and fact.order_id.endswith(".x"):
            by_order[fact.order_id] += fact.realised
    booked = teller.book.booked
    assert {t.order_id: t.pnl for t in booked.trades} == by_order
    assert booked.tally.trades + booked.micro_tally.trades == len(by_order)
    assert booked.tally.pnl + booked.micro_tally.pnl == sum(by_order.values()) == booked.realised
    assert refold(teller.facts).dump() == teller.book.dump()


@given(st.lists(rounds(), max_size=12))
def test_micro_trades_and_standard_trades_are_counted_apart(told):
    """S2 property 33, E15: each tally is that of its own trades alone, whatever the other ones did."""
    both, standard, micro = Teller(), Teller(), Teller()
    for one in told:
        both.tell(one)
        (micro if one.micro else standard).tell(one)
    assert both.book.booked.tally == brute(both, micro=False) == standard.book.booked.tally
    assert both.book.booked.micro_tally == brute(both, micro=True) == micro.book.booked.micro_tally
    assert standard.book.booked.micro_tally == micro.book.booked.tally == Tally()


@given(st.lists(rounds(), min_size=1, max_size=6))
def test_a_trade_remembers_what_it_closed(told):
    """E14: quantity, average prices, when it was opened and the recommendation behind it; its profit follows from them."""
    teller = Teller()
    for one in told:
        teller.tell(one)
    trades = iter(teller.book.booked.trades)
    for one in told:
        for pieces in one.exits:
            trade = next(trades)
            assert (trade.symbol, trade.qty, trade.micro) == (one.symbol, sum(qty for qty, _ in pieces), one.micro)
            assert math.isclose(trade.exit, sum(q * p for q, p in pieces) / float(trade.qty))
            assert math.isclose(trade.entry, one.entry)
            profit = one.side.sign * (trade.exit - trade.entry) * float(trade.qty)
            assert math.isclose(float(trade.pnl), profit, abs_tol=1e-9)
            assert trade.cause.startswith("r")
            assert trade.opened_ts < trade.ts


def test_the_counts_outlive_the_trades():
    """E14: the list holds 45 days, the tally the whole life."""
    teller = Teller(apart=10 * DAY)
    one = Round(ACME, Side.BUY, False, 100, [[(6, 101)]])
    for _ in range(10):
        teller.tell(one)
    booked = teller.book.booked
    assert len(booked.trades) == 2
    assert booked.tally == Tally(10, 10, 0, Money(D(60)), Money(D(0)))


def test_a_trade_that_ends_at_nothing_counts_and_is_neither_won_nor_lost():
    """E14."""
    teller = Teller()
    teller.tell(Round(ACME, Side.BUY, False, 100, [[(6, 100)]]))
    teller.tell(Round(ACME, Side.BUY, False, 100, [[(3, 101), (3, 99)]]))
    assert teller.book.booked.tally == Tally(2, 0, 0)


def test_a_loss_that_became_a_win_is_one_win():
    """E14: the order was under water after its first execution."""
    teller = Teller()
    teller.tell(Round(ACME, Side.BUY, False, 100, [[(1, 95), (5, 103)]]))
    assert teller.book.booked.tally == Tally(1, 1, 0, Money(D(10)), Money(D(0)))


def test_a_trade_names_its_recommendation_after_weeks():
    """E14: the orders of its entry are long forgotten; and nothing of it is kept once it is closed."""
    teller = Teller(apart=15 * MINUTE)
    held = Round(ACME, Side.BUY, False, 100, [[(6, 102)]])
    entry = teller.open(held)
    for _ in range(250):
        teller.tell(Round(BOLT, Side.BUY, False, 100, [[(6, 101)]]))
    booked = teller.book.booked
    assert not [w for w in booked.orders.values() if w.order.decision_id == entry]
    assert entry in booked.plans
    teller.close(held)
    assert (booked.trades[-1].symbol, booked.trades[-1].cause) == (ACME, f"r{entry[1:]}")
    assert entry not in booked.plans
    assert len(booked.plans) < 500


def test_an_execution_nobody_ordered_closes_a_trade_of_its_own():
    """E14, A17: two of them are two."""
    world = World()
    world.buy(ACME)
    for price in ("101", "99"):
        world.foreign_fill(ACME, Side.SELL, "1", price)
    assert [t.pnl for t in world.book.booked.trades] == [D("0.99"), D("-1.01")]
    world.recommend(ACME, Action.SELL)
    assert world.book.booked.tally.trades == 2
