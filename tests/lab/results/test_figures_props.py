"""The metrics of a run against empyrical-reloaded, and laws of their own."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from math import isclose

import empyrical
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tradingd.core.types import Money, Qty, Symbol
from tradingd.core.views.performance import max_drawdown
from tradingd.lab.results.figures import annual_return, grown, largest_fall, months, of_days, sortino, volatility
from tradingd.lab.results.groups import Gathered, Sorted, grouped
from tradingd.lab.results.rows import Day, Trade

D = Decimal
gains = st.floats(-0.2, 0.2).map(lambda r: round(r, 6))
series = st.lists(gains, min_size=2, max_size=80)
NIL = Money(D(0))


def days(returns: list[float], *, start: date = date(2008, 1, 30)) -> list[Day]:
    growth = grown(returns)
    return [
        Day(
            ts=i, utc="", date=(start + timedelta(days=i)).isoformat(), equity=100_000.0 * growth[i], cash=NIL, reserve=NIL,
            capital=Money(D(100_000)), gross=50_000.0 * growth[i], net=0.0, span_s=100.0, held_s=25.0, daily_return=gained,
            drawdown=0.0,
        )
        for i, gained in enumerate(returns)
    ]  # fmt: skip


def trade(realised: Decimal, *, symbol: str = "ACME", fees: str = "0", micro: bool = False) -> Trade:
    return Trade(
        ts=0, utc="", symbol=Symbol(symbol), side="long", opened="", qty=Qty(D(1)), entry=1.0, exit=1.0, entry_fees=NIL,
        exit_fees=Money(D(fees)), realised=Money(realised), hold_s=60.0, sessions=0, micro=micro,
    )  # fmt: skip


@given(series, st.sampled_from([252, 365]))
def test_the_figures_of_the_days_are_those_of_empyrical(returns, year):
    """T2: return, annual return, volatility, Sharpe, Sortino, drawdown, Calmar, by another hand."""
    found, given_ = of_days(days(returns), year), np.array(returns)
    near = {"rel": 1e-9, "abs": 1e-9}
    assert found.total_return == pytest.approx(float(empyrical.cum_returns_final(given_)), **near)
    assert found.max_drawdown.share == pytest.approx(-float(empyrical.max_drawdown(given_)), **near)
    assert found.volatility == pytest.approx(float(empyrical.annual_volatility(given_, annualization=year)), **near)
    annual = float(empyrical.annual_return(given_, annualization=year))
    assert found.annual_return == pytest.approx(annual, **near)
    if min(returns) < 0:
        assert found.sortino == pytest.approx(float(empyrical.sortino_ratio(given_, annualization=year)), **near)
        assert found.calmar == pytest.approx(float(empyrical.calmar_ratio(given_, annualization=year)), **near)
    else:
        assert (found.sortino, found.calmar) == (None, None)
    deviation = float(np.std(given_, ddof=1))
    if len(set(returns)) > 1 and deviation > 1e-9:
        assert found.sharpe == pytest.approx(
            float(empyrical.sharpe_ratio(given_, annualization=year)), rel=1e-6, abs=1e-6
        )


@given(series)
def test_the_months_multiply_to_the_whole_and_are_those_of_empyrical(returns):
    """T2: no day is in two months or in none."""
    found = months(days(returns))
    assert isclose(grown(span.gained for span in found)[-1], grown(returns)[-1], rel_tol=1e-9)
    by_name: dict[str, list[float]] = {}
    for day in days(returns):
        by_name.setdefault(day.date[:7], []).append(day.daily_return)
    for span in found:
        assert span.gained == pytest.approx(
            float(empyrical.cum_returns_final(np.array(by_name[span.name]))), rel=1e-9, abs=1e-12
        )
    m = of_days(days(returns))
    assert m.best_month is not None
    assert m.worst_month is not None
    assert m.best_month.gained == max(span.gained for span in found)
    assert m.worst_month.gained == min(span.gained for span in found)


@given(series)
@example([0.0005, -0.1])
@example([0.1, -0.1, 0.0005, -0.2, 0.5])
def test_the_largest_fall_is_where_it_says(returns):
    """T2: from its top to its bottom it lost its share, nothing was higher between, and it is over when it says so."""
    lived = days(returns)
    growth = grown(returns)
    fall = largest_fall(lived, growth)
    assert fall.share == pytest.approx(max_drawdown([1.0, *growth]), rel=1e-12, abs=1e-15)
    assume(fall.share > 0)
    at = {day.date: i for i, day in enumerate(lived)}
    top_at, bottom = at.get(fall.top, -1), at[fall.bottom]
    top = growth[top_at] if top_at >= 0 else 1.0
    assert (top - growth[bottom]) / top == pytest.approx(fall.share, rel=1e-12)
    assert all(value <= top for value in growth[top_at + 1 : bottom])
    if fall.over:
        assert growth[at[fall.over]] >= top
        assert all(value < top for value in growth[bottom : at[fall.over]])
        assert fall.sessions == at[fall.over] - top_at
    else:
        assert all(value < top for value in growth[bottom:])
        assert fall.sessions == len(growth) - 1 - top_at


pnls = st.decimals(-10_000, 10_000, places=2)


@given(st.lists(st.tuples(pnls, st.sampled_from(["ACME", "BOLT"]), st.decimals(0, 5, places=2)), max_size=30))
def test_groups_are_parts_of_the_whole(made):
    """T2: what symbols make is what all make; fees are taken off net alone."""
    both = Sorted()
    for realised, symbol, fees in made:
        both.take(trade(realised, symbol=symbol, fees=str(fees)))
    whole, parts = both.all.group(), grouped(both.by_symbol)
    assert sum((g.trades for g in parts.values()), 0) == whole.trades == len(made)
    assert sum((g.realised for g in parts.values()), D(0)) == whole.realised == sum((r for r, _, _ in made), D(0))
    assert (
        sum((g.net for g in parts.values()), D(0)) == whole.net == whole.realised - sum((f for _, _, f in made), D(0))
    )
    assert whole.best == max((r for r, _, _ in made), default=None)
    assert whole.worst == min((r for r, _, _ in made), default=None)
    if made:
        assert whole.expectancy == pytest.approx(float(whole.realised) / len(made), abs=1e-9)


def test_too_little_to_say_says_nothing():
    """T2: None, never a guess or a division by nothing."""
    none = of_days([])
    assert (none.sessions, none.equity, none.sharpe, none.exposure, none.best_day) == (0, None, None, None, None)
    one = of_days(days([0.01]))
    assert (one.annual_return, one.volatility, one.sharpe, one.sortino, one.calmar) == (None, None, None, None, None)
    assert one.total_return == pytest.approx(0.01)
    assert Gathered().group().expectancy is None
    assert volatility([0.5], 252) is sortino([0.5], 252) is None
    assert annual_return(0.0, 10, 252) is annual_return(-0.5, 10, 252) is None
    assert annual_return(1e30, 2, 252) is None


def test_exposure_gross_and_turnover_are_shares():
    """T2."""
    found = of_days(days([0.0, 0.0, 0.0]), 252, moved=Money(D(20_000)))
    assert found.exposure == 0.25
    assert found.gross_mean == found.gross_max == 0.5
    assert found.turnover == pytest.approx(0.1 * 252 / 3)
