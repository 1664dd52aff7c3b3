"""Quotes as columns, and a market's happenings one by one whichever way they come. Source: T2, ARCHITECTURE "exact skipping"."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from tradingd.core.events import Quote
from tradingd.core.types import Symbol
from tradingd_adapters.sim.market import Item

MANY = 1024
FAR = 2**63 - 1


class Block:
    """Quotes that follow one another with nothing else in between: NumPy columns of one length, at least 1, in the order they are
    shown.

    ts: ns, int64, when shown and of what time.   which: place in `symbols`, int16.   bid, ask, bid_size, ask_size: float64.   seq:
    of the source, int64. When they reached us is not told apart from `ts`.
    """

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "seq", "source", "symbols", "ts", "which")

    def __init__(
        self, symbols: Sequence[Symbol], which: Any, ts: Any, bid: Any, ask: Any, bid_size: Any, ask_size: Any, seq: Any, *,
        source: str = "data",
    ) -> None:  # fmt: skip
        self.symbols = symbols
        self.which = which
        self.ts = ts
        self.bid = bid
        self.ask = ask
        self.bid_size = bid_size
        self.ask_size = ask_size
        self.seq = seq
        self.source = source

    def __len__(self) -> int:
        return len(self.ts)

    def columns(self) -> tuple[Any, ...]:
        """In the order they are given to a new one."""
        return self.which, self.ts, self.bid, self.ask, self.bid_size, self.ask_size, self.seq

    def part(self, rows: slice | Any) -> Block:
        """Some of the rows, by a slice or a mask."""
        return Block(self.symbols, *(column[rows] for column in self.columns()), source=self.source)

    def quote(self, row: int) -> Quote:
        """One row as an event."""
        ts = self.ts.item(row)
        return Quote(
            self.symbols[self.which.item(row)], self.bid.item(row), self.ask.item(row), ts, bid_size=self.bid_size.item(row),
            ask_size=self.ask_size.item(row), seq=self.seq.item(row), recv_ts=ts, source=self.source,
        )  # fmt: skip

    def quotes(self, first: int, last: int) -> Iterator[Quote]:
        """The rows first .. last - 1 as events."""
        columns = [column[first:last].tolist() for column in self.columns()]
        for which, ts, bid, ask, bid_size, ask_size, seq, symbols in zip(*columns, repeat(self.symbols)):
            yield Quote(
                symbols[which],
                bid,
                ask,
                ts,
                bid_size=bid_size,
                ask_size=ask_size,
                seq=seq,
                recv_ts=ts,
                source=self.source,
            )


class Ahead(NamedTuple):
    """What a venue shows next: the rows of block from row on, as far as their times lie before `until`, ns."""

    block: Block
    row: int
    until: int


class Stream:
    """The happenings of a market. item: the next one, None at the end; a row of a block is a quote as any other.

    block: where the next one comes from, None when it is no row.   row: which.
    """

    __slots__ = ("_items", "_made", "_many", "block", "item", "row")

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self.block: Block | None = None
        self.row = 0
        self._made: deque[Quote] = deque()
        self._many = 1  # rows made at once; few, while most are passed over
        self.item: Item | None = None
        self.go_on()

    def go_on(self) -> None:
        """To the next happening."""
        if self.block is not None:
            self.to(self.row + 1)
            return
        item = next(self._items, None)
        if item is not None and type(item.what) is Block:
            self.block, self.row, self._many = item.what, 0, 1
            self._make()
        else:
            self.item = item

    def to(self, row: int) -> None:
        """To a later row of the block, or to what comes after it."""
        assert self.block is not None
        passed, self.row = row - self.row, row
        if row >= len(self.block):
            self.block = None
            self._made.clear()
            self.go_on()
            return
        if passed > 1:
            self._made.clear()
            self._many = 1
        self._make()

    def _make(self) -> None:
        assert self.block is not None
        if self._made:
            quote = self._made.popleft()
        elif self._many == 1:
            quote, self._many = self.block.quote(self.row), 2
        else:
            self._made.extend(self.block.quotes(self.row, self.row + self._many))
            self._many = min(MANY, self._many * 2)
            quote = self._made.popleft()
        self.item = Item(quote.ts, quote)
