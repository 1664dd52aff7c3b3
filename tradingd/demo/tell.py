"""The demo's live lines: what an operator would want to see, calmly; each kind in full at first, then rarely."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from tradingd.core.facts import (
    AnyFact, BreakerResumed, BreakerTripped, DayClosed, Decided, Filled, Kind, OrderIntended, Outcome, ReserveMoved, StopSet,
    TierChanged,
)  # fmt: skip
from tradingd.core.types import Leg

FULL = 3  # lines of a kind before only every tenth is shown


class Teller:
    """A journal follower that prints. live: also keep one status line at the bottom of a terminal."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._shown: dict[str, int] = {}
        self._status = ""
        self._legs: dict[str, Leg] = {}

    def __call__(self, facts: Sequence[AnyFact]) -> None:
        for fact in facts:
            if isinstance(fact, OrderIntended):
                self._legs[fact.order.order_id] = fact.order.leg
            said = self._words(fact)
            if said is not None:
                self._say(fact.ts, *said)

    def _words(self, fact: AnyFact) -> tuple[str, str] | None:
        match fact:
            case Decided(outcome=Outcome.SKIP, kind=Kind.ENTRY):
                reasons = ", ".join(reason.value for reason in fact.reasons)
                return "DENIED", f"{fact.side} {fact.symbol} ({fact.source}): {reasons}   (tradingd why {fact.decision_id})"
            case Decided(outcome=Outcome.ACT, kind=Kind.EXIT):
                return "EXIT", f"{fact.side} {fact.qty} {fact.symbol}: {fact.source}, {fact.thesis}"
            case Filled():
                leg = self._legs.get(fact.order_id, Leg.ENTRY)
                word = {Leg.ENTRY: "FILL", Leg.EXIT: "FILL", Leg.PROTECT: "STOPPED"}[leg]
                gain = f", realised {fact.realised:+.2f}" if fact.realised else ""
                return word, f"{fact.side} {fact.qty} {fact.symbol} at {fact.price}{gain}"
            case StopSet(why="entry"):
                return "STOP", f"{fact.symbol} stop {fact.stop}, target {fact.target}, resting at the venue"
            case ReserveMoved() if fact.amount:
                return "RESERVE", f"{fact.kind}: {fact.amount:+.2f} -> {fact.balance:.2f}"
            case BreakerTripped():
                return "BREAKER", f"{fact.kind} {fact.actual:.4g} beyond {fact.threshold:.4g}: no entries until {_when(fact.until)}"
            case BreakerResumed():
                return "BREAKER", f"{fact.kind} {fact.symbol or ''}: {fact.why}, entries again"
            case TierChanged():
                return "TIER", f"{fact.previous} -> {fact.tier}: {fact.why}"
            case DayClosed():
                self._keep_status(fact)
        return None

    def _say(self, ts: int, kind: str, text: str) -> None:
        n = self._shown[kind] = self._shown.get(kind, 0) + 1
        if n > FULL and n % 10 and kind not in ("BREAKER", "TIER"):
            return
        self._clear()
        note = f"  ({n} so far)" if n > FULL and kind not in ("BREAKER", "TIER") else ""
        print(f"{_when(ts)}  {kind:<8} {text}{note}", flush=True)
        self._draw()

    def _keep_status(self, fact: DayClosed) -> None:
        self._status = f"{fact.date}  equity {fact.equity:,.2f}  drawdown {fact.drawdown:.2%}"
        self._clear()
        self._draw()

    def _clear(self) -> None:
        if self._live:
            sys.stdout.write("\r\x1b[2K")

    def _draw(self) -> None:
        if self._live:
            sys.stdout.write(self._status)
            sys.stdout.flush()

    def done(self) -> None:
        """Leave the status line for good."""
        self._clear()


def _when(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M")
