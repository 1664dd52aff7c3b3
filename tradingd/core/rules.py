"""Rules: everything a step needs that does not change with events. Built once from the configuration, one per account."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Literal

import msgspec

from tradingd.core.events import Mode, Quote
from tradingd.core.gates.breaker import BreakerSettings
from tradingd.core.gates.correlation import CorrelationSettings
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.intake import IntakeSettings
from tradingd.core.gates.reserve import ReserveSettings
from tradingd.core.gates.sizer import SizerSettings
from tradingd.core.gates.stops import StopSettings
from tradingd.core.gates.tiers import Tier, TierSettings
from tradingd.core.gates.window import SessionTable, WindowSettings
from tradingd.core.plans.adaptive import AdaptiveSettings
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import Instrument, Money, Symbol, TierName, Tif


class EntrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How entries are priced and how long they work.

    order: "limit" takes the touch and no worse than the slip; "market" takes what comes.   tif: day, gtc, ioc or fok.
    limit_slip: how far beyond the touch an entry's limit may stand, share of the price.   ttl_s: seconds a working entry may rest
    before it is cancelled.   allow_short: a SELL without a position may open a short.
    Above the smaller of gradual_above (money) and gradual_above_pct (share of the active pool) an entry goes in `tranches` parts
    (1 = never), tranche_s seconds apart at least, each looked at anew before it goes (E10).
    """

    order: Literal["limit", "market"] = "limit"
    tif: Tif = Tif.DAY
    limit_slip: float = 0.002
    ttl_s: float = 900.0
    allow_short: bool = False
    tranches: int = 3
    gradual_above: Money = Money(Decimal(30))
    gradual_above_pct: float = 0.05
    tranche_s: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.tranches <= 10:
            raise ValueError("tranches must be 1 .. 10")
        if not self.gradual_above >= 0:
            raise ValueError("gradual_above must be >= 0")
        if not 0 <= self.gradual_above_pct <= 1:
            raise ValueError("gradual_above_pct must be 0 .. 100%")
        if not self.tranche_s > 0:
            raise ValueError("tranche_s must be > 0")
        if not 0 <= self.limit_slip < 0.1:
            raise ValueError("limit_slip must be >= 0 and < 10%")
        if not self.ttl_s > 0:
            raise ValueError("ttl_s must be > 0")


class QuoteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """band: share around the last good quote in which the next is believed.   confirmations: agreeing quotes outside the band
    that make a new level.   atr_bars: daily bars of the ATR.   breach_grace_s: how long the protective stop resting at the venue
    may act before the daemon closes by itself."""

    band: float = 0.25
    confirmations: int = 3
    atr_bars: int = 14
    breach_grace_s: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.band < 1:
            raise ValueError("band must be > 0 and < 100%")
        if self.confirmations < 2:
            raise ValueError("confirmations must be >= 2")
        if self.atr_bars < 2:
            raise ValueError("atr_bars must be >= 2")


class MicroSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Micro-trading (E15). enabled: its own switch.   allocation_pct: the most of the active pool one may take.   per_day: the most
    in one session.   atr_multiplier, reward_risk: of its stop and target.   hold_min: minutes after which it is closed."""

    enabled: bool = False
    allocation_pct: float = 0.03
    per_day: int = 10
    atr_multiplier: float = 1.0
    reward_risk: float = 1.5
    hold_min: float = 120.0

    def __post_init__(self) -> None:
        if not 0 < self.allocation_pct <= 1:
            raise ValueError("allocation_pct must be above 0 and at most 100%")
        if not 0 <= self.per_day <= 1000:
            raise ValueError("per_day must be 0 .. 1000")
        for name in ("atr_multiplier", "reward_risk", "hold_min"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0")


class RebalanceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E13, once in the first session of each week. enabled: its own switch.   max_positions: above it the least sure are sold."""

    enabled: bool = True
    max_positions: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.max_positions <= 1000:
            raise ValueError("max_positions must be 1 .. 1000")


class PerformanceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E14. every_s: how often the figures are taken in market hours.   days: trailing daily returns of the Sharpe ratio.
    summary_at: minutes after midnight, exchange time, of the daily summary.   large_trade_pnl: account currency, a closed trade
    beyond it is told."""

    every_s: float = 300.0
    days: int = 30
    summary_at: int = 16 * 60 + 30
    large_trade_pnl: Money = Money(Decimal(1000))

    def __post_init__(self) -> None:
        if not self.every_s > 0:
            raise ValueError("every_s must be > 0")
        if not 2 <= self.days <= 250:
            raise ValueError("days must be 2 .. 250")
        if not 0 <= self.summary_at < 1440:
            raise ValueError("summary_at must be 0 .. 1439 minutes")
        if not self.large_trade_pnl > 0:
            raise ValueError("large_trade_pnl must be > 0")


_CORRELATION, _MICRO, _ADAPTIVE = CorrelationSettings(), MicroSettings(), AdaptiveSettings()
_REBALANCE, _PERFORMANCE = RebalanceSettings(), PerformanceSettings()


class Rules:
    """The quote path reads `quote_strategies` and `quotes`. observe: evaluate everything, never trade (B4).   protective, amend,
    reduce_only: what the venue can (quirks): rest stops, change a working order, clip closing orders to the position."""

    def __init__(
        self, *, mode: str, instruments: dict[Symbol, Instrument], calendars: dict[str, SessionTable], gate: GateSettings,
        sizer: SizerSettings, stops: StopSettings, reserve: ReserveSettings, breaker: BreakerSettings, window: WindowSettings,
        intake: IntakeSettings, tier: TierSettings, entry: EntrySettings, quotes: QuoteSettings,
        strategies: tuple[Loaded, ...] = (), protective: bool = True, observe: bool = False,
        amend: bool = True, reduce_only: bool = True,
        crash_loop_starts: int = 3, crash_loop_window_s: float = 900.0,
        tier_at_start: TierName = TierName.CONSERVATIVE,
        correlation: CorrelationSettings = _CORRELATION, micro: MicroSettings = _MICRO,
        adaptive: AdaptiveSettings = _ADAPTIVE, rebalance: RebalanceSettings = _REBALANCE,
        performance: PerformanceSettings = _PERFORMANCE,
    ) -> None:  # fmt: skip
        self.mode = mode
        self.instruments = instruments
        self.calendars = calendars
        self.gate = gate
        self.sizer = sizer
        self.stops = stops
        self.reserve = reserve
        self.breaker = breaker
        self.window = window
        self.intake = intake
        self.tier = tier
        self.entry = entry
        self.quotes = quotes
        self.tiers: dict[TierName, Tier] = {name: tier.of(name) for name in TierName}
        self.strategies = strategies
        self.protective = protective
        self.amend = amend
        self.reduce_only = reduce_only
        self.observe = observe
        self.crash_loop_starts = crash_loop_starts
        self.crash_loop_window_s = crash_loop_window_s
        self.tier_at_start = tier_at_start
        self.correlation = correlation
        self.micro = micro
        self.adaptive = adaptive
        self.rebalance = rebalance
        self.performance = performance
        self.quote_strategies = tuple(s for s in strategies if Quote in s.module.WANTS)

    @property
    def eligible(self) -> Mode:
        """What a recommendation must be eligible for in this mode."""
        return Mode.LIVE if self.mode == "live" else Mode.PAPER

    @property
    def positions_max(self) -> float:
        """Open positions beyond which there are no entries, besides the gate's own limit; inf while rebalancing is off (E13)."""
        return self.rebalance.max_positions if self.rebalance.enabled else inf

    def calendar(self, instrument: Instrument) -> SessionTable | None:
        return self.calendars.get(instrument.calendar)
