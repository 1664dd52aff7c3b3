"""What waits, what is folded, what is kept back: one channel's rules without a clock or a socket."""

from __future__ import annotations

import pytest

from tests.shell.notify.people import note
from tests.shell.stage import T0
from tradingd.core.types import NS
from tradingd.shell.notify.limit import HOUR, Hour
from tradingd.shell.notify.outbox import (
    DELIVERED,
    DROPPED,
    FAILED,
    FOLDED,
    LIMITED,
    WAITING_MAX,
    Batch,
    Outbox,
    Outcome,
    Wishes,
)


def box(**wishes: object) -> Outbox:
    return Outbox(Wishes(**wishes))  # type: ignore[arg-type]


def take(outbox: Outbox, at: int) -> list[str] | None:
    """Send what is due at T0 + at seconds: its notices, or None."""
    batch = outbox.due(T0 + at * NS, at * NS)
    if batch is None:
        return None
    outbox.sent(batch, DELIVERED, T0 + at * NS, at * NS)
    return [n.notice for n in batch.notes]


def add(outbox: Outbox, at: int, seq: int, **changes: object) -> list[Outcome]:
    return outbox.add(note(seq, **changes), T0 + at * NS, at * NS)  # type: ignore[arg-type]


def test_a_page_goes_at_once_and_alone() -> None:
    outbox = box()
    add(outbox, 0, 1, level="tell", code="a")
    add(outbox, 0, 2)
    add(outbox, 0, 3, text="BBB: drifts")
    assert [take(outbox, 0), take(outbox, 0), take(outbox, 0)] == [["2"], ["3"], None]


def test_what_should_be_known_gathers_for_a_while() -> None:
    """E16: several within fold_s are one message; the first is delivered, the others are folded into it."""
    outbox = box(fold_s=30.0)
    for seq in (1, 2, 3):
        add(outbox, seq, seq, level="tell", code=f"c{seq}")
    assert outbox.due(T0 + 30 * NS, 30 * NS) is None
    assert outbox.due_in(T0 + 30 * NS, 30 * NS) == 1.0
    batch = outbox.due(T0 + 31 * NS, 31 * NS)
    assert batch is not None
    outcomes = outbox.sent(batch, DELIVERED, T0 + 31 * NS, 31 * NS, tries=1)
    assert [(o.note.notice, o.status) for o in outcomes] == [("1", DELIVERED), ("2", FOLDED), ("3", FOLDED)]
    assert len(outbox.hour._sent) == 1, "one message"


def test_the_same_within_an_hour_is_counted_and_told_when_the_hour_is_over() -> None:
    """E16: identical code and account; the numbers in the text do not make it another one, its symbol does."""
    outbox = box()
    add(outbox, 0, 1, text="AAA: ours 10, the venue's 12")
    assert take(outbox, 0) == ["1"]
    assert [o.status for o in add(outbox, 60, 2, text="AAA: ours 10, the venue's 1,300.5")] == [FOLDED]
    assert [o.status for o in add(outbox, 70, 3, text="AAA: ours -3, the venue's 12")] == [FOLDED]
    assert add(outbox, 80, 4, text="BBB: ours 10, the venue's 12") == []
    assert add(outbox, 80, 5, text="AAA: ours 10, the venue's 12", account="two") == []
    assert [take(outbox, 80), take(outbox, 80), take(outbox, 80)] == [["4"], ["5"], None]
    assert outbox.due_in(T0 + 80 * NS, 80 * NS) == 3520.0
    batch = outbox.due(T0 + HOUR, HOUR)
    assert batch is not None
    assert batch.notes[0].text.startswith("2 times more within the hour, the last time: AAA: ours -3")
    outbox.sent(batch, DELIVERED, T0 + HOUR, HOUR)
    assert take(outbox, 3_601) is None
    add(outbox, 3_700, 6, text="AAA: ours 10, the venue's 12")
    assert take(outbox, 3_700) == ["6"], "a new hour"


def test_after_the_end_was_told_the_same_is_news_again() -> None:
    """E16: what people heard last is never better than what is: flapping ends with the bad news, not with the good."""
    outbox = box()
    over = {"code": "link_missing_resolved", "text": "link_missing: over after 3 s", "ends": ("link_missing",)}
    heard = []
    for n in range(4):
        add(outbox, n, 10 * n + 1, code="link_missing", text="no venue for 60 s")
        heard.append(take(outbox, n))
        add(outbox, n, 10 * n + 2, **over)
        heard.append(take(outbox, n))
    assert heard == [["1"], ["2"], ["11"], None, None, None, None, None]


def test_the_end_says_how_often_it_came_again() -> None:
    outbox = box()
    add(outbox, 0, 1, code="link_missing", text="no venue")
    take(outbox, 0)
    add(outbox, 1, 2, code="link_missing", text="no venue")
    add(outbox, 2, 3, code="x_resolved", text="over", ends=("link_missing",))
    batch = outbox.due(T0 + 2 * NS, 2 * NS)
    assert batch is not None
    assert batch.notes[0].text == "over; it came 1 times more"


def test_only_what_is_wanted_is_taken() -> None:
    """E16: by level, and by name with patterns."""
    outbox = box(levels=("page",), events=("circuit_breaker_*", "position_drift"))
    assert add(outbox, 0, 1, level="tell") == add(outbox, 0, 2, code="link_missing") == []
    assert not outbox.waiting
    add(outbox, 0, 3, code="circuit_breaker_triggered", text="x")
    add(outbox, 0, 4)
    assert list(outbox.waiting) == ["3", "4"]


def test_when_too_many_wait_the_least_goes_first_and_is_recorded() -> None:
    """E16: bounded; the record for the log first, then what should be known, a page last; never what is on its way."""
    outbox = box(levels=("page", "tell", "log"))
    add(outbox, 0, 1, text="first")
    assert outbox.due(T0, 0) is not None
    add(outbox, 0, 2, level="tell", code="t", text="t")
    add(outbox, 0, 3, level="log", code="l", text="l")
    dropped = [
        (o.note.notice, o.status)
        for n in range(WAITING_MAX)
        for o in add(outbox, 0, 10 + n, text=f"{'x' * (n + 1)}: drifts")
    ]
    assert dropped == [("3", DROPPED), ("2", DROPPED), ("10", DROPPED)]
    assert len(outbox.waiting) == WAITING_MAX
    assert [n.notice for n in outbox.kept_back] == ["10"], "a page that went is named later"


def test_pages_beyond_the_limit_are_named_in_the_next_message() -> None:
    """E16: "and 7 more"; and as soon as the limit allows one, not only when something else happens."""
    outbox = box(per_hour=1)
    add(outbox, 0, 1)
    take(outbox, 0)
    for seq in (2, 3):
        add(outbox, 10, seq, text=f"{'x' * seq}: drifts")
        batch = outbox.due(T0 + 10 * NS, 10 * NS)
        assert batch is not None
        outbox.sent(batch, LIMITED, T0 + 10 * NS, 10 * NS)
    assert outbox.due(T0 + 20 * NS, 20 * NS) is None
    assert outbox.due_in(T0 + 20 * NS, 20 * NS) == 3580.0
    batch = outbox.due(T0 + HOUR, HOUR)
    assert batch is not None
    assert batch.notes[0].text == "2 pages could not be told when they came"
    assert [n.notice for n in batch.kept_back] == ["2", "3"]
    outbox.sent(batch, DELIVERED, T0 + HOUR, HOUR)
    assert not outbox.kept_back
    assert outbox.due(T0 + 3 * HOUR, 3 * HOUR) is None


def test_what_failed_does_not_silence_the_next() -> None:
    """The first of an hour was never told, so the next is not a repetition; the failed page is named with it."""
    outbox = box()
    add(outbox, 0, 1)
    batch = outbox.due(T0, 0)
    assert batch is not None
    outbox.sent(batch, FAILED, T0, 0)
    add(outbox, 1, 2)
    batch = outbox.due(T0 + NS, NS)
    assert batch is not None
    assert ([n.notice for n in batch.notes], [n.notice for n in batch.kept_back]) == (["2"], ["1"])


def test_a_restart_begins_before_what_waits_and_before_an_open_hour() -> None:
    """E16: the number up to which nothing has to be found again."""
    outbox = box()
    assert outbox.upto(9) == 9
    add(outbox, 0, 12, level="tell", code="t", text="t")
    add(outbox, 0, 15)
    assert take(outbox, 0) == ["15"]
    assert outbox.upto(20) == 11
    assert take(outbox, 30) == ["12"]
    assert outbox.upto(20) == 11, "its hour counts repetitions"
    assert take(outbox, 3_600) is None
    assert outbox.upto(20) == 20


def test_a_restart_begins_before_what_raised_the_condition_whose_end_waits() -> None:
    """E16: a start that does not see it raised does not see it end."""
    outbox = box()
    add(outbox, 0, 12)
    assert take(outbox, 0) == ["12"]
    add(outbox, 5, 20, code="position_drift_resolved", ends=("position_drift",))
    assert outbox.upto(30) == 11
    assert take(outbox, 5) == ["20"]
    assert outbox.upto(30) == 11, "its hour counts repetitions"
    assert take(outbox, 3_605) is None
    assert outbox.upto(30) == 30


def test_what_a_former_life_said_is_not_said_again() -> None:
    outbox = box()
    outbox.restore(note(1), DELIVERED, T0, T0 + 60 * NS)
    outbox.restore(note(2), FOLDED, T0 + NS, T0 + 60 * NS)
    outbox.restore(note(3, code="x"), LIMITED, T0, T0 + 60 * NS)
    assert [o.status for o in add(outbox, 61, 4)] == [FOLDED]
    assert add(outbox, 61, 5, code="x") == []
    batch = outbox.due(T0 + HOUR, HOUR)
    assert batch is not None
    assert batch.notes[0].notice == "5"
    outbox.sent(batch, DELIVERED, T0 + HOUR, HOUR)
    batch = outbox.due(T0 + HOUR, HOUR)
    assert batch is not None
    assert batch.notes[0].text.startswith("2 times more")


def test_nothing_wakes_a_channel_for_nothing() -> None:
    """While the first of an hour still waits for its fold, an hour that is over does not make the channel spin."""
    outbox = box(fold_s=3600.0)
    assert outbox.due_in(T0, 0) is None
    add(outbox, 0, 1, level="tell")
    assert outbox.due(T0 + HOUR, 10 * NS) is None
    assert outbox.due_in(T0 + HOUR, 10 * NS) == 3590.0


@pytest.mark.parametrize(("wall", "mono", "full"), [(HOUR - 1, HOUR - 1, True), (HOUR, HOUR - 1, True), (HOUR - 1, HOUR, True),
                                                    (HOUR, HOUR, False), (9 * HOUR, 1, True)])  # fmt: skip
def test_an_hour_is_over_when_both_clocks_say_so(wall: int, mono: int, full: bool) -> None:
    """E16: a demo's wall time runs ahead; a bill does not."""
    hour = Hour(1)
    hour.count(T0, 0)
    assert hour.full(T0 + wall, mono) is full
    assert (hour.free_in(T0 + wall, mono) > 0) is full


def test_a_delivery_of_a_clock_that_was_wrong_does_not_block_for_ever() -> None:
    hour = Hour(1)
    hour.count(T0 + 90 * HOUR, None)
    assert not hour.full(T0, 0)


def test_what_is_on_its_way_takes_its_place_in_the_limit() -> None:
    hour = Hour(1)
    hour.going = 1
    assert hour.full(T0, 0)
    assert hour.free_in(T0, 0) == NS


def test_a_reminder_goes_once() -> None:
    outbox = box(per_hour=1)
    outbox.owe([note(1), note(2)])
    batch = outbox.due(T0, 0)
    assert batch is not None
    assert isinstance(batch, Batch)
    outbox.sent(batch, FAILED, T0, 0)
    assert outbox.due(T0 + 2 * HOUR, 2 * HOUR) is None, "a channel that fails is not asked again and again"
    assert len(outbox.kept_back) == 2
