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
    slack = 2.0 * grid
    bid_low, bid_high, ask_low, ask_high = NEVER
    for order in orders:
        buys = order.side is Side.BUY
        if order.reduce_only and not order.clipped(position(order)):
            return ALWAYS  # it is taken back at the next quote
        if order.triggered:
            if order.limit is None or not order.rested:
                return ALWAYS  # it takes what is shown, or is about to have rested
            if buys:
                ask_low = max(ask_low, float(order.limit) + slack)
            else:
                bid_high = min(bid_high, float(order.limit) - slack)
        elif order.type is OrderType.TRAILING or order.stop is None:
            return ALWAYS
        elif buys:
            ask_high = min(ask_high, float(order.stop) - slack)
        else:
            bid_low = max(bid_low, float(order.stop) + slack)
    return Bounds(bid_low, bid_high, ask_low, ask_high)
