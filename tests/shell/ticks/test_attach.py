"""A tape under a house: it hears all that is stepped, changes nothing of what is decided, and its gaps are told once."""

from __future__ import annotations

from collections.abc import Callable

from tests.fakes.disk import FakeDisk
from tests.shell.stage import AAA, BBB, CONFIG, ONE, WHERE, stage
from tradingd.config import Config, config_hash, load_text
from tradingd.core.events import Event, LinkUp, Quote, Recommendation, Started, Timer
from tradingd.core.facts import Alerted
from tradingd.core.inputs import Adopted, Began, Ended, Learned
from tradingd.shell.house import House
from tradingd.shell.journal import payloads
from tradingd.shell.reload import Reload
from tradingd.shell.ticks.attach import LOOK_S, attach
from tradingd.shell.ticks.read import Heard, Playback, lives
from tradingd.shell.ticks.tape import Tape

ACCOUNT = '[accounts.one]\nbroker = "sim"\n'
STATE = "/data"
FREE = "[journal]\nfree_min_bytes = 0\n"


def config(more: str = "", *, record: bool = True) -> Config:
    return load_text(f"{CONFIG}{more}{ACCOUNT}{FREE}[ticks]\nrecord = {str(record).lower()}\n").config


class Under:
    """Attaches a tape to the house it is shown."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tape: Tape | None = None

    def __call__(self, house: House) -> None:
        self.tape = attach(house, self.config, STATE, build="b", threaded=False)


def read(disk: FakeDisk) -> list[Heard]:
    playback = Playback(disk, f"{STATE}/ticks", lives(disk, f"{STATE}/ticks")[-1])
    heard = list(playback)
    assert playback.gap == ""
    return heard


async def day(disk: FakeDisk, under: Callable[[House], None] | None) -> list[tuple[int, bytes]]:
    """Some hours of a house; its journal."""
    async with stage(disk, prepare=under) as s:
        await s.hold(AAA)
        for i in range(50):
            s.quote(AAA, 100.0 - i * 0.05)
            s.quote(BBB, 100.0 + i * 0.05)
            await s.house.quiesce()
        s.idea(BBB)
        await s.house.quiesce()
        s.quote(AAA, 60.0)
        await s.house.quiesce()
    return list(payloads(disk, WHERE))


async def test_the_same_house_with_and_without_a_tape_writes_the_same_journal() -> None:
    """T1: recording changes nothing."""
    with_tape = await day(FakeDisk(), Under(config()))
    without = await day(FakeDisk(), Under(config(record=False)))
    assert len(with_tape) > 10
    assert with_tape == without == await day(FakeDisk(), None)


async def test_everything_stepped_is_on_the_tape_in_its_order_and_with_its_number() -> None:
    """ARCHITECTURE: the inbox numbers everything it takes; the tape keeps that number."""
    disk, under, stepped = FakeDisk(), Under(config()), list[Event]()

    def prepare(house: House) -> None:
        under(house)
        feed = house.engine.feed
        house.engine.feed = lambda event: (stepped.append(event), feed(event))[1]  # type: ignore[method-assign]

    async with stage(disk, prepare=prepare) as s:
        await s.hold(AAA)
        s.house.offer(Timer(ts=s.clock.wall()))
        await s.house.quiesce()
        taken = s.house.inbox.taken
        assert under.tape is not None
        under.tape.close()
    heard = read(disk)
    events = [h for h in heard if h.number]
    assert [h.number for h in events] == list(range(1, taken + 1))
    assert [type(h.input) for h in events] == [type(event) for event in stepped]
    assert [h.input for h in events if not isinstance(h.input, Quote)] == [
        e for e in stepped if not isinstance(e, Quote)
    ]
    assert {Started, LinkUp, Quote, Recommendation, Timer} <= {type(h.input) for h in events}
    first, last = heard[0].input, heard[-1].input
    assert isinstance(first, Began)
    assert (first.seq, list(first.venues), type(last)) == (0, [ONE], Ended)
    assert config_hash(load_text(first.config).config) == config_hash(config())
    learned = next(h for h in heard if isinstance(h.input, Learned))
    link_up = next(h for h in heard if isinstance(h.input, LinkUp))
    assert learned.at < link_up.at, "the venue told it before what waited in the inbox was stepped"
    assert isinstance(learned.input, Learned)
    assert {AAA, BBB} <= {each.symbol for each in learned.input.instruments}


async def test_a_reload_is_on_the_tape_before_its_first_event() -> None:
    """H6: whole, as it was put in force."""
    disk, under = FakeDisk(), Under(config())
    new = config("max_open_positions = 3\n")
    async with stage(disk, prepare=under) as s:
        assert under.tape is not None
        reload = Reload(config(), s.house, lambda: new)
        reload.on_adopt = under.tape.adopted
        assert not reload("ann").refused
        under.tape.close()
    [adopted] = [h.input for h in read(disk) if isinstance(h.input, Adopted)]
    assert load_text(adopted.config).config == new


async def test_no_tape_where_none_is_wanted() -> None:
    disk, under = FakeDisk(), Under(config(record=False))
    async with stage(disk, prepare=under) as s:
        assert under.tape is None
        assert s.house.engine.ear is None
    assert lives(disk, f"{STATE}/ticks") == []


async def test_a_gap_is_told_once_and_again_only_after_the_tape_went_on() -> None:
    """RELIABILITY B8: trading is not concerned."""
    disk, under = FakeDisk(), Under(config())
    async with stage(disk, prepare=under) as s:
        tape = under.tape
        assert tape is not None

        async def look() -> int:
            tape.drain()
            s.clock.set(s.clock.wall() + int(LOOK_S * 1e9))
            await s.house.schedule.run_due(s.clock.wall())
            await s.house.settle()
            return len([a for a in s.said(Alerted) if isinstance(a, Alerted) and a.code == "tape_gap"])

        assert await look() == 0
        tape.reel.lost += 5
        assert await look() == 1
        tape.reel.lost += 5
        assert await look() == 1
        assert await look() == 1
        tape.reel.lost += 5
        assert await look() == 2
        [alert, _] = [a for a in s.said(Alerted) if isinstance(a, Alerted) and a.code == "tape_gap"]
        assert alert.level == "tell"
        assert "5 entries are not on the tape" in alert.text
