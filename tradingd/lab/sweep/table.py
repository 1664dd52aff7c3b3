"""The trials of a sweep as one CSV file: parameters, figures in and out of sample. Source: T4.

Only what is decided by data, rules and code stands in it: the same sweep gives the same bytes, however many workers it had and
however often it was begun again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tradingd.core.views.reasons import clean
from tradingd.lab.sweep.outcome import Part
from tradingd.lab.sweep.verdict import Verdict

RESULTS = "results.csv"
FIGURES = tuple(field.name for field in msgspec.structs.fields(Part))


def write_results(path: Path, verdict: Verdict) -> None:
    """Trials by their number. place: by rank, 1 the best, empty where it has no figure."""
    places = {n: place for place, n in enumerate(verdict.ranked, 1)}
    keys = [key for key, _ in verdict.trials[0].point] if verdict.trials else []
    head = [
        "trial",
        "place",
        "state",
        *keys,
        *(f"in_{name}" for name in FIGURES),
        *(f"out_{name}" for name in FIGURES),
        "key",
        "why",
    ]
    body = [
        [
            trial.n, places.get(trial.n), trial.outcome.state, *(value for _, value in trial.point), *_figures(trial.inside),
            *_figures(trial.outside), trial.outcome.key, trial.outcome.why,
        ]
        for trial in verdict.trials
    ]  # fmt: skip
    write_csv(path, head, body)


def write_csv(path: Path, head: Sequence[str], body: Iterable[Sequence[object]]) -> None:
    """Replaces the file as one. Floats keep all their digits, None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_cell(value) for value in row] for row in body])
    write_whole(path, text.getvalue())


def write_whole(path: Path, text: str) -> None:
    """A reader sees the old file or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    fresh.replace(path)


def _figures(part: Part) -> list[object]:
    return [getattr(part, name) for name in FIGURES]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else clean(str(value))
