"""Verbs that change: stopping never asks, loosening needs a reason and in live mode a yes; every end has its exit code. H3, J19."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.conftest import Cli, Ran
from tests.fakes.daemon import T0, Daemon, account, page, position
from tradingd.core.events import Command
from tradingd.core.types import NS

STOPPING = [
    (["pause"], {"verb": "pause"}),
    (["halt", "--reason", "smoke"], {"verb": "halt", "reason": "smoke"}),
    (["flatten", "--wait", "0"], {"verb": "flatten"}),
    (
        ["flatten", "--symbol", "IBM", "--account", "demo-1", "--wait", "0"],
        {"verb": "flatten", "symbol": "IBM", "account": "demo-1"},
    ),
    (["lockout", "--until", "2h"], {"verb": "lockout", "until": T0 + 7200 * NS, "flatten": False}),
    (
        ["lockout", "--until", "2008-10-06T16:00-04:00", "--flatten"],
        {"verb": "lockout", "until": 1_223_323_200 * NS, "flatten": True},
    ),
    (
        ["cancel", "demo-1.12.p", "--protective"],
        {"verb": "cancel", "order_id": "demo-1.12.p", "account": "demo-1", "protective": True},
    ),
    (["cancel", "--all"], {"verb": "cancel", "protective": False}),
    (["trip", "-r", "fear"], {"verb": "trip", "reason": "fear"}),
]
LOOSENING = [
    (["resume", "--reason", "looked"], {"verb": "resume", "reason": "looked"}),
    (["adopt", "IBM", "--reason", "split"], {"verb": "adopt", "symbol": "IBM"}),
    (["release", "500 USD", "--reason", "rent"], {"verb": "release", "amount": "500"}),
]


def matches(body: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {key: body.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("mode", ["demo", "live"])
@pytest.mark.parametrize(("arguments", "wanted"), STOPPING, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_stopping_verb_never_asks(
    cli: Cli, daemon: Daemon, mode: str, arguments: list[str], wanted: dict[str, Any]
) -> None:
    """H3, FEATURES 5.9: stopping is always safe, in live mode too."""
    daemon.page = page(mode)
    ran = cli(*arguments)
    assert ran.code == 0, ran.err
    assert len(daemon.commands) == 1
    assert matches(daemon.commands[0], wanted), daemon.commands
    assert "done" in ran.out


@pytest.mark.parametrize(("arguments", "wanted"), LOOSENING, ids=lambda v: v[0] if isinstance(v, list) else "")
def test_a_loosening_verb_needs_a_reason_and_live_a_yes(
    cli: Cli, daemon: Daemon, arguments: list[str], wanted: dict[str, Any]
) -> None:
    """H3: without a terminal it never asks; it ends with 2 and nothing was sent."""
    at = arguments.index("--reason")
    assert cli(*arguments[:at]).code == 2
    assert cli(*arguments[:at], "--reason", " ").code == 2
    daemon.page = page("live")
    ran = cli(*arguments)
    assert ran.code == 2
    assert "trades LIVE: add --yes" in ran.err
    assert daemon.commands == []
    assert cli(*arguments, "--yes").code == 0
    daemon.page = page("paper")
    assert cli(*arguments).code == 0
    assert all(matches(body, wanted) for body in daemon.commands)
    assert len(daemon.commands) == 2


@pytest.mark.parametrize(("typed", "code"), [("demo-1", 0), ("demo-2", 4), ("y", 4), ("", 4)])
def test_at_a_terminal_the_account_id_is_typed(
    cli: Cli, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """In live mode a "y" is not enough: the id of the account is."""
    daemon.page = page("live")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_args, **_kw: typed)
    assert cli("resume", "--reason", "looked").code == code
    assert len(daemon.commands) == (code == 0)


def test_each_command_has_an_id_of_its_own_or_the_one_given(cli: Cli, daemon: Daemon) -> None:
    """J19: the same id twice has one effect, so it can be given."""
    for more in ([], [], ["--id", "again-1"]):
        cli("halt", *more)
    ids = [body["id"] for body in daemon.commands]
    assert len(set(ids)) == 3
    assert ids[2] == "again-1"
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", i) for i in ids)


def test_every_body_is_a_command(cli: Cli, daemon: Daemon) -> None:
    """What goes out is events.Command without its time: the two sides cannot drift apart."""
    for arguments, _ in [*STOPPING, *LOOSENING]:
        cli(*arguments)
    for body in daemon.commands:
        assert set(body) <= {field.name for field in msgspec.structs.fields(Command)} - {"ts"}
        msgspec.convert({"event": "Command", "ts": 1, **body}, Command)
    assert len(daemon.commands) == len(STOPPING) + len(LOOSENING)


def test_a_refusal_ends_with_4(cli: Cli, daemon: Daemon) -> None:
    daemon.answer = daemon.refuse
    ran = cli("resume", "--reason", "x")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "Error: resume refused: locked out\n"
    ran = cli("resume", "--reason", "x", "--json")
    assert (ran.code, msgspec.json.decode(ran.out)["refused"]) == (4, True)


@pytest.mark.parametrize(("status", "code"), [(400, 2), (403, 4), (404, 6), (409, 4), (500, 1), (503, 1), (504, 5)])
def test_each_http_answer_has_its_exit_code(cli: Cli, daemon: Daemon, status: int, code: int) -> None:
    """FEATURES 5.4: and the server's own words are told."""
    daemon.answer = lambda _body: (status, {"error": "code", "text": "because \x1b[2J of this"})
    ran = cli("halt")
    assert ran.code == code
    assert ran.err.startswith("Error: because  [2J of this")


def test_no_answer_to_a_sent_command_is_an_unknown_outcome(cli: Cli, daemon: Daemon) -> None:
    """Exit 5 differs from failed (1) and from not running (3), and tells how to ask again harmlessly (J19)."""
    daemon.answer = lambda _body: None
    ran = cli("flatten", "--id", "f-1")
    assert ran.code == 5
    assert "NOT KNOWN" in ran.err
    assert "--id f-1 has one effect" in ran.err


def test_json_gives_the_answer_itself(cli: Cli, daemon: Daemon) -> None:
    ran = cli("halt", "--json", "--id", "h-1")
    assert msgspec.json.decode(ran.out) == {
        "command_id": "h-1",
        "verb": "halt",
        "refused": False,
        "text": "done",
        "accounts": ["demo-1"],
    }


# flatten ----------------------------------------------------------------------------------------------------------------


def test_flatten_that_leaves_something_ends_with_7(cli: Cli, daemon: Daemon) -> None:
    """FEATURES 0.2: "flat" is said only when neither positions nor working orders are left."""
    ran = cli("flatten", "--wait", "0.01")
    assert ran.code == 7
    assert "IBM 10 in demo-1" in ran.err
    assert "order demo-1.12.p live" in ran.err
    assert not ran.out.endswith("flat\n")


def test_flatten_waits_until_the_book_is_flat(cli: Cli, daemon: Daemon) -> None:
    def close(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        daemon.page = page("paper", account(positions=(), orders=()))
        return daemon.agree(body)

    daemon.answer = close
    ran = cli("flatten")
    assert (ran.code, ran.out) == (0, "flatten: done  [demo-1]\nflat\n")


def test_flatten_of_one_symbol_waits_for_that_symbol(cli: Cli, daemon: Daemon) -> None:
    daemon.page = page("paper", account(positions=(position("MSFT"),), orders=()))
    assert cli("flatten", "--symbol", "IBM", "--wait", "1").code == 0


def test_a_dry_run_sends_nothing(cli: Cli, daemon: Daemon) -> None:
    ran = cli("flatten", "--dry-run")
    assert ran.code == 0
    assert daemon.commands == []
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == ["cancel", "close"]
    daemon.page = page("paper", account(positions=(), orders=()))
    assert cli("flatten", "--dry-run").out == "nothing to cancel, nothing to close\n"


# cancel, lockout ----------------------------------------------------------------------------------------------------------


def test_an_unknown_order_is_not_found_and_nothing_is_cancelled(cli: Cli, daemon: Daemon) -> None:
    ran = cli("cancel", "demo-1.12.p", "demo-1.99.e")
    assert ran.code == 6
    assert "demo-1.99.e" in ran.err
    assert daemon.commands == []


def test_partly_refused_cancels_end_with_7_and_all_refused_with_4(cli: Cli, daemon: Daemon) -> None:
    daemon.answer = lambda body: daemon.refuse(body) if body["order_id"].endswith("e") else daemon.agree(body)
    assert cli("cancel", "demo-1.12.p", "demo-1.12.e").code == 7
    assert cli("cancel", "demo-1.12.e").code == 4
    assert cli("cancel", "demo-1.12.p", "demo-1.12.p").code == 0
    assert len(daemon.commands) == 4


@pytest.mark.parametrize(
    "arguments", [["cancel"], ["cancel", "a", "--all"], ["release", "x", "-r", "y"], ["release", "-5", "-r", "y"]]
)
def test_misuse_ends_with_2(cli: Cli, daemon: Daemon, arguments: list[str]) -> None:
    assert cli(*arguments).code == 2
    assert daemon.commands == []


@pytest.mark.parametrize(
    "until", ["", "tomorrow", "2h later", "2008-10-06T20:00", "20:00", "2008-10-06T14:00Z", "0s", "-2h"]
)
def test_a_lockout_without_a_clear_future_end_is_refused(cli: Cli, daemon: Daemon, until: str) -> None:
    """It cannot be undone, so its end must not be guessed: a time names its zone and lies ahead of the house's own time."""
    ran = cli("lockout", f"--until={until}")
    assert ran.code == 2
    assert daemon.commands == []


def test_errors_are_plain_lines(cli: Cli, daemon: Daemon) -> None:
    """A usage error too: no box, no colour, on stderr, exit code 2."""
    ran: Ran = cli("halt", "--nonsense")
    assert ran.code == 2
    assert "Error: No such option: --nonsense" in ran.err
    assert ran.out == ""


def test_the_documented_verbs_exist(cli: Cli, tmp_path: Path) -> None:
    """H3: the list an operator was promised."""
    shown = cli("--help").out
    for verb in (
        "run",
        "demo",
        "status",
        "positions",
        "orders",
        "decisions",
        "why",
        "pause",
        "resume",
        "halt",
        "flatten",
        "lockout",
        "cancel",
        "trip",
        "config",
        "journal",
        "doctor",
        "ui",
        "version",
    ):
        assert re.search(rf"^  {verb} ", shown, re.MULTILINE), verb
        assert cli(verb, "--help").code == 0
    assert cli("--version").out == cli("version").out
