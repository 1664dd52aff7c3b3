"""Rebalancing: which of what is held must be sold so that positions, sectors and their number are within limits again.

In this order, each step on what the one before leaves: positions above their share are cut down to it; sectors above theirs lose
from the position the house is least sure of, then the next; of too many positions the least sure go. An unknown confidence is the
lowest, ties go by symbol. Shorts count by their size. Source: E13 (S2 properties 17, 18).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal
from math import fsum

import msgspec

from tradingd.core.types import ZERO, Qty, Symbol

HAIR = 1e-12  # of a limit: what a sum of floats may be above it without being above it
AIM = 0.995  # of a limit: what is cut is cut to there, because selling has its cost and prices move while it goes


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A position, long or short. qty: its size, > 0.   lot: what it is sold in steps of, > 0.   value: of all of it, account
    currency, >= 0.   confidence: of the signal behind it, None when unknown."""

    symbol: Symbol
    sector: str
    qty: Qty
    lot: Decimal
    value: float
    confidence: float | None = None

    def left(self, sold: Decimal) -> float:
        """The value of what remains, account currency."""
        return self.value * float((self.qty - sold) / self.qty) if sold else self.value


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the active pool, 0..1; positions: how many there may be."""

    position_pct: float
    sector_pct: float
    positions: int


class Sell(msgspec.Struct, frozen=True):
    """qty: > 0, in lots, or the whole position.   whole: nothing is left of it.   why: one line for each limit it serves."""

    symbol: Symbol
    qty: Qty
    whole: bool
    why: tuple[str, ...]


class _Sold:
    """What is sold so far, and why."""

    def __init__(self, holdings: Sequence[Holding]) -> None:
        self.qty: dict[Symbol, Decimal] = {h.symbol: ZERO for h in holdings}
        self.why: dict[Symbol, list[str]] = {}

    def left(self, holding: Holding) -> float:
        return holding.left(self.qty[holding.symbol])

    def down_to(self, holding: Holding, value: float, why: str) -> None:
        """Sell as few lots as bring it to `value` or below; all of it when lots cannot."""
        before = self.qty[holding.symbol]
        sold = before + _lots(holding, (self.left(holding) - value) / holding.value * float(holding.qty))
        while sold < holding.qty and holding.left(sold) > value:
            sold += holding.lot
        while sold - holding.lot > before and holding.left(sold - holding.lot) <= value:
            sold -= holding.lot
        self.qty[holding.symbol] = min(sold, holding.qty)
        self.why.setdefault(holding.symbol, []).append(why)


def sells(holdings: Sequence[Holding], active_pool: float, limits: Limits) -> tuple[Sell, ...]:
    """What to sell, by symbol; () when all is within limits, or when there is no active pool to compare with.

    active_pool: account currency.   Afterwards no position and no sector is above its share, and no more than the limit are held;
    what is above a share is cut by as few lots as bring it to half a per cent below.
    """
    if not 0 < active_pool < float("inf"):
        return ()
    sold = _Sold(holdings)
    _positions(holdings, sold, active_pool, limits)
    _sectors(holdings, sold, active_pool, limits)
    _number(holdings, sold, limits)
    return tuple(_sell(h, sold) for h in sorted(holdings, key=lambda h: h.symbol) if sold.qty[h.symbol])


def least_sure_first(holdings: Iterable[Holding]) -> list[Holding]:
    return sorted(holdings, key=lambda h: (-1.0 if h.confidence is None else h.confidence, h.symbol))


def _positions(holdings: Sequence[Holding], sold: _Sold, pool: float, limits: Limits) -> None:
    for h in holdings:
        if h.value > limits.position_pct * pool:
            why = f"position {h.value / pool:.2%} of the active pool, at most {limits.position_pct:.2%}"
            sold.down_to(h, AIM * limits.position_pct * pool, why)


def _sectors(holdings: Sequence[Holding], sold: _Sold, pool: float, limits: Limits) -> None:
    for sector in sorted({h.sector for h in holdings}):
        inside = [h for h in holdings if h.sector == sector]
        most, before = limits.sector_pct * pool, fsum([sold.left(h) for h in inside])
        if before <= most * (1.0 + HAIR):
            continue
        aim = AIM * most
        for h in least_sure_first(inside):
            if fsum([sold.left(other) for other in inside]) <= aim * (1.0 + HAIR):
                break
            if sold.left(h) > 0:
                rest = aim - fsum([sold.left(other) for other in inside if other is not h])
                why = f"sector {sector} {before / pool:.2%} of the active pool, at most {limits.sector_pct:.2%}"
                sold.down_to(h, max(0.0, rest), why)


def _number(holdings: Sequence[Holding], sold: _Sold, limits: Limits) -> None:
    held = [h for h in holdings if sold.qty[h.symbol] < h.qty]
    for h in least_sure_first(held)[: max(0, len(held) - limits.positions)]:
        sold.qty[h.symbol] = h.qty
        sold.why.setdefault(h.symbol, []).append(f"{len(held)} positions, at most {limits.positions}")


def _sell(holding: Holding, sold: _Sold) -> Sell:
    qty = sold.qty[holding.symbol]
    return Sell(holding.symbol, Qty(qty), qty == holding.qty, tuple(sold.why[holding.symbol]))


def _lots(holding: Holding, qty: float) -> Decimal:
    """A quantity rounded up to lots, >= 0."""
    return max(ZERO, (Decimal(repr(qty)) / holding.lot).to_integral_value(ROUND_CEILING) * holding.lot)
