"""New rows among stored ones: what is the same is dropped, what contradicts is named. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from tradingd.lab.data.parquet import Columns

TOLD_MAX = 20


class Merged(msgspec.Struct, frozen=True):
    """columns: stored and new, in order of time.   added: new rows.   same: rows that were there already.   against: (line of
    the source, row of the store, ns) of contradictions, at most TOLD_MAX of `contradictions`."""

    columns: Columns
    added: int
    same: int
    against: tuple[tuple[int, int, int], ...]
    contradictions: int


def merged(old: Columns, new: Columns, lines: np.ndarray[Any, Any]) -> Merged:
    """Both in order of time. lines: where each new row stands. Of a moment both know, they must hold the same rows in the same
    order. Rows of the store are counted from 1."""
    ts, known = new["ts"], old["ts"]
    left, right = np.searchsorted(known, ts, "left"), np.searchsorted(known, ts, "right")
    common = right > left
    begins = np.searchsorted(ts, ts, "left")
    counts = np.searchsorted(ts, ts, "right") - begins
    # the row of the store that stands where this one stands among the rows of its moment
    at = np.minimum(left + np.arange(len(ts)) - begins, max(len(known) - 1, 0))
    differs = common & (counts != right - left)
    for name, values in new.items():
        differs |= common & (values != old[name][at])
    bad = np.flatnonzero(differs)
    fresh = ~common
    columns = {name: np.concatenate([values, new[name][fresh]]) for name, values in old.items()}
    order = np.argsort(columns["ts"], kind="stable")
    return Merged(
        columns={name: values[order] for name, values in columns.items()},
        added=int(fresh.sum()),
        same=int((common & ~differs).sum()),
        against=tuple((int(lines[i]), int(at[i]) + 1, int(ts[i])) for i in bad[:TOLD_MAX]),
        contradictions=len(bad),
    )
