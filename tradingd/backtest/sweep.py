"""`tradingd sweep`: every trial a backtest, a table of what they came to, and what speaks against the best of them. Source: T4."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from tradingd.backtest.options import Options
from tradingd.backtest.trials import Keep, MakePool, Trials, asked
from tradingd.lab.sweep.luck import Luck
from tradingd.lab.sweep.outcome import Part
from tradingd.lab.sweep.page import sweep_page
from tradingd.lab.sweep.space import Axis, Range, points
from tradingd.lab.sweep.table import RESULTS, write_results, write_whole
from tradingd.lab.sweep.verdict import judge

FILE = "sweep.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """base: the run that is varied.   trials, seed: of the ranges.   out: the sweep's folder; what it holds already is not run
    again.   rank: a key of RANKS.   oos: share of the days, the last ones, that chooses nothing, 0 <= oos < 1.   html: where else
    the page is written."""

    base: Options
    axes: tuple[Axis, ...]
    ranges: tuple[Range, ...]
    trials: int = 100
    seed: int = 0
    out: Path
    rank: str = "sharpe"
    oos: float = 0.3
    keep: Keep = "best"
    html: Path | None = None
    skip_invalid: bool = False


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """folder: of its run, "" when it was not kept."""

    trial: int
    parameters: dict[str, str]
    inside: Part
    outside: Part
    folder: str = ""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """The document of --json, and `sweep.json`. trials: asked for; done, failed, missing of them.   ran: this time."""

    out: str
    state: Literal["complete", "partial"]
    begin: str
    end: str
    trials: int
    done: int
    failed: int
    missing: int
    ran: int
    rank: str
    split: str
    best: Best | None
    luck: Luck | None
    overfitting: float | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def run_sweep(plan: Plan, make_pool: MakePool) -> Swept:
    """What is missing is run, then all is judged; when it is stopped, what there is. Raises SweepFault, Misconfigured naming trial
    and key before anything ran, and OSError."""
    found = asked(plan.base, points(plan.axes, plan.ranges, plan.trials, plan.seed), skip_invalid=plan.skip_invalid)
    with Trials(plan.out, plan.base, make_pool, plan.keep) as trials:
        jobs = {n: trials.job(point, rules) for n, point, rules in found.points}
        whole = trials.run(list(jobs.values()), "trials")
        over = [(n, point, outcome) for n, point, _ in found.points if (outcome := trials.outcome(jobs[n])) is not None]
        verdict = judge(over, plan.axes, plan.ranges, rank=plan.rank, share=plan.oos)
        best = verdict.best
        folder = ""
        if best is not None:
            if whole and plan.keep != "none":
                whole = trials.show([jobs[best.n]])
            kept = trials.folder(jobs[best.n])
            folder = str(kept) if kept.exists() else ""
        done = len([1 for _, _, outcome in over if outcome.state == "done"])
        swept = Swept(
            out=str(trials.directory), state="complete" if whole else "partial", begin=trials.begin, end=trials.end,
            trials=len(jobs), done=done, failed=len(over) - done, missing=len(jobs) - len(over), ran=trials.ran, rank=plan.rank,
            split=verdict.split, luck=verdict.luck, overfitting=verdict.overfitting, warnings=verdict.warnings,
            best=None if best is None else Best(
                trial=best.n, parameters=dict(best.point), inside=best.inside, outside=best.outside, folder=folder
            ),
            notes=(*trials.notes, *found.notes),
        )  # fmt: skip
        write_results(trials.directory / RESULTS, verdict)
        write_whole(trials.directory / FILE, msgspec.json.format(msgspec.json.encode(swept), indent=2).decode() + "\n")
        title = f"sweep: {len(jobs):,} trials, {trials.begin} to {trials.end}"
        page = sweep_page(title, verdict, plan.axes, [*swept.notes, *_short(swept)])
        for path in (trials.directory / "report.html", *([plan.html] if plan.html is not None else [])):
            write_whole(path, page)
    return swept


def _short(swept: Swept) -> list[str]:
    found = []
    if swept.missing:
        found.append(f"{swept.missing:,} trials are missing: the sweep was stopped; run it again")
    if swept.failed:
        found.append(f"{swept.failed:,} trials failed; their reasons stand in {RESULTS}")
    return found
