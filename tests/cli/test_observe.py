"""Verbs that look: what they show, for people and machines, and that a dead daemon is never shown as live. H3, J13."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.core.views.test_why import decided
from tests.fakes.daemon import T0, Daemon, account, order, page, position, running
from tradingd.core.facts import Outcome, Reason, TierChanged
from tradingd.core.gates.tiers import TIERS
from tradingd.core.types import AccountId, TierName
from tradingd.core.views.page import HoldView, LimitView, Page, TierView, TripView

LOOKING = [("status",), ("positions",), ("orders",), ("decisions",), ("lots",), ("tier",), ("ui",)]


@pytest.mark.parametrize("verb", LOOKING, ids=lambda verb: verb[0])
def test_without_a_daemon_each_says_so_and_ends_with_3(cli: Cli, tmp_path: Path, verb: tuple[str, ...]) -> None:
    """H3: exit code 3, nothing on stdout, a plain Error line on stderr."""
    ran = cli(*verb, "--dir", str(tmp_path))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("Error: tradingd is not running in ")


def test_a_socket_of_a_dead_process_is_not_running(cli: Cli, tmp_path: Path) -> None:
    """A snapshot from a dead process is never shown as live: only a process that answers is."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    ran = cli("status", "--dir", str(tmp_path))
    assert ran.code == 3
    assert "nobody listens" in ran.err


def test_a_process_that_does_not_answer_is_not_shown(tmp_path: Path) -> None:
    """A daemon whose loop hangs is unreachable (3), not live."""
    from tradingd.cli.client import Client
    from tradingd.cli.exits import CliError

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "control.sock"))
        silent.listen()
        with pytest.raises(CliError, match="does not answer") as caught:
            Client(tmp_path, timeout_s=0.1).get("/status.json", Page)
    assert caught.value.code == 3


def test_a_watched_daemon_that_ends_is_said_to_be_gone(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the screen still shows is called no longer true."""
    where = tmp_path / "d"
    where.mkdir()
    context = running(where)
    context.__enter__()
    monkeypatch.setattr("tradingd.cli.observe.WATCH_S", 0.0)
    monkeypatch.setattr("tradingd.cli.observe.time.sleep", lambda _s: context.__exit__(None, None, None))
    ran = cli("status", "--watch", "--dir", str(where))
    assert ran.code == 3
    assert "demo-1  ACTIVE" in ran.out
    assert "the daemon is gone; what stands above is no longer true" in ran.err


def test_status_shows_mode_state_money_and_why(cli: Cli, daemon: Daemon) -> None:
    """FEATURES 5.8: mode, state, who set it and why, pools, breaker with time left, limits, broker, journal."""
    hold = HoldView(key="operator", verb="pause", state="reducing", actor="uid:7(ann)", reason="lunch", ts=T0)
    trip = TripView(kind="daily_loss", symbol=None, threshold=0.02, actual=0.021, ts=T0, until=T0 + 7_200 * 10**9)
    limits = (LimitView(name="max_position_pct", used=0.04, limit=0.10),)
    daemon.page = page(
        "live", account(state="reducing", holds=(hold,), breaker=(trip,), limits=limits), note="waiting for the open"
    )
    ran = cli("status")
    assert ran.code == 0
    for part in (
        "LIVE",
        "waiting for the open",
        "demo-1  REDUCING  tier moderate",
        "reducing since 2008-10-06 14:35:00Z by uid:7(ann): lunch",
        "breaker daily_loss: 2.10 % against 2.00 %, until 2008-10-06 16:35:00Z (2 h 0 min left)",
        "equity 100,000.00 USD",
        "reserve 10,000.00",
        "broker sim: up",
        "unknown orders 0",
        "1 positions, 1 working orders",
        "40.00 %",
        "9 durable of 9",
    ):
        assert part in ran.out


def test_json_is_the_page_itself(cli: Cli, daemon: Daemon) -> None:
    assert msgspec.json.decode(cli("status", "--json").out, type=Page) == daemon.page
    assert msgspec.json.decode(cli("positions", "--json").out)["demo-1"][0]["symbol"] == "IBM"
    assert [o["order_id"] for o in msgspec.json.decode(cli("orders", "--json").out)["demo-1"]] == ["demo-1.12.p"]


def test_tables_are_aligned_and_empty_ones_say_so(cli: Cli, daemon: Daemon) -> None:
    head, row = cli("positions").out.splitlines()
    assert row.index("100.12") + len("100.12") == head.index("average") + len("average")
    assert "demo-1.12.e" not in cli("orders").out
    assert "demo-1.12.e" in cli("orders", "--all").out
    daemon.page = page("paper", account(positions=(), orders=()))
    assert cli("positions").out == "no positions\n"
    assert cli("orders").out == "no working orders\n"
    assert cli("decisions").out == "no decisions yet\n"


def test_decisions_are_asked_for_as_narrowed(cli: Cli, daemon: Daemon) -> None:
    """E11: refused ones with their headline in words and the count of further reasons."""
    reasons = (Reason.LOW_CONFIDENCE, Reason.STALE_PRICE)
    daemon.decisions = [decided(13, outcome=Outcome.SKIP, headline=reasons[0], reasons=reasons, qty=None), decided(12)]
    ran = cli("decisions", "--symbol", "IBM", "--refused", "--limit", "5")
    assert daemon.queries == [{"limit": "5", "symbol": "IBM", "outcome": "skip"}]
    assert "refused  the confidence is below the tier's bar (+1)" in ran.out
    assert cli("decisions", "--limit", "0").code == 2


def test_an_unknown_account_is_not_found(cli: Cli, daemon: Daemon) -> None:
    ran = cli("positions", "--account", "nobody")
    assert ran.code == 6
    assert "there are: demo-1" in ran.err


def test_the_address_goes_to_stdout_alone(cli: Cli, daemon: Daemon) -> None:
    ran = cli("ui")
    assert ran.out == "http://127.0.0.1:8787/#token=abc\n"
    assert "holds a token" in ran.err


def test_terminal_escapes_from_outside_are_stripped(cli: Cli, daemon: Daemon) -> None:
    """J13: a symbol, reason, note or broker text cannot steer the terminal."""
    evil = "\x1b[2J\x9b1m\nfake"
    hold = HoldView(key=evil, verb="pause", state="reducing", actor=evil, reason=evil, ts=T0)
    daemon.page = page(
        "paper",
        account(
            account=evil,
            holds=(hold,),
            alerts=((T0, "tell", evil, evil),),
            positions=(position(evil),),
            orders=(order(evil, why=evil),),
            tier=evil,
            counts={evil: 1},
        ),
        note=evil,
    )
    daemon.decisions = [decided(12, symbol=evil, source=evil)]
    for verb in LOOKING[:4]:
        ran = cli(*verb)
        assert ran.code == 0
        assert not set(ran.out) & {"\x1b", "\x9b"}
        assert "\nfake" not in ran.out


def test_a_state_directory_with_a_long_path_is_reached(cli: Cli, tmp_path: Path) -> None:
    """The kernel takes 107 bytes of a socket's path; the client goes through the directory."""
    deep = tmp_path.joinpath(*["a-rather-long-directory-name"] * 6)
    deep.mkdir(parents=True)
    assert len(str(deep / "control.sock")) > 107
    with running(deep):
        assert cli("status", "--dir", str(deep)).code == 0


@pytest.mark.parametrize("how", ["option", "variable", "configuration", "demo"])
def test_the_state_directory_is_found(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """--dir, else TRADINGD_DIR, else the configuration's, else the demo's here."""
    where = tmp_path / ("tradingd-demo" if how == "demo" else "elsewhere")
    where.mkdir()
    if how == "variable":
        monkeypatch.setenv("TRADINGD_DIR", str(where))
    if how == "configuration":
        (tmp_path / "tradingd.toml").write_text('mode = "paper"\n[state]\ndir = "elsewhere"\n[accounts.a]\n')
    with running(where):
        assert cli("status", *(["--dir", str(where)] if how == "option" else [])).code == 0


def test_a_demo_here_stands_in_for_a_daemon_that_never_ran(cli: Cli, tmp_path: Path) -> None:
    """H3: in a fresh checkout `status` means the demo; once the configured daemon has a directory, only that one is meant."""
    (tmp_path / "tradingd.toml").write_text('mode = "paper"\n[state]\ndir = "house"\n[accounts.a]\n')
    (tmp_path / "tradingd-demo").mkdir()
    with running(tmp_path / "tradingd-demo"):
        assert cli("status").code == 0
        (tmp_path / "house").mkdir()
        ran = cli("halt")
        assert ran.code == 3
        assert str(tmp_path / "house") in ran.err


def test_nothing_to_go_by_is_said(cli: Cli) -> None:
    ran = cli("status")
    assert ran.code == 3
    assert "--dir or TRADINGD_DIR" in ran.err


def test_a_real_status_is_plain(tmp_path: Path) -> None:
    """The command as a shell runs it: no colour in a pipe."""
    with running(tmp_path):
        ran = subprocess.run(
            [sys.executable, "-m", "tradingd", "status", "--dir", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    assert ran.returncode == 0, ran.stderr
    assert "demo-1  ACTIVE" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_looking_does_not_load_the_house() -> None:
    """What makes it quick: no web server, no event loop, no strategy is imported to look."""
    heavy = {"aiohttp", "asyncio", "uvloop", "structlog", "tradingd.config"}
    code = f"import sys, tradingd.cli; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert ran.stdout == "[]\n"


def tier_view(**changes: object) -> TierView:
    change = TierChanged(
        ts=T0, account=AccountId("demo-1"), previous=TierName.CONSERVATIVE, tier=TierName.MODERATE, why="wins\x1b[2J",
        win_rate=0.6, drawdown=0.01, reserve_share=0.25,
    )  # fmt: skip
    plain = {
        "name": "moderate", "since": T0, "numbers": TIERS[TierName.MODERATE], "win_rate": 0.5, "drawdown": 0.02,
        "reserve_share": 0.1, "history": (change,),
    }  # fmt: skip
    return TierView(**{**plain, **changes})  # type: ignore[arg-type]


def test_the_tier_with_its_numbers_and_history(cli: Cli, daemon: Daemon) -> None:
    """E2: which, since when, what it allows, what it would be judged by, how it came to be; J13 for the words in it."""
    daemon.page = page("paper", account(risk_tier=tier_view()))
    out = cli("tier").out
    for part in (
        "demo-1  tier moderate since 2008-10-06 14:35:00Z",
        "largest position      8.00 %",
        "stop, in ATRs              2",
        "now: 30-day win rate 50.00 %, drawdown 2.00 %, reserve 10.00 % of equity",
        "conservative -> moderate",
        "60.00 %",
        "25.00 %",
    ):
        assert part in out
    assert "\x1b" not in out
    assert msgspec.json.decode(cli("tier", "--json").out, type=dict[str, TierView]) == {"demo-1": tier_view()}
    fresh = tier_view(history=(), since=0, win_rate=None)
    daemon.page = page("paper", account(risk_tier=fresh))
    assert "never changed" in cli("tier").out
    assert "30-day win rate no trades yet" in cli("tier").out
    assert cli("tier", "--account", "nobody").code == 6


def test_a_daemon_that_does_not_know_its_tier_is_said_so(cli: Cli, daemon: Daemon) -> None:
    ran = cli("tier")
    assert ran.code == 6
    assert "older version" in ran.err


def test_an_alert_of_many_lines_is_one_line_of_status(cli: Cli, daemon: Daemon) -> None:
    """E16: a daily summary does not push the rest off the screen."""
    daemon.page = page("paper", account(alerts=((T0, "tell", "daily_summary", "2008-10-06: equity 1\ntrades: none"),)))
    out = cli("status").out
    assert "tell: 2008-10-06: equity 1 (daily_summary" in out
    assert "trades: none" not in out
