"""Laws of a sweep's pure half: draws, figures, windows, luck, the ledger."""

from __future__ import annotations

import math
import tempfile
from datetime import date, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tradingd.lab.results.figures import grown
from tradingd.lab.sweep.ledger import FILE, Ledger
from tradingd.lab.sweep.luck import Shape, deflated, expected_best, overfitting, shape
from tradingd.lab.sweep.outcome import RANKS, Outcome, part, split_day
from tradingd.lab.sweep.space import Range, draws
from tradingd.lab.sweep.verdict import judge
from tradingd.lab.sweep.windows import Span, windows
from tradingd.shell.env import RealDisk

returns_ = st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=60)
days_ = [(date(2020, 1, 1) + timedelta(days=n)).isoformat() for n in range(400)]


def outcome_of(returns: list[float], key: str = "k") -> Outcome:
    return Outcome(key=key, days=tuple(days_[: len(returns)]), returns=tuple(returns))


@given(st.integers(), st.integers(1, 30), st.integers(0, 30), st.booleans(), st.booleans())
def test_draws_stay_in_their_range_and_do_not_depend_on_how_many_there_are(
    seed: int, n: int, more: int, whole: bool, logarithmic: bool
) -> None:
    """T4: the n-th is what it is, beside other keys too."""
    one = Range("k", 2.0, 9.0, "%", whole=whole, logarithmic=logarithmic)
    found = list(draws([one], n, seed))
    assert list(draws([one], n + more, seed))[:n] == found
    assert [point[1:] for point in draws([Range("other", 0.0, 1.0), one], n, seed)] == found
    for ((key, value),) in found:
        assert key == "k"
        assert value.endswith("%")
        number = float(value.removesuffix("%"))
        assert 2.0 <= number <= 9.0
        assert not whole or number == int(number)


def test_whole_numbers_are_drawn_evenly_with_both_ends() -> None:
    """T4: 6,000 draws from six; each within five deviations of 1,000."""
    counts: dict[str, int] = {}
    for ((_, value),) in draws([Range("k", 1.0, 6.0, whole=True)], 6_000, seed=1):
        counts[value] = counts.get(value, 0) + 1
    assert set(counts) == {"1", "2", "3", "4", "5", "6"}
    assert all(abs(n - 1_000) < 5 * math.sqrt(1_000 * 5 / 6) for n in counts.values())


@given(returns_, st.floats(0, 0.99))
def test_what_is_in_sample_and_out_of_it_is_all_and_only_once(returns: list[float], share: float) -> None:
    """T4: the last days are out of sample, as many as the share says, and both growths make the whole one."""
    outcome = outcome_of(returns)
    split = split_day([outcome], share)
    inside, outside, whole = part(outcome, until=split), part(outcome, since=split), part(outcome)
    assert outside.sessions == int(len(returns) * share)
    assert inside.sessions + outside.sessions == whole.sessions
    assert outside.sessions == 0 or inside.last < split <= outside.first
    both = (1 + inside.total_return) * (1 + outside.total_return)
    assert math.isclose(both, 1 + whole.total_return, rel_tol=1e-12)
    assert math.isclose(1 + whole.total_return, grown(returns)[-1], rel_tol=1e-12)


@given(st.lists(returns_, min_size=2, max_size=8), returns_, st.sampled_from(sorted(RANKS)))
def test_days_out_of_sample_never_choose(trials: list[list[float]], tail: list[float], rank: str) -> None:
    """T4: whatever comes after the split, the ranking stays."""
    n = min(map(len, trials))
    trials = [returns[:n] for returns in trials]
    share = (len(tail) + 0.5) / (n + len(tail))
    found = [
        judge(
            (
                (i, (("k", str(i)),), outcome_of([*returns, *(sign * r for r in tail)], str(i)))
                for i, returns in enumerate(trials, 1)
            ),
            [], [], rank=rank, share=share,
        )
        for sign in (1, -1)
    ]  # fmt: skip
    assert found[0].ranked == found[1].ranked
    assert found[0].split == days_[n]


@given(st.lists(returns_, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_in_which_trials_end_changes_nothing(trials: list[list[float]], chance) -> None:  # type: ignore[no-untyped-def]
    """T4: the verdict is of the set."""
    found = [(i, (("k", str(i)),), outcome_of(returns, str(i))) for i, returns in enumerate(trials, 1)]
    before = judge(found, [], [], rank="sharpe", share=0.3)
    chance.shuffle(found)
    assert judge(found, [], [], rank="sharpe", share=0.3) == before


@given(returns_)
def test_the_shape_of_returns_is_scipys(returns: list[float]) -> None:
    """T4: moments by an independent computation."""
    assume(max(returns) - min(returns) > 1e-6)
    found = shape(returns)
    assert found is not None
    assert math.isclose(found.ratio, stats.tmean(returns) / stats.tstd(returns), rel_tol=1e-6, abs_tol=1e-9)
    assert math.isclose(found.skewness, stats.skew(returns), rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose(found.kurtosis, stats.kurtosis(returns, fisher=False), rel_tol=1e-6, abs_tol=1e-6)


@given(
    st.integers(2, 10_000),
    st.floats(1e-6, 0.1),
    st.integers(2, 3_000),
    st.floats(-0.3, 0.3),
    st.floats(-2, 2),
    st.floats(5, 12),
)
def test_the_deflated_ratio_is_the_formula_by_scipys_normal(
    n: int, variance: float, days: int, ratio: float, skewness: float, kurtosis: float
) -> None:
    """T4: and it falls with every trial more."""
    g = 0.57721566490153286
    sr0 = math.sqrt(variance) * ((1 - g) * stats.norm.ppf(1 - 1 / n) + g * stats.norm.ppf(1 - 1 / (n * math.e)))
    assert math.isclose(expected_best(n, variance), sr0, rel_tol=1e-6)
    root = math.sqrt(1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2)
    found = deflated(Shape(days, ratio, skewness, kurtosis), sr0)
    assert found is not None
    assert math.isclose(found, stats.norm.cdf((ratio - sr0) * math.sqrt(days - 1) / root), rel_tol=1e-6, abs_tol=1e-12)
    assert expected_best(n + 1, variance) > expected_best(n, variance)


@given(st.lists(st.floats(-0.001, 0.001), min_size=20, max_size=60))
def test_one_trial_that_is_always_better_is_not_overfitted(noise: list[float]) -> None:
    """T4: the best of each half is the best of the other."""
    swing = [x + (0.01 if i % 2 else -0.01) for i, x in enumerate(noise)]
    assert overfitting([[r - 0.02 for r in swing], swing, [r + 0.02 for r in swing]]) == 0.0


@given(st.integers(2, 6), st.integers(12, 40), st.integers(0, 2**32 - 1))
def test_overfitting_is_counted_half_by_half(trials: int, days: int, seed: int) -> None:
    """T4: by another hand, over the days themselves."""
    returns = np.random.default_rng(seed).normal(0.001, 0.01, (trials, days))
    blocks = [np.arange(i * days // 6, (i + 1) * days // 6) for i in range(6)]
    below = []
    for half in combinations(range(6), 3):
        inside = returns[:, np.concatenate([blocks[i] for i in half])]
        outside = returns[:, np.concatenate([blocks[i] for i in range(6) if i not in half])]
        best = np.argmax(inside.mean(axis=1) / inside.std(axis=1))
        ratios = outside.mean(axis=1) / outside.std(axis=1)
        below.append(stats.rankdata(ratios)[best] <= (trials + 1) / 2)
    found = overfitting([list(map(float, row)) for row in returns], blocks=6)
    assert found is not None
    assert math.isclose(found, float(np.mean(below)))


dates = st.dates(date(1995, 1, 1), date(2010, 12, 31))
spans = st.one_of(st.builds(Span, st.integers(1, 30), st.just(0)), st.builds(Span, st.just(0), st.integers(1, 800)))


@given(dates, spans, spans, st.booleans(), st.integers(0, 2_000))
def test_windows_follow_one_another_without_a_gap(
    begin: date, train: Span, test: Span, anchored: bool, rest: int
) -> None:
    """T4: no test day is in a training before it or in two tests; no test is cut short."""
    end = test.after(train.after(begin)) + timedelta(days=rest)
    found = windows(begin.isoformat(), end.isoformat(), train, test, anchored=anchored)
    one = timedelta(days=1)
    for window in found:
        assert window.train_from <= window.train_to < window.test_from <= window.test_to <= end.isoformat()
        assert date.fromisoformat(window.train_to) + one == date.fromisoformat(window.test_from)
        assert not anchored or window.train_from == begin.isoformat()
    for a, b in pairwise(found):
        assert date.fromisoformat(a.test_to) + one == date.fromisoformat(b.test_from)
    over = date.fromisoformat(found[-1].test_to)
    assert test.after(over) >= end - timedelta(days=4)  # no whole test is left out; months end on other days


@given(st.lists(st.tuples(st.text("abc", min_size=1), returns_), max_size=6), st.data())
def test_a_ledger_that_was_torn_is_what_was_whole(entries: list[tuple[str, list[float]]], data: st.DataObject) -> None:
    """T4: cut anywhere, each whole line counts, the rest is gone, and what is added then is whole too."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        ledger = Ledger(here, RealDisk())
        for key, returns in entries:
            ledger.add(outcome_of(returns, key))
        ledger.close()
        whole = (here / FILE).read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        (here / FILE).write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        again = Ledger(here, RealDisk())
        assert again.outcomes == {key: outcome_of(returns, key) for key, returns in entries[:kept]}
        again.add(outcome_of([0.5], "new"))
        again.close()
        last = Ledger(here, RealDisk())
        assert last.outcomes == {**again.outcomes}
        assert last.done("new")
        last.close()
