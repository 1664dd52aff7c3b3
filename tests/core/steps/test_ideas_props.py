"""Laws of the whole way of an idea: what is held, what is near and what declines, against NumPy and plain sums."""

from __future__ import annotations

from decimal import Decimal
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.world import ACME, BOLT, CORN, EURO, INSTRUMENTS, World
from tradingd.core.events import Action, EarningsSeen, FxRate, MarketEvent
from tradingd.core.facts import Outcome, Reason
from tradingd.core.gates.sizer import SizerSettings, correlation_factor
from tradingd.core.rules import EntrySettings
from tradingd.core.types import NS, Price, Severity

FEW = settings(max_examples=max(40, settings.default.max_examples // 4))  # each example is a world
D = Decimal
OPEN = {"entry": EntrySettings(allow_short=True, tranches=1)}


def check(decided, name):
    return next(c for c in decided.checks if c.name == name)


def closes(rng, mix, base, n=91):
    """A walk whose returns are `mix` of a common one and the rest of its own."""
    own = 0.02 * (mix * base + np.sqrt(1 - mix * mix) * rng.standard_normal(n))
    return [float(c) for c in 100.0 * np.cumprod(1 + np.clip(own, -0.2, 0.2))]


def returns(walk):
    walk = np.array(walk)
    return walk[1:] / walk[:-1] - 1.0


@FEW
@given(
    st.integers(0, 10**6), st.tuples(*[st.floats(-1, 1)] * 4), st.tuples(*[st.sampled_from(Action)] * 3), st.sampled_from(Action),
    st.sets(st.sampled_from((BOLT, CORN, EURO))), st.booleans(),
)  # fmt: skip
def test_what_moves_like_the_portfolio_is_bought_smaller_or_not_at_all(seed, mixes, sides, side, holds, working):
    """S2 property 2, E3, E7: the check's value is np.corrcoef weighted by market values, to 1e-12; above 0.5 less is bought, above
    0.8 nothing, at or below exactly what would be bought without any history. Shorts count with the opposite sign; an entry
    that still works counts like what is held."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(91)
    walks = {s: closes(rng, mix, base) for s, mix in zip((ACME, BOLT, CORN, EURO), mixes, strict=True)}
    worlds = World(**OPEN), World(**OPEN)
    decisions = []
    for world, known in zip(worlds, (True, False), strict=True):
        world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.25"))))
        for symbol, action in zip((BOLT, CORN, EURO), sides, strict=True):
            if symbol in holds:
                order = world.recommend(symbol, action).orders[0]
                if symbol is not BOLT or not working:
                    world.fill(order)
        for symbol, walk in walks.items():
            world.learn(symbol, walk if known else [])
        decisions.append(world.recommend(ACME, side, confidence=0.75))
    decided, plain = decisions
    value = check(decided, "correlation").value
    if not holds:
        assert value is None
        assert decided.qty == plain.qty
        return
    weights, found = [], []
    for symbol, action in zip((BOLT, CORN, EURO), sides, strict=True):
        if symbol in holds:
            entry = next(w.order for w in worlds[0].book.booked.orders.values() if w.order.symbol == symbol)
            weights.append(float(entry.qty) * 100.0 * (1.25 if symbol is EURO else 1.0))
            sign = 1 if action is side else -1
            found.append(sign * np.corrcoef(returns(walks[ACME]), returns(walks[symbol]))[0, 1])
    assert abs(value - np.average(found, weights=weights)) <= 1e-12
    assert check(plain, "correlation").value == 0.0
    factor = correlation_factor(value, SizerSettings())
    if value > 0.8:
        assert decided.outcome is Outcome.SKIP
        assert Reason.CORRELATION in decided.reasons
    elif value > 0.5:
        assert decided.qty <= plain.qty
        assert float(decided.qty) == pytest.approx(float(plain.qty) * factor, abs=1.01)
        assert Reason.CORRELATION not in decided.reasons
    else:
        assert (decided.outcome, decided.qty) == (plain.outcome, plain.qty)


@FEW
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_more_alike_is_never_bought_larger(seed, a, b):
    """E3: monotone, the whole way of an idea."""
    low, high = sorted((a, b))
    bought = []
    for mix in (low, high):
        rng = np.random.default_rng(seed)
        base = rng.standard_normal(91)
        held = closes(rng, 1.0, base)
        world = World()
        world.buy(BOLT)
        world.learn(BOLT, held)
        world.learn(ACME, closes(rng, mix, base))
        decided = world.recommend(ACME, confidence=0.75)
        bought.append((check(decided, "correlation").value, decided.qty if decided.orders else 0))
    bought.sort(key=lambda pair: pair[0])
    assert bought[0][1] >= bought[1][1]


@FEW
@given(
    st.lists(st.sampled_from((BOLT, CORN, EURO)), unique=True),
    st.floats(80, 120),
    st.sampled_from((0.05, 0.06, 0.08, 0.2)),
)
def test_a_sector_holds_the_sum_of_its_positions_and_never_more_than_its_ceiling(held, mid, ceiling):
    """S2 property 3, E3: exposure is the market value per sector; an entry that would go beyond max_sector_pct is cut to fit."""
    instruments = {s: replace(i, sector="tech", currency="USD") for s, i in INSTRUMENTS.items()}
    world = World(instruments=instruments)
    for symbol in held:
        world.buy(symbol)
        world.quote(symbol, mid if 98 < mid < 102 else 101.0)
    value = fsum(float(world.book.qty(s)) * world.mids[s] for s in held)
    assert world.book.values().get("tech", 0.0) == pytest.approx(value)
    tier = world.book.booked.tier
    world.rules.tiers[tier] = replace(world.rules.tiers[tier], max_sector_pct=ceiling)
    world.quote(ACME, 100.0)
    decided = world.recommend(ACME)
    if decided.orders:
        assert value + float(decided.notional) <= ceiling * decided.pools.active * (1 + 1e-9)
    else:
        assert Reason.SECTOR_LIMIT in decided.reasons or Reason.SIZE_ZERO in decided.reasons


@FEW
@given(st.lists(st.tuples(st.sampled_from((BOLT, CORN, EURO)), st.floats(-0.029, 0.02)), unique_by=lambda x: x[0]))
def test_while_most_positions_decline_nothing_is_entered(moves):
    """S2 property 16, E12: more than half of the open positions down more than 2 %; exits go on."""
    world = World()
    for symbol, _ in moves:
        world.buy(symbol, price="100.00")
    for symbol, move in moves:
        world.quote(symbol, 100.0 * (1 + move))
    world.quote(ACME, 100.0)
    still = [(s, m) for s, m in moves if world.book.qty(s)]
    down = [s for s, _ in still if world.book.markets[s].mid < 98.0]
    decided = world.recommend(ACME)
    refused = bool(still) and len(down) / len(still) > 0.5
    assert (Reason.DECLINING in decided.reasons) == refused
    if refused:
        assert decided.outcome is Outcome.SKIP
        assert world.recommend(down[0], Action.SELL).outcome is Outcome.ACT


@FEW
@given(st.integers(-40, 40), st.floats(0.75, 1.0))
def test_near_earnings_half_is_bought_and_on_their_eve_nothing(days, confidence):
    """S2 property 19, E3: within 3 trading days half of the size, within 1 none, else as ever; days are sessions."""
    table = World(ready=False).rules.calendars["XNYS"]
    plain, world = World(), World()
    i = table._dates.index("2008-10-06") + days
    world.step(EarningsSeen(ts=world.now, symbol=ACME, dates=(table._dates[i],)))
    normal, decided = plain.recommend(ACME, confidence=confidence), world.recommend(ACME, confidence=confidence)
    assert check(decided, "earnings_days").value == (days if days >= 0 else None)
    if 0 <= days <= 1:
        assert Reason.EARNINGS in decided.reasons
        assert not decided.orders
    elif days in (2, 3):
        assert decided.qty == normal.qty // 2
    else:
        assert (decided.qty, decided.stop, decided.target) == (normal.qty, normal.stop, normal.target)


@FEW
@given(st.sampled_from(Action), st.floats(0.5, 9.0), st.booleans(), st.booleans())
def test_a_high_severity_event_halves_the_distance_of_every_stop_and_never_loosens_one(action, atr, before, earnings):
    """S2 property 15, E4, E12: at most half of the normal distance (a tick of rounding apart), closer to the price than the normal
    stop, whether it began before or after the fill; the target stays; it does not move back when the event is over."""
    plain, world = World(atr=atr, **OPEN), World(atr=atr, **OPEN)
    if earnings:
        world.step(EarningsSeen(ts=world.now, symbol=ACME, dates=("2008-10-20",)))
    event = MarketEvent(ts=world.now, id="e", severity=Severity.HIGH, until=world.now + 600 * NS)
    if before:
        world.step(event)
    for each in (plain, world):
        each.fill(each.recommend(ACME, action).orders[0])
    if not before:
        assert world.book.booked.levels[ACME].stop == plain.book.booked.levels[ACME].stop
        world.step(event)
    normal, tight = plain.book.booked.levels[ACME], world.book.booked.levels[ACME]
    wide, near = abs(normal.entry - normal.stop), abs(tight.entry - tight.stop)
    assert abs(near - wide / 2) <= D("0.01")
    assert near < wide
    assert tight.target == normal.target
    world.minutes(20, quotes=True)
    assert world.book.booked.levels[ACME].stop == tight.stop
