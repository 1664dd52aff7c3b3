"""The daemon on a real small disk that gets full while it trades."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flow.small_disk import SmallDisk, small_disk
from tests.flow.test_run_daemon import Run, ran, submits, truth, until, venue
from tradingd.core.facts import Filled, OrderIntended, StateChanged
from tradingd.core.types import AccountId
from tradingd.demo.audit import known_of, venue_of
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import records, verify

LEFT = 8_192  # bytes of room when the filling is done: some records, soon used up
CALM = ("--pace", "real:15000")  # slow enough that what is held when the disk is filled is held when it is full

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path) as found:
        yield found


def on(disk: SmallDisk, run: Run) -> Run:
    """The daemon's directory lies on that disk, and no floor for free room stops entries before it is full."""
    run.state = disk.path / "state"
    run.config.write_text(run.config.read_text().replace("force_fs = true", "force_fs = true\nfree_min_bytes = 0"))
    return run


def agrees(run: Run, directory: Path) -> Callable[[], bool | None]:
    def look() -> bool | None:
        account = run.account()
        ours = {p["symbol"]: float(p["qty"]) for p in account["positions"]}
        return True if not account["broker"]["unknown_orders"] and ours == truth(directory) else None

    return look


def both_sides_know_the_same(run: Run, directory: Path) -> None:
    """Every order at the venue has a durable intent, none came twice, every fill is booked."""
    real = RealDisk()
    seen, known = venue_of(real, directory / "venue.log"), known_of(real, run.state / "journal", AccountId("demo"))
    assert set(seen.live) <= set(known.intended)
    assert max(seen.arrived.values()) == 1
    assert set(seen.fills) <= set(known.fills)
    assert max(known.fills.values()) == 1
    assert verify(real, str(run.state / "journal")).ok


def test_a_disk_that_gets_full_halts_and_exits_go_on(disk: SmallDisk, tmp_path: Path) -> None:
    """B8: ENOSPC while it trades. The halt, the exits of a flatten and their fills are still journaled, no entry follows; once
    there is room again, a start goes on, and trades after a resume."""
    with venue(tmp_path, *CALM) as port, ran(tmp_path, port) as run:
        daemon = on(disk, run).start()
        run.ready()
        run.holding()
        filler = disk.fill(LEFT)
        account = until(lambda: a if (a := run.account())["state"] == "halted" else None, "halted by the full disk")
        assert [h["actor"] for h in account["holds"]] == ["rule:disk_full"]
        assert run.cli("flatten", "--reason", "no room").returncode in (0, 7)
        until(lambda: True if not run.account()["positions"] else None, "flat")
        daemon.terminate()
        assert daemon.wait(60) == 0, run.log()
        facts = [fact for _, fact in records(RealDisk(), str(run.state / "journal"))]
        halt = next(i for i, f in enumerate(facts) if isinstance(f, StateChanged) and f.actor == "rule:disk_full")
        assert [f.order for f in facts[halt:] if isinstance(f, OrderIntended) and not f.order.reduce_only] == []
        assert any(isinstance(f, Filled) for f in facts[halt:])
        both_sides_know_the_same(run, tmp_path)
        assert truth(tmp_path) == {}

        filler.unlink()
        daemon = run.start()
        run.ready()
        assert run.account()["state"] == "halted"
        sent = len(submits(tmp_path))
        assert run.cli("resume", "--reason", "there is room").returncode == 0
        until(lambda: True if len(submits(tmp_path)) > sent else None, "it trades again")
        assert run.cli("halt", "--reason", "enough").returncode == 0
        until(agrees(run, tmp_path), "both sides agree")
        daemon.terminate()
        assert daemon.wait(60) == 0, run.log()
        both_sides_know_the_same(run, tmp_path)
        assert "Traceback" not in run.log()
