"""The store on disk: `KIND/SYMBOL/PART.parquet`, each part whole or not there, and each says itself what it holds.

Parts of one instrument follow one another in time. A part that took others in names them in `replaces`: until they are removed
they do not count, so that a death in between shows no row twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from tradingd.config.model import SYMBOL
from tradingd.core.types import Instrument
from tradingd.lab.data import parquet
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import Kind, kind_of
from tradingd.lab.data.times import Reading
from tradingd.ports import Disk

FORMAT = 1
INCOMING = ".incoming"  # what is being written, in the store itself so that a rename moves it
_LOCK = ".lock"
_SUFFIX = ".parquet"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A file that rows came from, and how its times were read. columns: which column of the source became which field, like
    "close=Adj Close", by field; None in parts written before that was kept."""

    source: str
    sha256: str
    reading: Reading
    columns: tuple[str, ...] | None = None


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a part says about itself. first, last: ns of its first and last row.   calendar: key of the session table or "none".
    replaces: names of parts that do not count beside it.   instrument: what the recorder knew of it, None when it is not known.
    holes: ns, from the last row before to the first one after a time that was not recorded."""

    kind: str
    symbol: str
    rows: int
    first: int
    last: int
    calendar: str
    origins: tuple[Origin, ...]
    replaces: tuple[str, ...] = ()
    instrument: Instrument | None = None
    holes: tuple[tuple[int, int], ...] = ()
    format: int = FORMAT


class Part(msgspec.Struct, frozen=True):
    path: Path
    meta: Meta


class Store:
    """A folder of recorded data. disk: how names become durable; rows are read and written by the Parquet library."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root, self._disk = root.absolute(), disk

    # looking --------------------------------------------------------------------------------------------------------------

    def holdings(self) -> list[tuple[Kind, str]]:
        """Every (kind, symbol) with data, in the order of their names. DataError for a folder that is none of ours."""
        found = []
        for name in self._names(self.root):
            kind = _kind(self.root / name)
            for folder in self._names(self.root / name):
                symbol = unquote(folder)
                if SYMBOL.match(symbol) is None or quote(symbol, safe="") != folder:
                    raise DataError(f"{self.root / name / folder}: {symbol!r} is no symbol")
                if self.parts(kind, symbol):
                    found.append((kind, symbol))
        return found

    def parts(self, kind: Kind, symbol: str) -> list[Part]:
        """The parts that count, the earliest first. DataError for one that is damaged or holds something else."""
        folder = self.folder(kind, symbol)
        found = [self._part(folder / name, kind, symbol) for name in self._names(folder) if name.endswith(_SUFFIX)]
        gone = {name for part in found for name in part.meta.replaces}
        return sorted((part for part in found if part.path.name not in gone), key=lambda p: (p.meta.first, p.meta.last))

    def folder(self, kind: Kind, symbol: str) -> Path:
        """Where the parts lie; what is no letter, digit, - _ . in a symbol is written %2F."""
        return self.root / kind.name / quote(symbol, safe="")

    def _part(self, path: Path, kind: Kind, symbol: str) -> Part:
        try:
            meta = msgspec.json.decode(parquet.meta(path), type=Meta)
        except msgspec.DecodeError as error:
            raise DataError(f"{path}: {error}") from None
        if meta.format != FORMAT:
            raise DataError(f"{path}: written in format {meta.format}, this build reads {FORMAT}")
        if (meta.kind, meta.symbol) != (kind.name, symbol):
            raise DataError(f"{path}: holds {meta.kind} of {meta.symbol}, not {kind.name} of {symbol}")
        return Part(path, meta)

    def _names(self, path: Path) -> list[str]:
        try:
            return [name for name in self._disk.listdir(str(path)) if not name.startswith(".")]
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None

    # changing -------------------------------------------------------------------------------------------------------------

    @contextmanager
    def changing(self) -> Iterator[Callable[[], Path]]:
        """Nobody else changes the store meanwhile. Gives names for files to be written; what is left of them is removed, as is
        what an import that died left. DataError when somebody else is at it."""
        incoming = self.root / INCOMING
        self._disk.mkdir(str(incoming))
        release = self._disk.lock(str(self.root / _LOCK))
        if release is None:
            raise DataError(f"{self.root}: another import is at work")
        count = 0

        def fresh() -> Path:
            nonlocal count
            count += 1
            return incoming / f"{count}{_SUFFIX}"

        try:
            self._sweep(incoming)
            yield fresh
        finally:
            try:
                self._sweep(incoming)
            finally:
                release()

    def publish(self, written: Path, meta: Meta) -> None:
        """Gives a complete file its name, durably, and removes the parts it replaces."""
        folder = self.folder(kind_of(meta.kind), meta.symbol)
        file = self._disk.open_append(str(written))
        try:
            file.sync()
        finally:
            file.close()
        self._disk.mkdir(str(folder))
        self._disk.rename(str(written), str(folder / name_of(meta)))
        for directory in (folder, folder.parent, self.root):
            self._disk.sync_dir(str(directory))
        for name in meta.replaces:
            self._disk.unlink(str(folder / name))

    def _sweep(self, incoming: Path) -> None:
        for name in self._disk.listdir(str(incoming)):
            self._disk.unlink(str(incoming / name))


def meta_of(path: Path) -> Meta | None:
    """What a file says about itself when it is a part of a store; None for any other file."""
    return msgspec.json.decode(said, type=Meta) if (said := parquet.said(path)) is not None else None


def name_of(meta: Meta) -> str:
    """A part's file name: its first moment, and which source it came from last (so no two are called the same)."""
    return f"{stamp(meta.first).replace(':', '')}-{len(meta.origins)}-{meta.origins[-1].sha256[:12]}{_SUFFIX}"


def stamp(ts: int) -> str:
    """ns as 2008-10-06T14:35:00.123Z, to the nanosecond."""
    seconds, ns = divmod(ts, 1_000_000_000)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{f'.{ns:09d}'.rstrip('0').rstrip('.')}Z"


def described(parts: Iterable[Part]) -> Instrument | None:
    """The instrument as the part that reaches furthest describes it; None where none does."""
    known = [part.meta for part in parts if part.meta.instrument is not None]
    return max(known, key=lambda meta: meta.last).instrument if known else None


def origins(parts: Sequence[Part]) -> tuple[Origin, ...]:
    """Where the rows of these parts came from, each once, in order."""
    return tuple(dict.fromkeys(origin for part in parts for origin in part.meta.origins))


def _kind(path: Path) -> Kind:
    try:
        return kind_of(path.name)
    except DataError:
        raise DataError(f"{path}: a store has no such folder") from None
