"""What a quote does to the account's value and time: each believed price counts, once, and time does not step back."""

import pytest

from tests.core.world import ACME, BOLT, World
from tradingd.core.facts import Decided, OrderIntended
from tradingd.core.types import NS


def marked(world: World) -> float:
    """Equity as counted from the booked side alone."""
    before = world.book.equity
    world.book.remark()
    exact, world.book.equity = world.book.equity, before
    return exact


def test_a_jump_that_was_confirmed_moves_equity() -> None:
    """B7, E6: three agreeing quotes far away are a new level, and the account is worth less from that moment, not from the next
    timer."""
    world = World(protective=False)
    world.buy(ACME)
    for _ in range(3):
        world.quote(ACME, 60.0)
    assert world.book.markets[ACME].mid == pytest.approx(60.0)
    assert world.book.equity == pytest.approx(marked(world))
    assert world.book.equity < 100_000 - 1_000


def test_the_first_price_after_a_restart_does_not_add_the_position_a_second_time() -> None:
    """H6, E6: until then the entry price stood in for it."""
    world = World()
    world.buy(ACME)
    world.restart()
    world.quote(ACME, 99.5)
    assert world.book.equity == pytest.approx(marked(world))
    assert world.book.equity == pytest.approx(100_000, rel=0.01)


def test_far_quotes_with_good_ones_in_between_are_no_new_level() -> None:
    """B7: confirmations must come in a row."""
    world = World()
    for _ in range(4):
        world.quote(ACME, 60.0)
        world.quote(ACME, 100.0)
    assert world.book.markets[ACME].mid == pytest.approx(100.0)
    assert world.book.markets[ACME].quarantined["absurd"] == 4


def test_a_slower_source_does_not_turn_time_back() -> None:
    """R2: the age of a price is measured against the newest time known, so a late quote is an old price."""
    world = World()
    world.quote(ACME, 100.0, after=60)
    now = world.now
    world.raw(BOLT, 99.99, 100.01, ts=now - 30 * NS)
    assert world.book.now == now


def test_a_position_entered_again_within_a_minute_has_its_stop() -> None:
    """E4, G4: the pause after an exit that did not work is not for one that did."""
    world = World(protective=False)
    for _ in range(2):
        world.quote(ACME, 100.0)
        world.buy(ACME)
        facts = world.quote(ACME, 96.0)
        assert any(isinstance(fact, Decided) for fact in facts)
        [intended] = [fact for fact in facts if isinstance(fact, OrderIntended)]
        world.accept(intended.order.order_id)
        world.fill(intended.order.order_id)
        assert not world.book.qty(ACME)
        world.wait(10)
