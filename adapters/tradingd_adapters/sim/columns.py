"""Recorded quotes as the market of the simulated venue, as columns: what `tape.Tape` shows one by one, in blocks. Source: T2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import inf
from typing import Any

from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS, Instrument, Symbol
from tradingd_adapters.sim.bars import DAY_S, FAR
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.quoting import UNKNOWN_SIZE, QuotingSettings
from tradingd_adapters.sim.tape import Happening, Shown, Tape, What


class ColumnTape(Tape):
    """blocks: all quotes, in order of time.   happenings: everything else, in order of time; at the same moment before the quotes.
    Symbols are shown by `source` only. The rest is as in `Tape`."""

    source = "quotes"

    def __init__(
        self, blocks: Iterable[Block], happenings: Iterable[Happening], instruments: Sequence[Instrument],
        shown: Mapping[Symbol, Shown], *, start: int, table: SessionTable | None, quoting: QuotingSettings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(happenings, instruments, shown, start=start, table=table, quoting=quoting)
        assert all(each.source == self.source for each in shown.values())
        self._blocks = iter(blocks)
        self._block: Block | None = None

    def _in_order(self) -> Iterator[tuple[int, What]]:
        for happening in chain(self._happenings, (None,)):
            ts = FAR if happening is None else happening.ts
            yield from self._quotes_before(ts)
            if happening is not None:
                if ts >= self._builders.due:
                    self._builders.close(ts)
                self._take(happening)
                yield from self._waiting_before(ts)
        self._builders.close(None)
        yield from self._waiting_before(FAR)

    def _quotes_before(self, ts: int) -> Iterator[tuple[int, What]]:
        while (block := self._usable()) is not None and block.ts[0] < ts:
            first = int(block.ts[0])
            if first >= self._builders.due:
                self._builders.close(first)
            yield from self._waiting_before(first + 1)
            n = int(block.ts.searchsorted(min(ts, self._change_after(first))))
            part, self._block = block.part(slice(n)), (block.part(slice(n, None)) if n < len(block) else None)
            self._build_of(part, first)
            yield first, self._as_shown(part)

    def _usable(self) -> Block | None:
        """What is left of the present block, or the next one without rows nobody could have traded at."""
        while self._block is None:
            block = next(self._blocks, None)
            if block is None:
                return None
            self._block = self._judged(block)
        return self._block

    def _judged(self, block: Block) -> Block | None:
        bid, ask, bid_size, ask_size = block.bid, block.ask, block.bid_size, block.ask_size
        good = (bid > 0.0) & (bid <= ask) & (ask < inf)
        good &= (bid_size >= 0.0) & (bid_size < inf) & (ask_size >= 0.0) & (ask_size < inf)
        if not good.all():
            for i in block.which[~good].tolist():
                self.bad[block.symbols[i]] += 1
            block = block.part(good)
        unknown = (block.bid_size == 0.0) & (block.ask_size == 0.0)
        if unknown.any():  # the data does not say
            for sizes in ("bid_size", "ask_size"):
                column = getattr(block, sizes).copy()
                column[unknown] = UNKNOWN_SIZE
                setattr(block, sizes, column)
        return block if len(block) else None

    # bars and sessions of many rows at once -----------------------------------------------------------------------------------

    def _change_after(self, ts: int) -> int:
        """Up to then all rows from ts on belong to one session, to the same bars and to the same side of `start`, and nothing else
        is to be told before them."""
        change = min(self._builders.due, self._heap[0][0] if self._heap else FAR)
        if ts < self._start:
            change = min(change, self._start)
        session = self._session_at(ts)
        if session is None:
            assert self._table is not None
            following = self._table.next_after(ts)
            return change if following is None else min(change, following.open_ns)
        change = min(change, session.close_ns + 1)
        for span in {span for each in self._shown.values() for span in each.build if span != DAY_S}:
            change = min(change, session.open_ns + ((ts - session.open_ns) // (span * NS) + 1) * span * NS)
        return change

    def _build_of(self, part: Block, first: int) -> None:
        session = self._session_at(first)
        if session is None:
            return
        which, mids, ts = part.which, (part.bid + part.ask) / 2, part.ts
        for i, symbol in enumerate(part.symbols):
            mine = which == i
            if mine.any():
                volumes = self._volumes(part, mine)
                self._build(symbol, int(ts[mine][0]), _ohlc(mids[mine]), volumes[0])
                self._builders.pour(symbol, volumes[1:])

    def _volumes(self, part: Block, mine: Any) -> list[float]:
        """What was traded at some of the rows, at least one number; a quote trades nothing."""
        return [0.0]

    def _as_shown(self, part: Block) -> Block:
        """The quotes that rows are shown as."""
        return part


def _ohlc(mids: Any) -> tuple[float, float, float, float]:
    return float(mids[0]), float(mids.max()), float(mids.min()), float(mids[-1])
