"""One run of this house in a process of its own, one JSON line: `python -m bench.peers.ours ticks cross --data DIR`.

Reading the workload and making events of it is part of the figure here; the other engines' scripts leave it out of theirs.
"""

import argparse
import gc
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from bench.peers.market import TickMarket, parts
from bench.peers.rig import run_over
from bench.peers.rule import BAR_STOP, MODES, TICK_STOP, Expected, expected
from tradingd.core.types import Leg


class Meter:
    """Time and memory of this process around one call, as the other engines' runs take theirs."""

    def __call__(self, work: Callable[[], Any]) -> None:
        gc.collect()
        gc.disable()  # as a backtest does: facts and events hold no circles
        self.rss0 = _rss_now()
        used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        work()
        self.wall = time.perf_counter() - began
        now = resource.getrusage(resource.RUSAGE_SELF)
        self.user, self.sys = now.ru_utime - used.ru_utime, now.ru_stime - used.ru_stime
        gc.enable()

    def figures(self, events: int) -> dict[str, Any]:
        """events: what the run was shown of the workload."""
        cpu = self.user + self.sys
        return {
            "wall_s": round(self.wall, 4), "user_s": round(self.user, 4), "sys_s": round(self.sys, 4), "cpu_s": round(cpu, 4),
            "ev_per_cpu_s": round(events / max(cpu, 1e-9)), "ev_per_wall_s": round(events / self.wall),
            "rss0_mb": round(self.rss0), "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "py": platform.python_version(),
        }  # fmt: skip


def _rss_now() -> float:
    """MiB."""
    statm = Path("/proc/self/statm").read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def line(
    data: Path, workload: str, mode: str, *, cut: int = 0, journal: bool = False, skip: bool = False
) -> dict[str, Any]:
    """One run and its figures, with the names that the other engines' lines have. AssertionError: it made other orders than the
    rule asks for."""
    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        began = time.process_time()
        market, count = run_over(
            data, workload, mode, cut=cut, folder=Path(folder) / "run" if journal else None, skip=skip, around=meter
        )
        spent = time.process_time() - began
    figures = meter.figures(market.shown)
    asked = (
        Expected(0, market.turns) if skip and isinstance(market, TickMarket) else asked_for(data, workload, mode, cut)
    )
    assert count.orders == asked.orders, f"{count.orders} orders, the rule asks for {asked.orders}; {count.reasons}"
    return {
        "peer": "tradingd", "workload": workload, "mode": mode, "events": market.shown,
        "orders": count.orders, **figures, "decisions": asked.decisions, "protective": count.legs[Leg.PROTECT],
        "facts": count.facts, "load_cpu_s": round(spent - figures["cpu_s"], 2),
    }  # fmt: skip


def asked_for(data: Path, workload: str, mode: str, cut: int = 0) -> Expected:
    """What the rule gives over the workload with no engine."""
    if mode in {"noop", "calc"}:
        return Expected()
    if workload == "ticks":
        columns = parts(data / "ticks.npz", ("inst", "bid", "ask"), cut)
        return expected(chain.from_iterable(zip(*map(_listed, part), strict=True) for part in columns), mode, TICK_STOP)
    closes = (close for part in parts(data / "bars.npz", ("c",), cut) for close in part[0].tolist())
    return expected(((0, close, close) for close in closes), mode, BAR_STOP)


def _listed(column: Any) -> Any:
    return column.tolist()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.ours", description=__doc__)
    parser.add_argument("workload", choices=("ticks", "bars"))
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of ticks.npz and bars.npz")
    parser.add_argument("--cut", type=int, default=0, metavar="N", help="only the first N events")
    parser.add_argument("--journal", action="store_true", help="write what a backtest writes")
    parser.add_argument(
        "--skip", action="store_true", help="pass over quotes that cannot matter; orders come of bars (ticks)"
    )
    args = parser.parse_args(argv)
    found = line(args.data, args.workload, args.mode, cut=args.cut, journal=args.journal, skip=args.skip)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
