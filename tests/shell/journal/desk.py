"""What the journal's tests share: facts, opening, and a committer that runs for the length of a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tradingd.core.facts import AnyFact, CashMoved, OrderMoved
from tradingd.core.types import AccountId, Money, OrderId
from tradingd.shell.journal import Genesis, Journal, Recovery, Settings, open_journal

DIR = "/state/journal"
GENESIS = Genesis(instance="i1", nonce="n1", build="b1", config="c1")
MAIN = AccountId("main")


def fact(n: int) -> AnyFact:
    if n % 3 == 0:
        return CashMoved(ts=n, account=MAIN, kind="deposit", amount=Money(Decimal(n) / 4))
    return OrderMoved(ts=n, account=MAIN, order_id=OrderId(f"main.{n}.e"), frm="sending", to="live", why='ta"b\n\x00é')


def facts(first: int, count: int) -> list[AnyFact]:
    return [fact(n) for n in range(first, first + count)]


def opened(disk: FakeDisk, settings: Settings | None = None) -> tuple[Journal, Recovery]:
    return open_journal(FakeEnv(disk), DIR, GENESIS, settings)


@contextlib.asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[None]:
    """Ends by closing the journal; a committer that failed is the block's failure."""
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        yield
        await journal.close()


async def write(journal: Journal, sizes: Sequence[int], first: int = 1) -> int:
    """Groups of those sizes, each durable before the next; closes the journal. Returns the next fact's number."""
    async with running(journal):
        for size in sizes:
            await journal.synced(journal.append(facts(first, size)))
            first += size
    return first


def made(sizes: Sequence[int], settings: Settings | None = None) -> FakeDisk:
    """A disk with a cleanly closed journal of those groups."""
    disk = FakeDisk()
    journal, _ = opened(disk, settings)
    asyncio.run(write(journal, sizes))
    return disk


async def groups_of(journal: Journal, groups: Sequence[Sequence[int]]) -> None:
    """Commit groups of several appends each: groups_of(j, [[3], [2, 1]]) is two groups, the second of two appends."""
    first = 1
    async with running(journal):
        for sizes in groups:
            for size in sizes:
                journal.append(facts(first, size))
                first += size
            await journal.synced(first - 1)


def made_of(groups: Sequence[Sequence[int]], settings: Settings | None = None) -> FakeDisk:
    """A disk with a cleanly closed journal of those groups of appends."""
    disk = FakeDisk()
    journal, _ = opened(disk, settings)
    asyncio.run(groups_of(journal, groups))
    return disk


def segment(disk: FakeDisk, first: int = 0) -> bytearray:
    return disk.names[f"{DIR}/journal-{first:012d}.jsonl"].data


def forget_notes(disk: FakeDisk) -> None:
    """As after a power cut that took the unsynced notes along: only the records speak."""
    del disk.names[f"{DIR}/durable.txt"]
