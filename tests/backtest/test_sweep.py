"""`tradingd sweep` and `tradingd walkforward` as their user starts them, with real workers, killed and stopped in the middle."""

from __future__ import annotations

import csv
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import environment, tradingd
from tradingd.lab.results.result import read
from tradingd.lab.sweep.outcome import Outcome
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import verify

SPAN = ("--from", "2008-01-02", "--to", "2008-01-15")
GRID = (
    "--strategy", "reversion", "--grid", "strategies.reversion.settings.oversold=10.0,20.0,30.0",
    "--grid", "strategies.reversion.settings.mean=3,5",
)  # fmt: skip


def lines(out: Path) -> list[Outcome]:
    """Whole lines of the ledger."""
    data = (out / "trials.jsonl").read_bytes() if (out / "trials.jsonl").exists() else b""
    return [msgspec.json.decode(line, type=Outcome) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def start(cwd: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A sweep in a process group of its own, as a shell would start it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tradingd", *arguments],
        cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def whole(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A sweep to its end: many runs, so with more patience than for one."""
    process = start(cwd, *arguments)
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), err.decode())


def until(found: Callable[[], int], process: subprocess.Popen[bytes]) -> int:
    """What it finds, as soon as that is not nothing."""
    while not (one := found()):
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        select.select([], [], [], 0.01)
    return one


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    """Pids of its children that are at work on trials."""
    found = []
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        try:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except OSError:  # it ended meanwhile
            pass
    return found


def at_work(out: Path, pid: int) -> bool:
    """Whether this worker has a trial's tables open."""
    try:
        return any(str(out / "work") in str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Six trials by two workers, undisturbed: its --json, and the folder."""
    here = tmp_path_factory.mktemp("sweep")
    ran = whole("sweep", *SPAN, *GRID, "--out", "out", "--jobs", "2", "--html", "page.html", "--json", cwd=here)
    assert (ran.returncode, ran.stderr) == (0, "")
    return msgspec.json.decode(ran.stdout), here / "out"


def table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_trial_is_a_row_and_the_best_is_kept(plain: tuple[dict[str, Any], Path]) -> None:
    """T4: parameters and figures; the best by the rank in sample; its folder is a whole backtest; the page at both places."""
    said, out = plain
    rows = table(out)
    assert (said["state"], said["trials"], said["done"], said["failed"], said["missing"], said["ran"]) == (
        "complete",
        6,
        6,
        0,
        0,
        6,
    )
    assert [row["strategies.reversion.settings.oversold"] for row in rows] == ["10.0"] * 2 + ["20.0"] * 2 + ["30.0"] * 2
    assert len({row["key"] for row in rows}) == 6
    best = max(rows, key=lambda row: float(row["in_sharpe"] or "-inf"))
    assert said["best"]["trial"] == int(best["trial"])
    assert best["place"] == "1"
    assert (int(best["in_sessions"]), int(best["out_sessions"])) == (7, 3)
    assert [path.name for path in (out / "runs").iterdir()] == [best["key"][:16]]
    result = read(Path(said["best"]["folder"]))
    assert result.state == "complete"
    assert result.journal.head == next(one.head for one in lines(out) if one.key == best["key"])
    assert verify(RealDisk(), f"{said['best']['folder']}/journal").ok
    assert (out / "report.html").read_bytes() == (out.parent / "page.html").read_bytes()
    assert not (out / "work").exists()


@pytest.mark.slow
def test_a_trial_is_the_backtest_with_these_keys(plain: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    """T1, T4: the same journal head as `backtest` with the same settings."""
    _, out = plain
    row = table(out)[3]
    oversold, mean = (row[f"strategies.reversion.settings.{name}"] for name in ("oversold", "mean"))
    settings = f"reversion:oversold={oversold},mean={mean}"
    ran = tradingd("backtest", *SPAN, "--strategy", settings, "--out", "one", "--json", cwd=tmp_path)
    result = msgspec.json.decode(ran.stdout)["result"]
    assert result["journal"]["head"] == next(one.head for one in lines(out) if one.key == row["key"])


@pytest.mark.slow
def test_one_worker_comes_to_the_same_and_a_second_run_runs_nothing(
    plain: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    """T4: the table is the same bytes; what is done is not done again, whatever it is ranked by."""
    _, out = plain
    ran = whole("sweep", *SPAN, *GRID, "--out", "out", "--keep", "none", cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.startswith(
        "complete: 2008-01-02 to 2008-01-15\ntrials     6: 6 done, 0 failed, 0 missing; 6 ran now\n"
    )
    assert "warning: " in ran.stderr
    assert (tmp_path / "out" / "results.csv").read_bytes() == (out / "results.csv").read_bytes()
    assert not (tmp_path / "out" / "runs").exists()
    before = (tmp_path / "out" / "trials.jsonl").read_bytes()
    ran = whole(
        "sweep",
        *SPAN,
        *GRID,
        "--out",
        "out",
        "--keep",
        "none",
        "--rank",
        "max_drawdown",
        "--oos",
        "0",
        "--json",
        cwd=tmp_path,
    )
    said = msgspec.json.decode(ran.stdout)
    assert (said["ran"], said["done"], said["split"], said["rank"]) == (0, 6, "", "max_drawdown")
    assert (tmp_path / "out" / "trials.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_killed_worker_loses_its_trial_only_and_it_is_run_again(
    plain: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    """T4, P5: SIGKILL in the middle of a trial; nothing is lost, nothing counted twice, the table is the same bytes."""
    out = tmp_path / "out"
    process = start(tmp_path, "sweep", *SPAN, *GRID, "--out", "out", "--jobs", "2", "--keep", "none", "--json")
    try:
        os.kill(until(lambda: next((pid for pid in workers(process) if at_work(out, pid)), 0), process), signal.SIGKILL)
        said, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    told = msgspec.json.decode(said)
    assert (told["done"], told["failed"], told["missing"], told["ran"]) == (6, 0, 0, 6)
    assert sorted(one.attempts for one in lines(out)) == [1, 1, 1, 1, 1, 2]
    assert len({one.key for one in lines(out)}) == 6
    assert (out / "results.csv").read_bytes() == (plain[1] / "results.csv").read_bytes()


@pytest.mark.slow
def test_a_trial_whose_workers_always_die_is_given_up(tmp_path: Path) -> None:
    """T4: after three of them, said in its row; the sweep ends with 7, and the next one tries it again."""
    out = tmp_path / "out"
    arguments = (
        "sweep",
        "--from",
        "2000-03-01",
        "--to",
        "2013-03-01",
        "--grid",
        "risk.max_open_positions=3",
        "--out",
        "out",
        "--json",
    )
    process = start(tmp_path, *arguments)
    killed: set[int] = set()
    try:
        for _ in range(3):
            pid = until(
                lambda: next((pid for pid in workers(process) if pid not in killed and at_work(out, pid)), 0), process
            )
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        said, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, err) == (7, b"")
    told = msgspec.json.decode(said)
    assert (told["state"], told["done"], told["failed"], told["missing"], told["best"]) == ("complete", 0, 1, 0, None)
    (one,) = lines(out)
    assert (one.state, one.why, one.attempts) == ("failed", "its worker died 3 times", 3)
    (row,) = table(out)
    assert (row["state"], row["why"]) == ("failed", "its worker died 3 times")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_was_ended_goes_on_where_it_was(
    plain: tuple[dict[str, Any], Path], tmp_path: Path, number: signal.Signals
) -> None:
    """T4: Ctrl-C to all of the group as a terminal sends it, or a sudden death and a torn line: only what is missing runs, and the
    table is that of one run."""
    out = tmp_path / "out"
    process = start(tmp_path, "sweep", *SPAN, *GRID, "--out", "out", "--jobs", "2", "--keep", "none", "--json")
    try:
        until(lambda: len(lines(out)), process)
        at_it = workers(process)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.kill()
        said, err = process.communicate(timeout=300)
    finally:
        process.kill()
    had = len(lines(out))
    assert 1 <= had < 6
    if number == signal.SIGINT:
        assert (process.returncode, err.decode()) == (7, "")
        told = msgspec.json.decode(said)
        assert (told["state"], told["done"], told["missing"]) == ("partial", had, 6 - had)
        assert len(table(out)) == had
        assert not any(Path(f"/proc/{pid}").exists() for pid in at_it)
    else:
        with (out / "trials.jsonl").open("ab") as file:
            file.write(b'{"key":"half a li')
    ran = whole("sweep", *SPAN, *GRID, "--out", "out", "--keep", "none", "--json", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert msgspec.json.decode(ran.stdout)["ran"] == 6 - had
    assert Counter(one.key for one in lines(out)).most_common(1)[0][1] == 1
    assert len(lines(out)) == 6
    assert (out / "results.csv").read_bytes() == (plain[1] / "results.csv").read_bytes()


@pytest.mark.slow
def test_a_walk_chooses_on_one_window_and_trades_the_next(tmp_path: Path) -> None:
    """T4: the winner of each training is tested right after it; the tests make one equity; run again, nothing runs."""
    arguments = (
        "walkforward", "--from", "2008-01-02", "--to", "2008-02-05", "--train", "2w", "--test", "1w", "--strategy", "reversion",
        "--grid", "strategies.reversion.settings.oversold=10.0,30.0", "--out", "out", "--jobs", "2", "--keep", "best", "--json",
    )  # fmt: skip
    ran = whole(*arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    said, out = msgspec.json.decode(ran.stdout), tmp_path / "out"
    assert (said["state"], said["trials"], said["ran"], said["missing"]) == ("complete", 6, 9, 0)
    assert [step["window"]["test_from"] for step in said["steps"]] == ["2008-01-16", "2008-01-23", "2008-01-30"]
    assert said["notes"] == []
    with (out / "equity.csv").open(newline="") as file:
        equity = list(csv.DictReader(file))
    assert [row["date"] for row in equity] == sorted({row["date"] for row in equity})
    assert (equity[0]["date"], equity[-1]["date"], len(equity)) == (
        "2008-01-16",
        "2008-02-05",
        said["stitched"]["sessions"],
    )
    growth = 1.0
    for step in said["steps"]:
        growth *= 1 + step["tested"]["total_return"]
    assert growth == pytest.approx(float(equity[-1]["growth"]), rel=1e-12)
    assert said["stitched"]["total_return"] == pytest.approx(growth - 1, rel=1e-9, abs=1e-12)
    assert len(list((out / "runs").iterdir())) == 3
    tables = [(out / name).read_bytes() for name in ("windows.csv", "equity.csv", "report.html")]
    again = whole(*arguments, cwd=tmp_path)
    assert msgspec.json.decode(again.stdout) == {**said, "ran": 0}
    assert [(out / name).read_bytes() for name in ("windows.csv", "equity.csv", "report.html")] == tables
