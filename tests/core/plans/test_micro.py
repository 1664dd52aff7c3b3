"""Micro-trades in bare numbers: how many, and until when."""

from __future__ import annotations

import pytest

from tests.core.world import ACCOUNT
from tradingd.core.book.booked import Booked
from tradingd.core.facts import Reason
from tradingd.core.plans.micro import MINUTE, checks, taken, why_close


@pytest.mark.parametrize(
    ("enabled", "before", "reasons"),
    [
        (True, 9, []),
        (True, 10, [Reason.MICRO_LIMIT]),
        (False, 0, [Reason.MICRO_OFF]),
        (False, 11, [Reason.MICRO_OFF, Reason.MICRO_LIMIT]),
    ],
)
def test_the_switch_and_the_number(enabled, before, reasons):
    """E15: ten in a session, the tenth included."""
    assert [c.reason for c in checks(enabled=enabled, taken=before, per_day=10) if c.reason] == reasons


def test_a_new_session_counts_anew():
    """E15."""
    booked = Booked(account=ACCOUNT, day="2008-10-06", micro_day="2008-10-06", micro_count=3)
    assert taken(booked) == 3
    booked.day = "2008-10-07"
    assert taken(booked) == 0


@pytest.mark.parametrize(
    ("held", "left", "closed"),
    [(119.9, 60, False), (120, 60, True), (5, 15, True), (5, 16, False), (500, 300, True)],
)
def test_it_is_closed_after_its_time_or_when_the_window_closes(held, left, closed):
    """E15. held, left: minutes since it was opened and to the end of the session."""
    now = 10_000 * MINUTE
    why = why_close(now - int(held * MINUTE), now, now + left * MINUTE, hold_min=120, before_close_min=15)
    assert bool(why) == closed


@pytest.mark.parametrize(("left", "closed"), [(6, False), (5, True)])
def test_a_window_that_closes_with_the_session_still_leaves_time(left, closed):
    """E15: none stays over night, whatever the window."""
    now = 10_000 * MINUTE
    assert bool(why_close(now, now, now + left * MINUTE, hold_min=120, before_close_min=0)) == closed
