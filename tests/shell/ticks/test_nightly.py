"""The nightly check: once after each close, and what it found is journaled under the level it deserves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.child import environment
from tests.shell.stage import T0, stage
from tradingd.core.facts import Alerted
from tradingd.core.types import NS
from tradingd.shell.ticks import nightly
from tradingd.shell.ticks.nightly import Nightly, parity_of

HOUR = 3_600 * NS


@pytest.mark.parametrize(
    ("code", "level", "name", "gauge"),
    [
        (0, "log", "parity_equal", 1.0),
        (1, "page", "parity_difference", 0.0),
        (2, "tell", "parity_not_checked", None),
        (-9, "tell", "parity_not_checked", None),
    ],
)
async def test_each_end_of_the_check_is_journaled(code: int, level: str, name: str, gauge: float | None) -> None:
    """T1: a difference pages; what could not be checked is no equality."""
    asked: list[int] = []

    async def check() -> tuple[int, str]:
        asked.append(1)
        return code, "what it said"

    async with stage() as s:
        s.house.metrics.parity(equal=code != 0)
        chore = Nightly(s.house, check)
        for hours in (0, 1, 5, 1, 1, 6, 6):  # 13:50Z; the close is at 20:00Z, and the next session a day later
            s.clock.set(s.clock.wall() + hours * HOUR)
            await chore.look()
        assert len(asked) == 1
        s.clock.set(T0 + 31 * HOUR)
        await chore.look()
        assert len(asked) == 2
        await s.house.settle()
        told = [a for a in s.said(Alerted) if isinstance(a, Alerted) and a.code.startswith("parity")]
        assert [(a.level, a.code) for a in told] == [(level, name)] * 2
        assert all("what it said" in a.text for a in told)
        shown = s.house.metrics.registry.get_sample_value("tradingd_parity_equal")
        assert shown == (gauge if gauge is not None else float(code != 0))


DIFFERENT = b'[{"verdict":{"first":1,"last":4,"until":"","difference":{"seq":4,"event":"Quote","journaled":"{a}","replayed":""}}}]'


@pytest.mark.parametrize(
    ("code", "out", "found", "words"),
    [
        (0, b'[{"verdict":{"first":1,"last":9,"until":"","difference":null}}]', 0, "records 1 to 9"),
        (1, DIFFERENT, 1, "record 4, by event Quote: {a}; replayed: nothing"),
        (1, b"", 2, "Traceback"),
        (1, b"[]", 2, "Traceback"),
        (-9, b"", 2, "Traceback"),
        (
            0,
            b'[{"verdict":{"first":1,"last":9,"until":"a gap of 3","difference":null}}]',
            2,
            "no further than a gap of 3",
        ),
    ],
)
def test_only_the_commands_own_report_proves_something(code: int, out: bytes, found: int, words: str) -> None:
    """T1: a command that fell over ends with the code of a difference, and one that met a gap with that of equality."""
    outcome, said = nightly.outcome(code, out, "Traceback ...")
    assert (outcome, words in said) == (found, True)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The state directory of four days."""
    span = ("--from", "2008-09-02", "--to", "2008-09-05", "--speed", "max", "--port", "0", "--exit", "--json")
    command = [sys.executable, "-m", "tradingd", "demo", "--record", "--dir", str(tmp_path / "demo"), *span]
    made = subprocess.run(command, capture_output=True, check=False, env=environment())
    assert made.returncode == 0, made.stderr
    return tmp_path / "demo"


async def test_what_the_real_command_reports_is_understood(monkeypatch: pytest.MonkeyPatch, demo: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    code, said = await parity_of(str(demo))()
    assert (code, said.startswith("records 1 to ")) == (0, True)


async def test_the_check_runs_the_real_command_and_says_why_it_could_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    code, said = await parity_of(str(tmp_path))()
    assert code == 2
    assert "journal" in said


async def test_a_check_that_cannot_be_started_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nightly, "NICE", str(tmp_path / "nothing"))
    code, said = await parity_of(str(tmp_path))()
    assert (code, "cannot be started" in said) == (-1, True)
