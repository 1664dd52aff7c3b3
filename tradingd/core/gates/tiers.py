"""The three risk tiers: their numbers, and when the house steps from one to the next. Source: E2."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite

import msgspec

from tradingd.core.gates.checks import ratio
from tradingd.core.types import TierName

ORDER = (TierName.CONSERVATIVE, TierName.MODERATE, TierName.AGGRESSIVE)


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one tier; all shares are of the active pool (0.05 = 5 %).

    min_confidence: 0..1, below it no entry.   base_allocation: what a signal of just that confidence gets.
    max_position_pct, max_sector_pct: ceilings.   max_portfolio_heat: what may be lost if every stop is hit.
    stop_loss_atr_multiplier: stop distance in ATRs.   reward_risk_ratio: target distance in stop distances.
    """

    min_confidence: float
    base_allocation: float
    max_position_pct: float
    stop_loss_atr_multiplier: float
    reward_risk_ratio: float
    max_sector_pct: float
    max_portfolio_heat: float

    def __post_init__(self) -> None:
        for name in ("min_confidence", "base_allocation", "max_position_pct", "max_sector_pct", "max_portfolio_heat"):
            ratio("tier", name, getattr(self, name))
            if getattr(self, name) == 0:
                raise ValueError(f"tier.{name} must be above 0 (0 would switch the tier off; use `pause` for that)")
        for name in ("stop_loss_atr_multiplier", "reward_risk_ratio"):
            ratio("tier", name, getattr(self, name), low=0.1, high=100.0)
        if self.base_allocation > self.max_position_pct:
            raise ValueError("tier.base_allocation must not be above tier.max_position_pct")
        if self.max_position_pct > self.max_sector_pct:
            raise ValueError("tier.max_position_pct must not be above tier.max_sector_pct")


TIERS: dict[TierName, Tier] = {
    TierName.CONSERVATIVE: Tier(
        min_confidence=0.75, base_allocation=0.025, max_position_pct=0.05, stop_loss_atr_multiplier=1.5,
        reward_risk_ratio=1.5, max_sector_pct=0.20, max_portfolio_heat=0.04,
    ),
    TierName.MODERATE: Tier(
        min_confidence=0.65, base_allocation=0.04, max_position_pct=0.08, stop_loss_atr_multiplier=2.0,
        reward_risk_ratio=2.0, max_sector_pct=0.30, max_portfolio_heat=0.08,
    ),
    TierName.AGGRESSIVE: Tier(
        min_confidence=0.55, base_allocation=0.06, max_position_pct=0.12, stop_loss_atr_multiplier=2.5,
        reward_risk_ratio=2.5, max_sector_pct=0.40, max_portfolio_heat=0.12,
    ),
}  # fmt: skip


class TierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers and the marks between them (all shares 0..1).

    Down one when the win rate is below `down_win_rate` or the drawdown above `down_drawdown`; up one when the win rate is
    above `up_win_rate` and the reserve above `up_reserve_share` of equity and the drawdown below `up_drawdown`.
    """

    conservative: Tier = TIERS[TierName.CONSERVATIVE]
    moderate: Tier = TIERS[TierName.MODERATE]
    aggressive: Tier = TIERS[TierName.AGGRESSIVE]
    down_win_rate: float = 0.40
    down_drawdown: float = 0.15
    up_win_rate: float = 0.55
    up_reserve_share: float = 0.20
    up_drawdown: float = 0.05

    def __post_init__(self) -> None:
        for name in ("down_win_rate", "down_drawdown", "up_win_rate", "up_reserve_share", "up_drawdown"):
            ratio("tiers", name, getattr(self, name))
        # else one evaluation could ask for both steps at once
        if self.up_win_rate < self.down_win_rate or self.up_drawdown > self.down_drawdown:
            raise ValueError("tiers: the marks for going up must not be easier than those for going down")
        _check_order((self.conservative, self.moderate, self.aggressive))

    def of(self, name: TierName) -> Tier:
        """The numbers of that tier."""
        match name:
            case TierName.CONSERVATIVE:
                return self.conservative
            case TierName.MODERATE:
                return self.moderate
            case TierName.AGGRESSIVE:
                return self.aggressive


def evaluate(
    tier: TierName, win_rate_30d: float | None, drawdown: float, reserve_share: float, settings: TierSettings
) -> tuple[TierName, str] | None:
    """The tier from tomorrow on and why, or None when it stays. Asked once a day at the close. Source: E2.

    win_rate_30d: 0..1, None without closed trades (then it moves nothing).   drawdown: share of the high water, 0..1.
    reserve_share: reserve over equity.   Never beyond the outer tiers; a number that is not finite never moves up.
    """
    at = ORDER.index(tier)
    if why := _why_down(win_rate_30d, drawdown, settings):
        return (ORDER[at - 1], why) if at > 0 else None
    if why := _why_up(win_rate_30d, drawdown, reserve_share, settings):
        return (ORDER[at + 1], why) if at < len(ORDER) - 1 else None
    return None


def _why_down(win_rate: float | None, drawdown: float, s: TierSettings) -> str:
    if not isfinite(drawdown) or drawdown > s.down_drawdown:
        return f"drawdown {drawdown:.2%} is above {s.down_drawdown:.2%}"
    if win_rate is not None and (not isfinite(win_rate) or win_rate < s.down_win_rate):
        return f"30-day win rate {win_rate:.2%} is below {s.down_win_rate:.2%}"
    return ""


def _why_up(win_rate: float | None, drawdown: float, reserve_share: float, s: TierSettings) -> str:
    if win_rate is None or not (
        win_rate > s.up_win_rate and reserve_share > s.up_reserve_share and drawdown < s.up_drawdown
    ):
        return ""
    return f"30-day win rate {win_rate:.2%}, reserve {reserve_share:.2%} of equity, drawdown {drawdown:.2%}"


def _check_order(tiers: tuple[Tier, ...]) -> None:
    """More aggressive means a lower bar and larger limits, or ValueError."""
    for calm, bold in pairwise(tiers):
        if bold.min_confidence > calm.min_confidence:
            raise ValueError("tiers: min_confidence must not rise from conservative to aggressive")
        for name in ("max_position_pct", "max_sector_pct", "max_portfolio_heat"):
            if getattr(bold, name) < getattr(calm, name):
                raise ValueError(f"tiers: {name} must not fall from conservative to aggressive")
