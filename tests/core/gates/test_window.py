"""The session table and the trading window, held against exchange-calendars and the New York clock."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest

from tradingd.core.facts import Reason
from tradingd.core.gates.window import (
    DAY,
    HOUR,
    MINUTE,
    Session,
    SessionTable,
    WindowSettings,
    in_window,
    next_window_open,
    window_check,
)  # fmt: skip

DATA = Path(__file__).resolve().parents[3] / "tradingd" / "data" / "sessions_XNYS.csv"
NEW_YORK = ZoneInfo("America/New_York")
S = WindowSettings()


def ns(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000_000


def at(text: str) -> int:
    """New York wall time -> ns."""
    return ns(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


@pytest.fixture(scope="module")
def table() -> SessionTable:
    return SessionTable.parse(DATA.read_text(encoding="ascii"), "XNYS")


@pytest.fixture(scope="module")
def calendar() -> exchange_calendars.ExchangeCalendar:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Series.values")  # between exchange-calendars and pandas, not ours
        found = exchange_calendars.get_calendar("XNYS", start="1999-01-04", end="2028-12-31")
        assert found.schedule is not None
    return found


def test_every_session_is_the_calendars(table, calendar):
    """E9, RELIABILITY E4 and E6: each session 2000-2027 opens and closes exactly when the exchange does, holidays have none."""
    schedule = calendar.schedule.loc["2000-01-01":"2027-12-31"]
    assert len(schedule) > 7000
    theirs = {f"{day:%Y-%m-%d}": (int(row.open.value), int(row.close.value)) for day, row in schedule.iterrows()}
    day = date(2000, 1, 1)
    while day <= date(2027, 12, 31):
        ours = table.session(day.isoformat())
        assert (None if ours is None else (ours.open_ns, ours.close_ns)) == theirs.get(day.isoformat()), day
        day += timedelta(days=1)


def test_the_window_by_the_new_york_clock_on_every_session(table, calendar):
    """E9: 9:45 to 15:45 New York, 12:45 where the exchange closes at 13:00, in summer and in winter, every session 2000-2027."""
    early = 0
    for day, row in calendar.schedule.loc["2000-01-01":"2027-12-31"].iterrows():
        opens = row.open.to_pydatetime().astimezone(NEW_YORK)
        closes = row.close.to_pydatetime().astimezone(NEW_YORK)
        assert opens.date() == day.date()
        begin, end = ns(opens + timedelta(minutes=15)), ns(closes - timedelta(minutes=15))
        if opens.strftime("%H:%M") == "09:30" and closes.strftime("%H:%M") in {"16:00", "13:00"}:
            assert begin == at(f"{day:%Y-%m-%d} 09:45")
            assert end == at(f"{day:%Y-%m-%d} {'15:45' if closes.hour == 16 else '12:45'}")
            early += closes.hour == 13
        verdicts = [in_window(table, ts, S) for ts in (begin - 1, begin, (begin + end) // 2, end, end + 1)]
        assert verdicts == [False, True, True, True, False], day
        assert next_window_open(table, begin - 1, S) == begin
        assert next_window_open(table, begin, S) > end
    assert early > 40


def test_no_minute_of_a_closed_day_is_a_session(table):
    """Independence day, a weekend and the closure of September 2001 have no minute of trading."""
    for day in ("2024-07-04", "2024-07-06", "2001-09-12", "2012-10-29"):
        midnight = at(f"{day} 00:00")
        assert all(table.at(midnight + minute * MINUTE) is None for minute in range(24 * 60)), day


def test_the_local_date_is_new_yorks(table):
    """RELIABILITY E4: held against the zone database around every hour that could differ, 1999-2028."""
    when = datetime(1999, 1, 1, 12, tzinfo=UTC)
    while when.year < 2029:
        for hour in (3, 4, 5, 6):
            moment = when.replace(hour=hour)
            for second in (-1, 0):
                shifted = moment + timedelta(seconds=second)
                assert table.local_date(ns(shifted)) == shifted.astimezone(NEW_YORK).date().isoformat(), shifted
        when += timedelta(days=1)


@pytest.mark.parametrize(("key", "zone"), [("CMES", "America/Chicago"), ("FX", "America/New_York")])
def test_other_calendars_count_days_by_their_own_clock(key, zone):
    """E9: per-venue calendars."""
    table = SessionTable(key, [Session("2024-01-02", 1, 2)])
    for hours in range(0, 24 * 366, 1):
        when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        assert table.local_date(ns(when)) == when.astimezone(ZoneInfo(zone)).date().isoformat()


def test_neighbouring_sessions(table):
    """Friday evening: the last session was Friday's, the next is Monday's."""
    evening = at("2024-07-12 18:00")
    assert table.at(evening) is None
    assert table.previous_before(evening).date == "2024-07-12"
    assert table.next_after(evening).date == "2024-07-15"
    noon = at("2024-07-12 12:00")
    assert table.at(noon).date == "2024-07-12"
    assert table.previous_before(noon).date == "2024-07-11"
    assert table.previous_before(table.first.open_ns) is None
    assert table.next_after(table.last.open_ns) is None


def test_trading_days_skip_what_the_exchange_skips(table):
    """E3: earnings proximity is counted in sessions, so a holiday weekend is not three days."""
    assert table.trading_days("2024-07-03", "2024-07-03") == 0
    assert table.trading_days("2024-07-03", "2024-07-05") == 1
    assert table.trading_days("2024-07-03", "2024-07-08") == 2
    assert table.trading_days("2024-07-08", "2024-07-03") == -2
    assert table.trading_days("2024-07-06", "2024-07-07") == 0
    assert table.trading_days(table.last.date, "2035-01-01") == 0


@pytest.mark.parametrize(
    ("when", "reason", "limit"),
    [
        ("1998-06-01 12:00", Reason.CALENDAR_MISSING, "1999-01-04..2028-12-29"),
        ("2030-06-03 12:00", Reason.CALENDAR_MISSING, "1999-01-04..2028-12-29"),
        ("2024-07-04 12:00", Reason.MARKET_CLOSED, "2024-07-05T13:45:00+00:00"),
        ("2024-07-03 14:00", Reason.MARKET_CLOSED, "2024-07-05T13:45:00+00:00"),
        ("2024-07-03 12:46", Reason.OUTSIDE_WINDOW, "2024-07-05T13:45:00+00:00"),
        ("2024-07-03 09:31", Reason.OUTSIDE_WINDOW, "2024-07-03T13:45:00+00:00"),
        ("2024-07-03 10:00", None, "2024-07-03T16:45:00+00:00"),
    ],
)
def test_the_check_says_why_and_until_when(table, when, reason, limit):
    """E9, RELIABILITY E7: outside the table entries are denied; else the check names the next opening."""
    check = window_check(table, at(when), S)
    assert (check.ok, check.reason, check.limit) == (reason is None, reason, limit)


def test_no_table_denies():
    """RELIABILITY E7: calendar data missing."""
    assert window_check(None, at("2024-07-03 10:00"), S).reason is Reason.CALENDAR_MISSING


def test_a_window_longer_than_the_session_never_opens(table):
    """Four hours after the open there is no window left on an early close; the next one is the next full day's."""
    s = WindowSettings(after_open_min=240)
    assert not in_window(table, at("2024-07-03 12:59"), s)
    assert next_window_open(table, at("2024-07-03 09:00"), s) == at("2024-07-05 13:30")


def test_the_end_of_the_table_has_no_next_window(table):
    assert next_window_open(table, table.last.close_ns, S) is None
    assert window_check(table, table.last.close_ns, S).limit == "beyond the table"


HEAD = "date,open_utc,close_utc\n"
GOOD = "2024-07-02,2024-07-02T13:30Z,2024-07-02T20:00Z\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1 must be"),
        ("date,open,close\n" + GOOD, "line 1 must be"),
        (HEAD, "no sessions"),
        (HEAD + "2024-07-02,2024-07-02T13:30Z\n", "line 2"),
        (HEAD + GOOD + "2024-07-03,2024-07-03T13:30,2024-07-03T17:00\n", "line 3: '2024-07-03T13:30' is not a time"),
        (HEAD + "2024-07-xx,2024-07-02T13:30Z,2024-07-02T20:00Z\n", "2024-07-xx"),
        (HEAD + "2024-07-02,2024-07-02T20:00Z,2024-07-02T13:30Z\n", "closes before it opens"),
        (HEAD + GOOD + GOOD, "does not follow"),
        (HEAD + GOOD + "2024-07-03,2024-07-02T19:00Z,2024-07-03T17:00Z\n", "does not follow"),
    ],
)
def test_a_broken_table_is_refused_by_line(text, says):
    with pytest.raises(ValueError, match=says):
        SessionTable.parse(text, "XNYS")


def test_an_unknown_calendar_is_refused():
    with pytest.raises(ValueError, match="'XXXX' is not known"):
        SessionTable.parse(HEAD + GOOD, "XXXX")


@pytest.mark.parametrize("field", ["after_open_min", "before_close_min"])
@pytest.mark.parametrize("value", [-1, 1441])
def test_settings_name_the_field(field, value):
    with pytest.raises(ValueError, match=rf"window\.{field} must be between 0 and 1440"):
        WindowSettings(**{field: value})


def test_the_units_are_what_they_say():
    assert (MINUTE, HOUR, DAY) == (60 * 10**9, 3600 * 10**9, 86400 * 10**9)


@pytest.mark.parametrize(
    ("day", "minute", "utc"),
    [
        ("2008-03-09", 90, "2008-03-09T06:30"),  # still standard time
        ("2008-03-09", 150, "2008-03-09T07:30"),  # 2:30 does not exist: taken as standard time
        ("2008-03-09", 240, "2008-03-09T08:00"),
        ("2008-11-02", 90, "2008-11-02T05:30"),  # 1:30 is shown twice: the first
        ("2008-11-02", 120, "2008-11-02T07:00"),
        ("2006-04-02", 990, "2006-04-02T20:30"),  # the older rule
    ],
)
def test_a_wall_clock_on_the_days_the_clocks_are_changed(table, day, minute, utc):
    """E16: by hand, and by the host's own time zones."""
    expected = ns(datetime.fromisoformat(utc).replace(tzinfo=UTC))
    wall = datetime.fromisoformat(day).replace(hour=minute // 60, minute=minute % 60, tzinfo=NEW_YORK)
    assert table.moment(day, minute) == expected == ns(wall)


def test_neighbours_of_a_date_at_the_ends_of_the_table(table):
    assert table.latest_by("1900-01-01") is None
    assert table.following("2999-01-01") is None
    assert table.following("1900-01-01") == table.first
    assert table.latest_by("2999-01-01") == table.last
