"""How much of a best result is luck: what the largest of many Sharpe ratios is worth. Source: T4.

Sharpe ratios here are of one day, not annualised. With N trials whose ratios vary by V (sample variance), g Euler's constant and Z
the inverse of the normal distribution F, the largest ratio to be expected of trials without any merit is (Bailey and Lopez de
Prado, The Deflated Sharpe Ratio, 2014):

    SR0 = sqrt(V) x ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)))

and the probability that the best trial's true ratio is above it, from T days of returns with ratio SR, skewness s and kurtosis k
(3 for a normal distribution):

    DSR = F((SR - SR0) sqrt(T - 1) / sqrt(1 - s SR + (k - 1)/4 SR^2))

Trials resemble one another, so N overstates how many there are: the figure errs on the careful side.

The probability of overfitting is counted (Bailey, Borwein, Lopez de Prado and Zhu, 2015): the days are cut into blocks; for each
half of the blocks the best trial there is looked up in the other half; it is the share of halves where it does no better than the
median.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import e, fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

import msgspec

EULER = 0.5772156649015329
BLOCKS = 10
MANY = 2_000  # trials beyond which halves are not counted
_NORMAL = NormalDist()


class Shape(NamedTuple):
    """Of a sample of daily returns. ratio: mean by sample deviation (n - 1).   skewness, kurtosis: by the moments m3 / m2^1.5 and
    m4 / m2^2; 0 and 3 of a normal distribution."""

    days: int
    ratio: float
    skewness: float
    kurtosis: float


class Luck(msgspec.Struct, frozen=True, kw_only=True):
    """trials: N, those that had a ratio.   variance: V of their daily ratios.   days, ratio, skewness, kurtosis: T, SR, s and k of
    the best.   expected: SR0.   deflated: DSR, 0..1; None where its root has no value."""

    trials: int
    variance: float
    days: int
    ratio: float
    skewness: float
    kurtosis: float
    expected: float
    deflated: float | None


def shape(returns: Sequence[float]) -> Shape | None:
    """None with fewer than two, or when all are equal."""
    n = len(returns)
    if n < 2 or min(returns) == max(returns):
        return None
    mean = fsum(returns) / n
    m2, m3, m4 = (fsum([(r - mean) ** power for r in returns]) / n for power in (2, 3, 4))
    if m2 * m2 <= 0.0:
        return None
    return Shape(n, mean / sqrt(m2 * n / (n - 1)), m3 / m2**1.5, m4 / (m2 * m2))


def expected_best(trials: int, variance: float) -> float:
    """SR0. trials >= 1, variance >= 0; 0 with one trial, which was not chosen."""
    if trials < 2:
        return 0.0
    by = (1 - EULER) * _NORMAL.inv_cdf(1 - 1 / trials) + EULER * _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * by


def deflated(best: Shape, benchmark: float) -> float | None:
    """The probability that the true ratio is above the benchmark."""
    below = 1 - best.skewness * best.ratio + (best.kurtosis - 1) / 4 * best.ratio**2
    if below <= 0:
        return None
    return _NORMAL.cdf((best.ratio - benchmark) * sqrt(best.days - 1) / sqrt(below))


def luck(best: Sequence[float], trials: Sequence[Sequence[float]]) -> Luck | None:
    """best: daily returns of the trial that was chosen.   trials: of all of them, its own too. None when the best has no ratio."""
    chosen = shape(best)
    if chosen is None:
        return None
    ratios = [found.ratio for returns in trials if (found := shape(returns)) is not None]
    mean = fsum(ratios) / len(ratios)
    variance = fsum([(r - mean) ** 2 for r in ratios]) / (len(ratios) - 1) if len(ratios) > 1 else 0.0
    expected = expected_best(len(ratios), variance)
    return Luck(
        trials=len(ratios), variance=variance, days=chosen.days, ratio=chosen.ratio, skewness=chosen.skewness,
        kurtosis=chosen.kurtosis, expected=expected, deflated=deflated(chosen, expected),
    )  # fmt: skip


# the probability of overfitting ---------------------------------------------------------------------------------------------


class Sums(NamedTuple):
    """Of some days: how many, their returns, the squares of them."""

    n: int
    one: float
    two: float

    @property
    def ratio(self) -> float:
        """0 where nothing varies: who does nothing neither wins nor loses."""
        mean = self.one / self.n
        variance = self.two / self.n - mean * mean
        return mean / sqrt(variance) if variance > 1e-18 else 0.0


def overfitting(trials: Sequence[Sequence[float]], blocks: int = BLOCKS) -> float | None:
    """0..1. trials: daily returns of each over the same days.   blocks: even, >= 2. None with fewer than two trials or more
    than MANY, with days that are not the same, or with fewer than two days a block."""
    lengths = {len(returns) for returns in trials}
    if not 2 <= len(trials) <= MANY or len(lengths) != 1 or min(lengths) < 2 * blocks:
        return None
    cut = [_blocks(returns, blocks) for returns in trials]
    below = halves = 0
    for half in combinations(range(blocks), blocks // 2):
        other = [i for i in range(blocks) if i not in half]
        inside = [_gathered(sums, half).ratio for sums in cut]
        outside = [_gathered(sums, other).ratio for sums in cut]
        chosen = outside[max(range(len(inside)), key=inside.__getitem__)]
        worse = len([x for x in outside if x < chosen]) + len([x for x in outside if x == chosen]) / 2
        halves += 1
        below += worse <= len(outside) / 2
    return below / halves


def _blocks(returns: Sequence[float], blocks: int) -> list[Sums]:
    n = len(returns)
    edges = [i * n // blocks for i in range(blocks + 1)]
    cut = [returns[a:b] for a, b in pairwise(edges)]
    return [Sums(len(some), fsum(some), fsum([r * r for r in some])) for some in cut]


def _gathered(sums: Sequence[Sums], chosen: Sequence[int]) -> Sums:
    return Sums(
        sum(sums[i].n for i in chosen), fsum([sums[i].one for i in chosen]), fsum([sums[i].two for i in chosen])
    )
