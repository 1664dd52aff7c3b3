"""The windows of a walk-forward: where parameters are chosen, and the time right after it where they must prove themselves. T4."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

import msgspec

from tradingd.lab.sweep.faults import Mistaken

_SPAN = re.compile(r"^(?P<n>[1-9]\d{0,4})(?P<unit>[dwmy])$")
_DAY = timedelta(days=1)


class Window(msgspec.Struct, frozen=True):
    """ISO days, both included. The test begins on the day after the training's last."""

    train_from: str
    train_to: str
    test_from: str
    test_to: str


class Span(msgspec.Struct, frozen=True):
    """A length of calendar time. months: of months and years, else 0.   days: of days and weeks."""

    months: int
    days: int

    def after(self, day: date, times: int = 1) -> date:
        """So many of these lengths on; the last day of a shorter month where there is no such day."""
        month = day.month - 1 + self.months * times
        year, month = day.year + month // 12, month % 12 + 1
        return date(year, month, min(day.day, monthrange(year, month)[1])) + self.days * times * _DAY


def length(text: str, option: str) -> Span:
    """30d, 4w, 6m or 2y. option: what messages call it."""
    found = _SPAN.match(text)
    if found is None:
        raise Mistaken(f"{option} {text!r}: is written 30d, 4w, 6m or 2y")
    n = int(found["n"])
    match found["unit"]:
        case "d":
            return Span(0, n)
        case "w":
            return Span(0, 7 * n)
        case "m":
            return Span(n, 0)
        case _:
            return Span(12 * n, 0)


def windows(begin: str, end: str, train: Span, test: Span, *, anchored: bool = False) -> list[Window]:
    """One after another, a test's length apart, as long as a whole test ends by `end`. anchored: every training begins at `begin`.
    Mistaken when there is room for none."""
    first, last = date.fromisoformat(begin), date.fromisoformat(end)
    found: list[Window] = []
    try:
        while True:
            n = len(found)
            start = train.after(test.after(first, n))
            over = train.after(test.after(first, n + 1))
            if over - _DAY > last:
                break
            found.append(
                Window(
                    begin if anchored else test.after(first, n).isoformat(), (start - _DAY).isoformat(), start.isoformat(),
                    (over - _DAY).isoformat(),
                )
            )  # fmt: skip
    except (ValueError, OverflowError):  # beyond the calendar
        pass
    if not found:
        raise Mistaken(f"--train, --test: {begin} to {end} is too short for one training and one test")
    return found


class Steady(msgspec.Struct, frozen=True):
    """How one parameter fared from window to window. chosen: value -> windows it won, the most frequent first.   share: of the
    most frequent, 0..1.   changes: how often it was another than in the window before."""

    key: str
    chosen: Mapping[str, int]
    share: float
    changes: int


def steadiness(winners: Sequence[Mapping[str, str]]) -> list[Steady]:
    """winners: parameters of each window's winner, in order, all of the same keys; at least one."""
    found = []
    for key in winners[0]:
        values = [winner[key] for winner in winners]
        counts = dict(sorted(Counter(values).items(), key=lambda one: (-one[1], one[0])))
        changes = len([1 for a, b in pairwise(values) if a != b])
        found.append(Steady(key, counts, max(counts.values()) / len(values), changes))
    return found
