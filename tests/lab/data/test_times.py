"""Times of a source: read to the nanosecond, and refused where the text leaves something open. T2."""

import pytest

from tradingd.core.types import NS
from tradingd.lab.data.faults import Bad, DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.times import Reading, iso_date, reader, when

T = 1_399_420_807 * NS  # 2014-05-07T00:00:07Z


def read(kind: str, text: str, **how: str) -> int:
    return reader(kind_of(kind), Reading(**how), "ts")(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "how", "ts"),
    [
        ("2014-05-07T00:00:07Z", {}, T),
        ("2014-05-07 00:00:07Z", {}, T),
        ("2014-05-07T00:00:07.135Z", {}, T + 135_000_000),
        ("2014-05-07T00:00:07.123456789Z", {}, T + 123_456_789),
        ("2014-05-07T00:00:07,5Z", {}, T + NS // 2),
        ("2014-05-07T02:00:07+02:00", {}, T),
        ("2014-05-06T20:00:07-0400", {}, T),
        ("2014/05/07 00:00:07 Z", {}, T),
        ("20140507 00:00:07", {"tz": "UTC"}, T),
        ("2014-05-06 20:00:07", {"tz": "America/New_York"}, T),
        ("2014-05-07T00:01", {"tz": "UTC"}, T + 53 * NS),
        ("2014-05-07T02:00:07+02:00", {"tz": "America/New_York"}, T),  # its own zone counts
        ("1399420807", {"unit": "s"}, T),
        ("1399420807.135", {"unit": "s"}, T + 135_000_000),
        ("1399420807135", {"unit": "ms"}, T + 135_000_000),
        ("1399420807000001", {"unit": "us"}, T + 1_000),
        ("1399420807000000001", {"unit": "ns"}, T + 1),
        ("-1", {"unit": "s"}, -NS),
        ("1969-12-31T23:59:59.5Z", {}, -NS // 2),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(text: str, how: dict[str, str], ts: int) -> None:
    assert read("quotes", text, **how) == ts


@pytest.mark.parametrize(
    ("kind", "text", "how", "why"),
    [
        ("quotes", "2014-05-07T00:00:07", {}, "names no zone: say --tz"),
        ("quotes", "1399420807", {}, "is a number: say --unit"),
        ("quotes", "2014-05-07", {"tz": "UTC"}, "is a date and no moment"),
        ("quotes", "", {"tz": "UTC"}, "is no time"),
        ("quotes", "05/07/2014 10:00", {"tz": "UTC"}, "is no time"),
        ("quotes", "2014-02-30T00:00Z", {}, "day is out of range"),
        ("quotes", "2014-05-07T25:00Z", {}, "hour must be in"),
        ("quotes", "2014-05-07T00:00:61Z", {}, "is no time"),
        ("quotes", "2014-05-07T00:00:07.1234567891Z", {}, "is no time"),
        ("quotes", "1500-01-01T00:00Z", {}, "outside of the years"),
        ("quotes", "2014-03-09 02:30", {"tz": "America/New_York"}, "twice or never"),
        ("quotes", "2014-11-02 01:30", {"tz": "America/New_York"}, "twice or never"),
        ("quotes", "x", {"unit": "s"}, "is no number"),
        ("quotes", "NaN", {"unit": "s"}, "is no number"),
        ("quotes", "Infinity", {"unit": "s"}, "is no number"),
        ("quotes", "1.5", {"unit": "ns"}, "finer than a nanosecond"),
        ("quotes", "1399420807135", {"unit": "s"}, "is --unit right?"),
        ("bars-60", "2014-05-07T00:00Z", {}, "say --stamp start or --stamp end"),
        ("bars-86400", "2014-05-07T00:00Z", {"calendar": "XNYS"}, "say --stamp start or --stamp end"),
        ("bars-86400", "2014-05-07 00:00:00", {"stamp": "end", "calendar": "XNYS"}, "names no zone: say --tz"),
        ("bars-60", "1399420807", {"stamp": "end", "unit": "ms", "calendar": "XNYS"}, "(1999-01-04..2028-12-29): is --unit right?"),
        ("bars-86400", "2035-05-07T00:00Z", {"stamp": "end", "calendar": "XNYS"}, "outside of the sessions of XNYS"),
        ("bars-60", "2014-05-07", {"stamp": "end"}, "no bars of days"),
        ("bars-86400", "2008-10-06", {}, "say --calendar"),
        ("bars-86400", "2008-10-05", {"calendar": "XNYS"}, "2008-10-05 is no session of XNYS"),
        ("bars-86400", "2008-13-05", {"calendar": "none"}, "month must be in"),
        ("actions", "2008-10-06T10:00", {"calendar": "XNYS"}, "is no date"),
        ("actions", "2099-01-01", {"calendar": "XNYS"}, "outside of the sessions"),
        ("actions", "1990-01-01", {"calendar": "XNYS"}, "outside of the sessions"),
    ],
)  # fmt: skip
def test_what_is_no_time_or_leaves_something_open_is_refused(
    kind: str, text: str, how: dict[str, str], why: str
) -> None:
    with pytest.raises(Bad) as refused:
        read(kind, text, **how)
    assert why in refused.value.why
    assert refused.value.field == "ts"


@pytest.mark.parametrize(
    ("kind", "text", "how", "same"),
    [
        ("bars-60", "2014-05-07T00:00Z", {"stamp": "start"}, "2014-05-07T00:01Z"),
        ("bars-60", "2014-05-07T00:00Z", {"stamp": "end"}, "2014-05-07T00:00Z"),
        ("bars-60", "1399420800", {"stamp": "start", "unit": "s"}, "2014-05-07T00:01Z"),
        ("bars-86400", "2008-10-06", {"calendar": "XNYS"}, "2008-10-06T20:00Z"),  # the close, in summer
        ("bars-86400", "2008-12-01 00:00:00", {"calendar": "XNYS"}, "2008-12-01T21:00Z"),  # as pandas writes a day
        ("bars-86400", "2008-11-28", {"calendar": "XNYS"}, "2008-11-28T18:00Z"),  # an early close
        ("bars-86400", "2008-10-06", {"calendar": "none"}, "2008-10-07T00:00Z"),
        ("bars-86400", "2008-10-06", {"calendar": "none", "tz": "Europe/Berlin"}, "2008-10-06T22:00Z"),
        ("bars-86400", "2008-10-06T17:00Z", {"stamp": "end"}, "2008-10-06T17:00Z"),
        (
            "bars-86400",
            "2008-01-08T00:00:00Z",
            {"stamp": "end", "calendar": "none"},
            "2008-01-08T00:00Z",
        ),  # the end of Jan 7
        ("bars-86400", "2008-01-08T00:00:00Z", {"stamp": "end", "calendar": "XNYS"}, "2008-01-08T00:00Z"),
        ("bars-86400", "2008-01-08T00:00:00Z", {"stamp": "start", "calendar": "none"}, "2008-01-09T00:00Z"),
        (
            "bars-86400",
            "2008-01-08 00:00",
            {"stamp": "end", "calendar": "XNYS", "tz": "America/New_York"},
            "2008-01-08T05:00Z",
        ),
        ("bars-86400", "2008-01-08T00:00+01:00", {"stamp": "end", "calendar": "none"}, "2008-01-07T23:00Z"),
        ("bars-86400", "2008-01-08", {"stamp": "end", "calendar": "none"}, "2008-01-09T00:00Z"),  # a date is a day
        ("actions", "2008-10-06", {"calendar": "XNYS"}, "2008-10-06T13:00Z"),  # half an hour before the open
        ("actions", "2008-10-05", {"calendar": "XNYS"}, "2008-10-06T13:00Z"),  # a Sunday
        ("actions", "2008-10-06", {}, "2008-10-06T00:00Z"),
    ],
)
def test_a_bar_is_told_by_its_end_and_an_action_before_the_open(
    kind: str, text: str, how: dict[str, str], same: str
) -> None:
    """T2: a bar that is known before it ended would let a backtest see the future."""
    assert read(kind, text, **how) == read("quotes", same)


@pytest.mark.parametrize("how", [{"tz": "Mars/Olympus"}, {"tz": "../etc"}, {"calendar": "XLON"}])
def test_a_zone_or_calendar_nobody_knows_is_an_error_of_its_own(how: dict[str, str]) -> None:
    with pytest.raises(DataError, match=next(iter(how.values()))):
        Reading(**how)  # type: ignore[arg-type]


def test_a_range_is_given_by_dates_or_moments() -> None:
    assert when("2014-05-07", "--from") == when("2014-05-07T00:00Z", "--from") == T - 7 * NS
    with pytest.raises(DataError, match="--from: '2014-05-07T10:00' names no zone"):
        when("2014-05-07T10:00", "--from")


def test_a_date_keeps_one_form() -> None:
    assert iso_date("2014/05/07", "ex_date") == iso_date("20140507", "ex_date") == "2014-05-07"
    with pytest.raises(Bad):
        iso_date("2014-05-07T10:00", "ex_date")
