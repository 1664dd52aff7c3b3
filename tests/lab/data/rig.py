"""What the tests of recorded data share: a store on a real disk, and sources written as somebody would write them."""

from collections.abc import Sequence
from pathlib import Path

from tradingd.lab.data.days import BEGINNING, END
from tradingd.lab.data.feed import columns
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.load import load
from tradingd.lab.data.report import Report, Request
from tradingd.lab.data.store import Store
from tradingd.lab.data.times import Reading
from tradingd.shell.env import RealDisk

Row = tuple[object, ...]
UTC = Reading(tz="UTC")
NANOS = Reading(unit="ns")
NYSE = Reading(calendar="XNYS")
DAYS = "bars-86400"


def store_in(folder: Path) -> Store:
    return Store(folder / "store", RealDisk())


def csv_of(path: Path, header: str, rows: Sequence[Row]) -> Path:
    """Numbers as Python writes them, so that nothing is lost."""
    lines = [header, *(",".join(c if isinstance(c, str) else repr(c) for c in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def text_of(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def bring(store: Store, path: Path, kind: str, how: Reading = UTC, *, symbol: str = "X", **more: object) -> Report:
    waiting = more.pop("waiting_max", None)
    request = Request(kind=kind_of(kind), reading=how, symbol=symbol, **more)  # type: ignore[arg-type]
    return load(store, path, request, waiting) if isinstance(waiting, int) else load(store, path, request)


def rows_of(store: Store, kind: str, symbol: str = "X", since: int = BEGINNING, until: int = END) -> list[Row]:
    """All rows of an instrument as the reader gives them."""
    what = kind_of(kind)
    return [
        row
        for block in columns(store, what, symbol, since, until)
        for row in zip(*(block[name].tolist() for name in ("ts", *what.columns)), strict=True)
    ]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file that counts, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and ".incoming" not in path.parts
    }
