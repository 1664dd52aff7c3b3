"""What may go wrong at the venue, one switch a fault; every draw comes from a seed, so a run repeats exactly.

A fault strikes by rate (0..1, drawn at each chance), or the next n times (`arm`). Standing conditions (silence, halted symbols,
delayed visibility) are fields. `struck` counts what really happened, so that a test can prove that its fault occurred.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from tradingd.core.types import Symbol

_MASK = (1 << 64) - 1


class Fault(StrEnum):
    LOSE_ORDER = "lose_order"  # the link drops before the order is read: it never arrives, the session ends
    LOSE_ACK = "lose_ack"  # accepted, but the acknowledgement is lost (A4, A10)
    ERROR_AFTER_ACCEPT = "error_after_accept"  # accepted, but the call answers 503 (A10)
    DISCONNECT_AFTER_ACCEPT = "disconnect_after_accept"  # accepted, then the session ends before the ack (A4)
    REJECT = "reject"  # a proven refusal
    DUPLICATE = "duplicate"  # an order or fill message is delivered twice (D8)
    REORDER = "reorder"  # an order or fill message is held back, later ones overtake it (A16, D10)
    DROP_FILL = "drop_fill"  # a fill happens, its message is lost, all else flows (D3)
    DOUBLE_EXECUTION = "double_execution"  # a fill's message comes again under another execution id (D9)
    OVERFILL = "overfill"  # one unit more than ordered is really executed (A17)
    CROSSED = "crossed"  # a quote whose bid is above its ask (F2)


class Faults:
    """The switches of one exchange. seed: of all draws.   visibility_ns: how long a new order stays invisible to queries (A13)."""

    def __init__(self, seed: int = 0, rates: dict[Fault, float] | None = None, visibility_ns: int = 0) -> None:
        self.rates: dict[Fault, float] = dict(rates or {})
        self.next: Counter[Fault] = Counter()
        self.struck: Counter[Fault] = Counter()
        self.visibility_ns = visibility_ns
        self.silence = False
        self.halted: dict[Symbol, str] = {}
        self._state = seed & _MASK

    def arm(self, fault: Fault, n: int = 1) -> None:
        """Strike at the next n chances."""
        self.next[fault] += n

    def hit(self, fault: Fault) -> bool:
        """Does it strike now? One chance; counted in `struck`."""
        if not self.next and not self.rates:
            return False
        if self.next.get(fault, 0) > 0:
            self.next[fault] -= 1
        else:
            rate = self.rates.get(fault, 0.0)
            if not rate or self.draw(1_000_000) >= rate * 1_000_000:
                return False
        self.struck[fault] += 1
        return True

    def draw(self, below: int) -> int:
        """A whole number 0 <= x < below from the seed (splitmix64)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return (z ^ (z >> 31)) % below
