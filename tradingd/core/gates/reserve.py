"""The reserve pool: what is put aside from realised profits, what that leaves to trade with, and when it comes back.

Source: E5. All amounts are account currency. The functions return ledger lines (`Entry`); the caller makes `ReserveMoved`
facts of them.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import msgspec

from tradingd.core.facts import Check, Kind, Reason, ReserveKind
from tradingd.core.gates.checks import ratio, shown
from tradingd.core.types import ZERO, Money, TierName

CENT = Decimal("0.01")


class ReserveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """siphon_share: of each realised profit, 0..1.   emergency_drawdown: share of the high water above which the whole
    reserve is released, 0..1; later than the tier's own step down (15 %), because it puts more money at risk.
    high_water_share: reserve over equity above which an operator should hear of it.
    cent: smallest unit of the account currency, > 0.
    """

    siphon_share: float = 0.25
    emergency_drawdown: float = 0.20
    high_water_share: float = 0.30
    cent: Decimal = CENT

    def __post_init__(self) -> None:
        for name in ("siphon_share", "emergency_drawdown", "high_water_share"):
            ratio("reserve", name, getattr(self, name))
        if not (self.cent.is_finite() and self.cent > 0):
            raise ValueError(f"reserve.cent must be above 0 (0.01 for dollars), not {self.cent}")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the reserve's ledger. amount: signed, into the reserve is positive.   balance: after it."""

    kind: ReserveKind
    amount: Money
    balance: Money


class Emergency(msgspec.Struct, frozen=True, kw_only=True):
    """The emergency release. entry: None when the reserve was empty.   tier: the tier from now on (conservative)."""

    entry: Entry | None
    tier: TierName
    why: str


def siphon(realised: Money, settings: ReserveSettings) -> Money:
    """What of a realised profit goes aside, rounded down to the cent, so never more than the share; 0 of a loss."""
    if not realised > 0:
        return Money(ZERO)
    share = Decimal(repr(settings.siphon_share))
    return Money((realised * share / settings.cent).to_integral_value(ROUND_FLOOR) * settings.cent)


def siphoned(balance: Money, realised: Money, settings: ReserveSettings) -> Entry | None:
    """The ledger line of a realised profit, None when nothing goes aside."""
    amount = siphon(realised, settings)
    if amount == 0:
        return None
    return Entry(kind=ReserveKind.PROFIT_SIPHON, amount=amount, balance=Money(balance + amount))


def active_pool(equity: Money, reserve: Money) -> Money:
    """What may be traded with: equity less reserve, exact; below zero when losses ate into the reserve."""
    return Money(equity - reserve)


def emergency(balance: Money, drawdown: float, tier: TierName, settings: ReserveSettings) -> Emergency | None:
    """Release the whole reserve and drop to conservative when the drawdown is above the emergency threshold.

    None below it, and when there is nothing left to do (reserve empty and already conservative), so asking again is free.
    """
    if not drawdown > settings.emergency_drawdown:
        return None
    if balance <= 0 and tier is TierName.CONSERVATIVE:
        return None
    entry = None
    if balance > 0:
        entry = Entry(kind=ReserveKind.EMERGENCY_LIQUIDATION, amount=Money(-balance), balance=Money(ZERO))
    why = f"drawdown {drawdown:.2%} is above {settings.emergency_drawdown:.2%}"
    return Emergency(entry=entry, tier=TierName.CONSERVATIVE, why=why)


def release(balance: Money, amount: Money) -> Entry | Reason:
    """An operator moves `amount` (> 0) from the reserve to the active pool. INVALID when it is not a positive amount,
    RESERVE_SHORT when the reserve holds less."""
    if not (amount.is_finite() and amount > 0):
        return Reason.INVALID
    if amount > balance:
        return Reason.RESERVE_SHORT
    return Entry(kind=ReserveKind.MANUAL_ADJUSTMENT, amount=Money(-amount), balance=Money(balance - amount))


def initial(amount: Money) -> Entry:
    """The first line of an account's ledger. amount: >= 0, part of the equity."""
    return Entry(kind=ReserveKind.INITIAL, amount=amount, balance=amount)


def reserve_share(balance: Money, equity: Money) -> float:
    """Reserve over equity; 0 with an empty reserve, 1 when there is no equity to compare with."""
    if balance <= 0:
        return 0.0
    return float(balance / equity) if equity > 0 else 1.0


def is_high(balance: Money, equity: Money, settings: ReserveSettings) -> bool:
    """The high-water signal: more than `high_water_share` of equity lies idle in the reserve."""
    return reserve_share(balance, equity) > settings.high_water_share


def minimum_check(kind: Kind, active: float, minimum: Money) -> Check:
    """Entries need an active pool of at least `minimum`; exits never do. Refuses ACTIVE_POOL_MINIMUM. Source: E3."""
    limit = float(minimum)
    if kind is Kind.EXIT:
        return Check("active_pool", shown(active), limit, True, None, "exits need no active pool")
    if active >= limit:  # false for nan: an unknown pool allows nothing
        return Check("active_pool", shown(active), limit, True)
    return Check("active_pool", shown(active), limit, False, Reason.ACTIVE_POOL_MINIMUM)


def claim_check(need: Money, cash: Money, reserve: Money, claimed: Money) -> Check:
    """An entry may not spend the reserve: what it needs must fit into cash less reserve less what working entries claim.

    need: the cash this order takes (notional, or margin where the venue asks only that).   Refuses RESERVE_SHORT.
    """
    free = cash - reserve - claimed
    if need <= free:
        return Check("reserve", float(need), float(free), True)
    return Check("reserve", float(need), float(free), False, Reason.RESERVE_SHORT, f"need {need}, have {free}")
