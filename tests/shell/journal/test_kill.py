"""A real process on a real file system, killed with SIGKILL at the kill points and inside a write; and two writers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell.journal.desk import GENESIS, fact
from tradingd.shell.env import RealDisk, RealEnv
from tradingd.shell.journal import Settings, open_journal, verify

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import asyncio, sys
from tests.shell.journal.desk import GENESIS, facts
from tradingd.shell.env import RealEnv
from tradingd.shell.journal import Settings, open_journal

async def main(directory):
    env = RealEnv()
    journal, recovery = open_journal(env, directory, GENESIS, Settings(segment_bytes=2_000, force=True))
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        n = recovery.seq + 1
        for _ in range(12):
            journal.append(facts(n, 3))
            n += 3
            await journal.synced(n - 1)
            print(n - 1, flush=True)
            if n % 4 == 0:
                await journal.snapshot(b"s")
        await journal.close()
    await env.aclose()

asyncio.run(main(sys.argv[1]))
"""


HALVED = """
import asyncio, os, signal, sys
from tests.shell.journal.desk import GENESIS, facts
from tradingd.shell.env import RealDisk, RealEnv, RealFile
from tradingd.shell.journal import Settings, open_journal

DIRECTORY, GROUP, LINES, MORE = sys.argv[1], *map(int, sys.argv[2:])

class HalfFile(RealFile):
    writes = 0

    def append(self, data):
        if self._path.endswith(".jsonl"):
            HalfFile.writes += 1
        if HalfFile.writes == GROUP:
            lines = data.splitlines(keepends=True)
            super().append(b"".join(lines[:LINES]) + lines[LINES][:MORE])
            os.kill(os.getpid(), signal.SIGKILL)
        super().append(data)

class HalfDisk(RealDisk):
    def open_append(self, path):
        return HalfFile(path)

async def main():
    env = RealEnv()
    env.disk = HalfDisk()
    journal, _ = open_journal(env, DIRECTORY, GENESIS, Settings(segment_bytes=2_000, force=True))
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        n = 1
        for _ in range(GROUP):
            for size in (4, 1, 3):
                journal.append(facts(n, size))
                n += size
            await journal.synced(n - 1)
            print(n - 1, flush=True)

asyncio.run(main())
"""


def child(directory: Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TRADINGD_FAILPOINT": failpoint, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(directory)],
        env=environ,
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("failpoint", ["K1:3", "K2:4", "K13:1", "K13:2", "K14:1", "K14:2", "K15:1"])
def test_sigkill_loses_nothing_acknowledged(tmp_path: Path, failpoint: str) -> None:
    """A2, A3, A8, A9, B13, I9: and the next start goes on from there."""
    died = child(tmp_path, failpoint)
    assert died.returncode == -9, died.stderr
    acknowledged = int((died.stdout.split() or ["0"])[-1])
    env = RealEnv(failpoint="")
    journal, recovery = open_journal(
        env, str(tmp_path), GENESIS, Settings(segment_bytes=2_000, force=True, use_snapshots=False)
    )
    assert recovery.seq >= acknowledged
    assert list(recovery.tail()) == [(n, fact(n)) for n in range(1, recovery.seq + 1)]
    assert verify(RealDisk(), str(tmp_path)).ok
    second = child(tmp_path)
    assert second.returncode != 0
    assert f"in use by process {os.getpid()}" in second.stderr, "B18: a second writer is refused with the holder's pid"
    assert second.stdout == ""
    journal._store.close(clean=False)
    assert child(tmp_path).returncode == 0
    assert verify(RealDisk(), str(tmp_path)).records == recovery.seq + 36


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize(("lines", "more"), [(0, 0), (0, 40), (1, 0), (3, 200), (4, 0), (5, 1), (6, 0), (7, 399)])
def test_sigkill_inside_a_write_never_halves_a_step(tmp_path: Path, group: int, lines: int, more: int) -> None:
    """J1, B2, I8, A2: of a group of three appends (4, 1 and 3 facts) any part has reached the file when the process dies, record
    boundaries included; the restart finds whole appends, and goes on after them."""
    died = subprocess.run(
        [sys.executable, "-c", HALVED, str(tmp_path), str(group), str(lines), str(more)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert died.returncode == -9, died.stderr
    acknowledged = int((died.stdout.split() or ["0"])[-1])
    assert acknowledged == 8 * (group - 1)
    whole = acknowledged + max(end for end in (0, 4, 5) if end <= lines)
    report = verify(RealDisk(), str(tmp_path))
    assert report.records == acknowledged + lines
    assert report.ok == (whole == report.records and not more)
    assert report.ok or report.torn
    journal, recovery = open_journal(
        RealEnv(failpoint=""), str(tmp_path), GENESIS, Settings(segment_bytes=2_000, force=True, use_snapshots=False)
    )
    assert (recovery.seq, recovery.cut_records) == (whole, acknowledged + lines - whole)
    assert list(recovery.tail()) == [(n, fact(n)) for n in range(1, whole + 1)]
    journal._store.close(clean=False)
    assert child(tmp_path).returncode == 0
    assert verify(RealDisk(), str(tmp_path)).records == whole + 36
