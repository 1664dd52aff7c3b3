"""A real process on a real file system, killed with SIGKILL at the kill points; and two writers."""

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
