"""The kinds of recorded data: their columns, and their order when they happen at the same moment."""

from __future__ import annotations

import re

import msgspec

from tradingd.lab.data.faults import DataError

_BARS = re.compile(r"^bars-([1-9][0-9]{0,6})$")
DAY_S = 86_400
NAMES = "quotes, trades, actions, or bars-SPAN in seconds, like bars-60 and bars-86400"

# rank: what comes first when several happen at once
_COLUMNS = {
    "actions": (0, ("ex_date", "kind", "value", "action_id")),
    "bars": (1, ("open", "high", "low", "close", "volume")),
    "trades": (2, ("price", "size")),
    "quotes": (3, ("bid", "ask", "bid_size", "ask_size")),
}
TEXT = frozenset({"ex_date", "kind", "value", "action_id"})  # the others are float64
MAY_LACK = frozenset({"volume", "size", "bid_size", "ask_size"})  # 0 when the source does not say


class Kind(msgspec.Struct, frozen=True):
    """One kind. name: as it stands in the store, "quotes" or "bars-60".   rank: 0 first among what happens at the same
    moment: actions, bars, trades, quotes.   span_s: of bars, else 0.   columns: without ts, which all have: ns, UTC; a bar's is its
    END, as in core.events.Bar."""

    name: str
    rank: int
    span_s: int
    columns: tuple[str, ...]

    @property
    def order(self) -> tuple[int, int]:
        """Of kinds at the same moment; shorter bars before longer ones."""
        return self.rank, self.span_s

    @property
    def unique(self) -> bool:
        """Whether a moment holds at most one row."""
        return self.span_s > 0


def kind_of(name: str) -> Kind:
    """The kind of that name; DataError when there is none."""
    bars = _BARS.match(name)
    family = "bars" if bars else name
    if family not in _COLUMNS or (family == "bars" and not bars):
        raise DataError(f"--kind {name!r} is not known: {NAMES}")
    rank, columns = _COLUMNS[family]
    return Kind(name, rank, int(bars[1]) if bars else 0, columns)
