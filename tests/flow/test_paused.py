"""A daemon that stood still: SIGSTOP for what is ten minutes and more at the venue, then SIGCONT."""

from __future__ import annotations

import json
import select
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_run_daemon import SPEED, ran, submits, truth, until, venue
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import verify

STOPPED_S = 6.5  # more than the five seconds that count as a pause
STOPS = 1

pytestmark = pytest.mark.slow


def log(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "venue.log").read_bytes().splitlines()]


def up_to_login(directory: Path, begin: int) -> list[tuple[str, str]] | None:
    """What came to the venue after its first `begin` records up to the next login, kind and outcome; None before that."""
    came = [(r["kind"], r["outcome"]) for r in log(directory)[begin:] if r["record"] == "arrival"]
    return came[: came.index(("login", "ok")) + 1] if ("login", "ok") in came else None


def test_nothing_is_sent_after_a_pause_before_a_new_session_was_compared(tmp_path: Path) -> None:
    """H5, E3: the venue's log shows no order between SIGCONT and the next login; both sides agree in the end, no id came twice.
    Neither side gives a silent session up, so the old one would still take orders."""
    with venue(tmp_path) as port, ran(tmp_path, port) as run:
        run.config.write_text(run.config.read_text().replace("silence_s = 5.0", "silence_s = 600.0"))
        daemon = run.start()
        run.ready()
        for _ in range(STOPS):
            run.holding()
            daemon.send_signal(signal.SIGSTOP)
            select.select([], [], [], STOPPED_S)  # what it had sent is read long before that is over
            before = len(log(tmp_path))
            daemon.send_signal(signal.SIGCONT)
            came = until(lambda before=before: up_to_login(tmp_path, before), "a login")
            assert came == [("login", "ok")]
            run.ready()
        assert run.cli("halt", "--reason", "enough").returncode == 0

        def agree() -> bool | None:
            ours = {p["symbol"]: float(p["qty"]) for p in run.account()["positions"]}
            return True if ours == truth(tmp_path) else None

        until(agree, "both sides agree")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0, run.log()
        assert STOPPED_S * SPEED > 600
        assert run.log().count("daemon.stood_still") == STOPS
        ids = submits(tmp_path)
        assert len(ids) == len(set(ids)) > 0
        assert verify(RealDisk(), str(run.state / "journal")).ok
        assert "Traceback" not in run.log()
