"""Trading days to the next report."""

from __future__ import annotations

import pytest

from tests.core.world import at, calendar
from tradingd.core.plans.earnings import bad_dates, days_to_next

FRIDAY = at("2008-10-03T15:00")


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        ((), None),
        (("2008-10-03",), 0),
        (("2008-10-04",), 0),  # a Saturday: nothing is traded between
        (("2008-10-06",), 1),
        (("2008-10-07",), 2),
        (("2008-10-02",), None),
        (("2008-07-01", "2008-10-08", "2009-01-05"), 3),
    ],
)
def test_days_are_counted_in_sessions_and_the_past_counts_for_nothing(dates, days):
    """E3, E4: a weekend is no distance."""
    assert days_to_next(dates, calendar(), FRIDAY) == days


def test_the_day_is_the_exchanges():
    """E3: at 22:00 in New York it is still that day, in UTC the next."""
    assert days_to_next(("2008-10-07",), calendar(), at("2008-10-07T02:00")) == 1
    assert days_to_next(("2008-10-07",), calendar(), at("2008-10-08T02:00")) == 0
    assert days_to_next(("2008-10-07",), calendar(), at("2008-10-08T05:00")) is None


def test_without_a_calendar_nothing_is_counted():
    """E3: such an instrument gets no entry anyhow (CALENDAR_MISSING)."""
    assert days_to_next(("2008-10-07",), None, FRIDAY) is None


def test_a_date_is_written_one_way():
    """E3: what sorts as text must be a date."""
    assert bad_dates(["2008-10-06", "2008-13-01", "6.10.2008", "", "20081006"]) == [
        "2008-13-01",
        "6.10.2008",
        "",
        "20081006",
    ]
