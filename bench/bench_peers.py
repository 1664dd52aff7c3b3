"""This house beside other engines, on the workload and by the rule they all run: `python -m bench peers --help`.

Fresh processes, one round after another, CPU time, medians. Without `--peers` and `--scripts` only this house runs. No engine of
another project is needed for anything else.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import walks
from bench.peers.matrix import JOBS, Runner
from bench.peers.table import GROWTH, IN_PROCESS, STEP, WIRE_50, WIRE_99, figures, page
from tradingd.shell.identity import is_compiled

Row = tuple[str, float, str]
GROWN = 1_000_000


def run(cut: int = 100_000) -> list[Row]:
    """This house alone, once, on the first quotes: what `bench all` shows of it."""
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        walks.make(Path(folder))
        runner = Runner(Path(folder), None, None, cut=cut)
        lines = list(runner.rounds([job for job in JOBS if not job.venv and not job.cut], 1))
    return [
        (f"{engine}: {workload} {mode}, {figure.orders} orders", figure.rate, "events/s")
        for (engine, workload, mode, _), figure in figures(lines).items()
    ]


def main(argv: Sequence[str]) -> int:
    """The whole comparison, as the arguments say. 2: something asked for is not there."""
    args = _arguments(argv)
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as made:
        data = args.data or Path(made)
        if args.data is None:
            digest = walks.make(data)
            assert digest == walks.DIGEST, f"the workload made here is {digest}, not {walks.DIGEST}"
        elif missing := [name for name in ("ticks.npz", "bars.npz") if not (data / name).is_file()]:
            print(f"--data {data}: there is no {missing[0]} in it", file=sys.stderr)
            return 2
        runner = Runner(data.absolute(), args.peers, args.scripts, cut=args.cut)
        lines: list[dict[str, Any]] = []
        for line in runner.rounds([job for job in JOBS if args.only in job.name], args.repeats):
            lines.append(line)
            _tell(line)
            _keep(args.json, lines, {})
        seen = _seen(args)
    for engine, why in runner.missing.items():
        print(f"{engine}: not run, {why}")
    compiled = is_compiled()
    print(f"\n{'compiled' if compiled else 'pure Python'} build\n\n{page(lines, seen, compiled=compiled)}")
    _keep(args.json, lines, seen)
    return 0


def _keep(file: Path | None, lines: list[dict[str, Any]], seen: dict[str, float]) -> None:
    """After each run: a comparison that is stopped keeps what it has."""
    if file is not None:
        file.write_text(json.dumps({"compiled": is_compiled(), "lines": lines, "seen": seen}, indent=1))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="python -m bench peers", description=__doc__)
    p.add_argument(
        "--data", type=Path, metavar="DIR", help="ticks.npz and bars.npz; by default they are made, and are the same"
    )
    p.add_argument("--peers", type=Path, metavar="DIR", help="virtual environments of the other engines, a folder each")
    p.add_argument("--scripts", type=Path, metavar="DIR", help="the other engines' scripts, bench_NAME.py")
    p.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds")
    p.add_argument("--only", default="", metavar="WORD", help="only runs whose name has the word")
    p.add_argument("--cut", type=int, default=0, metavar="N", help="only the first N events of the workload")
    p.add_argument(
        "--growth", type=int, default=GROWN, metavar="N", help="orders of the run that shows growth, 0 leaves it out"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="keep every run there")
    return p.parse_args(argv)


def _tell(line: dict[str, Any]) -> None:
    what = f"{line['engine']}, {line['workload']} {line['mode']}{' '.join(['', *line['words']])}"
    print(
        f"round {line['round'] + 1}: {what}: {line['ev_per_cpu_s']:,} events a CPU second, {line['orders']:,} orders",
        flush=True,
    )


def _seen(args: argparse.Namespace) -> dict[str, float]:
    """What is measured apart from the workload, each in a process of its own."""
    found: dict[str, float] = {}
    sources: tuple[tuple[str, Callable[[], dict[str, float]]], ...] = (
        (STEP, _step),
        (f"{WIRE_50} {IN_PROCESS}", _wire),
        (GROWTH, lambda: _growth(args.growth)),
    )
    for name, source in sources:
        if args.only in name:
            found |= source()
    return found


def _step() -> dict[str, float]:
    return {STEP: _child("bench", "step", "--json")["step"][0][1]}


def _wire() -> dict[str, float]:
    rows = {name: value for name, value, _ in _child("bench", "wire", "--json")["wire"]}
    return {name: rows[name] for name in (IN_PROCESS, WIRE_50, WIRE_99)}


def _growth(orders: int) -> dict[str, float]:
    if not orders:
        return {}
    grown = _child("bench.peers.growth", "--orders", str(orders))
    print(
        f"growth: an order {grown['early_us']:.0f} us early, {grown['late_us']:.0f} us at the {orders:,}th", flush=True
    )
    return {GROWTH: grown["ratio"]}


def _child(*words: str) -> Any:
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-600:]}")
    return json.loads(done.stdout)
