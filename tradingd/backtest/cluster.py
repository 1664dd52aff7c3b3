"""The same trials on a Dask cluster. Source: T4, P5.

The scheduler gives the trials of a worker that died to others, up to its own `allowed-failures` (3); a trial counts once, when its
outcome has arrived here, however often it ran. Each runs in a process of its own beside the worker, so that a worker keeps
answering and a trial finds no traces of another. Workers need the same code and the same data; a trial that finds others says so
and fails.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from tradingd.backtest.options import DEMO
from tradingd.backtest.trial import Job, data_identity, run_trial
from tradingd.lab.sweep.faults import SweepFault
from tradingd.lab.sweep.outcome import Outcome
from tradingd.ports import Misconfigured
from tradingd.shell.env import RealDisk

MISSING = "--engine dask needs the optional extra: pip install 'tradingd[dask]'"
OTHER = "this worker has other data than the sweep"
CODE = "from tradingd.backtest.cluster import main; main()"


class Cluster:
    """address: of the scheduler.   done: told each outcome, in the order they end. Raises Misconfigured without the extra,
    SweepFault when the scheduler cannot be reached."""

    def __init__(self, address: str, done: Callable[[Job, Outcome], None]) -> None:
        self._dask = dask()
        self._done = done
        self._ended: SimpleQueue[Any] = SimpleQueue()
        try:
            self._client = self._dask.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SweepFault(f"--scheduler {address}: cannot be reached: {error}") from None

    def stop(self) -> None:
        """End `run` now; trials under way are dropped. From a signal handler."""
        self._ended.put(None)

    def run(self, jobs: Iterable[Job]) -> bool:
        """All of them (True), or until `stop`. Raises what `done` raises, and SweepFault when the scheduler is gone."""
        given = {job.key: job for job in jobs}
        futures = []
        try:
            for job in given.values():
                future = self._client.submit(
                    run_elsewhere, encode(job), key=f"tradingd-{job.key}", pure=False, retries=2
                )
                future.add_done_callback(self._ended.put)
                futures.append(future)
            for _ in futures:
                future = self._ended.get()
                if future is None:
                    return False
                job = given[future.key.removeprefix("tradingd-")]
                self._done(job, self._outcome(job, future))
            return True
        finally:
            self._client.cancel(futures)
            self._client.close()

    def _outcome(self, job: Job, future: Any) -> Outcome:
        if future.cancelled():
            raise SweepFault("--scheduler: the connection was lost; run the sweep again to go on")
        error = future.exception()
        if error is None:
            return msgspec.json.decode(future.result(), type=Outcome)
        died = isinstance(error, self._dask.KilledWorker)
        return Outcome(
            key=job.key, state="failed", why="its workers died" if died else f"{type(error).__name__}: {error}"
        )


def dask() -> Any:
    """The library. Misconfigured with the line to install it."""
    try:
        return import_module("distributed")
    except ImportError:
        raise Misconfigured(MISSING) from None


def encode(job: Job) -> bytes:
    """Paths are made absolute: a worker stands elsewhere."""
    options = job.options
    options = msgspec.structs.replace(
        options, data=options.data if options.data == DEMO else str(Path(options.data).absolute()),
        config=None if options.config is None else options.config.absolute(),
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(job, options=options), enc_hook=str)


def decode(data: bytes) -> Job:
    return msgspec.json.decode(data, type=Job, dec_hook=lambda kind, value: kind(value))


def run_elsewhere(job: bytes) -> bytes:
    """On a worker: the trial in a process of its own. CalledProcessError when that dies."""
    return subprocess.run([sys.executable, "-c", CODE], input=job, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603


def main() -> None:
    """That process: a job on stdin, its outcome on stdout."""
    job = decode(sys.stdin.buffer.read())
    with TemporaryDirectory(prefix="tradingd-") as folder:
        sys.stdout.buffer.write(msgspec.json.encode(_here(job, Path(folder))))


def _here(job: Job, folder: Path) -> Outcome:
    try:
        if data_identity(job.options, RealDisk()) != job.data:
            return Outcome(key=job.key, state="failed", why=OTHER)
    except Exception as error:  # noqa: BLE001 - data that cannot be read is said in the trial's row
        return Outcome(key=job.key, state="failed", why=f"{type(error).__name__}: {error}")
    return run_trial(
        msgspec.structs.replace(job, keep=False, options=msgspec.structs.replace(job.options, out=folder / "run"))
    )
