"""Laws of the sizer."""

from __future__ import annotations

from decimal import Decimal
from math import fsum

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.facts import Reason
from tradingd.core.gates.sizer import AtRisk, SizerSettings, correlation_factor, heat, size
from tradingd.core.gates.tiers import TIERS
from tradingd.core.types import Instrument, Money, Side, Symbol

S = SizerSettings()
SECTORS = ("tech", "energy", "health", "banks")
INSTRUMENTS = [
    Instrument(symbol=Symbol("ACME"), lot=Decimal(lot), tick=Decimal(tick), multiplier=Decimal(multiplier))
    for lot in ("1", "100", "0.001")
    for tick in ("0.01", "0.25", "0.0001")
    for multiplier in ("1", "50")
]
SETTINGS = [S, *(SizerSettings(absolute_cap=Money(Decimal(cap))) for cap in ("1.00", "333.33", "1000000"))]
entries = st.fixed_dictionaries(
    {
        "confidence": st.floats(0.5, 1) | st.floats(0, 1),
        "price": st.floats(0.01, 200),
        "side": st.sampled_from(Side),
        "tier": st.sampled_from(list(TIERS.values())),
        "settings": st.sampled_from(SETTINGS),
        "active_pool": st.floats(1e4, 1e7) | st.floats(0, 1000),
        "exposures": st.dictionaries(st.sampled_from(SECTORS), st.floats(0, 1e4), max_size=4),
        "sectors_held": st.integers(0, 6),
        "sector": st.sampled_from(SECTORS),
        "correlation": st.none() | st.floats(-1, 1),
        "earnings_in_days": st.none() | st.integers(-5, 10),
        "heat_now": st.floats(0, 0.05),
        "stop_distance": st.floats(0.01, 100),
        "multiplier": st.floats(0, 5),
        "instrument": st.sampled_from(INSTRUMENTS),
    }
)
# free of what would refuse, so that laws about the size are not proved on zeroes
easy = {"confidence": 0.9, "active_pool": 1e5, "price": 10.0, "heat_now": 0.0, "stop_distance": 0.1, "correlation": None,
        "earnings_in_days": None, "multiplier": 1.0, "exposures": {}, "side": Side.BUY,
        "settings": SizerSettings(absolute_cap=Money(Decimal(10**6))),
        "instrument": Instrument(symbol=Symbol("ACME"), lot=Decimal("0.0001"))}  # fmt: skip


@given(entries, st.floats(0.75, 1), st.floats(0.1, 5))
def test_a_size_is_the_formula_clamped_to_every_ceiling_in_whole_lots(entry, confidence, multiplier):
    """S2 property 1, E3: base x (confidence / min_confidence) x multiplier, clamped to the tier, the pool's share and the cap;
    whole lots, rounded down; nothing below the bar; no lot is a refusal."""
    out = size(**entry)
    tier, instrument, s = entry["tier"], entry["instrument"], entry["settings"]
    if entry["confidence"] < tier.min_confidence:
        assert Reason.LOW_CONFIDENCE in out.reasons
        assert out.allocation == 0
    assert (out.qty > 0) == (out.reasons == ())
    assert out.qty % instrument.lot == 0
    assert out.allocation <= tier.max_position_pct
    assert out.notional <= s.absolute_cap
    assert out.notional <= Decimal(repr(tier.max_position_pct * entry["active_pool"]))
    assert out.notional >= out.qty * Decimal(repr(entry["price"])) * instrument.multiplier

    free = size(**(entry | easy | {"confidence": confidence, "multiplier": multiplier, "sectors_held": 3}))
    raw = tier.base_allocation * (confidence / tier.min_confidence) * multiplier
    assert free.allocation == min(raw, tier.max_position_pct)
    assert 0 <= Decimal(repr(free.allocation * 1e5)) - free.notional < Decimal("0.0011")
    assert free.reasons == ()


@given(entries)
def test_the_largest_lot_that_fits_is_taken(entry):
    """E3: one more lot would break the allocation, the cap or the sector's room."""
    out = size(**(entry | {"confidence": 0.9, "correlation": None, "earnings_in_days": None}))
    if out.qty == 0:
        assert out.reasons
        return
    instrument, tier, s = entry["instrument"], entry["tier"], entry["settings"]
    more = out.notional + out.notional / out.qty * instrument.lot
    room = tier.max_sector_pct * entry["active_pool"] - entry["exposures"].get(entry["sector"], 0.0)
    least = min(out.allocation * entry["active_pool"], float(s.absolute_cap), room)
    assert float(more) > least * (1 - 1e-9)


@given(entries, st.floats(-1, 1), st.floats(-1, 1))
def test_more_correlation_never_buys_more(entry, a, b):
    """E3: unchanged up to 0.5, smaller above, none above 0.8, and never rising."""
    low, high = sorted((a, b))
    cool = entry | {"heat_now": 0.0, "stop_distance": 1e-9}
    loose, tight = size(**(cool | {"correlation": low})), size(**(cool | {"correlation": high}))
    assert tight.allocation <= loose.allocation
    assert tight.qty <= loose.qty
    none = size(**(cool | {"correlation": None}))
    if high <= 0.5:
        assert (tight.qty, tight.allocation) == (none.qty, none.allocation)
    if high > 0.8:
        assert Reason.CORRELATION in tight.reasons
        assert tight.qty == 0
    else:
        assert Reason.CORRELATION not in tight.reasons
    if 0.5 < high <= 0.8 and none.allocation > 0:
        assert tight.allocation < none.allocation or high - 0.5 < 1e-12


@given(st.floats(-1, 1))
def test_the_correlation_factor_is_a_share(c):
    """E3: between 0 and 1, no jump at the first mark."""
    assert 0 <= correlation_factor(c, S) <= 1
    assert correlation_factor(0.5 + 1e-12, S) > 0.999


@given(entries)
def test_a_sector_is_never_filled_beyond_its_ceiling(entry):
    """E3: what is held and what is bought fit under max_sector_pct, or nothing is bought."""
    out = size(**entry)
    held = entry["exposures"].get(entry["sector"], 0.0)
    ceiling = entry["tier"].max_sector_pct * entry["active_pool"]
    if out.qty > 0:
        assert held + float(out.notional) <= ceiling * (1 + 1e-12) + 1e-9
    if held > ceiling:
        assert out.qty == 0


@given(entries, st.integers(0, 6), st.booleans())
def test_a_new_sector_gets_a_bonus_while_few_are_held(entry, sectors, holds):
    """S2 property 4, E3: x 1.2 exactly when fewer than 3 sectors are held and this is none of them."""
    entry = (
        entry
        | easy
        | {"sector": "tech", "sectors_held": sectors, "exposures": {"tech": 1.0} if holds else {}, "confidence": 0.75}
    )
    tier = entry["tier"]
    out = size(**entry)
    raw = tier.base_allocation * (0.75 / tier.min_confidence)
    bonus = sectors < 3 and not holds
    assert out.allocation == min(raw * 1.2 if bonus else raw, tier.max_position_pct)
    assert ("new_sector_bonus" in [a.name for a in out.adjustments]) == bonus


@given(entries, st.floats(0, 1e6), st.decimals(0, 10**5, places=2).map(Money))
def test_below_the_minimum_pool_nothing_is_bought(entry, pool, minimum):
    """E3: the sizer's half of S2's seventh property, which is a law of the whole core."""
    out = size(**(entry | {"active_pool": pool, "settings": msgspec.structs.replace(S, active_pool_minimum=minimum)}))
    assert (Reason.ACTIVE_POOL_MINIMUM in out.reasons) == (pool < float(minimum))
    if pool < float(minimum):
        assert out.qty == 0


@given(entries, st.none() | st.integers(-3, 10))
def test_earnings_halve_then_forbid(entry, days):
    """E3: none within 1 trading day, half within 3, normal outside."""
    plain, near = size(**(entry | easy)), size(**(entry | easy | {"earnings_in_days": days}))
    if days is None or days < 0 or days > 3:
        assert near == msgspec.structs.replace(plain, checks=near.checks)
    elif days > 1:
        assert near.allocation == plain.allocation * 0.5
        assert 0 < near.qty < plain.qty
    else:
        assert near.reasons == (Reason.EARNINGS,)


positions = st.lists(
    st.builds(
        AtRisk, symbol=st.just(Symbol("A")), side=st.sampled_from(Side), value=st.floats(-1e6, 1e6),
        entry=st.floats(0.01, 1e4), stop=st.floats(0.01, 1e4),
    ), max_size=8,
)  # fmt: skip


@given(positions, st.floats(100, 1e7), entries)
def test_heat_is_what_the_stops_would_lose_and_no_entry_takes_it_beyond_its_limit(held, pool, entry):
    """S2 property 24, E3: the sum of value x (entry - stop) / entry over the pool, mirrored for shorts, in any order the same; an
    entry is refused exactly when what is there and what it adds exceed the limit."""
    parts = [
        max(0.0, abs(p.value) * (p.entry - p.stop if p.side is Side.BUY else p.stop - p.entry) / p.entry) for p in held
    ]
    assert heat(held, pool) == fsum(parts) / pool
    assert heat(held[::-1], pool) == heat(held, pool) >= 0

    limit = entry["tier"].max_portfolio_heat
    for heat_now in (entry["heat_now"], heat(held, pool)):
        out = size(**(entry | {"heat_now": heat_now}))
        if out.qty > 0:
            added = float(out.notional) * (entry["stop_distance"] / entry["price"]) / entry["active_pool"]
            assert heat_now + added == out.heat <= limit
        if heat_now > limit:
            assert Reason.HEAT in out.reasons
        cold = size(**(entry | {"heat_now": 0.0, "stop_distance": 1e-12}))
        if cold.qty > 0 and out.qty == 0:
            added = float(cold.notional) * (entry["stop_distance"] / entry["price"]) / entry["active_pool"]
            assert out.reasons == (Reason.HEAT,)
            assert heat_now + added > limit
