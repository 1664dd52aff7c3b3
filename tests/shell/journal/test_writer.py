"""The writer: groups, order, refusals, and that a failure is the end."""

import asyncio
import errno
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.journal.desk import DIR, GENESIS, MAIN, fact, facts, groups_of, opened, running, segment, write
from tradingd.core.facts import Alerted, CashMoved, Check, DayClosed
from tradingd.core.types import Money
from tradingd.ports import Broken
from tradingd.shell.env import ReplayClock
from tradingd.shell.journal import FactRefused, JournalLocked, Settings, open_journal, records, verify
from tradingd.shell.journal.record import parse


async def test_all_that_waits_is_one_group_and_one_sync() -> None:
    """J1: synced in groups. What is appended while a group is on its way becomes the next group."""
    disk = FakeDisk()
    env = FakeEnv(disk)
    journal, _ = open_journal(env, DIR, GENESIS)
    env.gate = asyncio.Event()
    heard: list[tuple[int, int]] = []
    journal.subscribe(lambda first, batch: heard.append((first, len(batch))))
    async with running(journal):
        journal.append(facts(1, 3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for n in range(4, 14):
            journal.append([fact(n)])
        assert (journal.seq, journal.durable, journal.pending) == (13, 0, 13)
        env.gate.set()
        await journal.synced(13)
        syncs = [path for op, path in disk.ops if op == "sync" and path.endswith(".jsonl")]
        assert len(syncs) == 2
    assert heard == [(1, 3), (4, 10)]
    assert journal.pending == 0


async def test_followers_hear_only_what_is_durable_and_before_synced_returns() -> None:
    """I1's foundation: durable first, then told in order, then released."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    order: list[str] = []
    journal.subscribe(lambda first, _: order.append(f"told {first} durable {journal.durable}"))
    async with running(journal):
        await journal.synced(journal.append(facts(1, 2)))
        order.append("synced")
        await journal.synced(journal.append(facts(3, 1)))
        assert [seq for seq, _ in records(disk, DIR)] == [1, 2, 3]
    assert order == ["told 1 durable 2", "synced", "told 3 durable 3"]


async def test_same_facts_at_the_same_times_in_the_same_groups_give_the_same_bytes() -> None:
    """I8, the demo's promise: the head hash is the same from run to run."""
    first, second = FakeDisk(), FakeDisk()
    for disk in (first, second):
        journal, _ = opened(disk)
        await write(journal, [3, 1, 4])
    assert segment(first) == segment(second)
    other = FakeDisk()
    await write(opened(other)[0], [8])
    assert segment(other) != segment(first), "the watermark tells how facts were grouped"
    grouped: list[bytes] = []
    for groups in ([[2, 1]], [[2, 1]], [[3]]):
        disk = FakeDisk()
        await groups_of(opened(disk)[0], groups)
        grouped.append(bytes(segment(disk)))
    assert grouped[0] == grouped[1]
    assert grouped[0] != grouped[2], "so does what they were appended with"


async def test_a_rotation_never_splits_an_append() -> None:
    """B13, J1: groups that are larger than a segment stay in one; every segment ends with the end of an append."""
    disk = FakeDisk()
    journal, _ = opened(disk, Settings(segment_bytes=900))
    await groups_of(journal, [[1, 5], [7], [2, 2, 9], [1], [4, 4]] * 3)
    segments = sorted(path for path in disk.names if path.endswith(".jsonl"))
    assert len(segments) > 8
    last_ones = [bytes(disk.names[path].data).splitlines()[-1] for path in segments]
    assert [parse(line).left for line in last_ones] == [0] * len(segments)
    assert max(sum(b'"seq"' in line for line in disk.names[path].data.splitlines()) for path in segments) == 14, (
        "the group of 13"
    )
    lefts = [parse(bytes(line)).left for path in segments for line in disk.names[path].data.splitlines()[1:]]
    assert lefts == [left for size in [1, 5, 7, 2, 2, 9, 1, 4, 4] * 3 for left in range(size - 1, -1, -1)]


@pytest.mark.parametrize("persistent", [False, True])
async def test_a_failed_sync_is_final(persistent: bool) -> None:
    """B6, I10: the batch is void, nobody hears of it, the same file is never synced again, everything after says Broken."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    heard: list[int] = []
    journal.subscribe(lambda first, _: heard.append(first))
    task = asyncio.create_task(journal.run())
    await journal.synced(journal.append(facts(1, 2)))
    disk.fail_at, disk.persistent = disk.done + 2, persistent  # append, then sync
    with pytest.raises(Broken, match="Input/output"):
        await journal.synced(journal.append(facts(3, 2)))
    with pytest.raises(Broken):
        await task
    assert (heard, journal.durable) == ([1], 2)
    assert disk.ops[-1][0] == "sync"
    with pytest.raises(Broken):
        journal.append(facts(5, 1))
    with pytest.raises(Broken):
        await journal.synced(3)
    await journal.synced(2)  # what was durable stays so
    disk.fail_at = 0
    await journal.close()
    again, recovery = opened(disk)
    assert recovery.seq >= 2
    await again.close()


async def test_a_full_disk_gives_its_reserve_for_the_last_words_once() -> None:
    """B8: the group that met the full disk and the halt after it are written; then it is over."""
    disk = FakeDisk()
    journal, _ = opened(disk, Settings(reserve_bytes=4_000))
    task = asyncio.create_task(journal.run())
    await journal.synced(journal.append(facts(1, 5)))
    disk.capacity = sum(len(node.data) for node in disk.names.values()) + 100
    await journal.synced(journal.append(facts(6, 2)))
    assert journal.full
    halt = [Alerted(ts=1, account=MAIN, level="page", code="disk_full", text="halt")]
    await journal.synced(journal.append(halt))
    assert not await journal.snapshot(b"s"), "the room that is left is for facts"
    for n in range(100):
        if task.done():
            break
        journal.append(facts(8 + n, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(Broken, match=r"reserve|No space"):
        await task
    durable = journal.durable
    await journal.close()
    disk.capacity = None
    after, recovery = opened(disk)
    assert recovery.seq == durable
    assert halt[0] in [found for _, found in recovery.tail()]
    await after.close()


async def test_quota_counts_as_full_and_other_errors_do_not() -> None:
    """B8: EDQUOT gives up the reserve; EIO does not."""
    for error, survives in ((errno.EDQUOT, True), (errno.EIO, False)):
        disk = FakeDisk()
        journal, _ = opened(disk)
        task = asyncio.create_task(journal.run())
        disk.fail_at, disk.error = disk.done + 1, error
        journal.append(facts(1, 1))
        if survives:
            await journal.synced(1)
            assert journal.full
            await journal.close()
            await task
        else:
            with pytest.raises(Broken):
                await task
            await journal.close()


@pytest.mark.parametrize("how", ["replaced", "removed", "grown", "shrunk"])
async def test_a_file_that_somebody_else_touched_stops_the_writer(how: str) -> None:
    """B18: inode and size are looked at before each group, and nothing is written to a file that is not ours."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    task = asyncio.create_task(journal.run())
    await journal.synced(journal.append(facts(1, 2)))
    path = f"{DIR}/journal-000000000000.jsonl"
    node = disk.names[path]
    match how:
        case "replaced":
            disk.names[path] = type(node)()
        case "removed":
            del disk.names[path]
        case "grown":
            node.data += b"x"
        case _:
            del node.data[-1:]
    size = len(node.data)
    journal.append(facts(3, 1))
    async with asyncio.timeout(5):
        with pytest.raises(Broken, match=r"replaced|removed|bytes"):
            await task
    assert len(node.data) == size
    await journal.close()


async def test_a_second_writer_is_refused_with_the_holder_and_writes_nothing() -> None:
    """B18."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    before = {path: bytes(node.data) for path, node in disk.names.items()}
    with pytest.raises(JournalLocked, match="process 4711"):
        opened(disk)
    assert {path: bytes(node.data) for path, node in disk.names.items()} == before
    await journal.close()
    again, _ = opened(disk)
    await again.close()


@pytest.mark.parametrize("kind", ["tmpfs", "nfs", "overlay", "unknown"])
async def test_a_file_system_that_forgets_is_refused_unless_forced(kind: str) -> None:
    """B17."""
    disk = FakeDisk()
    disk.kind = kind
    with pytest.raises(Broken, match=kind):
        opened(disk)
    assert not [op for op, _ in disk.ops if op in {"create", "append", "lock"}]
    journal, _ = opened(disk, Settings(force=True))
    await journal.close()


async def test_more_than_may_wait_is_refused_whole() -> None:
    disk = FakeDisk()
    journal, _ = opened(disk, Settings(pending_max=5))
    journal.append(facts(1, 4))
    with pytest.raises(Broken, match="4 facts wait"):
        journal.append(facts(5, 2))
    assert journal.append(facts(5, 1)) == 5
    await journal.close()
    assert verify(disk, DIR).records == 5


NAN = float("nan")
ONE = Money(Decimal(1))


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (DayClosed(ts=1, account=MAIN, date="d", equity=ONE, high_water=ONE, drawdown=NAN), "drawdown"),
        (DayClosed(ts=1, account=MAIN, date="d", equity=Money(Decimal("NaN")), high_water=ONE, drawdown=0.0), "equity"),
        (CashMoved(ts=1, account=MAIN, kind="fee", amount=Money(Decimal("-Infinity"))), "amount"),
        (CashMoved(ts=1, account=MAIN, kind="\ud800", amount=Money(Decimal(1))), "CashMoved"),
        (CashMoved(ts=1, account=MAIN, kind="x" * (1 << 20), amount=Money(Decimal(1))), "at most"),
    ],
)
async def test_what_would_come_back_changed_is_refused_before_append(bad: DayClosed | CashMoved, names: str) -> None:
    """B12: and nothing of the append is taken, nor is the journal broken by it: a halt may still follow."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    with pytest.raises(FactRefused, match=names):
        journal.append([fact(1), bad])
    assert (journal.seq, journal.pending) == (0, 0)
    assert await write(journal, [2]) == 3


def test_nan_deep_inside_is_found() -> None:
    """B12: in a check of a decision, where None is legal and NaN would silently become it."""
    from tradingd.shell.journal.finite import unfit

    assert unfit((Check("a", None, None, None), Check("b", 1.0, NAN, True))) == "[1].limit"
    assert unfit({"x": float("inf")}) == "[x]"
    assert unfit(Check("a", None, 1.5, True)) is None


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(0, 2**63),
    st.decimals(allow_nan=False, allow_infinity=False),
)
def test_law_every_fact_is_one_line_and_comes_back_equal(text: str, number: int, amount: Decimal) -> None:
    """B12: newlines, NUL, 2^63 and any text."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    one = CashMoved(ts=number, account=MAIN, kind=text, amount=Money(amount))
    journal.append([one])
    asyncio.run(journal.close())
    assert segment(disk).count(b"\n") == 2
    assert [found for _, found in records(disk, DIR)] == [one]


async def test_a_commit_that_nobody_waited_for_breaks_the_journal() -> None:
    """I10: whether the group reached the disk is not known, so nothing more may be appended to it."""
    disk = FakeDisk()
    env = FakeEnv(disk)
    journal, _ = open_journal(env, DIR, GENESIS)
    env.gate = asyncio.Event()
    task = asyncio.create_task(journal.run())
    journal.append(facts(1, 1))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(Broken, match="stopped"):
        journal.append(facts(2, 1))
    env.gate.set()
    await journal.close()


async def test_a_committer_stopped_while_idle_leaves_a_journal_that_closes_clean() -> None:
    disk = FakeDisk()
    journal, _ = opened(disk)
    task = asyncio.create_task(journal.run())
    await journal.synced(journal.append(facts(1, 1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    journal.append(facts(2, 1))
    await journal.close()
    assert verify(disk, DIR).records == 2
    with pytest.raises(Broken, match="closed"):
        journal.append(facts(3, 1))


async def test_metrics_tell_of_each_group() -> None:
    disk = FakeDisk()
    journal, _ = opened(disk)
    seen: list[tuple[float, int, int]] = []
    journal.on_commit = lambda seconds, count, size: seen.append((seconds, count, size))
    before = len(segment(disk))
    await write(journal, [3, 2])
    assert [count for _, count, _ in seen] == [3, 2]
    assert sum(size for _, _, size in seen) == journal.bytes == len(segment(disk)) - before
    assert (journal.commits, journal.records, journal.last_commit_s) == (2, 5, 0.0)
    assert journal.head == verify(disk, DIR).head
    assert journal.segment == "journal-000000000000.jsonl"


async def test_records_carry_the_time_of_their_append() -> None:
    """J1: wall, mono and boot id of when it was handed in, not of when the disk was ready."""
    disk = FakeDisk()
    env = FakeEnv(disk, now=5)
    journal, _ = open_journal(env, DIR, GENESIS)
    assert isinstance(env.clock, ReplayClock)
    env.clock.set(77)
    journal.append(facts(1, 1))
    env.clock.set(99)
    await journal.close()
    assert b'"seq":1,' in segment(disk)
    assert b'"durable":0,"wall":77,"mono":77,"boot":"replay","left":0,"kind":"OrderMoved"' in segment(disk)
