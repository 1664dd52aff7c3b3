"""How much to buy: the tier's allocation, what enlarges and shrinks it, and what it may not exceed. Source: E3.

The order is: base x confidence x multiplier, bonus for a new sector, ceiling of the tier, correlation, earnings (all shares
of the active pool); then in money: absolute cap, room left in the sector; then down to the lot; then heat. Ceilings stand
before the reductions, so that a reduction always shows, and each later step can only make the order smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import fsum, inf, isfinite

import msgspec

from tradingd.core.facts import Check, Kind, Reason
from tradingd.core.gates.checks import count, ratio, refusals, shown
from tradingd.core.gates.reserve import minimum_check
from tradingd.core.gates.tiers import Tier
from tradingd.core.types import ZERO, Instrument, Money, Qty, Side, Symbol

_SAME = Decimal("1.0")  # the rate of the account's own currency, as it is written


class SizerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Ratios 0..1, days in trading days, money in account currency.

    correlation_reduce, correlation_reject: between them the size shrinks, above the second there is none.
    new_sector_bonus: factor (1..2) for a sector not held yet while fewer than `few_sectors` are held.
    earnings_half_days, earnings_none_days: half the size, none at all, when earnings are that near or nearer.
    absolute_cap: the most one position may cost.   active_pool_minimum: below it there are no entries.
    """

    correlation_reduce: float = 0.5
    correlation_reject: float = 0.8
    new_sector_bonus: float = 1.2
    few_sectors: int = 3
    earnings_half_days: int = 3
    earnings_none_days: int = 1
    earnings_factor: float = 0.5
    absolute_cap: Money = Money(Decimal(10_000))
    active_pool_minimum: Money = Money(Decimal(100))

    def __post_init__(self) -> None:
        ratio("sizer", "correlation_reduce", self.correlation_reduce, high=0.99)
        ratio("sizer", "correlation_reject", self.correlation_reject, low=self.correlation_reduce)
        ratio("sizer", "new_sector_bonus", self.new_sector_bonus, low=1.0, high=2.0)
        ratio("sizer", "earnings_factor", self.earnings_factor)
        count("sizer", "few_sectors", self.few_sectors, high=100)
        count("sizer", "earnings_none_days", self.earnings_none_days, low=-1, high=60)
        count("sizer", "earnings_half_days", self.earnings_half_days, low=self.earnings_none_days, high=60)
        if not (self.absolute_cap.is_finite() and self.absolute_cap > 0):
            raise ValueError(f"sizer.absolute_cap must be above 0, not {self.absolute_cap}")
        if not (self.active_pool_minimum.is_finite() and self.active_pool_minimum >= 0):
            raise ValueError(f"sizer.active_pool_minimum must not be below 0, not {self.active_pool_minimum}")


class Adjustment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One step from the raw allocation to the order. before, after: share of the active pool, or money (see the name)."""

    name: str
    before: float
    after: float


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """The sizer's answer. qty > 0 exactly when there are no reasons.

    notional: qty at the reference price rounded up to the tick, account currency.   allocation: share of the active pool
    after bonus, ceiling, correlation and earnings; 0 when one of these refused.   heat: the portfolio's with this order.
    """

    qty: Qty
    notional: Money
    allocation: float
    heat: float
    adjustments: tuple[Adjustment, ...]
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]


class AtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A position as heat sees it. value: its size in account currency (sign does not matter).   entry, stop: prices.
    confidence: of the signal behind it, None when unknown."""

    symbol: Symbol
    side: Side
    value: float
    entry: float
    stop: float
    confidence: float | None = None


def risk(position: AtRisk) -> float:
    """What the position loses from entry to stop, account currency; 0 once the stop has passed the entry, its whole value
    when entry or stop is no price."""
    return at_stop(position.value, position.side.sign, position.entry, position.stop)


def at_stop(value: float, sign: int, entry: float, stop: float) -> float:
    """`risk` of bare numbers. sign: 1 for a long, -1 for a short."""
    if not (entry > 0 and isfinite(stop)):
        return abs(value)
    return max(0.0, abs(value) * (sign * (entry - stop)) / entry)


def heat(positions: Sequence[AtRisk], active_pool: float) -> float:
    """What is lost if every stop is hit, as a share of the active pool; 1.0 when there is risk but no pool. Source: E3."""
    return share_at_risk([risk(p) for p in positions], active_pool)


def share_at_risk(risks: Sequence[float], active_pool: float) -> float:
    """`heat` of risks that are known already, account currency each."""
    total = fsum(risks)
    if total <= 0:
        return 0.0
    return total / active_pool if active_pool > 0 else 1.0


def size(
    *, confidence: float, price: float, side: Side, tier: Tier, settings: SizerSettings, active_pool: float,
    exposures: Mapping[str, float], sectors_held: int, sector: str, correlation: float | None,
    earnings_in_days: int | None, heat_now: float, stop_distance: float | None, multiplier: float,
    instrument: Instrument, rate: float = 1.0, most: float = inf, alike: str = "", micro_cap: float = inf,
) -> Sized:  # fmt: skip
    """The size of an entry, with every check it met; all failing reasons are listed, not only the first. Source: E3.

    price: observed, quote currency.   active_pool: account currency.   exposures: sector -> value held, account currency.
    correlation: weighted average with what is held, None = nothing known = 0.   alike: its note.
    earnings_in_days: trading days to the next earnings (0 = today), None = none known.   heat_now: share of the active pool.
    stop_distance: price units, > 0, None when the stops refused.   multiplier: the strategy's factor on the allocation, >= 0
    (1 = as the tier says).   rate: account currency per unit of the instrument's currency.   most: account currency, what the
    gate lets a position be.
    micro_cap: share of the active pool that a micro-trade may take at most (E15).
    Refuses LOW_CONFIDENCE, NOT_SHORTABLE, CORRELATION, EARNINGS, NO_PRICE, NO_RANGE, HEAT, SIZE_ZERO, POSITION_LIMIT,
    SECTOR_LIMIT, ACTIVE_POOL_MINIMUM.
    """
    adjustments: list[Adjustment] = []
    checks = _guards(confidence, side, tier, settings, active_pool, correlation, earnings_in_days, instrument, alike)
    share = 0.0
    refused = bool(refusals(checks))
    if not refused and isfinite(multiplier) and multiplier > 0:
        bonus = sectors_held < settings.few_sectors and not abs(exposures.get(sector, 0.0)) > 0
        share = _share(
            confidence, tier, settings, multiplier, bonus, correlation, earnings_in_days, adjustments, micro_cap=micro_cap
        )  # fmt: skip
    unit = _unit_value(price, rate, instrument)
    checks.append(Check("price", shown(price), None, unit is not None, None if unit else Reason.NO_PRICE))
    room, room_check = _sector_room(exposures.get(sector, 0.0), active_pool, tier)
    checks.append(room_check)
    refused = refused or unit is None or room_check.ok is False
    qty = Qty(ZERO)
    if unit is not None and not refused:
        limits = {"absolute_cap": float(settings.absolute_cap), "sector": room, "position_limit": most}
        qty = _fit(share * active_pool, limits, unit, instrument, adjustments)
    checks.append(_size_check(qty, share * active_pool, unit, most, refused=refused, instrument=instrument))
    added = _added_heat(qty, price, unit, stop_distance, active_pool)
    checks.append(_heat_check(heat_now, added, tier))
    reasons = refusals(checks)
    if reasons or unit is None:
        return _answer(Qty(ZERO), Money(ZERO), share, heat_now, adjustments, checks, reasons)
    return _answer(qty, Money(qty * unit), share, heat_now + (added or 0.0), adjustments, checks, reasons)


def correlation_factor(correlation: float | None, settings: SizerSettings) -> float:
    """What remains of the size: 1 up to `correlation_reduce`, then (1 - c) / (1 - correlation_reduce), falling in a
    straight line (0.4 of the size at 0.8 with the defaults), 0 above `correlation_reject` and for a number that is none."""
    if correlation is None or correlation <= settings.correlation_reduce:
        return 1.0
    if not correlation <= settings.correlation_reject:
        return 0.0
    return max(0.0, (1.0 - correlation) / (1.0 - settings.correlation_reduce))


def earnings_factor(earnings_in_days: int | None, settings: SizerSettings) -> float:
    """1 far from earnings (or behind them), `earnings_factor` within the half days, 0 within the none days."""
    if earnings_in_days is None or earnings_in_days < 0 or earnings_in_days > settings.earnings_half_days:
        return 1.0
    return 0.0 if earnings_in_days <= settings.earnings_none_days else settings.earnings_factor


def _guards(
    confidence: float, side: Side, tier: Tier, s: SizerSettings, active_pool: float, correlation: float | None,
    earnings_in_days: int | None, instrument: Instrument, alike: str,
) -> list[Check]:  # fmt: skip
    """The checks that need no size yet."""
    sure = confidence >= tier.min_confidence and isfinite(confidence)
    can_short = side is Side.BUY or instrument.shortable
    calm = correlation is None or correlation <= s.correlation_reject
    quiet = earnings_factor(earnings_in_days, s) > 0
    return [
        Check("confidence", shown(confidence), tier.min_confidence, sure, None if sure else Reason.LOW_CONFIDENCE),
        Check("shortable", side.value, None, can_short, None if can_short else Reason.NOT_SHORTABLE),
        Check(
            "correlation", shown(correlation), s.correlation_reject, calm, None if calm else Reason.CORRELATION, alike
        ),
        Check("earnings_days", earnings_in_days, s.earnings_none_days, quiet, None if quiet else Reason.EARNINGS),
        minimum_check(Kind.ENTRY, active_pool, s.active_pool_minimum),
    ]


def _share(
    confidence: float, tier: Tier, s: SizerSettings, multiplier: float, bonus: bool, correlation: float | None,
    earnings_in_days: int | None, adjustments: list[Adjustment], *, micro_cap: float,
) -> float:  # fmt: skip
    """The allocation as a share of the active pool, noting each step that changed it."""
    share = tier.base_allocation * (confidence / tier.min_confidence) * multiplier
    ceiling = tier.max_position_pct
    steps = (
        ("new_sector_bonus", s.new_sector_bonus if bonus else 1.0, inf),
        ("max_position", 1.0, ceiling),
        ("micro_cap", 1.0, min(ceiling, micro_cap)),
        ("correlation", correlation_factor(correlation, s), ceiling),
        ("earnings", earnings_factor(earnings_in_days, s), ceiling),
    )
    for name, factor, most in steps:
        after = min(share * factor, most)
        if after != share:
            adjustments.append(Adjustment(name, share, after))
        share = after
    return share


def _unit_value(price: float, rate: float, instrument: Instrument) -> Decimal | None:
    """Account currency one unit costs, the price rounded up to the tick (an order may not cost more than was sized)."""
    if not (isfinite(price) and price > 0 and isfinite(rate) and rate > 0):
        return None
    return instrument.price(price, to="up") * instrument.multiplier * (_SAME if rate == 1.0 else Decimal(repr(rate)))


def _sector_room(held: float, active_pool: float, tier: Tier) -> tuple[float, Check]:
    """Money the sector can still take; its ceiling is a share of the active pool."""
    room = max(0.0, tier.max_sector_pct * active_pool - abs(held)) if isfinite(held) and isfinite(active_pool) else 0.0
    value = abs(held) / active_pool if active_pool > 0 else None
    if value is None:
        return room, Check("sector", None, tier.max_sector_pct, None, None, "no active pool to compare with")
    ok = room > 0
    return room, Check("sector", shown(value), tier.max_sector_pct, ok, None if ok else Reason.SECTOR_LIMIT)


def _fit(
    dollars: float, limits: Mapping[str, float], unit: Decimal, instrument: Instrument, adjustments: list[Adjustment]
) -> Qty:
    """Dollars under every limit, floored to the lot."""
    money = Decimal(repr(dollars))
    for name, limit in limits.items():
        if money > limit:
            adjustments.append(Adjustment(name, float(money), limit))
            money = Decimal(repr(limit))
    return instrument.floor_qty(money / unit)  # 28 digits: a quotient of two 17-digit numbers cannot round up to a lot


def _size_check(
    qty: Qty, dollars: float, unit: Decimal | None, most: float, *, refused: bool, instrument: Instrument
) -> Check:
    least = None if unit is None else float(instrument.lot * unit)
    if refused or unit is None:
        return Check("size", None, least, None, None, "not sized: an earlier check refused")
    if qty > 0:
        return Check("size", shown(dollars), least, True)
    full = least is not None and most < least
    why = Reason.POSITION_LIMIT if full else Reason.SIZE_ZERO
    return Check("size", shown(min(dollars, most)), least, False, why, "less than one lot")


def _added_heat(
    qty: Qty, price: float, unit: Decimal | None, distance: float | None, active_pool: float
) -> float | None:
    """Heat of the new position, None when it cannot be known."""
    if qty == 0:
        return 0.0
    if unit is None or distance is None or not (isfinite(distance) and distance > 0) or not active_pool > 0:
        return None
    return float(qty * unit) * (distance / price) / active_pool


def _heat_check(heat_now: float, added: float | None, tier: Tier) -> Check:
    limit = tier.max_portfolio_heat
    if added is None:
        return Check("heat", shown(heat_now), limit, False, Reason.NO_RANGE, "no stop distance: its risk is not known")
    ok = heat_now + added <= limit
    return Check("heat", shown(heat_now + added), limit, ok, None if ok else Reason.HEAT)


def _answer(
    qty: Qty, notional: Money, allocation: float, heat_after: float, adjustments: list[Adjustment], checks: list[Check],
    reasons: tuple[Reason, ...],
) -> Sized:  # fmt: skip
    return Sized(
        qty=qty, notional=notional, allocation=allocation, heat=heat_after, adjustments=tuple(adjustments),
        checks=tuple(checks), reasons=reasons,
    )  # fmt: skip
