"""What of a block of quotes can be said of all its rows at once, before any of them is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tradingd.core.book.market import Market
from tradingd.core.types import Instrument, Symbol
from tradingd.lab.sides import QuoteBlock

Column = np.ndarray[Any, Any]
_UNKNOWN = Market(Instrument(symbol=Symbol("?")))  # stands for a symbol nobody watches; its rows are all looked at


class Plan:
    """Columns beside those of the block, of the same length.

    plain: the quote is believed at first sight after the one before it of its symbol.   lo, hi: the band it was held against.
    mid: its middle.   step: how far that is from the one before it.   when: the time at which it is shown, ns.   after: row of the
    next quote of its symbol, the block's length when there is none.

    A symbol's first row is judged by its market as it stood when the block was met. `mids`, `times`: what each market, in the order
    of the block's symbols, must show now for the rows that come to be judged rightly; kept so by `seen`.
    """

    def __init__(self, block: QuoteBlock, markets: Sequence[Market | None], now: int) -> None:
        self.block = block
        self.markets = markets
        which, ts, bid, ask = block.which, block.ts, block.bid, block.ask
        prev, self.after = _neighbours(which)
        first = prev < 0
        known = [m if m is not None else _UNKNOWN for m in markets]
        self.mids = np.array([m.mid for m in known])
        self.times = np.array([m.ts for m in known], dtype=np.int64)
        with np.errstate(all="ignore"):  # prices may be anything; what is none is not plain
            self.mid = mid = (bid + ask) * 0.5
            before = np.where(first, self.mids[which], mid[prev])
            width = before * np.array([m.band for m in known])[which]
            self.lo = np.where(first, np.array([m.lo for m in known])[which], before - width)
            self.hi = np.where(first, np.array([m.hi for m in known])[which], before + width)
            self.step = mid - before
            self.plain = (self.lo < bid) & (bid <= ask) & (ask < self.hi)
        self.plain &= ts > np.where(first, self.times[which], ts[prev])
        self.when = np.maximum.accumulate(np.maximum(ts, now))
        self._next = 0

    def seen(self, row: int) -> None:
        """The rows before this one are over."""
        if row > self._next:
            which = self.block.which[self._next : row]
            self.mids[which] = self.mid[self._next : row]  # of several the last one stays
            self.times[which] = self.block.ts[self._next : row]
            self._next = row

    def last_rows(self, row: int, end: int) -> list[int]:
        """Of each symbol its last row from row on, before end, in order."""
        rows: list[int] = (np.flatnonzero(self.after[row:end] >= end) + row).tolist()
        return rows

    def is_other(self, i: int) -> bool:
        """Does the market of the i-th symbol stand elsewhere than the rows before would have brought it?"""
        market = self.markets[i]
        return market is None or not market.mid or market.mid != self.mids.item(i) or market.ts != self.times.item(i)


def _neighbours(which: Column) -> tuple[Column, Column]:
    """For each row the row before it of the same symbol, -1 without, and the next one, the length without."""
    n = len(which)
    order = np.argsort(which, kind="stable")
    same = which[order[1:]] == which[order[:-1]]
    prev, after = np.full(n, -1), np.full(n, n)
    prev[order[1:][same]] = order[:-1][same]
    after[order[:-1][same]] = order[1:][same]
    return prev, after
