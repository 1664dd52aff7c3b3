"""The demo end to end, in processes of its own: the same everywhere, eventful, and well-mannered at its end."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import ROOT, Demo, demo, environment, tradingd
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.facts import (
    Alerted,
    AnyFact,
    BreakerResumed,
    BreakerTripped,
    Decided,
    Filled,
    Kind,
    OrderIntended,
    Outcome,
    ReserveMoved,
    ScheduleRan,
    ShutDown,
    TierChanged,
)
from tradingd.core.types import Leg, Side
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import records, verify

KEYS = [
    "orders", "fills", "refusals", "stop_outs", "breaker_trips", "tier_changes", "lots_opened", "lots_closed", "wash_sales",
    "micro_trades", "rebalances", "rebalance_sells", "reserve", "return_pct", "drawdown_pct", "win_rate", "profit_factor", "sharpe",
    "journal_head", "seconds",
]  # fmt: skip
SPAN = ("--from", "2008-09-02", "--to", "2008-10-10")
SLOW = (*SPAN, "--speed", "2000", "--port", "0")


def summary(directory: Path, *arguments: str, **env: str) -> dict[str, Any]:
    """The one object of `--json`; anything else on stdout or stderr fails."""
    ran = tradingd("demo", "--json", "--port", "0", "--dir", str(directory), *arguments, cwd=directory.parent, **env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    found: dict[str, Any] = msgspec.json.decode(ran.stdout)
    return found


def facts_of(directory: Path) -> list[AnyFact]:
    return [fact for _, fact in records(RealDisk(), str(directory / "journal"))]


def test_the_same_replay_is_the_same_anywhere_and_at_any_speed(tmp_path: Path) -> None:
    """T1, J1, E11: another directory, hash seed, time zone, locale and pace; the same figures and the same journal head."""
    elsewhere = tmp_path / "another place" / "deeper"
    elsewhere.mkdir(parents=True)
    runs = [
        summary(tmp_path / "a", *SPAN, "--speed", "max", "--exit", PYTHONHASHSEED="1", TZ="UTC"),
        summary(elsewhere / "b", *SPAN, "--speed", "max", "--exit", PYTHONHASHSEED="77", TZ="Asia/Kolkata", LC_ALL="C"),
        summary(tmp_path / "c", *SPAN, "--speed", "200000", "--exit", PYTHONHASHSEED="random", TZ="America/New_York"),
    ]
    assert [list(run) for run in runs] == [KEYS] * 3
    seconds = [run.pop("seconds") for run in runs]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0]["orders"] > 0
    assert len(runs[0]["journal_head"]) == 64
    assert seconds[2] > 3  # 28 sessions of 6.5 h at 200,000: it was really paced


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The demo as it is by default, at full speed."""
    directory = tmp_path_factory.mktemp("year") / "demo"
    return summary(directory, "--speed", "max", "--exit"), directory


def test_2008_has_everything_an_operator_should_see_once(year: tuple[dict[str, Any], Path]) -> None:
    """E2-E6, R1, E11: a fill, a refusal with several reasons, a stop-out, a breaker trip and its end, profit put aside."""
    facts = facts_of(year[1])
    decided = [fact for fact in facts if isinstance(fact, Decided)]
    refused = [d for d in decided if d.kind is Kind.ENTRY and d.outcome is Outcome.SKIP]
    assert any(len(d.reasons) > 1 for d in refused)
    assert all(d.headline == d.reasons[0] and not d.orders for d in refused)
    stops = {f.order.order_id for f in facts if isinstance(f, OrderIntended) and f.order.leg is Leg.PROTECT}
    stopped = [f for f in facts if isinstance(f, Filled) and f.order_id in stops]
    assert stopped
    assert any(f.realised < 0 for f in stopped)
    trips = [f for f in facts if isinstance(f, BreakerTripped)]
    ends = [f for f in facts if isinstance(f, BreakerResumed)]
    assert trips
    assert ends
    assert all(any(e.kind is t.kind and e.symbol == t.symbol and e.ts >= t.until for e in ends) for t in trips[:1])
    aside = [f for f in facts if isinstance(f, ReserveMoved) and f.kind == "profit_siphon"]
    assert aside
    assert all(f.amount > 0 for f in aside)


def test_2008_rebalances_and_the_tier_goes_down_and_comes_back(year: tuple[dict[str, Any], Path]) -> None:
    """E2, E13: positions that gained, and those a lower tier finds too large, are cut on a Monday, and the venue filled it."""
    facts = facts_of(year[1])
    sells = [f for f in facts if isinstance(f, Decided) and f.source == "rebalance" and f.outcome is Outcome.ACT]
    assert any("at most 8.00%" in d.thesis for d in sells)
    assert any("at most 5.00%" in d.thesis for d in sells)
    filled = {f.order_id for f in facts if isinstance(f, Filled)}
    assert all(set(d.orders) <= filled for d in sells)
    ends = [i for i, f in enumerate(facts) if isinstance(f, ScheduleRan) and f.name == "rebalance"]
    assert len(ends) > 2 * len({d.cause for d in sells}) > 0  # and most weeks have nothing to do
    ladder = ["conservative", "moderate", "aggressive"]
    steps = {ladder.index(f.tier) - ladder.index(f.previous) for f in facts if isinstance(f, TierChanged)}
    assert steps == {-1, 1}
    assert not [f for f in facts if isinstance(f, Alerted) and f.level == "page" and f.code.startswith("position")]


def test_the_summary_is_what_the_journal_says(year: tuple[dict[str, Any], Path]) -> None:
    """J1, H3: no figure of the summary has another source than the facts."""
    said, directory = year
    facts = facts_of(directory)
    assert said["orders"] == len([f for f in facts if isinstance(f, OrderIntended)])
    assert said["fills"] == len([f for f in facts if isinstance(f, Filled)])
    assert said["breaker_trips"] == len([f for f in facts if isinstance(f, BreakerTripped)])
    assert said["refusals"] == Counter(
        r.value for f in facts if isinstance(f, Decided) and f.outcome is Outcome.SKIP for r in f.reasons
    )
    assert said["tier_changes"] == len([f for f in facts if isinstance(f, TierChanged) and f.why != "configured start"])
    turns = [f for f in facts if isinstance(f, ScheduleRan) and f.name == "rebalance"]
    sells = [f for f in facts if isinstance(f, Decided) and f.source == "rebalance" and f.orders]
    assert (said["rebalances"], said["rebalance_sells"]) == (len(turns), len(sells))
    assert said["lots_opened"] == len(
        [f for f in facts if isinstance(f, Filled) and f.side is Side.BUY]
    )  # no shorts here
    account = Booked(account=facts[0].account)
    for fact in facts:
        fold(account, fact)
    again = (account.lots.seq, account.lots.washed, account.micro_tally.trades)
    assert (said["lots_closed"], said["wash_sales"], said["micro_trades"]) == again
    assert said["reserve"] == str([f.balance for f in facts if isinstance(f, ReserveMoved)][-1])
    assert all(said[key] > 0 for key in ("orders", "fills", "stop_outs", "breaker_trips", "drawdown_pct"))
    assert all(said[key] > 0 for key in ("tier_changes", "wash_sales", "micro_trades", "rebalance_sells"))
    report = verify(RealDisk(), str(directory / "journal"))
    assert report.ok
    assert report.head == said["journal_head"]


def test_every_refusal_and_every_order_has_its_whole_chain(year: tuple[dict[str, Any], Path]) -> None:
    """E11, O2, I6: an order's intent follows the decision that made it; a refusal names the check that failed."""
    seen: set[tuple[str, str]] = set()
    for fact in facts_of(year[1]):
        if isinstance(fact, Decided):
            seen.add((fact.account, fact.decision_id))
            failed = {check.reason for check in fact.checks if check.ok is False}
            assert set(fact.reasons) <= failed | {None}, fact.decision_id
        elif isinstance(fact, OrderIntended):
            assert (fact.account, fact.order.decision_id) in seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_summary_so_far(tmp_path: Path, number: signal.Signals) -> None:
    """P1, I8: exit 0, the last fact durable, the socket gone, and words on what was done until then."""
    with demo(tmp_path / "demo", *SLOW) as running:
        code, said = running.end(number)
    assert code == 0, said
    assert "so far:" in said
    assert "refusals" in said
    assert "same head on every machine" not in said  # it is not the whole replay
    assert "Traceback" not in said
    assert isinstance(facts_of(running.directory)[-1], ShutDown)
    assert not (running.directory / "control.sock").exists()


def test_a_signal_while_it_waits_for_the_next_quote_is_heard_at_once(tmp_path: Path) -> None:
    """P1: at --speed 1 the next quote is five minutes away; the end does not wait for it."""
    with demo(tmp_path / "demo", *SPAN, "--speed", "1", "--port", "0") as running:
        assert running.page()["mode"] == "demo"
        code, said = running.end()
    assert (code, "so far:" in said) == (0, True), said


def test_json_of_a_stopped_demo_is_still_one_object(tmp_path: Path) -> None:
    """H3: a script that stops it gets the figures so far, and nothing else."""
    command = [sys.executable, "-m", "tradingd", "demo", "--json", "--dir", str(tmp_path / "demo"), *SLOW]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _until_socket(tmp_path / "demo" / "control.sock", process)
        process.terminate()
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    assert list(msgspec.json.decode(out)) == KEYS


def _until_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, "it ended too early"
        select.select([], [], [], 0.02)


def test_a_second_demo_in_the_same_place_is_refused_in_one_line(tmp_path: Path) -> None:
    """B19, J1: one writer of a journal; the running demo does not notice."""
    with demo(tmp_path / "demo", *SLOW) as running:
        ran = tradingd("demo", "--dir", str(running.directory), "--port", "0", "--speed", "max", cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("Error: a demo runs in ")
        assert ran.stderr.count("\n") == 1
        assert running.page()["mode"] == "demo"
        assert running.end()[0] == 0


def test_a_directory_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    """B17, H3: the demo makes its place anew, so it touches only what a demo made."""
    (tmp_path / "precious.txt").write_text("mine")
    ran = tradingd("demo", "--dir", str(tmp_path), "--speed", "max", "--exit", cwd=tmp_path)
    assert ran.returncode == 1
    assert "was not made by the demo" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    """H1: asked for by number it is an error with a cure, before anything trades."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = tradingd("demo", "--port", port, "--dir", str(tmp_path / "demo"), "--speed", "max", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"Error: port {port} is taken: name another with --port, or 0 for any free one\n"


def test_unasked_it_takes_another_port_and_says_so(tmp_path: Path) -> None:
    """H1: a newcomer whose 8787 is in use still sees a page."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with holder:
        try:
            holder.bind(("127.0.0.1", 8787))
            holder.listen()
        except OSError:
            pass  # somebody else holds it: as good
        with demo(tmp_path / "demo", *SPAN, "--speed", "2000") as running:
            assert "port 8787 is taken" in running.greeting
            assert running.port != 8787
            assert running.end()[0] == 0


def test_without_a_terminal_it_ends_with_the_replay(tmp_path: Path) -> None:
    """H3: in a pipe nobody can press Ctrl-C; the page's address is the first line, the words agree with the journal."""
    ran = tradingd("demo", "--dir", str(tmp_path / "demo"), *SPAN, "--speed", "max", "--port", "0", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("page       http://127.0.0.1:")
    assert "the replay is over" in lines
    assert any("same head on every machine" in line for line in lines)
    assert "\x1b" not in ran.stdout
    assert {line[18:26].strip() for line in lines if line[:4] == "2008"} >= {"ENTRY", "DENIED", "FILL", "STOP", "EXIT"}


def test_on_a_terminal_the_page_stays_until_ctrl_c(tmp_path: Path) -> None:
    """H2, H3: after the replay there is time to look; Ctrl-C then ends with 0."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tradingd", "demo", "--dir", str(tmp_path / "demo"), *SPAN, "--speed", "max", "--port", "0"],
        cwd=tmp_path, env=environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        said = _read_until(terminal, b"stays until Ctrl-C")
        assert b"drawdown" in said
        assert process.poll() is None
        status = tradingd("status", "--dir", str(tmp_path / "demo"), cwd=tmp_path)
        assert "the replay is over" in status.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(terminal)


def _read_until(terminal: int, words: bytes) -> bytes:
    said = b""
    while words not in said:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"it says no more: {said[-500:]!r}"
        said += os.read(terminal, 65536)
    return said


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    """H3: `demo | head` is no reason for a traceback."""
    with demo(tmp_path / "demo", *SPAN, "--speed", "50000", "--port", "0") as running:
        _stop_reading(running)
        assert running.process.wait(30) == 0
    assert isinstance(facts_of(running.directory)[-1], ShutDown)


def _stop_reading(running: Demo) -> None:
    assert running.process.stdout is not None
    running.process.stdout.close()
    running.process.stdout = None


def test_the_demo_needs_nothing_of_the_checkout_but_its_packages(tmp_path: Path) -> None:
    """U14, H6: no file is read from the current directory, and nothing is written outside of its own."""
    before = sorted(path.name for path in ROOT.iterdir())
    (tmp_path / "tradingd.toml").write_text("this is [ not a configuration")
    summary(tmp_path / "demo", *SPAN, "--speed", "max", "--exit")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "tradingd.toml"]
    assert sorted(path.name for path in ROOT.iterdir()) == before
