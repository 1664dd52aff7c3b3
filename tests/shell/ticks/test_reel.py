"""The tape's files: a day each, a gap for each fault, and never more room than they were given."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, T0
from tradingd.config.model import TicksSettings
from tradingd.core.events import Bar, Quote, Timer
from tradingd.core.inputs import Began, Ended, Input
from tradingd.core.types import NS
from tradingd.shell.env import ReplayClock
from tradingd.shell.ticks.read import Heard, Playback, lives
from tradingd.shell.ticks.reel import AGAIN_NS, Reel

WHERE = "/state/ticks"
DAY = 86_400 * NS


class Room:
    """A reel, its disk and its clock. A new one on the same disk is another life."""

    def __init__(self, disk: FakeDisk | None = None, *, free_min: int = 0, now: int = T0, **settings: float) -> None:
        self.disk = disk if disk is not None else FakeDisk()
        self.env = FakeEnv(self.disk, now)
        keep = TicksSettings(record=True, **settings)  # type: ignore[arg-type]
        self.reel = Reel(self.env, WHERE, keep, instance="i", free_min=free_min)
        self.reel.write([Began(ts=now, seq=0, head="", build="", config="", venues={})])

    def wait(self, ns: int) -> None:
        clock = self.env.clock
        assert isinstance(clock, ReplayClock)
        clock.set(clock.wall() + ns)

    def write(self, *inputs: Input) -> None:
        self.reel.write(inputs)

    def names(self) -> list[str]:
        return self.disk.listdir(WHERE)

    def heard(self) -> tuple[list[Heard], str]:
        """Of the last life: what can be read of it, and why no more."""
        playback = Playback(self.disk, WHERE, lives(self.disk, WHERE)[-1])
        return list(playback), playback.gap


def quotes(n: int) -> Sequence[Quote]:
    return [Quote(AAA, 1.0, 2.0, T0 + i) for i in range(n)]


def test_each_day_has_a_file_and_reading_goes_on_over_them() -> None:
    room = Room()
    for _ in range(3):
        room.write(*quotes(2))
        room.wait(DAY)
    assert room.names() == [f"tape-00000{n}-2008-06-0{n + 1}.bin" for n in (1, 2, 3)]
    heard, gap = room.heard()
    assert ([h.at for h in heard], [h.number for h in heard], gap) == ([1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6], "")


def test_the_inbox_number_counts_events_and_not_what_is_none() -> None:
    room = Room()
    room.write(Timer(ts=T0), Ended(ts=T0), Timer(ts=T0))
    heard, _ = room.heard()
    assert [(h.at, h.number) for h in heard] == [(1, 0), (2, 1), (3, 0), (4, 2)]


def test_a_full_disk_makes_a_gap_that_is_told_and_a_later_life_is_whole() -> None:
    """B8: counted, never raised; tried again after a while, in a file of its own."""
    room = Room()
    room.write(*quotes(2))
    room.disk.capacity = sum(len(room.disk.read(f"{WHERE}/{name}")) for name in room.names()) + 10
    room.write(*quotes(5))
    assert (room.reel.kept, room.reel.lost) == (3, 5)
    assert room.reel.why
    room.disk.capacity = None
    room.write(*quotes(1))
    assert room.reel.lost == 6, "not asked again at once"
    room.wait(AGAIN_NS)
    room.write(*quotes(4))
    assert (room.reel.kept, room.reel.lost, room.reel.why) == (7, 6, "")
    heard, gap = room.heard()
    assert [h.at for h in heard] == [1, 2, 3]
    assert gap
    after = Room(room.disk)
    after.write(*quotes(3))
    assert len(after.heard()[0]) == 4
    assert len(lives(room.disk, WHERE)) == 2


def test_the_journal_goes_first_where_room_is_short() -> None:
    """B8: the tape yields while twice what the journal needs is still free."""
    disk = FakeDisk(capacity=1 << 20)
    room = Room(disk, free_min=1 << 20)
    assert (room.reel.kept, room.reel.lost) == (0, 1)
    assert "the journal may need" in room.reel.why


def test_one_that_cannot_be_written_is_left_out_alone() -> None:
    bad = Bar(ts=T0, symbol="\ud800", span_s=60, open=1.0, high=1.0, low=1.0, close=1.0)  # type: ignore[arg-type]
    room = Room()
    room.write(Timer(ts=1), bad, Timer(ts=2))
    assert (room.reel.kept, room.reel.lost) == (3, 1)
    heard, gap = room.heard()
    assert [h.input.ts for h in heard] == [T0, 1]
    assert "1 entries are missing" in gap


def test_skipped_events_are_a_gap_of_their_number() -> None:
    room = Room()
    room.reel.skip(7)
    room.write(*quotes(1))
    assert "7 entries are missing" in room.heard()[1]


def test_old_lives_go_and_the_running_one_stays_however_long_it_is() -> None:
    old = Room()
    old.wait(DAY)
    room = Room(old.disk, now=T0 + DAY, keep_days=3.0)
    for _ in range(10):
        room.wait(DAY)
        room.write(*quotes(1))
    assert [life.number for life in lives(room.disk, WHERE)] == [2]
    assert len(room.heard()[0]) == 11
    assert not any(name.startswith("tape-000001") for name in room.names())


def test_all_together_stay_within_their_bytes() -> None:
    """J5: even of one day; a life whose beginning went is none any more."""
    room = Room(keep_bytes=1 << 20)
    noise = [Quote(AAA, 1.0 / (i + 1), 2.0 / (i + 1), T0 + i * 7_919, seq=i * 104_729) for i in range(512)]
    for n in range(400):
        room.write(*[Quote(q.symbol, q.bid + n, q.ask + n, q.ts + n) for q in noise])
    size = sum(len(room.disk.read(f"{WHERE}/{name}")) for name in room.names())
    assert 1 << 19 < size < (1 << 20) + (1 << 18)
    assert room.reel.lost == 0
    assert lives(room.disk, WHERE) == []
