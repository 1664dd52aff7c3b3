"""Files data comes from, CSV (plain or gzip) and Parquet, as a header and blocks of text cells: one way to judge them all."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, cast

import msgspec

from tradingd.lab.data import parquet
from tradingd.lab.data.cells import Cells
from tradingd.lab.data.faults import DataError, Fault

ROWS = 8_192
DELIMITERS = ",;\t|"
GZIP = b"\x1f\x8b"


class Source(msgspec.Struct, frozen=True):
    """An open file. names: its columns.   cells: its rows in order, read once."""

    names: tuple[str, ...]
    cells: Iterator[Cells]


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes; DataError when it cannot be read."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The file as a source, by what it is and not by how it is called. DataError when it cannot be read, also later on."""
    with ExitStack() as stack:
        with reading(path):
            with path.open("rb") as file:
                head = file.read(4)
            if head == parquet.MAGIC:
                source = Source(*parquet.cells(path, ROWS))
            else:
                raw = stack.enter_context(path.open("rb"))
                plain = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if head[:2] == GZIP else raw
                text = TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="")
                source = _csv(stack.enter_context(text), path)
        yield source


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What cannot be read or unpacked is a DataError about that file."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _csv(text: TextIOWrapper, path: Path) -> Source:
    """Empty lines and lines that begin with # are passed over, as in the daemon's own files."""
    name, at, line = path.name, 0, ""
    while not line.strip() or line.lstrip().startswith("#"):
        at, line = at + 1, text.readline()
        if not line:
            raise DataError(f"{name}: there is no header line")
    delimiter = max(DELIMITERS, key=line.count)
    names = tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter)))
    twice = next((each for i, each in enumerate(names) if each in names[:i]), None)
    if twice is not None:
        raise DataError(f"{name}:{at}: the column {twice!r} stands twice")
    return Source(names, _rows(text, path, delimiter, len(names), at))


def _rows(text: TextIOWrapper, path: Path, delimiter: str, width: int, before: int) -> Iterator[Cells]:
    """Each line is read by itself: no field of market data spans lines, so a stray quote spoils its own line only."""
    block, name = Cells([], [], []), path.name
    with reading(path):
        for at, line in enumerate(text, before + 1):
            if line.lstrip().startswith("#"):
                continue
            try:
                row = next(csv.reader((line,), delimiter=delimiter, strict=True), [])
            except csv.Error as error:
                block.faults.append(Fault(name, at, "", _why(line, error)))
            else:
                if len(row) == width and row[0][:1] != "#":
                    block.lines.append(at)
                    block.rows.append(row)
                elif any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                    block.faults.append(Fault(name, at, "", f"{len(row)} fields, {width} are due"))
            if len(block.rows) + len(block.faults) >= ROWS:
                yield block
                block = Cells([], [], [])
    yield block


def _why(line: str, error: csv.Error) -> str:
    return "a quote that is not closed on its line" if line.count('"') % 2 else str(error)
