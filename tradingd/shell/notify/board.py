"""What the page shows of the room: what waits on each channel, and what became of the rest. Built when somebody looks."""

from __future__ import annotations

from collections.abc import Mapping

from tradingd.core.book.booked import Booked
from tradingd.core.types import AccountId
from tradingd.core.views.notices import WAITING, ChannelView, NoticesView, NoticeView, notices_view
from tradingd.shell.notify.room import Notify


def board(room: Notify, books: Mapping[AccountId, Booked], now: int) -> NoticesView:
    """books: the booked half of each account as it is now.   now: ns. Source: E16."""
    channels = tuple(
        ChannelView(
            name=name,
            waiting=len(channel.outbox.waiting),
            kept_back=len(channel.outbox.kept_back),
            failing=channel.failing,
        )
        for name, channel in room.channels.items()
    )
    waiting = [
        NoticeView(
            ts=note.ts,
            account=note.account,
            channel=name,
            event=note.kind,
            level=note.level,
            status=WAITING,
            notice=note.notice,
        )
        for name, channel in room.channels.items()
        for note, _ in channel.outbox.waiting.values()
    ]
    told = [(account, notice) for account, booked in books.items() for notice in booked.notices]
    return notices_view(told, waiting, channels, now)
