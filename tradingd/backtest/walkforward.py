"""`tradingd walkforward`: chosen on one window, proven on the next, and so on; what the tests made is one equity. Source: T4."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from pathlib import Path
from typing import Literal

import msgspec

from tradingd.backtest.options import Options
from tradingd.backtest.trial import Job
from tradingd.backtest.trials import Asked, Keep, MakePool, Trials, asked
from tradingd.core.views.performance import YEAR
from tradingd.lab.results.figures import grown
from tradingd.lab.sweep.forward import forward_page
from tradingd.lab.sweep.outcome import Outcome, Part, part
from tradingd.lab.sweep.space import Axis, Point, Range, points
from tradingd.lab.sweep.table import FIGURES, write_csv, write_whole
from tradingd.lab.sweep.verdict import Trial, ranking
from tradingd.lab.sweep.windows import Span, Steady, Window, steadiness, windows

FILE, WINDOWS, EQUITY = "walkforward.json", "windows.csv", "equity.csv"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """base: the run that is varied.   trials, seed: of the ranges.   train, test: lengths of the windows; anchored: every training
    begins where the first does.   out: the folder; what it holds already is not run again.   rank: a key of RANKS.   html: where
    else the page is written."""

    base: Options
    axes: tuple[Axis, ...]
    ranges: tuple[Range, ...]
    trials: int = 100
    seed: int = 0
    train: Span
    test: Span
    anchored: bool = False
    out: Path
    rank: str = "sharpe"
    keep: Keep = "none"
    html: Path | None = None
    skip_invalid: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One window. winner: number of the trial, 0 when none had the figure: nothing was traded in its test.   tested: None while the
    test is missing or when it failed; `why` says by what."""

    window: Window
    winner: int = 0
    parameters: dict[str, str] = {}
    trained: Part = Part()
    tested: Part | None = None
    why: str = ""


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """The document of --json, and `walkforward.json`. trials: backtests asked for in the trainings; failed, missing: of them and of
    the tests.   ran: this time.   stitched: of all tests, one after another.   efficiency: mean annual return of the tests by that
    of the trainings; None when that is not above nothing.   steady: of the winners' parameters."""

    out: str
    state: Literal["complete", "partial"]
    begin: str
    end: str
    trials: int
    failed: int
    missing: int
    ran: int
    rank: str
    steps: tuple[Step, ...]
    stitched: Part
    efficiency: float | None
    steady: tuple[Steady, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def run_walkforward(plan: Plan, make_pool: MakePool) -> Walked:
    """What is missing is run; when it is stopped, what there is. Raises SweepFault, Misconfigured naming trial and key before
    anything ran, and OSError."""
    found = asked(plan.base, points(plan.axes, plan.ranges, plan.trials, plan.seed), skip_invalid=plan.skip_invalid)
    with Trials(plan.out, plan.base, make_pool, "all" if plan.keep == "all" else "none") as trials:
        walk = _Walk(plan, trials, found)
        whole = walk.run()
        walked, stitched = walk.told(whole=whole), walk.stitched()
        _write(trials.directory, plan, walked, stitched)
    return walked


class _Walk:
    """One walk-forward. steps: window by window, the numbered points with their rules and trainings."""

    def __init__(self, plan: Plan, trials: Trials, found: Asked) -> None:
        self._plan, self._trials, self._found = plan, trials, found
        spans = windows(trials.begin, trials.end, plan.train, plan.test, anchored=plan.anchored)
        self._training = {
            window: [
                (n, point, rules, trials.job(point, rules, window.train_from, window.train_to))
                for n, point, rules in found.points
            ]
            for window in spans
        }
        self._won: dict[Window, Trial] = {}
        self._tests: dict[Window, Job] = {}

    def run(self) -> bool:
        """False when it was stopped before the end."""
        trials = self._trials
        if not trials.run(self._trainings(), "trainings"):
            return False
        for window, each in self._training.items():
            self._choose(window, each)
        tests = list(self._tests.values())
        if not trials.run(tests, "tests"):
            return False
        return self._plan.keep != "best" or trials.show([job for job in tests if _done(trials.outcome(job))])

    def told(self, *, whole: bool) -> Walked:
        trials, steps = self._trials, tuple(self._step(window) for window in self._training)
        all_jobs = [*self._trainings(), *self._tests.values()]
        over = [outcome for job in all_jobs if (outcome := trials.outcome(job)) is not None]
        winners = [step.parameters for step in steps if step.winner]
        steady, carried = tuple(steadiness(winners)) if winners else (), efficiency(steps)
        last = steps[-1].window.test_to
        notes = [f"what comes after {last} is shorter than a test and was left out"] if last < trials.end else []
        return Walked(
            out=str(trials.directory), state="complete" if whole else "partial", begin=trials.begin, end=trials.end,
            trials=len(self._trainings()), failed=len([1 for one in over if one.state == "failed"]),
            missing=len(all_jobs) - len(over), ran=trials.ran, rank=self._plan.rank, steps=steps, stitched=part(self.stitched()),
            efficiency=carried, steady=steady, warnings=tuple(_warnings(steps, steady, carried)) if whole else (),
            notes=(*trials.notes, *self._found.notes, *notes),
        )  # fmt: skip

    def stitched(self) -> Outcome:
        """The tests as one: each begins with what the one before it ended with."""
        over = [outcome for job in self._tests.values() if (outcome := self._trials.outcome(job)) is not None]
        return Outcome(
            key="stitched", days=tuple(day for one in over for day in one.days),
            returns=tuple(r for one in over for r in one.returns), closed=tuple(trade for one in over for trade in one.closed),
            year=over[0].year if over else YEAR,
        )  # fmt: skip

    def _trainings(self) -> list[Job]:
        return [job for each in self._training.values() for *_, job in each]

    def _choose(self, window: Window, each: list[tuple[int, Point, str, Job]]) -> None:
        over = [
            Trial(n, point, outcome, part(outcome), Part())
            for n, point, _, job in each
            if (outcome := self._trials.outcome(job)) is not None
        ]
        best = next(iter(ranking(over, self._plan.rank)), None)
        if best is not None:
            rules = next(rules for n, _, rules, _ in each if n == best.n)
            self._won[window] = best
            self._tests[window] = self._trials.job(best.point, rules, window.test_from, window.test_to)

    def _step(self, window: Window) -> Step:
        best = self._won.get(window)
        if best is None:
            return Step(window=window)
        outcome = self._trials.outcome(self._tests[window])
        return Step(
            window=window, winner=best.n, parameters=dict(best.point), trained=best.inside,
            tested=part(outcome) if outcome is not None and outcome.state == "done" else None,
            why=outcome.why if outcome is not None else "",
        )  # fmt: skip


def _done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.state == "done"


def efficiency(steps: Sequence[Step]) -> float | None:
    """Mean annual return of the tests by that of the trainings; None when the trainings made nothing."""
    pairs = [
        (step.trained.annual_return, step.tested.annual_return)
        for step in steps
        if step.tested is not None and step.trained.annual_return is not None and step.tested.annual_return is not None
    ]
    trained = fsum(one for one, _ in pairs)
    return fsum(other for _, other in pairs) / trained if trained > 0 else None


def _warnings(steps: Sequence[Step], steady: Sequence[Steady], carried: float | None) -> list[str]:
    found = [
        f"no trial of {step.window.train_from} to {step.window.train_to} has the figure: its test is left out"
        for step in steps if not step.winner
    ]  # fmt: skip
    found += [
        f"the test from {step.window.test_from} on failed: {step.why}" for step in steps if step.winner and step.why
    ]
    if carried is not None and carried < 0.5:
        found.append(f"the tests made {carried:.0%} a year of what the trainings made: it does not carry over")
    found += [
        f"{one.key} has no steady value: the most frequent won {one.share:.0%} of the windows"
        for one in steady
        if one.share < 0.5
    ]
    return found


def _write(directory: Path, plan: Plan, walked: Walked, stitched: Outcome) -> None:
    keys = [*(one.key for one in plan.axes), *(one.key for one in plan.ranges)]
    head = [
        "train_from", "train_to", "test_from", "test_to", "trial", *keys, *(f"train_{name}" for name in FIGURES),
        *(f"test_{name}" for name in FIGURES), "why",
    ]  # fmt: skip
    body = [
        [
            *msgspec.structs.astuple(step.window), step.winner or None, *(step.parameters.get(key) for key in keys),
            *(getattr(step.trained, name) for name in FIGURES),
            *(None if step.tested is None else getattr(step.tested, name) for name in FIGURES), step.why,
        ]
        for step in walked.steps
    ]  # fmt: skip
    write_csv(directory / WINDOWS, head, body)
    growth = grown(stitched.returns)
    write_csv(
        directory / EQUITY,
        ("date", "daily_return", "growth"),
        zip(stitched.days, stitched.returns, growth, strict=True),
    )
    write_whole(directory / FILE, msgspec.json.format(msgspec.json.encode(walked), indent=2).decode() + "\n")
    title = f"walk-forward: {len(walked.steps)} windows, {walked.begin} to {walked.end}"
    rows = [(step.window, step.parameters, step.trained, step.tested) for step in walked.steps]
    page = forward_page(
        title, rows, stitched, steady=walked.steady, rank=walked.rank, efficiency=walked.efficiency,
        warnings=walked.warnings, notes=walked.notes,
    )  # fmt: skip
    for path in (directory / "report.html", *([plan.html] if plan.html is not None else [])):
        write_whole(path, page)
