"""What became of telling somebody: recorded, so that a restart neither repeats nor forgets it (E16). And the house's own alarms."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.events import Alarm, NoticeSent
from tradingd.core.facts import Alerted, Notified
from tradingd.core.rules import Rules


def on_notice(book: Book, event: NoticeSent, rules: Rules) -> None:
    """One fact, as the room that tells people says it. No decision looks at it."""
    book.emit(
        Notified(
            ts=book.now, account=book.account, notice=event.notice, channel=event.channel, kind=event.kind, status=event.status,
            tries=event.tries, error=event.error, level=event.level, upto=event.upto,
        )
    )  # fmt: skip


def on_alarm(book: Book, event: Alarm, rules: Rules) -> None:
    """Told as any alert of the account. No decision looks at it."""
    book.emit(Alerted(ts=book.now, account=book.account, level=event.level, code=event.code, text=event.text))
