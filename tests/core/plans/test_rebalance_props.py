"""Laws of rebalancing: what is sold, of whom, and how much."""

from __future__ import annotations

from decimal import Decimal
from math import fsum, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.plans.rebalance import AIM, Holding, Limits, Sell, sells
from tradingd.core.types import Qty, Symbol

D = Decimal
SECTORS = ("tech", "energy", "food")
HAIR = 1.0 + 1e-9


@st.composite
def portfolios(draw: st.DrawFn) -> tuple[Holding, ...]:
    found = []
    for n in range(draw(st.integers(0, 14))):
        lot = draw(st.sampled_from([D(1), D("0.001"), D(100)]))
        lots = draw(st.integers(1, 400))
        fraction = draw(st.sampled_from([D(0), D(0), lot / 3]))  # what a split leaves behind
        found.append(
            Holding(
                symbol=Symbol(f"S{n:02d}"), sector=draw(st.sampled_from(SECTORS)), qty=Qty(lot * lots + fraction), lot=lot,
                value=draw(st.just(0.0) | st.floats(0.01, 60_000.0)), confidence=draw(st.none() | st.floats(0.0, 1.0)),
            )
        )  # fmt: skip
    return tuple(draw(st.permutations(found)))


limits = st.builds(
    Limits, position_pct=st.floats(0.01, 0.3), sector_pct=st.floats(0.05, 1.0), positions=st.integers(0, 15)
)
POOL = 100_000.0


def after(holdings: tuple[Holding, ...], sold: tuple[Sell, ...]) -> dict[Symbol, float]:
    """What is left of each, in money; computed from the fraction kept."""
    gone = {s.symbol: s.qty for s in sold}
    return {h.symbol: h.value * float(1 - gone.get(h.symbol, D(0)) / h.qty) for h in holdings}


def sure(holding: Holding) -> tuple[float, str]:
    return (-1.0 if holding.confidence is None else holding.confidence, holding.symbol)


@given(portfolios(), limits)
def test_after_the_sells_everything_is_within_limits(holdings: tuple[Holding, ...], most: Limits) -> None:
    """S2 property 17, E13: each position, each sector, and their number; a sector loses from its least sure position first: none is
    cut for it while a less sure one of it still stands."""
    sold = sells(holdings, POOL, most)
    left = after(holdings, sold)
    assert all(value <= most.position_pct * POOL * HAIR for value in left.values())
    for sector in SECTORS:
        assert fsum([left[h.symbol] for h in holdings if h.sector == sector]) <= most.sector_pct * POOL * HAIR
        row = sorted((h for h in holdings if h.sector == sector and h.value > 0), key=sure)
        for n, h in enumerate(row):
            if any(why.startswith("sector") for s in sold if s.symbol == h.symbol for why in s.why):
                assert all(left[lesser.symbol] == 0 for lesser in row[:n])
    whole = {s.symbol for s in sold if s.whole}
    assert len(holdings) - len(whole) <= most.positions


@given(portfolios(), limits)
def test_a_sell_is_in_lots_or_everything_and_never_more_than_is_held(
    holdings: tuple[Holding, ...], most: Limits
) -> None:
    """E13, G11: each symbol once, each with its reasons."""
    by_symbol = {h.symbol: h for h in holdings}
    sold = sells(holdings, POOL, most)
    assert len({s.symbol for s in sold}) == len(sold)
    for s in sold:
        held = by_symbol[s.symbol]
        assert 0 < s.qty <= held.qty
        assert s.whole == (s.qty == held.qty)
        assert s.whole or s.qty % held.lot == 0
        assert s.why
        assert len(set(s.why)) == len(s.why)


@given(portfolios(), limits)
def test_the_least_sure_of_a_sector_go_first(holdings: tuple[Holding, ...], most: Limits) -> None:
    """E13: no position of a sector is cut for it while a less sure one of the same sector still has a lot."""
    roomy = Limits(position_pct=1.0, sector_pct=most.sector_pct, positions=99)
    sold = {s.symbol: s for s in sells(holdings, POOL, roomy)}
    for sector in SECTORS:
        row = sorted((h for h in holdings if h.sector == sector and h.value > 0), key=sure)
        cut = [h.symbol in sold for h in row]
        assert cut == sorted(cut, reverse=True)
        last = cut.count(True) - 1
        assert all(sold[h.symbol].whole for h in row[: max(0, last)])


@given(portfolios(), limits)
def test_of_too_many_the_least_sure_go_whole(holdings: tuple[Holding, ...], most: Limits) -> None:
    """E13: as many as there are too many, no more."""
    loose = Limits(position_pct=1.0, sector_pct=99.0, positions=most.positions)
    sold = sells(holdings, POOL, loose)
    row = sorted(holdings, key=sure)
    assert {s.symbol for s in sold} == {h.symbol for h in row[: max(0, len(row) - most.positions)]}
    assert all(s.whole for s in sold)


@given(portfolios(), limits)
def test_a_position_is_cut_by_as_few_lots_as_it_needs(holdings: tuple[Holding, ...], most: Limits) -> None:
    """E13: one lot fewer would leave it above what it is cut to; what is within its share is not touched."""
    loose = Limits(position_pct=most.position_pct, sector_pct=99.0, positions=99)
    sold = {s.symbol: s for s in sells(holdings, POOL, loose)}
    for h in holdings:
        assert (h.symbol in sold) == (h.value > most.position_pct * POOL)
        if h.symbol in sold and sold[h.symbol].qty > h.lot:
            lots = (sold[h.symbol].qty / h.lot).to_integral_value(rounding="ROUND_CEILING")
            kept = h.value * float(1 - (lots - 1) * h.lot / h.qty)
            assert kept > AIM * most.position_pct * POOL / HAIR


@given(portfolios(), limits)
def test_selling_twice_sells_nothing_more(holdings: tuple[Holding, ...], most: Limits) -> None:
    """E13: what remains is within limits by the plan's own judgement."""
    sold = {s.symbol: s.qty for s in sells(holdings, POOL, most)}
    rest = tuple(
        Holding(
            symbol=h.symbol, sector=h.sector, qty=Qty(h.qty - sold.get(h.symbol, D(0))), lot=h.lot,
            value=h.left(sold.get(h.symbol, D(0))), confidence=h.confidence,
        )
        for h in holdings
        if sold.get(h.symbol, D(0)) < h.qty
    )  # fmt: skip
    assert sells(rest, POOL, most) == ()


@given(portfolios(), limits)
def test_the_order_of_what_is_held_does_not_matter(holdings: tuple[Holding, ...], most: Limits) -> None:
    """T1."""
    assert sells(holdings, POOL, most) == sells(tuple(reversed(holdings)), POOL, most)


@pytest.mark.parametrize("pool", [0.0, -5.0, nan, inf])
def test_without_a_pool_to_compare_with_nothing_is_sold(pool: float) -> None:
    """E13: a share of nothing says nothing."""
    held = Holding(symbol=Symbol("A"), sector="tech", qty=Qty(D(10)), lot=D(1), value=1000.0)
    assert sells((held,), pool, Limits(position_pct=0.05, sector_pct=0.2, positions=10)) == ()


def test_each_step_counts_what_the_one_before_sold() -> None:
    """E13: A is cut to its share; the sector then needs only the rest of it from the less sure B; C goes by number."""
    held = [
        Holding(symbol=Symbol("A"), sector="tech", qty=Qty(D(100)), lot=D(1), value=15_000.0, confidence=0.9),
        Holding(symbol=Symbol("B"), sector="tech", qty=Qty(D(100)), lot=D(1), value=9_000.0, confidence=0.7),
        Holding(symbol=Symbol("C"), sector="food", qty=Qty(D(7)), lot=D(1), value=700.0, confidence=0.6),
    ]
    assert sells(held, POOL, Limits(position_pct=0.1, sector_pct=0.15, positions=2)) == (
        Sell(Symbol("A"), Qty(D(34)), False, ("position 15.00% of the active pool, at most 10.00%",)),
        Sell(Symbol("B"), Qty(D(45)), False, ("sector tech 18.90% of the active pool, at most 15.00%",)),
        Sell(Symbol("C"), Qty(D(7)), True, ("3 positions, at most 2",)),
    )
