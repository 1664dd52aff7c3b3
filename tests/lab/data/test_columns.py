"""Quotes of several instruments as columns: the rows that come one by one elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lab.data.rig import NANOS, bring, csv_of, store_in
from tradingd.core.events import Quote
from tradingd.core.types import Symbol
from tradingd.lab.data import columns as room
from tradingd.lab.data import parquet
from tradingd.lab.data.feed import Want, merged
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Store

NAMES = (Symbol("A"), Symbol("B"), Symbol("C"))
TIMES = st.lists(st.integers(0, 40), min_size=1, max_size=50).map(sorted)


def filled(folder: Path, times: Sequence[Sequence[int]]) -> Store:
    store = store_in(folder)
    for name, moments in zip(NAMES, times, strict=True):
        rows = [(10**9 + ts, 10.0 + i / 100, 11.0 + i / 100, 1.0 * i, 2.0) for i, ts in enumerate(moments)]
        bring(store, csv_of(folder / f"{name}.csv", "ts,bid,ask,bid_size,ask_size", rows), "quotes", NANOS, symbol=name)
    return store


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TIMES, min_size=3, max_size=3), st.integers(0, 45), st.integers(1, 9), st.integers(1, 70))
def test_they_are_the_events_in_the_same_order(times: list[list[int]], since: int, group: int, rows: int) -> None:
    """T2, J5: whatever the size of what is read and told at once."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP", group)
        patch.setattr(room, "ROWS", rows)
        store = filled(Path(directory), times)
        begin, end = 10**9 + since, 10**9 + 39
        found = list(room.quote_rows(store, dict.fromkeys(NAMES, begin), end))
        events = merged(store, [Want(kind_of("quotes"), name) for name in NAMES], begin, end)
        theirs = [
            (NAMES.index(q.symbol), q.ts, q.bid, q.ask, q.bid_size, q.ask_size, q.seq)
            for q in events
            if isinstance(q, Quote)
        ]
    assert all(0 < len(block.ts) <= rows for block in found)
    assert [row for block in found for row in zip(*(column.tolist() for column in block), strict=True)] == theirs


def test_each_instrument_has_its_own_beginning(tmp_path: Path) -> None:
    store = filled(tmp_path, [[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    ns = {name: 10**9 + n for n, name in enumerate(NAMES, 1)}
    blocks = list(room.quote_rows(store, ns))
    rows = [row for block in blocks for row in zip(block.which.tolist(), (block.ts - 10**9).tolist(), strict=True)]
    assert rows == [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    assert {block.which.dtype for block in blocks} == {np.dtype(np.int16)}
