"""Recorded data in order of time, for whoever replays it: as columns of one instrument, or as events of several, merged.

Everything is streamed: of each instrument at most one block of rows is in memory. Source: T2, J5.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import msgspec

from tradingd.core.events import Bar, DividendDue, Quote, Split
from tradingd.core.gates.window import DAY
from tradingd.core.types import Price, Symbol
from tradingd.lab.data import parquet
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.days import BEGINNING, END, bounds
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.holes import holes
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.store import Part, Store, stamp

SOURCE = "data"
HOLES_MAX = 10  # gaps of one instrument that are told one by one


class Trade(NamedTuple):
    """A print. The core has no such event: who fills orders against prints asks for them."""

    ts: int
    symbol: Symbol
    price: float
    size: float


Happening = Quote | Bar | Trade | Split | DividendDue


class Want(NamedTuple):
    """One kind of data of one symbol."""

    kind: Kind
    symbol: str


class Note(msgspec.Struct, frozen=True):
    """Data that was asked for and is not there. why: in words.   since, until: ns, what is missing."""

    kind: str
    symbol: str
    why: str
    since: int
    until: int


def columns(store: Store, kind: Kind, symbol: str, since: int = BEGINNING, until: int = END) -> Iterator[Columns]:
    """Blocks of NumPy columns with since <= ts < until, ns (bars of days: `days.bounds`), in order of time; "ts" is int64,
    numbers float64, texts str objects. Nothing when there is no data. DataError when stored rows are damaged or out of order."""
    return _columns(store.parts(kind, symbol), kind, since, until)


def _columns(parts: Sequence[Part], kind: Kind, since: int, until: int) -> Iterator[Columns]:
    last = BEGINNING
    for part in parts:
        begin, end = bounds(kind, part.meta, since, until)
        if part.meta.first >= end or part.meta.last < begin:
            continue
        for block in parquet.blocks(part.path, kind, begin, end):
            ts = block["ts"]
            if ts[0] < last or (ts[1:] < ts[:-1]).any():
                raise DataError(f"{part.path}: rows are out of order; `tradingd data check` says where")
            last = int(ts[-1])
            yield block


class Merged:
    """Events of several instruments, once, in order of time; at the same moment actions come first, then bars (shorter spans
    first), trades, quotes, and within a kind the symbols by name. Rows of one instrument keep their order.

    Quotes have the source "data" and a rising `seq` of
    their instrument.
    """

    def __init__(self, store: Store, wants: Sequence[Want], since: int = BEGINNING, until: int = END) -> None:
        self._since, self._until = since, until
        self._streams = []
        for want in sorted(set(wants), key=lambda want: (want.kind.order, want.symbol)):
            self._streams.append((want, store.parts(*want)))

    @cached_property
    def notes(self) -> list[Note]:
        """What was asked for and is not there, known before the first event: at the ends of the range and, with a calendar, whole
        sessions within, at most HOLES_MAX of an instrument one by one. Asked for the first time it reads the times of all rows;
        DataError when a part is damaged."""
        return [note for want, parts in self._streams for note in _missing(want, parts, self._since, self._until)]

    def __iter__(self) -> Iterator[Happening]:
        streams = [self._events(n, want, parts) for n, (want, parts) in enumerate(self._streams)]
        for _, _, happening in heapq.merge(*streams):  # no two streams share a number, so events are never compared
            yield happening

    def _events(self, n: int, want: Want, parts: Sequence[Part]) -> Iterator[tuple[int, int, Happening]]:
        seq = 0
        for block in _columns(parts, want.kind, self._since, self._until):
            for happening in happenings(want, block, seq):
                yield happening.ts, n, happening
            seq += len(block["ts"])


def merged(store: Store, wants: Sequence[Want], since: int = BEGINNING, until: int = END) -> Merged:
    """The events with since <= ts < until, ns, of all that is wanted; bars of days by the day they belong to (`days.bounds`), so
    that the last may be known only after `until`. DataError when a part cannot be read."""
    return Merged(store, wants, since, until)


def happenings(want: Want, block: Columns, seq: int = 0) -> Iterator[Happening]:
    """The rows of one block as events, in their order. seq: of the quote before the first."""
    kind, symbol = want.kind, Symbol(want.symbol)
    rows = zip(*(block[name].tolist() for name in ("ts", *kind.columns)), strict=True)
    if kind.name == "quotes":
        for n, (ts, bid, ask, bid_size, ask_size) in enumerate(rows, seq + 1):
            yield Quote(symbol, bid, ask, ts, bid_size=bid_size, ask_size=ask_size, seq=n, recv_ts=ts, source=SOURCE)
    elif kind.name == "trades":
        for ts, price, size in rows:
            yield Trade(ts, symbol, price, size)
    elif kind.span_s:
        for ts, opens, high, low, close, volume in rows:
            yield Bar(
                ts=ts, symbol=symbol, span_s=kind.span_s, open=opens, high=high, low=low, close=close, volume=volume
            )
    else:
        for ts, _, what, value, name in rows:
            action_id = f"{SOURCE}:{symbol}:{name}"
            if what == "split":
                yield Split(ts=ts, symbol=symbol, ratio=float(value), action_id=action_id)
            else:
                yield DividendDue(ts=ts, symbol=symbol, per_share=Price(Decimal(value)), action_id=action_id)


def _missing(want: Want, parts: Sequence[Part], since: int, until: int) -> Iterator[Note]:
    """What of the range is not there: at its ends, and sessions within; `tradingd data check` tells smaller gaps. Actions are
    rare: without any there is nothing to say."""
    kind, symbol = want.kind.name, want.symbol
    if kind == "actions":
        return
    if not parts:
        yield Note(kind, symbol, "no data", since, until)
        return
    begin, end = bounds(want.kind, parts[0].meta, since, until)
    inside = [part for part in parts if part.meta.first < end and part.meta.last >= begin]
    if not inside:
        held = f"{stamp(parts[0].meta.first)} to {stamp(parts[-1].meta.last)}"
        yield Note(kind, symbol, f"no data in this range, only from {held}", since, until)
    else:
        first, last = inside[0].meta, inside[-1].meta
        if since > BEGINNING and _is_long(first.calendar, begin, first.first):
            yield Note(kind, symbol, f"begins only at {stamp(first.first)}", since, first.first)
        yield from _holes(want, inside, begin, end)
        if until < END and _is_long(last.calendar, last.last, end):
            yield Note(kind, symbol, f"ends already at {stamp(last.last)}", last.last + 1, until)


def _holes(want: Want, parts: Sequence[Part], since: int, until: int) -> Iterator[Note]:
    kind, symbol = want.kind.name, want.symbol
    found = holes(parts, want.kind, since, until)
    key = parts[0].meta.calendar
    for hole in found[:HOLES_MAX]:
        more = f"s of {key} missing: {hole.first.date} to {hole.last.date}"
        why = f" of {key} missing: {hole.first.date}" if hole.count == 1 else more
        yield Note(kind, symbol, f"{hole.count} session{why}", hole.first.open_ns, hole.last.close_ns)
    left = found[HOLES_MAX:]
    if left:
        why = f"and {len(left)} more such gaps, {sum(hole.count for hole in left)} sessions"
        yield Note(kind, symbol, why, left[0].first.open_ns, left[-1].last.close_ns)


def _is_long(key: str, since: int, until: int) -> bool:
    """Whether a whole session lies strictly between, or a day where there are no sessions."""
    table = calendar(key)
    if table is None:
        return until - since > DAY
    session = table.next_after(since)
    return session is not None and session.close_ns < until
