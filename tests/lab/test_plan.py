"""What is said of a block's rows before any is looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.columns import NAMES, PRICES, Asked, block_of, columns_of
from tradingd.core.book.market import Market
from tradingd.core.types import NS, Instrument
from tradingd.lab.plan import Plan


def markets() -> list[Market]:
    found = []
    for name in NAMES:
        market = Market(Instrument(symbol=name))
        market.mid, market.ts = PRICES[name], 1
        market.lo, market.hi = market.mid * 0.75, market.mid * 1.25
        found.append(market)
    return found


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 60))
def test_steps_lead_from_the_market_to_each_row(seed: int, rows: int, seen: int) -> None:
    """T1: what the account is worth at a row is what it is worth now and the steps up to it; each row has its follower."""
    block = block_of(columns_of(Asked(seed=seed, rows=rows, wobble=1e-3, gap=NS, odd=0)), 1)
    plan = Plan(block, markets(), 0)
    assert plan.plain.all()
    for i, name in enumerate(NAMES):
        mine = np.flatnonzero(block.which == i)
        assert PRICES[name] + np.cumsum(plan.step[mine]) == pytest.approx(plan.mid[mine])
        assert plan.after[mine].tolist() == [*mine[1:].tolist(), len(block)][: len(mine)]
    plan.seen(min(seen, len(block)))
    for i, market in enumerate(plan.markets):
        assert market is not None
        before = np.flatnonzero(block.which[:seen] == i)
        assert plan.is_other(i) is bool(len(before))
        if len(before):
            market.mid, market.ts = plan.mid[before[-1]].item(), block.ts[before[-1]].item()
            assert not plan.is_other(i)


def test_a_symbol_that_nobody_watches_or_nobody_priced_is_looked_at() -> None:
    """B7."""
    block = block_of(columns_of(Asked(seed=1, rows=20, wobble=1e-3, gap=NS, odd=0)), 1)
    plan = Plan(block, [None, Market(Instrument(symbol=NAMES[1])), *markets()[2:]], 0)
    assert [plan.is_other(i) for i in range(4)] == [True, True, False, False]
