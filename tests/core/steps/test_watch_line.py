"""Between two looks equity is a running sum; what is decided by it is decided by the exact one."""

import pytest

from tests.core.world import ACME, BOLT, World
from tradingd.core.facts import BreakerTripped


def test_a_sum_that_is_a_little_off_decides_nothing() -> None:
    """T1, E6: the line of the day's loss is held against equity as the marks give it."""
    world = World()
    world.buy(ACME)
    world.quote(ACME, 99.9)
    book = world.book
    exact = book.equity
    assert book.loss_line < book.watch_line < book.loss_line + 1.0
    book.equity += (book.watch_line + book.loss_line) / 2 - exact
    world.quote(ACME, 99.9)
    assert not world.all(BreakerTripped)
    assert book.equity == pytest.approx(exact)


def test_a_decision_is_made_with_what_the_marks_give() -> None:
    """T1: however the sum came to be what it is."""
    world = World()
    world.buy(ACME)
    world.quote(ACME, 99.9)
    world.quote(BOLT, 50.0)
    right = world.book.equity
    world.book.equity = right + 0.5
    decided = world.recommend(BOLT)
    assert decided.pools.equity == pytest.approx(right, abs=1e-6)
