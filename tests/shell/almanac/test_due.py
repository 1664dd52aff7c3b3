"""When an action of the operator's file takes effect for an account, and as what."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, DAY, World, at, calendar
from tradingd.core.events import DividendDue, Split
from tradingd.core.facts import CashMoved, SplitApplied
from tradingd.shell.almanac.due import due, session_of
from tradingd.shell.almanac.rows import Action

D = Decimal
DIVIDEND = Action(ACME, "2008-10-07", "dividend", D("0.25"), "q3")
SPLIT = Action(ACME, "2008-10-07", "split", D(2), "s1")
OPEN = at("2008-10-07T13:30")
HALF_HOUR = at("2008-10-07T13:00")
MONDAY = at("2008-10-06T12:00")


def asked(world, *actions, now=HALF_HOUR, learned=MONDAY):
    return due(actions, world.book, world.rules, now=now, learned=learned)


def held():
    world = World()
    world.buy(ACME)
    return world


def test_half_an_hour_before_the_open_of_the_ex_date_a_split_first():
    """F9: not a moment before; for this account."""
    world = held()
    assert asked(world, DIVIDEND, SPLIT, now=HALF_HOUR - 1) == []
    split, dividend = asked(world, DIVIDEND, SPLIT)
    assert isinstance(split, Split)
    assert isinstance(dividend, DividendDue)
    assert (split.ratio, split.account, split.ts, split.adjusted) == (2.0, ACCOUNT, HALF_HOUR, False)
    assert (dividend.per_share, dividend.account) == (D("0.25"), ACCOUNT)


def test_what_is_booked_is_not_due_again():
    """T2: neither in this life nor in the next."""
    world = held()
    for event in asked(world, SPLIT, DIVIDEND):
        world.step(event)
    assert [f.amount for f in world.all(CashMoved)[1:]] == [world.book.qty(ACME) * D("0.25")]
    assert world.all(SplitApplied)
    assert asked(world, SPLIT, DIVIDEND) == []
    world.restart()
    assert asked(world, SPLIT, DIVIDEND, now=HALF_HOUR + 3 * DAY) == []


def test_a_dividend_belongs_to_who_held_before_the_open():
    """T2: bought on the ex-date itself, or not at all: nothing."""
    world = World()
    assert asked(world, DIVIDEND) == []
    world.now = OPEN + 1_800_000_000_000
    world.quote(ACME, 100.0)
    world.buy(ACME)
    assert asked(world, DIVIDEND, now=world.now) == []


def test_what_the_daemon_slept_through_is_made_up_for():
    """T2: after a start, days later; older than a month it is the operator's."""
    world = held()
    assert len(asked(world, DIVIDEND, now=HALF_HOUR + 30 * DAY, learned=None)) == 1
    assert asked(world, DIVIDEND, now=HALF_HOUR + 31 * DAY, learned=None) == []


def test_a_split_of_what_is_not_held_only_rescales_prices_seen_before_it():
    """F9: bars learned after it are adjusted already, so only a position needs it then, and leaves the bars alone."""
    world = World()
    [split] = asked(world, SPLIT)
    world.step(split)
    assert world.book.markets[ACME].atr == pytest.approx(1.0)
    assert asked(World(), SPLIT, learned=HALF_HOUR + 1) == []
    assert asked(World(), SPLIT, learned=None) == []
    late = held()
    [split] = asked(late, SPLIT, learned=HALF_HOUR + 1)
    assert split.adjusted
    before = late.book.qty(ACME)
    late.step(split)
    assert late.book.qty(ACME) == 2 * before
    assert late.book.markets[ACME].atr == pytest.approx(2.0)


def test_an_ex_date_without_a_session_is_the_next_one():
    """F9: a Sunday means Monday; a holiday the day after; beyond the table nobody knows."""
    table = calendar()
    assert session_of(table, "2008-10-06").date == "2008-10-06"
    assert session_of(table, "2008-10-05").date == "2008-10-06"
    assert session_of(table, "2008-11-27").date == "2008-11-28"
    assert session_of(table, "1776-07-04") is None
    assert session_of(table, "2400-01-03") is None


def test_an_account_without_a_calendar_has_no_ex_dates():
    """E7."""
    world = World(calendars={})
    assert asked(world, SPLIT, Action(BOLT, "2008-10-07", "dividend", D(1), "x")) == []
