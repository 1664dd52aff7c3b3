"""What a store holds, told instrument by instrument."""

from __future__ import annotations

import msgspec

from tradingd.lab.data.store import Store, origins


class Held(msgspec.Struct, frozen=True):
    """One instrument of the store. first, last: ns.   calendar: key of its session table or "none".   sources: names of files."""

    kind: str
    symbol: str
    rows: int
    first: int
    last: int
    calendar: str
    parts: int
    sources: tuple[str, ...]


def held_in(store: Store) -> list[Held]:
    """Everything in a store. DataError when some of it is not understood."""
    found = []
    for kind, symbol in store.holdings():
        parts = store.parts(kind, symbol)
        names = tuple(dict.fromkeys(origin.source for origin in origins(parts)))
        rows, last = sum(part.meta.rows for part in parts), max(part.meta.last for part in parts)
        first = parts[0].meta
        found.append(Held(kind.name, symbol, rows, first.first, last, first.calendar, len(parts), names))
    return found
