"""Which trial is best, and what speaks against believing it. Source: T4.

Trials are ranked by the sessions in sample alone. The rest of them, out of sample, is shown beside and chooses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from tradingd.lab.sweep.luck import Luck, luck, overfitting
from tradingd.lab.sweep.outcome import RANKS, Outcome, Part, part, split_day
from tradingd.lab.sweep.space import Axis, Point, Range

FEW = 30  # trades
SURE = 0.95
EDGE = 0.05  # share of a range


class Trial(msgspec.Struct, frozen=True):
    """One row. n: from 1, in the order of the grid.   inside, outside: in and out of sample; empty where it failed."""

    n: int
    point: Point
    outcome: Outcome
    inside: Part
    outside: Part


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """trials: by number.   ranked: numbers of those that have the figure, the best first; equal ones by number.   split: first day
    out of sample, "" without any.   luck, overfitting: of the sessions in sample; None where too little is known."""

    rank: str
    split: str
    trials: tuple[Trial, ...]
    ranked: tuple[int, ...]
    luck: Luck | None
    overfitting: float | None
    warnings: tuple[str, ...]

    @property
    def best(self) -> Trial | None:
        return next((trial for trial in self.trials if self.ranked and trial.n == self.ranked[0]), None)


def judge(
    found: Iterable[tuple[int, Point, Outcome]], axes: Sequence[Axis], ranges: Sequence[Range], *, rank: str, share: float
) -> Verdict:  # fmt: skip
    """found: number, parameters and outcome of the trials that are over.   rank: a key of RANKS.   share: of the days out of
    sample, 0 <= share < 1."""
    pairs = sorted(found, key=lambda one: one[0])
    split = split_day([outcome for _, _, outcome in pairs], share)
    trials = tuple(
        Trial(n, point, outcome, part(outcome, until=split), part(outcome, since=split)) for n, point, outcome in pairs
    )
    ranked = tuple(trial.n for trial in ranking(trials, rank))
    done = [trial for trial in trials if trial.outcome.state == "done"]
    inside = [_inside(trial.outcome, split) for trial in done]
    best = next((trial for trial in trials if ranked and trial.n == ranked[0]), None)
    chance = luck(_inside(best.outcome, split), inside) if best is not None else None
    over = overfitting(inside)
    return Verdict(
        rank=rank, split="" if split == "~" else split, trials=trials, ranked=ranked, luck=chance, overfitting=over,
        warnings=tuple(_warnings(best, done, axes, ranges, rank, chance, over)) if best is not None else (),
    )  # fmt: skip


def ranking(trials: Iterable[Trial], rank: str) -> list[Trial]:
    """Those that have the figure in sample, the best first; equal ones in the order of their numbers."""
    figure = RANKS[rank]
    known = [
        (value, trial)
        for trial in trials
        if trial.outcome.state == "done" and (value := figure(trial.inside)) is not None
    ]
    return [trial for _, trial in sorted(known, key=lambda one: (-one[0], one[1].n))]


def _inside(outcome: Outcome, split: str) -> list[float]:
    return [r for day, r in zip(outcome.days, outcome.returns, strict=True) if day < split]


def _warnings(
    best: Trial, done: Sequence[Trial], axes: Sequence[Axis], ranges: Sequence[Range], rank: str, chance: Luck | None,
    over: float | None,
) -> list[str]:  # fmt: skip
    found = []
    if len(done) > 1 and len({trial.outcome.returns for trial in done}) == 1:
        found.append(f"all {len(done)} trials came to the same: nothing they vary is in use")
    if chance is None or chance.deflated is None:
        found.append("the best has no Sharpe ratio that could be deflated")
    elif chance.deflated < SURE:
        found.append(
            f"the deflated Sharpe ratio is {chance.deflated:.2f}, below {SURE}: among {chance.trials} trials a best one like this "
            "may well be luck"
        )
    if over is not None and over > 0.5:
        found.append(
            f"the probability of overfitting is {over:.2f}: what is best in one half of the days is rarely good in the other"
        )
    found += _at_the_edge(best, axes, ranges)
    found += _alone(best, done, axes, rank)
    if best.inside.trades < FEW:
        found.append(f"the best made {best.inside.trades} trades in sample, fewer than {FEW}")
    return found + _worse_outside(best)


def _at_the_edge(best: Trial, axes: Sequence[Axis], ranges: Sequence[Range]) -> list[str]:
    chosen = dict(best.point)
    found = [
        f"the best {one.key}, {chosen[one.key]}, is at the edge of its grid: look beyond"
        for one in axes
        if len(one.values) > 2 and chosen[one.key] in (one.values[0], one.values[-1])
    ]
    for each in ranges:
        value, margin = float(chosen[each.key].removesuffix(each.unit)), (each.high - each.low) * EDGE
        if not each.low + margin <= value <= each.high - margin:
            found.append(f"the best {each.key}, {chosen[each.key]}, is at the edge of its range: look beyond")
    return found


def neighbours(best: Trial, done: Iterable[Trial], axes: Sequence[Axis]) -> list[Trial]:
    """Those one step away along one axis, and the same in all else."""
    places = {one.key: {value: i for i, value in enumerate(one.values)} for one in axes}
    here, found = dict(best.point), []
    for trial in done:
        steps = [
            abs(places[key][value] - places[key][here[key]]) if key in places else 2
            for key, value in trial.point
            if value != here[key]
        ]
        if steps == [1]:
            found.append(trial)
    return found


def _alone(best: Trial, done: Sequence[Trial], axes: Sequence[Axis], rank: str) -> list[str]:
    figure = RANKS[rank]
    top = figure(best.inside)
    values = [value for trial in neighbours(best, done, axes) if (value := figure(trial.inside)) is not None]
    if top is None or not values:
        return []
    usual = median(values)
    if (top > 0 and usual < top / 2) or (top < 0 and usual < top * 2):
        return [f"the best stands alone: its {rank} is {top:.3g}, its {len(values)} neighbours' median {usual:.3g}"]
    return []


def _worse_outside(best: Trial) -> list[str]:
    inside, outside = best.inside.sharpe, best.outside.sharpe
    if inside is None or inside <= 0 or not best.outside.sessions:
        return []
    if outside is None:
        return ["out of sample the best has no Sharpe ratio"]
    if outside < inside / 2:
        return [f"out of sample the best's Sharpe ratio falls from {inside:.2f} to {outside:.2f}"]
    return []
