"""The page of a walk-forward in one file: the equity of the tests, the winners, and how steady they were. Source: T4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradingd.lab.results.figures import grown
from tradingd.lab.results.page.document import document
from tradingd.lab.results.page.html import Html, facts, join, panel, ratio, share, table, tag
from tradingd.lab.results.page.svg import area, chart, line, scale, thin
from tradingd.lab.sweep.outcome import Outcome, Part, part
from tradingd.lab.sweep.page import figure_of, noted, pairs, said, warned
from tradingd.lab.sweep.windows import Steady, Window

Row = tuple[Window, Mapping[str, str], Part, Part | None]


def forward_page(
    title: str, rows: Sequence[Row], stitched: Outcome, *, steady: Sequence[Steady], rank: str, efficiency: float | None,
    warnings: Sequence[str], notes: Sequence[str],
) -> str:  # fmt: skip
    """A whole HTML page. rows: window, the winner's parameters, its figures in training and in the test."""
    whole = [*pairs(part(stitched)), ("tests by trainings, annual return", ratio(efficiency))]
    body = join([
        tag("header", tag("h1", title), tag("p", f"chosen by {rank.replace('_', ' ')} of the training", class_="dim")),
        warned(warnings), _equity(stitched), panel("All tests, one after another", facts(whole)),
        _winners(rows, rank), _steady(steady), noted(notes),
    ])  # fmt: skip
    return document(title, body)


def _equity(stitched: Outcome) -> Html:
    if not stitched.days:
        return panel("Equity of the tests", tag("p", "No test is over: there is no curve.", class_="empty"))
    values = grown(stitched.returns)
    scaled, at = scale([*values, 1.0], 260), thin(values)
    drawn = chart(
        "Growth of 1", scaled,
        [area(values, at, scaled, "equity", base=scaled.low), line([1.0] * len(values), [0, len(values) - 1], scaled, "base"),
         line(values, at, scaled, "equity")],
        stitched.days, said=lambda value: f"{value:.2f}", tips=[(i, f"{stitched.days[i]}   {share(values[i] - 1.0)}") for i in at],
    )  # fmt: skip
    return panel("Equity of the tests", drawn)


def _winners(rows: Sequence[Row], rank: str) -> Html:
    keys = next((list(parameters) for _, parameters, _, _ in rows if parameters), [])
    body = [
        (
            f"{window.train_from} to {window.train_to}", f"{window.test_from} to {window.test_to}",
            *(parameters.get(key, "none") for key in keys), said(rank, figure_of(rank, trained)),
            *_tested(tested, rank),
        )
        for window, parameters, trained, tested in rows
    ]  # fmt: skip
    name = rank.replace("_", " ")
    head = ("training", "test", *keys, f"{name} in training", f"{name} in the test", "return of the test", "trades")
    return panel("Winners", table(head, body, right="  " + " " * len(keys) + "rrrr"), name="winners")


def _tested(tested: Part | None, rank: str) -> tuple[str, str, str]:
    if tested is None:
        return "", "", ""
    return said(rank, figure_of(rank, tested)), share(tested.total_return), f"{tested.trades:,}"


def _steady(steady: Sequence[Steady]) -> Html:
    body = [
        (one.key, ", ".join(f"{value} ({n})" for value, n in one.chosen.items()), share(one.share), str(one.changes))
        for one in steady
    ]
    return panel(
        "How steady the parameters are",
        table(("key", "won with (windows)", "most frequent", "changes"), body, right="  rr"),
    )
