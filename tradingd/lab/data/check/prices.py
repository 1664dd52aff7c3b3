"""Prices that cannot be, or hardly: none at all, crossed, out of order, a leap that comes back, a split nobody told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tradingd.core.gates.window import DAY, HOUR
from tradingd.lab.data.check.found import Found
from tradingd.lab.data.kinds import DAY_S, Kind
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.store import stamp

Array = np.ndarray[Any, Any]
BANDS = {"day": 0.5, "else": 0.1}  # how far a price may leap and come back
BACK_ROWS = 3  # within so many rows
SPLITS = (1.5, *(float(n) for n in range(2, 21)))  # 3:2, 2:1, ... 20:1, and the other way round
NEAR = 0.04  # how near the ratio over night must be to one of them
APART = 4 * HOUR  # a night, between two ticks
AROUND = 4 * DAY  # how far from its day an action may stand
SEEN = 0.15  # how near the prices must come to a split that is told; a smaller one cannot be told from a night's move
RUN = 5  # rows without volume that are worth a word


class Told(NamedTuple):
    """A split of the store's actions. ts: when it takes effect.   ratio: new shares for one old."""

    ts: int
    ratio: float


class Prices:
    """Follows the rows of one instrument, some of the last block at hand. splits: what the actions tell.   band: how far a price
    may leap and come back, as a share of it; None: half for bars of days, else a tenth.   volumes: does the source know any?"""

    def __init__(self, found: Found, kind: Kind, splits: Sequence[Told], band: float | None, *, volumes: bool) -> None:
        self._found, self._kind, self._splits, self._volumes = found, kind, splits, volumes
        self._band = band if band is not None else BANDS["day" if kind.span_s == DAY_S else "else"]
        self._tail: Columns | None = None
        self._zeros, self._zero_since = 0, 0
        self._seen: set[Told] = set()
        self._ways_back: set[int] = set()  # ns of the rows with which a jump was over
        self._range: tuple[int, int] | None = None
        self._last: Columns | None = None  # the row in front of the next block

    def see(self, columns: Columns) -> None:
        """One block of rows, in the order of the store."""
        self._order(columns)
        bad = self._shape(columns)
        if self._kind.name != "quotes" and self._volumes:
            self._silence(columns)
        self._moves({name: values[~bad] for name, values in columns.items()}, final=False)
        self._last = {name: values[-1:] for name, values in columns.items()}
        first = int(columns["ts"][0]) if self._range is None else self._range[0]
        self._range = (first, int(columns["ts"][-1]))

    def end(self) -> None:
        """After the last block."""
        if self._tail is not None:
            self._moves({name: values[:0] for name, values in self._tail.items()}, final=True)
        self._end_silence(self._range[1] if self._range else 0)
        for told in self._splits:
            inside = self._range is not None and self._range[0] < told.ts <= self._range[1]
            if inside and told not in self._seen and not 1 / (1 + SEEN) <= told.ratio <= 1 + SEEN:
                why = f"actions tell a split of {told.ratio:g} for 1 at {stamp(told.ts)}, the prices show none: adjusted already?"
                self._found.add("split-unseen", told.ts, told.ts, why)

    # row by row -----------------------------------------------------------------------------------------------------------

    def _order(self, columns: Columns) -> None:
        both = columns if self._last is None else _joined(self._last, columns)
        ts = both["ts"]
        self._found.rows("out-of-order", ts[1:], ts[1:] < ts[:-1], "before the row in front of it")
        same = ts[1:] == ts[:-1]
        if not self._kind.unique:
            for name in self._kind.columns:
                same &= both[name][1:] == both[name][:-1]
        self._found.rows("duplicate", ts[1:], same, "stands twice")

    def _shape(self, columns: Columns) -> Array:
        """Which rows have no prices at all."""
        ts, kind = columns["ts"], self._kind
        names = {"quotes": ("bid", "ask"), "trades": ("price",)}.get(kind.name, ("open", "high", "low", "close"))
        bad = np.zeros(len(ts), dtype=bool)
        for name in names:
            bad |= ~((columns[name] > 0) & np.isfinite(columns[name]))
        self._found.rows("no-price", ts, bad, "a price is not above zero")
        if kind.name == "quotes":
            self._found.rows("crossed", ts, ~bad & (columns["bid"] > columns["ask"]), "the bid is above the ask")
        elif kind.span_s:
            low, high = columns["low"], columns["high"]
            wrong = (low > high) | (columns["open"] > high) | (columns["open"] < low)
            wrong |= (columns["close"] > high) | (columns["close"] < low)
            self._found.rows("high-low", ts, ~bad & wrong, "open, high, low and close contradict each other")
            edge, ends = 1 + self._band, np.stack((columns["open"], columns["close"]))
            far = (high > edge * ends.max(axis=0)) | (low * edge < ends.min(axis=0))
            self._found.rows("jump", ts, ~bad & ~wrong & far, "its high or low is far from its open and close")
        return bad

    def _silence(self, columns: Columns) -> None:
        """Runs of RUN and more rows without volume."""
        ts = columns["ts"]
        zero = columns["volume" if self._kind.span_s else "size"] == 0
        edges = np.flatnonzero(np.diff(zero, prepend=not zero[0]))
        for start, end in zip(edges, [*edges[1:], len(zero)], strict=True):
            if zero[start]:
                if not self._zeros:
                    self._zero_since = int(ts[start])
                self._zeros += int(end - start)
            else:
                self._end_silence(int(ts[start]))

    def _end_silence(self, until: int) -> None:
        if self._zeros >= RUN:
            why = f"{self._zeros} rows without volume from {stamp(self._zero_since)}"
            self._found.add("zero-volume", self._zero_since, until, why)
        self._zeros = 0

    # from row to row ------------------------------------------------------------------------------------------------------

    def _moves(self, columns: Columns, *, final: bool) -> None:
        """Leaps that come back, and splits. The last rows wait for what follows them; of those kept, the first was judged."""
        both = columns if self._tail is None else _joined(self._tail, columns)
        opens, closes = self._ends(both)
        ts, judged = both["ts"], len(both["ts"]) - 1 - (0 if final else BACK_ROWS)
        if judged > 0:
            back = self._comes_back(closes)[:judged]
            for i in np.flatnonzero(back):
                self._jump(ts, closes, int(i), int(back[i]))
            self._nights(ts[: judged + 1], (closes[:-1] / opens[1:])[:judged], back > 0)
        self._tail = {name: values[max(judged, 0) :] for name, values in both.items()}

    def _ends(self, columns: Columns) -> tuple[Array, Array]:
        """The first and the last price of each row."""
        if self._kind.span_s:
            return columns["open"], columns["close"]
        price = columns["price"] if self._kind.name == "trades" else (columns["bid"] + columns["ask"]) / 2
        return price, price

    def _comes_back(self, closes: Array) -> Array:
        """For each step that leaves the band, after how many rows it is back where it came from: 1 to BACK_ROWS, else 0."""
        edge, near = 1 + self._band, (1 + self._band) ** 0.5
        leap = closes[1:] / closes[:-1]
        back = np.zeros(len(leap), dtype=np.int64)
        for k in range(BACK_ROWS, 0, -1):
            later = closes[1 + k :] / closes[: -1 - k]
            back[: len(later)][(later < near) & (later > 1 / near)] = k
        back[(leap <= edge) & (leap >= 1 / edge)] = 0
        return back

    def _jump(self, ts: Array, closes: Array, i: int, rows: int) -> None:
        at = int(ts[i + 1])
        self._found.add("jump", at, at, f"{stamp(at)}: from {closes[i]:g} to {closes[i + 1]:g} and back")
        self._ways_back.add(int(ts[i + 1 + rows]))

    def _nights(self, ts: Array, ratio: Array, back: Array) -> None:
        """Splits over night: ratio is the last price before over the first one after. Neither a jump nor the way back is one."""
        night = ~back
        if self._kind.span_s != DAY_S:
            night &= np.diff(ts) >= APART
        for i in np.flatnonzero(night & ((ratio > 1 + SEEN) | (ratio < 1 / (1 + SEEN)))):
            at, times = int(ts[i + 1]), float(ratio[i])
            if at in self._ways_back:
                continue
            told = [t for t in self._splits if abs(t.ts - at) <= AROUND and abs(times / t.ratio - 1) <= SEEN]
            self._seen.update(told)
            if not told and (looks := _looks(times)):
                why = (
                    f"{stamp(at)}: {1 / times:.4g} of the price before, like a split of {looks}, which no action tells"
                )
                self._found.add("split-missing", int(ts[i]), at, why)


def _looks(ratio: float) -> str:
    """The split a ratio of prices looks like, new for old; "" when like none."""
    for n in SPLITS:
        old, new = (2, 3) if n == 1.5 else (1, int(n))
        if abs(ratio / n - 1) <= NEAR:
            return f"{new} for {old}"
        if abs(ratio * n - 1) <= NEAR:
            return f"{old} for {new}"
    return ""


def _joined(first: Columns, second: Columns) -> Columns:
    return {name: np.concatenate([values, second[name]]) for name, values in first.items()}
