"""The page of a sweep in one file: the best and what speaks against it, what each parameter does, every trial. Source: T4."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import fmean, median

from tradingd.lab.results.page.document import document
from tradingd.lab.results.page.html import Html, facts, join, panel, ratio, share, table, tag
from tradingd.lab.sweep.outcome import RANKS, Part
from tradingd.lab.sweep.space import Axis
from tradingd.lab.sweep.verdict import Trial, Verdict

LISTED = 500  # trials one by one
TALL = 26  # pixels of a heat map's row
SHARES = frozenset({"total_return", "annual_return", "max_drawdown", "win_rate"})


def sweep_page(title: str, verdict: Verdict, axes: Sequence[Axis], notes: Sequence[str]) -> str:
    """A whole HTML page. title, notes: as text."""
    wide = [axis for axis in axes if len(axis.values) > 1]
    varied = {key for trial in verdict.trials[:1] for key, _ in trial.point}
    figure = (
        heat_map(verdict, wide[0], wide[1]) if len(wide) == 2 and varied == {axis.key for axis in axes} else Html("")
    )
    body = join([
        tag("header", tag("h1", title), tag("p", _span(verdict), class_="dim")),
        warned(verdict.warnings), _best(verdict), figure, _each_parameter(verdict), _all(verdict), noted(notes),
    ])  # fmt: skip
    return document(title, body)


def warned(words: Sequence[str]) -> Html:
    """What speaks against the result, in red."""
    if not words:
        return Html("")
    return tag(
        "section",
        tag("b", "Do not take the best at its word:"),
        tag("ul", *(tag("li", one) for one in words)),
        class_="broken",
    )


def noted(words: Sequence[str]) -> Html:
    return panel("Notes", tag("ul", *(tag("li", one) for one in words)), name="notes") if words else Html("")


def said(rank: str, value: float | None) -> str:
    """A figure by its name."""
    return share(value) if rank in SHARES else ratio(value)


def figure_of(rank: str, part: Part) -> float | None:
    """As it is shown: a drawdown is ranked by its negative and shown as it is."""
    value = RANKS[rank](part)
    return -value if rank == "max_drawdown" and value is not None else value


def pairs(part: Part) -> list[tuple[str, object]]:
    return [
        ("span", f"{part.first} to {part.last}, {part.sessions:,} sessions" if part.sessions else "none"),
        ("total return", share(part.total_return)), ("Sharpe", ratio(part.sharpe)), ("Sortino", ratio(part.sortino)),
        ("largest drawdown", share(part.max_drawdown)), ("trades", f"{part.trades:,}, {share(part.win_rate)} won"),
        ("profit factor", ratio(part.profit_factor)),
    ]  # fmt: skip


def _span(verdict: Verdict) -> str:
    outside = (
        f"; from {verdict.split} on out of sample: shown, and not ranked by"
        if verdict.split
        else "; all of it in sample"
    )
    return f"ranked by {verdict.rank.replace('_', ' ')}{outside}"


def _best(verdict: Verdict) -> Html:
    best = verdict.best
    if best is None:
        return panel("Best", tag("p", "No trial has the figure.", class_="empty"))
    found, chance = [panel("Best", facts((("trial", best.n), *best.point)))], verdict.luck
    found += [
        panel(name, facts(pairs(one)), class_="half")
        for name, one in (("In sample", best.inside), ("Out of sample", best.outside))
    ]
    if chance is not None:
        found.append(
            panel(
                "Luck",
                facts((
                    ("deflated Sharpe ratio", ratio(chance.deflated)), ("probability of overfitting", ratio(verdict.overfitting)),
                    ("trials", f"{chance.trials:,}"), ("Sharpe ratio a day", f"{chance.ratio:.4f}"),
                    ("... that luck alone would give the best", f"{chance.expected:.4f}"),
                    ("variance of the trials' ratios", f"{chance.variance:.3g}"),
                    ("skewness, kurtosis", f"{chance.skewness:.2f}, {chance.kurtosis:.2f}"), ("sessions", f"{chance.days:,}"),
                )),
            )
        )  # fmt: skip
    return join(found)


def heat_map(verdict: Verdict, down: Axis, across: Axis) -> Html:
    """The figure in sample by two parameters: the further above nothing the greener, below the redder; the best is framed."""
    rank, best = verdict.rank, verdict.best
    at = {
        (dict(trial.point)[down.key], dict(trial.point)[across.key]): trial
        for trial in verdict.trials
        if trial.outcome.state == "done"
    }
    values = {place: value for place, trial in at.items() if (value := figure_of(rank, trial.inside)) is not None}
    most = max((abs(value) for value in values.values() if isfinite(value)), default=0.0) or 1.0
    width = 100 / (len(across.values) + 1)
    cells = [
        _cell(said(rank, values.get((row, column))), values.get((row, column)), most, (j + 1) * width, (i + 1) * TALL, width,
              framed=best is not None and at.get((row, column)) is best)
        for i, row in enumerate(down.values) for j, column in enumerate(across.values)
    ]  # fmt: skip
    rows = [tag("text", value, x="0", y=str((i + 2) * TALL - 9)) for i, value in enumerate(down.values)]
    columns = [
        tag("text", value, x=f"{(j + 1.5) * width:.3f}%", y=str(TALL - 9), class_="date")
        for j, value in enumerate(across.values)
    ]
    drawn = tag("svg", *rows, *columns, *cells, width="100%", height=str((len(down.values) + 1) * TALL), role="img")
    return panel(
        f"{rank.replace('_', ' ')} in sample",
        tag("p", f"down: {down.key}; across: {across.key}", class_="dim"),
        drawn,
        name="heat map",
    )


def _cell(words: str, value: float | None, most: float, x: float, y: float, width: float, *, framed: bool) -> Html:
    much = 0.0 if value is None else min(abs(value) / most, 1.0) * 0.6
    box = tag(
        "rect", x=f"{x:.3f}%", y=str(y + 1), width=f"{width - 0.2:.3f}%", height=str(TALL - 2), fill="currentColor",
        fill_opacity=f"{much:.2f}", stroke="currentColor" if framed else "", stroke_width="2" if framed else "",
    )  # fmt: skip
    text = tag("text", words, x=f"{x + width / 2:.3f}%", y=str(y + TALL - 9), class_="date")
    return tag("g", box, text, class_="down" if value is not None and value < 0 else "up")


def _each_parameter(verdict: Verdict) -> Html:
    """For each value of a parameter, the figure over all trials that had it. Ranges have too many values for that."""
    done = [trial for trial in verdict.trials if trial.outcome.state == "done"]
    parts: list[Html] = []
    for key, _ in done[0].point if done else ():
        by: dict[str, list[Trial]] = {}
        for trial in done:
            by.setdefault(dict(trial.point)[key], []).append(trial)
        if 1 < len(by) <= min(50, len(done) // 2):
            parts.append(_values(key, by, verdict.rank))
    return panel("By parameter, in sample", *parts, name="parameters") if parts else Html("")


def _values(key: str, by: dict[str, list[Trial]], rank: str) -> Html:
    body = []
    for value, trials in by.items():
        known = [figure for trial in trials if (figure := figure_of(rank, trial.inside)) is not None]
        figures = (fmean(known), median(known), min(known), max(known)) if known else (None,) * 4
        body.append((value, f"{len(trials):,}", *(said(rank, figure) for figure in figures)))
    return table((key, "trials", "mean", "median", "lowest", "highest"), body, right=" rrrrr")


def _all(verdict: Verdict) -> Html:
    keys = [key for key, _ in verdict.trials[0].point] if verdict.trials else []
    by_number = {trial.n: trial for trial in verdict.trials}
    ranked = [by_number[n] for n in verdict.ranked]
    rest = [trial for trial in verdict.trials if trial.n not in set(verdict.ranked)]
    body = [
        (
            trial.n, *(value for _, value in trial.point), said(verdict.rank, figure_of(verdict.rank, trial.inside)),
            said(verdict.rank, figure_of(verdict.rank, trial.outside)), share(trial.inside.total_return),
            share(trial.outside.total_return),
            share(trial.inside.max_drawdown), f"{trial.inside.trades:,}", trial.outcome.why,
        )
        for trial in [*ranked, *rest][:LISTED]
    ]  # fmt: skip
    name = verdict.rank.replace("_", " ")
    head = ("trial", *keys, f"{name} in", f"{name} out", "return in", "return out", "drawdown in", "trades in", "")
    more = (
        f"The first {LISTED:,} of {len(verdict.trials):,}; results.csv has them all."
        if len(verdict.trials) > LISTED
        else ""
    )
    right = "r" + " " * len(keys) + "rrrrrr"
    return panel("Trials, the best first", table(head, body, right=right), tag("p", more, class_="dim"), name="trials")
