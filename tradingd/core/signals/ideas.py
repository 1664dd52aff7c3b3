"""What an idea is between the daily bar that made it and the moment it may be said, and how often it may be said.

Daily strategies think after the close and speak inside the next session; these values are what their states hold meanwhile.
"""

from __future__ import annotations

import msgspec

from tradingd.core.events import Action
from tradingd.core.signals.bars import DAY_S, date_of
from tradingd.core.signals.strategy import Signal
from tradingd.core.types import NS, Symbol

LAPSE_NS = 5 * DAY_S * NS  # bridges a weekend with holidays on both sides; older, the market has moved on
CONFIDENCE_LEAST = 0.5
CONFIDENCE_MOST = 0.95


class Idea(msgspec.Struct, frozen=True):
    """Something to say at the next opportunity. confidence: 0..1.   ts: when it was formed, ns.   close: the price then."""

    action: Action
    confidence: float
    thesis: str
    ts: int
    close: float

    def is_fresh(self, ts: int) -> bool:
        """Whether it may be said at `ts`: after it was formed and within five days."""
        return 0 < ts - self.ts <= LAPSE_NS


class Voice(msgspec.Struct, frozen=True):
    """What was said of one symbol last: the UTC dates, "" for never; at most one signal a date and direction.

    mine: this strategy said BUY and has not seen the symbol flat on a later date. Only then does it say SELL, so that
    strategies on one account leave each other's positions alone. (A BUY the house refused and somebody else's entry on that
    same date look like mine; the position then has one more way out, never one less.)
    """

    bought: str = ""
    sold: str = ""
    mine: bool = False

    def seen(self, ts: int, qty: float) -> Voice:
        """After a look at the position."""
        if self.mine and qty == 0.0 and date_of(ts) > self.bought:
            return Voice(self.bought, self.sold)
        return self

    def may(self, action: Action, ts: int) -> bool:
        """Whether it has not been said on this date."""
        return date_of(ts) != (self.bought if action is Action.BUY else self.sold)

    def say(self, symbol: Symbol, action: Action, confidence: float, thesis: str, ts: int) -> tuple[Voice, Signal]:
        """The signal, its key made from the date, and the voice after it."""
        day = date_of(ts)
        after = Voice(day, self.sold, mine=True) if action is Action.BUY else Voice(self.bought, day)
        key = f"{day}-{action.value}"
        return after, Signal(symbol=symbol, action=action, confidence=confidence, thesis=thesis, key=key)


def graded(strength: float) -> float:
    """A confidence, 0.5 to 0.95, from a strength (0 = barely, 1 = as strong as it gets; beyond is cut, NaN is 0)."""
    inside = min(strength, 1.0) if strength > 0.0 else 0.0
    return round(CONFIDENCE_LEAST + (CONFIDENCE_MOST - CONFIDENCE_LEAST) * inside, 4)
