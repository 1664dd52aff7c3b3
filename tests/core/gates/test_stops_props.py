"""Laws of the stops."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.facts import Reason
from tradingd.core.gates.sizer import AtRisk, heat
from tradingd.core.gates.stops import (
    Levels,
    StopSettings,
    ease_heat,
    fired,
    initial_levels,
    lines,
    re_evaluate,
    trail_price,
    trailed,
)  # fmt: skip
from tradingd.core.gates.tiers import TIERS
from tradingd.core.gates.window import MINUTE
from tradingd.core.types import Instrument, Price, Side, Symbol

S = StopSettings()
sides = st.sampled_from(Side)
tiers = st.sampled_from(list(TIERS.values()))
TICKS = [Decimal("0.01"), Decimal("0.25"), Decimal("0.00001")]
instruments = st.sampled_from([Instrument(symbol=Symbol("ACME"), tick=tick) for tick in TICKS])
STOCK = Instrument(symbol=Symbol("ACME"))
cents = st.integers(1, 10**6).map(lambda n: Decimal(n) / 100)


@st.composite
def positions(draw):
    """A side and levels in their right order around an entry."""
    side = draw(sides)
    entry = draw(st.integers(20_000, 10**6))
    stop, target = draw(st.integers(1, 9_999)), draw(st.integers(1, 9_999))
    level = lambda n: Price(Decimal(n) / 100)  # noqa: E731
    return side, Levels(
        entry=level(entry), stop=level(entry - side.sign * stop), target=level(entry + side.sign * target)
    )


@given(st.floats(1, 1e5), st.floats(0.001, 100), sides, tiers, instruments)
def test_a_stop_is_below_entry_and_a_target_above(entry, atr, side, tier, instrument):
    """S2 property 9, E4: entry -/+ ATR x multiplier and +/- distance x reward_risk, mirrored, on the grid, never closer."""
    levels = initial_levels(entry, atr, side, tier.stop_loss_atr_multiplier, tier.reward_risk_ratio, instrument)
    distance = atr * tier.stop_loss_atr_multiplier
    reward = distance * tier.reward_risk_ratio
    tick = float(instrument.tick)
    if isinstance(levels, Reason):
        least = max(distance, reward) if side is Side.SELL else distance
        assert min(atr, distance) < tick or entry - least < 3 * tick
        return
    risked, gained = side.sign * (entry - float(levels.stop)), side.sign * (float(levels.target) - entry)
    assert -1e-9 <= risked - distance < tick + 1e-9
    assert -1e-9 <= gained - reward < tick + 1e-9
    assert side.sign * levels.stop < side.sign * levels.entry < side.sign * levels.target
    assert levels.stop % instrument.tick == levels.target % instrument.tick == 0


@given(positions(), cents, cents)
def test_a_crossing_fires_and_nothing_else_does(position, bid, ask):
    """S2 property 10, E4: at or beyond stop or target, judged in Decimal where the position would be closed."""
    side, levels = position
    price = bid if side is Side.BUY else ask
    what = fired(side, levels, float(bid), float(ask), S)
    stopped = side.sign * price <= side.sign * levels.stop
    reached = side.sign * price >= side.sign * levels.target
    assert (what == "stop") == stopped
    assert (what == "target") == reached


@given(positions(), st.integers(-9_999, 9_999))
def test_the_trail_fires_beyond_half_way_only(position, cents_moved):
    """S2 property 11, E4: a favourable move of more than half the way to target moves the stop to entry, half does not."""
    side, levels = position
    moved = Decimal(cents_moved) / 100
    price = float(levels.entry + side.sign * moved)
    way = abs(levels.target - levels.entry)
    what = fired(side, levels, price, price, S)
    assert (what == "trail") == (way / 2 < moved < way)
    if what == "trail":
        after = trailed(side, levels)
        assert after.stop == levels.entry
        assert fired(side, after, price, price, S) is None


@given(
    st.decimals("0.00000001", "9999999", places=8),
    st.decimals("0.00000001", "9999999", places=8),
    st.integers(-3, 3),
    sides,
)
def test_a_stop_in_float_fires_exactly_as_in_decimal(stop, price, near, side):
    """ARCHITECTURE, booked and observed: prices of at most 15 digits keep their order as floats, one step apart included."""
    close = stop + near * Decimal("0.00000001")
    for quote in (price, close):
        if quote <= 0:
            continue
        far = Price(stop + side.sign * 10**7 if side is Side.BUY else Decimal("1E-9"))
        levels = Levels(entry=Price(stop), stop=Price(stop), target=far, trailing=True)
        what = fired(side, levels, float(quote), float(quote), S)
        assert (what == "stop") == (side.sign * quote <= side.sign * stop)


@given(positions(), st.booleans(), st.floats(0.01, 1e5), st.floats(0.01, 1e5))
def test_between_the_lines_no_quote_matters(position, trailing, bid, ask):
    """Exact skipping: strictly between the lines nothing fires, on them or beyond something may."""
    side, levels = position
    levels = trailed(side, levels) if trailing else levels
    low, high = lines(side, levels, S)
    price = bid if side is Side.BUY else ask
    assert low < high
    what = fired(side, levels, bid, ask, S)
    if low < price < high:
        assert what is None
    elif price not in {low, high}:
        assert what is not None


evaluations = st.fixed_dictionaries(
    {"last_atr": st.floats(0.01, 50), "atr": st.floats(0.01, 50), "now": st.integers(0, 20 * MINUTE),
     "factor": st.sampled_from([1.0, 0.7, 0.5]), "urgent": st.booleans()}
)  # fmt: skip


@given(positions(), tiers, st.lists(evaluations, min_size=1, max_size=5), st.booleans())
def test_levels_only_ever_come_closer(position, tier, steps, trailing):
    """E4: no sequence of evaluations and trails loosens a stop or moves a target away."""
    side, levels = position
    for step in steps:
        new = re_evaluate(
            side=side, levels=levels, last_ts=0, multiplier=tier.stop_loss_atr_multiplier,
            reward_risk=tier.reward_risk_ratio, instrument=STOCK, settings=S, **step,
        )  # fmt: skip
        if new is not None:
            assert new != levels
            assert side.sign * new.stop >= side.sign * levels.stop
            assert side.sign * new.target <= side.sign * levels.target
            assert step["urgent"] or step["now"] >= 5 * MINUTE
            levels = new
        if trailing:
            after = trailed(side, levels)
            assert side.sign * after.stop >= side.sign * levels.stop
            levels = after


@given(st.floats(50, 1e4), st.floats(0.5, 10), sides, tiers)
def test_a_high_severity_event_halves_the_distance(entry, atr, side, tier):
    """E4, E12: the tightened stop stands at half the normal distance, closer than the normal one."""
    entry = float(STOCK.price(entry))
    normal = initial_levels(entry, atr, side, tier.stop_loss_atr_multiplier, tier.reward_risk_ratio, STOCK)
    if isinstance(normal, Reason):
        assert side is Side.SELL or entry <= atr * tier.stop_loss_atr_multiplier + 0.01
        return
    tight = re_evaluate(
        side=side, levels=normal, last_atr=atr, atr=atr, last_ts=0, now=0, multiplier=tier.stop_loss_atr_multiplier,
        reward_risk=tier.reward_risk_ratio, instrument=STOCK, settings=S, factor=S.event_factor, urgent=True,
    )  # fmt: skip
    assert tight.distance < normal.distance
    assert abs(tight.distance - normal.distance / 2) <= 0.011
    assert tight.target == normal.target


risks = st.lists(
    st.builds(
        AtRisk, symbol=st.sampled_from([Symbol(n) for n in "ABCDEF"]), side=sides, value=st.floats(1, 1e5),
        entry=st.floats(10, 1000), stop=st.floats(10, 1000), confidence=st.none() | st.floats(0, 1),
    ), max_size=6, unique_by=lambda p: p.symbol,
)  # fmt: skip


@given(risks, st.floats(1e3, 1e6), st.floats(0.01, 0.2))
def test_heat_is_eased_lowest_confidence_first_and_no_further_than_needed(held, pool, limit):
    """S2 property 25, E4: only above 80 % of the limit, weakest first, each move lowers heat, and the last was needed."""
    known = {Symbol(n): Instrument(symbol=Symbol(n)) for n in "ABCDEF"}
    moved = ease_heat(held, pool, limit, known, S)
    if heat(held, pool) <= 0.8 * limit:
        assert moved == ()
    by_symbol = {p.symbol: p for p in held}
    order = [-1.0 if (c := by_symbol[s].confidence) is None else c for s, _ in moved]
    assert order == sorted(order)
    for symbol, stop in moved:
        assert heat(list(by_symbol.values()), pool) > 0.8 * limit
        p = by_symbol[symbol]
        assert p.side.sign * p.stop < p.side.sign * float(stop)
        by_symbol[symbol] = msgspec.structs.replace(p, stop=float(stop))
    left_alone = [p for p in held if p.symbol not in dict(moved) and p.side.sign * (p.entry - p.stop) > 0.1]
    if left_alone:
        assert heat(list(by_symbol.values()), pool) <= 0.8 * limit


@given(positions())
def test_the_trail_price_is_exactly_half_way(position):
    _, levels = position
    assert 2 * trail_price(levels, S) == levels.entry + levels.target
