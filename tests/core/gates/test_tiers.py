"""The three tiers and the steps between them."""

from __future__ import annotations

from math import inf, nan

import msgspec
import pytest

from tradingd.core.gates.tiers import ORDER, TIERS, Tier, TierSettings, evaluate
from tradingd.core.types import TierName

S = TierSettings()
CONSERVATIVE, MODERATE, AGGRESSIVE = ORDER


def test_the_numbers_of_the_tiers():
    """E2: the table an operator was promised."""
    rows = {
        name: (
            t.min_confidence,
            t.max_position_pct,
            t.stop_loss_atr_multiplier,
            t.reward_risk_ratio,
            t.max_sector_pct,
            t.max_portfolio_heat,
        )
        for name, t in TIERS.items()
    }
    assert rows == {
        CONSERVATIVE: (0.75, 0.05, 1.5, 1.5, 0.20, 0.04),
        MODERATE: (0.65, 0.08, 2.0, 2.0, 0.30, 0.08),
        AGGRESSIVE: (0.55, 0.12, 2.5, 2.5, 0.40, 0.12),
    }
    assert [S.of(name) for name in ORDER] == [TIERS[name] for name in ORDER]


@pytest.mark.parametrize(
    ("tier", "win_rate", "drawdown", "reserve", "to", "why"),
    [
        (MODERATE, 0.39, 0.0, 0.0, CONSERVATIVE, "win rate"),
        (MODERATE, 0.40, 0.15, 0.0, None, ""),
        (MODERATE, 0.50, 0.151, 0.5, CONSERVATIVE, "drawdown"),
        (AGGRESSIVE, None, 0.2, 0.5, MODERATE, "drawdown"),
        (CONSERVATIVE, 0.1, 0.9, 0.0, None, ""),
        (MODERATE, 0.56, 0.049, 0.201, AGGRESSIVE, "win rate"),
        (MODERATE, 0.55, 0.049, 0.201, None, ""),
        (MODERATE, 0.56, 0.05, 0.201, None, ""),
        (MODERATE, 0.56, 0.049, 0.20, None, ""),
        (MODERATE, None, 0.0, 0.9, None, ""),
        (AGGRESSIVE, 0.9, 0.0, 0.9, None, ""),
        (MODERATE, 0.9, nan, 0.9, CONSERVATIVE, "drawdown"),
        (MODERATE, nan, 0.0, 0.9, CONSERVATIVE, "win rate"),
        (MODERATE, 0.9, 0.0, nan, None, ""),
        (MODERATE, 0.9, inf, 0.9, CONSERVATIVE, "drawdown"),
    ],
)
def test_steps(tier, win_rate, drawdown, reserve, to, why):
    """E2: one step down on either mark, one up only on all three, marks themselves do not count, unknown numbers go down."""
    step = evaluate(tier, win_rate, drawdown, reserve, S)
    assert (None if step is None else step[0]) == to
    assert step is None or why in step[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"min_confidence": 1.5}, r"tier\.min_confidence must be between 0 and 1"),
        ({"max_position_pct": nan}, r"tier\.max_position_pct must be between"),
        ({"max_portfolio_heat": 0.0}, r"tier\.max_portfolio_heat must be above 0"),
        ({"stop_loss_atr_multiplier": 0.0}, r"tier\.stop_loss_atr_multiplier must be between 0\.1 and 100"),
        ({"base_allocation": 0.09}, r"tier\.base_allocation must not be above"),
        ({"max_sector_pct": 0.05}, r"tier\.max_position_pct must not be above tier\.max_sector_pct"),
    ],
)
def test_a_tier_refuses_nonsense_by_name(change, says):
    with pytest.raises(ValueError, match=says):
        Tier(**(msgspec.structs.asdict(TIERS[MODERATE]) | change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"down_win_rate": -0.1}, r"tiers\.down_win_rate"),
        ({"up_win_rate": 0.3}, "must not be easier"),
        ({"up_drawdown": 0.5}, "must not be easier"),
        ({"moderate": TIERS[TierName.CONSERVATIVE], "aggressive": TIERS[TierName.MODERATE],
          "conservative": TIERS[TierName.AGGRESSIVE]}, "min_confidence must not rise"),
        ({"aggressive": msgspec.structs.replace(TIERS[TierName.AGGRESSIVE], max_portfolio_heat=0.05)},
         "max_portfolio_heat must not fall"),
    ],
)  # fmt: skip
def test_tiers_out_of_order_are_refused(change, says):
    """E2: more aggressive means a lower bar and larger limits."""
    with pytest.raises(ValueError, match=says):
        TierSettings(**change)
