"""`tradingd run` as its user starts it, against the simulated venue as a process of its own."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from tests.flow.child import PATIENCE_S, ROOT, environment, tradingd
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import verify

T = TypeVar("T")
SPEED = 60_000  # session seconds in one real second
CONFIG = """
mode = "demo"
[journal]
force_fs = true
[web]
port = 0
[tier]
name = "moderate"
[accounts.demo]
broker = "sim"
[accounts.demo.settings]
url = "ws://127.0.0.1:{port}/"
silence_s = 5.0
[strategies.trend]
[strategies.reversion]
[strategies.reversion.settings]
oversold = 20.0
[risk]
price_max_age_s = "301s"
max_order_notional = "25000 USD"
[house]
timer_s = "1s"
orders_s = "0.5s"
positions_s = "1s"
crash_loop_starts = 0
{more}
"""

pytestmark = pytest.mark.slow


def until(found: Callable[[], T | None], what: str) -> T:
    """Ask until there is an answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if (answer := found()) is not None:
            return answer
        select.select([], [], [], 0.05)
    raise AssertionError(f"never: {what}")


@contextmanager
def venue(directory: Path, *arguments: str) -> Iterator[int]:
    """The venue's port; its truth goes to venue.log."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tradingd_adapters.sim.server", "--from", "2008-01-02", "--to", "2013-03-01",
            "--pace", f"real:{SPEED}", "--account", "demo=100000", "--log", str(directory / "venue.log"), *arguments,
        ],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.kill()
        process.communicate()


class Run:
    """A daemon in a directory, started and ended as often as a test likes."""

    def __init__(self, directory: Path, port: int, more: str = "") -> None:
        self.directory = directory
        self.state = directory / "state"
        self.config = directory / "tradingd.toml"
        self.config.write_text(CONFIG.format(port=port, more=more))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *, wait: bool = True) -> subprocess.Popen[bytes]:
        with (self.directory / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tradingd", "run", "--config", str(self.config), "--dir", str(self.state)],
                cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        if wait:
            until(lambda: self._answers(process), "the daemon answers")
        return process

    def _answers(self, process: subprocess.Popen[bytes]) -> bool | None:
        assert process.poll() is None, self.log()
        return True if self.cli("status", "--json").returncode == 0 else None

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return tradingd(*arguments, cwd=self.directory, TRADINGD_DIR=str(self.state))

    def account(self) -> Any:
        ran = self.cli("status", "--json")
        assert ran.returncode == 0, ran.stderr + self.log()
        (account,) = msgspec.json.decode(ran.stdout)["accounts"]
        return account

    def log(self) -> str:
        return (self.directory / "daemon.log").read_text()

    def ready(self) -> Any:
        return until(lambda: a if (a := self.account())["broker"]["up"] else None, "the link is reconciled")

    def holding(self) -> Any:
        return until(lambda: a if (a := self.account())["positions"] else None, "something is held")


@contextmanager
def ran(directory: Path, port: int, more: str = "") -> Iterator[Run]:
    run = Run(directory, port, more)
    try:
        yield run
    finally:
        for process in run.processes:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE_S)


def truth(directory: Path) -> dict[str, float]:
    """Positions by the venue's own log."""
    held: dict[str, float] = {}
    for line in (directory / "venue.log").read_bytes().splitlines():
        r = json.loads(line)
        if r["record"] == "execution":
            held[r["symbol"]] = held.get(r["symbol"], 0.0) + float(r["qty"]) * (1 if r["side"] == "buy" else -1)
        elif r["record"] == "adjusted":
            held[r["symbol"]] = held.get(r["symbol"], 0.0) + float(r["qty"])
    return {symbol: qty for symbol, qty in held.items() if qty}


def submits(directory: Path) -> list[str]:
    lines = [json.loads(line) for line in (directory / "venue.log").read_bytes().splitlines()]
    return [r["order_id"] for r in lines if r["record"] == "arrival" and r["kind"] == "submit"]


def test_a_day_of_an_operator(tmp_path: Path) -> None:
    """H1, H3, I7, I8, J1, B1, G15, B18: start, look, pause, resume, kill, start again, halt by signal, stop, start, flatten, stop;
    the venue's log agrees at the end, and every exit code says what happened."""
    with venue(tmp_path) as port, ran(tmp_path, port) as run:
        first = run.start()
        run.ready()
        run.holding()
        second = run.start(wait=False)
        assert second.wait(PATIENCE_S) == 75, run.log()  # one daemon a directory
        assert run.cli("pause", "--reason", "lunch").returncode == 0
        assert run.account()["state"] == "reducing"
        assert run.cli("resume", "--reason", "back").returncode == 0
        assert run.account()["state"] == "active"

        first.kill()
        first.wait()
        assert run.cli("status").returncode == 3
        again = run.start()
        run.ready()
        until(lambda: True if not run.account()["broker"]["unknown_orders"] else None, "no order is unknown")

        again.send_signal(signal.SIGUSR1)
        until(lambda: True if run.account()["state"] == "halted" else None, "halted by the signal")
        again.send_signal(signal.SIGTERM)
        assert again.wait(PATIENCE_S) == 0, run.log()
        assert run.cli("halt").returncode == 3

        last = run.start()
        run.ready()
        assert run.account()["state"] == "halted"
        flat = run.cli("flatten", "--reason", "done")
        assert flat.returncode in (0, 7), flat.stderr + flat.stdout
        until(lambda: True if not run.account()["positions"] else None, "flat")
        assert run.account()["state"] == "halted"
        last.send_signal(signal.SIGTERM)
        assert last.wait(PATIENCE_S) == 0, run.log()

        assert truth(tmp_path) == {}
        ids = submits(tmp_path)
        assert len(ids) == len(set(ids)) > 2
        assert verify(RealDisk(), str(run.state / "journal")).ok
        assert "Traceback" not in run.log()


def test_faults_of_the_venue_are_lived_through(tmp_path: Path) -> None:
    """A4, A10, D3, D8, I2-I4: acks lost, answers 503, sessions that end after accept, fills dropped and doubled, over a real socket
    and real time; after that a halt, and both logs say the same."""
    faults = [
        "lose_ack=0.2", "error_after_accept=0.1", "disconnect_after_accept=0.1", "lose_order=0.1", "drop_fill=0.3", "duplicate=0.3",
    ]  # fmt: skip
    with (
        venue(tmp_path, *(word for fault in faults for word in ("--fault", fault))) as port,
        ran(tmp_path, port) as run,
    ):
        daemon = run.start()
        until(lambda: True if len(submits(tmp_path)) >= 25 else None, "enough was traded")
        assert run.cli("halt", "--reason", "enough").returncode in (0, 7)

        def agree() -> bool | None:
            account = run.account()
            ours = {p["symbol"]: float(p["qty"]) for p in account["positions"]}
            calm = account["broker"]["up"] and not account["broker"]["unknown_orders"]
            return True if calm and ours == truth(tmp_path) else None

        until(agree, "both sides agree")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE_S) == 0, run.log()
        ids = submits(tmp_path)
        assert len(ids) == len(set(ids))
        assert "Traceback" not in run.log()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ("[strategies.nosuch]", 78, "no strategy of that name"),
        ("[strategies.trend.settings]\nnosuch = 1", 78, "nosuch"),
        ("[nosuch]", 78, "nosuch"),
        ('[accounts.other]\nbroker = "cqg9"', 78, "no adapter 'cqg9'"),
        ('[accounts.other]\n[accounts.other.settings]\nkey = { env = "NO_SUCH" }', 78, "NO_SUCH"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_ends_in_words_with_78(tmp_path: Path, more: str, code: int, words: str) -> None:
    """H3, H6, H12: before anything connects or trades; one line, no trace."""
    with ran(tmp_path, 1, more) as run:
        assert run.start(wait=False).wait(PATIENCE_S) == code, run.log()
        assert words in run.log()
        assert "Traceback" not in run.log()


def test_a_journal_of_another_account_or_damaged_refuses_the_start(tmp_path: Path) -> None:
    """H13, I9, B3: 78 for the configuration, 74 for the damage."""
    with ran(tmp_path, 1) as run:
        process = run.start()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0, run.log()
        run.config.write_text(run.config.read_text().replace("accounts.demo", "accounts.other"))
        assert run.start(wait=False).wait(PATIENCE_S) == 78, run.log()
        assert "demo" in run.log().splitlines()[-1]
        run.config.write_text(run.config.read_text().replace("accounts.other", "accounts.demo"))
        (segment,) = (run.state / "journal").glob("journal-*.jsonl")
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
        assert run.start(wait=False).wait(PATIENCE_S) == 74, run.log()
