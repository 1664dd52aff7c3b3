"""What a check found, and the list it goes to."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from tradingd.lab.data.store import stamp

TOLD_MAX = 100  # of one check of one instrument: the others are counted

Check = Literal[
    "damaged", "gap", "out-of-order", "duplicate", "no-price", "crossed", "high-low", "jump", "split-missing", "split-unseen",
    "zero-volume",
]  # fmt: skip


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """since, until: ns of the rows between or in which it is.   why: in words."""

    kind: str
    symbol: str
    check: Check
    since: int
    until: int
    why: str


class Found:
    """Findings of one instrument, each check's first TOLD_MAX; `counts` has them all."""

    def __init__(self, kind: str, symbol: str) -> None:
        self.kind, self.symbol = kind, symbol
        self.findings: list[Finding] = []
        self.counts: dict[str, int] = {}

    def add(self, check: Check, since: int, until: int, why: str) -> None:
        self.counts[check] = self.counts.get(check, 0) + 1
        if self.counts[check] <= TOLD_MAX:
            self.findings.append(
                Finding(kind=self.kind, symbol=self.symbol, check=check, since=since, until=until, why=why)
            )

    def rows(self, check: Check, ts: np.ndarray[Any, Any], where: np.ndarray[Any, Any], why: str) -> None:
        """One finding for each row that is marked in `where`."""
        for at in ts[where].tolist():
            self.add(check, at, at, f"{stamp(at)}: {why}")
