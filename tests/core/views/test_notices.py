"""Who was told what: above all the pages that reached nobody."""

from __future__ import annotations

import pytest

from tests.core.world import ACCOUNT
from tradingd.core.book.booked import Notice
from tradingd.core.types import NS
from tradingd.core.views.notices import DAY, SHOWN, ChannelView, NoticesView, NoticeView, notices_view

NOW = 1_795_017_600 * NS
CHANNELS = (ChannelView(name="mail", waiting=0, kept_back=0, failing=False),)


def told(
    *notices: tuple[str, str, str], level: str = "page", event: str = "disk_low", ago: int = 60, waits: str = ""
) -> NoticesView:
    """notices: (number, channel, status), a second apart, the first `ago` seconds before now.   waits: one that mail still has."""
    begins = NOW - ago * NS
    found = [(ACCOUNT, Notice(n, c, event, status, begins + i * NS, level)) for i, (n, c, status) in enumerate(notices)]
    still = [
        NoticeView(ts=NOW, account=ACCOUNT, channel="mail", event=event, level=level, status="waiting", notice=waits)
    ]
    return notices_view(found, still if waits else [], CHANNELS, NOW)


@pytest.mark.parametrize("status", ["failed", "rate_limited", "dropped"])
def test_a_page_that_no_channel_brought_is_held_up(status):
    """E16: once, whatever number of channels lost it."""
    [lost] = told(("1", "mail", status), ("1", "sms", status)).unheard
    assert (lost.notice, lost.channel, lost.status, lost.event) == ("1", "sms", status, "disk_low")


@pytest.mark.parametrize("status", ["delivered", "folded"])
def test_one_channel_is_enough_before_or_after(status):
    """E16."""
    assert told(("1", "mail", "failed"), ("1", "sms", status)).unheard == ()
    assert told(("1", "sms", status), ("1", "mail", "failed")).unheard == ()


def test_one_that_may_still_arrive_is_not_given_up():
    """E16: another channel tries on."""
    assert told(("1", "sms", "failed"), waits="1").unheard == ()
    assert [n.status for n in told(("1", "sms", "failed"), waits="1").latest] == ["waiting", "failed"]
    assert len(told(("1", "sms", "failed"), waits="2").unheard) == 1


def test_what_a_limit_kept_back_is_named_in_that_channels_next_message():
    """E16: what failed for good is not named again after a restart, so it stays; another channel's message names nothing."""
    assert told(("1", "mail", "rate_limited"), ("2", "mail", "delivered")).unheard == ()
    assert [n.notice for n in told(("1", "mail", "rate_limited"), ("2", "sms", "delivered")).unheard] == ["1"]
    assert [n.notice for n in told(("1", "mail", "failed"), ("2", "mail", "delivered")).unheard] == ["1"]
    assert [n.notice for n in told(("0", "mail", "delivered"), ("1", "mail", "rate_limited")).unheard] == ["1"]


def test_only_pages_of_the_last_day_that_are_about_something():
    """E16: what is less than a page, a test, or older than a day is in the list and no more."""
    assert told(("1", "mail", "failed"), level="tell").unheard == ()
    assert told(("1", "mail", "failed"), event="test").unheard == ()
    assert told(("1", "mail", "failed"), ago=DAY // NS + 1).unheard == ()
    assert len(told(("1", "mail", "failed"), ago=DAY // NS).unheard) == 1


def test_the_latest_are_first_and_few():
    """H2: by the time they were dealt with."""
    rows = told(*((str(n), "mail", "delivered") for n in range(SHOWN + 5))).latest
    assert [row.notice for row in rows] == [str(n) for n in range(SHOWN + 4, 4, -1)]
    assert told().latest == ()
