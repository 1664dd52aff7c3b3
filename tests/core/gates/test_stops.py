"""Stops and targets: where they stand, how they move, what sets them off."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import msgspec
import pytest

from tradingd.core.facts import Reason
from tradingd.core.gates.sizer import AtRisk
from tradingd.core.gates.stops import (
    Levels,
    StopSettings,
    ease_heat,
    fired,
    initial_levels,
    lines,
    no_price_too_long,
    re_evaluate,
    tighten_factor,
    trailed,
)  # fmt: skip
from tradingd.core.gates.window import MINUTE, Session
from tradingd.core.types import Instrument, Price, Side, Symbol

D = Decimal
S = StopSettings()
STOCK = Instrument(symbol=Symbol("ACME"))
LONG = Levels(entry=Price(D("100")), stop=Price(D("96")), target=Price(D("108")))
SHORT = Levels(entry=Price(D("100")), stop=Price(D("104")), target=Price(D("92")))


@pytest.mark.parametrize(
    ("entry", "atr", "side", "stop", "target"),
    [
        (100.0, 2.0, Side.BUY, "96.00", "108.00"),
        (100.0, 2.0, Side.SELL, "104.00", "92.00"),
        (100.005, 2.0, Side.BUY, "96.00", "108.01"),
        (100.005, 2.0, Side.SELL, "104.01", "92.00"),
        (100.0, 0.01, Side.BUY, "99.98", "100.04"),
    ],
)
def test_initial_levels_are_rounded_away_from_entry(entry, atr, side, stop, target):
    """E4: never closer than asked."""
    levels = initial_levels(entry, atr, side, 2.0, 2.0, STOCK)
    assert (levels.stop, levels.target) == (D(stop), D(target))
    assert not levels.trailing


@pytest.mark.parametrize(
    ("entry", "atr", "multiplier", "reward_risk", "side"),
    [
        (100.0, 0.009, 2.0, 2.0, Side.BUY),
        (100.0, 0.01, 0.5, 2.0, Side.BUY),
        (100.0, 0.0, 2.0, 2.0, Side.BUY),
        (100.0, -1.0, 2.0, 2.0, Side.BUY),
        (100.0, -1.0, -2.0, 2.0, Side.BUY),
        (100.0, nan, 2.0, 2.0, Side.BUY),
        (100.0, inf, 2.0, 2.0, Side.BUY),
        (nan, 1.0, 2.0, 2.0, Side.BUY),
        (0.0, 1.0, 2.0, 2.0, Side.BUY),
        (100.0, 50.0, 2.0, 2.0, Side.BUY),
        (100.0, 25.0, 2.0, 2.0, Side.SELL),
        (100.0, 1.0, 2.0, 0.0, Side.BUY),
    ],
)
def test_no_range_is_a_refusal(entry, atr, multiplier, reward_risk, side):
    """E4: below one tick, no number, or a level that is not above zero."""
    assert initial_levels(entry, atr, side, multiplier, reward_risk, STOCK) is Reason.NO_RANGE


@pytest.mark.parametrize(
    ("side", "levels", "bid", "ask", "what"),
    [
        (Side.BUY, LONG, 96.01, 96.02, None),
        (Side.BUY, LONG, 96.00, 96.01, "stop"),
        (Side.BUY, LONG, 95.00, 101.0, "stop"),
        (Side.BUY, LONG, 104.0, 104.1, None),
        (Side.BUY, LONG, 104.01, 104.1, "trail"),
        (Side.BUY, LONG, 107.99, 108.0, "trail"),
        (Side.BUY, LONG, 108.0, 108.1, "target"),
        (Side.BUY, LONG, 0.0, 95.0, None),
        (Side.BUY, LONG, nan, 95.0, None),
        (Side.SELL, SHORT, 103.9, 103.99, None),
        (Side.SELL, SHORT, 103.9, 104.0, "stop"),
        (Side.SELL, SHORT, 95.9, 96.0, None),
        (Side.SELL, SHORT, 95.9, 95.99, "trail"),
        (Side.SELL, SHORT, 91.9, 92.0, "target"),
        (Side.SELL, SHORT, 92.0, 0.0, None),
        (Side.SELL, SHORT, 92.0, inf, None),
    ],
)
def test_what_a_quote_sets_off(side, levels, bid, ask, what):
    """E4: longs at the bid, shorts at the ask; a missing side is not a price of zero."""
    assert fired(side, levels, bid, ask, S) == what


def test_a_trailing_stop_stands_at_entry_and_fires_once():
    """E4: beyond half way the stop moves to entry; after that only stop and target are left."""
    moved = trailed(Side.BUY, LONG)
    assert (moved.stop, moved.target, moved.trailing) == (D(100), D(108), True)
    assert fired(Side.BUY, moved, 105.0, 105.1, S) is None
    assert fired(Side.BUY, moved, 100.0, 100.1, S) == "stop"
    assert lines(Side.BUY, LONG, S) == (96.0, 104.0)
    assert lines(Side.BUY, moved, S) == (100.0, 108.0)
    assert lines(Side.SELL, SHORT, S) == (96.0, 104.0)


def test_trailing_keeps_a_better_stop():
    better = msgspec.structs.replace(LONG, stop=Price(D("101")))
    assert trailed(Side.BUY, better).stop == D(101)


def evaluated(**change):
    plain = {
        "side": Side.BUY, "levels": LONG, "last_atr": 2.0, "atr": 1.5, "last_ts": 0, "now": 5 * MINUTE, "multiplier": 2.0,
        "reward_risk": 2.0, "instrument": STOCK, "settings": S,
    }  # fmt: skip
    return re_evaluate(**(plain | change))


@pytest.mark.parametrize(
    ("change", "stop", "target"),
    [
        ({}, "97", "106"),
        ({"side": Side.SELL, "levels": SHORT}, "103", "94"),
        ({"now": 5 * MINUTE - 1}, None, None),
        ({"now": 1, "urgent": True}, "97", "106"),
        ({"last_ts": 60 * MINUTE}, "97", "106"),  # of a clock that was ahead
        ({"atr": 1.81}, None, None),
        ({"atr": 1.79}, "96.42", "107.16"),
        ({"atr": 3.0}, None, None),
        ({"atr": 2.0, "factor": 0.7}, "97.2", "108"),
        ({"atr": 2.0, "factor": 0.5}, "98", "108"),
        ({"atr": 1.9, "factor": 0.5}, "98.1", "108"),
        ({"atr": 2.0, "factor": 0.5, "now": 1}, None, None),
        ({"atr": 2.0, "factor": 0.5, "now": 1, "urgent": True}, "98", "108"),
        ({"atr": nan}, None, None),
        ({"atr": 0.0}, None, None),
        ({"last_atr": 0.0}, None, None),
    ],
)
def test_a_re_evaluation(change, stop, target):
    """E4, E12: only after five minutes or when urgent, only when ATR moved by more than 10 % or conditions tightened."""
    out = evaluated(**change)
    assert (None if out is None else (out.stop, out.target)) == (None if stop is None else (D(stop), D(target)))


@pytest.mark.parametrize(
    ("days", "event", "factor"),
    [
        (None, False, 1.0),
        (4, False, 1.0),
        (3, False, 0.7),
        (0, False, 0.7),
        (-1, False, 1.0),
        (None, True, 0.5),
        (2, True, 0.5),
    ],
)
def test_the_strictest_tightening_wins(days, event, factor):
    """E4: 0.7 within three days of earnings, 0.5 during a high-severity event."""
    found, why = tighten_factor(days, event, S)
    assert found == factor
    assert bool(why) == (factor < 1)


def test_heat_is_eased_from_the_lowest_confidence_up():
    """E4: 3,000 at risk of 10,000 with a limit of 30 %: one position's tightening is enough, the doubtful one's."""
    names = {Symbol(n): Instrument(symbol=Symbol(n)) for n in "ABC"}
    held = [
        AtRisk(symbol=Symbol(n), side=side, value=10_000.0, entry=100.0, stop=stop, confidence=c)
        for n, side, stop, c in (("A", Side.BUY, 90.0, 0.9), ("B", Side.SELL, 110.0, 0.6), ("C", Side.BUY, 90.0, 0.7))
    ]
    assert ease_heat(held, 10_000.0, 0.34, names, S) == (("B", D("107")),)
    assert ease_heat(held, 10_000.0, 0.30, names, S) == (("B", D("107")), ("C", D("93")))
    assert ease_heat(held, 10_000.0, 0.375, names, S) == ()
    unknown = [*held[:2], msgspec.structs.replace(held[2], confidence=None)]
    assert ease_heat(unknown, 10_000.0, 0.34, names, S) == (("C", D("93")),)


def test_heat_cannot_be_eased_where_nothing_is_at_risk():
    """A stop beyond entry has no distance to shorten."""
    free = AtRisk(symbol=Symbol("ACME"), side=Side.BUY, value=1000.0, entry=100.0, stop=101.0)
    loaded = AtRisk(symbol=Symbol("ACME"), side=Side.BUY, value=1000.0, entry=100.0, stop=99.99)
    assert ease_heat([free, loaded], 1.0, 0.01, {Symbol("ACME"): STOCK}, S) == ()


SESSION = Session("2024-07-03", 100 * MINUTE, 400 * MINUTE)


@pytest.mark.parametrize(
    ("last", "now", "session", "close"),
    [
        (200, 214, SESSION, False),
        (200, 215, SESSION, True),
        (None, 114, SESSION, False),
        (None, 115, SESSION, True),
        (50, 114, SESSION, False),
        (50, 115, SESSION, True),
        (300, 401, SESSION, False),
        (300, 401, None, False),
        (20, 99, SESSION, False),
    ],
)
def test_no_price_for_fifteen_minutes_of_market_hours(last, now, session, close):
    """E4: the night and the weekend do not count."""
    ts = None if last is None else last * MINUTE
    assert no_price_too_long(ts, now * MINUTE, session, S) is close


def test_the_distance_is_what_the_sizer_takes():
    assert LONG.distance == SHORT.distance == 4.0


@pytest.mark.parametrize(
    ("field", "value"),
    [("trail_at", 1.1), ("atr_change", -0.1), ("heat_at", nan), ("earnings_factor", 0.0),
     ("event_factor", 1.5), ("heat_factor", 0.0), ("interval_min", -1), ("no_price_min", 0), ("earnings_days", 61)],
)  # fmt: skip
def test_settings_name_the_field(field, value):
    with pytest.raises(ValueError, match=rf"stops\.{field} must be between"):
        StopSettings(**{field: value})
