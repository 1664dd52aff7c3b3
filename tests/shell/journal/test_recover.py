"""Recovery: nothing acknowledged is lost, nothing damaged is believed, and any kill on the way changes nothing."""

import asyncio
import errno
import random

import msgspec
import pytest

from tests.fakes.disk import FakeDisk, Node
from tests.fakes.env import FakeEnv, Killed
from tests.shell.journal.desk import (
    DIR,
    GENESIS,
    fact,
    facts,
    forget_notes,
    made,
    made_of,
    opened,
    running,
    segment,
    write,
)
from tradingd.core.facts import Fact
from tradingd.ports import Broken
from tradingd.shell.journal import JournalDamaged, Recovery, Settings, open_journal, verify
from tradingd.shell.journal.marks import note
from tradingd.shell.journal.record import seal
from tradingd.shell.journal.snapshot import encode

SMALL = Settings(segment_bytes=1_500)


def tail_of(recovery: Recovery) -> list[tuple[int, Fact]]:
    return list(recovery.tail())


def numbered(first: int, last: int) -> list[tuple[int, Fact]]:
    return [(n, fact(n)) for n in range(first, last + 1)]


def closed(disk: FakeDisk, settings: Settings | None = None) -> Recovery:
    """Open, look, close."""
    journal, recovery = opened(disk, settings)
    asyncio.run(journal.close())
    return recovery


def files(disk: FakeDisk) -> dict[str, bytes]:
    return {path: bytes(node.data) for path, node in disk.names.items()}


def test_a_clean_journal_opens_as_it_was_and_goes_on() -> None:
    """J1: a restart rebuilds exactly."""
    disk = made([3, 4], SMALL)
    journal, recovery = opened(disk, SMALL)
    assert (recovery.seq, recovery.created, recovery.cut_bytes, recovery.genesis) == (7, False, 0, GENESIS)
    assert tail_of(recovery) == numbered(1, 7)
    asyncio.run(write(journal, [5, 5], first=8))
    assert tail_of(closed(disk, SMALL)) == numbered(1, 17)
    assert verify(disk, DIR).ok


GROUPS = [[3], [2, 1], [1, 4, 2]]  # appends of each commit group
STEP_ENDS = [0, 3, 5, 6, 7, 11, 13]  # the records after which a step of the core is whole


@pytest.mark.parametrize("notes", [True, False])
def test_every_truncation_point_recovers_to_a_whole_append(notes: bool) -> None:
    """J1, B2, I8, I9: above the watermark the tail is cut to the end of a step, never inside one, its bytes kept and counted; at
    or below the watermark the journal is refused."""
    disk = made_of(GROUPS)
    if not notes:
        forget_notes(disk)
    before = {path: bytes(node.data) for path, node in disk.names.items()}
    data = bytes(segment(disk))
    ends = [i + 1 for i, byte in enumerate(data) if byte == 10]  # ends[k]: behind record k
    assert len(ends) == 14
    halves = 0
    for size in range(len(data) + 1):
        del segment(disk)[size:]
        left = sum(end <= size for end in ends) - 1  # the last whole record
        if left < (13 if notes else 0):
            with pytest.raises(JournalDamaged):
                opened(disk.killed())
        else:
            journal, recovery = opened(disk.killed())
            kept = max(end for end in STEP_ENDS if end <= left)
            assert (recovery.seq, recovery.cut_records, recovery.cut_bytes) == (kept, left - kept, size - ends[kept])
            assert tail_of(recovery) == numbered(1, kept)
            assert segment(disk) == data[: ends[kept]]
            if recovery.cut_bytes:
                assert disk.names[f"{DIR}/{recovery.cut_file}"].data == data[ends[kept] : size]
                halves += recovery.cut_records > 0
            assert verify(disk, DIR).ok
            asyncio.run(journal.close())
        for path in [path for path in disk.names if path not in before]:
            del disk.names[path]
        for path, content in before.items():
            disk.names.setdefault(path, Node()).data[:] = content
    assert halves > 0 or notes


def test_a_half_append_is_cut_once_and_the_journal_goes_on() -> None:
    """B2, I8: after the cut, the next step takes the sequence numbers of the one that was taken back; nothing is cut twice."""
    disk = made_of(GROUPS)
    forget_notes(disk)
    data = segment(disk)
    del data[bytes(data[:-1]).rindex(b"\n") + 1 :]
    journal, recovery = opened(disk)
    assert (recovery.seq, recovery.cut_records, recovery.cut_file) == (11, 1, "cut-12-1.bin")
    asyncio.run(write(journal, [4], first=12))
    again = closed(disk)
    assert (again.seq, again.cut_bytes, again.cut_records) == (15, 0, 0)
    assert tail_of(again) == numbered(1, 15)


@pytest.mark.parametrize("told", ["left", "stamp"])
def test_a_whole_record_that_breaks_its_append_is_damage_even_above_the_watermark(told: str) -> None:
    """B3: no torn write leaves a chained record that does not count down, or that is stamped anew inside an append."""
    disk = made_of([[2], [3]])
    forget_notes(disk)
    data = segment(disk)
    lines = bytes(data).split(b"\n")[:-1]
    when, left = (
        (b'"wall":1000,"mono":1000,"boot":"replay"', 0) if told == "left" else (b'"wall":1,"mono":1,"boot":"b"', 1)
    )
    forged, _ = seal(4, lines[3][-66:-2], 2, when, left, "CashMoved", b"{}")
    assert b"%b," % when in lines[3] or told == "stamp"
    data[:] = b"\n".join(lines[:4]) + b"\n" + forged
    report = verify(disk, DIR)
    assert (report.ok, report.torn, report.durable) == (False, False, 2)
    assert report.bad is not None
    assert report.bad.seq == 4
    with pytest.raises(JournalDamaged, match="record 4 does not go on with the append of record 3"):
        opened(disk)
    assert "cut-" not in " ".join(disk.names)


def test_a_promise_inside_a_half_append_is_damage() -> None:
    """B3: what a note says was durable is not taken back, not even to the end of a step."""
    disk = made_of([[2], [3]])
    data = segment(disk)
    lines = bytes(data).split(b"\n")[:-1]
    disk.names[f"{DIR}/durable.txt"].data[:] = note("i1", 4, lines[4][-66:-2])
    data[:] = b"\n".join(lines[:5]) + b"\n"
    assert not verify(disk, DIR).torn
    with pytest.raises(JournalDamaged, match="record 4 was durable, but the journal's last whole append ends with 2"):
        opened(disk)


def test_a_segment_without_its_header_is_damage() -> None:
    """B3: a segment's first line is durable before the segment has its name, so no crash can take it."""
    disk = made([4, 4], Settings(segment_bytes=1_000))
    forget_notes(disk)
    last = max(int(path[-18:-6]) for path in disk.names if path.endswith(".jsonl"))
    whole = bytes(segment(disk, last))
    for size in (0, whole.index(b"\n")):
        segment(disk, last)[:] = whole[:size]
        assert not verify(disk, DIR).torn
        with pytest.raises(JournalDamaged):
            opened(disk.killed())
        assert segment(disk, last) == whole[:size], "refusing must not write"


def test_a_damaged_record_inside_the_last_group_is_refused_thanks_to_the_note() -> None:
    """B3: no later record vouches for the last group; the note beside the journal does, without a clean end too."""
    disk = FakeDisk()
    journal, _ = opened(disk)

    async def two_groups() -> None:
        task = asyncio.create_task(journal.run())
        await journal.synced(journal.append(facts(1, 2)))
        await journal.synced(journal.append(facts(3, 2)))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(two_groups())
    disk.killed()
    segment(disk)[-80] ^= 1
    with pytest.raises(JournalDamaged, match="record 4 was altered"):
        opened(disk)


def test_a_later_intact_record_vouches_for_what_is_before_it() -> None:
    """B3: without any note, the watermarks of records behind the bad one still tell that it was durable."""
    disk = made([2, 2, 2])
    forget_notes(disk)
    data = segment(disk)
    data[data.index(b'"seq":2,') + 200] ^= 4
    with pytest.raises(JournalDamaged, match="record 2 was altered"):
        opened(disk)


def test_what_is_not_known_durable_is_written_anew() -> None:
    """A failed fsync leaves bytes a reader sees and no disk has: after the restart they are on the platter (RELIABILITY 1.7)."""
    disk = FakeDisk()
    journal, _ = opened(disk)

    async def fail() -> None:
        disk.fail_at = disk.done + 2
        journal.append(facts(1, 3))
        with pytest.raises(Broken):
            await journal.run()
        await journal.close()

    asyncio.run(fail())
    journal, recovery = opened(disk.killed())
    found = tail_of(recovery)
    assert found == numbered(1, 3)
    after = disk.crash(random.Random(1))
    assert tail_of(closed(after)) == found
    asyncio.run(journal.close())


def test_segments_gone_but_traces_left_is_damage() -> None:
    disk = made([2])
    del disk.names[f"{DIR}/journal-000000000000.jsonl"]
    with pytest.raises(JournalDamaged, match="segments are gone"):
        opened(disk)


def test_a_fact_of_a_newer_version_is_refused_by_name() -> None:
    """B16: no guessing, and the message says what to look for."""
    disk = made([1])
    data = segment(disk)
    line = bytes(data).split(b"\n")[1]
    told = b'{"fact":"Teleported","ts":1,"account":"main"}'
    newer, _ = seal(2, line[-66:-2], 1, b'"wall":1,"mono":1,"boot":"b"', 0, "Teleported", told)
    data += newer
    journal, recovery = opened(disk)
    with pytest.raises(Broken, match=r"record 2 \(Teleported\).*newer"):
        tail_of(recovery)
    asyncio.run(journal.close())


def test_a_journal_of_a_newer_schema_is_refused() -> None:
    """B16."""
    disk = FakeDisk()
    newer = msgspec.structs.replace(GENESIS, schema=2)
    open_and_close(disk, newer)
    with pytest.raises(Broken, match="schema 2"):
        opened(disk)


def open_and_close(disk: FakeDisk, genesis: object) -> None:
    from tradingd.shell.journal.record import Genesis

    assert isinstance(genesis, Genesis)
    try:
        journal, _ = open_journal(FakeEnv(disk), DIR, genesis)
    except Broken:
        disk.killed()
    else:
        asyncio.run(journal.close())


# snapshots ------------------------------------------------------------------------------------------------------------


async def snapped(disk: FakeDisk, sizes: list[int], settings: Settings = SMALL) -> None:
    """A snapshot after each group, its state naming the sequence."""
    journal, recovery = opened(disk, settings)
    n = recovery.seq + 1
    async with running(journal):
        for size in sizes:
            journal.append(facts(n, size))
            n += size
            assert await journal.snapshot(b"state %d" % (n - 1))


def test_recovery_begins_at_the_newest_snapshot_and_two_are_kept() -> None:
    """B14."""
    disk = FakeDisk()
    asyncio.run(snapped(disk, [5, 5, 5, 5]))
    assert [name for name in disk.listdir(DIR) if name.startswith("snapshot")] == [
        "snapshot-000000000015.bin", "snapshot-000000000020.bin",
    ]  # fmt: skip
    asyncio.run(write(opened(disk, SMALL)[0], [3], first=21))
    recovery = closed(disk, SMALL)
    assert (recovery.snapshot, recovery.snapshot_seq) == (b"state 20", 20)
    assert tail_of(recovery) == numbered(21, 23)


def test_the_state_belongs_to_the_moment_of_the_call() -> None:
    """B14: facts appended between the call and its await come after the snapshot, in the same group or not."""

    async def scenario(disk: FakeDisk) -> None:
        journal, _ = opened(disk)
        async with running(journal):
            journal.append(facts(1, 2))
            writing = journal.snapshot(b"two")
            journal.append(facts(3, 2))
            assert await writing
            assert await journal.snapshot(b"four")

    disk = FakeDisk()
    asyncio.run(scenario(disk))
    del disk.names[f"{DIR}/snapshot-000000000004.bin"]
    recovery = closed(disk)
    assert (recovery.snapshot, recovery.snapshot_seq) == (b"two", 2)
    assert tail_of(recovery) == numbered(3, 4)


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "schema", "foreign"])
def test_a_bad_snapshot_is_as_if_it_were_not_there(how: str) -> None:
    """B14: the one before it is used, with the same facts after it; without any, genesis."""
    disk = FakeDisk()
    asyncio.run(snapped(disk, [5, 5]))
    for path, seq, expected in (("snapshot-000000000010.bin", 10, 5), ("snapshot-000000000005.bin", 5, 0)):
        data = disk.names[f"{DIR}/{path}"].data
        head = data[data.index(b'"head":"') + 8 :][:64]
        match how:
            case "flip":
                data[-3] ^= 16
            case "cut":
                del data[-1:]
            case "empty":
                data.clear()
            case "schema":
                data[:] = encode("i1", 99, seq, bytes(head), b"newer")
            case _:
                data[:] = encode("i2", 1, seq, bytes(head), b"theirs")
        recovery = closed(disk, SMALL)
        assert recovery.snapshot_seq == expected
        assert tail_of(recovery) == numbered(expected + 1, 10)


def test_every_bit_of_a_snapshot_counts() -> None:
    """B14: a flipped bit in header or state never gives a state."""
    disk = FakeDisk()
    asyncio.run(snapped(disk, [2]))
    from tradingd.shell.journal.snapshot import decode

    data = disk.names[f"{DIR}/snapshot-000000000002.bin"].data
    assert decode(bytes(data), "i1") is not None
    for i in range(len(data)):
        for bit in range(8):
            data[i] ^= 1 << bit
            assert decode(bytes(data), "i1") is None, (i, bit)
            data[i] ^= 1 << bit


def test_a_snapshot_ahead_of_the_journal_is_damage() -> None:
    """I9: it was taken after durable records that are gone."""
    disk = FakeDisk()
    asyncio.run(snapped(disk, [3, 3]))
    forget_notes(disk)
    last = max(int(path[-18:-6]) for path in disk.names if path.endswith(".jsonl"))
    lines = bytes(segment(disk, last)).split(b"\n")
    segment(disk, last)[:] = b"\n".join(lines[:-2]) + b"\n"
    for use in (True, False):
        with pytest.raises(JournalDamaged):
            opened(disk.killed(), msgspec.structs.replace(SMALL, use_snapshots=use))


def test_with_and_without_snapshot_the_same_facts_come_out() -> None:
    """I8."""
    disk = FakeDisk()
    asyncio.run(snapped(disk, [4, 7, 2]))
    short, full = closed(disk, SMALL), closed(disk, msgspec.structs.replace(SMALL, use_snapshots=False))
    assert (short.snapshot_seq, full.snapshot_seq, full.snapshot) == (13, 0, None)
    assert tail_of(full) == numbered(1, 13)
    assert (short.seq, short.head) == (full.seq, full.head)


# kills and failures -----------------------------------------------------------------------------------------------------


async def scenario(env: FakeEnv, acknowledged: list[int], heard: list[int]) -> None:
    """Open, groups, a rotation, a snapshot, close. Notes what was acknowledged as it goes."""
    journal, recovery = open_journal(env, DIR, GENESIS, Settings(segment_bytes=1_200, reserve_bytes=64))
    for seq, found in recovery.tail():
        assert found == fact(seq)
    journal.subscribe(lambda first, batch: heard.append(first + len(batch) - 1))
    n = recovery.seq + 1
    task = asyncio.create_task(journal.run())
    try:
        for size in (2, 3, 2, 4):
            journal.append(facts(n, size))
            n += size
            await _either(journal.synced(n - 1), task)
            acknowledged.append(n - 1)
            if size == 3:
                await journal.snapshot(b"s")
                acknowledged.append(n - 1)
    finally:
        if not task.done() or task.exception() is None or isinstance(task.exception(), Broken):
            await journal.close()
    await task


async def _either(wait: object, task: asyncio.Task[None]) -> None:
    """A killed process does not answer: end when the committer did."""
    waiting = asyncio.ensure_future(wait)  # type: ignore[call-overload]
    done, _ = await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if waiting not in done:
        waiting.cancel()
        task.result()
    await waiting


def attempt(env: FakeEnv) -> tuple[bool, int]:
    """Run the scenario to its end or death: (did it end well, the highest acknowledged record)."""
    acknowledged: list[int] = [0]
    heard: list[int] = [0]
    ended = False
    try:
        asyncio.run(scenario(env, acknowledged, heard))
        ended = True
    except (Broken, Killed, ExceptionGroup):
        pass
    return ended, max(acknowledged[-1], heard[-1])


def check_survivor(disk: FakeDisk, acknowledged: int) -> None:
    recovery = closed(disk)
    assert recovery.seq >= acknowledged, "an acknowledged record was lost (I9)"
    assert tail_of(closed(disk, Settings(use_snapshots=False))) == numbered(1, recovery.seq)
    assert verify(disk, DIR).ok


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_the_nth_operation_fails_until_the_scenario_completes(persistent: bool, second: bool) -> None:
    """B7, I10: open, write, sync, rename, unlink, read ... each in turn, on a new journal and on one that is reopened. What was
    acknowledged is there after a restart and after a power cut, and nothing was acknowledged after the failure."""
    for n in range(1, 2_000):
        disk = FakeDisk()
        before = 0
        if second:
            ended, before = attempt(FakeEnv(disk))
            assert ended
        disk.fail_at, disk.persistent = disk.done + n, persistent
        ended, acknowledged = attempt(FakeEnv(disk))
        failed, disk.fail_at = disk.failed, 0
        assert ended == (failed == 0), f"operation {n}: an error was swallowed"
        rng = random.Random(n)
        check_survivor(disk.killed().crash(rng), max(before, acknowledged))
        check_survivor(disk.killed(), max(before, acknowledged))
        if ended:
            assert n > 30
            return
    pytest.fail("the scenario never completed")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_at_the_nth_operation_loses_nothing(error: int) -> None:
    """B8: here some failures are survived (a snapshot left out, the reserve given up): acknowledged is still acknowledged."""
    for n in range(1, 200):
        disk = FakeDisk()
        disk.fail_at, disk.error = n, error
        ended, acknowledged = attempt(FakeEnv(disk))
        failed, disk.fail_at = disk.failed, 0
        check_survivor(disk.killed().crash(random.Random(n)), acknowledged)
        if ended and not failed:
            return
    pytest.fail("the scenario never completed")


@pytest.mark.parametrize("point", ["K1", "K2", "K13", "K14"])
@pytest.mark.parametrize("power", [False, True])
def test_a_kill_at_each_point(point: str, power: bool) -> None:
    """A2, A3, A8, B13: with and without a power cut, at every passing of the point."""
    for hit in range(1, 50):
        env = FakeEnv(FakeDisk())
        env.kill_at = (point, hit)
        ended, acknowledged = attempt(env)
        for seed in range(8 if power else 1):
            disk = env.fake_disk.crash(random.Random(seed)) if power else env.fake_disk.killed()
            check_survivor(disk, acknowledged)
        if ended:
            assert hit > 2, f"{point} was never passed"
            return
    pytest.fail("the scenario never completed")


def test_recovery_killed_again_and_again_is_the_same_recovery() -> None:
    """A9, K15, I8: up to ten kills in a row at each step, then one start that ends: the same bytes as a start that was let be."""

    def torn() -> FakeDisk:
        disk = made([3, 3])
        forget_notes(disk)
        del segment(disk)[-20:]
        return disk

    plain = torn()
    expected = closed(plain)
    assert expected.cut_bytes > 0
    for step in range(1, 5):
        disk = torn()
        for _ in range(10):
            env = FakeEnv(disk)
            env.kill_at = ("K15", step)
            with pytest.raises(Killed):
                open_journal(env, DIR, GENESIS)
            disk.killed()
            if step > 2:
                break  # the end is mended: a later start has fewer steps
        found = closed(disk)
        assert (found.seq, found.head) == (expected.seq, expected.head)
        assert files(disk) == files(plain)


def test_thousands_of_power_cuts_lose_nothing_acknowledged() -> None:
    """B1 in memory, I9: cuts at random operations, the unsynced part torn or garbled, several in a row on one disk."""
    rng = random.Random(20261121)
    for _ in range(60):
        disk, acknowledged = FakeDisk(), 0
        for _ in range(3):
            env = FakeEnv(disk)
            env.kill_at = (rng.choice(["K1", "K2", "K13", "K14", "K15"]), rng.randrange(1, 5))
            _, seen = attempt(env)
            acknowledged = max(acknowledged, seen)
            for _ in range(20):
                look = env.fake_disk.crash(rng)
                check_survivor(look, acknowledged)
            disk = env.fake_disk.crash(rng)


def test_the_disk_that_cannot_be_read_is_refused() -> None:
    """B7: for a read during recovery: refuse."""
    disk = made([2])
    disk.fail_at = disk.done + 5
    with pytest.raises(Broken, match="cannot be opened"):
        opened(disk)
    assert not disk.locks
    disk.fail_at = 0
    assert closed(disk).seq == 2
