"""Rows that stand for stored ones: a source that has grown since, or all there is of a symbol, put together anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tradingd.lab.data.faults import DataError
from tradingd.lab.data.store import Meta, Part, described, origins, stamp


def gone_for(meta: Meta, stored: Sequence[Part], what: Literal["", "own", "all"]) -> list[Part]:
    """The stored parts that rows of `meta` stand for. what: as in `Request.instead`. DataError when a source is not what it was and
    more behind it, and when rows of others lie among its own."""
    if what != "own":
        return list(stored) if what else []
    name = meta.origins[-1].source
    gone = [part for part in stored if part.meta.origins[-1].source == name]
    for part in stored:
        was = part.meta
        shrunk = part in gone and (was.first != meta.first or was.rows > meta.rows or was.last > meta.last)
        if shrunk or (part not in gone and was.first < meta.last and meta.first < was.last):
            raise DataError(
                f"{name}: {meta.kind} of {meta.symbol} from {stamp(meta.first)} to {stamp(meta.last)} do not go with what is "
                f"stored from {stamp(was.first)} to {stamp(was.last)} ({was.origins[-1].source}): bring them into another store"
            )
    return gone


def standing_for(meta: Meta, gone: Sequence[Part]) -> Meta:
    """What the new part says of itself in place of these."""
    last = meta.origins[-1]
    return msgspec.structs.replace(
        meta, origins=(*(origin for origin in origins(gone) if origin.source != last.source), last),
        replaces=tuple(part.path.name for part in gone), instrument=meta.instrument or described(gone),
        holes=tuple(sorted({hole for part in gone for hole in part.meta.holes} | {*meta.holes})),
    )  # fmt: skip


def len_of(parts: Sequence[Part]) -> int:
    """Rows of all of them."""
    count = 0
    for part in parts:
        count += part.meta.rows
    return count
