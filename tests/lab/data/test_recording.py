"""What a daemon heard, as rows of a store. T1, J5."""

from decimal import Decimal

import pytest

from tests.lab.data.heard import CLOSE, DAY, OPEN, bar, began, learned, quote, split, taken
from tradingd.core.events import Action as Side
from tradingd.core.events import Command, Dividend, DividendDue, Recommendation, Verb
from tradingd.core.inputs import Adopted, Ended, Input
from tradingd.core.types import NS, AccountId, Money, Price, Symbol
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.recording import Recording
from tradingd.lab.data.unrecorded import unrecorded

SECOND = NS


def test_a_quote_stands_where_it_reached_the_daemon() -> None:
    """T2: nothing is shown before it was known; a source an hour off keeps its own time; order is the order of arrival."""
    heard = [
        began(), learned(), quote(OPEN, 1.0, recv=OPEN + 5), quote(OPEN + 20, 2.0, recv=OPEN + 3), quote(OPEN + 30, 3.0),
        quote(OPEN + DAY, 4.0, recv=OPEN + 40), quote(OPEN + 50, 5.0, recv=OPEN + 50),
    ]  # fmt: skip
    rows = taken(Recording(), heard)["quotes", "A"]
    assert [(row[0] - OPEN, row[1]) for row in rows] == [(5, 1.0), (5, 2.0), (30, 3.0), (DAY, 4.0), (DAY, 5.0)]
    assert rows[0][2:] == (1.01, 100.0, 200.0)


def test_a_quote_that_two_accounts_hear_of_one_venue_counts_once() -> None:
    """T2: else all that is shown would be there twice to trade with, and a jump would confirm itself (F4)."""
    first = [quote(OPEN + n, 1.0 + n, recv=OPEN + n + 3) for n in range(40)]
    again = [quote(OPEN + n, 1.0 + n, recv=OPEN + n + 4) for n in range(40)]
    whole = taken(Recording(), [began(), learned(), *first])
    turns = [each for pair in zip(first, again, strict=True) for each in pair]
    for heard in ([*first, *again], turns):
        assert taken(Recording(), [began(), learned(), *heard]) == whole
    known = quote(OPEN, 1.0, recv=OPEN + 3)
    newer = quote(OPEN, 1.0, recv=OPEN + 3)
    newer.seq = known.seq + 1
    assert len(taken(Recording(), [began(), learned(), known, newer])["quotes", "A"]) == 2


def test_bars_are_told_once() -> None:
    """T1: by a second account, or again after a login, they are no new ones."""
    half = [bar(OPEN + 1800 * n * SECOND, span_s=1800) for n in (1, 2, 3)]
    rows = taken(Recording(), [began(), learned(), half[0], half[1]], [began(), half[0], half[1], half[2], half[2]])
    assert [row[0] for row in rows["bars-1800", "A"]] == [each.ts for each in half]


def test_days_told_at_a_login_fill_what_was_not_recorded() -> None:
    """T1: those before the first one, and those of a time the daemon was down; one that was heard when it closed stays."""
    before = [bar(CLOSE - n * DAY, 5.0, history=True) for n in (3, 2, 1)]
    first = [began(OPEN), learned(), *before, bar(CLOSE, 10.0)]
    login = CLOSE + 2 * DAY
    again = [began(login), bar(CLOSE, 99.0, history=True), bar(CLOSE + DAY, 11.0, history=True)]
    rows = taken(Recording(), first, again)["bars-86400", "A"]
    assert [(row[0], row[4]) for row in rows] == [
        *((each.ts, 5.0) for each in before), (CLOSE, 10.0), (CLOSE + DAY, 11.0)
    ]  # fmt: skip


@pytest.mark.parametrize("together", [True, False])
def test_days_told_after_a_split_stand_in_the_shares_of_their_own_time(together: bool) -> None:
    """T2: a store holds prices as they were; the feed adjusts them for the splits it knows."""
    ex = OPEN + DAY - 1800 * SECOND
    first: list[Input] = [began(OPEN), learned(), bar(OPEN - 1, 8.0, history=True), split(ex)]
    login = CLOSE + 2 * DAY
    retold = split(login, account=AccountId("b"), at=ex)
    again: list[Input] = [began(login), bar(CLOSE, 5.0, history=True), bar(CLOSE + DAY, 5.5, history=True), retold]
    rows = taken(Recording(), [*first, *again]) if together else taken(Recording(), first, again)
    days = rows["bars-86400", "A"]
    assert [(row[0], row[4], row[5]) for row in days] == [
        (OPEN - 1, 8.0, 1000.0), (CLOSE, 10.0, 500.0), (CLOSE + DAY, 5.5, 1000.0)
    ]  # fmt: skip
    assert rows["actions", "A"] == [(ex, "2008-09-03", "split", "2", "s1")]


def test_an_action_counts_once_by_whatever_name() -> None:
    """T2: another account's word of it, the operator's own file, a name that is none."""
    due = DividendDue(ts=OPEN - DAY, symbol=Symbol("A"), per_share=Price(Decimal("0.50")), action_id="x:1")
    rows = taken(
        Recording(), [began(), learned(), due, split(OPEN, 1.5), split(OPEN, 1.5), split(OPEN + 5, 1.5, "other")]
    )
    assert rows["actions", "A"] == [
        (OPEN - DAY, "2008-09-01", "dividend", "0.5", "dividend-2008-09-01"),
        (OPEN, "2008-09-02", "split", "1.5", "s1"),
    ]


def test_what_is_no_part_of_a_market_is_counted() -> None:
    """T1: it decided too, and a backtest does not have it."""
    recording = Recording()
    idea = Recommendation(ts=OPEN, id="i", symbol=Symbol("A"), action=Side.BUY, confidence=0.9, generated_at=OPEN)
    paid = Dividend(ts=OPEN, account=AccountId("a"), symbol=Symbol("A"), amount=Money(Decimal(3)), action_id="d")
    heard = [
        began(), learned(), idea, idea, Command(ts=OPEN, id="c", verb=Verb.HALT, actor="op"), paid, quote(OPEN, float("nan")),
        bar(OPEN, float("inf")), Adopted(ts=OPEN, config="x = 2"), Ended(ts=OPEN),
    ]  # fmt: skip
    assert taken(recording, heard) == {}
    assert recording.left == {"ideas from outside": 2, "operators' commands": 1}
    assert (recording.bad, recording.dividends) == ({"A": 2}, {"A": 1})
    assert (recording.config, recording.changed) == ("x = 2", 1)


def test_two_sources_of_one_symbol_are_not_mixed() -> None:
    """T2: which of them counts must be said; another life may have another one."""
    two = [began(), learned(), quote(OPEN, source="x"), quote(OPEN + 1, 20.0, source="y")]
    with pytest.raises(DataError, match="A is quoted by 'x' and 'y': `data import --from-tape` with --source"):
        taken(Recording(), two)
    assert [row[1] for row in taken(Recording("y"), two)["quotes", "A"]] == [20.0]
    later = [began(), learned(), quote(OPEN, source="x"), began(OPEN + 1), quote(OPEN + 2, source="y")]
    assert len(taken(Recording(), later)["quotes", "A"]) == 2


def test_times_nobody_recorded_are_told_where_they_lie_in_a_session() -> None:
    """T2: a daemon that was down, a gap on the tape; not a night."""
    recording = Recording()
    again = [
        began(OPEN + 60 * SECOND),
        bar(OPEN + 50 * SECOND, span_s=60),
        quote(OPEN),
        quote(OPEN, symbol="B"),
        quote(OPEN + 60 * SECOND),
        quote(CLOSE),
    ]
    taken(recording, [began(), learned(), quote(OPEN), *again])
    recording.gap()
    taken(
        recording,
        [quote(CLOSE + 60 * SECOND), began(OPEN + DAY), quote(OPEN + DAY + SECOND), quote(OPEN + DAY + 2 * SECOND)],
    )
    assert recording.holes == [
        (OPEN, OPEN + 60 * SECOND), (CLOSE, CLOSE + 60 * SECOND), (CLOSE + 60 * SECOND, OPEN + DAY + SECOND)
    ]  # fmt: skip
    assert unrecorded(recording.holes, recording.calendars) == [
        "nothing was recorded from 2008-09-02T13:30:00Z to 2008-09-02T13:31:00Z",
        "nothing was recorded from 2008-09-02T20:00:00Z to 2008-09-02T20:01:00Z",
        "nothing was recorded from 2008-09-02T20:01:00Z to 2008-09-03T13:30:01Z",
    ]
    night = [(CLOSE + SECOND, OPEN + DAY - SECOND)]
    assert unrecorded(night, ["XNYS"]) == []
    assert len(unrecorded(night, ["none"])) == 1
    many = [(OPEN + n, OPEN + n + 1) for n in range(13)]
    assert unrecorded(many, ["XNYS"])[10:] == ["and 3 more such times"]
    assert unrecorded(many, ["XNYS"], since=CLOSE) == []


def test_a_symbol_nobody_described_needs_its_calendar() -> None:
    """T2: its beginning was dropped; nothing is guessed."""
    with pytest.raises(DataError, match="A: its description was on a tape that is gone: say --calendar"):
        Recording().known(["A"])
    Recording(key="XNYS").known(["A"])
