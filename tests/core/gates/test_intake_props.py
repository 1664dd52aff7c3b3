"""Laws of the intake."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.events import Action, Mode, Recommendation
from tradingd.core.facts import Reason
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.intake import IntakeSettings, by_confidence, forgettable, key, remember_until, validate
from tradingd.core.types import NS, Symbol

S = IntakeSettings()
DAY = 86_400 * NS
START = 1_720_000_000 * NS
recs = st.builds(
    Recommendation, ts=st.just(0), id=st.sampled_from("abc"), symbol=st.sampled_from([Symbol("ACME"), Symbol("NOPE")]),
    action=st.sampled_from(Action), confidence=st.floats(), generated_at=st.integers(START - 2 * DAY, START + 3 * DAY),
    mode=st.sampled_from(Mode), source=st.sampled_from(["api", "file"]),
)  # fmt: skip


@given(recs, st.lists(st.integers(START, START + 3 * DAY), min_size=2, max_size=12))
def test_one_recommendation_is_accepted_at_most_once_ever(rec, arrivals):
    """E1: however often and however late a copy comes, though keys are forgotten on the way."""
    seen: dict[str, int] = {}
    accepted = 0
    for now in sorted(arrivals):
        for name in forgettable(seen, now):
            del seen[name]
        if not refusals(validate(rec, known={rec.symbol}, live=False, now=now, seen=seen, settings=S)):
            accepted += 1
            seen[key(rec)] = remember_until(rec, now, S)
    assert accepted <= 1


@given(recs, st.integers(START, START + DAY), st.integers(0, DAY))
def test_within_a_day_an_id_is_not_taken_twice_even_with_a_new_time(rec, now, later):
    """E1: de-duplicated for 24 h by id, whatever the copy says about its age."""
    seen = {key(rec): remember_until(rec, now, S)}
    for name in forgettable(seen, now + later):
        del seen[name]
    checks = validate(rec, known={rec.symbol}, live=False, now=now + later, seen=seen, settings=S)
    assert Reason.DUPLICATE in refusals(checks)


@given(st.lists(recs, max_size=12))
def test_ordering_loses_nothing_and_never_rises(many):
    """E1: highest first; numbers that are none go last."""
    out = by_confidence(many)
    assert sorted(map(id, out)) == sorted(map(id, many))
    sane = [r.confidence for r in out if abs(r.confidence) < float("inf")]
    assert sane == sorted(sane, reverse=True)
    assert [r.confidence for r in out[: len(sane)]] == sane


@given(recs, st.booleans(), st.integers(START, START + DAY))
def test_what_passes_is_sane(rec, live, now):
    """E1: nothing accepted is outside the rules it was accepted by."""
    if not refusals(validate(rec, known={Symbol("ACME")}, live=live, now=now, seen=(), settings=S)):
        assert 0 <= rec.confidence <= 1
        assert now - DAY <= rec.generated_at <= now + 60 * NS
        assert rec.symbol == "ACME"
        assert rec.mode is Mode.LIVE or not live
