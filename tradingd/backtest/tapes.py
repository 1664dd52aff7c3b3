"""The tapes of a state directory as a market: each file's quotes, bars and actions into a store. Source: T1, J5."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from tradingd.core.inputs import Input
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.feed import columns
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.load import Import
from tradingd.lab.data.recording import ACTIONS, DAYS, QUOTES, Recording, Row
from tradingd.lab.data.report import Report, Request
from tradingd.lab.data.rows import Block
from tradingd.lab.data.store import Origin, Store
from tradingd.lab.data.times import Reading
from tradingd.lab.data.unrecorded import unrecorded
from tradingd.ports import Disk
from tradingd.shell.ticks.frames import Scan, Torn, files_of, inputs_of
from tradingd.shell.ticks.read import DIRECTORY

OPEN_MAX = 16  # files of one kind that are open at a time


class Taped(msgspec.Struct, frozen=True):
    """What became of the tapes. reports: one a file and kind.   notes: what was left out or is no part of a market, one a line.
    holes: times nobody recorded, which the store tells too.   config: the rules last in force, as text; "" when no tape says."""

    reports: tuple[Report, ...]
    notes: tuple[str, ...]
    holes: tuple[str, ...]
    config: str


def record(store: Store, state: Path, disk: Disk, *, source: str = "", key: str = "") -> Taped:
    """Brings the tapes of a state directory into a store, file by file, oldest first; what is there already stays. source, key: as
    `Recording` has them. A daemon may be writing: what it wrote so far counts. DataError when there is none, or it is no use."""
    if key:
        calendar(key)
    directory = state / DIRECTORY
    try:
        names = [name for _, _, name in files_of(disk.listdir(str(directory)))]
        if not names:
            raise DataError(
                f"{directory}: there is no tape; [ticks] record = true keeps one from the daemon's next start on"
            )
        recording, reels = Recording(source, key), _Reels()
        reports = [report for name in names for report in _file(store, directory / name, recording, reels, disk, key)]
    except OSError as error:
        raise DataError(f"{error.filename or directory}: {error.strerror or error}") from None
    if source and not any(report.kind == QUOTES.name for report in reports):
        raise DataError(f"--source {source!r}: quotes nothing on these tapes")
    holes = tuple(unrecorded(recording.holes, recording.calendars))
    return Taped(tuple(reports), (*reels.notes, *_notes(recording)), holes, recording.config)


class _Reels:
    """Where each life's tape stood at the end of a file. notes: of files that are not whole."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._at: dict[tuple[int, str], int] = {}

    def heard(self, path: Path, chunks: Iterator[bytes]) -> Iterator[Input | None]:
        """What the file holds, in order; None where something is missing."""
        try:
            scan = Scan(chunks)
            life = scan.head.life, scan.head.instance
            for block in scan.blocks():
                if block.at != self._at.get(life, 1):
                    yield None
                self._at[life] = block.at + len(block.places) + len(block.quotes)
                yield from inputs_of(block)
        except Torn as torn:
            self.notes.append(f"{path.name}: {torn}")
            yield None


class _Into:
    """One tape file on its way into a store that is being changed."""

    def __init__(
        self, store: Store, path: Path, origin: Origin, recording: Recording, fresh: Callable[[], Path]
    ) -> None:
        self._store, self._path, self._origin, self._recording, self._fresh = store, path, origin, recording, fresh
        self._imports: dict[Kind, Import] = {}
        self._holes = len(recording.holes)

    def hear(self, entries: Iterable[Input | None]) -> None:
        """None: something is missing there."""
        recording = self._recording
        for heard in entries:
            if heard is None:
                recording.gap()
                continue
            recording.take(heard)
            if recording.ready():
                self._take(recording.rows())
        self._take(recording.rows())
        self._take(recording.rest(self._stored))

    def publish(self) -> list[Report]:
        """All of it is judged before any of it counts."""
        if QUOTES in self._imports:
            self._imports[QUOTES].holes = tuple(self._recording.holes[self._holes :])
        for into in self._imports.values():
            into.whole()
        return [self._imports[kind].publish() for kind in sorted(self._imports, key=lambda kind: kind.order)]

    def abandon(self) -> None:
        for into in self._imports.values():
            into.abandon()

    def _take(self, rows: Mapping[Kind, Mapping[str, Block]]) -> None:
        for kind, blocks in rows.items():
            self._recording.known(blocks)
            into = self._imports.get(kind)
            if into is None:
                request = Request(
                    kind=kind, reading=self._origin.reading, instruments=self._recording.instruments,
                    instead="all" if kind in (ACTIONS, DAYS) else "own",
                )  # fmt: skip
                into = Import(self._store, self._path, request, self._origin, self._fresh, open_max=OPEN_MAX)
                self._imports[kind] = into
            into.take(blocks)

    def _stored(self, kind: Kind, symbol: str) -> Iterator[Row]:
        for block in columns(self._store, kind, symbol):
            yield from zip(*(block[name].tolist() for name in ("ts", *kind.columns)), strict=True)


def _file(store: Store, path: Path, recording: Recording, reels: _Reels, disk: Disk, key: str) -> list[Report]:
    digest, size = sha256(), 0
    for chunk in disk.read_chunks(str(path)):
        digest.update(chunk)
        size += len(chunk)
    name = f"{path.name}{_whose(disk, path)}"
    origin = Origin(source=name, sha256=digest.hexdigest(), reading=Reading(calendar=key))
    with store.changing() as fresh:
        into = _Into(store, path, origin, recording, fresh)
        try:
            into.hear(reels.heard(path, _first(disk.read_chunks(str(path)), size)))
            return into.publish()
        finally:
            into.abandon()


def _whose(disk: Disk, path: Path) -> str:
    """Tapes of two daemons may have files of one name."""
    try:
        return f" of {Scan(disk.read_chunks(str(path))).head.instance[-8:]}"
    except Torn:
        return ""


def _first(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """So many bytes: a file that is being written ends where it was looked at."""
    for chunk in chunks:
        if size <= 0:
            return
        yield chunk[:size]
        size -= len(chunk)


def _notes(recording: Recording) -> Iterator[str]:
    for symbol, n in sorted(recording.bad.items()):
        yield f"{symbol}: {n} recorded rows without a finite number were left out"
    for symbol, n in sorted(recording.dividends.items()):
        yield f"{symbol}: {n} dividends were paid on what was held, and the tape does not say how much a share: left out"
    if recording.changed:
        yield f"the rules changed {recording.changed} times while it was recorded"
    if recording.left:
        told = ", ".join(f"{n} {name}" for name, n in sorted(recording.left.items()))
        yield f"on the tape and no part of its market: {told}"
