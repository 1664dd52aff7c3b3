"""Times of a source as ns since the epoch, UTC. What a text leaves open (zone, unit, which end of a bar) must be said: a guess
that is wrong lets a backtest see the future.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tradingd.core.gates.window import DAY, MINUTE, Session, SessionTable
from tradingd.core.types import NS
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.faults import Bad, DataError
from tradingd.lab.data.kinds import DAY_S, Kind

BEFORE_OPEN = 30 * MINUTE  # when an action takes effect, as in the daemon
UNITS = {"s": NS, "ms": 1_000_000, "us": 1_000, "ns": 1}
FIRST, LAST = date(1700, 1, 1), date(2261, 12, 31)  # what 64 bits of ns hold
_ISO = re.compile(
    r"(\d{4})([-/]?)(\d\d)\2(\d\d)"
    r"(?:[T ](\d\d:\d\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_NS = (FIRST - _EPOCH.date()).days * DAY
_LAST_NS = ((LAST - _EPOCH.date()).days + 1) * DAY


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How times are to be read. tz: the IANA name of times without a zone, "" refuses them.   unit: of numbers since the epoch,
    "" refuses them.   stamp: which end of a bar its time tells, "" refuses times of bars that are no dates.   calendar: key of the
    session table, "none" for data without sessions, "" when nobody said: dates of bars are then refused."""

    tz: str = ""
    unit: Literal["", "s", "ms", "us", "ns"] = ""
    stamp: Literal["", "start", "end"] = ""
    calendar: str = ""

    def __post_init__(self) -> None:
        """Raises DataError naming the option."""
        if self.tz:
            zone(self.tz)
        if self.calendar:
            calendar(self.calendar)


@cache
def zone(name: str) -> tzinfo:
    """The zone of that IANA name; DataError when this machine knows none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(f"--tz {name!r} is no time zone this machine knows (like UTC or America/New_York)") from None


def reader(kind: Kind, how: Reading, field: str) -> Callable[[str], int]:
    """What turns one cell into ns. It raises Bad, naming `field`, for a text that is no time or leaves something open."""
    table = calendar(how.calendar) if how.calendar else None
    unit, tz = UNITS.get(how.unit), how.tz
    span = kind.span_s * NS

    def moment(text: str) -> int:
        if unit is not None:
            return _number(text, unit, field)
        day, clock, second, fraction, offset = _parts(text, field)
        if not clock:
            raise Bad(field, f"{text!r} is a date and no moment")
        return _moment(day, clock, second, fraction, offset or tz, text, field)

    def bar(text: str) -> int:
        if unit is None:
            day, clock, second, fraction, offset = _parts(text, field)
            midnight = clock == "00:00" and not int(f"0{second}{fraction}")
            # a date as data frames write it; whoever names a zone or an end of the bar means the moment
            if not clock or (kind.span_s == DAY_S and midnight and not offset and not how.stamp):
                return _day_end(day, how, table, kind, field)
        if not how.stamp:
            raise Bad(field, f"{text!r}: say --stamp start or --stamp end, which end of the bar its time tells")
        ts = moment(text) + (span if how.stamp == "start" else 0)
        if table is not None and not table.first.open_ns - DAY <= ts <= table.last.close_ns + DAY:
            why = f"is outside of the sessions of {table.key} ({table.first.date}..{table.last.date})"
            raise Bad(field, f"{text!r} {why}{': is --unit right?' if unit is not None else ''}")
        return ts

    def action(text: str) -> int:
        day, clock, _, _, _ = _parts(text, field)
        if clock:
            raise Bad(field, f"{text!r} is no date like 2008-10-06")
        if table is not None:
            return _session(day, table, field).open_ns - BEFORE_OPEN
        return _moment(day, "00:00", "", "", tz or "UTC", text, field)

    if kind.name == "actions":
        return action
    return bar if kind.span_s else moment


def iso_date(text: str, field: str) -> str:
    """A date of any accepted form as 2008-10-06. Raises Bad."""
    day, clock, _, _, _ = _parts(text, field)
    if clock:
        raise Bad(field, f"{text!r} is no date like 2008-10-06")
    return day


def when(text: str, field: str) -> int:
    """A moment an operator wrote: a date (its midnight, UTC) or a time with its zone. Raises DataError."""
    try:
        day, clock, second, fraction, offset = _parts(text, field)
        return _moment(day, clock or "00:00", second, fraction, offset if clock else "UTC", text, field)
    except Bad as bad:
        raise DataError(f"{bad.field}: {bad.why}") from None


def _parts(text: str, field: str) -> tuple[str, str, str, str, str]:
    """ISO date, "HH:MM", seconds, fraction, zone; "" for what is not there."""
    found = _ISO.fullmatch(text)
    if found is None:
        why = "is a number: say --unit s, ms, us or ns" if text.isdigit() else "is no time like 2008-10-06T14:30:00Z"
        raise Bad(field, f"{text!r} {why}")
    year, _, month, day, clock, second, fraction, offset = found.groups("")
    return f"{year}-{month}-{day}", clock, second, fraction, offset


def _moment(day: str, clock: str, second: str, fraction: str, where: str, text: str, field: str) -> int:
    if not where:
        raise Bad(field, f"{text!r} names no zone: say --tz, like --tz UTC")
    try:
        ns = _minute(day, clock, where)
    except ValueError as error:
        raise Bad(field, f"{text!r}: {error}") from None
    return ns + int(second or 0) * NS + (int(fraction.ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=65_536)  # ticks of one minute come together
def _minute(day: str, clock: str, where: str) -> int:
    """ns of a minute shown by clocks at `where`: an offset, Z, or a zone's name. ValueError says why it cannot be."""
    local = datetime.fromisoformat(f"{day}T{clock}")
    if not FIRST <= local.date() <= LAST:
        raise ValueError(f"outside of the years {FIRST.year} to {LAST.year}")
    if where[0] in "Z+-":
        return _ns(datetime.fromisoformat(f"{day}T{clock}{where}"))
    there = zone(where)
    early, late = local.replace(tzinfo=there), local.replace(tzinfo=there, fold=1)
    if early.utcoffset() != late.utcoffset():
        raise ValueError(f"the clocks of {where} show that twice or never: such times need their zone")
    return _ns(early)


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _number(text: str, unit: int, field: str) -> int:
    try:
        ns = int(text) * unit if text.isdigit() else Decimal(text) * unit
        whole = int(ns)
    except (InvalidOperation, ValueError, OverflowError):
        raise Bad(field, f"{text!r} is no number since the epoch") from None
    if whole != ns:
        raise Bad(field, f"{text!r} is finer than a nanosecond")
    if not _FIRST_NS <= whole < _LAST_NS:
        raise Bad(field, f"{text!r}: outside of the years {FIRST.year} to {LAST.year}: is --unit right?")
    return whole


def _day_end(day: str, how: Reading, table: SessionTable | None, kind: Kind, field: str) -> int:
    if kind.span_s != DAY_S:
        raise Bad(field, f"{day!r} is a date, and {kind.name} are no bars of days")
    if table is not None:
        session = table.session(day)
        if session is None:
            raise Bad(field, f"{day} is no session of {table.key}")
        return session.close_ns
    if not how.calendar:
        raise Bad(field, f"{day!r}: say --calendar XNYS, or --calendar none for days that end at midnight")
    try:
        following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError) as error:
        raise Bad(field, f"{day!r}: {error}") from None
    return _moment(following, "00:00", "", "", how.tz or "UTC", day, field)


def _session(day: str, table: SessionTable, field: str) -> Session:
    """The session of that date, or the next when the exchange is closed that day."""
    found = table.session(day) or (table.following(day) if table.first.date <= day else None)
    if found is None:
        raise Bad(field, f"{day} is outside of the sessions of {table.key} ({table.first.date}..{table.last.date})")
    return found
