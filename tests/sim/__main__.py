"""`./run sim`: campaigns of worlds, one world told, a failing world made smaller, planted bugs hunted.

./run sim --seeds 300 --from 1          run worlds 1 to 300 on all cores; exit 1 when a promise was broken
./run sim --seed 17 --trace             the story of one world
./run sim --seed 17 --shrink FILE       make a failing world smaller and write its plan down
./run sim --plan FILE --trace           run a plan that was written down
./run sim --plans DIR                   run every plan in a directory
./run sim --mutants                     plant each known bug and count the seeds until it is found
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tests.sim.world import Result


def main(argv: list[str]) -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings have an order of their own otherwise
        os.execve(sys.executable, [sys.executable, "-m", "tests.sim", *argv], {**os.environ, "PYTHONHASHSEED": "0"})
    args = _parser().parse_args(argv)
    if args.mutants is not None:
        from tests.sim.mutants import hunt_all

        return hunt_all(args.mutants, budget=args.budget, jobs=args.jobs, as_json=args.json)
    if args.seed is not None or args.plan is not None:
        return _one(args)
    if args.plans is not None:
        return _written(args)
    return _many(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run sim", description="Deterministic simulation of the whole daemon.")
    parser.add_argument("--seeds", type=int, default=300, help="how many worlds")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument(
        "--until-failure",
        nargs="?",
        const="",
        metavar="PROMISES",
        help="end with the first failure, of these (I1,I3) or any",
    )
    parser.add_argument("--seed", type=int, help="run this one world")
    parser.add_argument("--plan", type=Path, help="run the world of this file")
    parser.add_argument("--plans", type=Path, help="run the worlds of all files *.json in this directory")
    parser.add_argument("--trace", action="store_true", help="tell all of it")
    parser.add_argument("--shrink", type=Path, help="make the failing world smaller and write its plan here")
    parser.add_argument("--mutants", nargs="*", help="hunt planted bugs, all or those named")
    parser.add_argument("--budget", type=int, default=300, help="seeds a planted bug may take")
    return parser


def _many(args: argparse.Namespace) -> int:
    from tests.sim.campaign import campaign
    from tests.sim.tell import summary_text

    wanted = [name for name in (args.until_failure or "").split(",") if name]

    def is_last(result: Result) -> bool:
        found = result.violation
        return found is not None and (not wanted or found.promise in wanted)

    summary = campaign(
        range(args.first, args.first + args.seeds),
        jobs=args.jobs,
        on_result=None if args.until_failure is None else is_last,
    )
    print(msgspec.json.encode(summary).decode() if args.json else summary_text(summary))
    _leave(1 if summary.failures else 0)
    return 0


def _written(args: argparse.Namespace) -> int:
    """The plans of a directory, in the order of their names. The first of them runs twice."""
    from tests.sim.campaign import campaign
    from tests.sim.plan import Plan
    from tests.sim.tell import summary_text

    plans = [msgspec.json.decode(path.read_bytes(), type=Plan) for path in sorted(args.plans.glob("*.json"))]
    if not plans:
        print(f"there is no plan in {args.plans}", file=sys.stderr)
        return 2
    summary = campaign(range(len(plans)), jobs=args.jobs, plan_of=plans.__getitem__)
    print(msgspec.json.encode(summary).decode() if args.json else summary_text(summary))
    _leave(1 if summary.failures else 0)
    return 0


def _one(args: argparse.Namespace) -> int:
    from tests.sim.campaign import warm
    from tests.sim.plan import Plan, draw
    from tests.sim.shrink import shrink
    from tests.sim.tell import plan_text
    from tests.sim.world import run

    warm()
    plan = msgspec.json.decode(args.plan.read_bytes(), type=Plan) if args.plan is not None else draw(args.seed)
    result = run(plan, keep=args.trace)
    if args.json:
        print(msgspec.json.encode(result).decode())
    else:
        print(plan_text(plan))
        print("\n".join(result.story if args.trace or result.violation else []))
        print(
            f"digest {result.digest}, {result.steps} steps, {result.kills} kills: {result.violation or 'every promise held'}"
        )
    if args.shrink is not None and result.violation is not None:
        promise = result.violation.promise

        def fails(smaller: Plan) -> bool:
            found = run(smaller).violation
            return found is not None and found.promise == promise

        small = shrink(plan, fails)
        args.shrink.write_bytes(msgspec.json.format(msgspec.json.encode(small), indent=1) + b"\n")
        print(f"{len(plan.faults)} faults became {len(small.faults)}: {args.shrink}")
    _leave(1 if result.violation is not None else 0)
    return 0


def _leave(code: int) -> None:
    """End without waking the dead."""
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
