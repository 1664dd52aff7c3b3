"""Which recommendations are looked at."""

from __future__ import annotations

from math import inf, nan

import pytest

from tradingd.core.events import Action, Mode, Recommendation
from tradingd.core.facts import Reason
from tradingd.core.gates.checks import iso, refusals
from tradingd.core.gates.intake import IntakeSettings, by_confidence, forgettable, key, remember_until, validate
from tradingd.core.types import NS, Symbol

NOW = 1_720_000_000 * NS
HOUR = 3600 * NS
S = IntakeSettings()


def rec(**change) -> Recommendation:
    plain = {
        "ts": NOW, "id": "r1", "symbol": Symbol("ACME"), "action": Action.BUY, "confidence": 0.7, "generated_at": NOW - HOUR,
        "mode": Mode.LIVE,
    }  # fmt: skip
    return Recommendation(**(plain | change))


def judge(recommendation: Recommendation, *, live: bool = True, seen: frozenset[str] = frozenset()):
    return validate(recommendation, known={Symbol("ACME")}, live=live, now=NOW, seen=seen, settings=S)


def test_a_good_one_passes_every_check():
    """E1: eight checks, all recorded."""
    checks = judge(rec())
    assert len(checks) == 8
    assert all(check.ok and check.reason is None for check in checks)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, Reason.INVALID),
        ({"id": "x" * 129}, Reason.INVALID),
        ({"id": "a\nb"}, Reason.INVALID),
        ({"source": ""}, Reason.INVALID),
        ({"source": "s" * 65}, Reason.INVALID),
        ({"confidence": nan}, Reason.INVALID),
        ({"confidence": inf}, Reason.INVALID),
        ({"confidence": -0.01}, Reason.INVALID),
        ({"confidence": 1.01}, Reason.INVALID),
        ({"generated_at": NOW + 60 * NS + 1}, Reason.INVALID),
        ({"generated_at": NOW - 24 * HOUR - 1}, Reason.STALE_RECOMMENDATION),
        ({"generated_at": 0}, Reason.STALE_RECOMMENDATION),
        ({"mode": Mode.PAPER}, Reason.MODE_NOT_ELIGIBLE),
        ({"symbol": Symbol("NOPE")}, Reason.UNKNOWN_SYMBOL),
    ],
)
def test_each_refusal_alone(change, reason):
    """E1."""
    assert refusals(judge(rec(**change))) == (reason,)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x" * 128}, {"confidence": 0.0}, {"confidence": 1.0}, {"generated_at": NOW + 60 * NS},
        {"generated_at": NOW - 24 * HOUR},
    ],
)  # fmt: skip
def test_the_edges_are_inside(change):
    assert refusals(judge(rec(**change))) == ()


def test_paper_takes_both_modes():
    """E1: only real money needs live_eligible."""
    assert refusals(judge(rec(mode=Mode.PAPER), live=False)) == ()
    assert refusals(judge(rec(mode=Mode.LIVE), live=False)) == ()


def test_a_duplicate_is_refused_and_another_source_is_not():
    """E1: an id is unique per source."""
    seen = frozenset({key(rec())})
    assert refusals(judge(rec(), seen=seen)) == (Reason.DUPLICATE,)
    assert refusals(judge(rec(source="file"), seen=seen)) == ()


def test_all_reasons_are_listed():
    """E11."""
    bad = rec(confidence=nan, generated_at=0, mode=Mode.PAPER, symbol=Symbol("NOPE"))
    assert refusals(judge(bad, seen=frozenset({key(bad)}))) == (
        Reason.DUPLICATE, Reason.INVALID, Reason.STALE_RECOMMENDATION, Reason.MODE_NOT_ELIGIBLE, Reason.UNKNOWN_SYMBOL,
    )  # fmt: skip


def test_highest_confidence_first_and_equals_in_the_order_they_came():
    """E1."""
    given = [rec(id=i, confidence=c) for i, c in (("a", 0.5), ("b", nan), ("c", 0.9), ("d", 0.5), ("e", 0.9))]
    assert [r.id for r in by_confidence(given)] == ["c", "e", "a", "d", "b"]


def test_a_key_is_forgotten_only_when_a_copy_would_be_stale():
    """E1: kept a day from the later of generation and arrival."""
    until = remember_until(rec(), NOW, S)
    assert until == NOW + 24 * HOUR
    ahead = rec(generated_at=NOW + 60 * NS)  # a source whose clock is ahead stays fresh a minute longer
    assert remember_until(ahead, NOW, S) == NOW + 60 * NS + 24 * HOUR
    assert forgettable({"api:r1": until}, until) == ()
    assert forgettable({"api:r1": until}, until + 1) == ("api:r1",)


@pytest.mark.parametrize(("field", "value"), [("max_age_h", 0), ("future_s", -1), ("id_max", 0)])
def test_settings_name_the_field(field, value):
    with pytest.raises(ValueError, match=rf"intake\.{field} must be between"):
        IntakeSettings(**{field: value})


def test_a_time_no_calendar_holds_is_still_shown():
    """A recommendation in the wrong unit must end in a decision, not in an exception."""
    assert iso(10**30) == str(10**30)
    assert refusals(judge(rec(generated_at=10**30))) == (Reason.INVALID,)
