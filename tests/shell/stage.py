"""A whole house on a stage: real journal, books, rules, dispatch, link and reconcile; a scripted venue; time moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import anyio

from tests.fakes.broker import FakeBroker
from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tradingd.app import rules_of
from tradingd.config import load_text
from tradingd.config.model import HouseSettings
from tradingd.core.book.book import Book
from tradingd.core.book.orders import Working
from tradingd.core.events import Action, Bar, Command, Quote, Recommendation, Verb
from tradingd.core.facts import AnyFact
from tradingd.core.rules import Rules
from tradingd.core.types import NS, AccountId, Leg, OrderId, Symbol
from tradingd.ports import Env, Quirks
from tradingd.shell.env import ReplayClock
from tradingd.shell.house import House, Member, open_house
from tradingd.shell.journal import Genesis, Settings

ONE, TWO = AccountId("one"), AccountId("two")
AAA, BBB = Symbol("AAA"), Symbol("BBB")
T0 = 1_212_414_600 * NS  # Monday 2008-06-02 13:50:00Z: twenty minutes into a New York session
DAY = 86_400 * NS
WHERE = "/state"
CONFIG = """
mode = "demo"
[tier]
name = "moderate"
[risk]
max_order_notional = "25000 USD"
"""
SETTINGS = HouseSettings(timer_s=5.0, orders_s=5.0, positions_s=30.0, snapshot_s=5.0)


def rules(accounts: tuple[AccountId, ...]) -> dict[AccountId, Rules]:
    config = load_text(CONFIG + "".join(f'[accounts.{account}]\nbroker = "sim"\n' for account in accounts)).config
    return {account: rules_of(config, config.accounts[account], ()) for account in accounts}


def venue(account: AccountId, clock: ReplayClock, quirks: Quirks | None = None) -> FakeBroker:
    """A venue with twenty daily bars of each symbol, around 100."""
    broker = FakeBroker(account, clock.wall, quirks=quirks)
    for instrument in broker.tradables:
        broker.bars[instrument.symbol] = [
            Bar(
                ts=T0 - (20 - n) * DAY, symbol=instrument.symbol, span_s=86_400, open=100.0, high=101.0, low=99.0, close=100.0,
                volume=1e6, history=True,
            )
            for n in range(20)
        ]  # fmt: skip
    return broker


class Stage:
    """now moves only by `wait`. durable: every fact the followers heard of, in order."""

    def __init__(self, house: House, env: Env, clock: ReplayClock, brokers: Mapping[AccountId, FakeBroker]) -> None:
        self.house = house
        self.env = env
        self.clock = clock
        self.brokers = brokers
        self.durable: list[AnyFact] = []
        self._ideas = 0
        house.follow(self.durable.extend)

    @property
    def member(self) -> Member:
        return next(iter(self.house.members.values()))

    @property
    def book(self) -> Book:
        return self.member.book

    @property
    def broker(self) -> FakeBroker:
        return self.brokers[self.member.account]

    @property
    def entry(self) -> Working:
        return self.order(Leg.ENTRY)

    def order(self, leg: Leg) -> Working:
        """The newest order of that leg."""
        return [w for w in self.book.booked.orders.values() if w.order.leg is leg][-1]

    def said(self, kind: type) -> list[AnyFact]:
        return [fact for fact in self.durable if isinstance(fact, kind)]

    def quote(self, symbol: Symbol = AAA, mid: float = 100.0) -> None:
        self.clock.set(self.clock.wall() + 1_000_000)
        self.house.offer(Quote(symbol, mid - 0.01, mid + 0.01, self.clock.wall()))

    def idea(self, symbol: Symbol = AAA, *, account: AccountId | None = None) -> None:
        self._ideas += 1
        now = self.clock.wall()
        self.house.offer(
            Recommendation(
                ts=now,
                id=f"r{self._ideas}",
                symbol=symbol,
                action=Action.BUY,
                confidence=0.8,
                generated_at=now,
                account=account,
            )
        )

    async def decide(self, symbol: Symbol = AAA, *, account: AccountId | None = None) -> OrderId:
        """A fresh price and an idea that becomes an entry; its id, once it was handed to the broker."""
        before = set(self.book.booked.orders)
        self.quote(symbol)
        self.idea(symbol, account=account)
        await self.house.quiesce()
        fresh = [order_id for order_id in self.book.booked.orders if order_id not in before]
        assert fresh, self.book.booked.recent[-1].reasons
        return fresh[0]

    async def hold(self, symbol: Symbol = AAA) -> OrderId:
        """A position with its protective stop resting at the venue."""
        order_id = await self.decide(symbol)
        self.broker.fill(order_id)
        await self.house.quiesce()
        assert self.book.qty(symbol) > 0
        return order_id

    async def wait(self, seconds: float) -> None:
        """Time passes; every sleeper wakes in its own hour."""
        end = self.clock.wall() + int(seconds * NS)
        await turns()
        while (due := self.clock.next_wake()) is not None and due <= end:
            self.clock.set(due)
            await turns()
        self.clock.set(end)
        await turns()

    def command(self, verb: Verb, ident: str = "c1", **fields: object) -> Command:
        return Command(ts=self.clock.wall(), id=ident, verb=verb, actor="test", reason="because", **fields)  # type: ignore[arg-type]


async def turns(n: int = 40) -> None:
    """Let everything that can run do so."""
    for _ in range(n):
        await asyncio.sleep(0)


def built(
    env: Env, clock: ReplayClock, brokers: Mapping[AccountId, FakeBroker], where: str = WHERE, *,
    settings: HouseSettings = SETTINGS, snapshot_every: int = 50_000,
) -> House:  # fmt: skip
    accounts = tuple(brokers)
    return open_house(
        env, where, genesis=Genesis(instance="stage", nonce="0" * 32, build="b", config="c"),
        journal_settings=Settings(force=True, reserve_bytes=4096), rules=rules(accounts), brokers=brokers, settings=settings,
        currencies=dict.fromkeys(accounts, "USD"), snapshot_every=snapshot_every,
    )  # fmt: skip


@asynccontextmanager
async def stage(
    disk: FakeDisk | None = None, *, accounts: tuple[AccountId, ...] = (ONE,), quirks: Quirks | None = None, now: int = T0,
    brokers: Mapping[AccountId, FakeBroker] | None = None, linked: bool = True, snapshot_every: int = 50_000,
    prepare: Callable[[House], None] | None = None,
) -> AsyncIterator[Stage]:  # fmt: skip
    """A house whose writers run; linked: each account connected and reconciled. brokers: of a former life, to go on with.
    prepare: is shown the house before its first event."""
    env = FakeEnv(disk if disk is not None else FakeDisk(), now)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    venues = dict(brokers) if brokers is not None else {account: venue(account, clock, quirks) for account in accounts}
    for broker in venues.values():
        broker._now = clock.wall
    house = built(env, clock, venues, snapshot_every=snapshot_every)
    found = Stage(house, env, clock, venues)
    if prepare is not None:
        prepare(house)
    async with anyio.create_task_group() as group:
        house.spawn_writers(group)
        house.start("demo", "b", "c")
        await house.settle()
        if linked:
            for member in house.members.values():
                await member.link.open()
            await house.quiesce()
        yield found
        group.cancel_scope.cancel()
