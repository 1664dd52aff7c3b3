"""Charts as SVG without a library: across they are in percent, so that they fit any width with letters of one size; down in pixels.

A chart is two drawings side by side, the plot and its scale. Lines and areas lie in a drawing of their own that is stretched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

import msgspec

from tradingd.lab.results.page.html import Html, join, tag

WIDE = 10_000  # units of the stretched drawing
TOP, FOOT = 12, 20  # pixels above the plot, and below it for the dates
POINTS = 800  # of a line
LABELS = 8


class Scale(NamedTuple):
    """Down: value -> pixels. low < high."""

    low: float
    high: float
    height: int
    ticks: tuple[float, ...]

    def y(self, value: float) -> float:
        return round(TOP + (self.high - value) / (self.high - self.low) * self.height, 1)


def scale(values: Sequence[float], height: int, *, zero: bool = False) -> Scale:
    """One that holds all values, with round numbers at its lines. zero: and nothing too."""
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= abs(high) * 1e-9:
        low, high = low - (abs(low) * 0.01 or 1.0), high + (abs(high) * 0.01 or 1.0)
    step = _step((high - low) / 4)
    first, last = floor(low / step), ceil(high / step)
    return Scale(first * step, last * step, height, tuple(i * step for i in range(first, last + 1)))


def _step(rough: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** floor(log10(rough))
    return next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))


def thin(values: Sequence[float], most: int = POINTS) -> list[int]:
    """Places of at most so many (>= 4) values that show the same line: the first, the last, and the lowest and highest between."""
    n = len(values)
    if n <= most:
        return list(range(n))
    width = -(-(n - 2) // ((most - 2) // 2))
    kept = {0, n - 1}
    for start in range(1, n - 1, width):
        part = range(start, min(start + width, n - 1))
        kept |= {min(part, key=values.__getitem__), max(part, key=values.__getitem__)}
    return sorted(kept)


def across(i: int, n: int) -> float:
    """Where the middle of the i-th of n lies, per cent."""
    return round((i + 0.5) / n * 100, 3)


def line(values: Sequence[float], at: Sequence[int], scaled: Scale, class_: str) -> Html:
    """A line through the values at these places."""
    return tag("path", d=f"M{' '.join(_points(values, at, scaled))}", class_=f"line {class_}")


def area(values: Sequence[float], at: Sequence[int], scaled: Scale, class_: str, base: float = 0.0) -> Html:
    """What lies between the values and the base."""
    n, ground = len(values), scaled.y(min(max(base, scaled.low), scaled.high))
    first, last = (round(across(i, n) * WIDE / 100) for i in (at[0], at[-1]))
    return tag(
        "path", d=f"M{first} {ground} {' '.join(_points(values, at, scaled))} {last} {ground}z", class_=f"area {class_}"
    )


def _points(values: Sequence[float], at: Sequence[int], scaled: Scale) -> list[str]:
    n = len(values)
    return [f"{round(across(i, n) * WIDE / 100)} {scaled.y(values[i])}" for i in at]


def chart(
    name: str, scaled: Scale, stretched: Sequence[Html], dates: Sequence[str], *, said: Callable[[float], str],
    marks: Sequence[Html] = (), tips: Sequence[tuple[int, str]] = (),
) -> Html:  # fmt: skip
    """stretched: what lies in the plot.   marks: what is not stretched, on top.   dates: ISO, one a place.   said: a value of the
    scale in words.   tips: (place, words), shown under the pointer; the last one stands there before."""
    tall = TOP + scaled.height + FOOT
    grid = [tag("line", x1="0", x2="100%", y1=str(y), y2=str(y), class_="grid") for y in map(scaled.y, scaled.ticks)]
    plot = tag(
        "svg", *stretched, width="100%", height=str(tall), viewBox=f"0 0 {WIDE} {tall}", preserveAspectRatio="none"
    )
    cursor = tag("line", y1=str(TOP), y2=str(tall - FOOT), class_="cursor")
    left = tag(
        "svg", tag("title", name), *grid, plot, *_dates(dates, tall), *marks, cursor,
        class_="plot", width="100%", height=str(tall), role="img",
    )  # fmt: skip
    right = tag(
        "svg", *(tag("text", said(tick), x="6", y=str(scaled.y(tick) + 4)) for tick in scaled.ticks),
        class_="scale", width="64", height=str(tall), aria_hidden="true",
    )  # fmt: skip
    tip = tag("p", tips[-1][1] if tips else "\u00a0", class_="tip")
    points = msgspec.json.encode([(across(i, len(dates)), words) for i, words in tips]).decode() if tips else ""
    return tag(
        "figure",
        tag("figcaption", name),
        tip,
        tag("div", left, right, class_="drawn"),
        class_="chart",
        data_points=points,
    )


def _dates(dates: Sequence[str], tall: int) -> list[Html]:
    """Some of the dates, where a month or a year begins; every second one gives way on a phone."""
    begins = [i for i in range(1, len(dates)) if dates[i][:7] != dates[i - 1][:7]]
    years = [i for i in begins if dates[i][:4] != dates[i - 1][:4]]
    chosen, size = (years, 4) if len(years) >= 3 else (begins, 7) if begins else (list(range(len(dates))), 10)
    chosen = chosen[:: -(-len(chosen) // LABELS)] if chosen else []
    found = []
    for n, i in enumerate(chosen):
        at = across(i, len(dates))
        if 3 <= at <= 95:
            found.append(
                join([
                    tag("line", x1=f"{at}%", x2=f"{at}%", y1=str(tall - FOOT), y2=str(tall - FOOT + 4), class_="grid"),
                    tag("text", dates[i][:size], x=f"{at}%", y=str(tall - 4), class_="date minor" if n % 2 else "date"),
                ])
            )  # fmt: skip
    return found


def mark(kind: str, at: float, y: float, title: str, class_: str) -> Html:
    """A small sign at that place (per cent, pixels). kind: one of SIGNS."""
    return tag("g", tag("title", title), tag("use", href=f"#{kind}", x=f"{at}%", y=str(y)), class_=f"mark {class_}")


SIGNS = Html(
    '<svg width="0" height="0" class="signs" aria-hidden="true"><defs>'
    '<path id="buy" d="M0 0l-5 9h10z"></path><path id="sell" d="M0 0l-5 -9h10z"></path>'
    "</defs></svg>"
)
