"""The daemon on a real small disk whose file system turns read-only under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.small_disk import SmallDisk
from tests.flow.test_disk import agrees, both_sides_know_the_same, disk, on
from tests.flow.test_run_daemon import ran, submits, until, venue
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import verify

__all__ = ["disk"]  # a fixture
pytestmark = pytest.mark.slow


def test_a_disk_that_turns_read_only_ends_the_daemon(disk: SmallDisk, tmp_path: Path) -> None:
    """B6, B7, B9: EROFS at the next write. What could not be journaled is not sent, the process ends with 74 and words; after a
    check of the file system the journal verifies, a start takes over what the venue did meanwhile, and nothing was sent twice."""
    with venue(tmp_path) as port, ran(tmp_path, port) as run:
        daemon = on(disk, run).start()
        run.ready()
        run.holding()
        disk.fail()
        assert daemon.wait(60) == 74, run.log()
        assert "the journal cannot be written" in run.log()
        assert "Traceback" not in run.log()
        sent = submits(tmp_path)
        assert run.start(wait=False).wait(60) == 74, run.log()
        assert submits(tmp_path) == sent

        disk.repair()
        assert verify(RealDisk(), str(run.state / "journal")).ok
        daemon = run.start()
        run.ready()
        assert run.cli("halt", "--reason", "enough").returncode == 0
        until(agrees(run, tmp_path), "both sides agree")
        daemon.terminate()
        assert daemon.wait(60) == 0, run.log()
        both_sides_know_the_same(run, tmp_path)
