"""From lines to the table: medians, what one order costs, ratios to each engine, and the targets with what was seen.

A ratio says what somebody waits for, not which code is better: the engines do different work for an event.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import msgspec

from bench.peers.matrix import BACKTESTING, BACKTRADER, BASANA, CYTHON, FIRST, HFT, JOURNAL, LEAP, OURS, RUST

Key = tuple[str, str, str, int]  # engine, workload, mode, only the first so many


class Figure(msgspec.Struct, frozen=True):
    """Medians of one job. rate: events a second of CPU time.   cpu: seconds.   peak: MiB, the largest.   n: runs."""

    rate: float
    cpu: float
    wall: float
    peak: float
    events: int
    orders: int
    n: int


class Target(msgspec.Struct, frozen=True):
    """What is to be reached. pure, compiled: of the build.   most: the figure must not be above, else not below."""

    name: str
    pure: float
    compiled: float
    unit: str = "x"
    most: bool = False


class Row(msgspec.Struct, frozen=True):
    """A target and what was seen, None when it was not measured."""

    target: Target
    goal: float
    seen: float | None

    @property
    def word(self) -> str:
        if self.seen is None:
            return "not measured"
        held = self.seen <= self.goal if self.target.most else self.seen >= self.goal
        return "held" if held else "NOT HELD"


STEP = "quote through step(), 10 positions with stops"
GROWTH = "growth: an order late / early"
PEAK = "peak memory, 1 M ticks"
IN_PROCESS = "frame in to order bytes, in process, p50"
WIRE_50, WIRE_99 = "quote to order, loopback websocket, p50", "quote to order, loopback websocket, p99"
RATIOS: tuple[tuple[Target, Key, Key], ...] = (
    (Target("ticks calc / nautilus Rust", 1, 3), (OURS, "ticks", "calc", 0), (RUST, "ticks", "calc", 0)),
    (Target("ticks sparse / nautilus Rust", 1, 4), (OURS, "ticks", "sparse", 0), (RUST, "ticks", "sparse", 0)),
    (Target("ticks sparse / nautilus documented", 5, 15), (OURS, "ticks", "sparse", 0), (CYTHON, "ticks", "sparse", 0)),
    (Target("ticks cross / basana", 2, 8), (OURS, "ticks", "cross", 0), (BASANA, "ticks", "cross", 0)),
    (Target("ticks cross with its journal / basana", 2, 8), (JOURNAL, "ticks", "cross", 0), (BASANA, "ticks", "cross", 0)),
    (Target("ticks cross / nautilus Rust, first 25,000", 5, 5), (OURS, "ticks", "cross", FIRST), (RUST, "ticks", "cross", FIRST)),
    (Target("ticks skipping / hftbacktest ROI sparse", 1, 2.5), (LEAP, "ticks", "sparse", 0), (HFT, "ticks", "sparse", 0)),
    (Target("bars cross / backtesting.py", 1, 3), (OURS, "bars", "cross", 0), (BACKTESTING, "bars", "cross", 0)),
    (Target("bars cross / backtrader", 8, 25), (OURS, "bars", "cross", 0), (BACKTRADER, "bars", "cross", 0)),
)  # fmt: skip
ABSOLUTE: tuple[Target, ...] = (
    Target(STEP, 700_000, 4_000_000, "/s"),
    Target(GROWTH, 1.1, 1.1, "x", most=True),
    Target(PEAK, 200, 150, "MB", most=True),
    Target(IN_PROCESS, 10, 3, "us", most=True),
    Target(WIRE_50, 150, 90, "us", most=True),
    Target(WIRE_99, 400, 250, "us", most=True),
)


def figures(lines: Iterable[dict[str, Any]]) -> dict[Key, Figure]:
    """Medians by job."""
    found: dict[Key, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault((line["engine"], line["workload"], line["mode"], line["first"]), []).append(line)
    return {
        key: Figure(
            rate=median(x["ev_per_cpu_s"] for x in runs), cpu=median(x["cpu_s"] for x in runs),
            wall=median(x["wall_s"] for x in runs), peak=max(x["peak_mb"] for x in runs), events=runs[0]["events"],
            orders=runs[0]["orders"], n=len(runs),
        )
        for key, runs in found.items()
    }  # fmt: skip


def per_order(found: dict[Key, Figure], engine: str, workload: str) -> float | None:
    """Microseconds of CPU an order costs: cross less sparse, over the orders between; None where one is not there."""
    cross, sparse = found.get((engine, workload, "cross", 0)), found.get((engine, workload, "sparse", 0))
    if cross is None or sparse is None or cross.orders <= sparse.orders:
        return None
    return (cross.cpu - sparse.cpu) / (cross.orders - sparse.orders) * 1e6


def rows(found: dict[Key, Figure], seen: dict[str, float], *, compiled: bool = False) -> list[Row]:
    """Every target with its figure. seen: what was measured elsewhere, by the target's name."""
    made = [_row(target, _ratio(found, ours, theirs), compiled=compiled) for target, ours, theirs in RATIOS]
    peak = found.get((OURS, "ticks", "calc", 0))
    seen = seen if peak is None else {PEAK: peak.peak, **seen}
    return [*made, *(_row(target, seen.get(target.name), compiled=compiled) for target in ABSOLUTE)]


def _row(target: Target, seen: float | None, *, compiled: bool) -> Row:
    return Row(target, target.compiled if compiled else target.pure, seen)


def _ratio(found: dict[Key, Figure], ours: Key, theirs: Key) -> float | None:
    a, b = found.get(ours), found.get(theirs)
    return None if a is None or b is None else a.rate / b.rate


def page(lines: Sequence[dict[str, Any]], seen: dict[str, float], *, compiled: bool = False) -> str:
    """All of it as text."""
    found = figures(lines)
    return "\n".join([*_runs(found), "", *_orders(found), "", *_targets(rows(found, seen, compiled=compiled))])


def _runs(found: dict[Key, Figure]) -> list[str]:
    made = [("engine", "events", "a CPU second", "ours is", "orders", "CPU s", "peak MB", "n")]
    for key, figure in sorted(found.items(), key=lambda item: (item[0][1:], item[0][0] != OURS, item[0][0])):
        engine, workload, mode, first = key
        ours = found.get((OURS, workload, mode, first))
        ratio = f"{ours.rate / figure.rate:.3g}x" if ours is not None and engine != OURS else ""
        what = f"{workload} {mode}{f', first {first:,}' if first else ''}"
        numbers = (f"{figure.orders:,}", f"{figure.cpu:.2f}", f"{figure.peak:.0f}", f"{figure.n}")
        made.append((engine, what, f"{figure.rate:,.0f}", ratio, *numbers))
    return _aligned(made)


def _orders(found: dict[Key, Figure]) -> list[str]:
    made: list[tuple[str, ...]] = [("an order costs", "ticks", "bars")]
    for engine in sorted({key[0] for key in found}):
        costs = [per_order(found, engine, workload) for workload in ("ticks", "bars")]
        if any(cost is not None for cost in costs):
            made.append((engine, *("-" if cost is None else f"{cost:.1f} us" for cost in costs)))
    return _aligned(made)


def _targets(found: Sequence[Row]) -> list[str]:
    made = [("target", "", "seen", "")]
    for row in found:
        sign = "<=" if row.target.most else ">="
        seen = "-" if row.seen is None else f"{row.seen:,.3g}" if row.seen < 1000 else f"{row.seen:,.0f}"
        made.append((row.target.name, f"{sign} {row.goal:,g} {row.target.unit}", seen, row.word))
    return _aligned(made)


def _aligned(made: Sequence[tuple[str, ...]]) -> list[str]:
    wide = [max(len(cells[i]) for cells in made) for i in range(len(made[0]))]
    return [
        "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, wide, strict=True))).rstrip()
        for cells in made
    ]  # fmt: skip
