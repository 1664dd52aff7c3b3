"""A folder of trials: what is missing is run, what is over stands in its ledger, whatever ends the sweep. Source: T4."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol, Self

import msgspec

from tradingd.backtest.options import Options
from tradingd.backtest.rules import configured
from tradingd.backtest.source import source_of
from tradingd.backtest.tell import Lines
from tradingd.backtest.trial import Job, Setting, data_identity, job_of, rules_key
from tradingd.backtest.workers import Workers
from tradingd.lab.sweep.faults import SweepFault
from tradingd.lab.sweep.ledger import Ledger
from tradingd.lab.sweep.outcome import Outcome
from tradingd.lab.sweep.space import Point
from tradingd.ports import Misconfigured
from tradingd.shell.env import RealDisk
from tradingd.shell.identity import build_hash

Keep = Literal["all", "best", "none"]
KEPT, WORK = "runs", "work"


class Pool(Protocol):
    """Runs jobs somewhere. `run`: all of them (True) or until `stop`, which a signal handler may call."""

    def run(self, jobs: Iterable[Job]) -> bool: ...

    def stop(self) -> None: ...


MakePool = Callable[[Callable[[Job, Outcome], None]], Pool]


def local(jobs: int) -> MakePool:
    """So many processes of this machine."""
    return lambda done: Workers(jobs, done)


class Asked(msgspec.Struct, frozen=True):
    """points: those that could run, numbered from 1 in the order they were asked for, with the hash of their rules.   notes: what
    was left out."""

    points: tuple[tuple[int, Point, str], ...]
    notes: tuple[str, ...]


def asked(base: Options, points: Sequence[Point], *, skip_invalid: bool) -> Asked:
    """Each configuration is judged by its own loader before anything runs. Misconfigured naming the trial, unless those are to be
    skipped; points with one configuration are one."""
    kept: dict[str, tuple[int, Point, str]] = {}
    invalid, same = [], 0
    for n, point in enumerate(points, 1):
        options = msgspec.structs.replace(base, varied=tuple(f"{key}={value}" for key, value in point))
        try:
            rules = rules_key(options)
        except Misconfigured as error:
            if not skip_invalid:
                raise Misconfigured(f"trial {n} ({words(point)}): {error}") from None
            invalid.append(f"trial {n} ({words(point)}) was left out: {error}")
            continue
        same += rules in kept
        kept.setdefault(rules, (n, point, rules))
    if not kept:
        raise Misconfigured(f"no trial can run; the first: {invalid[0]}")
    notes = [*invalid[:10], *([f"... and {len(invalid) - 10} more"] if len(invalid) > 10 else [])]
    if same:
        notes.append(f"{same} trials have the configuration of another one and are not run again")
    return Asked(tuple(kept.values()), tuple(notes))


def words(point: Point) -> str:
    return ", ".join(f"{key}={value}" for key, value in point)


class Trials:
    """Use it in a `with`. directory: of the sweep, made.   make_pool: where trials run.   keep: "all" folders of trials that end
    from now on are left under runs/. Raises SweepFault, and as `source_of` when there is no market for `base`."""

    def __init__(self, directory: Path, base: Options, make_pool: MakePool, keep: Keep) -> None:
        self.directory = directory.absolute()
        disk = RealDisk()
        config, account = configured(base)
        source = source_of(base, config, account, disk)
        self.begin, self.end, self.notes = source.begin, source.end, source.notes
        self.setting = Setting(data_identity(base, disk), build_hash())
        self.base = msgspec.structs.replace(base, begin=source.begin, end=source.end, account=account)
        self.ran = 0
        self.stopped = False
        self._keep, self._make_pool = keep, make_pool
        self._work = self.directory / WORK / str(os.getpid())
        self._ledger = Ledger(self.directory, disk)
        shutil.rmtree(self.directory / WORK, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory / WORK, ignore_errors=True)
        self._ledger.close()

    def job(self, point: Point, rules: str, begin: str = "", end: str = "") -> Job:
        """begin, end: ISO days, "" for those of the sweep."""
        base = msgspec.structs.replace(self.base, begin=begin or self.begin, end=end or self.end)
        return job_of(base, point, rules, self.setting, self._work)

    def outcome(self, job: Job) -> Outcome | None:
        return self._ledger.outcomes.get(job.key)

    def run(self, jobs: Sequence[Job], what: str) -> bool:
        """Those that are missing or had failed. False: stopped before the end. what: word for the progress line."""
        each = {job.key: job for job in jobs}
        missing = [
            self._kept(job) if self._keep == "all" else job for job in each.values() if not self._ledger.done(job.key)
        ]
        return self._run(missing, Lines(what, len(each), len(each) - len(missing)), self._over, self._make_pool)

    def show(self, jobs: Sequence[Job]) -> bool:
        """These once more, on this machine, for their folders, where those do not stand yet. SweepFault when one comes to something
        else than it did."""
        missing = [self._kept(job) for job in jobs if not (self.folder(job) / "result.json").exists()]
        return self._run(missing, Lines("kept", len(missing), 0), self._again, local(1))

    def folder(self, job: Job) -> Path:
        """Where its folder is when it was kept."""
        return self.directory / KEPT / job.key[:16]

    def _run(
        self, jobs: Sequence[Job], lines: Lines, over: Callable[[Job, Outcome], None], make_pool: MakePool
    ) -> bool:  # fmt: skip
        if not jobs or self.stopped:
            return not self.stopped

        def done(job: Job, outcome: Outcome) -> None:
            over(job, outcome)
            lines.count(failed=outcome.state == "failed")

        pool = make_pool(done)
        lines.show()
        try:
            with _signals_stop(pool):
                self.stopped = not pool.run(jobs)
        finally:
            lines.done()
        return not self.stopped

    def _over(self, job: Job, outcome: Outcome) -> None:
        if job.keep and outcome.state == "done":
            self._move(job)
        self._ledger.add(outcome)
        self.ran += 1

    def _again(self, job: Job, outcome: Outcome) -> None:
        before = self.outcome(job)
        if before is None or (outcome.state, outcome.head) != (before.state, before.head):
            raise SweepFault(
                f"trial {job.key[:16]} came to something else when it ran again: {outcome.why or outcome.head[:16]}"
            )
        self._move(job)

    def _move(self, job: Job) -> None:
        to, out = self.folder(job), job.options.out
        assert out is not None
        to.parent.mkdir(exist_ok=True)
        shutil.rmtree(to, ignore_errors=True)
        shutil.move(out, to)

    def _kept(self, job: Job) -> Job:
        return msgspec.structs.replace(job, keep=True, options=msgspec.structs.replace(job.options, page=True))


@contextmanager
def _signals_stop(pool: Pool) -> Iterator[None]:
    """Ctrl-C and TERM stop the pool; a second one ends this process where it stands."""
    seen: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        pool.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
