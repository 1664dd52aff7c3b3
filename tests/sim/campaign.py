"""Many worlds: spread over worker processes, counted, every fiftieth run twice to see that one seed is one world."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec

from tests.sim.plan import Plan, draw
from tests.sim.world import Result, run

BATCH = 20  # worlds a process runs before it ends and gives its memory back
TWICE = 50

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Result]).decode


class Summary(msgspec.Struct, kw_only=True):
    """What `--json` prints, and more. failures: one line each.   seeds_per_hour: all workers together."""

    seeds: int = 0
    failures: list[dict[str, Any]] = []
    kills: int = 0
    faults: dict[str, int] = {}
    seeds_per_hour: float = 0.0
    seeds_per_hour_per_core: float = 0.0
    run_twice: int = 0
    points: dict[str, int] = {}
    sometimes: dict[str, int] = {}
    met: dict[str, int] = {}
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.kills += result.kills
        for mine, theirs in (
            (self.faults, result.faults), (self.points, result.points), (self.sometimes, result.sometimes), (self.met, result.met),
        ):  # fmt: skip
            for key, n in theirs.items():
                mine[key] = mine.get(key, 0) + n
        if result.violation is not None:
            self.failures.append(
                {"seed": result.seed, "promise": result.violation.promise, "what": str(result.violation)}
            )

    def sort(self) -> None:
        for name in ("faults", "points", "sometimes", "met"):
            setattr(self, name, dict(sorted(getattr(self, name).items())))
        self.failures.sort(key=lambda failure: failure["seed"])


def batches(seeds: Iterable[int], size: int = BATCH) -> Iterator[list[int]]:
    batch: list[int] = []
    for seed in seeds:
        batch.append(seed)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def work(
    seeds: Sequence[int], out: Connection, plan_of: Callable[[int], Plan], last: Callable[[Result], bool] | None = None
) -> None:
    """In a child: run these worlds, the one that `last` says yes to as the last, send what came of them, and end without waking the
    dead."""
    results = []
    for seed in seeds:
        plan = plan_of(seed)
        result = run(plan)
        if seed % TWICE == 0:
            result = _twice(plan, result)
        if result.violation is None:
            result.story = []
        results.append(result)
        if last is not None and last(result):
            break
    out.send_bytes(_encode((results, time.process_time())))
    out.close()
    os._exit(0)


def _twice(plan: Plan, first: Result) -> Result:
    second = run(plan)
    first.met["run twice"] = 1
    if second.digest != first.digest and first.violation is None:
        from tests.sim.promises import Violation

        first.violation = Violation(
            "seed", f"two runs of one seed differ: {first.digest} and {second.digest}", plan.seconds
        )
    return first


def campaign(
    seeds: Iterable[int], *, jobs: int, plan_of: Callable[[int], Plan] = draw, on_result: Callable[[Result], bool] | None = None,
) -> Summary:  # fmt: skip
    """Run all worlds in `jobs` processes. on_result: asked of each, in the worker and here; its True ends the campaign, once the
    worlds before that one came to their end too, so that the first of them in order is always the same."""
    warm()
    context = multiprocessing.get_context("fork")
    summary, began = Summary(), time.perf_counter()
    todo, running = batches(seeds), {}  # type: ignore[var-annotated]
    until: int | None = None
    while True:
        while until is None and len(running) < jobs and (batch := next(todo, None)) is not None:
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=work, args=(batch, there, plan_of, on_result))
            child.start()
            there.close()
            running[here] = (child, batch)
        if not running:
            break
        for ready in wait(list(running)):
            child, batch = running.pop(ready)
            asked = _take(ready, batch, summary, on_result)
            if asked is not None:
                until = asked if until is None else min(asked, until)
            child.join()
        if until is not None:
            for late in [pipe for pipe, (_, batch) in running.items() if batch[0] > until]:
                running.pop(late)[0].kill()
    summary.seconds = time.perf_counter() - began
    summary.seeds_per_hour = round(summary.seeds / summary.seconds * 3600)
    summary.seeds_per_hour_per_core = round((summary.seeds + summary.run_twice) / max(summary.cpu_seconds, 1e-9) * 3600)
    summary.sort()
    return summary


def _take(ready: Any, batch: list[int], summary: Summary, on_result: Callable[[Result], bool] | None) -> int | None:
    """What a worker sent. One that died without a word failed all its seeds. The seed that ends the campaign, or None."""
    try:
        results, cpu = msgspec.msgpack.decode(ready.recv_bytes(), type=tuple[list[Result], float])
    except EOFError:
        summary.failures.append(
            {"seed": batch[0], "promise": "fault", "what": f"the worker of seeds {batch[0]}.. died"}
        )
        return None
    summary.cpu_seconds += cpu
    until = None
    for result in results:
        summary.run_twice += result.met.pop("run twice", 0)
        summary.add(result)
        if until is None and on_result is not None and on_result(result):
            until = result.seed
    return until


_warm: list[int] = []


def warm() -> None:
    """Caches of modules are filled before the first world counts, and the collector leaves all of that alone."""
    if not _warm:
        _warm.append(1)
        run(draw(0))
        gc.freeze()


def kinds(summary: Summary) -> Counter[str]:
    return Counter(failure["promise"] for failure in summary.failures)
