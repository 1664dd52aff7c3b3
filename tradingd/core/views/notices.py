"""Who was told what, as an operator sees it: the channels, the latest notices, and the pages that reached nobody. Values only.

A page reached somebody once one channel delivered it or folded it into a message. One that a limit kept back is named in that
channel's next message. Source: E16.
"""

from __future__ import annotations

from collections.abc import Iterable

from tradingd.core.book.booked import Notice
from tradingd.core.types import NS, AccountId
from tradingd.core.views.view import View

SHOWN = 20
DAY = 86_400 * NS  # for so long a page that reached nobody is held up
WAITING, DELIVERED, FOLDED, LIMITED = "waiting", "delivered", "folded", "rate_limited"
_HEARD = frozenset({WAITING, DELIVERED, FOLDED})
_OWN = frozenset({"test", "kept_back"})  # about telling itself


class NoticeView(View):
    """ts: when this became of it, ns.   level: page, tell, log.   status: waiting, delivered, failed, rate_limited, folded (into
    another message), dropped (too many waited).   notice: the fact's journal number, "" when it is about no fact."""

    ts: int
    account: str
    channel: str
    event: str
    level: str
    status: str
    notice: str


class ChannelView(View):
    """waiting: notices that are still to go.   kept_back: pages its next message will name.   failing: its last message failed."""

    name: str
    waiting: int
    kept_back: int
    failing: bool


class NoticesView(View):
    """latest: those that wait first, then latest first.   unheard: pages of the last day that no channel brought to anybody."""

    channels: tuple[ChannelView, ...]
    latest: tuple[NoticeView, ...]
    unheard: tuple[NoticeView, ...]


def notices_view(
    told: Iterable[tuple[AccountId, Notice]], waiting: Iterable[NoticeView], channels: tuple[ChannelView, ...], now: int,
) -> NoticesView:  # fmt: skip
    """told: what was dealt with, of all accounts.   now: ns."""
    rows = sorted((_row(account, notice) for account, notice in told), key=lambda row: row.ts)
    still = list(waiting)
    latest = (*still, *reversed(rows[-SHOWN:]))[:SHOWN]
    return NoticesView(channels=channels, latest=latest, unheard=_unheard(rows, still, now - DAY))


def _unheard(rows: list[NoticeView], waiting: list[NoticeView], since: int) -> tuple[NoticeView, ...]:
    """One of each page that reached nobody, latest first; on the channel that had it last."""
    last: dict[str, int] = {row.channel: row.ts for row in rows if row.status == DELIVERED}
    heard: set[tuple[str, str]] = set()
    lost: dict[tuple[str, str], NoticeView] = {}
    for row in (*rows, *waiting):
        key = row.account, row.notice
        named = row.status == LIMITED and last.get(row.channel, -1) >= row.ts
        if row.status in _HEARD or named:
            heard.add(key)
        elif row.level == "page" and row.event not in _OWN and row.ts >= since:
            lost[key] = row
    return tuple(row for key, row in reversed(lost.items()) if key not in heard)


def _row(account: AccountId, n: Notice) -> NoticeView:
    return NoticeView(
        ts=n.ts, account=account, channel=n.channel, event=n.kind, level=n.level, status=n.status, notice=n.notice,
    )  # fmt: skip
