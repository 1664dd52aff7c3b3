"""Laws of splitting an entry."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.plans.entry import is_gradual, split
from tradingd.core.types import Instrument, Money, Qty, Symbol

D = Decimal
lots = st.sampled_from([D("1"), D("0.001"), D("0.5"), D("100"), D("0.00000001"), D("3")])


@given(lots, st.integers(1, 10**9), st.integers(1, 10))
def test_near_equal_parts_whose_sum_is_the_whole(lot, n, parts):
    """E10: as many as configured, on the grid, at most one lot apart, the largest first; exactly the whole."""
    instrument, qty = Instrument(symbol=Symbol("X"), lot=lot), Qty(lot * n)
    found = split(qty, instrument, parts)
    total = D(0)
    for part in found:
        total += part
        assert part > 0
        assert part % lot == 0
    assert total == qty
    assert len(found) == min(parts, n)
    assert max(found) - min(found) in (0, lot)
    assert list(found) == sorted(found, reverse=True)


@given(
    st.decimals(0, 10**6, places=2), st.floats(0, 1e7), st.decimals(0, 10**4, places=2), st.floats(0, 1),
)  # fmt: skip
def test_gradual_exactly_above_both_thresholds_smaller_one(notional, pool, above, pct):
    """E10: above min(amount, share of the active pool), and not at it."""
    gradual = is_gradual(Money(notional), pool, above=Money(above), above_pct=pct)
    assert gradual == (float(notional) > float(above) or float(notional) > pct * pool)
    assert not is_gradual(Money(above), 1e12, above=Money(above), above_pct=1.0)
