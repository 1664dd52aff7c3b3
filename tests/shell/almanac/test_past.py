"""Daily bars from the operator's own files."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACME, at, calendar
from tradingd.core.events import Bar
from tradingd.shell.almanac import past
from tradingd.shell.almanac.rows import Action, Day

NOW = at("2008-10-08T15:00")


def day(date, close, line=2):
    return Day(date, close, close + 1, close - 1, close, 100.0, line)


def test_a_bar_ends_at_the_close_of_its_session_and_only_a_closed_one_counts():
    """E7: early closes too; today's is still running; a day without a session is a fault."""
    days = [day("2007-11-23", 90.0), day("2008-10-04", 95.0, 3), day("2008-10-07", 100.0), day("2008-10-08", 101.0)]
    found, [fault] = past.bars(ACME, days, calendar(), [], NOW)
    assert [(bar.ts, bar.close, bar.history) for bar in found] == [
        (at("2007-11-23T18:00"), 90.0, True),
        (at("2008-10-07T20:00"), 100.0, True),
    ]
    assert (fault.line, fault.field, fault.why) == (3, "date", "2008-10-04 is no session of XNYS")


def test_splits_after_the_last_line_and_up_to_today_adjust_it():
    """F9: the file is adjusted as of its last line."""
    splits = [
        Action(ACME, date, "split", Decimal(ratio), f"s{date}")
        for date, ratio in (("2008-10-03", 5), ("2008-10-07", 2), ("2008-10-08", 3), ("2008-10-09", 7))
    ]
    [bar], _ = past.bars(ACME, [day("2008-10-06", 60.0)], calendar(), splits, NOW)
    assert (bar.close, bar.high, bar.volume) == pytest.approx((10.0, 61 / 6, 600.0))
    assert past.bars(ACME, [], calendar(), splits, NOW) == ([], [])


def test_on_the_same_date_the_brokers_bar_wins():
    """E7: whatever hour it ends at."""
    own, _ = past.bars(ACME, [day("2008-10-06", 60.0), day("2008-10-07", 61.0)], calendar(), [], NOW)
    broker = [
        Bar(ts=at("2008-10-08T04:00"), symbol=ACME, span_s=86_400, open=7, high=7, low=7, close=7),
        Bar(ts=at("2008-10-07T15:00"), symbol=ACME, span_s=3_600, open=1, high=1, low=1, close=1),
    ]
    assert [bar.close for bar in past.merged(broker, own, calendar())] == [60.0, 7]
