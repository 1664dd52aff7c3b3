"""The circuit breaker and the guardian."""

from __future__ import annotations

from math import nan

import pytest

from tradingd.core.facts import BreakerKind, Reason
from tradingd.core.gates import breaker
from tradingd.core.gates.breaker import BreakerSettings, Level
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.window import MINUTE
from tradingd.core.types import AccountId, Side, Symbol

S = BreakerSettings()
ACME = Symbol("ACME")
NOW = 10_000 * MINUTE


@pytest.mark.parametrize(("now", "trips"), [(98.0, False), (97.99, True), (102.0, False), (-5.0, True), (nan, False)])
def test_the_daily_loss(now, trips):
    """E6: more than 2 % of the equity at the open."""
    trip = breaker.daily_loss(100.0, now, NOW, S)
    assert (trip is not None) is trips
    assert breaker.daily_loss(0.0, now, NOW, S) is None
    if trip is not None:
        assert (trip.kind, trip.threshold, trip.until, trip.symbol) == (
            BreakerKind.DAILY_LOSS,
            0.02,
            NOW + 1440 * MINUTE,
            None,
        )


@pytest.mark.parametrize(
    ("side", "price", "trips"),
    [
        (Side.BUY, 92.0, False), (Side.BUY, 91.99, True), (Side.BUY, 200.0, False), (Side.SELL, 108.0, False),
        (Side.SELL, 108.01, True), (Side.BUY, 0.0, False), (Side.BUY, nan, False),
    ],
)  # fmt: skip
def test_the_single_position_loss(side, price, trips):
    """E6: more than 8 % of the entry, mirrored for shorts, for this ticker only."""
    trip = breaker.position_loss(ACME, side, 100.0, price, NOW, S)
    assert (trip is not None) is trips
    if trip is not None:
        assert (trip.kind, trip.symbol, trip.until) == (BreakerKind.SINGLE_POSITION, ACME, NOW + 1440 * MINUTE)


@pytest.mark.parametrize(
    ("minutes_ago", "trips"),
    [((0, 1), False), ((0, 1, 30), True), ((0, 1, 31), False), ((-1, 0, 1), False), ((5, 5, 5), True)],
)
def test_three_stop_outs_in_thirty_minutes(minutes_ago, trips):
    """E6: both ends of the window count, what lies ahead does not."""
    trip = breaker.volatility([NOW - m * MINUTE for m in minutes_ago], NOW, S)
    assert (trip is not None) is trips
    assert trip is None or (trip.actual, trip.until) == (3.0, NOW + 120 * MINUTE)


def test_one_burst_trips_once():
    """Stop-outs up to the last trip are spent."""
    hits = [NOW - 2 * MINUTE, NOW - MINUTE, NOW]
    assert breaker.volatility(hits, NOW, S) is not None
    assert breaker.volatility(hits, NOW + MINUTE, S, since=NOW) is None


def test_a_trip_by_hand():
    """E6: with its actor; to the time the operator says, else a day."""
    assert breaker.manual("kim", NOW, S).until == NOW + 1440 * MINUTE
    trip = breaker.manual("kim", NOW, S, until=NOW + 5)
    assert (trip.kind, trip.actor, trip.until) == (BreakerKind.MANUAL, "kim", NOW + 5)


def test_an_account_trip_stops_all_and_a_ticker_trip_one():
    """E6: ticker cool-downs are separate."""
    ticker = breaker.position_loss(ACME, Side.BUY, 100.0, 50.0, NOW, S)
    account = breaker.manual("kim", NOW, S)
    other = Symbol("OTHER")
    assert refusals(breaker.entry_checks([ticker], NOW, ACME)) == (Reason.TICKER_COOLDOWN,)
    assert refusals(breaker.entry_checks([ticker], NOW, other)) == ()
    assert refusals(breaker.entry_checks([ticker, account], NOW, ACME)) == (
        Reason.BREAKER_ACTIVE,
        Reason.TICKER_COOLDOWN,
    )
    assert refusals(breaker.entry_checks([account], NOW, other)) == (Reason.BREAKER_ACTIVE,)
    check = breaker.entry_checks([account], NOW, other)[0]
    assert (check.limit, check.note) == ("1970-01-08T22:40:00+00:00", "manual")


def test_the_fact_says_what_the_trip_says():
    fact = breaker.manual("kim", NOW, S).fact(AccountId("a"))
    assert (fact.ts, fact.account, fact.kind, fact.until, fact.actor) == (
        NOW,
        "a",
        BreakerKind.MANUAL,
        NOW + 1440 * MINUTE,
        "kim",
    )


@pytest.mark.parametrize(
    ("used", "limit", "level"),
    [(0.0, 1.0, Level.OK), (0.79, 1.0, Level.OK), (0.8, 1.0, Level.WARN), (0.99, 1.0, Level.WARN), (1.0, 1.0, Level.ACT),
     (nan, 1.0, Level.ACT), (0.0, 0.0, Level.ACT)],
)  # fmt: skip
def test_the_guardians_levels(used, limit, level):
    """R5: warn from 80 % of a limit, act at it, act when nobody knows."""
    assert breaker.watch("heat", used, limit, S).level is level


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("daily_loss", -0.02, "between"), ("daily_loss", 0.0, "above 0"), ("position_loss", 1.5, "between"),
     ("warn_at", nan, "between"), ("stop_outs", 0, "between"),
     ("stop_out_window_min", 0, "between"), ("cooldown_manual_min", 0, "between")],
)  # fmt: skip
def test_settings_name_the_field(field, value, says):
    with pytest.raises(ValueError, match=rf"breaker\.{field} must be {says}"):
        BreakerSettings(**{field: value})
