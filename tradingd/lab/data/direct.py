"""Files read without an import: a store that lasts as long as it is asked. They are judged as an import judges them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tradingd.lab.data.load import load
from tradingd.lab.data.report import Report, Request
from tradingd.lab.data.store import Store
from tradingd.ports import Disk


@contextmanager
def direct(files: Sequence[tuple[Path, Request]], disk: Disk) -> Iterator[tuple[Store, list[Report]]]:
    """A store with these files in it, in the machine's temporary folder, and what became of each; it goes when the block is left.
    DataError for the first file that cannot be used."""
    with TemporaryDirectory(prefix="tradingd-data-") as folder:
        store = Store(Path(folder), disk)
        yield store, [load(store, path, request) for path, request in files]
