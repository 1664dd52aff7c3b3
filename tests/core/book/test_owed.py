"""Executions the venue counted at the end of an order and we have not seen: exposure until they are booked (D3, I6)."""

from __future__ import annotations

from decimal import Decimal

from tests.core.world import ACME, World
from tradingd.core.events import OrderExpired
from tradingd.core.facts import Decided, OrderIntended
from tradingd.core.types import Leg, Qty


def _entered(world: World) -> OrderIntended:
    world.recommend(ACME)
    intended = [fact for fact in world.of(OrderIntended) if fact.order.leg is Leg.ENTRY]
    assert intended, world.of(Decided)
    world.accept(intended[0].order.order_id)
    return intended[0]


def _ended(world: World, intended: OrderIntended, cum: Qty) -> None:
    world.step(OrderExpired(ts=world.now, account=world.book.account, order_id=intended.order.order_id, cum_qty=cum))


def test_what_an_ended_entry_filled_counts_before_its_fills_are_seen():
    """I6: a lost fill frame must not make room for a second entry of full size."""
    world = World()
    intended = _entered(world)
    order, cash = intended.order, world.book.owed_cash()
    _ended(world, intended, order.qty)
    assert cash == 0.0
    assert world.book.owed(ACME, entry=True) == order.qty
    assert world.book.symbol_value(ACME) >= float(order.qty) * 99
    assert world.book.owed_cash() >= float(order.qty) * 99
    assert world.book.values()  # its sector holds something
    world.fill(order.order_id, order.qty)
    assert not world.book.owes()
    assert world.book.qty(ACME) == order.qty


def test_a_close_that_filled_unseen_is_not_sent_again():
    """G11: the position in the book is of before the close."""
    world = World(protective=False)
    world.buy(ACME)
    world.quote(ACME, 90.0)
    order = world.exit_order().order
    world.accept(order.order_id)
    world.step(OrderExpired(ts=world.now, account=world.book.account, order_id=order.order_id, cum_qty=order.qty))
    world.wait(61)
    world.quote(ACME, 89.9)
    assert not world.of(OrderIntended)
    assert world.book.working_exits(ACME) == order.qty


def test_positions_at_the_same_count_of_fills_prove_that_nothing_is_owed():
    """A venue whose last word about an order was too high would hold entries off for ever."""
    world = World()
    intended = _entered(world)
    _ended(world, intended, Qty(Decimal(1)))
    assert world.book.owes()
    world.positions()
    assert not world.book.owes()


def test_a_restart_knows_what_is_owed():
    world = World()
    intended = _entered(world)
    _ended(world, intended, intended.order.qty)
    world.restart()
    assert world.book.owed(ACME, entry=True) == intended.order.qty
