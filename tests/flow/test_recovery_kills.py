"""A start that dies in recovery, again and again, leaves what one whole start leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from tests.flow.child import PATIENCE_S
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.demo.config import demo_config
from tradingd.demo.crash import ACCOUNT, Crash, Tally, with_venue
from tradingd.demo.options import DemoOptions
from tradingd.demo.plan import Life
from tradingd.demo.venue import start_venue
from tradingd.shell.env import RealClock, RealDisk, RealEnv
from tradingd.shell.journal import Genesis, Settings, open_journal, records, verify

# before, between and after the steps of a mending; once that was put in place (3), there is nothing to mend any more
STEPS = (1, 2, 2, 1, 2, 3, 1, 2, 1, 2)


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Crash:
    """A daemon that traded a little and died after it wrote a group and before the sync."""
    directory = tmp_path_factory.mktemp("recovery")
    venue = start_venue(directory / "venue.log", ACCOUNT, DemoOptions())
    try:
        crash = Crash(directory, venue, RealClock(), Tally(), print)
        crash.config = with_venue(demo_config(), venue.port)
        crash.life_max_s = PATIENCE_S
        assert crash._life(Life("K5", 2)) == "K5"
        assert crash._life(Life("K1", 6)) == "K1"
        crash.witness.close()
    finally:
        venue.stop()
    return crash


def recovered(directory: Path) -> tuple[int, str, dict[str, bytes], bytes]:
    """One whole start: last sequence, head, every byte of the segments and of what was cut off, the folded state."""
    genesis = Genesis(instance="", nonce="n", build="b", config="c")
    journal, recovery = open_journal(RealEnv(failpoint=""), str(directory / "journal"), genesis, Settings(force=True))
    journal._store.close(clean=True)
    booked = Booked(account=ACCOUNT)
    for _, fact in records(RealDisk(), str(directory / "journal")):
        fold(booked, fact)
    names = sorted((directory / "journal").glob("*.jsonl")) + sorted((directory / "journal").glob("cut-*"))
    return recovery.seq, recovery.head, {path.name: path.read_bytes() for path in names}, msgspec.json.encode(booked)


@pytest.mark.parametrize("torn", [0, 1, 40, 200])
def test_ten_kills_in_recovery_and_then_a_start_are_one_start(crash: Crash, tmp_path: Path, torn: int) -> None:
    """A9, K15: at every step of it, in any order; records, cut bytes and state are the same to the byte. torn: bytes that the last
    write did not get to the file."""
    for name in ("once", "often"):
        shutil.copytree(crash.directory, tmp_path / name, ignore=shutil.ignore_patterns("*.sock"))
        last = max((tmp_path / name / "journal").glob("journal-*.jsonl"))
        data = last.read_bytes()
        last.write_bytes(data[: len(data) - torn])
    once = recovered(tmp_path / "once")
    often = Crash(tmp_path / "often", crash.venue, RealClock(), Tally(), print)
    often.config, often.life_max_s = crash.config, PATIENCE_S
    for step in STEPS:
        assert often._life(Life("K15", step)) == "K15", f"step {step}"
    often.witness.close()
    assert recovered(tmp_path / "often") == once
    assert bool(torn) == any(name.startswith("cut-") for name in once[2])
    assert verify(RealDisk(), str(tmp_path / "often" / "journal")).ok
