"""What is raised and what ends it: one closing word, with how long it lasted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.shell.stage import ONE, T0
from tradingd.core.book.book import Book
from tradingd.core.facts import Alerted, AnyFact, DriftCleared, DriftFound, LinkChanged, StartedUp, StateChanged
from tradingd.core.types import NS, Qty, Symbol, TradingState
from tradingd.shell.notify.conditions import Conditions, lasted
from tradingd.shell.notify.note import Note


def alert(at: int, code: str, level: str = "page") -> Alerted:
    return Alerted(ts=T0 + at * NS, account=ONE, level=level, code=code, text="t")


def link(at: int, *, up: bool) -> LinkChanged:
    return LinkChanged(ts=T0 + at * NS, account=ONE, up=up, broker="sim", why="reconciled" if up else "lost")


def drift(at: int, symbol: str, venue: int = 3) -> DriftFound:
    return DriftFound(
        ts=T0 + at * NS, account=ONE, symbol=Symbol(symbol), ours=Qty(Decimal(1)), venue=Qty(Decimal(venue))
    )


def hold(at: int, state: TradingState, key: str, actor: str) -> StateChanged:
    return StateChanged(ts=T0 + at * NS, account=ONE, key=key, verb="resume", state=state, actor=actor, reason="r")


def heard(conditions: Conditions, *facts: AnyFact) -> list[Note]:
    return [note for seq, fact in enumerate(facts, 1) if (note := conditions.hear(seq, fact)) is not None]


def test_a_link_that_is_back_ends_all_that_was_said_of_it() -> None:
    """E16: one message, at the level of the worst, with the time from the first word."""
    (note,) = heard(
        Conditions(ONE), link(0, up=False), alert(0, "broker_disconnected", "tell"), alert(60, "link_missing"), link(200, up=True),
        link(300, up=True),
    )  # fmt: skip
    assert note.text == "broker_disconnected, link_missing: over after 3 min 20 s (reconciled)"
    assert (note.level, note.kind, note.seq) == ("page", "link_missing_resolved", 4)
    assert note.ends == ("broker_disconnected", "link_missing")
    assert set(note.names) == {
        "broker_disconnected",
        "link_missing",
        "broker_disconnected_resolved",
        "link_missing_resolved",
    }


def test_each_symbol_that_drifts_ends_by_itself() -> None:
    cleared = DriftCleared(ts=T0 + 60 * NS, account=ONE, symbol=Symbol("AAA"), how="adopted by me")
    (note,) = heard(Conditions(ONE), drift(0, "AAA"), drift(5, "BBB"), drift(30, "AAA", 4), cleared)
    assert note.text == "position_drift AAA: over after 1 min (adopted by me)"


def test_a_hold_of_a_rule_that_is_lifted_is_told_and_ones_own_is_not() -> None:
    """E16: whoever said pause knows of it; the machine's clock says its own end."""
    (note,) = heard(
        Conditions(ONE), hold(0, TradingState.REDUCING, "operator", "uid:0"), hold(1, TradingState.ACTIVE, "operator", "uid:0"),
        hold(2, TradingState.REDUCING, "rule:wall_clock", "rule:wall_clock"),
        hold(3, TradingState.ACTIVE, "rule:wall_clock", "rule:wall_clock"),
        hold(10, TradingState.HALTED, "operator", "rule:disk_full"), hold(3700, TradingState.ACTIVE, "operator", "uid:0"),
    )  # fmt: skip
    assert note.text == "disk_full: over after 1 h 1 min (resume by uid:0: r)"
    assert note.level == "page"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_new_process_knows_from_the_book_what_is_still_raised(quiet: bool) -> None:
    """E16: link, drift and holds; of a link that was up nothing is said when it comes up again."""
    book = Book(ONE)
    facts = [link(0, up=True), alert(0, "broker_disconnected"), link(5, up=True)]
    if not quiet:
        facts += [
            link(10, up=False), alert(10, "broker_disconnected"), drift(20, "AAA"),
            hold(30, TradingState.HALTED, "rule:crash_loop", "rule:crash_loop"),
        ]  # fmt: skip
    for fact in facts:
        book.replay(fact)
    conditions = Conditions(ONE, book.booked)
    ends = [link(100, up=True), hold(100, TradingState.ACTIVE, "rule:crash_loop", "me")]
    started = StartedUp(ts=T0 + 90 * NS, account=ONE, mode="demo", build="b", config="c", clean=False)
    kinds = [note.kind for note in heard(conditions, started, *ends)]
    assert kinds == ([] if quiet else ["broker_disconnected_resolved", "crash_loop_resolved"])
    assert set(conditions.raised) == (set() if quiet else {"drift:AAA"})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (42, "42 s"), (60, "1 min"), (200, "3 min 20 s"), (18_420, "5 h 7 min"), (183_600, "2 d 3 h")],
)
def test_how_long_in_words(seconds: int, words: str) -> None:
    assert lasted(seconds * NS) == words
