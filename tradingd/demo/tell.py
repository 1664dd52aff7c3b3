"""The demo's live lines: what an operator would want to see, calmly; each kind in full at first, then rarely."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import assert_never

from tradingd.core.facts import (
    AnyFact,
    BreakerKind,
    BreakerResumed,
    BreakerTripped,
    CommandSeen,
    DayClosed,
    Decided,
    Filled,
    Kind,
    OrderIntended,
    Outcome,
    ReserveMoved,
    StopSet,
    TierChanged,
)  # fmt: skip
from tradingd.core.types import Leg
from tradingd.core.views.reasons import clean, sentence, utc

FULL = 3  # lines of a kind before only every tenth is shown
ALWAYS = ("BREAKER", "TIER", "COMMAND")


class Teller:
    """A journal follower that prints.

    live: also keep one status line at the bottom of a terminal.   quiet: say nothing but the result.   on_deaf: called once
    when nobody reads any more (the pipe was closed); from then on nothing is printed.
    """

    def __init__(self, *, live: bool, quiet: bool = False, on_deaf: Callable[[], None] = lambda: None) -> None:
        self._live = live and not quiet
        self._quiet = quiet
        self._on_deaf = on_deaf
        self._shown: dict[str, int] = {}
        self._status = ""
        self._legs: dict[str, Leg] = {}

    def __call__(self, facts: Sequence[AnyFact]) -> None:
        if self._quiet:
            return
        for fact in facts:
            if isinstance(fact, OrderIntended):
                self._legs[fact.order.order_id] = fact.order.leg
            said = self._words(fact)
            if said is not None:
                self._tell(fact.ts, *said)

    def say(self, lines: Sequence[str]) -> None:
        """Lines that are no events: greeting and summary."""
        if lines and not self._quiet:
            self._clear()
            self._write("\n".join(lines) + "\n")
            self._draw()

    def result(self, text: str) -> None:
        """The one line of --json."""
        self._write(text + "\n")

    def done(self) -> None:
        """Take the status line away for good."""
        self._clear()
        self._status = ""

    def _words(self, fact: AnyFact) -> tuple[str, str] | None:
        match fact:
            case Decided():
                return _decision(fact)
            case Filled():
                stopped = self._legs.get(fact.order_id) is Leg.PROTECT
                gain = f", realised {fact.realised:+,.2f}" if fact.realised else ""
                return (
                    "STOPPED" if stopped else "FILL",
                    f"{fact.side} {fact.qty} {fact.symbol} at {fact.price:,.2f}{gain}",
                )
            case StopSet(why="entry"):
                return "STOP", f"{fact.symbol} at {fact.stop:,.2f}, resting at the venue; target {fact.target:,.2f}"
            case ReserveMoved() if fact.amount:
                return "RESERVE", f"{fact.kind.replace('_', ' ')} {fact.amount:+,.2f}, now {fact.balance:,.2f}"
            case BreakerTripped():
                return "BREAKER", _trip(fact)
            case BreakerResumed():
                return "BREAKER", f"{fact.kind.replace('_', ' ')}: {clean(fact.why)}, entries{_of(fact.symbol)} again"
            case TierChanged():
                return "TIER", f"{fact.previous} -> {fact.tier}: {fact.why}"
            case CommandSeen():
                return "COMMAND", f"{fact.verb} by {clean(fact.actor)}: {clean(fact.answer)}"
            case DayClosed():
                self._status = f"{fact.date}  equity {fact.equity:,.2f}  drawdown {fact.drawdown * 100:.2f} %"
                self._clear()
                self._draw()
            case _:
                pass
        return None

    def _tell(self, ts: int, kind: str, text: str) -> None:
        n = self._shown[kind] = self._shown.get(kind, 0) + 1
        rare = n > FULL and kind not in ALWAYS
        if rare and n % 10:
            return
        self._clear()
        self._write(f"{utc(ts)[:16]}  {kind:<8} {text}{f'   ({n} so far)' if rare else ''}\n")
        self._draw()

    def _clear(self) -> None:
        if self._live:
            self._write("\r\x1b[2K")

    def _draw(self) -> None:
        if self._live:
            self._write(self._status[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self._quiet, self._live = True, False
            nowhere = os.open(os.devnull, os.O_WRONLY)  # sim-ok: the terminal, outside of the simulated world
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            self._on_deaf()


def _decision(fact: Decided) -> tuple[str, str] | None:
    story = f"   (why {fact.decision_id})"
    if fact.outcome is Outcome.ACT:
        sure = "" if fact.confidence is None or fact.kind is Kind.EXIT else f", confidence {fact.confidence:.2f}"
        what = f"{fact.side} {fact.qty} {fact.symbol}{sure}"
        return fact.kind.value.upper(), f"{what}: {clean(fact.thesis or fact.source)}{story}"
    if fact.kind is Kind.EXIT:
        return None
    return "DENIED", f"{fact.side} {fact.symbol}: {'; '.join(sentence(reason) for reason in fact.reasons)}{story}"


def _trip(fact: BreakerTripped) -> str:
    match fact.kind:
        case BreakerKind.DAILY_LOSS | BreakerKind.SINGLE_POSITION:
            what = f"lost {fact.actual * 100:.2f} %, limit {fact.threshold * 100:.2f} %"
        case BreakerKind.VOLATILITY:
            what = f"{fact.actual:.0f} stop-outs, limit {fact.threshold:.0f}"
        case BreakerKind.MANUAL:
            what = f"by {clean(fact.actor)}"
        case _:
            assert_never(fact.kind)
    return f"{fact.kind.replace('_', ' ')}: {what}; no entries{_of(fact.symbol)} until {utc(fact.until)[:16]}"


def _of(symbol: str | None) -> str:
    return f" in {symbol}" if symbol else ""
