"""Backtests of strategies that declare what can move them, over a store of quotes, installed as an operator would."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.flow.child import environment, tradingd
from tests.lab.data.rig import NANOS, bring, csv_of, store_in
from tradingd.backtest.options import Options
from tradingd.backtest.run import run_backtest
from tradingd.backtest.tell import Told
from tradingd.core.types import NS
from tradingd.lab.data.store import Store
from tradingd.lab.results.result import read
from tradingd.ports import Broken, Misconfigured
from tradingd.shell.identity import session_table

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "strategies.md"
(HIGHS,) = re.findall(r"## Asking for quotes\n.*?```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
DECLARED = "Between(high=high)"
SETS = ("instruments.A.calendar=XNYS", "house.timer_s=30m", "house.orders_s=30m", "house.positions_s=30m")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six weeks of a quote a minute."""
    folder, rng, table = tmp_path_factory.mktemp("quotes"), Random(5), session_table("XNYS")
    day, rows, mid = date(2008, 1, 2), [], 100.0
    while day < date(2008, 2, 16):
        session = table.session(day.isoformat())
        if session is not None:
            for ts in range(session.open_ns, session.close_ns + 1, 60 * NS):
                mid *= 1 + rng.gauss(0, 0.0006)
                rows.append((ts, round(mid, 2), round(mid + 0.02, 2), 500.0, 500.0))
        day += timedelta(days=1)
    made = store_in(folder)
    bring(made, csv_of(folder / "a.csv", "ts,bid,ask,bid_size,ask_size", rows), "quotes", NANOS, symbol="A")
    return made


def install(folder: Path, name: str, code: str) -> None:
    """A distribution with one strategy, of that name."""
    (folder / f"guest_{name}.py").write_text(code)
    told = folder / f"guest_{name}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: guest-{name}\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[tradingd.strategies]\n{name} = guest_{name}\n")


@pytest.fixture
def guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "guests"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def run(store: Store, out: Path, *strategies: str, **asked: object) -> Told:
    plain: dict[str, object] = {"begin": "2008-02-01", "end": "2008-02-15", "sets": SETS, "tier": "aggressive"}
    return run_backtest(
        Options(data=str(store.root), out=out, strategies=strategies, **{**plain, **asked})  # type: ignore[arg-type]
    )


def test_the_guides_strategy_makes_one_journal_sparse_dense_and_checked(
    store: Store, guests: Path, tmp_path: Path
) -> None:
    """T1, W1: the same head, whatever was passed over; it keeps to what it declares."""
    install(guests, "highs", HIGHS)
    sparse = run(store, tmp_path / "sparse", "highs", "breakout")
    dense = run(store, tmp_path / "dense", "highs", "breakout", dense=True)
    checked = run(store, tmp_path / "checked", "highs", "breakout", check_triggers=True)
    assert sparse.result == dense.result == checked.result
    assert sparse.result.metrics is not None
    assert sparse.result.metrics.fills > 0
    assert "strategy:highs" in (tmp_path / "sparse" / "decisions.csv").read_text()
    assert (sparse.events, checked.broken) == (dense.events, 0)


def test_one_that_does_not_keep_to_it_is_told_with_the_quote(store: Store, guests: Path, tmp_path: Path) -> None:
    """T1, W1: in the notes, and by the exit code."""
    install(guests, "rash", HIGHS.replace(DECLARED, "Between(high=high * 1.01)"))
    args = ["backtest", "--data", str(store.root), "--strategy", "rash", "--from", "2008-02-01", "--to", "2008-02-15"]
    args += [*(part for each in SETS for part in ("--set", each)), "--out", "out", "--check-triggers"]
    paths = os.pathsep.join([str(guests), environment()["PYTHONPATH"]])
    ran = tradingd(*args, cwd=tmp_path, PYTHONPATH=paths)
    assert ran.returncode == 1
    assert re.search(r"Error: triggers: \d+ times not as declared, see the notes", ran.stderr)
    result = read(tmp_path / "out")
    assert result.state == "complete"
    told = [
        note
        for note in result.notes
        if note.startswith("rash changed its state at a quote within what it declared: A bid ")
    ]
    assert told
    assert set(told) <= {line.removeprefix("note       ") for line in ran.stdout.splitlines()}


def test_a_declaration_that_breaks_ends_the_run_and_says_so(store: Store, guests: Path, tmp_path: Path) -> None:
    """T1: what was done is kept; looking at each quote needs no declaration; the check tells of it."""
    install(guests, "torn", HIGHS.replace(DECLARED, "Between(high=float('nan'))"))
    said = "strategy torn: triggers: ValueError: `high` must be a number, not nan"
    with pytest.raises(Broken, match=re.escape(f"{said}; --dense does without")):
        run(store, tmp_path / "sparse", "torn")
    partial = read(tmp_path / "sparse")
    assert (partial.state, said in partial.why) == ("partial", True)
    assert run(store, tmp_path / "dense", "torn", dense=True).result.state == "complete"
    checked = run(store, tmp_path / "checked", "torn", check_triggers=True)
    assert checked.broken > 10
    assert f"torn cannot be asked what it declares: {said}" in checked.result.notes
    assert f"torn: {checked.broken} times in all" in checked.result.notes


def test_there_must_be_something_to_check(store: Store, tmp_path: Path) -> None:
    """J6: nobody is told that all is well when nothing was looked at."""
    with pytest.raises(Misconfigured, match="--check-triggers: none of the strategies declares triggers"):
        run(store, tmp_path / "out", "trend", check_triggers=True)
    assert not (tmp_path / "out").exists()
