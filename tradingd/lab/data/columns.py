"""Recorded quotes, or trades, of several instruments as one sequence of blocks, in order of time. Source: T2, J5.

Rows at the same moment stand in the order of the instruments' names, those of one instrument in their own. Of each instrument about
one block of rows is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tradingd.core.types import Symbol
from tradingd.lab.data.days import BEGINNING, END
from tradingd.lab.data.feed import columns
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.parquet import Column
from tradingd.lab.data.store import Store

ROWS = 32_768
FIELDS = {"quotes": ("bid", "ask", "bid_size", "ask_size"), "trades": ("price", "price", "size", "size")}


class QuoteRows(NamedTuple):
    """Columns of one length, at least 1; of a trade bid and ask are its price, both sizes its size. which: place among the symbols
    asked for.   seq: of the row among those of its instrument, from 1."""

    which: Column
    ts: Column
    bid: Column
    ask: Column
    bid_size: Column
    ask_size: Column
    seq: Column


class _Reader:
    """One instrument's rows, read as far as they are needed."""

    def __init__(self, store: Store, kind: str, symbol: Symbol, n: int, since: int, until: int) -> None:
        self._blocks = columns(store, kind_of(kind), symbol, since, until)
        self._fields = FIELDS[kind]
        self._n = n
        self._seq = 1
        self.rows: QuoteRows | None = None
        self.more()

    def more(self) -> None:
        """Read another block behind what is left; at the end nothing more comes."""
        block = next(self._blocks, None)
        if block is None:
            self._blocks = iter(())
            self.over = True
            return
        self.over = False
        count = len(block["ts"])
        bid, ask, bid_size, ask_size = self._fields
        fresh = QuoteRows(
            np.full(count, self._n, dtype=np.int16), block["ts"], block[bid], block[ask], block[bid_size], block[ask_size],
            np.arange(self._seq, self._seq + count),
        )  # fmt: skip
        self._seq += count
        self.rows = fresh if self.rows is None else _joined([self.rows, fresh])

    def take(self, before: int) -> QuoteRows | None:
        """The rows with ts < before leave."""
        if self.rows is None:
            return None
        n = int(np.searchsorted(self.rows.ts, before))
        taken, left = _cut(self.rows, slice(n)), _cut(self.rows, slice(n, None))
        self.rows = left if len(left.ts) else None
        return taken if n else None

    @property
    def horizon(self) -> int:
        """Before that time, ns, no row is to come that was not read."""
        if self.over:
            return END
        return BEGINNING if self.rows is None else int(self.rows.ts[-1])


def quote_rows(
    store: Store, since: Mapping[Symbol, int], until: int = END, kind: str = "quotes"
) -> Iterator[QuoteRows]:
    """Blocks of at most ROWS rows with since <= ts < until, ns. since: by symbol, in the order that `which` counts, at most 32,767.
    kind: quotes or trades. DataError as `feed.columns`."""
    readers = [_Reader(store, kind, symbol, n, begin, until) for n, (symbol, begin) in enumerate(since.items())]
    while readers:
        horizon = min(reader.horizon for reader in readers)
        taken = [rows for reader in readers if (rows := reader.take(horizon)) is not None]
        if taken:
            together = _joined(taken)
            in_order = np.argsort(together.ts, kind="stable")
            for first in range(0, len(in_order), ROWS):
                yield _cut(together, in_order[first : first + ROWS])
        if horizon == END:
            return
        for reader in readers:
            if reader.horizon <= horizon:
                reader.more()


def _joined(parts: Sequence[QuoteRows]) -> QuoteRows:
    return parts[0] if len(parts) == 1 else QuoteRows(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _cut(rows: QuoteRows, which: slice | Column) -> QuoteRows:
    return QuoteRows(*(column[which] for column in rows))
