"""What an operator does with a running house, by the commands as a shell runs them. H1, H3, FEATURES 5.3 to 5.9."""

from __future__ import annotations

import http.client
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import HOLDING, PATIENCE_S, Demo, demo, tradingd


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that holds something, for everything that only looks."""
    with demo(tmp_path_factory.mktemp("path") / "demo", *HOLDING, "--speed", "3000") as house:
        _until(house, lambda a: _lasting(a) >= 2 and a["counts"].get("refused", 0) > 0)
        yield house


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Demo]:
    """A demo of its own, for the stop words."""
    with demo(tmp_path / "demo", *HOLDING, "--speed", "3000") as house:
        _until(house, lambda a: _lasting(a) >= 2)
        yield house


def _lasting(account: Any) -> int:
    """How many positions will be there for days: micro-trades are gone within a second of this pace."""
    return len([position for position in account["positions"] if not position["micro"]])


def _until(house: Demo, what: Callable[[Any], bool]) -> Any:
    """The account's view once that holds."""
    end = time.monotonic() + PATIENCE_S
    while not what(view := house.account()):
        assert time.monotonic() < end, view
        assert house.process.poll() is None
    return view


# looking ------------------------------------------------------------------------------------------------------------------


def test_status_says_mode_state_money_limits_and_the_journals_head(running: Demo) -> None:
    """H3: the first command of anybody, for people and for scripts."""
    text = running.cli("status").stdout
    for words in (
        "DEMO",
        "demo  ACTIVE",
        "equity",
        "reserve",
        "drawdown",
        "broker sim: up",
        "limit",
        "journal",
        "durable of",
    ):
        assert words in text, words
    page = running.page()
    assert (page["mode"], [a["account"] for a in page["accounts"]]) == ("demo", ["demo"])
    assert page["journal"]["durable"] <= page["journal"]["seq"]
    assert len(page["journal"]["head"]) == 64


def test_positions_and_orders_show_the_stop_that_rests_at_the_venue(running: Demo) -> None:
    """E4, H3: what is held, where it ends, and the order that sees to it while we are away."""
    held = running.json("positions")["demo"]
    assert held
    orders = {o["order_id"]: o for o in running.json("orders", "--all")["demo"]}
    stops = {o["symbol"] for o in orders.values() if o["leg"] == "protect" and o["open"]}
    assert {p["symbol"] for p in held if p["protective"] == "live"} <= stops
    text = running.cli("positions").stdout.splitlines()
    assert text[0].split()[:3] == ["account", "symbol", "qty"]
    assert "demo." in running.cli("orders").stdout


def test_decisions_are_told_with_their_reasons(running: Demo) -> None:
    """E11, H3: acted or refused, newest first; refusals on their own."""
    decisions = running.json("decisions", "-n", "100")
    seqs = [d["seq"] for d in decisions]
    assert seqs == sorted(seqs, reverse=True)
    refused = running.json("decisions", "--refused")
    assert refused
    assert all(d["outcome"] == "skip" and d["headline"] in d["reasons"] and d["checks"] for d in refused)
    assert "refused" in running.cli("decisions", "--refused").stdout
    symbol = refused[0]["symbol"]
    assert {d["symbol"] for d in running.json("decisions", "--symbol", symbol)} == {symbol}


def test_why_of_a_refusal_says_what_would_have_to_change(running: Demo) -> None:
    """E11, H3: every failed check with its number and its limit, in sentences."""
    refused = running.json("decisions", "--refused")[0]
    text = running.cli("why", refused["decision_id"]).stdout
    assert f"entry {refused['side']} {refused['symbol']}: REFUSED" in text
    assert text.count("would have to change:") == len(refused["reasons"])
    assert "FAILED" in text
    assert "at that moment: active, tier" in text


def test_why_of_an_order_tells_its_life_and_its_decision(running: Demo) -> None:
    """O3, E11: from the idea to the fill, and on to the stop."""
    filled = next(o for o in running.json("orders", "--all")["demo"] if o["state"] == "filled" and o["leg"] == "entry")
    text = running.cli("why", filled["order_id"]).stdout
    (head,) = [line for line in text.splitlines() if f"entry {filled['side']} " in line and line.endswith("acted")]
    whole = head.partition(f"entry {filled['side']} ")[2]
    assert whole.endswith(f" {filled['symbol']}: acted")
    assert int(whole.split()[0]) >= int(filled["cum_qty"])  # it may be one part of several
    (sent,) = [s for s in text.splitlines() if f"order {filled['order_id']}: " in s and s.endswith("to be sent")]
    assert f"{filled['side']} {filled['qty']}" in sent
    assert f"order {filled['order_id']}: filled" in text
    assert "stop" in text
    told = running.json("why", filled["order_id"])
    assert (told["key"], told["live"]) == (filled["order_id"], True)
    assert {fact["fact"] for fact in told["facts"]} >= {"Decided", "OrderIntended", "Filled"}


def test_why_of_a_symbol_tells_what_did_not_happen(running: Demo) -> None:
    """H3: the commonest question has an answer even when nothing was decided."""
    symbol = running.json("positions")["demo"][0]["symbol"]
    lines = running.cli("why", symbol).stdout.splitlines()
    assert lines[0].startswith(f"{symbol}: ")
    assert "  now:" in lines
    now = lines[lines.index("  now:") + 1 :]
    assert any(
        words in line
        for line in now
        for words in ("nothing blocks it", "market is closed", "outside the trading window", "cool-down")
    )


def test_journal_verbs_read_beside_the_writer(running: Demo) -> None:
    """J1: verify, tail and export need no lock and see whole records only."""
    report = running.json("journal", "verify")
    assert report["ok"]
    assert report["records"] > 0
    tail = [msgspec.json.decode(line) for line in running.cli("journal", "tail", "-n", "3").stdout.splitlines()]
    assert [set(fact) for fact in tail] == [{"seq", "ts", "fact"}] * 3
    exported = [msgspec.json.decode(line)["seq"] for line in running.cli("journal", "export").stdout.splitlines()]
    assert exported == list(range(1, len(exported) + 1))


def test_doctor_and_ui(running: Demo) -> None:
    """H3, H5: all well, and an address whose token opens the page's data."""
    checks = {row["check"]: row for row in running.json("doctor")["checks"]}
    assert checks["daemon"]["seen"].startswith(f"pid {running.process.pid},")
    assert checks["journal"]["mark"] == "ok"
    said = running.cli("ui")
    assert said.stdout.startswith(f"http://127.0.0.1:{running.port}/#token=")
    token = said.stdout.strip().rpartition("=")[2]
    assert token != running.token
    assert _get(running, "/status.json", token=token)[0] == 200


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("why", "d999999"), 6, "nothing is known of d999999"),
        (("cancel", "demo.999999.e"), 6, "nothing was cancelled"),
        (("positions", "--account", "nobody"), 6, "there is no account nobody"),
        (("resume",), 2, "--reason"),
        (("cancel",), 2, "name the orders"),
        (("lockout", "--until", "yesterday"), 2, "--until"),
        (("adopt", "AAPL", "--reason", "test"), 4, "adopt refused: that symbol does not drift"),
        (("release", "1000000", "--reason", "test"), 4, "within the reserve"),
    ],
)
def test_exit_codes_name_what_went_wrong(running: Demo, arguments: tuple[str, ...], code: int, words: str) -> None:
    """FEATURES 5.4: 2 usage, 4 refused by a rule, 6 not found; the words on stderr, nothing on stdout."""
    ran = running.cli(*arguments)
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert words in ran.stderr
    assert "refused: refused" not in ran.stderr


def test_nobody_there_is_3(tmp_path: Path) -> None:
    """FEATURES 5.4: not running is not the same as refused."""
    (tmp_path / "demo").mkdir()
    for verb in ("status", "positions", "orders", "decisions", "lots", "pause", "halt", "flatten", "ui"):
        ran = tradingd(verb, "--dir", str(tmp_path / "demo"), cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (3, ""), verb
        assert "is not running" in ran.stderr


# http ---------------------------------------------------------------------------------------------------------------------


def _get(house: Demo, path: str, *, token: str | None = None, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    try:
        held = {} if token is None else {"Authorization": f"Bearer {token}"}
        connection.request(method, path, headers={**held, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_health_is_open_and_numbers_are_not(running: Demo) -> None:
    """H1, H5, FEATURES 5.7: a probe needs no token; what could be read in numbers does."""
    assert _get(running, "/livez") == (200, "ok\n")
    assert _get(running, "/readyz") == (200, "ready\n")
    verbose = _get(running, "/readyz?verbose")[1]
    assert "[+] journal" in verbose
    assert "[+] broker:demo" in verbose
    for path in ("/metrics", "/status.json", "/events", "/api/trading/decisions"):
        assert _get(running, path)[0] == 401, path
        assert _get(running, path, token="0" * 64)[0] in {401, 429}, path
    assert _get(running, "/status.json", token=running.token, Host="evil.example")[0] == 403
    assert _get(running, "/status.json", token=running.token, Origin="http://evil.example")[0] == 403


def test_metrics_and_status_agree_with_the_command_line(running: Demo) -> None:
    """P2, H1: the same house on every way in."""
    code, text = _get(running, "/metrics", token=running.token)
    assert code == 200
    found = {
        line.split(" ")[0].partition("{")[0]: line.rpartition(" ")[2] for line in text.splitlines() if line[:1] != "#"
    }
    assert float(found["tradingd_orders_unknown"]) == 0
    assert float(found["tradingd_fills_total"]) > 0
    assert {"trading_orders_total", "trading_positions_count", "trading_daily_pnl", "tradingd_equity"} <= set(found)
    code, body = _get(running, "/status.json", token=running.token)
    assert code == 200
    assert set(msgspec.json.decode(body)) == set(running.page())


def test_a_token_to_look_does_not_command(running: Demo) -> None:
    """H5: the page's own token is a viewer's; a stop word over HTTP needs an operator's."""
    before = running.account()["state"]
    headers = {"Content-Type": "application/json", "X-Tradingd": "1"}
    assert _get(running, "/api/trading/halt", token=running.token, method="POST", **headers)[0] == 403
    assert running.account()["state"] == before


# stop words ---------------------------------------------------------------------------------------------------------------


def test_pause_halt_lockout_and_resume(trading: Demo) -> None:
    """R2, H3, I7: each word has one meaning, holds are shown with who and why, and a lockout ends only by its time."""
    said = trading.json("pause", "--reason", "lunch")
    assert (said["verb"], said["refused"], said["accounts"]) == ("pause", False, ["demo"])
    view = trading.account()
    assert view["state"] == "reducing"
    (hold,) = view["holds"]
    assert (hold["verb"], hold["reason"], hold["actor"][:4]) == ("pause", "lunch", "uid:")
    assert "reducing since" in trading.cli("why", "AAPL").stdout
    assert trading.cli("halt").returncode == 0
    assert trading.account()["state"] == "halted"
    assert "no reason given" in trading.cli("status").stdout
    assert trading.cli("resume", "--reason", "back").returncode == 0
    assert trading.account()["state"] == "active"
    assert trading.cli("lockout", "--until", "3 day", "--reason", "enough").returncode == 0
    refused = trading.cli("resume", "--reason", "please")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "locked out until its time is over" in refused.stderr
    assert trading.account()["state"] in {"reducing", "locked"}


def test_the_same_command_twice_has_one_effect(trading: Demo) -> None:
    """J19, O5: after a time-out the operator may say it again with the id that was printed."""
    first = trading.json("pause", "--id", "mine-1", "--reason", "once")
    assert trading.cli("resume", "--reason", "on").returncode == 0
    assert trading.json("pause", "--id", "mine-1", "--reason", "once") == first
    assert trading.account()["state"] == "active"


def test_protective_stops_stay_unless_named(trading: Demo) -> None:
    """E4, R3: cancel never takes the shelter away by accident."""
    stop = next(o for o in trading.json("orders")["demo"] if o["leg"] == "protect")
    refused = trading.cli("cancel", stop["order_id"])
    assert refused.returncode in {4, 6}, refused.stderr  # 6: it filled in between
    assert "cancel" in trading.cli("flatten", "--dry-run").stdout


def test_flatten_leaves_nothing_and_halts(trading: Demo) -> None:
    """R2, I7: what it would do first; then flat at the venue, stops gone after the close, and nothing new until resumed."""
    would = trading.json("flatten", "--dry-run")
    assert would["close"]
    assert would["cancel"]
    assert trading.account()["positions"]
    ran = trading.cli("flatten", "--reason", "test")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "flat"), ran.stderr
    view = trading.account()
    assert (view["state"], view["positions"]) == ("halted", [])
    assert [o for o in view["orders"] if o["open"]] == []
    facts = [msgspec.json.decode(line)["fact"] for line in trading.cli("journal", "export").stdout.splitlines()]
    kinds = [fact["fact"] for fact in facts]
    assert kinds.index("FlattenBegun") < kinds.index("FlattenDone")
    seen = [f for f in facts if f["fact"] == "CommandSeen" and f["verb"] == "flatten"]
    assert [(f["reason"], f["refused"]) for f in seen] == [("test", False)]
    assert "exit" in trading.cli("why", would["close"][0]["symbol"]).stdout


def test_it_may_be_stopped_while_halted(trading: Demo) -> None:
    """P1: a clean end from any state."""
    assert trading.cli("halt", "--reason", "test").returncode == 0
    code, said = trading.end(signal.SIGINT)
    assert code == 0
    assert "COMMAND  halt by uid:" in said


# death --------------------------------------------------------------------------------------------------------------------


def test_kill_9_leaves_a_journal_that_verifies_and_explains(trading: Demo) -> None:
    """J1, I8, H3: what was decided is all there; nothing pretends to be running; the place can be used again."""
    held = trading.json("positions")["demo"][0]["symbol"]
    trading.process.kill()
    trading.process.wait()
    assert trading.cli("status").returncode == 3
    verified = trading.cli("journal", "verify")
    assert (verified.returncode, verified.stdout[:6]) == (0, "clean:"), verified.stdout
    told = trading.cli("why", held)
    assert told.returncode == 0
    assert told.stdout.startswith(f"{held}: ")
    assert "the daemon is not running" in told.stderr
    ran = tradingd(
        "demo",
        "--dir",
        str(trading.directory),
        "--to",
        "2008-01-08",
        "--speed",
        "max",
        "--port",
        "0",
        cwd=trading.directory.parent,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_journal_that_was_altered_is_called_corrupt(trading: Demo) -> None:
    """J1: verify ends with 1 and says where."""
    assert trading.end()[0] == 0
    (segment,) = (trading.directory / "journal").glob("journal-*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"outcome":"act"', b'"outcome":"ACT"', 1))
    ran = trading.cli("journal", "verify")
    assert ran.returncode == 1
    assert ran.stdout.startswith("CORRUPT: ")
    assert trading.cli("doctor").returncode == 1
