"""What the house does when the world or a market runs: nearer stops around earnings and during events, a second look at a position
that moved fast, no entries while most of what is held declines. Source: E4, E12.

The prices of the last minutes are observed: a restart begins with none. Events and earnings dates are booked.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.facts import Check, EventNoted, Reason
from tradingd.core.gates import stops
from tradingd.core.gates.stops import StopSettings
from tradingd.core.gates.window import MINUTE, SessionTable
from tradingd.core.plans.earnings import days_to_next
from tradingd.core.types import Severity, Symbol

SAMPLES = 30  # prices kept of the time looked back on


class AdaptiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E12. rapid_move: within rapid_min minutes, a position is re-evaluated.   declining_share of the positions down more than
    declining_pct: no new entries.   event_interval_min: how often stops are re-evaluated during a high-severity event."""

    rapid_move: float = 0.05
    rapid_min: float = 15.0
    declining_share: float = 0.5
    declining_pct: float = 0.02
    event_interval_min: int = 1

    def __post_init__(self) -> None:
        for name in ("rapid_move", "declining_share", "declining_pct"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 100%")
        if not self.rapid_min > 0:
            raise ValueError("rapid_min must be > 0")
        if not 0 <= self.event_interval_min <= 1440:
            raise ValueError("event_interval_min must be 0 .. 1440")


# stops ------------------------------------------------------------------------------------------------------------------


def severe(events: Iterable[EventNoted], symbol: Symbol, now: int) -> bool:
    """Is a high-severity event running that concerns the symbol?"""
    return any(
        event.severity is Severity.HIGH and now < event.until and (not event.symbols or symbol in event.symbols)
        for event in events
    )


def tightening(
    book: Book, symbol: Symbol, table: SessionTable | None, s: StopSettings, *, events: bool = True
) -> tuple[float, str]:
    """How much of the normal stop distance stands now, and why (E4): the strictest of earnings ahead and a high-severity event.
    events=False leaves these out: an entry is sized on the distance of an ordinary day, or an event would let it be larger for the
    same heat, and its stop comes closer once it has filled."""
    dates = book.booked.earnings.get(symbol, ())
    if not dates and not book.booked.events:
        return 1.0, ""
    days = days_to_next(dates, table, book.now) if dates else None
    running = events and severe(book.booked.events.values(), symbol, book.now)
    return stops.tighten_factor(days, running, s)


# a market that runs -------------------------------------------------------------------------------------------------------


def sample(market: Market, now: int, s: AdaptiveSettings) -> bool:
    """Keep the price of this moment when the last one kept is old enough; forget those from before the time looked back on. Whether
    anything changed, so that the lines must be drawn anew."""
    swings, span = market.swings, int(s.rapid_min * MINUTE)
    before = len(swings)
    while swings and now - swings[0][0] > span:
        swings.popleft()
    changed = len(swings) != before
    if market.mid and (not swings or market.ts - swings[-1][0] >= span // SAMPLES) and now - market.ts <= span:
        swings.append((market.ts, market.mid))
        return True
    return changed


def swing_lines(market: Market, s: AdaptiveSettings) -> tuple[float, float]:
    """The middles beyond which the price has moved by more than `rapid_move` from some price of the last `rapid_min` minutes;
    (-inf, inf) without any."""
    if not market.swings:
        return -inf, inf
    prices = [mid for _, mid in market.swings]
    return max(prices) * (1.0 - s.rapid_move), min(prices) * (1.0 + s.rapid_move)


def rapid_move(market: Market, s: AdaptiveSettings) -> float | None:
    """The move of the present price, signed share of the price it came from, when it is a rapid one; it is counted once: what was
    before it is forgotten. None when it is not, and what is too old by now is forgotten."""
    span = int(s.rapid_min * MINUTE)
    while market.swings and market.ts - market.swings[0][0] > span:
        market.swings.popleft()
    low, high = swing_lines(market, s)
    mid = market.mid
    if low <= mid <= high:
        return None
    prices = [price for _, price in market.swings]
    base = max(prices) if mid < low else min(prices)
    market.swings.clear()
    market.swings.append((market.ts, mid))
    return mid / base - 1.0


# a portfolio that declines ------------------------------------------------------------------------------------------------


def declining_share(book: Book, s: AdaptiveSettings) -> float:
    """Of the open positions, the share whose unrealised loss is above `declining_pct` of the price paid, 0..1; 0 when nothing is
    held. A position without a price yet is not known to decline."""
    held = declining = 0
    for symbol, position in book.booked.positions.items():
        if not position.qty:
            continue
        held += 1
        market, paid = book.markets.get(symbol), float(position.avg_price)
        if market is None or not market.mid or not paid > 0:
            continue
        loss = (paid - market.mid) / paid if position.qty > 0 else (market.mid - paid) / paid
        declining += loss > s.declining_pct
    return declining / held if held else 0.0


def declining_check(book: Book, s: AdaptiveSettings) -> Check:
    """No entry while more than `declining_share` of the positions decline; exits never ask. Source: E12."""
    share = declining_share(book, s)
    ok = share <= s.declining_share
    return Check("declining", share, s.declining_share, ok, None if ok else Reason.DECLINING)
