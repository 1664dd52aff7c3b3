"""The faults that last: which of them strike now, whether one hits this time, and how often each did."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.sim.venue.records import Blow


class Strikes:
    """Keyed by kind, or kind:channel. struck: how often each kind hit a message, a session or the account."""

    def __init__(self, dice: random.Random) -> None:
        self.struck: dict[str, int] = {}
        self._dice = dice
        self._on: dict[str, list[Blow]] = {}

    def begin(self, keys: Iterable[str], fault: Blow) -> None:
        for key in keys:
            self._on.setdefault(key, []).append(fault)

    def finish(self, keys: Iterable[str], fault: Blow) -> bool:
        """False: it was over already."""
        found = False
        for key in keys:
            faults = self._on.get(key, [])
            left = [other for other in faults if other is not fault]
            found = found or len(left) < len(faults)
            if left:
                self._on[key] = left
            else:
                self._on.pop(key, None)
        return found

    def now(self) -> list[Blow]:
        return [fault for faults in self._on.values() for fault in faults]

    def clear(self) -> None:
        self._on.clear()

    def on(self, key: str) -> bool:
        return key in self._on

    def values(self, key: str) -> list[float]:
        return [fault.value for fault in self._on.get(key, ())]

    def chance(self, key: str) -> bool:
        """Draws only while such a fault is on; counts a hit."""
        if key not in self._on or self._dice.random() >= max(self.values(key)):
            return False
        self.hit(key.partition(":")[0])
        return True

    def hit(self, kind: str) -> None:
        self.struck[kind] = self.struck.get(kind, 0) + 1
