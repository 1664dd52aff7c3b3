"""When entries may be made: the session table of one exchange (given as data) and the trading window inside a session.

The table is in UTC, so nothing here asks for a time zone at run time: daylight saving and early closes are in the data
(`tradingd/data/sessions_<key>.csv`, written by `tools/export_sessions.py`). The exchange-local date, which days are counted
by, comes from a rule of its own (`_ZONES`), because host time-zone data may differ between machines and the core may not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache

import msgspec

from tradingd.core.facts import Check, Reason
from tradingd.core.gates.checks import count, iso
from tradingd.core.types import NS

MINUTE = 60 * NS
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HEADER = "date,open_utc,close_utc"

# calendar key -> standard hours from UTC; all of these keep United States daylight saving time
_ZONES = {"XNYS": -5, "CMES": -6, "FX": -5}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Session(msgspec.Struct, frozen=True, array_like=True):
    """One trading session. date: exchange-local, ISO.   open_ns, close_ns: ns since the epoch, open < close."""

    date: str
    open_ns: int
    close_ns: int


class WindowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Entries begin `after_open_min` minutes after the open and end `before_close_min` before the close: 9:45 to 15:45 New
    York on a full day, to 12:45 on an early close. Both 0..1440. Source: E9."""

    after_open_min: int = 15
    before_close_min: int = 15

    def __post_init__(self) -> None:
        count("window", "after_open_min", self.after_open_min, high=1440)
        count("window", "before_close_min", self.before_close_min, high=1440)


class SessionTable:
    """All known sessions of one calendar, in order. Look-ups are one comparison inside the session asked for last, else a
    bisection. Source: E9; RELIABILITY E4, E6, E7."""

    __slots__ = ("_closes", "_dates", "_last", "_opens", "_sessions", "_standard_ns", "key")

    def __init__(self, key: str, sessions: list[Session]) -> None:
        """key: one of the known calendars.   sessions: in order, not overlapping, at least one; else ValueError."""
        if key not in _ZONES:
            raise ValueError(f"calendar {key!r} is not known (known: {', '.join(_ZONES)})")
        if not sessions:
            raise ValueError(f"session table {key}: no sessions")
        for i, session in enumerate(sessions):
            date.fromisoformat(session.date)
            if not session.open_ns < session.close_ns:
                raise ValueError(f"session table {key}: {session.date} closes before it opens")
            if i and not (sessions[i - 1].date < session.date and sessions[i - 1].close_ns < session.open_ns):
                raise ValueError(f"session table {key}: {session.date} does not follow {sessions[i - 1].date}")
        self.key = key
        self._sessions = sessions
        self._dates = [s.date for s in sessions]
        self._opens = [s.open_ns for s in sessions]
        self._closes = [s.close_ns for s in sessions]
        self._standard_ns = _ZONES[key] * HOUR
        self._last = sessions[0]  # a cache: the answers do not depend on it

    @classmethod
    def parse(cls, text: str, key: str) -> SessionTable:
        """A table from CSV text: the header `date,open_utc,close_utc`, then a line a session, times as ISO minutes with Z.
        ValueError names the line that is wrong."""
        lines = text.splitlines()
        if not lines or lines[0] != HEADER:
            raise ValueError(f"session table {key}: line 1 must be {HEADER!r}")
        sessions = []
        for number, line in enumerate(lines[1:], 2):
            try:
                day, opens, closes = line.split(",")
                sessions.append(Session(day, _minute(opens), _minute(closes)))
            except ValueError as error:
                raise ValueError(f"session table {key}: line {number}: {error}") from error
        return cls(key, sessions)

    @property
    def first(self) -> Session:
        return self._sessions[0]

    @property
    def last(self) -> Session:
        return self._sessions[-1]

    def session(self, date_iso: str) -> Session | None:
        """The session of that exchange-local date, None on a holiday or outside the table."""
        i = bisect_left(self._dates, date_iso)
        return self._sessions[i] if i < len(self._dates) and self._dates[i] == date_iso else None

    def at(self, ts: int) -> Session | None:
        """The session running at ts (open and close belong to it)."""
        last = self._last
        if last.open_ns <= ts <= last.close_ns:
            return last
        i = bisect_right(self._opens, ts) - 1
        if i < 0 or ts > self._closes[i]:
            return None
        self._last = self._sessions[i]
        return self._last

    def next_after(self, ts: int) -> Session | None:
        """The first session that opens after ts; None when the table ends before."""
        i = bisect_right(self._opens, ts)
        return self._sessions[i] if i < len(self._sessions) else None

    def previous_before(self, ts: int) -> Session | None:
        """The last session that closed before ts; None when the table begins after."""
        i = bisect_left(self._closes, ts)
        return self._sessions[i - 1] if i > 0 else None

    def covers(self, ts: int) -> bool:
        """Does the table know whether the exchange is open at ts? From its first open to its last close. Source: E7."""
        return self._opens[0] <= ts <= self._closes[-1]

    def latest_by(self, date_iso: str) -> Session | None:
        """The session of that exchange-local date, or the last one before it; None when the table begins after."""
        i = bisect_right(self._dates, date_iso)
        return self._sessions[i - 1] if i else None

    def following(self, date_iso: str) -> Session | None:
        """The first session of a later exchange-local date; None when the table ends before."""
        i = bisect_right(self._dates, date_iso)
        return self._sessions[i] if i < len(self._sessions) else None

    def moment(self, date_iso: str, minute: int) -> int:
        """When the exchange's clocks show that many minutes after midnight (0..1439) of that date, ns. What they show twice is
        taken the first time; what they leap over, as if they had not been put forward yet."""
        day = (date.fromisoformat(date_iso) - date(1970, 1, 1)).days
        standard = day * DAY + minute * MINUTE - self._standard_ns
        return standard - HOUR if _us_summer(standard - HOUR, self._standard_ns) else standard

    def trading_days(self, a_iso: str, b_iso: str) -> int:
        """Sessions after date a up to and including date b: 0 for the same day, 1 for the next session, negative when b is
        before a. Dates beyond the table count what the table knows, which is never more than the truth."""
        return bisect_right(self._dates, b_iso) - bisect_right(self._dates, a_iso)

    def local_date(self, ts: int) -> str:
        """The exchange-local calendar date at ts, ISO; within the years 1999 to 2100."""
        local = ts + self._standard_ns + (HOUR if _us_summer(ts, self._standard_ns) else 0)
        return (date(1970, 1, 1) + timedelta(days=local // DAY)).isoformat()


def in_window(table: SessionTable, ts: int, s: WindowSettings) -> bool:
    """May entries be made at ts by the clock? Both ends of the window belong to it. Source: E9."""
    session = table.at(ts)
    return session is not None and _opens(session, s) <= ts <= _closes(session, s)


def next_window_open(table: SessionTable, ts: int, s: WindowSettings) -> int | None:
    """The first moment after ts at which a window opens, ns; None when the table knows of none. Source: E9."""
    session = table.at(ts) or table.next_after(ts)
    while session is not None:
        opens = _opens(session, s)
        if ts < opens <= _closes(session, s):
            return opens
        session = table.next_after(session.open_ns)
    return None


def next_window_change(table: SessionTable, ts: int, s: WindowSettings) -> int | None:
    """Before that moment `in_window` says what it says at ts, ns; None: for as long as the table goes. Source: E9."""
    session = table.at(ts)
    if session is not None and in_window(table, ts, s):
        return _closes(session, s) + 1
    return next_window_open(table, ts, s)


def week_of(session: Session) -> str:
    """The ISO week a session belongs to, like 2008-W12."""
    return week_of_date(session.date)


@cache
def week_of_date(date_iso: str) -> str:
    year, week, _ = date.fromisoformat(date_iso).isocalendar()
    return f"{year}-W{week:02d}"


def window_check(table: SessionTable | None, ts: int, s: WindowSettings) -> Check:
    """The window as a check: value is the time asked for, limit the window or when the next one opens.

    Refuses CALENDAR_MISSING outside the table (or without one), MARKET_CLOSED between sessions, OUTSIDE_WINDOW in a session
    but not in its window. Source: E9; RELIABILITY E7.
    """
    if table is None or not table.covers(ts):
        known = "no table" if table is None else f"{table.first.date}..{table.last.date}"
        return Check(
            "window", iso(ts), known, False, Reason.CALENDAR_MISSING, "the session table does not cover this time"
        )
    session = table.at(ts)
    if session is not None and in_window(table, ts, s):
        return Check("window", iso(ts), iso(_closes(session, s)), True)
    opens = next_window_open(table, ts, s)
    limit = "beyond the table" if opens is None else iso(opens)
    if session is None:
        return Check("window", iso(ts), limit, False, Reason.MARKET_CLOSED, "next window opens at the limit")
    return Check("window", iso(ts), limit, False, Reason.OUTSIDE_WINDOW, "next window opens at the limit")


def _opens(session: Session, s: WindowSettings) -> int:
    return session.open_ns + s.after_open_min * MINUTE


def _closes(session: Session, s: WindowSettings) -> int:
    return session.close_ns - s.before_close_min * MINUTE


def _minute(text: str) -> int:
    """ISO minutes with Z -> ns since the epoch."""
    if len(text) != 17 or not text.endswith("Z"):
        raise ValueError(f"{text!r} is not a time like 2024-07-03T13:30Z")
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(minutes=1) * MINUTE


def _us_summer(ts: int, standard_ns: int) -> bool:
    """Is it daylight saving time at ts? Since 2007 from the second Sunday of March to the first of November, before that
    from the first Sunday of April to the last of October, switching at 2:00 local time."""
    year = (_EPOCH + timedelta(microseconds=(ts + standard_ns) // 1000)).year
    if year >= 2007:
        begins, ends = _sunday_from(year, 3, 8), _sunday_from(year, 11, 1)
    else:
        begins, ends = _sunday_from(year, 4, 1), _sunday_from(year, 10, 25)
    # 2:00 standard time in spring; 2:00 daylight = 1:00 standard time in autumn
    return begins * DAY + 2 * HOUR <= ts + standard_ns < ends * DAY + HOUR


def _sunday_from(year: int, month: int, day: int) -> int:
    """Days since the epoch of the first Sunday on or after that date."""
    first = date(year, month, day)
    return (first - date(1970, 1, 1)).days + (6 - first.weekday()) % 7
