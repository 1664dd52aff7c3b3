"""What became of telling somebody: recorded, so that a restart neither repeats nor forgets it (E16)."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.events import NoticeSent
from tradingd.core.facts import Notified
from tradingd.core.rules import Rules


def on_notice(book: Book, event: NoticeSent, rules: Rules) -> None:
    """One fact, as the room that tells people says it. No decision looks at it."""
    book.emit(
        Notified(
            ts=book.now, account=book.account, notice=event.notice, channel=event.channel, kind=event.kind, status=event.status,
            tries=event.tries, error=event.error, level=event.level, upto=event.upto,
        )
    )  # fmt: skip
