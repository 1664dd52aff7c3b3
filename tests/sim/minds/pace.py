"""When a mind spoke last about each symbol: all that the simple ones remember."""

from __future__ import annotations

import math

import msgspec

from tradingd.core.events import Action, Quote
from tradingd.core.signals.strategy import Signal
from tradingd.core.types import NS, Symbol

FOREVER = 1 << 62  # ns


class Pace(msgspec.Struct, frozen=True):
    """said: time of the last word by symbol, ns.   seen: quotes so far."""

    said: dict[str, int] = {}
    seen: int = 0

    def heard(self) -> Pace:
        return msgspec.structs.replace(self, seen=self.seen + 1)

    def spoke(self, symbol: str, ts: int) -> Pace:
        return msgspec.structs.replace(self, said={**self.said, symbol: ts})

    def since_s(self, symbol: str, ts: int) -> float:
        """Seconds since the last word, infinite before the first."""
        last = self.said.get(symbol)
        return math.inf if last is None else (ts - last) / NS


def word(symbol: Symbol, action: Action, ts: int, confidence: float, why: str) -> Signal:
    """One idea of the instant ts."""
    return Signal(symbol=symbol, action=action, confidence=confidence, thesis=why, key=f"{ts}")


def is_price(quote: Quote) -> bool:
    return 0.0 < quote.bid <= quote.ask < math.inf
