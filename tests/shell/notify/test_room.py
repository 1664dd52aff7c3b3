"""The room in a house: what is told, what a restart finds again, and that nothing of it is in the way of trading."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.notify.people import Carrier, Room, channel, people
from tests.shell.stage import AAA, ONE, T0, built, turns, venue
from tradingd.core.book.orders import Life
from tradingd.core.events import ClockSeen, LinkLost, Verb
from tradingd.core.facts import Alerted, Notified
from tradingd.core.types import NS, Leg
from tradingd.shell.env import ReplayClock
from tradingd.shell.house import House
from tradingd.shell.notify import channel as channel_module
from tradingd.shell.notify import room as room_module
from tradingd.shell.notify.message import Undelivered
from tradingd.shell.notify.outbox import DELIVERED, FAILED, FOLDED, LIMITED
from tradingd.shell.notify.room import Notify

HOUR_S = 3_600.0


async def settle(s: Room) -> None:
    for _ in range(3):
        await turns()
        await s.house.settle()


async def test_a_page_is_told_at_once_and_recorded_with_its_number() -> None:
    """E16: the notice is the fact's place in the journal; the record says what became of it."""
    async with people() as s:
        await s.raise_alert("disk_low", "little is free")
        assert s.carriers["mail"].subjects == ["[tradingd PAPER one] PAGE disk_low"]
        (fact,) = [f for f in s.said(Notified) if isinstance(f, Notified) and f.status == DELIVERED]
        assert (fact.kind, fact.level, fact.tries, fact.channel) == ("disk_low", "page", 1, "mail")
        first = s.house.journal.durable - len(s.durable) + 1
        assert isinstance(s.durable[int(fact.notice) - first], Alerted)


async def test_the_end_of_what_was_told_is_told() -> None:
    """E16: a hold that a rule put on, lifted by the operator: one message, with how long it lasted."""
    async with people(linked=True) as s:
        await s.raise_alert("disk_low")
        await s.wait(120)
        s.house.offer(s.command(Verb.RESUME))
        await settle(s)
        assert s.carriers["mail"].subjects[-1] == "[tradingd PAPER one] PAGE disk_low_resolved"
        assert "disk_low: over after 2 min (resume by test: because)" in s.carriers["mail"].bodies


async def test_a_link_that_comes_back_is_told_in_the_same_breath() -> None:
    """E16: lost and back within the fold: one message says both."""
    async with people(linked=True) as s:
        s.house.offer(LinkLost(ts=s.clock.wall(), account=ONE, broker="sim", why="gone"))
        await settle(s)
        await s.wait(10)
        await s.member.link.open()
        await s.house.quiesce()
        assert not s.carriers["mail"].carried
        await s.wait(30)
        await settle(s)
        assert s.notified() == [("broker_disconnected", DELIVERED), ("broker_disconnected_resolved", FOLDED)]
        assert "broker_disconnected: over after 10 s" in s.carriers["mail"].bodies


# a restart ------------------------------------------------------------------------------------------------------------------


async def fallen(disk: FakeDisk, *, down: bool = False) -> Room:
    """A life in which one page was delivered and one was on its way; one to be folded waited. Then SIGKILL."""
    async with people(disk) as s:
        await s.raise_alert("first")
        s.carriers["mail"].gate = asyncio.Event()
        await s.raise_alert("second")
        s.house.offer(ClockSeen(ts=s.clock.wall(), off_s=5.0))
        s.house.offer(ClockSeen(ts=s.clock.wall(), off_s=0.0))
        await settle(s)
        assert s.notified() == [("first", DELIVERED)]
    disk.killed()
    return s


@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_restart_repeats_nothing_and_loses_nothing(snapshot: bool) -> None:
    """E16: what was delivered stays delivered, what was not is told now, days later too; each once."""
    disk = FakeDisk()
    before = await fallen(disk)
    for n, days in enumerate((3, 4)):
        now = T0 + days * 86_400 * NS
        async with people(disk, brokers=before.brokers, now=now, snapshot_every=1) as s:
            await settle(s)
            await s.wait(60)
            await settle(s)
            if snapshot:
                await s.house._snapshot_if_due()
            told = [kind for kind, status in s.notified() if status == DELIVERED]
            assert told == (["second", "wall_clock", "wall_clock"] if n == 0 else [])
        disk.killed()


async def test_an_end_that_waited_on_a_dead_line_is_told_after_a_restart() -> None:
    """E16: what was raised was told; its end was not when the process died, though others were dealt with meanwhile."""
    disk = FakeDisk()
    async with people(disk, linked=True) as s:
        await s.raise_alert("disk_low")
        await s.raise_alert("b")
        s.carriers["mail"].gate = asyncio.Event()
        s.house.offer(s.command(Verb.RESUME))
        await settle(s)
        await s.raise_alert("b")
        assert s.notified()[-1] == ("b", FOLDED)
    disk.killed()
    async with people(disk, brokers=s.brokers, now=s.clock.wall() + 60 * NS) as t:
        await settle(t)
        assert ("disk_low_resolved", DELIVERED) in t.notified()


async def test_a_restart_within_the_hour_goes_on_counting() -> None:
    """E16: what was said an instant before the crash is not said again, and the count of repetitions survives."""
    disk = FakeDisk()
    async with people(disk) as s:
        for _ in range(3):
            await s.raise_alert("disk_low", "free: 1,234 bytes")
        assert s.notified() == [("disk_low", DELIVERED), ("disk_low", FOLDED), ("disk_low", FOLDED)]
    disk.killed()
    async with people(disk, brokers=s.brokers, now=s.clock.wall() + 60 * NS) as t:
        await t.raise_alert("disk_low", "free: 99 bytes")
        assert t.carriers["mail"].carried == []
        await t.wait(HOUR_S)
        (message,) = [message for _, message in t.carriers["mail"].carried]
        assert "3 times more within the hour, the last time: free: 99 bytes" in message.body


async def test_the_limit_of_an_hour_survives_a_restart() -> None:
    """E16: computed from what the journal says was delivered; the page it kept back is named as soon as may be."""
    disk = FakeDisk()
    limited = {"mail": {"per_hour": 2}}
    async with people(disk, limited) as s:
        for code in "ab":
            await s.raise_alert(code)
    disk.killed()
    async with people(disk, limited, brokers=s.brokers, now=s.clock.wall() + 60 * NS) as t:
        await t.raise_alert("c")
        assert t.notified() == [("c", LIMITED)]
        assert t.carriers["mail"].tried == 0
    disk.killed()
    async with people(disk, limited, brokers=s.brokers, now=t.clock.wall() + 60 * NS) as u:
        await u.wait(HOUR_S)
        (message,) = [message for _, message in u.carriers["mail"].carried]
        assert "1 pages could not be told when they came" in message.body
        assert "and 1 more pages that could not be told before: c" in message.body


async def test_a_new_channel_begins_with_today() -> None:
    """E16: nobody gets the alerts of last year."""
    disk = FakeDisk()
    async with people(disk) as s:
        await s.raise_alert("old")
    disk.killed()
    async with people(disk, {"mail": {}, "sms": {}}, brokers=s.brokers, now=s.clock.wall()) as t:
        await t.raise_alert("new")
        assert t.notified("sms") == [("new", DELIVERED)]
        assert [kind for kind, _ in t.notified("mail")] == ["new"]


async def test_a_start_reads_no_more_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """E16: without anything to tell a mark is set now and then, so that a start after a quiet year reads little."""
    monkeypatch.setattr(room_module, "MARK_EVERY", 10)
    disk = FakeDisk()
    async with people(disk, {"mail": {"events": ("nothing",)}}) as s:
        for n in range(30):
            s.house.offer(s.command(Verb.PAUSE, f"p{n}"))
        await settle(s)
        marks = [f for f in s.said(Notified) if isinstance(f, Notified)]
        assert {f.status for f in marks} == {"noted"}
        assert s.book.booked.dealt_with["mail"] > s.house.journal.durable - 25
        assert not s.book.booked.notices


# never in the way -----------------------------------------------------------------------------------------------------------


async def test_a_mail_server_that_hangs_delays_no_order() -> None:
    """E16, O2: with a message on its way that nobody answers, an idea becomes an order, a fill, a stop at the venue."""
    async with people(linked=True) as s:
        s.carriers["mail"].gate = asyncio.Event()
        s.house.offer(ClockSeen(ts=s.clock.wall(), off_s=5.0))
        s.house.offer(ClockSeen(ts=s.clock.wall(), off_s=0.0))
        await settle(s)
        assert s.carriers["mail"].tried == 1
        await s.hold()
        assert s.order(Leg.PROTECT).life is Life.LIVE
        assert s.book.qty(AAA) == s.broker.held[AAA]
        assert s.carriers["mail"].carried == []


async def test_a_message_nobody_answers_fails_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """E16: each try has its time; four tries, then it is recorded as failed."""
    monkeypatch.setattr(channel_module, "TRY_S", 0.01)
    async with people() as s:
        s.carriers["mail"].gate = asyncio.Event()
        await s.raise_alert()
        for _ in range(5):
            await asyncio.sleep(0.02)
            await s.wait(20)
        await settle(s)
        assert s.notified() == [("disk_low", FAILED)]
        assert s.carriers["mail"].tried == 4
        (fact,) = [f for f in s.said(Notified) if isinstance(f, Notified) and f.status == FAILED]
        assert (fact.tries, fact.error) == (4, "no end within 0.01 s")


async def test_a_channel_that_fails_is_told_on_the_others_once() -> None:
    """E16: until it delivers again; without the secrets in its error."""
    both: dict[str, dict[str, object]] = {"mail": {}, "sms": {"levels": ("page",)}}
    async with people(channels=both) as s:
        mail, sms = s.carriers["mail"], s.carriers["sms"]
        refusal = Undelivered("535 hunter2\r\nis wrong", final=True)
        mail.answers = [refusal, refusal]
        await s.raise_alert("one")
        await s.raise_alert("two")
        assert s.notified("mail") == [("one", FAILED), ("two", FAILED)]
        assert [m.data["notices"][0]["code"] for _, m in sms.carried] == ["one", "channel_failed", "two"]
        assert "mail could not deliver one: 535 ***  is wrong" in sms.bodies
        assert not [f for f in s.said(Notified) if isinstance(f, Notified) and "hunter2" in f.error]
        await s.raise_alert("three")
        assert "and 2 more pages that could not be told before: one, two" in mail.bodies
        mail.answers = [refusal]
        await s.raise_alert("four")
        assert [m.data["notices"][0]["code"] for _, m in sms.carried][-2:] == ["four", "channel_failed"]


async def test_when_all_fail_they_do_not_go_on_telling_each_other() -> None:
    async with people(channels={"mail": {}, "sms": {}}) as s:
        for carrier in s.carriers.values():
            carrier.answers = [Undelivered("no", final=True)] * 50
        await s.raise_alert()
        assert s.carriers["mail"].tried + s.carriers["sms"].tried <= 4


async def test_whatever_a_transport_raises_is_a_failed_try() -> None:
    """E16: a library's fault is tried again like a lost link, and recorded in its own words without the secrets."""
    async with people() as s:
        s.carriers["mail"].answers = [KeyError("hunter2"), None, *[RuntimeError("hunter2 of theirs")] * 4]
        await s.raise_alert("one")
        await s.wait(1)
        await settle(s)
        assert s.notified() == [("one", DELIVERED)]
        await s.raise_alert("two")
        await s.wait(1 + 4 + 16)
        await settle(s)
        last = s.said(Notified)[-1]
        assert isinstance(last, Notified)
        assert (last.status, last.tries, last.error) == (FAILED, 4, "fault: RuntimeError: *** of theirs")


async def test_a_fault_of_ours_ends_neither_the_channel_nor_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    """E16: told people or not, the house trades."""
    async with people(linked=True) as s:
        room = s.room
        with monkeypatch.context() as broken:
            broken.setattr(channel_module, "message_of", lambda *_: 1 / 0)
            await s.raise_alert()
            broken.setattr(room, "_notes", lambda *_: 1 / 0)
            await s.raise_alert("lost")
        await s.wait(61)
        await settle(s)
        assert s.notified() == [("disk_low", DELIVERED)]
        assert s.house.journal.broken is None
        assert s.house.engine.broken is None


async def test_a_test_is_sent_over_each_channel_recorded_and_counted() -> None:
    """E16: one try, at once; the limit holds for it too."""

    def ready(carriers: dict[str, Carrier]) -> None:
        carriers["sms"].answers = [Undelivered("hunter2 no")]

    async with people(channels={"mail": {"per_hour": 1}, "sms": {}}, ready=ready) as s:
        found = await s.room.test(None, "a test")
        assert [(t.channel, t.status, t.error) for t in found] == [("mail", DELIVERED, ""), ("sms", FAILED, "*** no")]
        assert [(t.channel, t.status) for t in await s.room.test("mail", "again")] == [("mail", LIMITED)]
        assert await s.room.test("nosuch", "x") == []
        await settle(s)
        assert s.notified("mail") == [("test", DELIVERED), ("test", LIMITED)]


async def lived(house: House, until: asyncio.Event) -> None:
    await house.run(until, lambda: "test")


async def test_tasks_run_with_the_house_and_a_clean_stop_waits_for_nobody() -> None:
    """E16, H11: a message on its way when the house stops is told by the next life."""
    disk = FakeDisk()
    env = FakeEnv(disk, T0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    brokers = {ONE: venue(ONE, clock)}
    house = built(env, clock, brokers)
    carrier = Carrier(clock.wall)
    carrier.gate = asyncio.Event()
    books = {account: member.book.booked for account, member in house.members.items()}
    room = Notify(env, house.journal, house.recovery.directory, books, house.offer, [channel(env, carrier)])
    room.open()
    house.rooms.extend(room.tasks)
    house.start("demo", "b", "c")
    stopping = asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lived, house, stopping)
        await turns()
        house.offer(ClockSeen(ts=clock.wall(), off_s=5.0))
        await turns()
        assert carrier.tried == 1
        stopping.set()
    await house.journal.close()
    async with people(disk, brokers=brokers, now=clock.wall()) as s:
        await settle(s)
        assert s.notified() == [("wall_clock", DELIVERED)]
