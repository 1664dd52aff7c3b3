"""People on a stage: a transport that remembers what it carried, a house whose channels run, and words that raise alerts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import anyio

from tests.fakes.broker import FakeBroker
from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import ONE, T0, Stage, built, turns, venue
from tradingd.core.events import Command, Verb
from tradingd.core.facts import Notified
from tradingd.core.types import AccountId
from tradingd.ports import Env
from tradingd.shell.env import ReplayClock
from tradingd.shell.notify.channel import Channel
from tradingd.shell.notify.message import Message, Undelivered
from tradingd.shell.notify.note import Note
from tradingd.shell.notify.outbox import Wishes
from tradingd.shell.notify.room import Notify


class Carrier:
    """A transport. answers: what becomes of the next messages (None delivers); afterwards everything is delivered.
    gate: while it is there and not set, nothing is answered."""

    def __init__(self, now: Callable[[], int], *answers: Exception | None) -> None:
        self.secrets: tuple[str, ...] = ("hunter2",)
        self.answers = list(answers)
        self.carried: list[tuple[int, Message]] = []
        self.tried = 0
        self.gate: asyncio.Event | None = None
        self.down = False
        self._now = now

    async def send(self, message: Message) -> str:
        self.tried += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        if self.down:
            raise Undelivered("down")
        self.carried.append((self._now(), message))
        return ""

    @property
    def subjects(self) -> list[str]:
        return [message.subject for _, message in self.carried]

    @property
    def bodies(self) -> str:
        return "\n".join(message.body for _, message in self.carried)


def note(
    seq: int = 1, *, level: str = "page", code: str = "position_drift", text: str = "AAA: drifts", ts: int = T0,
    account: str = "one", ends: tuple[str, ...] = (),
) -> Note:  # fmt: skip
    return Note(
        seq=seq, notice=str(seq), ts=ts, account=AccountId(account), level=level, code=code, kind=code, text=text, names=(code,),
        ends=ends,
    )  # fmt: skip


def channel(env: Env, carrier: Carrier, name: str = "mail", **wishes: object) -> Channel:
    return Channel(env, name, "paper", Wishes(**wishes), carrier)  # type: ignore[arg-type]


class Room(Stage):
    """carriers: by channel. raise_alert puts a page of that code into the journal."""

    room: Notify
    carriers: dict[str, Carrier]

    async def raise_alert(self, code: str = "disk_low", text: str = "because") -> None:
        self._ideas += 1
        event = Command(
            ts=self.clock.wall(),
            id=f"{code}-{self._ideas}-{self.clock.wall()}",
            verb=Verb.PAUSE,
            actor=f"rule:{code}",
            reason=text,
        )
        self.house.offer(event)
        await self.house.settle()
        await turns()
        await self.house.settle()

    def notified(self, channel: str = "mail") -> list[tuple[str, str]]:
        """(kind, status) of what was dealt with on a channel, in this life."""
        facts = [f for f in self.said(Notified) if isinstance(f, Notified)]
        return [(f.kind, f.status) for f in facts if f.channel == channel and f.status != "noted"]


@asynccontextmanager
async def people(
    disk: FakeDisk | None = None, channels: Mapping[str, dict[str, object]] | None = None, *, now: int = T0,
    brokers: Mapping[AccountId, FakeBroker] | None = None, linked: bool = False, snapshot_every: int = 50_000,
    ready: Callable[[dict[str, Carrier]], None] = lambda _carriers: None,
) -> AsyncIterator[Room]:  # fmt: skip
    """A life of the house with channels that run. ready: prepares the carriers before anything is sent."""
    env = FakeEnv(disk if disk is not None else FakeDisk(), now)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    venues = dict(brokers) if brokers is not None else {ONE: venue(ONE, clock)}
    house = built(env, clock, venues, snapshot_every=snapshot_every)
    found = Room(house, env, clock, venues)
    wanted = channels if channels is not None else {"mail": {}}
    found.carriers = {name: Carrier(clock.wall) for name in wanted}
    ready(found.carriers)
    made = [channel(env, found.carriers[name], name, **wishes) for name, wishes in wanted.items()]
    books = {account: member.book.booked for account, member in house.members.items()}
    found.room = Notify(env, house.journal, house.recovery.directory, books, house.offer, made)
    found.room.open()
    async with anyio.create_task_group() as group:
        house.spawn_writers(group)
        for _, body in found.room.tasks:
            group.start_soon(body)
        house.start("demo", "b", "c")
        await house.settle()
        if linked:
            for member in house.members.values():
                await member.link.open()
            await house.quiesce()
        await turns()
        yield found
        group.cancel_scope.cancel()
