"""Prices between which a working order neither trades nor moves, so that a quote there need not be shown to it. Source: T1,
ARCHITECTURE "exact skipping"."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from math import inf
from typing import NamedTuple

from tradingd.core.types import OrderType, Side
from tradingd_adapters.sim.matching import VenueOrder


class Bounds(NamedTuple):
    """A quote may matter where bid <= bid_low, bid >= bid_high, ask <= ask_low or ask >= ask_high."""

    bid_low: float = -inf
    bid_high: float = inf
    ask_low: float = -inf
    ask_high: float = inf


NEVER = Bounds()
ALWAYS = Bounds(bid_low=inf)


def bounds(orders: Iterable[VenueOrder], position: Callable[[VenueOrder], Decimal], grid: float) -> Bounds:
    """Of all these orders of one symbol. position: true one of an order's account.   grid: the symbol's tick; shown prices are
    rounded to it, so lines lie two of them further out."""
    found = NEVER
    for order in orders:
        one = ALWAYS if not order.clipped(position(order)) else _bounds(order, 2.0 * grid)
        found = Bounds(
            max(found.bid_low, one.bid_low), min(found.bid_high, one.bid_high), max(found.ask_low, one.ask_low),
            min(found.ask_high, one.ask_high),
        )  # fmt: skip
    return found


def _bounds(order: VenueOrder, slack: float) -> Bounds:
    if order.triggered:
        if order.limit is None or not order.rested:  # takes what is shown; or is about to have rested
            return ALWAYS
        limit = float(order.limit)
        return Bounds(ask_low=limit + slack) if order.side is Side.BUY else Bounds(bid_high=limit - slack)
    if order.type is OrderType.TRAILING or order.stop is None:
        return ALWAYS
    stop = float(order.stop)
    return Bounds(ask_high=stop - slack) if order.side is Side.BUY else Bounds(bid_low=stop + slack)
