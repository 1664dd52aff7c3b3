"""The house: every room of one daemon, wired, with one TaskGroup. What differs between demo, paper and live is handed in.

Open (journal verified and folded), start (each account told that a process took over), run (tasks until stopped or broken), stop
(last facts durable, journal closed). A replay drives the same house in lockstep instead of `run` (tradingd/demo).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import anyio
import msgspec
import structlog
from prometheus_client import CollectorRegistry

from tradingd.config.model import HouseSettings
from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.events import ClockSeen, Command, Event, Leaving, LinkLost, Started, Stopping, Timer, Verb
from tradingd.core.facts import AnyFact
from tradingd.core.rules import Rules
from tradingd.core.types import AccountId, Instrument, Leg, Order
from tradingd.ports import Broken, Broker, Env, LinkDown, Misconfigured, Throttled, VenueRefused
from tradingd.shell.channels import Inbox
from tradingd.shell.dispatch import Dispatch
from tradingd.shell.engine import Engine
from tradingd.shell.journal import Genesis, Journal, Recovery, open_journal
from tradingd.shell.journal import Settings as JournalSettings
from tradingd.shell.link import CLOSE_S, Link, within
from tradingd.shell.measure import Measure
from tradingd.shell.pulse import Pulse
from tradingd.shell.reconcile import Reconciler
from tradingd.shell.schedule import Schedule
from tradingd.shell.supervise import chore, essential
from tradingd.shell.web.metrics import Metrics

log = structlog.get_logger("tradingd")

SNAPSHOT_SCHEMA = 5
SNAPSHOT_S_MAX = 30.0
TAG = 6  # digits of the journal's own number in the ids of orders: a second daemon's are others (H4)
WITHDRAW_S = 5.0
GC_AFTER = 50_000  # allocations between two looks for circles: facts and events hold none
DISK_S = 30.0  # how often is looked at what room the journal has


class Member(msgspec.Struct, frozen=True):
    """Everything of one account."""

    account: AccountId
    broker: Broker
    book: Book
    rules: Rules
    dispatch: Dispatch
    reconciler: Reconciler
    link: Link


class Snapshot(msgspec.Struct, frozen=True):
    schema: int
    accounts: dict[str, Booked]


class House:
    """Built by `open_house`. All methods are called on the loop.

    free_min_bytes: with less room than that for the journal, entries stop (B8); 0 switches it off.
    """

    def __init__(
        self, env: Env, journal: Journal, recovery: Recovery, books: dict[AccountId, Book], rules: Mapping[AccountId, Rules],
        brokers: Mapping[AccountId, Broker], settings: HouseSettings, instrument: Callable[[Instrument], Instrument],
        snapshot_every: int = 50_000, free_min_bytes: int = 0,
    ) -> None:  # fmt: skip
        self.env = env
        self.journal = journal
        self.recovery = recovery
        self.settings = settings
        self.snapshot_every = snapshot_every
        self.free_min_bytes = free_min_bytes
        self._low = self._full = False  # said that the disk is
        self.inbox = Inbox()
        self.metrics = Metrics(CollectorRegistry())
        self.schedule = Schedule()
        self.rooms: list[tuple[str, Callable[[], Awaitable[None]]]] = []  # tasks of rooms that only some houses have
        self.pulse = Pulse(env.clock, on_pause=self._paused, end_sessions=self._end_sessions, on_clock=self._clock_off)
        self.changes = 0
        self._watchers: list[asyncio.Event] = []
        self._followers: list[Callable[[Sequence[AnyFact]], None]] = []
        self._snapshot_seq = journal.seq
        self.engine = Engine(
            env, books, rules, journal, self.inbox, on_facts=self._on_facts, on_seconds=self.metrics.decision_seconds
        )
        self.members = {
            account: self._member(account, brokers[account], books[account], rules[account], instrument)
            for account in books
        }
        journal.subscribe(self._on_durable)
        journal.on_commit = self._on_commit
        self.follow(Measure(self.metrics, env.clock))
        self._plan_chores()

    def _member(
        self,
        account: AccountId,
        broker: Broker,
        book: Book,
        rules: Rules,
        instrument: Callable[[Instrument], Instrument],
    ) -> Member:
        dispatch = Dispatch(
            self.env, broker, book, rules, self.inbox, on_sent=self._on_sent, look=self.pulse.look,
            broken=lambda: self.journal.broken,
        )  # fmt: skip
        reconciler = Reconciler(self.env, broker, book, dispatch, self.inbox, self.settle)
        link = Link(self.env, broker, book, rules, self.inbox, dispatch, reconciler, instrument=instrument)
        return Member(account, broker, book, rules, dispatch, reconciler, link)

    def _plan_chores(self) -> None:
        self.schedule.add("timer", self.settings.timer_s, self._tick)
        for member in self.members.values():
            ask, asked = member.reconciler.orders, member.reconciler.has_questions
            self.schedule.add(f"orders:{member.account}", self.settings.orders_s, _while_up(member, ask, asked))
            look = _while_up(member, self._positions(member))
            self.schedule.add(f"positions:{member.account}", self.settings.positions_s, look)
        self.schedule.add("snapshot", self.settings.snapshot_s, self._snapshot_if_due)
        if self.free_min_bytes:
            self.schedule.add("disk", DISK_S, self._look_at_disk)

    def _positions(self, member: Member) -> Callable[[], Awaitable[None]]:
        async def look() -> None:
            await member.reconciler.positions()
            await member.reconciler.foreign()
            await member.reconciler.account()

        return look

    async def _tick(self) -> None:
        self.offer(Timer(ts=self.env.clock.wall()))

    # life ---------------------------------------------------------------------------------------------------------------

    def start(self, mode: str, build: str, config: str) -> None:
        """Tell each account that a process took over. The first facts of this life."""
        clean = all(member.book.booked.stopped for member in self.members.values())
        self.offer(Started(ts=self.env.clock.wall(), mode=mode, build=build, config=config, clean=clean))
        self.engine.pump()
        if gc.isenabled():  # whoever runs many houses in one process holds the collector itself
            gc.collect()
            gc.freeze()  # what is here now stays for life: no collection walks it again (I2)
            gc.set_threshold(GC_AFTER, 20, 20)

    async def run(self, stopping: asyncio.Event, why: Callable[[], str]) -> None:
        """Live: everything at once until `stopping` is set. Raises (a group with) Broken when an essential task dies."""
        async with anyio.create_task_group() as group:
            self.spawn_writers(group)
            async with anyio.create_task_group() as sources:  # what can still say something; the last word is ours
                sources.start_soon(essential, "engine", self.engine.run)
                sources.start_soon(essential, "pulse", self.pulse.run)
                for member in self.members.values():
                    sources.start_soon(essential, f"link:{member.account}", member.link.run)
                for every in self.schedule.chores:
                    sources.start_soon(chore, self.env, every.name, lambda every=every: every.run(self.env.clock))
                for name, body in self.rooms:
                    sources.start_soon(chore, self.env, name, body)
                await stopping.wait()
                await self.withdraw()
                sources.cancel_scope.cancel()
            await self.finish(why())
            group.cancel_scope.cancel()
        await self.close()

    def spawn_writers(self, group: anyio.abc.TaskGroup) -> None:
        group.start_soon(essential, "journal", self.journal.run)
        for member in self.members.values():
            group.start_soon(essential, f"dispatch:{member.account}", member.dispatch.run)

    async def withdraw(self) -> None:
        """Before a stop: working entries are taken back, protective stops stay (H11). What the venue does not answer in time is
        left to the next start."""
        for member in self.members.values():
            member.dispatch.leaving = True
        self.offer(Leaving(ts=self.env.clock.wall()))
        self.engine.pump()
        change = self.watcher()
        with anyio.move_on_after(WITHDRAW_S):
            while any(_entering(member) for member in self.members.values()):
                change.clear()
                await change.wait()
        self.unwatch(change)

    async def finish(self, why: str) -> None:
        """The last facts, durable. Positions and their stops at the venue stay. `close` comes after the links' tasks ended: a
        session that we close ourselves is no lost link."""
        for member in self.members.values():
            member.dispatch.up = False
        self.offer(Stopping(ts=self.env.clock.wall(), reason=why))
        await self.settle()

    async def close(self) -> None:
        """End the brokers' sessions."""
        for member in self.members.values():
            with suppress(LinkDown):
                await member.broker.close()

    # pauses and clocks -------------------------------------------------------------------------------------------------

    def _paused(self, seconds: float) -> None:
        """Everything known of the venues is of another time: nothing leaves before each was asked anew (E3, H5)."""
        log.error("daemon.stood_still", seconds=round(seconds, 3))
        why = f"this process or machine stood still for {seconds:.0f} s"
        for member in self.members.values():
            member.dispatch.up = False
            self.offer(LinkLost(ts=self.env.clock.wall(), account=member.account, broker=member.broker.name, why=why))

    async def _end_sessions(self) -> None:
        for member in self.members.values():
            with suppress(LinkDown), anyio.move_on_after(CLOSE_S):
                await member.broker.close()

    def _clock_off(self, seconds: float) -> None:
        if seconds:
            log.error("clock.stepped", seconds=round(seconds, 3))
        self.offer(ClockSeen(ts=self.env.clock.wall(), off_s=seconds))

    # the inbox ----------------------------------------------------------------------------------------------------------

    def offer(self, event: Event) -> None:
        self.inbox.offer(event)

    async def settle(self) -> None:
        """Everything offered so far was stepped through, and what came of it is durable."""
        while True:
            self.engine.pump()
            if self.journal.pending:
                await self.journal.synced(self.journal.seq)
            elif not len(self.inbox):
                return

    async def quiesce(self) -> None:
        """As `settle`, and everything durable was handed to the brokers."""
        while True:
            await self.settle()
            for member in self.members.values():
                if member.dispatch.pending:
                    await member.dispatch.idle()
            if not len(self.inbox) and not self.journal.pending:
                return

    # followers ----------------------------------------------------------------------------------------------------------

    def follow(self, follower: Callable[[Sequence[AnyFact]], None]) -> None:
        """Hear of facts once they are durable, in order, on the loop."""
        self._followers.append(follower)

    def _on_facts(self, facts: tuple[AnyFact, ...]) -> None:
        self.changes += 1
        for watcher in self._watchers:
            watcher.set()

    def _on_durable(self, first_seq: int, facts: Sequence[AnyFact]) -> None:
        for member in self.members.values():
            member.dispatch.on_durable(facts)
        for follower in self._followers:
            follower(facts)

    def _on_commit(self, seconds: float, records: int, size: int) -> None:
        self.metrics.fsync_seconds(seconds)
        self.metrics.journaled(size)
        if self.journal.full and not self._full:
            self._full = True
            self._halt_for_full_disk()

    def _on_sent(self, order: Order, at: int) -> None:
        self.changes += 1

    def watcher(self) -> asyncio.Event:
        """An event that is set at each change; the caller clears it."""
        event = asyncio.Event()
        self._watchers.append(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        self._watchers.remove(event)

    # the disk -----------------------------------------------------------------------------------------------------------

    def _halt_for_full_disk(self) -> None:
        """The journal writes its last words: they belong to the halt and to what is on its way (B8). The send gates close now,
        so that no entry of the group that met the full disk leaves."""
        for member in self.members.values():
            member.dispatch.halted = True
        self._say(
            Verb.HALT, "disk_full", "the disk of the journal is full: make room and start the daemon again, then resume"
        )

    async def _look_at_disk(self) -> None:
        """Entries stop while there is room for everything that must still be written (B8). Said once; again only after twice the
        floor was free. Raises Broken when the disk does not answer."""
        try:
            free = await self.env.blocking(lambda: self.env.disk.free(self.recovery.directory))
        except OSError as e:
            raise Broken(f"the free room for the journal is not known: {e}") from e
        if free >= 2 * self.free_min_bytes:
            self._low = False
        elif free < self.free_min_bytes and not self._low:
            self._low = True
            self._say(
                Verb.PAUSE,
                "disk_low",
                f"{free:,} bytes are free for the journal, at least {self.free_min_bytes:,} must be",
            )

    def _say(self, verb: Verb, rule: str, reason: str) -> None:
        """A command of our own to all accounts."""
        now = self.env.clock.wall()
        self.offer(Command(ts=now, id=f"{rule}-{now}", verb=verb, actor=f"rule:{rule}", reason=reason))

    # snapshots ----------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """The booked state of all accounts: a snapshot, and what a state hash is taken over (I8)."""
        accounts: dict[str, Booked] = {account: member.book.booked for account, member in self.members.items()}
        return msgspec.json.encode(
            Snapshot(SNAPSHOT_SCHEMA, accounts)
        )  # tables keep the order in which facts made them

    async def _snapshot_if_due(self) -> None:
        if self.journal.seq - self._snapshot_seq >= self.snapshot_every or self.env.sometimes("snapshot.now"):
            self._snapshot_seq = self.journal.seq
            with anyio.move_on_after(SNAPSHOT_S_MAX, shield=True):  # half written, it would look like a broken disk
                await self.journal.snapshot(self.dump())


def _entering(member: Member) -> bool:
    """Are there entries that the venue could still be asked to take back?"""
    return member.dispatch.up and member.book.booked.link_up and bool(member.book.open_orders(leg=Leg.ENTRY))


def _while_up(
    member: Member, work: Callable[[], Awaitable[None]], needed: Callable[[], bool] = lambda: True
) -> Callable[[], Awaitable[None]]:
    """A venue that takes orders and answers no questions is no link (D3): its session ends."""

    async def run() -> None:
        if not member.book.booked.link_up or not needed():
            return
        try:
            await within("the reconciliation", work())
        except Throttled:
            raise  # the next round will do
        except (LinkDown, VenueRefused):
            member.dispatch.up = False
            with suppress(LinkDown), anyio.move_on_after(CLOSE_S):
                await member.broker.close()
            raise

    return run


def open_house(
    env: Env, directory: str, *, genesis: Genesis, journal_settings: JournalSettings, rules: Mapping[AccountId, Rules],
    brokers: Mapping[AccountId, Broker], settings: HouseSettings, currencies: Mapping[AccountId, str],
    instrument: Callable[[Instrument], Instrument] = lambda i: i, snapshot_every: int = 50_000, free_min_bytes: int = 0,
) -> House:  # fmt: skip
    """Open the journal, fold what it holds, wire the rooms. Raises Broken (damage, a second daemon, a snapshot of another
    schema is no fault: the journal is folded instead)."""
    journal, recovery = open_journal(env, directory, genesis, journal_settings)
    collects = gc.isenabled()
    gc.disable()  # facts come and go by the million here and hold no circles
    try:
        books = fold_books(recovery, rules, currencies)
    finally:
        if collects:
            gc.enable()
    return House(env, journal, recovery, books, rules, brokers, settings, instrument, snapshot_every, free_min_bytes)


def fold_books(
    recovery: Recovery, rules: Mapping[AccountId, Rules], currencies: Mapping[AccountId, str]
) -> dict[AccountId, Book]:
    """Snapshot, then the tail (I8). A fact of an account that is no longer configured refuses the start: its orders may live."""
    saved: dict[str, Booked] = {}
    if recovery.snapshot is not None:
        saved = msgspec.json.decode(recovery.snapshot, type=Snapshot).accounts
    nonce = recovery.genesis.nonce[:TAG]
    books = {
        account: Book(
            account, currency=currencies[account], booked=saved.get(account),
            maker=f"{account}-{nonce}" if nonce.strip("0") else account,
        )
        for account in rules
    }  # fmt: skip
    lost = sorted(set(saved) - set(books))
    for _seq, fact in recovery.tail():
        book = books.get(fact.account)
        if book is None:
            lost.append(fact.account)
            continue
        book.replay(fact)
    if lost:
        raise Misconfigured(
            f"the journal holds accounts that the configuration does not: {', '.join(sorted(set(lost)))}"
        )
    return books
