"""A disk that fills up: entries stop while there is room, and what meets the full disk is the halt, not the next entry (B8)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.core.world import ACME, DAY, INSTRUMENTS, T0, make_rules
from tests.fakes.broker import FakeBroker
from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.journal.desk import DIR, GENESIS
from tradingd.config import load_text
from tradingd.config.model import HouseSettings, JournalSettings
from tradingd.core.events import (
    AccountSeen,
    Action,
    Bar,
    Command,
    Event,
    LinkUp,
    Quote,
    Recommendation,
    Reconciled,
    Timer,
    Verb,
)  # fmt: skip
from tradingd.core.facts import AnyFact, CommandSeen, Decided, OrderIntended, OrderMoved, Outcome, Reason, StateChanged
from tradingd.core.types import NS, AccountId, TradingState
from tradingd.ports import Broken
from tradingd.shell.env import ReplayClock
from tradingd.shell.house import House, open_house
from tradingd.shell.journal import Settings, records

ACCOUNTS = (AccountId("a1"), AccountId("a2"))
RESERVE = 200_000
FLOOR = 1 << 20


def built(disk: FakeDisk, floor: int = 0) -> House:
    env = FakeEnv(disk, now=T0)
    return open_house(
        env, DIR, genesis=GENESIS, journal_settings=Settings(reserve_bytes=RESERVE),
        rules={account: make_rules() for account in ACCOUNTS},
        brokers={account: FakeBroker(account, env.clock.wall) for account in ACCOUNTS}, settings=HouseSettings(),
        currencies=dict.fromkeys(ACCOUNTS, "USD"), free_min_bytes=floor,
    )  # fmt: skip


def opening() -> Iterator[Event]:
    """Both accounts up and reconciled, with twenty days of bars and a fresh quote."""
    for account in ACCOUNTS:
        yield LinkUp(ts=T0, account=account, broker="sim")
        yield AccountSeen(
            ts=T0, account=account, cash=FakeBroker(account, int).cash, equity=FakeBroker(account, int).cash
        )
        yield Reconciled(ts=T0, account=account, orders=0, fills=0)
    for i in range(20):
        yield Bar(
            ts=T0 - (20 - i) * DAY, symbol=ACME, span_s=86_400, open=100.0, high=101.0, low=99.0, close=100.0, history=True
        )  # fmt: skip
    yield Quote(ACME, 99.99, 100.01, T0)
    yield Timer(ts=T0)


def idea(n: int) -> Recommendation:
    return Recommendation(
        ts=T0, id=f"r{n}", symbol=ACME, action=Action.BUY, confidence=0.9, generated_at=T0, thesis="t"
    )


@contextlib.asynccontextmanager
async def trading(house: House) -> AsyncIterator[House]:
    """Started, ready for entries; ends with the journal closed."""
    for member in house.members.values():
        for instrument in INSTRUMENTS.values():
            member.book.watch(instrument, band=member.rules.quotes.band, atr_bars=member.rules.quotes.atr_bars)
        member.dispatch.up = True
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(member.dispatch.run()) for member in house.members.values()]
        group.create_task(house.journal.run())
        house.start("paper", "b", "c")
        for event in opening():
            house.offer(event)
        await house.quiesce()
        yield house
        await house.quiesce()
        await house.journal.close()
        for task in tasks:
            task.cancel()


def room(disk: FakeDisk, free: int) -> None:
    disk.capacity = sum(len(node.data) for node in disk.names.values()) + free


def written(disk: FakeDisk) -> list[AnyFact]:
    return [fact for _, fact in records(disk, DIR)]


def said(disk: FakeDisk, rule: str) -> list[AccountId]:
    """The accounts that answered a command of that rule, once for each answer."""
    return [fact.account for fact in written(disk) if isinstance(fact, CommandSeen) and fact.actor == f"rule:{rule}"]


def submitted(house: House) -> int:
    return sum(
        name == "submit"
        for m in house.members.values()
        if isinstance(m.broker, FakeBroker)
        for name, _ in m.broker.calls
    )


def outcomes(disk: FakeDisk) -> list[tuple[Outcome, Reason | None]]:
    return [(fact.outcome, fact.headline) for fact in written(disk) if isinstance(fact, Decided)]


# full ---------------------------------------------------------------------------------------------------------------------


async def test_with_room_the_same_idea_is_sent() -> None:
    """The scene's control: without a full disk the entries leave."""
    async with trading(built(FakeDisk())) as house:
        house.offer(idea(1))
        await house.quiesce()
        assert submitted(house) == 2
        assert not house.journal.full


async def test_the_group_that_meets_the_full_disk_sends_no_entry_and_every_account_is_halted() -> None:
    """B8, I7: the entries are journaled with the reserve's room and settled as never sent; the halt is durable, said once."""
    disk = FakeDisk()
    async with trading(built(disk)) as house:
        room(disk, 100)
        house.offer(idea(1))
        await house.quiesce()
        assert house.journal.full
        assert sum(isinstance(fact, OrderIntended) for fact in written(disk)) == 2
        assert submitted(house) == 0
        never = [fact.account for fact in written(disk) if isinstance(fact, OrderMoved) and fact.to == "never"]
        assert sorted(never) == sorted(ACCOUNTS)
        for member in house.members.values():
            assert member.book.state() is TradingState.HALTED
            assert member.dispatch.halted
    assert said(disk, "disk_full") == list(ACCOUNTS)


async def test_after_the_halt_commands_are_still_answered_and_it_is_not_said_again() -> None:
    """B8: the reserve holds the last acks; an operator who resumes all the same is not halted by the same full disk twice."""
    disk = FakeDisk()
    async with trading(built(disk)) as house:
        room(disk, 0)
        house.offer(idea(1))
        await house.quiesce()
        for n, verb in enumerate((Verb.CANCEL, Verb.PAUSE, Verb.HALT)):
            house.offer(Command(ts=T0, id=f"o{n}", verb=verb, actor="operator", reason="full"))
            await house.quiesce()
    answered = [fact.command_id for fact in written(disk) if isinstance(fact, CommandSeen) and fact.actor == "operator"]
    assert answered == ["o0", "o0", "o1", "o1", "o2", "o2"]
    assert said(disk, "disk_full") == list(ACCOUNTS)


async def test_the_halt_stands_after_a_restart_with_room() -> None:
    """B8, I8: nobody trades on because the daemon was started again."""
    disk = FakeDisk()
    async with trading(built(disk)) as house:
        room(disk, 100)
        house.offer(idea(1))
    disk.capacity = None
    async with trading(built(disk)) as house:
        assert [member.book.state() for member in house.members.values()] == [TradingState.HALTED] * 2
        house.offer(idea(2))
        await house.quiesce()
        assert submitted(house) == 0
        assert outcomes(disk)[-1] == (Outcome.SKIP, Reason.HALTED)


# low ----------------------------------------------------------------------------------------------------------------------


async def look(house: House) -> None:
    (every,) = [every for every in house.schedule.chores if every.name == "disk"]
    assert every.every_s == 30.0
    await every.chore()
    await house.quiesce()


async def test_entries_stop_before_the_disk_is_full_and_exits_do_not() -> None:
    """B8: below the floor every account only reduces; the journal has all its room for what reduces."""
    disk = FakeDisk()
    async with trading(built(disk, FLOOR)) as house:
        room(disk, FLOOR - 1)
        await look(house)
        assert [member.book.state() for member in house.members.values()] == [TradingState.REDUCING] * 2
        house.offer(idea(1))
        await house.quiesce()
        assert submitted(house) == 0
        assert outcomes(disk) == [(Outcome.SKIP, Reason.REDUCING)] * 2
        assert not house.journal.full
    assert said(disk, "disk_low") == list(ACCOUNTS)
    held = [fact.reason for fact in written(disk) if isinstance(fact, StateChanged) and fact.actor == "rule:disk_low"]
    assert len(held) == 2
    assert "at least 1,048,576 must be" in held[0]


async def test_low_is_said_once_until_there_was_room_again() -> None:
    """B8: a floor that is met again and again does not bring the hold back after a resume; twice its room does."""
    disk = FakeDisk()
    async with trading(built(disk, FLOOR)) as house:
        clock = house.env.clock
        assert isinstance(clock, ReplayClock)
        for free, times in ((FLOOR, 0), (FLOOR - 1, 1), (0, 1), (FLOOR, 1), (10_000, 1), (2 * FLOOR, 1), (10_000, 2)):
            clock.set(clock.wall() + 30 * NS)
            room(disk, free)
            await look(house)
            room(disk, 1 << 30)
            assert said(disk, "disk_low") == list(ACCOUNTS) * times, free


async def test_a_disk_that_does_not_answer_ends_the_daemon() -> None:
    """B7: the file system of the journal gives an error: nothing may trade on it."""

    class Dying(FakeDisk):
        def free(self, path: str) -> int:
            raise OSError(errno.EIO, "Input/output error", path)

    async with trading(built(Dying(), FLOOR)) as house:
        with pytest.raises(Broken, match="free room for the journal is not known"):
            await look(house)


def test_the_floor_is_configured_and_zero_switches_the_look_off() -> None:
    """B8: 256 MiB unless told otherwise; the demo, which may lie anywhere, has none."""
    assert JournalSettings().free_min_bytes == 256 << 20
    text = 'mode = "paper"\n[accounts.a1]\nbroker = "sim"\n[journal]\nfree_min_bytes = "1 GiB"\n'
    assert load_text(text).config.journal.free_min_bytes == 1 << 30
    with pytest.raises(ValueError, match="free_min_bytes must be >= 0"):
        JournalSettings(free_min_bytes=-1)
    for floor, chores in ((0, 0), (1, 1)):
        house = built(FakeDisk(), floor)
        assert len([every for every in house.schedule.chores if every.name == "disk"]) == chores
        asyncio.run(house.journal.close())
