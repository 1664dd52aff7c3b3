"""Laws of the circuit breaker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.facts import BreakerKind, Reason
from tradingd.core.gates import breaker
from tradingd.core.gates.breaker import BreakerSettings, Trip
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.window import MINUTE
from tradingd.core.types import Side, Symbol

S = BreakerSettings()
NAMES = [Symbol("ACME"), Symbol("OTHER")]
prices = st.floats(0.01, 1e5)
shares = st.floats(0.001, 1)
times = st.integers(0, 10**7 * MINUTE)


@given(prices, prices, shares, times)
def test_daily_loss_trips_exactly_above_its_threshold(opened, now_worth, threshold, now):
    """E6: of the equity at the open, and for the whole account."""
    trip = breaker.daily_loss(opened, now_worth, now, BreakerSettings(daily_loss=threshold))
    assert (trip is not None) == ((opened - now_worth) / opened > threshold)
    assert trip is None or (trip.symbol is None and trip.actual > trip.threshold == threshold)


@given(st.sampled_from(Side), prices, prices, shares, times)
def test_position_loss_cools_down_its_ticker_only(side, entry, price, threshold, now):
    """E6: loss above the threshold, mirrored; the other ticker stays free."""
    trip = breaker.position_loss(NAMES[0], side, entry, price, now, BreakerSettings(position_loss=threshold))
    loss = (entry - price if side is Side.BUY else price - entry) / entry
    assert (trip is not None) == (loss > threshold)
    if trip is not None:
        assert refusals(breaker.entry_checks([trip], now, NAMES[0])) == (Reason.TICKER_COOLDOWN,)
        assert refusals(breaker.entry_checks([trip], now, NAMES[1])) == ()


@given(st.lists(st.integers(0, 90), max_size=8), st.integers(1, 5))
def test_volatility_counts_the_last_thirty_minutes(minutes, needed):
    """E6: n stop-outs within the window, in any order."""
    now = 1000 * MINUTE
    hits = [now - m * MINUTE for m in minutes]
    settings = BreakerSettings(stop_outs=needed)
    trip = breaker.volatility(hits, now, settings)
    assert (trip is not None) == (len([m for m in minutes if m <= 30]) >= needed)
    assert breaker.volatility(sorted(hits), now, settings) == trip


trips = st.builds(
    Trip, kind=st.sampled_from(BreakerKind), threshold=shares, actual=shares, ts=times, until=times,
    symbol=st.none() | st.sampled_from(NAMES),
)  # fmt: skip


@given(st.lists(trips, max_size=5), times, st.sampled_from(NAMES))
def test_an_active_breaker_lets_no_entry_through(many, now, symbol):
    """E6: refused exactly while a trip of the account or of this ticker stands."""
    standing = [t for t in many if now <= t.until and t.symbol in {None, symbol}]
    reasons = refusals(breaker.entry_checks(many, now, symbol))
    assert bool(reasons) == bool(standing)
    assert (Reason.BREAKER_ACTIVE in reasons) == any(t.symbol is None for t in standing)


@given(
    prices, prices, st.sampled_from(Side), shares, st.lists(st.integers(0, 90), max_size=8), st.integers(1, 5), times
)
def test_a_breaker_trips_exactly_beyond_its_threshold_and_then_no_entry_passes(
    before, after, side, threshold, minutes, needed, now
):
    """S2 property 13, E6: the day's loss, one position's loss (its ticker alone cools down), stop-outs within 30 minutes: each
    trips beyond its own threshold and not before, and while any stands the entries it speaks of are refused."""
    now += 90 * MINUTE
    settings = BreakerSettings(daily_loss=threshold, position_loss=threshold, stop_outs=needed)
    lost, moved = (before - after) / before, side.sign * (before - after) / before
    hits = [now - m * MINUTE for m in minutes]
    day = breaker.daily_loss(before, after, now, settings)
    one = breaker.position_loss(NAMES[0], side, before, after, now, settings)
    wild = breaker.volatility(hits, now, settings)
    assert (day is not None) == (lost > threshold)
    assert (one is not None) == (moved > threshold)
    assert (wild is not None) == (len([m for m in minutes if m <= 30]) >= needed)
    tripped = [trip for trip in (day, one, wild) if trip is not None]
    for name in NAMES:
        whole, ticker = day is not None or wild is not None, one is not None and name == NAMES[0]
        expected = [Reason.BREAKER_ACTIVE] * whole + [Reason.TICKER_COOLDOWN] * ticker
        assert list(refusals(breaker.entry_checks(tripped, now, name))) == expected


@given(st.sampled_from(BreakerKind), st.integers(1, 10_000), times, st.integers(0, 20_000 * MINUTE))
def test_a_cool_down_ends_strictly_after_its_time(kind, minutes, now, later):
    """S2 property 14, E6: active up to trigger + cool-down, over after it, never both, and no event is needed for it."""
    settings = BreakerSettings(
        cooldown_daily_min=minutes,
        cooldown_ticker_min=minutes,
        cooldown_volatility_min=minutes,
        cooldown_manual_min=minutes,
    )
    made = {
        BreakerKind.DAILY_LOSS: breaker.daily_loss(100.0, 1.0, now, settings),
        BreakerKind.SINGLE_POSITION: breaker.position_loss(NAMES[0], Side.BUY, 100.0, 1.0, now, settings),
        BreakerKind.VOLATILITY: breaker.volatility([now] * 3, now, settings),
        BreakerKind.MANUAL: breaker.manual("kim", now, settings),
    }[kind]
    assert made is not None
    for at in (now + later, now + minutes * MINUTE, now + minutes * MINUTE + 1):
        over = at > now + minutes * MINUTE
        assert breaker.expired([made], at) == ((made,) if over else ())
        assert breaker.active([made], at) == (() if over else (made,))
