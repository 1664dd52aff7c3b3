"""Clean series, and defects to plant in them. A defect gives back the rows with it and what a check has to find, and no more."""

import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.lab.data.rig import DAYS, store_in
from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS
from tradingd.lab.data import parquet
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.check.run import Measure, check
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Meta, Origin
from tradingd.lab.data.times import Reading

SIZE = 120
Series = list[list[float]]  # the time first, whole
Plant = Callable[[Series, int], Series]


def table() -> SessionTable:
    found = calendar("XNYS")
    assert found is not None
    return found


def clean_bars(rng: random.Random) -> Series:
    """Bars of days, one a session, over early closes and daylight saving; no move above 5 %."""
    rows: Series = []
    session = table().session("2008-09-02")
    price = rng.uniform(5.0, 500.0)
    while len(rows) < SIZE:
        assert session is not None
        opens = price * rng.uniform(0.98, 1.02)
        close = opens * rng.uniform(0.98, 1.02)
        high, low = max(opens, close) * rng.uniform(1.0, 1.02), min(opens, close) * rng.uniform(0.98, 1.0)
        rows.append([session.close_ns, opens, high, low, close, float(rng.randrange(1, 10**6))])
        session, price = table().following(session.date), close
    return rows


def clean_quotes(rng: random.Random) -> Series:
    """Quotes around the clock, seconds apart."""
    ts, bid = 1_399_420_800 * NS, rng.uniform(0.5, 200.0)
    rows: Series = []
    for _ in range(SIZE):
        ts += rng.randrange(1, 4 * NS)
        bid *= rng.uniform(0.999, 1.001)
        rows.append([ts, bid, bid * rng.uniform(1.0, 1.001), 1.0, 1.0])
    return rows


def found_in(rows: Series, kind: str, group: int) -> dict[str, int]:
    """How often each check finds something in a stored file of exactly these rows, read `group` rows at a time."""
    what = kind_of(kind)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP", group)
        store = store_in(Path(folder))
        written = Path(folder) / "new"
        writer = parquet.Writer(written, what)
        columns = dict(zip(("ts", *what.columns), zip(*rows, strict=True), strict=True))
        writer.write({name: np.array(v, dtype=np.int64 if name == "ts" else np.float64) for name, v in columns.items()})
        meta = Meta(
            kind=kind, symbol="X", rows=len(rows), first=int(rows[0][0]), last=int(rows[-1][0]),
            calendar="XNYS" if kind == DAYS else "none", origins=(Origin(source="x", sha256="0" * 64, reading=Reading()),),
        )  # fmt: skip
        writer.close(meta)
        store.publish(written, meta)
        [result] = check(store, [(what, "X")], Measure())
        return result.counts


def _set(at: int, change: Callable[[list[float]], list[float]], n: int = 1) -> Callable[[Series], Series]:
    return lambda rows: [change(row) if at <= i < at + n else row for i, row in enumerate(rows)]


def _times(factor: float) -> Callable[[list[float]], list[float]]:
    return lambda row: [row[0], *(x * factor for x in row[1:5]), *row[5:]]


def _quoted(factor: float) -> Callable[[list[float]], list[float]]:
    return lambda row: [row[0], row[1] * factor, row[2] * factor, *row[3:]]


def _swap(rows: Series, at: int) -> Series:
    return [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]


DEFECTS: dict[str, tuple[str, Plant, dict[str, int]]] = {
    "a session is missing": (DAYS, lambda rows, at: [*rows[:at], *rows[at + 1 :]], {"gap": 1}),
    "a week is missing": (DAYS, lambda rows, at: [*rows[:at], *rows[at + 5 :]], {"gap": 1}),
    "the ticks stop": (
        "quotes",
        lambda rows, at: [[row[0] + 3600 * NS * (i >= at), *row[1:]] for i, row in enumerate(rows)],
        {"gap": 1},
    ),
    "two quotes change places": ("quotes", _swap, {"out-of-order": 1}),
    "a bar stands twice": (DAYS, lambda rows, at: [*rows[:at], rows[at], *rows[at:]], {"duplicate": 1}),
    "a quote stands twice": ("quotes", lambda rows, at: [*rows[:at], rows[at], *rows[at:]], {"duplicate": 1}),
    "no bid": ("quotes", lambda rows, at: _set(at, lambda r: [r[0], float("nan"), *r[2:]])(rows), {"no-price": 1}),
    "an endless ask": ("quotes", lambda rows, at: _set(at, lambda r: [*r[:2], float("inf"), *r[3:]])(rows), {"no-price": 1}),
    "a close of nothing": (DAYS, lambda rows, at: _set(at, lambda r: [*r[:4], 0.0, r[5]])(rows), {"no-price": 1}),
    "a price below zero": (DAYS, lambda rows, at: _set(at, lambda r: [*r[:3], -r[3], *r[4:]])(rows), {"no-price": 1}),
    "bid above ask": (
        "quotes", lambda rows, at: _set(at, lambda r: [r[0], r[2] * 1.001, r[2], *r[3:]])(rows), {"crossed": 1},
    ),
    "high below low": (DAYS, lambda rows, at: _set(at, lambda r: [r[0], r[1], r[3] * 0.99, r[2], *r[4:]])(rows), {"high-low": 1}),
    "a close above the high": (DAYS, lambda rows, at: _set(at, lambda r: [*r[:4], r[2] * 1.01, r[5]])(rows), {"high-low": 1}),
    "a low out of the world": (DAYS, lambda rows, at: _set(at, lambda r: [*r[:3], r[3] / 10, *r[4:]])(rows), {"jump": 1}),
    "a bar at a tenth": (DAYS, lambda rows, at: _set(at, _times(0.1))(rows), {"jump": 1}),
    "three bars at the double": (DAYS, lambda rows, at: _set(at, _times(2.0), 3)(rows), {"jump": 1}),
    "a quote off by a half": ("quotes", lambda rows, at: _set(at, _quoted(1.5))(rows), {"jump": 1}),
    "a split nobody told": (DAYS, lambda rows, at: _set(at, _times(1 / 7), SIZE)(rows), {"split-missing": 1}),
    "a reverse split nobody told": (DAYS, lambda rows, at: _set(at, _times(10.0), SIZE)(rows), {"split-missing": 1}),
    "no volume to the end": (DAYS, lambda rows, _: _set(SIZE - 6, lambda r: [*r[:5], 0.0], 6)(rows), {"zero-volume": 1}),
    "no volume for a while": (DAYS, lambda rows, at: _set(at, lambda r: [*r[:5], 0.0], 6)(rows), {"zero-volume": 1}),
}  # fmt: skip
