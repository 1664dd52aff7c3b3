"""Tapes through the real commands: a demo's replays to its journal, a daemon's that was killed too, and what-if answers."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import ROOT, environment, tradingd
from tests.flow.test_run_daemon import ran, until, venue
from tradingd.cli.tapes import Tapes
from tradingd.core.facts import Anomaly, AnyFact, DriftFound
from tradingd.lab.player import Player
from tradingd.lab.whatif import WhatIf
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import payloads
from tradingd.shell.ticks.read import Playback

SPAN = ("--from", "2008-09-02", "--to", "2008-10-10", "--speed", "max", "--port", "0", "--exit", "--json")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of six weeks in autumn 2008: trades, stop-outs, breaker, rebalances."""
    state = tmp_path_factory.mktemp("tape") / "demo"
    made = tradingd("demo", "--record", "--dir", str(state), *SPAN, cwd=state.parent)
    assert made.returncode == 0, made.stderr
    return state


def parity(state: Path, *arguments: str, **env: str) -> tuple[int, Any]:
    done = tradingd("parity", "--dir", str(state), "--json", *arguments, cwd=state.parent, **env)
    return done.returncode, msgspec.json.decode(done.stdout) if done.stdout else done.stderr


def test_weeks_of_a_demo_replay_to_their_journal_byte_for_byte(demo: Path) -> None:
    """T1: a recorded session's inputs, replayed, give the same decisions."""
    code, [found] = parity(demo)
    verdict = found["verdict"]
    assert (code, found["equal"], found["same_build"]) == (0, True, True)
    assert (verdict["first"], verdict["untaped"], verdict["undurable"], verdict["until"]) == (1, 0, False, "")
    assert verdict["last"] > 500
    assert verdict["events"] > verdict["quotes"] > 5_000
    said = tradingd("parity", "--dir", str(demo), cwd=demo.parent)
    assert (said.returncode, "EQUAL" in said.stdout) == (0, True)


def test_a_backtest_from_the_tape_makes_the_daemons_facts(demo: Path, tmp_path: Path) -> None:
    """T1, J5: the recorded market and rules through the backtester; straight, and by way of a store. Only who started and why it
    ended differ, where no dividend was paid."""

    def facts(directory: Path) -> list[bytes]:
        return [data for _, data in payloads(RealDisk(), str(directory / "journal"), after=0)]

    ran = tradingd("backtest", "--data", str(demo), "--out", "out", "--json", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    recorded, ours = facts(demo), facts(tmp_path / "out")
    assert [(b"StartedUp" in each or b"ShutDown" in each) for each in recorded] == [
        mine != theirs for mine, theirs in zip(ours, recorded, strict=True)
    ]
    assert len(recorded) > 500
    assert msgspec.json.decode(ran.stdout)["result"]["notes"] == []
    assert tradingd("data", "import", "--from-tape", str(demo), "--store", "store", cwd=tmp_path).returncode == 0
    text = (tmp_path / "out" / "config.toml").read_text()
    (tmp_path / "own.toml").write_text(text)
    stored = tradingd("backtest", "--data", "store", "--config", "own.toml", "--out", "again", "--json", cwd=tmp_path)
    assert (stored.returncode, stored.stderr) == (0, "")
    assert facts(tmp_path / "again") == ours


def test_a_day_is_compared_to_its_end(demo: Path) -> None:
    code, [found] = parity(demo, "--day", "2008-09-10")
    assert (code, found["equal"]) == (0, True)
    assert 0 < found["verdict"]["last"] < parity(demo)[1][0]["verdict"]["last"]
    assert parity(demo, "--day", "2007-01-01")[0] == 2
    assert parity(demo, "--day", "soon")[0] == 2


def test_a_gate_that_was_changed_since_is_found_with_both_chains(demo: Path, tmp_path: Path) -> None:
    """T1: the check can fail: another source, one comparison of one gate turned."""
    shutil.copytree(ROOT / "tradingd", tmp_path / "tradingd")
    gate = tmp_path / "tradingd" / "core" / "gates" / "gate.py"
    text = gate.read_text()
    planted = text.replace("s.max_open_positions", "1")
    assert planted != text
    gate.write_text(planted)
    paths = [str(tmp_path), *environment()["PYTHONPATH"].split(":")]
    code, [found] = parity(demo, PYTHONPATH=":".join(paths))
    assert (code, found["equal"], found["same_build"]) == (1, False, False)
    difference = found["verdict"]["difference"]
    assert any("open positions" in each and "against 1" in each for each in difference["why_replayed"])
    assert difference["why_journaled"]
    assert difference["journaled"] != difference["replayed"]


def test_a_torn_tape_is_equal_to_its_last_whole_block(demo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo, copy, ignore=shutil.ignore_patterns("*.sock"))
    files = sorted((copy / "ticks").iterdir())
    files[-1].write_bytes(files[-1].read_bytes()[:-7])
    code, [found] = parity(copy)
    assert (code, found["equal"]) == (0, True)
    files[len(files) // 2].unlink()
    code, [found] = parity(copy)
    assert (code, found["equal"]) == (0, True)
    assert "are missing" in found["verdict"]["until"]
    files[0].unlink()
    code, said = parity(copy)
    assert (code, "no tape" in said) == (2, True)


def test_a_journal_that_is_not_the_tapes_is_refused(demo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo / "ticks", copy / "ticks")
    made = tradingd("demo", "--record", "--dir", str(tmp_path / "other"), *SPAN, cwd=tmp_path)
    assert made.returncode == 0
    shutil.copytree(tmp_path / "other" / "journal", copy / "journal")
    assert parity(copy)[0] == 0, "the same replay makes the same journal"
    assert parity(tmp_path)[0] == 2, "no journal at all"


def replay(state: Path, *arguments: str) -> Any:
    done = tradingd("replay", str(state), "--json", *arguments, cwd=state.parent)
    assert done.returncode == 0, done.stderr
    [found] = msgspec.json.decode(done.stdout)
    return found


def test_what_if_shows_what_differs_and_nothing_where_nothing_does(demo: Path) -> None:
    """T3."""
    same = replay(demo, "--set", "web.port=0")
    assert (same["differs"], same["fills_stood_in"]) == ([], 0)
    assert all(each["equity_was"] == each["equity_would"] for each in same["outcomes"])
    other = replay(demo, "--set", "tier.name=aggressive")
    first = other["differs"][0]
    assert first["kind"] == "size"
    assert any("tier moderate" in line for line in first["why_was"])
    assert any("tier aggressive" in line for line in first["why_would"])
    later = replay(demo, "--set", "tier.name=aggressive", "--from", "2008-09-20", "--to", "2008-09-30")
    assert 0 < len(later["differs"]) < len(other["differs"])
    told = tradingd("replay", str(demo), "--set", "tier.name=aggressive", "--to", "2008-09-05", cwd=demo.parent)
    assert "as it would be" in told.stdout
    assert "assumed at the recorded touch" in told.stdout


@pytest.mark.parametrize(
    ("setting", "code", "why"),
    [
        ("risk.tier=aggressive", 78, "risk.tier is not a known key"),
        ("risk.max_drawdwon=3%", 78, "max_drawdown"),
        ("risk.max_drawdown=banana", 78, "risk.max_drawdown"),
        ("risk.max_drawdown", 2, "KEY=VALUE"),
        ("=1", 2, "KEY=VALUE"),
    ],
)
def test_what_cannot_be_set_is_named(demo: Path, setting: str, code: int, why: str) -> None:
    """H6: the configuration's own loader judges it."""
    done = tradingd("replay", str(demo), "--set", setting, cwd=demo.parent)
    assert done.returncode == code
    assert why in done.stderr


def test_without_a_tape_it_is_said_that_decisions_cannot_be_made_again(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo / "journal", tmp_path / "journal")
    done = tradingd("replay", str(tmp_path), "--set", "tier.name=aggressive", cwd=tmp_path)
    assert done.returncode == 6
    assert "no tape" in done.stderr
    assert "quotes" in done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        {"tier.name": "aggressive"},
        {"risk.max_order_notional": "5000 USD"},
        {"entry.order": "market", "entry.tif": "ioc"},
        {"tiers.moderate.stop_loss_atr_multiplier": 0.7},
        {"risk.max_open_positions": 2, "micro.enabled": False},
    ],
)
def test_another_configuration_leaves_a_sound_book(
    demo: Path, flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers of the record and of the stand-in fit together: no order, fill or position that one of them knows better."""
    tapes = Tapes(demo)
    [life] = tapes.lives()
    answer = WhatIf(tapes.player(life), tapes.player(life, flags))
    wrong: list[AnyFact] = []
    step_one = Player.step_one

    def watched(self: Player, account: Any, event: Any) -> tuple[AnyFact, ...]:
        facts = step_one(self, account, event)
        wrong.extend(fact for fact in facts if isinstance(fact, Anomaly | DriftFound))
        return facts

    monkeypatch.setattr(Player, "step_one", watched)
    answer.play(tapes.entries(Playback(tapes.disk, tapes.directory, life)))
    assert wrong == []
    assert answer.differs
    assert answer.stood_in > 0


@pytest.mark.slow
def test_a_daemon_that_was_killed_and_started_again_replays_to_its_journal(tmp_path: Path) -> None:
    """T1, RELIABILITY A: each life by itself; a kill costs the tape its last moment and no more."""
    with venue(tmp_path) as port, ran(tmp_path, port, more="[ticks]\nrecord = true\nkeep_days = 3650\n") as run:
        for _ in range(2):
            process = run.start()
            run.ready()
            before = run.account()["counts"]["quotes"]
            until(lambda b=before: True if run.account()["counts"]["quotes"] > b + 2_000 else None, "it hears quotes")
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = run.start()
        run.holding()
        code, running = parity(run.state)
        assert code == 0, running  # beside the running daemon too
        assert running[0]["equal"]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        tapes = Tapes(run.state)
        first, second, last = (tapes.parity(life) for life in tapes.lives())
        for killed in (first, second):
            assert killed.equal
            assert killed.quotes > 1_000
        assert last.equal
        assert (last.until, last.untaped, last.undurable) == ("", 0, False)
        assert last.last > last.first
        brought = tradingd("data", "import", "--from-tape", str(run.state), "--store", "store", "--json", cwd=tmp_path)
        assert (brought.returncode, brought.stderr) == (0, "")
        taped = msgspec.json.decode(brought.stdout)
        assert (
            len([hole for hole in taped["holes"] if hole.startswith("nothing was recorded")]) == 2
        )  # while it was dead
        assert {report["kind"] for report in taped["reports"]} >= {"quotes", "bars-1800", "bars-86400"}
