"""Laws of the tiers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.gates.tiers import ORDER, TIERS, TierSettings, evaluate

S = TierSettings()
shares = st.floats(0, 1)
tiers = st.sampled_from(ORDER)


@given(tiers, shares, shares, shares)
def test_a_tier_moves_one_step_exactly_on_its_marks(tier, win_rate, drawdown, reserve):
    """S2 property 12, E2: down on win rate < 40 % or drawdown > 15 %, up on > 55 % and reserve > 20 % and < 5 %, bounded."""
    down = win_rate < 0.40 or drawdown > 0.15
    up = win_rate > 0.55 and reserve > 0.20 and drawdown < 0.05
    at = ORDER.index(tier)
    expected = max(0, at - 1) if down else min(2, at + 1) if up else at
    step = evaluate(tier, win_rate, drawdown, reserve, S)
    assert (ORDER.index(step[0]) if step else at) == expected
    assert step is None or step[0] != tier


@given(tiers, shares, shares, shares, shares)
def test_more_drawdown_never_gives_a_bolder_tier(tier, win_rate, a, b, reserve):
    calm, worse = sorted((a, b))
    better = evaluate(tier, win_rate, calm, reserve, S)
    poorer = evaluate(tier, win_rate, worse, reserve, S)
    assert ORDER.index(poorer[0] if poorer else tier) <= ORDER.index(better[0] if better else tier)


@given(tiers, tiers)
def test_bolder_means_lower_bar_and_larger_limits(a, b):
    """E2: all numbers are in range and ordered."""
    calm, bold = (TIERS[n] for n in sorted((a, b), key=ORDER.index))
    assert bold.min_confidence <= calm.min_confidence
    assert bold.max_position_pct >= calm.max_position_pct
    assert bold.max_sector_pct >= calm.max_sector_pct
    assert bold.max_portfolio_heat >= calm.max_portfolio_heat
    assert 0 < calm.base_allocation <= calm.max_position_pct <= calm.max_sector_pct <= 1
