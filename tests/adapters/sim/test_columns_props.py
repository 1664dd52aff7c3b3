"""Quotes as columns: the market is the one that comes row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradingd.core.events import Bar, Quote, Split
from tradingd.core.types import NS, Instrument, Symbol
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.block import Block, Stream
from tradingd_adapters.sim.columns import ColumnTape
from tradingd_adapters.sim.market import Item
from tradingd_adapters.sim.tape import Happening, Shown, Tape

NAMES = (Symbol("A"), Symbol("B"))
TABLE = session_table("XNYS")
BEGIN = 1_204_540_200 * NS  # an open: 2008-03-03
Row = tuple[int, int, float, float, float, float]

TIMES = st.one_of(
    st.integers(-7_200, 200_000).map(lambda s: BEGIN + s * NS),
    st.sampled_from([0, 1800, 3600, 23_400, 86_400]).flatmap(
        lambda s: st.integers(-2, 2).map(lambda n: BEGIN + s * NS + n)
    ),
)
PRICE = st.integers(9_000, 11_000).map(lambda cents: cents / 100)
SIZE = st.sampled_from([0.0, 0.0, 5.0, 300.0, -1.0, float("nan"), float("inf")])
BAD = st.sampled_from([float("nan"), float("inf"), 0.0, -5.0, 250.0])  # the last one is above any ask
ROW = st.builds(
    lambda which, ts, bid, over, odd, sizes: (which, ts, bid if odd is None else odd, bid + over, *sizes),
    st.integers(0, 1), TIMES, PRICE, st.sampled_from([0.0, 0.01, 0.5]), st.one_of(*[st.none()] * 9, BAD), st.tuples(SIZE, SIZE),
)  # fmt: skip
QUOTES = st.lists(ROW, max_size=60).map(lambda rows: sorted(rows, key=lambda row: row[1]))
OTHERS = st.lists(
    st.one_of(
        st.builds(
            lambda ts, name, p: Bar(ts=ts, symbol=name, span_s=86_400, open=p, high=p, low=p, close=p), TIMES,
            st.sampled_from(NAMES), PRICE,
        ),
        st.builds(lambda ts, name: Split(ts=ts, symbol=name, ratio=2.0, action_id=str(ts)), TIMES, st.sampled_from(NAMES)),
    ),
    max_size=6,
).map(lambda told: sorted(told, key=lambda each: each.ts))  # fmt: skip


def quotes(rows: Sequence[Row]) -> list[Quote]:
    return [
        Quote(NAMES[i], bid, ask, ts, bid_size=bs, ask_size=as_, seq=n, recv_ts=ts, source="data")
        for n, (i, ts, bid, ask, bs, as_) in enumerate(rows, 1)
    ]


def blocks(rows: Sequence[Row], cuts: Sequence[int]) -> Iterator[Block]:
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for a, b in pairwise(edges):
        which, ts, *prices = zip(*rows[a:b], strict=True)
        columns = [np.array(column, dtype=float) for column in prices]
        yield Block(
            NAMES, np.array(which, dtype=np.int16), np.array(ts, dtype=np.int64), *columns, np.arange(a + 1, b + 1)
        )


def shown(items: Iterator[Item]) -> list[object]:
    """One by one, in words that can be compared."""
    stream, found = Stream(items), []
    while stream.item is not None:
        what = stream.item.what
        words = [getattr(what, name) for name in Quote.__slots__] if isinstance(what, Quote) else what
        found.append((stream.item.ts, words))
        stream.go_on()
    return found


@settings(max_examples=300)
@given(QUOTES, OTHERS, st.lists(st.integers(1, 59), max_size=4), TIMES, st.booleans(), st.booleans())
def test_the_market_is_the_same(
    rows: list[Row], others: list[Happening], cuts: list[int], start: int, learned: bool, sessions: bool
) -> None:
    """T2: sessions, bars built, actions, what is left out, and the order of it all."""
    begin, table = start if learned else 0, TABLE if sessions else None
    how = {name: Shown("quotes", 0, (1800, 86_400)) for name in NAMES}
    instruments = [Instrument(symbol=name) for name in NAMES]
    together = sorted([*others, *quotes(rows)], key=lambda each: each.ts)  # a stable order: quotes come last
    one = Tape(together, instruments, how, start=begin, table=table)
    columns = ColumnTape(blocks(rows, cuts), others, instruments, how, start=begin, table=table)
    assert shown(columns.items()) == shown(one.items())
    assert (columns.bad, columns.skipped) == (one.bad, one.skipped)
    for name in NAMES:
        assert columns.history(name, 9, 2**62) == one.history(name, 9, 2**62)


@given(QUOTES.filter(bool), st.lists(st.integers(1, 5), max_size=60))
def test_rows_that_are_passed_over_are_not_seen(rows: list[Row], steps: list[int]) -> None:
    """What a stream shows after a leap is that row and those that follow it."""
    block = next(blocks(rows, ()))
    stream, row = Stream(iter([Item(rows[0][1], block)])), 0
    for step in steps:
        if row >= len(rows):
            break
        assert (stream.block, stream.row) == (block, row)
        assert stream.item is not None
        assert isinstance(stream.item.what, Quote)
        assert stream.item.what.seq == row + 1
        row += step
        stream.go_on() if step == 1 else stream.to(min(row, len(rows)))
    assert (stream.item is None) == (row >= len(rows))
