"""The hunt: copy the tree, plant one bug, run worlds in a child until a promise that it breaks is broken.

Only the promises in `Mutant.by` count as found: a fault that the product has by itself must not pass for the mutant's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.sim.mutants.table import MUTANTS, Mutant

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PARTS = ("tradingd", "adapters", "strategies", "tests")
NEVER = shutil.ignore_patterns("node_modules", ".git", "*.egg-info", "mutants")


class PatchFailed(Exception):
    """The product has moved on and the patch must be written anew."""


class Found(msgspec.Struct, kw_only=True):
    """seeds: how many worlds it took, None when none of the budget broke one of the promises.   how: the promise that was broken.
    text: what the oracle said."""

    mutant: str
    promise: str
    seeds: int | None
    how: str = ""
    text: str = ""


class _Failure(msgspec.Struct):
    seed: int
    promise: str
    what: str


class _Summary(msgspec.Struct):
    seeds: int
    failures: list[_Failure]


def patch_of(mutant: Mutant) -> Path:
    return HERE / f"{mutant.name}.patch"


def touched(patch: Path) -> list[str]:
    """Files that a patch changes, as paths from the root."""
    return [line[6:].strip() for line in patch.read_text().splitlines() if line.startswith("+++ b/")]


def apply(patch: Path, tree: Path) -> None:
    """Plant it. PatchFailed when it does not fit any more, be it in one place of many."""
    command = ["patch", "-p1", "--forward", "--fuzz=0", "--batch", "--no-backup-if-mismatch", "-i", str(patch)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PatchFailed(f"{patch.name} does not apply: {done.stdout.strip()} {done.stderr.strip()}")


def plant(mutant: Mutant, tree: Path) -> None:
    """A copy of the tree in `tree`, with the bug in it."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tree / part, ignore=NEVER)
    apply(patch_of(mutant), tree)


def run_worlds(tree: Path, by: Iterable[str], *, budget: int, jobs: int) -> _Summary:
    """Worlds 1..budget of that tree, until one of these promises is broken."""
    command = [
        sys.executable, "-m", "tests.sim", "--seeds", str(budget), "--from", "1", "--jobs", str(jobs), "--json",
        "--until-failure", ",".join(by),
    ]  # fmt: skip
    paths = [str(tree), *(str(tree / part) for part in PARTS[1:3])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 1) or not lines:
        raise RuntimeError(f"the worlds did not run ({done.returncode}): {done.stderr[-2000:]}")
    return msgspec.json.decode(lines[-1], type=_Summary)


def hunt(mutant: Mutant, *, budget: int, jobs: int) -> Found:
    """One mutant, in a copy of its own."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as where:
        tree = Path(where)
        plant(mutant, tree)
        summary = run_worlds(tree, mutant.by, budget=budget, jobs=jobs)
    for failure in summary.failures:
        if failure.promise in mutant.by:
            return Found(
                mutant=mutant.name, promise=mutant.promise, seeds=failure.seed, how=failure.promise, text=failure.what
            )
    return Found(mutant=mutant.name, promise=mutant.promise, seeds=None)


def hunt_all(names: list[str], *, budget: int, jobs: int, as_json: bool) -> int:
    """Hunt those named, or all: 0 when each was found, 1 when one was not or does not apply any more, 2 for an unknown name."""
    unknown = sorted(set(names) - MUTANTS.keys())
    if unknown:
        print(f"no such mutant: {', '.join(unknown)}; there are {', '.join(MUTANTS)}", file=sys.stderr)
        return 2
    found, stale = [], False
    if not as_json:
        print(_row("mutant", "promise", "seeds needed", "found as"), flush=True)
    for name in names or list(MUTANTS):
        try:
            found.append(hunt(MUTANTS[name], budget=budget, jobs=jobs))
        except PatchFailed as error:
            stale = True
            print(error, file=sys.stderr, flush=True)
            continue
        if not as_json:
            one = found[-1]
            print(_row(one.mutant, one.promise, str(one.seeds or f"not in {budget}"), one.text[:110]), flush=True)
    if as_json:
        print(msgspec.json.encode(found).decode())
    return 0 if not stale and all(one.seeds is not None for one in found) else 1


def _row(mutant: str, promise: str, seeds: str, how: str) -> str:
    return f"{mutant:<28} | {promise:<7} | {seeds:>12} | {how}"
