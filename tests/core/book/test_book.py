"""One account's state: what it answers, and that a dump is all of its booked half."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, DAY, EURO, World
from tradingd.core.book.book import Book
from tradingd.core.events import FxRate
from tradingd.core.facts import Alerted, StartedUp
from tradingd.core.types import NS, Leg, Price, Side

D = Decimal


def test_a_dump_is_loaded_back_whole_even_while_an_amend_is_out():
    """I8, B14: a snapshot may be taken in any state, and folding goes on from it."""
    world = World()
    order_id = world.recommend(ACME).orders[0]
    world.fill(order_id, "10")
    world.accept(world.book.protection(ACME).order.order_id)
    world.fill(order_id, "10")
    assert world.book.protection(ACME).pending
    data = world.book.dump()
    again = Book(world.book.account, booked=Book.load(data))
    assert again.dump() == data
    assert again.open_orders() == world.book.open_orders()


def test_a_snapshot_and_its_tail_are_the_live_book():
    """I8: wherever the snapshot is taken."""
    world = World()
    world.buy(ACME)
    cut, data = len(world.facts), world.book.dump()
    world.quote(ACME, 105.0)
    world.fill(world.exit_order().order.order_id)
    again = Book(world.book.account, booked=Book.load(data))
    for fact in world.facts[cut:]:
        again.replay(fact)
    assert again.dump() == world.book.dump()
    assert again.open_orders() == world.book.open_orders()


def test_a_start_says_what_time_it_is():
    """E1, I8: after a life with a clock a year ahead, in the whole journal as in a snapshot."""
    world = World()
    future = Alerted(ts=world.now + 365 * DAY, account=ACCOUNT, level="log", code="x", text="a year ahead")
    started = StartedUp(ts=world.now + 60 * NS, account=ACCOUNT, mode="paper", build="b", config="c", clean=True)
    for fact in (future, started):
        world.book.replay(fact)
    assert world.book.now == world.book.booked.last_ts == started.ts


def test_open_orders_are_those_that_may_still_trade():
    """I6, O2: unknown ones included, by symbol and leg, in the order they were intended."""
    world = World()
    first, second = (world.recommend(s).orders[0] for s in (ACME, BOLT))
    world.lose(first)
    assert [w.order.order_id for w in world.book.open_orders()] == [first, second]
    assert [w.order.order_id for w in world.book.unknown_orders()] == [first]
    world.reject(second)
    assert world.book.open_orders(BOLT) == []
    assert world.book.open_orders(leg=Leg.EXIT) == []


def test_values_count_positions_and_working_entries_by_sector():
    """I6, R1: at the mark."""
    world = World()
    world.foreign_fill(BOLT, Side.BUY, "10", "100")
    world.recommend(ACME)
    assert world.book.values() == pytest.approx({"energy": 1000.0, "tech": 3500.0})
    assert world.book.sector_value("tech") == pytest.approx(3500.0)
    assert world.book.sector_value("nothing") == 0.0


def test_a_short_counts_by_its_size():
    """O4: exposure is never negative; equity is."""
    world = World()
    world.foreign_fill(BOLT, Side.SELL, "10", "100")
    world.quote(BOLT, 110.0)
    assert world.book.symbol_value(BOLT) == pytest.approx(1100.0)
    assert world.book.equity == pytest.approx(99_900.0)


def test_a_position_in_another_currency_is_valued_at_its_rate():
    """O4."""
    world = World()
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.2"))))
    world.foreign_fill(EURO, Side.BUY, "10", "100")
    world.quote(EURO, 110.0)
    assert world.book.equity == pytest.approx(100_000 + 10 * 10 * 1.2)


def test_drawdown_and_day_loss_are_shares():
    """E2, E6: of the high water and of the day's open; a gain is a negative loss."""
    world = World()
    world.foreign_fill(ACME, Side.BUY, "100", "100")
    world.quote(ACME, 90.0)
    assert world.book.drawdown() == pytest.approx(0.01)
    assert world.book.day_loss() == pytest.approx(0.01)
    world.quote(ACME, 110.0)
    assert world.book.drawdown() == 0.0
    assert world.book.day_loss() == pytest.approx(-0.01)
