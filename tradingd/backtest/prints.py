"""Recorded trades as the market of the simulated venue, as columns: what `Tape` shows one by one, in blocks. Source: T2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from tradingd.core.types import Symbol
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.columns import ColumnTape
from tradingd_adapters.sim.quoting import EPS, UNKNOWN_SIZE, Quoting

Column = np.ndarray[Any, Any]
EXACT = 2.0**50  # beyond it floats do not tell whole and half ticks apart


class PrintTape(ColumnTape):
    """blocks: all trades, the price as bid and as ask, the size on both sides; they are shown by the rules of `quoting`. The rest
    is as in `ColumnTape`."""

    source = "trades"

    def _judged(self, block: Block) -> Block | None:
        price, size = block.bid, block.bid_size
        good = (price > 0.0) & (price < inf) & (size >= 0.0) & (size < inf)
        if not good.all():
            for i in block.which[~good].tolist():
                self.bad[block.symbols[i]] += 1
            block = block.part(good)
        return block if len(block) else None

    def _volumes(self, part: Block, mine: Column) -> list[float]:
        sizes: list[float] = part.bid_size[mine].tolist()
        return sizes

    def _as_shown(self, part: Block) -> Block:
        bid, ask = around(part.symbols, part.which, part.bid, self._quoting)
        size = np.where(part.bid_size > 0.0, part.bid_size, UNKNOWN_SIZE)
        return Block(part.symbols, part.which, part.ts, bid, ask, size, size, part.seq, source="tape")


def around(
    symbols: Sequence[Symbol], which: Column, price: Column, quoting: Mapping[Symbol, Quoting]
) -> tuple[Column, Column]:
    """`Quoting.around` of many prices at once, to the last digit."""
    bid, ask = np.empty(len(price)), np.empty(len(price))
    for i in np.unique(which).tolist():
        mine, rule = which == i, quoting[symbols[i]]
        num, den, share = rule.terms
        ticks = price[mine] * den / num
        spread = np.maximum(1.0, np.ceil(ticks * share - EPS))
        low = np.floor(ticks - (spread - 1.0) / 2.0 + EPS)
        bid[mine], ask[mine] = low * num / den, (low + spread) * num / den
        for row in np.flatnonzero(mine)[ticks * num >= EXACT].tolist():
            bid[row], ask[row] = rule.around(price[row].item())
    return bid, ask
