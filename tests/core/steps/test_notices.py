"""What became of telling somebody is a fact, and what the book keeps of it."""

from __future__ import annotations

from tests.core.world import ACCOUNT, World
from tradingd.core.book.book import Book
from tradingd.core.book.fold.operator import KEEP_NOTICES, KEEP_NOTICES_MAX
from tradingd.core.events import NoticeSent
from tradingd.core.facts import Notified
from tradingd.core.types import NS


def fact(n: int, ts: int, *, status: str = "delivered", channel: str = "mail", upto: int = 0) -> Notified:
    return Notified(
        ts=ts, account=ACCOUNT, notice=str(n), channel=channel, kind="k", status=status, level="page", upto=upto
    )


def test_an_outcome_is_recorded_as_it_was_said() -> None:
    """E16: one fact, no decision, nothing else of the book moved."""
    world = World()
    before = world.book.dump()
    facts = world.step(
        NoticeSent(
            ts=world.now + NS, account=ACCOUNT, notice="7", channel="mail", kind="position_drift", status="failed", tries=4,
            error="no", level="page", upto=5,
        )
    )  # fmt: skip
    (found,) = facts
    assert isinstance(found, Notified)
    assert (found.notice, found.status, found.tries, found.error, found.level, found.upto) == (
        "7",
        "failed",
        4,
        "no",
        "page",
        5,
    )
    assert world.book.booked.dealt_with == {"mail": 5}
    world.book.booked.notices.clear()
    world.book.booked.dealt_with.clear()
    after = Book.load(world.book.dump())
    after.last_ts = Book.load(before).last_ts
    assert after == Book.load(before)


def test_how_far_a_channel_came_never_goes_back() -> None:
    """E16: a word that was late does not make a restart repeat what was said."""
    book = Book(ACCOUNT)
    for n, (channel, upto) in enumerate([("mail", 5), ("mail", 3), ("sms", 2), ("mail", 0)]):
        book.replay(fact(n, n, channel=channel, upto=upto))
    book.replay(fact(9, 9, status="noted", upto=9))
    assert book.booked.dealt_with == {"mail": 9, "sms": 2}
    assert [notice.notice for notice in book.booked.notices] == ["0", "1", "2", "3"]


def test_notices_of_the_last_hour_are_kept_whatever_their_number_and_older_ones_by_count() -> None:
    """E16: what counts for a limit is not forgotten because much was recorded; memory is bounded all the same."""
    book = Book(ACCOUNT)
    for n in range(KEEP_NOTICES + 100):
        book.replay(fact(n, NS))
    assert len(book.booked.notices) == KEEP_NOTICES + 100
    book.replay(fact(10_000, 3_602 * NS))
    assert len(book.booked.notices) == KEEP_NOTICES
    for n in range(KEEP_NOTICES_MAX):
        book.replay(fact(n, 3_602 * NS))
    assert len(book.booked.notices) == KEEP_NOTICES_MAX
