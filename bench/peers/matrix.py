"""What is run, and running it: this house and the other engines by turns, each run in a fresh process that prints one JSON line.

The other engines run by their own scripts, unchanged, in virtual environments that somebody made; a run whose environment or script
is not there is left out and says so.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

OURS = "tradingd"
JOURNAL = "tradingd, journal"
LEAP = "tradingd, skipping"
RUST = "nautilus, Rust engine"
CYTHON = "nautilus, documented engine"
BASANA = "basana"
HFT = "hftbacktest"
BACKTESTING = "backtesting.py"
BACKTRADER = "backtrader"
REFERENCE = "no engine"
FIRST = 25_000  # of the ticks, where an engine's cost grows with its orders
LIMIT_S = 1_800
OUR_PATHS = (
    "PYTHONPATH",
    "PYTHONSAFEPATH",
)  # where this house's packages are, the compiled ones too; nothing to another engine


class Job(msgspec.Struct, frozen=True):
    """One run. engine: how the table names it.   venv: whose Python, "" ours.   script: of the other engines.   words: what
    follows.   cut: only the first events, 0 all.   most: not more rounds than that (a long run, a steady figure)."""

    engine: str
    workload: str
    mode: str
    venv: str = ""
    script: str = ""
    words: tuple[str, ...] = ()
    cut: int = 0
    most: int = 99

    @property
    def name(self) -> str:
        return " ".join(
            (self.engine, self.workload, self.mode, *self.words, *((f"first {self.cut}",) if self.cut else ()))
        )


def _ours(
    engine: str, workload: str, modes: str, *, words: tuple[str, ...] = (), cut: int = 0, most: int = 99
) -> Iterator[Job]:
    for mode in modes.split():
        yield Job(engine, workload, mode, words=words, cut=cut, most=most)


def _theirs(
    engine: str, workload: str, modes: str, *, words: tuple[str, ...] = (), cut: int = 0, most: int = 99
) -> Iterator[Job]:  # fmt: skip
    venv, script = {
        RUST: ("nautilus", "nautilus_pyo3"), CYTHON: ("nautilus", "nautilus"), BASANA: ("basana", "basana"),
        HFT: ("hft", "hftbacktest"), BACKTESTING: ("backtesting", "backtesting"), BACKTRADER: ("backtrader", "backtrader"),
        REFERENCE: ("backtrader", "reference"),
    }[engine]  # fmt: skip
    for mode in modes.split():
        yield Job(engine, workload, mode, venv, f"bench_{script}.py", words, cut, most)


JOBS: tuple[Job, ...] = (
    *_ours(OURS, "ticks", "noop calc sparse cross"),
    *_theirs(RUST, "ticks", "noop calc sparse"),
    *_ours(OURS, "ticks", "cross", cut=FIRST),
    *_theirs(RUST, "ticks", "cross", cut=FIRST),
    *_ours(LEAP, "ticks", "sparse", words=("--skip",)),
    *_theirs(HFT, "ticks", "sparse cross", words=("roi",)),
    *_ours(OURS, "bars", "noop sparse cross"),
    *_theirs(BACKTESTING, "bars", "sparse cross"),
    *_theirs(BACKTRADER, "bars", "sparse cross", most=3),
    *_theirs(BASANA, "bars", "sparse cross", most=3),
    *_theirs(BASANA, "ticks", "noop calc sparse cross", most=3),
    *_theirs(CYTHON, "ticks", "noop sparse", most=3),
    *_theirs(REFERENCE, "ticks", "cross sparse"),
    *_theirs(REFERENCE, "bars", "cross sparse"),
    *_ours(JOURNAL, "ticks", "sparse cross", words=("--journal",), most=3),
    *_ours(JOURNAL, "bars", "cross", words=("--journal",), most=3),
)


class Runner:
    """Runs jobs. data: the folder of the workload.   peers, scripts: of the other engines' environments and scripts, None without.
    missing: why jobs were left out."""

    def __init__(self, data: Path, peers: Path | None, scripts: Path | None, *, cut: int = 0) -> None:
        self.data = data
        self.peers = peers
        self.scripts = scripts
        self.cut = cut
        self.missing: dict[str, str] = {}

    def rounds(self, jobs: Sequence[Job], repeats: int) -> Iterator[dict[str, Any]]:
        """A line a run, one whole round after another. Of another engine, a run that fails is left out; RuntimeError for ours."""
        for n in range(repeats):
            for job in jobs:
                if n < job.most and (line := self._tried(job)) is not None:
                    yield line | {"round": n, "load1": round(os.getloadavg()[0], 2)}

    def _tried(self, job: Job) -> dict[str, Any] | None:
        try:
            return self.once(job)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            if not job.venv:
                raise
            self.missing[job.name] = str(error)
            return None

    def once(self, job: Job) -> dict[str, Any] | None:
        """The line of one run, None when it cannot be run here. RuntimeError: it ran and failed, or ran more than was asked for."""
        cut = min(job.cut or self.cut, self.cut or job.cut)
        command = self._command(job, cut)
        if command is None:
            return None
        inherited = {name: word for name, word in os.environ.items() if not job.venv or name not in OUR_PATHS}
        env = {**inherited, "BENCH_DATA": str(self.data), "BENCH_CUT": str(cut), "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        line = next((each for each in reversed(done.stdout.splitlines()) if each.startswith("{")), None)
        if line is None:
            raise RuntimeError(f"{job.name}: {(done.stderr or done.stdout)[-600:]}")
        found: dict[str, Any] = json.loads(line)
        if cut and found.get("events", 0) > cut:
            raise RuntimeError(f"{job.name}: it ran {found['events']:,} events, not the first {cut:,}")
        return {**found, "engine": job.engine, "words": list(job.words), "cut": cut, "first": job.cut}

    def _command(self, job: Job, cut: int) -> list[str] | None:
        if not job.venv:
            tail = ["--cut", str(cut)] if cut else []
            module = [sys.executable, "-m", "bench.peers.ours"]
            return [*module, job.workload, job.mode, "--data", str(self.data), *job.words, *tail]
        if self.peers is None or self.scripts is None:
            self.missing[job.engine] = "not asked for (--peers, --scripts)"
            return None
        python, script = self.peers / job.venv / "bin" / "python", self.scripts / job.script
        for needed in (python, script):
            if not needed.exists():
                self.missing[job.engine] = f"there is no {needed}"
                return None
        return [str(python), str(script), job.workload, job.mode, *job.words]
