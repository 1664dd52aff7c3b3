"""The store stays whole whatever dies, and says what it does not understand. J5."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.data.rig import NANOS, Row, bring, csv_of, rows_of, store_in, tree
from tradingd.core.types import NS
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.load import load
from tradingd.lab.data.report import Request
from tradingd.lab.data.store import INCOMING, Store
from tradingd.shell.env import RealDisk
from tradingd.shell.env.disk import RealFile

HEADER = "ts,price,size"
TRADES = kind_of("trades")
OLD: list[Row] = [(n * NS, 1.0, 1.0) for n in range(0, 20, 2)]
NEW: list[Row] = [(n * NS, 1.0, 1.0) for n in range(1, 40, 2)]


class Killed(BaseException):
    """The process is gone: nothing behind this runs."""


class Dying(RealDisk):
    """A disk whose process is killed before its n-th change."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def mkdir(self, path: str) -> None:
        self._step()
        super().mkdir(path)

    def rename(self, src: str, dst: str) -> None:
        self._step()
        super().rename(src, dst)

    def sync_dir(self, path: str) -> None:
        self._step()
        super().sync_dir(path)

    def unlink(self, path: str) -> None:
        self._step()
        super().unlink(path)


def test_a_merge_that_dies_at_any_step_shows_the_old_or_the_new_rows(tmp_path: Path) -> None:
    """J5: never half of them, never one twice; the same import again brings it to its end."""
    want, steps, ended = sorted(OLD + NEW), 0, False
    seen = set()
    while not ended:
        store = store_in(tmp_path / str(steps))
        (tmp_path / str(steps)).mkdir()
        bring(store, csv_of(tmp_path / "a.csv", HEADER, OLD[:5]), "trades", NANOS)
        bring(store, csv_of(tmp_path / "b.csv", HEADER, OLD[5:]), "trades", NANOS)
        path = csv_of(tmp_path / "c.csv", HEADER, NEW)
        request = Request(kind=TRADES, reading=NANOS, symbol="X", merge=True)
        try:
            load(Store(store.root, Dying(steps)), path, request)
            ended = True
        except Killed:
            pass
        found = rows_of(store, "trades")
        assert found in (OLD, want)
        seen.add(len(found))
        assert load(store, path, request).loaded[0].outcome in ("merged", "imported before")
        assert rows_of(store, "trades") == want
        assert list((store.root / INCOMING).iterdir()) == []
        steps += 1
    assert seen == {len(OLD), len(want)}
    assert steps > 6


class Watched(RealDisk):
    """A disk that keeps what was done to it, in order."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

    def open_append(self, path: str) -> RealFile:
        file = super().open_append(path)
        sync = file.sync

        def watched() -> None:
            self.done.append(("sync", path))
            sync()

        file.sync = watched  # type: ignore[method-assign]
        return file

    def rename(self, src: str, dst: str) -> None:
        self.done.append(("rename", src))
        super().rename(src, dst)

    def sync_dir(self, path: str) -> None:
        self.done.append(("sync_dir", path))
        super().sync_dir(path)

    def unlink(self, path: str) -> None:
        self.done.append(("unlink", path))
        super().unlink(path)


def test_rows_are_durable_before_they_have_a_name_and_the_name_before_others_go(tmp_path: Path) -> None:
    """J5: after a power cut a part is whole or not there, and what it replaced is there until it is."""
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", HEADER, OLD), "trades", NANOS)
    [old] = store.parts(TRADES, "X")
    disk = Watched()
    request = Request(kind=TRADES, reading=NANOS, symbol="X", merge=True)
    load(Store(store.root, disk), csv_of(tmp_path / "b.csv", HEADER, NEW), request)
    steps = [(what, Path(path).name) for what, path in disk.done if not path.endswith("/1.parquet")]
    new = steps[0][1]
    folders = [("sync_dir", "X"), ("sync_dir", "trades"), ("sync_dir", "store")]
    assert steps == [("sync", new), ("rename", new), *folders, ("unlink", old.path.name)]


SLOW = """
import sys, time
from pathlib import Path
from tests.lab.data.rig import NANOS, bring, store_in
from tradingd.lab.data import sources
plain = sources._rows
def slow(*arguments):
    for n, cells in enumerate(plain(*arguments)):
        if n == 2:
            print("half", flush=True)
            sys.stdin.read()
        yield cells
sources._rows = slow
bring(store_in(Path(sys.argv[1])), Path(sys.argv[2]), "trades", NANOS, waiting_max=1)
"""


def test_an_import_that_is_killed_leaves_the_store_whole(tmp_path: Path) -> None:
    """J5: kill -9 in the middle of a file; what is left of it is swept by the next import."""
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", HEADER, OLD), "trades", NANOS)
    before = tree(store.root)
    path = csv_of(tmp_path / "b.csv", HEADER, [(n * NS, 1.0, 1.0) for n in range(100, 40_000)])
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        with pytest.raises(DataError, match="another import is at work"):
            bring(store, path, "trades", NANOS)
        child.send_signal(signal.SIGKILL)
    assert tree(store.root) == before
    assert list((store.root / INCOMING).iterdir()) != []
    bring(store, path, "trades", NANOS)
    assert len(rows_of(store, "trades")) == len(OLD) + 39_900
    assert list((store.root / INCOMING).iterdir()) == []


def test_symbols_with_a_slash_and_without_are_two(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for n, symbol in enumerate(("EUR/USD", "EUR_USD")):
        bring(store, csv_of(tmp_path / f"{n}.csv", HEADER, OLD[n : n + 1]), "trades", NANOS, symbol=symbol)
    assert [symbol for _, symbol in store.holdings()] == ["EUR/USD", "EUR_USD"]
    assert sorted(path.name for path in (store.root / "trades").iterdir()) == ["EUR%2FUSD", "EUR_USD"]
    assert rows_of(store, "trades", "EUR_USD") == OLD[1:2]


def _rename(store: Store) -> None:
    part = store.parts(TRADES, "X")[0].path
    (store.root / "trades" / "Y").mkdir()
    part.rename(store.root / "trades" / "Y" / part.name)


def _flip(store: Store) -> None:
    part = store.parts(TRADES, "X")[0].path
    part.write_bytes(part.read_bytes()[:-20])


def _foreign(store: Store) -> None:
    from importlib import import_module

    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    pq.write_table(pa.table({"ts": [1]}), store.root / "trades" / "X" / "mine.parquet")


def _folder(store: Store) -> None:
    (store.root / "ticks").mkdir()


def _symbol(store: Store) -> None:
    (store.root / "trades" / "a b").mkdir()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (_rename, "holds trades of X, not trades of Y"),
        (_flip, "parquet"),
        (_foreign, "does not say what it holds"),
        (_folder, "no such folder"),
        (_symbol, "'a b' is no symbol"),
    ],
)
def test_what_is_not_ours_is_named(tmp_path: Path, harm: Callable[[Store], None], why: str) -> None:
    """J5: a file that was put in by hand is refused by its name, never half understood."""
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", HEADER, OLD), "trades", NANOS)
    harm(store)
    with pytest.raises(DataError, match=why):
        store.holdings()


def test_a_store_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert store_in(tmp_path).holdings() == []
    assert not (tmp_path / "store").exists()


def test_a_part_says_itself_what_it_holds(tmp_path: Path) -> None:
    """J5: kind, symbol, source with its hash and how it was read, rows, first, last."""
    store = store_in(tmp_path)
    report = bring(store, csv_of(tmp_path / "a.csv", HEADER, OLD), "trades", NANOS)
    [part] = store.parts(TRADES, "X")
    meta = part.meta
    assert (meta.kind, meta.symbol, meta.rows, meta.first, meta.last) == ("trades", "X", 10, 0, 18 * NS)
    assert [(o.source, o.sha256, o.reading) for o in meta.origins] == [("a.csv", report.sha256, NANOS)]
