"""The import of one file: all of it or nothing, unless bad lines may be left out; never the same rows twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tradingd.config.model import SYMBOL
from tradingd.lab.data import parquet, sources
from tradingd.lab.data.calendars import NONE
from tradingd.lab.data.faults import DataError, Fault
from tradingd.lab.data.header import mapped
from tradingd.lab.data.instead import gone_for, len_of, standing_for
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.merge import merged
from tradingd.lab.data.parquet import Columns
from tradingd.lab.data.pile import Pile
from tradingd.lab.data.report import TOLD_MAX, Loaded, Refused, Report, Request, doubts
from tradingd.lab.data.rows import Block, Rows
from tradingd.lab.data.store import Meta, Origin, Part, Store, described, origins, stamp
from tradingd.lab.data.times import Reading
from tradingd.lab.data.twice import refuse_twice

WAITING_MAX = 100_000  # rows held to be put in order: what is further behind is refused
OPEN_MAX = 64  # files that are open at a time: many machines allow a process 1,024 and some 256


def load(store: Store, path: Path, request: Request, waiting_max: int = WAITING_MAX) -> Report:
    """Imports one file. DataError, with the store as it was, when it cannot be done."""
    if request.symbol and SYMBOL.match(request.symbol) is None:
        raise DataError(f"--symbol {request.symbol!r} is no symbol")
    origin = Origin(source=path.name, sha256=sources.digest(path), reading=request.reading)
    try:
        with store.changing() as fresh, sources.opened(path) as source:
            return _read(Import(store, path, request, origin, fresh, waiting_max=waiting_max), source)
    except OSError as error:
        raise DataError(f"{error.filename or store.root}: {error.strerror or error}") from None


def _read(into: Import, source: sources.Source) -> Report:
    path, request, kind = into.path, into.request, into.request.kind
    fields = mapped(kind, source.names, request.columns, symbol=not request.symbol)
    into.origin = msgspec.structs.replace(into.origin, columns=fields.used)
    rows = Rows(path.name, kind, fields, request.reading, request.symbol)
    try:
        for cells in source.cells:
            into.take(*rows.blocks(cells))
        into.whole()
        if sources.digest(path) != into.origin.sha256:
            raise DataError(f"{path}: it changed while it was read; nothing was imported")
        return into.publish(fields.unused)
    finally:
        into.abandon()


class Import:
    """One kind of rows of one source on their way into a store that is being changed: `take` as they come, then `whole`, `publish`;
    `abandon` at the end in any case. origin: of the rows.   fresh: gives names for files.   waiting_max: rows held to be put in
    order.   open_max: files open at a time.   holes: ns, times that nobody recorded."""

    def __init__(
        self, store: Store, path: Path, request: Request, origin: Origin, fresh: Callable[[], Path], *,
        waiting_max: int = WAITING_MAX, open_max: int = OPEN_MAX,
    ) -> None:  # fmt: skip
        self.store, self.path, self.request, self.origin = store, path, request, origin
        self.holes: tuple[tuple[int, int], ...] = ()
        self.kind, self._fresh, self._waiting_max, self._open_max = request.kind, fresh, waiting_max, open_max
        self._piles: dict[str, Pile] = {}
        self._stored: dict[str, list[Part]] = {}
        self._before: set[str] = set()  # symbols that were imported from this very file
        self._faults: list[Fault] = []
        self._bad = 0

    def take(self, blocks: Mapping[str, Block], faults: Sequence[Fault] = ()) -> None:
        """Rows by symbol, and what could not be used. DataError for rows too far behind."""
        self._complain(faults)
        for symbol, block in blocks.items():
            if (pile := self._pile(symbol)) is not None:
                pile.add(block)
        if sum(pile.waiting for pile in self._piles.values()) >= self._waiting_max:
            self._flush()

    def whole(self) -> None:
        """There is no more. Refused when something could not be used and may not be left out."""
        self._flush()
        if self._bad and not self.request.skip_bad:
            raise Refused(self._faults, self._bad)

    def publish(self, unused: tuple[str, ...] = ()) -> Report:
        """Everything counts from now on. unused: columns nobody asked for. DataError, with the store as it was, when it cannot."""
        loaded = self._publish()
        return Report(
            file=self.path.name, sha256=self.origin.sha256, kind=self.kind.name, loaded=loaded, unused=unused,
            bad=self._bad, faults=tuple(self._faults), doubts=doubts(self.request.reading, loaded),
        )  # fmt: skip

    def abandon(self) -> None:
        """Lets go of what is open."""
        for pile in self._piles.values():
            pile.abandon()

    def _complain(self, faults: Sequence[Fault]) -> None:
        self._bad += len(faults)
        self._faults += faults[: TOLD_MAX - len(self._faults)]

    def _flush(self) -> None:
        for pile in self._piles.values():
            self._complain(pile.flush())

    def _pile(self, symbol: str) -> Pile | None:
        """None when these rows are in the store already."""
        if symbol not in self._stored:
            self._stored[symbol] = parts = self.store.parts(self.kind, symbol)
            for origin in origins(parts):
                if origin.sha256 == self.origin.sha256:
                    self._same_way(symbol, origin)
                    self._before.add(symbol)
            if symbol not in self._before:
                self._piles[symbol] = Pile(
                    self._fresh(), self.kind, self.path.name, keep=self.request.merge and bool(parts),
                    spill=len(self._piles) >= self._open_max,
                )  # fmt: skip
        return self._piles.get(symbol)

    def _same_way(self, symbol: str, before: Origin) -> None:
        """Raises DataError when the same file was read otherwise: what it gave is wrong, or what it would give now."""
        then, now = _said(before.reading), _said(self.origin.reading)
        if then == now and before.columns is not None:
            was, has = set(before.columns), set(self.origin.columns or ())
            then, now = (" ".join(sorted(own)) or "fewer columns" for own in (was - has, has - was))
        if then != now:
            raise DataError(
                f"{self.path}: {self.kind.name} of {symbol} were imported from it with {then}, now it is {now}: "
                f"remove {self.store.folder(self.kind, symbol)} first"
            )

    # into the store -------------------------------------------------------------------------------------------------------

    def _publish(self) -> tuple[Loaded, ...]:
        piles = {symbol: pile for symbol, pile in sorted(self._piles.items()) if pile.rows}
        if not piles and not self._before:
            raise DataError(f"{self.path}: there is no row in it")
        ready = [self._ready(symbol, pile) for symbol, pile in piles.items()]  # all are judged before one counts
        for _, written, meta in ready:
            if written is not None and meta is not None:
                self.store.publish(written, meta)
        before = [Loaded(symbol=symbol, outcome="imported before") for symbol in sorted(self._before)]
        return (*(loaded for loaded, _, _ in ready), *before)

    def _ready(self, symbol: str, pile: Pile) -> tuple[Loaded, Path | None, Meta | None]:
        """What is to be published for a symbol, complete on disk; nothing when there is nothing new."""
        known = self.request.instruments.get(symbol)
        meta = Meta(
            kind=self.kind.name, symbol=symbol, rows=pile.rows, first=pile.first, last=pile.last,
            calendar=self.request.reading.calendar or (known.calendar if known is not None else NONE), origins=(self.origin,),
            instrument=known, holes=self.holes,
        )  # fmt: skip
        gone = gone_for(meta, self._stored[symbol], self.request.instead)
        meta = standing_for(meta, gone)
        pile.close(meta)
        for part in self._stored[symbol]:
            if part.meta.calendar != meta.calendar:
                raise DataError(
                    f"{meta.kind} of {symbol} are stored with --calendar {part.meta.calendar}, not {meta.calendar}"
                )
        if meta.kind == "actions":
            refuse_twice(self.path, symbol, pile.path, self._stored[symbol])
        near = [p for p in self._stored[symbol] if p.meta.first <= meta.last and meta.first <= p.meta.last]
        if near and not self.request.instead:
            return self._merged(meta, pile, near)
        before = len_of(gone)
        said = Loaded(
            symbol=symbol, outcome="merged" if gone else "imported", rows=pile.rows - before, same=before, late=pile.late,
            first=pile.first, last=pile.last,
        )  # fmt: skip
        return said, pile.path, meta

    def _merged(self, meta: Meta, pile: Pile, near: list[Part]) -> tuple[Loaded, Path | None, Meta | None]:
        if not self.request.merge:
            raise DataError(
                f"{self.path}: {meta.kind} of {meta.symbol} from {stamp(meta.first)} to {stamp(meta.last)} overlap what is "
                f"stored from {stamp(near[0].meta.first)} to {stamp(near[-1].meta.last)} ({origins(near)[-1].source}): "
                "--merge adds what is new"
            )
        found = merged(whole([part.path for part in near], self.kind), whole([pile.path], self.kind), pile.lines)
        if found.contradictions:
            told = "\n".join(
                f"  {self.path.name}:{line}: row {row} of the stored ones says otherwise about {stamp(ts)}"
                for line, row, ts in found.against
            )
            raise DataError(
                f"{found.contradictions} contradictions with what is stored from {stamp(near[0].meta.first)} on, "
                f"nothing was imported:\n{told}"
            )
        said = Loaded(
            symbol=meta.symbol, outcome="merged" if found.added else "nothing new", rows=found.added, same=found.same,
            late=pile.late, first=meta.first, last=meta.last,
        )  # fmt: skip
        if not found.added:
            return said, None, None
        both = msgspec.structs.replace(
            meta, rows=len(found.columns["ts"]), first=int(found.columns["ts"][0]), last=int(found.columns["ts"][-1]),
            origins=(*origins(near), self.origin), replaces=tuple(part.path.name for part in near),
            instrument=meta.instrument or described(near),
            holes=tuple(sorted({hole for part in near for hole in part.meta.holes} | {*meta.holes})),
        )  # fmt: skip
        path = self._fresh()
        writer = parquet.Writer(path, self.kind)
        writer.write(found.columns)
        writer.close(both)
        return said, path, both


def whole(paths: list[Path], kind: Kind) -> Columns:
    """All rows of some files, one behind the other, in memory."""
    blocks = [block for path in paths for block in parquet.blocks(path, kind, *parquet.ALWAYS)]
    columns: dict[str, Any] = {
        name: np.concatenate([block[name] for block in blocks]) for name in ("ts", *kind.columns)
    }
    return columns


def _said(how: Reading) -> str:
    words = [f"--{name} {value}" for name in how.__struct_fields__ if (value := getattr(how, name))]
    return " ".join(words) or "no options"
