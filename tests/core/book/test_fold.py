"""The fold: total over all facts, bounded in memory, the only writer."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest

from tests.core.world import ACCOUNT, ACME, DAY, MINUTE, World, refold
from tradingd.core.book import fold as room
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.events import Action
from tradingd.core.facts import Alerted, AnyFact, CashMoved, CommandSeen, ConfigChanged, ShutDown
from tradingd.core.types import Money, Side

D = Decimal


def test_every_fact_has_its_fold():
    """J1: facts that change nothing booked are named here, so that a new one is not forgotten."""
    assert set(get_args(AnyFact)) - set(room._HANDLERS) <= {ConfigChanged, ShutDown}


def test_a_fold_of_nothing_is_an_empty_account():
    """J1."""
    assert refold([]).dump() == World(ready=False).book.dump()


def test_no_two_books_share_what_they_hold():
    """ARCHITECTURE: the account is the unit of isolation; defaults are not shared."""
    one, two = Booked(account=ACCOUNT), Booked(account=ACCOUNT)
    fold(one, CashMoved(ts=1, account=ACCOUNT, kind="dividend", amount=Money(D(1)), action_id="x"))
    assert (two.cash, two.actions) == (0, [])


def test_memory_is_bounded_whatever_the_history():
    """I15: alerts, commands, actions, decisions, seen ideas."""
    world = World()
    for i in range(600):
        ts = world.now + i
        world.book.replay(Alerted(ts=ts, account=ACCOUNT, level="log", code="c", text="t"))
        world.book.replay(
            CommandSeen(ts=ts, account=ACCOUNT, command_id=f"c{i}", verb="pause", actor="a", reason="", answer="")
        )
        world.book.replay(CashMoved(ts=ts, account=ACCOUNT, kind="dividend", amount=Money(D(0)), action_id=f"a{i}"))
        world.recommend(ACME, confidence=0.1)
    booked = world.book.booked
    assert (len(booked.alerts), len(booked.commands), len(booked.actions), len(booked.recent)) == (100, 200, 500, 100)


def test_an_idea_is_remembered_for_as_long_as_its_twin_could_be_taken():
    """E1: more than a day; then it is forgotten, because a copy would be stale."""
    world = World()
    world.recommend(ACME, confidence=0.1)
    world.now += DAY + 30 * MINUTE
    world.recommend(ACME, confidence=0.1)
    assert len(world.book.booked.seen) == 2
    world.now += 2 * DAY + MINUTE
    world.recommend(ACME, confidence=0.1)
    assert len(world.book.booked.seen) == 1


def test_the_counts_are_part_of_the_fold():
    """H3: what the page shows survives a restart."""
    world = World()
    world.buy(ACME)
    world.recommend(ACME, confidence=0.1)
    counts = refold(world.facts).booked.counts
    assert counts == world.book.booked.counts
    assert (counts["decisions"], counts["acted"], counts["refused"], counts["orders"], counts["fills"]) == (
        2,
        1,
        1,
        2,
        1,
    )


def test_a_closed_trade_keeps_what_was_closed_and_what_it_stood_on():
    """E14: quantity, average prices in and out, when it was opened, whose idea it was; executions of one order are one trade."""
    world = World()
    decided = world.recommend(ACME)
    world.fill(decided.orders[0], "15", "100")
    opened = world.now
    world.wait(1)
    world.fill(decided.orders[0], "20", "100.10")
    world.wait(60)
    world.recommend(ACME, Action.SELL)
    order_id = world.exit_order().order.order_id
    world.fill(order_id, "5", "102")
    closed = world.now
    world.wait(1)
    world.fill(order_id, "30", "101")
    [trade] = refold(world.facts).booked.trades
    entry = (15 * 100 + 20 * 100.1) / 35
    assert (trade.ts, trade.symbol, trade.order_id, trade.qty) == (closed, ACME, order_id, 35)
    assert (trade.opened_ts, trade.cause, trade.micro) == (opened, decided.cause, False)
    assert trade.entry == pytest.approx(entry, rel=1e-12)
    assert trade.exit == pytest.approx((5 * 102 + 30 * 101) / 35, rel=1e-12)
    assert float(trade.pnl) == pytest.approx(35 * (trade.exit - trade.entry), abs=1e-9)


def test_a_trade_that_ends_even_is_a_trade():
    """E14: neither a win nor a loss, and counted."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    world.foreign_fill(ACME, Side.SELL, "10", "100")
    [trade] = world.book.booked.trades
    assert (trade.pnl, trade.qty, trade.entry, trade.exit, trade.cause) == (0, 10, 100.0, 100.0, "")


def test_a_position_that_flips_belongs_to_nobodys_idea_any_more():
    """E14, A17: what was closed bears the idea; what was opened beyond it does not."""
    world = World(protective=False)
    world.buy(ACME)
    cause = world.book.booked.causes[ACME]
    world.foreign_fill(ACME, Side.SELL, "50", "101")
    world.foreign_fill(ACME, Side.BUY, "15", "100")
    assert [(t.qty, t.cause) for t in world.book.booked.trades] == [(35, cause), (15, "")]
    assert world.book.booked.causes == {}


def test_whose_idea_a_position_was_is_known_however_long_it_is_held():
    """E14, I15: orders and plans are forgotten after a week, what a position stands on is not."""
    world = World(protective=False)
    world.buy(ACME)
    cause = world.book.booked.causes[ACME]
    world.book.booked.orders.clear()
    world.book.booked.plans.clear()
    world.foreign_fill(ACME, Side.SELL, "10", "101")
    assert world.book.booked.trades[-1].cause == cause
