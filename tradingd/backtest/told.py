"""The end of a sweep or a walk-forward for a person."""

from __future__ import annotations

from tradingd.backtest.sweep import Swept
from tradingd.backtest.walkforward import Walked
from tradingd.lab.sweep.outcome import Part


def in_words(found: Swept | Walked) -> list[str]:
    lines = [f"{found.state}: {found.begin} to {found.end}"]
    lines += _swept(found) if isinstance(found, Swept) else _walked(found)
    lines += [f"note       {note}" for note in found.notes]
    return [*lines, f"results    {found.out} (report.html, tables, trials.jsonl)"]


def _swept(s: Swept) -> list[str]:
    lines = [f"trials     {s.trials:,}: {s.done:,} done, {s.failed:,} failed, {s.missing:,} missing; {s.ran:,} ran now"]
    if s.best is None:
        return [*lines, f"best       no trial has a {s.rank}"]
    lines += [
        f"best       trial {s.best.trial} by {s.rank}: {_parameters(s.best.parameters)}",
        f"in sample  {_figures(s.best.inside)}",
    ]
    if s.split:
        lines.append(f"out of it  {_figures(s.best.outside)}, from {s.split} on")
    if s.luck is not None:
        over = "" if s.overfitting is None else f", probability of overfitting {s.overfitting:.2f}"
        lines.append(f"luck       deflated Sharpe ratio {_number(s.luck.deflated)} of {s.luck.trials} trials{over}")
    if s.best.folder:
        lines.append(f"its run    {s.best.folder}")
    return lines


def _walked(w: Walked) -> list[str]:
    lines = [
        f"trials     {w.trials:,} in {len(w.steps)} windows: {w.failed:,} failed, {w.missing:,} missing; {w.ran:,} ran now"
    ]
    for step in w.steps:
        tested = "no test" if step.tested is None else _figures(step.tested)
        lines.append(
            f"test       {step.window.test_from} to {step.window.test_to}: {tested}; {_parameters(step.parameters) or 'no winner'}"
        )
    lines.append(f"all tests  {_figures(w.stitched)}")
    lines += [f"steady     {one.key}: {one.changes} changes, {one.share:.0%} the same" for one in w.steady]
    if w.efficiency is not None:
        lines.append(f"carried    {w.efficiency:.0%} of the trainings' annual return")
    return lines


def _parameters(parameters: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in parameters.items())


def _figures(p: Part) -> str:
    return f"{p.total_return:+.2%}, Sharpe {_number(p.sharpe)}, drawdown {p.max_drawdown:.2%}, {p.trades:,} trades"


def _number(x: float | None) -> str:
    return "-" if x is None else f"{x:.2f}"
