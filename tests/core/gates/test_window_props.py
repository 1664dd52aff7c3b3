"""Laws of the trading window."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.gates.window import SessionTable, WindowSettings, in_window, next_window_change, next_window_open

TEXT = (Path(__file__).resolve().parents[3] / "tradingd" / "data" / "sessions_XNYS.csv").read_text(encoding="ascii")
TABLE = SessionTable.parse(TEXT, "XNYS")
NEW_YORK = ZoneInfo("America/New_York")
S = WindowSettings()
moments = st.integers(TABLE.first.open_ns, TABLE.last.close_ns)


@given(moments)
def test_inside_exactly_by_the_new_york_clock(ts):
    """S2 property 20, E9: inside = a session day and 9:45..15:45 New York (to 12:45 when it closes at 13:00)."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000)).astimezone(NEW_YORK)
    session = TABLE.session(local.date().isoformat())
    inside = False
    if session is not None:
        closes = datetime.fromtimestamp(session.close_ns // 10**9, NEW_YORK)
        opens = datetime.fromtimestamp(session.open_ns // 10**9, NEW_YORK)
        first = (opens + timedelta(minutes=15)).time()
        last = (closes - timedelta(minutes=15)).time()
        assert first == time(9, 45) or opens.time() != time(9, 30)
        inside = first <= local.time() and (ts - session.close_ns <= -15 * 60 * 10**9)
        assert last in {time(15, 45), time(12, 45)} or closes.time() not in {time(16), time(13)}
    assert in_window(TABLE, ts, S) == inside


@given(moments)
def test_the_next_window_is_the_next_edge(ts):
    """E9: at the returned moment the window opens, it is after ts, and the session before it has closed or is not yet open."""
    opens = next_window_open(TABLE, ts, S)
    if opens is None:
        assert TABLE.next_after(ts) is None
        return
    assert opens > ts
    assert in_window(TABLE, opens, S)
    assert not in_window(TABLE, opens - 1, S)
    between = TABLE.next_after(ts)
    assert between is None or opens <= between.open_ns + 15 * 60 * 10**9


@given(moments, st.integers(0, 3 * 86_400 * 10**9))
def test_the_window_stays_as_it_is_until_it_may_change(ts, later):
    """E9: before the returned moment nothing changes, and at it something does."""
    change = next_window_change(TABLE, ts, S)
    if change is None:
        assert TABLE.next_after(ts) is None
        return
    assert change > ts
    assert in_window(TABLE, change - 1, S) == in_window(TABLE, ts, S) != in_window(TABLE, change, S)
    assert in_window(TABLE, min(ts + later, change - 1), S) == in_window(TABLE, ts, S)


@given(st.lists(moments, min_size=1, max_size=20))
def test_look_ups_do_not_depend_on_what_was_asked_before(many):
    """The one-session cache is a cache: a table that has answered others answers as a new one."""
    fresh = [next((s for s in _around(ts) if s.open_ns <= ts <= s.close_ns), None) for ts in many]
    assert [TABLE.at(ts) for ts in many] == fresh


def _around(ts):
    """The sessions next to ts, found without `at`."""
    before, after = TABLE.previous_before(ts), TABLE.next_after(ts)
    found = [s for s in (before, after) if s is not None]
    running = TABLE.next_after(before.open_ns) if before is not None else TABLE.first
    return [*found, *([running] if running is not None else [])]


@given(moments, moments, moments)
def test_trading_days_add_up(a, b, c):
    """E3: days from a to c are those from a to b and from b to c."""
    x, y, z = (TABLE.local_date(ts) for ts in (a, b, c))
    assert TABLE.trading_days(x, y) + TABLE.trading_days(y, z) == TABLE.trading_days(x, z)
    assert TABLE.trading_days(x, y) == -TABLE.trading_days(y, x)


@given(moments)
def test_a_moment_inside_a_session_has_its_date(ts):
    session = TABLE.at(ts)
    assert session is None or TABLE.local_date(ts) == session.date


@given(moments, st.integers(0, 1439))
def test_a_moment_of_the_exchange_is_that_of_its_clocks(ts, minute):
    """E16: the wall clock of New York, the hours leapt over and shown twice included, by the host's time zones."""
    day = TABLE.local_date(ts)
    wall = datetime.fromisoformat(day).replace(hour=minute // 60, minute=minute % 60, tzinfo=NEW_YORK)
    assert TABLE.moment(day, minute) == int(wall.timestamp()) * 10**9


@given(moments)
def test_the_latest_session_and_the_following_one_are_neighbours(ts):
    """E16: by date; nothing lies between them."""
    day = TABLE.local_date(ts)
    latest, following = TABLE.latest_by(day), TABLE.following(day)
    assert latest is None or latest.date <= day
    assert following is None or following.date > day
    if latest is not None and following is not None:
        assert TABLE.trading_days(latest.date, following.date) == 1
    assert (TABLE.session(day) is not None) == (latest is not None and latest.date == day)
