"""Hearing never waits: not for a disk that hangs, not for one that is slow; what was not kept is counted and stands as a gap."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, T0
from tradingd.config.model import TicksSettings
from tradingd.core.events import Quote, Timer
from tradingd.core.inputs import Adopted, Began, Ended, Learned
from tradingd.ports import File
from tradingd.shell.env import RealClock, RealDisk, RealEnv
from tradingd.shell.env.disk import RealFile
from tradingd.shell.ticks import tape as module
from tradingd.shell.ticks.read import Playback, lives
from tradingd.shell.ticks.reel import Reel
from tradingd.shell.ticks.tape import Tape


def tape_on(env: RealEnv | FakeEnv, directory: str, *, threaded: bool) -> Tape:
    reel = Reel(env, directory, TicksSettings(record=True), instance="i", free_min=1)
    tape = Tape(env, reel, threaded=threaded)
    tape.begin(seq=0, head="", build="b", config="", venues={})
    return tape


def kinds(directory: str, disk: RealDisk | FakeDisk) -> tuple[list[type], Playback]:
    playback = Playback(disk, directory, lives(disk, directory)[-1])
    return [type(heard.input) for heard in playback], playback


def test_what_was_heard_is_on_the_disk_in_order_when_it_closes(tmp_path: Path) -> None:
    """J5: by a thread of its own, to the end."""
    where = str(tmp_path / "not" / "there yet")
    tape = tape_on(RealEnv(clock=RealClock()), where, threaded=True)
    hear = tape.ear()
    for i in range(2_000):
        hear(Quote(AAA, 1.0, 2.0, i))
    tape.learned("one", ())  # type: ignore[arg-type]
    tape.ear()(Timer(ts=1))
    tape.adopted("mode = 'demo'")
    tape.close()
    found, playback = kinds(where, RealDisk())
    assert found == [Began, *[Quote] * 2_000, Learned, Timer, Adopted, Ended]
    assert (playback.gap, playback.ended) == ("", True)
    assert tape.lost == 0


class HungDisk(RealDisk):
    """Nothing is written before `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def open_append(self, path: str) -> File:
        return HungFile(path, self.go)


class HungFile(RealFile):
    def __init__(self, path: str, go: threading.Event) -> None:
        super().__init__(path)
        self._go = go

    def append(self, data: bytes) -> None:
        self._go.wait()
        super().append(data)


def test_a_disk_that_hangs_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELIABILITY B8: beyond the bound nothing is heard, and that is a counted gap."""
    monkeypatch.setattr(module, "BOUND", 1_000)
    monkeypatch.setattr(module, "CLOSE_S", 60.0)
    env = RealEnv(clock=RealClock())
    disk = HungDisk()
    env.disk = disk
    tape = tape_on(env, str(tmp_path), threaded=True)
    for burst in range(50):
        hear = tape.ear()
        for i in range(100):
            hear(Quote(AAA, 1.0, 2.0, burst * 100 + i))
    kept = 5_000 - tape.lost
    assert 1_000 <= kept < 1_000 + 512 + 200, "the bound, what the thread took, and a burst"
    disk.go.set()
    tape.close()
    found, playback = kinds(str(tmp_path), RealDisk())
    assert found == [Began, *[Quote] * kept]
    assert f"{5_000 - kept} entries are missing" in playback.gap
    assert tape.lost == 5_000 - kept


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_thread_ends_the_hearing_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Reel, _inputs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Reel, "write", fail)
    tape = tape_on(RealEnv(clock=RealClock()), str(tmp_path), threaded=True)
    assert tape._thread is not None
    tape._thread.join()
    tape.ear()(Timer(ts=1))
    tape.close()
    assert tape.lost == 1
    assert "fault" in tape.why


def test_without_a_thread_nothing_is_ever_left_out() -> None:
    disk = FakeDisk()
    tape = tape_on(FakeEnv(disk, T0), "/ticks", threaded=False)
    for i in range(30_000):
        tape.ear()(Quote(AAA, 1.0, 2.0, i))
    tape.close()
    found, playback = kinds("/ticks", disk)
    assert found == [Began, *[Quote] * 30_000, Ended]
    assert playback.ended
    assert tape.lost == 0


def test_a_life_that_was_killed_reads_to_its_last_whole_block() -> None:
    disk = FakeDisk()
    tape = tape_on(FakeEnv(disk, T0), "/ticks", threaded=False)
    for i in range(1_000):
        tape.ear()(Quote(AAA, 1.0, 2.0, i))
    tape.drain()
    [name] = disk.listdir("/ticks")
    data = disk.read(f"/ticks/{name}")
    disk.unlink(f"/ticks/{name}")
    disk.write_new(f"/ticks/{name}", data[:-5])
    found, playback = kinds("/ticks", disk)
    assert found == [Began, *[Quote] * 511], "the second block is torn"
    assert (playback.gap, playback.ended) == ("", False)
