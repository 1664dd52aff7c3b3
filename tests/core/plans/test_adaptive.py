"""Nearer stops, a market that runs, a portfolio that declines: the pure half. What a step makes of it: steps/test_outside.py."""

from __future__ import annotations

from math import inf

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, INSTRUMENTS, MINUTE, T0, World
from tradingd.core.book.market import Market
from tradingd.core.facts import EventNoted, Reason
from tradingd.core.plans.adaptive import (
    SAMPLES,
    AdaptiveSettings,
    declining_check,
    declining_share,
    rapid_move,
    sample,
    severe,
    swing_lines,
)
from tradingd.core.types import Severity

S = AdaptiveSettings()


def event(severity=Severity.HIGH, until=T0 + 1, symbols=()):
    return EventNoted(ts=T0, account=ACCOUNT, event_id="e", severity=severity, until=until, symbols=symbols)


@pytest.mark.parametrize(
    ("noted", "runs"),
    [
        (event(), True),
        (event(symbols=(ACME,)), True),
        (event(symbols=(BOLT,)), False),
        (event(until=T0), False),
        (event(severity=Severity.MEDIUM), False),
    ],
)
def test_an_event_is_severe_for_whom_it_concerns_while_it_runs(noted, runs):
    """E12."""
    assert severe([event(severity=Severity.LOW), noted], ACME, T0) is runs


def market(*prices, every=MINUTE):
    """Prices a minute apart, each offered as a sample."""
    found = Market(INSTRUMENTS[ACME])
    for i, price in enumerate(prices):
        found.mid, found.ts = price, T0 + i * every
        sample(found, found.ts, S)
    return found


def test_the_lines_stand_about_the_extremes_of_the_last_minutes():
    """E12: 5 % below the highest and above the lowest of them; none before a price was seen."""
    assert swing_lines(Market(INSTRUMENTS[ACME]), S) == (-inf, inf)
    assert swing_lines(market(100.0, 104.0, 102.0), S) == pytest.approx((98.8, 105.0))


def test_prices_from_before_the_time_looked_back_on_are_forgotten():
    """E12: 15 minutes; slow moves are none, and the memory is bounded however often it is looked."""
    slow = market(*[100.0 + i * 0.3 for i in range(40)])
    assert rapid_move(slow, S) is None
    fast = market(*[100.0 + (i % 7) * 0.1 for i in range(5000)], every=MINUTE // 60)
    assert len(fast.swings) <= SAMPLES + 1


def test_a_rapid_move_is_counted_once():
    """E12: signed, from the extreme it came from; then the new price is where the next one would begin."""
    found = market(100.0, 102.0)
    found.mid = 96.8
    assert rapid_move(found, S) == pytest.approx(96.8 / 102.0 - 1)
    assert rapid_move(found, S) is None
    assert swing_lines(found, S) == pytest.approx((96.8 * 0.95, 96.8 * 1.05))
    found.mid = 101.7
    assert rapid_move(found, S) == pytest.approx(101.7 / 96.8 - 1)


def test_a_gap_over_night_is_no_move_within_minutes():
    """E12: the last price of yesterday is too old to compare with."""
    found = market(100.0)
    found.mid, found.ts = 80.0, T0 + 60 * MINUTE
    assert rapid_move(found, S) is None


def test_without_a_new_price_nothing_is_kept():
    """E12: a price of an hour ago is not this moment's."""
    found = market(100.0)
    assert sample(found, T0 + 60 * MINUTE, S) is True  # the old one went
    assert not found.swings
    assert sample(found, T0 + 60 * MINUTE, S) is False


def test_exactly_the_share_and_exactly_the_loss_are_still_fine():
    """E12: above 50 % of the positions, down above 2 %; the limit itself refuses nothing."""
    world = World()
    for symbol in (ACME, BOLT):
        world.buy(symbol, price="100.00")
        world.quote(symbol, 98.0)
    assert declining_share(world.book, S) == 0.0
    world.quote(ACME, 97.9)
    assert declining_check(world.book, S).ok is True
    world.quote(BOLT, 97.9)
    check = declining_check(world.book, S)
    assert (check.value, check.limit, check.ok, check.reason) == (1.0, 0.5, False, Reason.DECLINING)
    world.quote(BOLT, 99.0)
    assert declining_check(world.book, S).ok is True


def test_nothing_held_declines_not_and_no_price_is_no_loss():
    """E12: after a restart the price paid stands in until the first quote."""
    world = World()
    assert declining_check(world.book, S).value == 0.0
    world.buy(CORN)
    world.quote(CORN, 97.5)
    assert declining_share(world.book, S) == 1.0
    world.restart()
    assert declining_share(world.book, S) == 0.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rapid_move", 0.0),
        ("rapid_min", 0.0),
        ("declining_share", 1.1),
        ("declining_pct", -0.1),
        ("event_interval_min", 2000),
    ],
)
def test_settings_name_what_is_wrong(field, value):
    """H6."""
    with pytest.raises(ValueError, match=field):
        AdaptiveSettings(**{field: value})
