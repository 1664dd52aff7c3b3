"""Trades as columns: the market is the one that comes row by row, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from math import inf, nan

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.adapters.sim.test_columns_props import NAMES, OTHERS, PRICE, TABLE, TIMES, shown
from tradingd.backtest.prints import PrintTape, around
from tradingd.core.events import Quote
from tradingd.core.types import Instrument
from tradingd.lab.data.feed import Trade
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.market import Item
from tradingd_adapters.sim.quoting import Quoting, QuotingSettings
from tradingd_adapters.sim.tape import Happening, Shown, Tape

Row = tuple[int, int, float, float]
TOLD_APART = ("seq", "recv_ts")  # no one can trade by them

SIZES = st.one_of(st.sampled_from([0.0, 5.0, 300.0]), st.floats(0.0, 1e6), st.sampled_from([-1.0, nan, inf]))
ROW = st.tuples(st.integers(0, 1), TIMES, st.one_of(*[PRICE] * 9, st.sampled_from([nan, inf, 0.0, -5.0])), SIZES)
ROWS = st.lists(ROW, max_size=60).map(lambda rows: sorted(rows, key=lambda row: row[1]))


def blocks(rows: Sequence[Row], cuts: Sequence[int]) -> Iterator[Block]:
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for a, b in pairwise(edges):
        which, ts, price, size = zip(*rows[a:b], strict=True)
        p, s = np.array(price, dtype=float), np.array(size, dtype=float)
        yield Block(NAMES, np.array(which, dtype=np.int16), np.array(ts, dtype=np.int64), p, p, s, s, np.arange(a, b))


def words(items: Iterator[Item]) -> list[object]:
    apart = [Quote.__slots__.index(name) for name in TOLD_APART]
    return [
        (ts, [w for n, w in enumerate(what) if n not in apart] if isinstance(what, list) else what)
        for ts, what in shown(items)  # type: ignore[misc]
    ]


@settings(max_examples=200)
@given(
    ROWS, OTHERS, st.lists(st.integers(1, 59), max_size=4), TIMES, st.booleans(), st.booleans(),
    st.sampled_from([0.0, 2.0, 37.5]),
)  # fmt: skip
def test_the_market_is_the_same(
    rows: list[Row], others: list[Happening], cuts: list[int], start: int, learned: bool, sessions: bool, bps: float
) -> None:
    """T1, T2: quotes, sessions, bars built with what was traded in them, actions, what is left out, and the order of it all."""
    begin, table, quoting = start if learned else 0, TABLE if sessions else None, QuotingSettings(spread_bps=bps)
    how = {name: Shown("trades", 0, (1800, 86_400)) for name in NAMES}
    instruments = [Instrument(symbol=name) for name in NAMES]
    trades = [Trade(ts, NAMES[i], price, size) for i, ts, price, size in rows]
    together = sorted([*others, *trades], key=lambda each: each.ts)  # a stable order: trades come last
    one = Tape(together, instruments, how, start=begin, table=table, quoting=quoting)
    columns = PrintTape(blocks(rows, cuts), others, instruments, how, start=begin, table=table, quoting=quoting)
    assert words(columns.items()) == words(one.items())
    assert (columns.bad, columns.skipped, columns.holes) == (one.bad, one.skipped, one.holes)
    for name in NAMES:
        assert columns.history(name, 9, 2**62) == one.history(name, 9, 2**62)


TICKS = st.sampled_from(["0.01", "0.05", "0.25", "5", "0.00000001", "0.0003", "0.015625", "12.5"])
PRICES = st.one_of(
    st.floats(1e-9, 1e12), st.integers(1, 10**7).map(lambda n: n / 100), st.integers(1, 10**7).map(float)
)


@settings(max_examples=300)
@given(st.lists(PRICES, min_size=1, max_size=20), TICKS, st.sampled_from([0.0, 0.1, 2.0, 37.5, 1000.0]))
@example([1e12, 9007199254740993.0], "0.00000001", 2.0)
def test_many_prices_are_quoted_as_each(prices: list[float], tick: str, bps: float) -> None:
    """T2: to the last digit, on any grid."""
    rule = Quoting(Instrument(symbol=NAMES[0], tick=Decimal(tick)), QuotingSettings(spread_bps=bps))  # type: ignore[arg-type]
    bid, ask = around(NAMES, np.zeros(len(prices), dtype=np.int16), np.array(prices), {NAMES[0]: rule})
    assert list(zip(bid.tolist(), ask.tolist(), strict=True)) == [rule.around(price) for price in prices]
