"""A sweep on a real Dask cluster of this machine: a scheduler and two workers, one of them killed in the middle."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.backtest.test_sweep import GRID, SPAN, lines, start, until, whole
from tests.flow.child import environment, tradingd


def at_trials(worker: int) -> list[int]:
    """Pids of the trials this worker runs; its threads start them."""
    each = [
        pid for thread in Path(f"/proc/{worker}/task").iterdir() for pid in (thread / "children").read_text().split()
    ]
    return [int(pid) for pid in each if b"tradingd.backtest.cluster" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """The scheduler's address, and its workers' pids."""
    told = tmp_path / "scheduler.json"
    processes = [
        _dask(
            tmp_path,
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--scheduler-file",
            str(told),
        )
    ]
    try:
        while not told.exists() or not told.read_bytes().endswith(b"}"):
            assert processes[0].poll() is None, "the scheduler ended"
            select.select([], [], [], 0.02)
        address = msgspec.json.decode(told.read_bytes())["address"]
        worker = (
            "distributed.cli.dask_worker",
            address,
            "--no-nanny",
            "--nthreads",
            "1",
            "--local-directory",
            str(tmp_path),
        )
        processes += [_dask(tmp_path, *worker) for _ in range(2)]
        yield address, [process.pid for process in processes[1:]]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _dask(cwd: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments, "--no-dashboard"], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(cluster: tuple[str, list[int]], tmp_path: Path) -> None:
    """T4, P5: the dead one's trials run elsewhere; none is lost, none counted twice; the table is that of local processes."""
    address, workers = cluster
    out = tmp_path / "out"
    process = start(
        tmp_path, "sweep", *SPAN, *GRID, "--out", "out", "--engine", "dask", "--scheduler", address, "--json"
    )
    try:
        os.kill(until(lambda: next((pid for pid in workers if at_trials(pid)), 0), process), signal.SIGKILL)
        said, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    told: Any = msgspec.json.decode(said)
    assert (told["done"], told["failed"], told["missing"], told["ran"]) == (6, 0, 0, 6)
    assert len({one.key for one in lines(out)}) == len(lines(out)) == 6
    assert Path(told["best"]["folder"], "report.html").exists()
    ran = whole("sweep", *SPAN, *GRID, "--out", "plain", "--keep", "none", "--jobs", "2", cwd=tmp_path)
    assert ran.returncode == 0
    assert (out / "results.csv").read_bytes() == (tmp_path / "plain" / "results.csv").read_bytes()


@pytest.mark.slow
def test_no_scheduler_is_said(tmp_path: Path) -> None:
    """T4: with its address, and nothing is lost by it."""
    ran = tradingd(
        "sweep", *SPAN, *GRID, "--out", "out", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", cwd=tmp_path,
        DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s",
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "--scheduler tcp://127.0.0.1:9: cannot be reached" in ran.stderr
