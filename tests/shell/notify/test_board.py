"""What the page shows of the room: from channels that run to the values."""

from __future__ import annotations

import asyncio

from tests.shell.notify.people import Carrier, Room, people
from tests.shell.stage import turns
from tests.shell.test_desk import desk_of
from tradingd.core.views.notices import ChannelView
from tradingd.shell.notify.board import board
from tradingd.shell.notify.message import Undelivered

TWO = {"mail": {}, "sms": {}}


def shown(s: Room) -> list[tuple[str, str, str, str]]:
    rows = board(s.room, books(s), s.clock.wall()).latest
    return [(row.channel, row.event, row.level, row.status) for row in rows]


def books(s: Room) -> dict:  # type: ignore[type-arg]
    return {account: member.book.booked for account, member in s.house.members.items()}


async def test_what_waits_goes_and_fails_is_seen_where_it_stands() -> None:
    """E16, H2: one channel delivers, one is slow, then refuses for good: failing, and its page heard by the other."""
    async with people(channels=TWO) as s:
        s.carriers["sms"].gate = asyncio.Event()
        s.carriers["sms"].answers = [Undelivered("no such number", final=True)]
        await s.raise_alert("disk_low")
        assert shown(s) == [("sms", "disk_low", "page", "waiting"), ("mail", "disk_low", "page", "delivered")]
        channels = board(s.room, books(s), s.clock.wall()).channels
        assert [(c.name, c.waiting) for c in channels] == [("mail", 0), ("sms", 1)]
        s.carriers["sms"].gate.set()
        await turns()
        await s.house.settle()
        found = board(s.room, books(s), s.clock.wall())
        assert ("sms", "disk_low", "page", "failed") in shown(s)
        assert found.channels[1] == ChannelView(name="sms", waiting=0, kept_back=1, failing=True)
        assert found.unheard == ()


async def test_a_page_that_reached_nobody_is_on_the_desks_page() -> None:
    """E16, H2: with the page's next number, so that whoever looks sees it at once."""

    def dead(carriers: dict[str, Carrier]) -> None:
        carriers["mail"].answers = [Undelivered("gone", final=True)]

    async with people(ready=dead) as s:
        desk = desk_of(s, notify=s.room)
        before = desk.page()
        assert before.notices is not None
        assert (before.notices.latest, before.notices.unheard) == ((), ())
        await s.raise_alert("disk_low")
        after = desk.page()
        assert after.seq > before.seq
        assert after.notices is not None
        [lost] = after.notices.unheard
        assert (lost.channel, lost.event, lost.level, lost.status) == ("mail", "disk_low", "page", "failed")


async def test_without_a_channel_there_is_nothing_to_show() -> None:
    """H2: None, which the page puts in words."""
    async with people() as s:
        assert desk_of(s).page().notices is None
