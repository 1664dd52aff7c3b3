"""Backtests straight from files: the same as over a store they were imported into, and nothing is left behind."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.backtest.test_recorded import MONTH, NAMES, shipped
from tests.flow.child import environment, tradingd
from tests.lab.data.rig import DAYS, NYSE, bring, store_in, text_of
from tradingd.backtest.files import Named, at_hand
from tradingd.backtest.options import Options
from tradingd.backtest.run import run_backtest
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.times import Reading
from tradingd.lab.results.result import Result
from tradingd.ports import Misconfigured
from tradingd.shell.env import RealDisk

HEAD = "date,open,high,low,close,volume"
ROWS = ["2003-02-03,10,11,9,10,100", "2003-02-04,10,11,9,10.5,100", "2003-02-05,10,11,9,10,100"]
SPAN = ("--from", MONTH["begin"], "--to", MONTH["end"], "--strategy", "breakout", "--tier", "moderate")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """days.csv: three shares in one file, shuffled columns and a spare one; ibm.csv: one without its name; actions.csv."""
    folder = tmp_path_factory.mktemp("files")
    rows = [line.split(",") for line in shipped("us_equities_daily_wiki.csv.gz").splitlines()]
    names = rows[0]
    kept = [dict(zip(names, row, strict=True)) for row in rows[1:] if "2002-07" < row[names.index("date")] < "2003-04"]
    lines = [
        ",".join(r[c] for c in ("ticker", "date", "open", "high", "low", "close", "volume")) + ",spare"
        for r in kept
        if r["ticker"] in NAMES
    ]
    text_of(folder / "days.csv", f"ticker,{HEAD},note\n" + "\n".join(lines) + "\n")
    own = [",".join(r[c] for c in HEAD.split(",")) for r in kept if r["ticker"] == "IBM"]
    text_of(folder / "ibm.csv", "\n".join([HEAD, *own]) + "\n")
    text_of(folder / "actions.csv", shipped("us_equities_actions_implied.csv"))
    return folder


def run(named: Named, out: Path, **asked: Any) -> Result:
    plain: dict[str, Any] = {**MONTH, "strategies": ("breakout", "reversion:oversold=20.0"), "tier": "moderate"}
    with at_hand(Options(out=out, **{**plain, **asked}), named, RealDisk()) as options:
        return run_backtest(options).result


def test_files_are_run_as_after_their_import(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T1, T2: the same journal and figures; what the import has to say stands first in the notes; the store is gone."""
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    data = (str(files / "days.csv"), str(files / "actions.csv"))
    straight = run(Named(data=data, kinds=(DAYS, "actions"), reading=NYSE), tmp_path / "a")
    store = store_in(tmp_path)
    bring(store, files / "days.csv", DAYS, NYSE, symbol="")
    bring(store, files / "actions.csv", "actions", NYSE, symbol="")
    stored = run(Named(data=(str(store.root),)), tmp_path / "b")
    assert straight.metrics is not None
    assert straight.metrics.fills > 10
    assert (straight.journal, straight.metrics) == (stored.journal, stored.metrics)
    said = [note for note in straight.notes if note not in stored.notes]
    assert said[0] == "days.csv: columns not used: note"
    assert all(note.startswith("actions.csv: columns not used") for note in said[1:])
    assert [note for note in straight.notes if note in stored.notes] == list(stored.notes)
    assert straight.data == ", ".join(data)
    assert list(aside.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (("IBM={}/ibm.csv",), {}),
        (("{}/ibm.csv",), {"symbols": ("IBM",)}),
        (("{}/days.csv",), {"symbols": ("IBM",)}),
    ],
)
def test_a_file_is_told_its_symbol_or_names_it(
    files: Path, tmp_path: Path, data: tuple[str, ...], asked: dict[str, Any]
) -> None:
    """T2: by SYMBOL=FILE, by the only --symbol, by a column; it is the same run."""
    named = Named(data=tuple(text.format(files) for text in data), kinds=(DAYS,), reading=NYSE)
    result = run(named, tmp_path / "out", **asked)
    assert result.metrics is not None
    plain = run(Named(data=(f"IBM={files}/ibm.csv",), kinds=(DAYS,), reading=NYSE), tmp_path / "plain")
    assert result.journal == plain.journal
    assert result.metrics.sessions == 19


def test_a_part_of_a_store_says_itself_what_it_is(files: Path, tmp_path: Path) -> None:
    """J5: Parquet of ours needs no option; days keep their dates."""
    store = store_in(tmp_path)
    bring(store, files / "ibm.csv", DAYS, NYSE, symbol="IBM")
    bring(store, files / "actions.csv", "actions", NYSE, symbol="")
    parts = [part for kind in (DAYS, "actions") for part in store.parts(kind_of(kind), "IBM")]
    straight = run(Named(data=tuple(str(part.path) for part in parts)), tmp_path / "a")
    stored = run(Named(data=(str(store.root),)), tmp_path / "b", symbols=("IBM",))
    assert straight.journal == stored.journal
    [note] = [note for note in straight.notes if note not in stored.notes]
    assert note.endswith("columns not used: ts"), "an action stands at its session"


def test_what_an_import_leaves_out_stands_in_the_notes(tmp_path: Path) -> None:
    """T2: bad lines with --skip-bad, rows out of order, one row in two files."""
    path = text_of(tmp_path / "a.csv", "\n".join([HEAD, ROWS[1], ROWS[0], "2003-02-05,x,11,9,10,1"]) + "\n")
    more = text_of(tmp_path / "b.csv", "\n".join([HEAD, ROWS[1], ROWS[2]]) + "\n")
    named = Named(data=(f"A={path}", f"A={more}"), kinds=(DAYS,), reading=NYSE, skip_bad=True, merge=True)
    notes = run(named, tmp_path / "out", begin="", end="").notes
    assert list(notes[:4]) == [
        "a.csv: bars-86400 A: 1 rows were out of order and are not any more",
        "a.csv: 1 bad lines left out",
        "  a.csv:4: open: 'x' is no number",
        "b.csv: bars-86400 A: 1 rows stood in a file before and count once",
    ]


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ({}, Misconfigured, r"--kind: say what a.csv holds: quotes, trades, actions, or bars-SPAN"),
        ({"kinds": ("ticks",)}, DataError, "--kind 'ticks' is not known"),
        ({"kinds": (DAYS, DAYS)}, Misconfigured, "--kind: say it once for all files or once for each: 2 for 1 files"),
        ({"kinds": (DAYS,)}, DataError, "say --calendar XNYS, or --calendar none"),
        ({"kinds": ("bars-60",), "reading": NYSE}, DataError, "is a date, and bars-60 are no bars of days"),
        ({"kinds": (DAYS,), "columns": {"open": "Opening"}}, DataError, "--column open=Opening: the columns are"),
        ({"data": ("A={}", "A={}"), "kinds": (DAYS,), "reading": NYSE}, None, "imported before"),
        (
            {"data": ("{}",), "kinds": (DAYS,)},
            Misconfigured,
            "write SYMBOL=.*a.csv, or name the only one with --symbol",
        ),
        ({"data": ("a b={}",), "kinds": (DAYS,)}, Misconfigured, "'a b' is no symbol"),
        (
            {"data": ("A={}", "demo")},
            Misconfigured,
            "--data 'demo': only files and tapes may be named together, and this is neither",
        ),
        ({"data": ("demo", "demo")}, Misconfigured, "--data 'demo': is run alone"),
        ({"data": ("demo",), "kinds": (DAYS,)}, Misconfigured, "--kind: says how files are read, and --data 'demo'"),
        ({"data": ("demo",), "reading": Reading(unit="ms")}, Misconfigured, "--unit: says how files are read"),
        ({"data": ("A=nowhere.csv",)}, Misconfigured, "neither demo nor the folder of a store, and no file"),
    ],
)
def test_what_was_not_said_is_asked_for(
    tmp_path: Path, named: dict[str, Any], error: type[Exception] | None, words: str
) -> None:
    """T2: nothing is guessed; the option is named, and nothing was made."""
    path = text_of(tmp_path / "a.csv", "\n".join([HEAD, *ROWS]) + "\n")
    asked = Named(**{"data": ("A={}",), **named})
    asked = msgspec.structs.replace(asked, data=tuple(text.format(path) for text in asked.data))
    if error is None:
        notes = run(asked, tmp_path / "out", begin="", end="").notes
        assert notes[0] == "a.csv: bars-86400 A: this very file was named twice and counts once"
        return
    with pytest.raises(error, match=words):
        run(asked, tmp_path / "out", begin="", end="")
    assert not (tmp_path / "out").exists()


def test_a_wrong_option_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """T2: hours of reading are not lost to a typo."""
    path = text_of(tmp_path / "a.csv", "no market data\n")
    with pytest.raises(Misconfigured, match="--tier 'bold'"):
        run(Named(data=(f"A={path}",), kinds=(DAYS,), reading=NYSE), tmp_path / "out", tier="bold")


def test_the_command_takes_files_and_leaves_nothing(files: Path, tmp_path: Path) -> None:
    """T2: several --data, a --kind for each."""
    aside = tmp_path / "aside"
    aside.mkdir()
    ran = tradingd(
        "backtest", "--data", f"IBM={files}/ibm.csv", "--kind", DAYS, "--data", str(files / "actions.csv"), "--kind", "actions",
        "--calendar", "XNYS", *SPAN, "--out", "out", "--json", cwd=tmp_path, TMPDIR=str(aside),
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert msgspec.json.decode(ran.stdout)["result"]["metrics"]["sessions"] == 19
    assert list(aside.iterdir()) == []


def test_term_while_files_are_read_leaves_nothing(tmp_path: Path) -> None:
    """T2, P5: an end from outside takes the temporary store with it."""
    aside, pipe = tmp_path / "aside", tmp_path / "pipe.csv"
    aside.mkdir()
    rows = "\n".join(f"{1_204_329_600 + i},1.0,1.1" for i in range(400_000))
    text_of(pipe, f"ts,bid,ask\n{rows}\n")
    asked = ("--data", f"A={pipe}", "--kind", "quotes", "--unit", "s", "--strategy", "trend")
    process = subprocess.Popen(
        [sys.executable, "-m", "tradingd", "backtest", *asked],
        cwd=tmp_path, env=environment(TMPDIR=str(aside)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not list(aside.glob("tradingd-data-*/.incoming/*")):
        assert process.poll() is None
        select.select([], [], [], 0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(aside.iterdir()) == []


@pytest.mark.slow
def test_a_sweep_makes_the_store_once_and_goes_on_where_it_was(files: Path, tmp_path: Path) -> None:
    """T4: from files, the trials of a second run are known, and they are those of an imported store."""
    grid = ("--grid", "strategies.breakout.settings.atr=10,14", "--jobs", "1", "--json", "--keep", "none")
    straight = ("--data", f"IBM={files}/ibm.csv", "--kind", DAYS, "--calendar", "XNYS")
    first = tradingd("sweep", *straight, *SPAN, *grid, "--out", "out", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert msgspec.json.decode(first.stdout)["ran"] == 2
    assert (
        msgspec.json.decode(tradingd("sweep", *straight, *SPAN, *grid, "--out", "out", cwd=tmp_path).stdout)["ran"] == 0
    )
    made = tradingd(
        "data", "import", str(files / "ibm.csv"), "--symbol", "IBM", "--store", "s", *straight[2:], cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    again = tradingd("sweep", "--data", "s", *SPAN, *grid, "--out", "out", cwd=tmp_path)
    assert msgspec.json.decode(again.stdout)["ran"] == 0
    walked = tradingd(
        "walkforward", *straight, *SPAN, *grid, "--train", "10d", "--test", "5d", "--out", "w", cwd=tmp_path
    )
    assert (walked.returncode, walked.stderr) == (0, "")
    assert msgspec.json.decode(walked.stdout)["state"] == "complete"
