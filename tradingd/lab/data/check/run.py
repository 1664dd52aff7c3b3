"""The whole check of a store, or of some of it: each instrument is read twice, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tradingd.lab.data import parquet
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.check.found import Finding, Found
from tradingd.lab.data.check.gaps import Distances, Gaps
from tradingd.lab.data.check.prices import Prices, Told
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import Kind, kind_of
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.store import Part, Store


class Measure(msgspec.Struct, frozen=True):
    """What is too much. gap: a multiple of the usual distance between rows, > 1.   band: how far a price may leap and come back,
    as a share of it, > 0. None: as each kind has it (docs/guide/data.md)."""

    gap: float | None = None
    band: float | None = None

    def __post_init__(self) -> None:
        if self.gap is not None and not 1 < self.gap < 1e9:
            raise DataError(f"--gap {self.gap:g} must be above 1")
        if self.band is not None and not 0 < self.band < 1e9:
            raise DataError(f"--band {self.band:g} must be above 0")


class Checked(msgspec.Struct, frozen=True):
    """One instrument. rows: read.   counts: of all findings by check; `findings` has each check's first hundred."""

    kind: str
    symbol: str
    rows: int
    counts: dict[str, int]
    findings: tuple[Finding, ...]


def check(store: Store, what: Sequence[tuple[Kind, str]], measure: Measure) -> Iterator[Checked]:
    """Checks these instruments one after the other. What cannot be read is a finding, too."""
    for kind, symbol in what:
        found = Found(kind.name, symbol)
        rows = 0
        try:
            rows = _judge(store, kind, symbol, measure, found)
        except DataError as error:
            found.add("damaged", 0, 0, str(error))
        yield Checked(kind.name, symbol, rows, found.counts, tuple(found.findings))


def _judge(store: Store, kind: Kind, symbol: str, measure: Measure, found: Found) -> int:
    parts = store.parts(kind, symbol)
    distances, volumes, rows = Distances(), False, 0
    for block in _blocks(parts, kind):
        rows += len(block["ts"])
        distances.see(block["ts"])
        if kind.name != "quotes" and kind.rank:
            volumes = volumes or bool(block["volume" if kind.span_s else "size"].any())
    told = sum(part.meta.rows for part in parts)
    if rows != told:
        found.add("damaged", 0, 0, f"{rows} rows, {told} are due")
    if not kind.rank:
        return rows  # actions are read whole by whoever asks for them
    keys = {part.meta.calendar for part in parts}
    gaps = Gaps(found, kind, calendar(keys.pop()) if len(keys) == 1 else None, distances.usual(), measure.gap)
    prices = Prices(found, kind, splits(store, symbol), measure.band, volumes=volumes)
    for block in _blocks(parts, kind):
        gaps.see(block)
        prices.see(block)
    prices.end()
    return rows


def splits(store: Store, symbol: str) -> list[Told]:
    """What the store's actions tell of a symbol's splits."""
    actions = kind_of("actions")
    return [
        Told(ts, float(value))
        for block in _blocks(store.parts(actions, symbol), actions)
        for ts, kind, value in zip(block["ts"].tolist(), block["kind"], block["value"], strict=True)
        if kind == "split"
    ]


def _blocks(parts: Sequence[Part], kind: Kind) -> Iterator[Columns]:
    """As they lie there, in order or not; empty ones are passed over."""
    for part in parts:
        for block in parquet.blocks(part.path, kind, *parquet.ALWAYS):
            if len(block["ts"]):
                yield block
