"""Processes that run trials, each one at a time. One that dies loses its trial only, and that is run again. Source: T4, P5.

A trial counts when its whole outcome has arrived here, and is handed on once. Workers are started afresh (spawn), so that nothing
of this process is in them; Ctrl-C does not reach them, they end with their pipe. The standard library's pool of
processes would not do: it gives up as a whole when one of them dies.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import msgspec

from tradingd.backtest.trial import Cut, Job, run_trial
from tradingd.lab.sweep.outcome import Outcome

ATTEMPTS = 3
LOST = f"its worker died {ATTEMPTS} times"


def serve(pipe: Connection) -> None:
    """A worker's life: a job in, an outcome out, until the pipe ends. Ctrl-C is the parent's: SIGINT was blocked when we began."""
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(run_trial(job))
        except (Cut, MemoryError, OSError):
            return


class Worker:
    """job: what it is at, None when it waits."""

    def __init__(self) -> None:
        self.pipe, theirs = _context.Pipe()
        self.job: Job | None = None
        self.process: SpawnProcess = _context.Process(target=serve, args=(theirs,), daemon=True)
        resource_tracker.ensure_running()  # its start would unblock what is blocked here
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def give(self, job: Job) -> None:
        self.job = job
        self.pipe.send(job)

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()
        self.process.close()


_context = get_context("spawn")


class Workers:
    """n: processes at once, >= 1.   done: told each outcome, in the order they end."""

    def __init__(self, n: int, done: Callable[[Job, Outcome], None]) -> None:
        self._n = n
        self._done = done
        self._queue: deque[Job] = deque()
        self._tries: dict[str, int] = {}
        self._workers: list[Worker] = []
        self._wake, self._waker = _context.Pipe(duplex=False)
        self._stopped = False

    def stop(self) -> None:
        """End `run` now; trials under way are dropped. From a signal handler."""
        self._stopped = True
        self._waker.send_bytes(b"x")

    def run(self, jobs: Iterable[Job]) -> bool:
        """All of them (True), or until `stop`. Raises what `done` raises; no worker is left either way."""
        self._queue.extend(jobs)
        try:
            while not self._stopped and (self._queue or self._busy()):
                self._hand_out()
                for ready in wait([self._wake, *(worker.pipe for worker in self._busy())]):
                    worker = next((one for one in self._workers if one.pipe is ready), None)
                    if worker is not None and not self._stopped:
                        self._take(worker)
            return not self._stopped
        finally:
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def _hand_out(self) -> None:
        free = [worker for worker in self._workers if worker.job is None]
        while self._queue and (free or len(self._workers) < self._n):
            if not free:
                self._workers.append(Worker())
                free.append(self._workers[-1])
            worker, job = free.pop(), self._queue.popleft()
            self._tries[job.key] = self._tries.get(job.key, 0) + 1
            try:
                worker.give(job)
            except OSError:  # it died while it waited
                self._lost(worker)

    def _take(self, worker: Worker) -> None:
        try:
            outcome = worker.pipe.recv()
        except (EOFError, OSError):
            self._lost(worker)
            return
        job, worker.job = worker.job, None
        assert job is not None
        self._done(job, msgspec.structs.replace(outcome, attempts=self._tries[job.key]))

    def _lost(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.end()
        job = worker.job
        assert job is not None
        if self._tries[job.key] < ATTEMPTS:
            self._queue.append(job)
        else:
            self._done(job, Outcome(key=job.key, state="failed", why=LOST, attempts=self._tries[job.key]))
