"""The summary of each session and the digest of each week: told once, whatever the clocks, the holidays and the process do."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.world import ACME, BOLT, MINUTE, World, calendar, make_rules
from tradingd.core.events import Action
from tradingd.core.facts import Alerted, DayClosed, DayMeasured, ScheduleRan
from tradingd.core.rules import PerformanceSettings
from tradingd.core.types import NS, Money, Side

NEW_YORK = ZoneInfo("America/New_York")
DAILY, WEEKLY = "daily_summary", "weekly_digest"


def new_york(day: str, hour: int, minute: int) -> int:
    """By the test's own clock."""
    return int(datetime.fromisoformat(f"{day}T{hour:02d}:{minute:02d}").replace(tzinfo=NEW_YORK).timestamp()) * NS


def sessions(first: str, last: str) -> list[str]:
    """Exchange days from first to last."""
    day, found = date.fromisoformat(first), []
    while day <= date.fromisoformat(last):
        if calendar().session(day.isoformat()) is not None:
            found.append(day.isoformat())
        day += timedelta(days=1)
    return found


def started(moment: int, **changes: object) -> World:
    """A world whose account began at that moment."""
    world = World(ready=False, rules=make_rules(**changes))
    world.now = moment
    world.start()
    world.connect()
    world.timer()
    return world


def run(world: World, until: int, *, every: int = 10 * MINUTE) -> None:
    while world.now < until:
        world.now = min(world.now + every, until)
        world.timer()


def ran(world: World, name: str) -> list[str]:
    return [f.key for f in world.all(ScheduleRan) if f.name == name]


def told(world: World, code: str) -> list[Alerted]:
    return [f for f in world.all(Alerted) if f.code == code]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2008-03-05", "2008-03-14"),  # daylight saving begins on the 9th
        ("2008-10-29", "2008-11-07"),  # and ends on the 2nd
        ("2008-11-24", "2008-12-02"),  # Thanksgiving, an early close after it
        ("2008-12-22", "2009-01-05"),  # Christmas, New Year, the year of the week changes
        ("2012-10-25", "2012-11-02"),  # two days closed by a storm
    ],
)
def test_each_session_and_each_week_is_told_once_and_on_time(first, last):
    """E16: at 16:30 New York on exchange days, through changes of the clocks, holidays and early closes."""
    days = sessions(first, last)
    world = started(new_york(days[0], 10, 0))
    run(world, new_york(last, 23, 0))
    assert ran(world, DAILY) == days
    assert [f.ts for f in world.all(ScheduleRan) if f.name == DAILY] == [new_york(d, 16, 30) for d in days]
    weeks = sorted({date.fromisoformat(d).isocalendar()[:2] for d in days})
    full = [f"{y}-W{w:02d}" for y, w in weeks if date.fromisoformat(last) >= date.fromisocalendar(y, w, 5)]
    assert ran(world, WEEKLY) == full
    assert len(told(world, DAILY)) == len(days)
    assert not [f for f in world.all(Alerted) if f.text.startswith("late")]


def test_the_digest_comes_on_thursday_when_friday_is_a_holiday():
    """E16: after the last session of the exchange's week. Good Friday 2008."""
    world = started(new_york("2008-03-17", 10, 0))
    run(world, new_york("2008-03-24", 10, 0))
    [fact] = [f for f in world.all(ScheduleRan) if f.name == WEEKLY]
    assert (fact.key, fact.ts) == ("2008-W12", new_york("2008-03-20", 16, 30))


def test_a_daemon_that_was_down_says_it_once_late_and_marked():
    """E16: over several days only the latest; over the night, the evening before."""
    world = started(new_york("2008-10-06", 10, 0))
    run(world, new_york("2008-10-06", 17, 0))
    world.now = new_york("2008-10-09", 11, 0)
    world.restart()
    world.timer()
    run(world, new_york("2008-10-09", 16, 0))
    assert ran(world, DAILY) == ["2008-10-06", "2008-10-08"]
    assert told(world, DAILY)[-1].text.startswith("late by 1110 min\n2008-10-08: ")


def test_a_quarter_of_an_hour_is_not_late():
    """E16."""
    world = started(new_york("2008-10-06", 10, 0))
    world.now = new_york("2008-10-06", 16, 45)
    world.timer()
    assert not told(world, DAILY)[0].text.startswith("late")
    other = started(new_york("2008-10-06", 10, 0))
    other.now = new_york("2008-10-06", 16, 45) + 1
    other.timer()
    assert told(other, DAILY)[0].text.startswith("late by 15 min")


@pytest.mark.parametrize("hour", [9, 17])
def test_a_new_account_is_told_nothing_of_days_before_it(hour):
    """E16: begun before the open, or after the summary's time."""
    world = started(new_york("2008-10-06", hour, 0))
    run(world, new_york("2008-10-07", 9, 0))
    assert ran(world, DAILY) == (["2008-10-06"] if hour == 9 else [])
    run(world, new_york("2008-10-07", 17, 0))
    assert ran(world, DAILY)[-1] == "2008-10-07"


def test_a_summary_may_be_wanted_before_the_close():
    """E16: at noon it tells what the day has made so far."""
    world = World(rules=make_rules(performance=PerformanceSettings(summary_at=12 * 60)))
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    world.quote(ACME, 101.0)
    world.now = new_york("2008-10-06", 12, 0)
    world.timer()
    [summary] = told(world, DAILY)
    assert summary.text.splitlines()[0] == "2008-10-06: equity 100,010.00 USD, today +10.00"


steps = st.lists(st.tuples(st.integers(1, 60 * 30), st.booleans()), min_size=1, max_size=40)


@given(st.sampled_from(["2008-03-05", "2008-10-29", "2008-11-24", "2008-12-22"]), steps)
def test_no_day_is_missed_or_told_twice(first, walk):
    """E16: timers at any distance, restarts at any moment: every day with a timer between its time and the next one's
    is told exactly once, and no other; a week likewise."""
    day = sessions(first, "2009-12-31")[0]
    world = started(new_york(day, 10, 0))
    moments = []
    for minutes, restarts in walk:
        world.now += minutes * MINUTE
        moments.append(world.now)
        if restarts:
            world.restart()
        world.timer()
    days = sessions(day, (date.fromisoformat(day) + timedelta(days=60)).isoformat())
    due = [new_york(d, 16, 30) for d in days]
    expected = [
        d for d, begins, ends in zip(days, due, due[1:], strict=False) if [m for m in moments if begins <= m < ends]
    ]
    assert ran(world, DAILY) == expected
    lasts = [
        (f"{y}-W{w:02d}", ts)
        for (y, w, _), (y2, w2, _), ts in zip(
            [date.fromisoformat(d).isocalendar() for d in days],
            [date.fromisoformat(d).isocalendar() for d in days[1:]],
            due,
            strict=False,
        )
        if (y, w) != (y2, w2)
    ]
    ends = [ts for _, ts in lasts[1:]]
    assert ran(world, WEEKLY) == [
        key for (key, begins), end in zip(lasts, ends, strict=False) if [m for m in moments if begins <= m < end]
    ]
    assert len(told(world, DAILY)) == len(expected)
    assert world.refold() == world.book.dump()
    dates = [f.date for f in world.all(DayClosed)]
    assert [f.date for f in world.all(DayMeasured)] == dates
    assert len(set(dates)) == len(dates)


# what they say --------------------------------------------------------------------------------------------------------------


def traded() -> World:
    world = World(protective=False)
    world.buy(ACME, price="100.00")
    world.recommend(BOLT, confidence=0.1)
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order(ACME).order.order_id, price="102")
    world.foreign_fill(BOLT, Side.BUY, "10", "100")
    world.quote(BOLT, 101.0)
    return world


def test_a_daily_summary_says_what_an_operator_asks_first():
    """E16: equity, the day's PnL, trades, wins, pools, tier, trips, positions and what was refused."""
    world = traded()
    run(world, new_york("2008-10-06", 16, 30))
    [summary] = told(world, DAILY)
    lines = summary.text.splitlines()
    assert lines[0] == "2008-10-06: equity 100,080.00 USD, PnL +80.00 (+0.08%)"
    assert lines[1] == "trades: 1 closed, 1 won, 0 lost, +70.00"
    assert lines[2] == "since the start: win rate 100.0% of 1, profit factor infinite, Sharpe not yet"
    assert lines[3].startswith("pools: active 100,062.50, reserve 17.50, cash ")
    assert lines[4].startswith("risk: tier conservative, state ")
    assert lines[5] == "breaker: 0 trips since the last summary, standing: none"
    assert lines[6] == "positions: BOLT 10 (+10.00)"
    assert lines[7] == "refusals: 1 low confidence"
    assert summary.level == "tell"


def test_the_next_summary_tells_only_what_is_new():
    """E16: trades, refusals and trips since the last one."""
    world = traded()
    run(world, new_york("2008-10-07", 16, 30))
    second = told(world, DAILY)[-1].text.splitlines()
    assert second[1] == "trades: none closed"
    assert second[7] == "refusals: none"


def test_a_weekly_digest_holds_its_days():
    """E16."""
    world = traded()
    run(world, new_york("2008-10-10", 16, 30))
    [digest] = told(world, WEEKLY)
    lines = digest.text.splitlines()
    assert lines[0] == "2008-W41, 5 of 5 sessions: equity 100,080.00 USD, PnL +80.00 (+0.08%)"
    assert lines[1] == "  2008-10-06: +80.00 (+0.08%)"
    assert lines[5] == "  2008-10-10: +0.00 (+0.00%)"
    assert lines[6] == "trades: 1 closed, 1 won, 0 lost, +70.00"


def test_a_summary_after_a_restart_says_which_prices_it_has_not_seen():
    """E16: a figure that stands on an old price is marked as such."""
    world = traded()
    world.now = new_york("2008-10-06", 16, 31)
    world.restart()
    world.timer()
    assert told(world, DAILY)[0].text.splitlines()[-1] == "no price yet for BOLT: last close or cost instead"


# large trades ---------------------------------------------------------------------------------------------------------------


def large(limit: str) -> World:
    return World(protective=False, performance=PerformanceSettings(large_trade_pnl=Money(Decimal(limit))))


@pytest.mark.parametrize(("price", "n"), [("101", 0), ("103", 1), ("97", 1)])
def test_a_large_trade_is_told_in_either_direction(price, n):
    """E16: above the limit, not at it."""
    world = large("35")
    assert world.buy(ACME, price="100") == 35
    world.recommend(ACME, Action.SELL)
    world.fill(world.exit_order(ACME).order.order_id, price=price)
    assert len(told(world, "large_trade_pnl")) == n


def test_a_large_trade_in_pieces_is_told_once():
    """E16: as soon as it is large, and no second time."""
    world = large("20")
    world.buy(ACME, price="100")
    world.recommend(ACME, Action.SELL)
    order_id = world.exit_order(ACME).order.order_id
    for _ in range(5):
        world.fill(order_id, qty="7", price="102")
    [one] = told(world, "large_trade_pnl")
    assert one.text == "ACME: +28.00 USD on 14, entry 100.0000, exit 102.0000, and the order works on"
    assert one.subject == order_id


def test_a_session_is_never_told_before_its_time():
    """E16: a minute before 16:30 nothing."""
    world = started(new_york("2008-10-06", 10, 0))
    world.now = new_york("2008-10-06", 16, 30) - 1
    world.timer()
    assert not told(world, DAILY)
    world.now += 1
    world.timer()
    assert len(told(world, DAILY)) == 1
