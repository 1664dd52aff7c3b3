"""What is taken from outside, and how what is wrong is named. E1, E12."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.events import Action, MarketEvent, Mode, Recommendation
from tradingd.core.facts import OWN_SOURCES
from tradingd.core.types import NS, Severity
from tradingd.shell.intake.schema import Fault, market_event, moment_ns, recommendation

NOW = 1_795_017_600 * NS  # 2026-11-18 16:00 UTC
IDEA: dict[str, Any] = {"id": "a", "symbol": "AAPL", "action": "buy", "confidence": 0.5, "generated_at": NOW}


def test_a_recommendation_is_read_with_its_defaults() -> None:
    """E1: paper unless it says live, for all accounts unless it names one, at the time of the house."""
    read = recommendation(IDEA, NOW + 1)
    assert read == Recommendation(
        ts=NOW + 1, id="a", symbol="AAPL", action=Action.BUY, confidence=0.5, generated_at=NOW, mode=Mode.PAPER, source="api"
    )  # fmt: skip


def test_a_time_is_rfc_3339_or_nanoseconds() -> None:
    """E1: to the microsecond, in any zone."""
    for text in ("2026-11-18T16:00:00.000001Z", "2026-11-18T11:00:00.000001-05:00"):
        read = recommendation({**IDEA, "generated_at": text}, NOW)
        assert isinstance(read, Recommendation)
        assert read.generated_at == NOW + 1_000
    assert moment_ns("2026-11-18T16:00:00Z") == NOW
    assert moment_ns("2026-11-18T16:00:00") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"confidence": 1.01}, "confidence"),
        ({"confidence": -0.0001}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": "0.5"}, "confidence"),
        ({"confidence": float("inf")}, "confidence"),
        ({"generated_at": "2026-11-18T16:00:00"}, "generated_at"),  # which zone?
        ({"generated_at": 1_795_017_600}, "generated_at"),  # seconds
        ({"generated_at": 2**63}, "generated_at"),
        ({"generated_at": "0001-01-01T00:00:00Z"}, "generated_at"),
        ({"generated_at": None}, "generated_at"),
        ({"action": "hold"}, "action"),
        ({"mode": "live"}, "mode"),
        ({"symbol": "A B"}, "symbol"),
        ({"symbol": "AAPL\n"}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"id": ""}, "id"),
        ({"id": "a\x1b[31m"}, "id"),
        ({"id": "x" * 1025}, "id"),
        ({"account": "../x"}, "account"),
        ({"source": "strategy:trend"}, "source"),
        ({"thesis": "x" * 8001}, "thesis"),
        ({"thesis": "\ud800"}, "thesis"),  # no journal could hold it
        ({"intraday": 1}, "intraday"),
        ({"generatedAt": NOW}, "generatedAt"),
        *(({"source": name}, "source") for name in OWN_SOURCES),
    ],
)
def test_what_is_wrong_is_named_with_its_field(change: dict[str, Any], field: str) -> None:
    """E1: nothing is guessed, nothing unknown is ignored."""
    read = recommendation({**IDEA, **change}, NOW)
    assert isinstance(read, Fault)
    assert (read.field, bool(read.text)) == (field, True)


@pytest.mark.parametrize("name", ["id", "symbol", "action", "confidence", "generated_at"])
def test_what_is_missing_is_named(name: str) -> None:
    """E1: five fields have no default."""
    read = recommendation({key: value for key, value in IDEA.items() if key != name}, NOW)
    assert isinstance(read, Fault)
    assert read.field == name


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*IDEA, "account", "x"]), inner, max_size=6)
        ),
    )
)
def test_no_value_whatever_makes_the_door_raise(value: Any) -> None:
    """E1: a fault is an answer, never an accident."""
    assert isinstance(recommendation(value, NOW), Recommendation | Fault)
    assert isinstance(market_event(value, NOW, ident="e", source="s"), MarketEvent | Fault)


def test_a_market_event_ends_at_a_time_or_after_a_while() -> None:
    """E12: one of the two, in the future, at most 30 days ahead."""
    read = market_event(
        {"severity": "high", "for_s": 60, "symbols": ["AAPL"], "text": "fire"}, NOW, ident="e", source="x"
    )
    assert read == MarketEvent(
        ts=NOW, id="e", severity=Severity.HIGH, until=NOW + 60 * NS, symbols=("AAPL",), text="fire", source="x"
    )
    own = market_event({"severity": "low", "id": "mine", "until": NOW + 1}, NOW, ident="e", source="x")
    assert isinstance(own, MarketEvent)
    assert own.id == "mine"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "until"),
        ({"for_s": 60, "until": NOW + 1}, "until"),
        ({"until": NOW}, "until"),
        ({"until": NOW + 31 * 86_400 * NS}, "until"),
        ({"for_s": 0}, "for_s"),
        ({"for_s": 60, "severity": "grave"}, "severity"),
        ({"for_s": 60, "symbols": ["AAPL", "a b"]}, "symbols[1]"),
        ({"for_s": 60, "text": "a\nb"}, "text"),
        ({"for_s": 60, "id": "a b"}, "id"),
    ],
)
def test_what_is_wrong_with_an_event_is_named(change: dict[str, Any], field: str) -> None:
    """E12."""
    read = market_event({"severity": "high", **change}, NOW, ident="e", source="x")
    assert isinstance(read, Fault)
    assert read.field == field
