"""The journal verbs and why, on a journal written by the real writer. J1, E11, H3."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.core.views.test_why import LIFE
from tests.fakes.daemon import account, page, running
from tradingd.shell.env import RealEnv
from tradingd.shell.journal import Genesis, Settings, open_journal


def write(directory: Path) -> None:
    """The facts of a trade's life, durable on disk, and the journal closed again."""

    async def work() -> None:
        env = RealEnv()
        genesis = Genesis(instance="t", nonce="n", build="b", config="c")
        journal, _ = open_journal(env, str(directory), genesis, Settings(force=True))
        run = asyncio.get_running_loop().create_task(journal.run())
        await journal.synced(journal.append(LIFE))
        await journal.close()
        await run
        await env.aclose()

    asyncio.run(work())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a journal and no daemon."""
    directory = tmp_path / "state"
    (directory / "journal").mkdir(parents=True)
    write(directory / "journal")
    return directory


def segment(state: Path) -> Path:
    return next((state / "journal").glob("journal-*.jsonl"))


def test_a_clean_journal_verifies_with_0(cli: Cli, state: Path) -> None:
    """J1: the count and the head hash are told."""
    ran = cli("journal", "verify", "--dir", str(state))
    assert ran.code == 0
    assert ran.out.startswith(f"clean: {len(LIFE)} records in 1 segments, head ")
    assert msgspec.json.decode(cli("journal", "verify", "--json", "--dir", str(state)).out)["ok"] is True


def test_a_flipped_bit_verifies_with_1(cli: Cli, state: Path) -> None:
    """J1, B8: exit code 1 and the place."""
    data = bytearray(segment(state).read_bytes())
    data[len(data) // 2] ^= 1
    segment(state).write_bytes(data)
    ran = cli("journal", "verify", "--dir", str(state))
    assert ran.code == 1
    assert ran.out.startswith("CORRUPT: ")
    assert "line" in ran.out
    assert cli("doctor", "--dir", str(state)).code == 1


def test_no_journal_verifies_with_2(cli: Cli, tmp_path: Path) -> None:
    ran = cli("journal", "verify", "--dir", str(tmp_path))
    assert ran.code == 2
    assert "there is no journal" in ran.err


def test_tail_and_export_give_one_json_line_a_fact(cli: Cli, state: Path) -> None:
    lines = cli("journal", "export", "--dir", str(state)).out.splitlines()
    facts = [msgspec.json.decode(line) for line in lines]
    assert [fact["seq"] for fact in facts] == list(range(1, len(LIFE) + 1))
    assert facts[0]["fact"]["fact"] == "Decided"
    assert facts[0]["ts"] == LIFE[0].ts
    assert cli("journal", "tail", "-n", "3", "--dir", str(state)).out.splitlines() == lines[-3:]
    assert cli("journal", "tail", "-n", "0", "--dir", str(state)).out == ""


def test_following_prints_what_comes(cli: Cli, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tail -f beside a writer: the new facts, once each, until Ctrl-C."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt
        if len(naps) == 1:
            write(state / "journal")

    monkeypatch.setattr("tradingd.cli.journal.time.sleep", nap)
    ran = cli("journal", "tail", "-f", "-n", "1", "--dir", str(state))
    assert [msgspec.json.decode(line)["seq"] for line in ran.out.splitlines()] == list(
        range(len(LIFE), 2 * len(LIFE) + 1)
    )
    assert ran.code == 130


@pytest.mark.parametrize("key", ["demo-1.12.e", "d12", "d15", "IBM"])
def test_why_is_told_from_a_stopped_daemons_journal(cli: Cli, state: Path, key: str) -> None:
    """E11, H3: and it is said that the daemon is not running."""
    ran = cli("why", key, "--dir", str(state))
    assert ran.code == 0, ran.err
    assert "the daemon is not running" in ran.err
    assert "IBM" in ran.out
    told = msgspec.json.decode(cli("why", key, "--json", "--dir", str(state)).out)
    assert told["live"] is False
    assert told["lines"] == ran.out.splitlines()


def test_why_of_a_trade_tells_it_to_the_end(cli: Cli, state: Path) -> None:
    """E5, E11: over two looks at the journal the exit and the reserve belong to the story."""
    out = cli("why", "demo-1.12.e", "--dir", str(state)).out
    assert "flat again: realised 81.30, fees 2.00, net 79.30" in out
    assert "reserve profit_siphon 20.32" in out


def test_why_of_a_symbol_asks_the_running_daemon_what_blocks_now(cli: Cli, state: Path) -> None:
    """H3: the answer to "why did nothing happen?"."""
    with running(state) as daemon:
        daemon.page = page("paper", account(state="halted"))
        ran = cli("why", "IBM", "--dir", str(state))
    assert (ran.code, ran.err) == (0, "")
    assert "the account is halted" in ran.out


def test_why_of_something_unknown_ends_with_6(cli: Cli, state: Path) -> None:
    ran = cli("why", "d999", "--dir", str(state))
    assert (ran.code, ran.out) == (6, "")
    assert "nothing is known of d999" in ran.err


def test_a_closed_pipe_ends_quietly(state: Path) -> None:
    """`tradingd journal export | head -1` must not print a traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "tradingd", "journal", "export", "--dir", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
