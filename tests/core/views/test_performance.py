"""The figures of performance, each against a way of its own of reckoning it."""

from __future__ import annotations

from decimal import Decimal
from math import isclose, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.world import ACCOUNT, ACME, BOLT, World, at, make_rules, refold
from tradingd.core.book.booked import ClosedTrade, Tally
from tradingd.core.events import Action
from tradingd.core.facts import CashMoved, DayClosed, DayMeasured, Measures
from tradingd.core.rules import PerformanceSettings
from tradingd.core.types import Money, Side, Symbol, TierName
from tradingd.core.views import performance
from tradingd.core.views.performance import (
    average_loss,
    average_win,
    cumulative_return,
    daily_return,
    factor_word,
    max_drawdown,
    measure,
    profit_factor,
    recent_win_rate,
    sharpe,
    tallies,
    win_rate,
)  # fmt: skip

D = Decimal
pnls = st.decimals(-10_000, 10_000, places=2)
returns = st.lists(st.floats(-0.2, 0.2), max_size=60)
BARE = {"active": 0.0, "reserve": 0.0, "realised": 0.0, "unrealised": 0.0, "day_pnl": 0.0}


def trade(pnl: Decimal, *, micro: bool = False, ts: int = 0) -> ClosedTrade:
    return ClosedTrade(ts, ACME, Money(pnl), micro=micro)


@given(st.lists(pnls, max_size=40), returns)
def test_the_figures_are_their_formulas(all_of_them, series):
    """S2 property 26, E14: win rate = wins / trades, profit factor = gross profits / gross losses (none without losses),
    Sharpe = mean / deviation x sqrt(252), each reckoned in another way."""
    t, _ = tallies(trade(p) for p in all_of_them)
    wins, losses = [p for p in all_of_them if p > 0], [-p for p in all_of_them if p < 0]
    assert (t.trades, t.wins, t.losses) == (len(all_of_them), len(wins), len(losses))
    assert win_rate(t) == (len(wins) / len(all_of_them) if all_of_them else None)
    assert (profit_factor(t) is None) == (not losses)
    assert average_win(t) == (pytest.approx(float(np.mean([float(w) for w in wins])), rel=1e-12) if wins else None)
    assert average_loss(t) == (pytest.approx(float(np.mean([float(x) for x in losses])), rel=1e-12) if losses else None)
    if losses:
        assert profit_factor(t) == pytest.approx(float(sum(wins, D(0))) / float(sum(losses, D(0))), rel=1e-12)
    assert t.pnl == sum(all_of_them, D(0))
    mean, deviation = mean_and_deviation(series)
    if len(set(series)) < 2:
        assert sharpe(series) is None
    elif deviation > 1e-9:  # else it is nothing but rounding
        assert sharpe(series) == pytest.approx(mean / deviation * sqrt(252), rel=1e-12, abs=1e-12)


def mean_and_deviation(series: list[float]) -> tuple[float, float]:
    """By NumPy, of a sample; 0 and 0 with fewer than two."""
    exact = np.array(series, dtype=np.longdouble)
    return (float(np.mean(exact)), float(np.std(exact, ddof=1))) if len(series) > 1 else (0.0, 0.0)


@given(returns)
def test_max_drawdown_is_the_deepest_fall_from_a_top_before(series):
    """E14: by NumPy over the running maximum, the starting capital included."""
    values = np.concatenate([[1.0], np.cumprod(1.0 + np.array(series))])
    expected = float(np.max(1.0 - values / np.maximum.accumulate(values)))
    assert isclose(max_drawdown(values.tolist()), expected, rel_tol=1e-12, abs_tol=1e-15)
    assert max_drawdown([1.0]) == 0.0


@given(st.lists(st.tuples(pnls, st.booleans()), max_size=40))
def test_micro_trades_are_in_no_standard_figure(mixed):
    """E15: the figures of the standard trades are those without the others, and the other way round."""
    standard, micro = tallies(trade(p, micro=m) for p, m in mixed)
    assert standard == tallies(trade(p) for p, m in mixed if not m)[0]
    assert micro == tallies(trade(p) for p, m in mixed if m)[0]
    assert recent_win_rate([trade(p, micro=m) for p, m in mixed], 0) == win_rate(standard)


def test_the_recent_win_rate_knows_no_older_trades():
    """E2: what the tier is judged by; the limit itself still counts."""
    old, new = trade(D(5), ts=9), trade(D(-5), ts=10)
    assert recent_win_rate([old, new], 9) == 0.5
    assert recent_win_rate([old, new], 10) == 0.0
    assert recent_win_rate([old, new], 11) is None


def day(value: float, capital: str) -> DayMeasured:
    return DayMeasured(
        ts=0, account=ACCOUNT, date="2008-10-06", measures=Measures(value=value, **BARE), daily_return=0.0,
        cumulative_return=0.0, tier=TierName.MODERATE, capital=Money(D(capital)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "equity", "capital", "earned"),
    [
        (None, 101.0, 100.0, 0.01),
        (day(100.0, "100"), 101.0, 100.0, 0.01),
        (day(100.0, "100"), 151.0, 150.0, 1 / 150),
        (day(100.0, "100"), 51.0, 50.0, 0.01),
        (day(100.0, "100"), 1.0, 0.0, 0.01),
        (None, 0.0, 0.0, 0.0),
        (day(0.0, "100"), 0.0, 100.0, 0.0),
    ],
)
def test_a_daily_return_leaves_out_what_was_put_in_or_taken_out(before, equity, capital, earned):
    """E14: a deposit works from its day on, a withdrawal has worked that day; nothing divides by nothing."""
    assert daily_return(before, equity, capital) == pytest.approx(earned)


def test_a_cumulative_return_is_on_all_capital():
    assert cumulative_return(150.0, 100.0) == 0.5
    assert cumulative_return(5.0, 0.0) == 0.0


def test_the_profit_factor_in_words():
    """E14: infinite without losses."""
    plain = {"value": 0.0, **BARE}
    assert factor_word(Measures(**plain)) == "none yet"
    assert factor_word(Measures(**plain, wins=1)) == "infinite"
    assert factor_word(Measures(**plain, wins=1, losses=2, profit_factor=1.5)) == "1.50"


# from a book --------------------------------------------------------------------------------------------------------------

stories = st.lists(st.tuples(st.sampled_from([ACME, BOLT]), st.integers(95, 105), st.integers(1, 3)), max_size=6)


def live(story: list[tuple[Symbol, int, int]]) -> World:
    """Bought at 100.01 and sold at another price, in pieces, on several days."""
    world = World(protective=False)
    for n, (symbol, price, pieces) in enumerate(story):
        for each in (ACME, BOLT):
            world.quote(each, 100.0)
        if not world.recommend(symbol).orders:
            continue
        entry = world.book.open_orders(symbol)[0].order.order_id
        world.fill(entry, price="100.01")
        world.recommend(symbol, Action.SELL)
        exit_id = world.exit_order(symbol).order.order_id
        for i in range(pieces - 1):
            world.fill(exit_id, qty="1", price=str(price - i))
        world.fill(exit_id, price=str(price))
        world.minutes(3, quotes=True)
        if n % 2:
            world.now = at(f"2008-10-{6 + n:02d}T20:30")
            world.timer()
            world.now = at(f"2008-10-{7 + n:02d}T14:30")
            world.timer()
    return world


@given(stories)
def test_measures_of_a_replay_are_the_live_ones(story):
    """S2 property 36, E14: from the journal's facts, and from the bare list of trades and days, the same figures."""
    world = live(story)
    again = refold(world.facts)
    for instrument in world.rules.instruments.values():
        q = world.rules.quotes
        again.watch(instrument, band=q.band, atr_bars=q.atr_bars).mid = world.mids[instrument.symbol]
    for one in (world.book, again):
        one.remark()
    found = measure(world.book, world.rules)
    assert measure(again, world.rules) == found
    booked = world.book.booked
    t, _ = tallies(booked.trades)
    assert (found.trades, found.wins, found.losses) == (t.trades, t.wins, t.losses)
    assert (found.win_rate, found.profit_factor) == (win_rate(t), profit_factor(t))
    assert found.sharpe == sharpe([d.daily_return for d in booked.measured])
    closes = [float(c.equity) for c in world.all(DayClosed)]
    assert found.max_drawdown == pytest.approx(max_drawdown([100_000.0, *closes, found.value]), abs=1e-9)
    assert found.value == pytest.approx(float(booked.cash) + found.unrealised, abs=1e-6)


@given(stories)
def test_days_multiply_to_the_whole(story):
    """E14: the daily returns of an account that nobody pays into give its cumulative return."""
    world = live(story)
    product = 1.0
    for one in world.all(DayMeasured):
        product *= 1.0 + one.daily_return
        assert one.cumulative_return == pytest.approx(product - 1.0, abs=1e-12)
        assert one.measures.sharpe == sharpe([d.daily_return for d in world.all(DayMeasured) if d.ts <= one.ts])


def test_unrealised_and_heat_are_of_now():
    """E14."""
    world = World()
    qty = world.buy(ACME)
    world.quote(ACME, 101.0)
    world.book.remark()
    m = measure(world.book, world.rules)
    assert m.unrealised == pytest.approx(float(qty) * 0.99)
    assert m.heat > 0
    assert m.day_pnl == pytest.approx(m.unrealised)
    assert (m.trades, m.win_rate, m.profit_factor, m.sharpe) == (0, None, None, None)


def test_money_put_in_during_the_day_is_no_profit():
    """E14."""
    world = World()
    world.book.emit(CashMoved(ts=world.now, account=ACCOUNT, kind="deposit", amount=Money(D(5000))))
    world.book.remark()
    assert measure(world.book, world.rules).day_pnl == 0.0
    world.now = at("2008-10-06T20:01")
    world.timer()
    [measured] = world.of(DayMeasured)
    assert (measured.daily_return, measured.cumulative_return, measured.capital) == (0.0, 0.0, D(105_000))


def test_only_the_last_days_make_the_sharpe():
    """E14: `performance.days` of them."""
    world = World()
    for n in range(40):
        fact = DayMeasured(
            ts=world.now + n, account=ACCOUNT, date=f"d{n}", measures=Measures(value=1.0, **BARE), tier=TierName.MODERATE,
            daily_return=0.5 if n < 10 else 0.001 * n, cumulative_return=0.0,
        )  # fmt: skip
        world.book.emit(fact)
    assert measure(world.book, world.rules).sharpe == sharpe([0.001 * n for n in range(10, 40)])
    fewer = make_rules(performance=PerformanceSettings(days=5))
    assert measure(world.book, fewer).sharpe == sharpe([0.001 * n for n in range(35, 40)])
    assert performance.sharpe([0.01]) is None


def test_a_short_is_measured_like_a_long():
    """E14: bought back lower is a win."""
    world = World()
    world.foreign_fill(ACME, Side.SELL, "10", "100")
    world.foreign_fill(ACME, Side.BUY, "10", "99")
    assert world.book.booked.tally == Tally(1, 1, 0, Money(D(10)), Money(D(0)))
