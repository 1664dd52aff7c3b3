"""Verbs that hand something in: what they send, and how each end is told. E1, E12, H3."""

from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.fakes.daemon import T0, Daemon, page
from tradingd.core.types import NS

ACT = {
    "account": "demo-1",
    "decision_id": "d7",
    "outcome": "act",
    "headline": None,
    "reasons": [],
    "orders": ["demo-1.7.e"],
    "ts": T0,
}
SKIP = {**ACT, "outcome": "skip", "headline": "heat", "reasons": ["heat", "stale_price"], "orders": []}


def says(code: int, **told: Any) -> Any:
    return lambda body: (code, {"id": body["id"], "source": "cli", "status": "decided", "decisions": [], **told})


def test_a_recommendation_is_sent_whole_and_its_decision_shown(cli: Cli, daemon: Daemon) -> None:
    """E1, R4: at the house's own time, under an id of its own, paper unless it says live."""
    daemon.answer = says(200, decisions=[ACT])
    ran = cli("recommend", "IBM", "buy", "--confidence", "0.8", "--thesis", "cheap", "-a", "demo-1")
    assert ran.code == 0, ran.err
    [body] = daemon.commands
    assert body.pop("id").startswith("cli-")
    assert body == {
        "symbol": "IBM", "action": "buy", "confidence": 0.8, "generated_at": T0, "mode": "paper_eligible", "thesis": "cheap",
        "source": "cli", "intraday": False, "account": "demo-1",
    }  # fmt: skip
    assert ran.out == "demo-1 d7: act  demo-1.7.e\n"


def test_a_refusal_by_all_is_4_and_a_duplicate_says_so(cli: Cli, daemon: Daemon) -> None:
    """H3, R4: with its reasons."""
    daemon.answer = says(200, status="duplicate", decisions=[SKIP])
    ran = cli("recommend", "IBM", "sell", "-c", "0.8", "--id", "i1", "--live", "--intraday")
    assert (ran.code, ran.out) == (4, "demo-1 d7 (before): skip  heat, stale_price\n")
    [body] = daemon.commands
    assert (body["id"], body["mode"], body["intraday"]) == ("i1", "live_eligible", True)


@pytest.mark.parametrize(
    ("status", "told", "code", "words"),
    [
        (400, {"status": "refused", "field": "symbol", "text": "no"}, 2, "symbol: no"),
        (504, {"status": "pending", "text": "taken, not yet decided"}, 5, "the same again with --id i1 is one"),
        (403, {"error": "not_allowed", "text": "this needs the role operator"}, 4, "operator"),
    ],
)
def test_each_end_has_its_code(
    cli: Cli, daemon: Daemon, status: int, told: dict[str, Any], code: int, words: str
) -> None:
    """H3: what is wrong names its field; what is not known yet says how to ask again."""
    daemon.answer = says(status, **told)
    ran = cli("recommend", "IBM", "buy", "-c", "0.8", "--id", "i1")
    assert ran.code == code
    assert words in ran.err


def test_in_live_mode_an_idea_needs_a_yes(cli: Cli, daemon: Daemon) -> None:
    """H3: it may cost money."""
    daemon.page = page("live")
    daemon.answer = says(200, decisions=[ACT])
    assert cli("recommend", "IBM", "buy", "-c", "0.8").code == 2
    assert daemon.commands == []
    assert cli("recommend", "IBM", "buy", "-c", "0.8", "--yes").code == 0


def test_an_event_is_sent_with_its_end_and_whom_it_concerns(cli: Cli, daemon: Daemon) -> None:
    """E12: a duration from the house's own time, or a moment."""
    daemon.answer = lambda body: (
        200,
        {"command_id": body["id"], "verb": "event", "refused": False, "text": "noted", "accounts": ["demo-1"]},
    )
    ran = cli("event", "high", "--for", "2h", "--symbols", "IBM, AAPL", "--text", "fire", "--id", "e1")
    assert (ran.code, ran.out) == (0, "event: noted  [demo-1]\n")
    assert daemon.commands == [
        {"id": "e1", "severity": "high", "until": T0 + 7200 * NS, "symbols": ["IBM", "AAPL"], "text": "fire"}
    ]
    assert cli("event", "grave", "--for", "2h").code == 2
    assert cli("event", "high").code == 2
