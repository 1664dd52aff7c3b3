"""Notices and messages in words: names, subjects, and what no text may do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shell.notify.people import note
from tests.shell.stage import ONE, T0
from tradingd.core.facts import Alerted, StartedUp
from tradingd.core.types import NS
from tradingd.shell.notify.message import BRIEF_MAX, message_of, without
from tradingd.shell.notify.note import note_of
from tradingd.shell.notify.outbox import Batch


def alert(code: str, level: str = "page", text: str = "t") -> Alerted:
    return Alerted(ts=T0, account=ONE, level=level, code=code, text=text)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("breaker_daily_loss", "circuit_breaker_triggered"), ("breaker_volatility", "circuit_breaker_triggered"),
        ("breaker_resumed", "circuit_breaker_resumed"), ("emergency_liquidation", "emergency_liquidation"),
        ("risk_tier_changed", "risk_tier_changed"), ("large_trade_pnl", "large_trade_pnl"), ("daily_summary", "daily_summary"),
        ("weekly_digest", "weekly_digest"), ("broker_disconnected", "broker_disconnected"), ("position_drift", "position_drift"),
        ("link_missing", "link_missing"),
    ],
)  # fmt: skip
def test_each_event_has_the_name_that_operators_know(code: str, kind: str) -> None:
    """E16: the nine names; everything else is called by its own code. Patterns may use either."""
    found = note_of(7, alert(code))
    assert found is not None
    assert (found.kind, found.notice, found.seq, found.names) == (kind, "7", 7, (kind, code))


def test_another_subject_is_another_notice() -> None:
    """E16: two large trades of one symbol within the hour are both told."""
    facts = [Alerted(ts=T0, account=ONE, level="tell", code="large_trade_pnl", text=f"AAA: +{n}", subject=s) for n, s in
             ((1, "o.1"), (2, "o.1"), (3, "o.2"))]  # fmt: skip
    first, again, other = [note.same_as for fact in facts if (note := note_of(1, fact)) is not None]
    assert first == again != other


def test_only_alerts_are_notices_and_an_unknown_level_is_told() -> None:
    assert note_of(1, StartedUp(ts=T0, account=ONE, mode="demo", build="b", config="c", clean=True)) is None
    found = note_of(1, alert("x", level="shout"))
    assert found is not None
    assert found.level == "tell"


def test_a_message_names_mode_account_and_event_and_says_how_to_see_more() -> None:
    """E16"""
    kept = (note(2), note(3), note(4, code="link_missing"))
    found = message_of(Batch((note(1, code="breaker_daily_loss", text="AAPL: 3.2% of 3%"),), kept), "paper", "mail")
    assert found.subject == "[tradingd PAPER one] PAGE breaker_daily_loss"
    assert found.body == (
        "2008-06-02 13:50:00Z  one  PAGE breaker_daily_loss\nAAPL: 3.2% of 3%\n\n"
        "and 3 more pages that could not be told before: position_drift (2), link_missing\n\n"
        "See more: tradingd status, tradingd why AAPL, tradingd notifications\n"
    )
    assert found.brief == "[tradingd PAPER one] PAGE breaker_daily_loss AAPL: 3.2% of 3% (and 3 more)"
    assert found.data["kept_back"] == 3
    assert found.data["notices"][0]["code"] == "breaker_daily_loss"


def test_several_are_one_message_that_names_all() -> None:
    notes = tuple(note(n, code=c, text=f"{c} happened", level="tell") for n, c in enumerate("aab", 1))
    found = message_of(Batch((*notes, note(9, account="two", code="b"))), "live", "mail")
    assert found.subject == "[tradingd LIVE one,two] 4 notices: a (2), b (2)"
    assert all(f"{c} happened" in found.body for c in "ab")


@given(text=st.text(max_size=9_000), code=st.text(max_size=200), account=st.sampled_from(["one", "a" * 64]))
def test_no_text_makes_a_second_header_or_steers_a_terminal(text: str, code: str, account: str) -> None:
    """J13, E16: subject and SMS are one printable line; a body has no control character but its line ends."""
    raised = note_of(1, Alerted(ts=T0, account=ONE, level="page", code=code, text=text))
    assert raised is not None
    found = message_of(Batch((raised, note(2, account=account))), "paper", "mail")
    assert found.subject.isprintable()
    assert found.brief.isprintable()
    assert len(found.brief) <= BRIEF_MAX
    assert len(found.subject) <= 200
    assert all(line.isprintable() for line in found.body.split("\n"))
    assert found.body.isascii() or found.body.encode()


def test_the_same_message_has_the_same_ident() -> None:
    one = message_of(Batch((note(5),)), "paper", "mail").ident
    assert one == message_of(Batch((note(5),), (note(1),)), "paper", "mail").ident == f"one.5.{T0 // NS}000000000.mail"


def test_the_text_of_an_error_holds_no_secret_and_one_line() -> None:
    """E16: whatever a server says back."""
    assert without("535 bad\r\npassword hunter2 for hunter2", ("hunter2", "")) == "535 bad  password *** for ***"
    assert len(without("x" * 5_000, ())) == 300
