"""Reading beside the writer: scan, tail, export, and what a follower asks for."""

import asyncio

import msgspec
import pytest

from tests.fakes.disk import FakeDisk
from tests.shell.journal.desk import DIR, fact, facts, made, opened, running, segment
from tradingd.shell.journal import JournalDamaged, Settings, export, records, scan, tail, verify

SMALL = Settings(segment_bytes=1_500)


@pytest.fixture(scope="module")
def disk() -> FakeDisk:
    return made([4] * 10, SMALL)


@pytest.mark.parametrize("after", [0, 1, 3, 4, 5, 17, 39, 40, 41])
def test_records_begin_after_any_sequence(disk: FakeDisk, after: int) -> None:
    """J1: a follower goes on from its cursor, wherever the segments begin."""
    assert list(records(disk, DIR, after=after)) == [(n, fact(n)) for n in range(after + 1, 41)]
    assert list(records(disk, DIR, after=after, upto=20)) == [(n, fact(n)) for n in range(after + 1, 21)]


def test_scan_finds_every_record_that_holds_any_of_the_needles(disk: FakeDisk) -> None:
    found = list(scan(disk, DIR, [b'"main.7.e"', b'"main.38.e"', b'"amount":"3"']))
    assert found == [(n, fact(n)) for n in (7, 12, 38)]
    assert list(scan(disk, DIR, [b"nowhere"])) == []
    assert list(scan(disk, DIR, [b'"instance"', b'"kind":"segment"'])) == [], "headers are no facts"


def test_scan_does_not_tell_altered_records() -> None:
    """I9: an explanation must not be built on a record that was changed."""
    disk = made([3])
    data = segment(disk)
    data[data.index(b'"main.2.e"') + 1] ^= 1
    with pytest.raises(JournalDamaged):
        list(scan(disk, DIR, [b"ain.2.e"]))


@pytest.mark.parametrize("n", [0, 1, 3, 9, 40, 100])
def test_tail_is_the_last_records_across_segments(disk: FakeDisk, n: int) -> None:
    """J1: tail."""
    lines = tail(disk, DIR, n)
    assert [msgspec.json.decode(line)["seq"] for line in lines] == list(range(max(1, 41 - n), 41))


def test_export_is_one_json_line_a_fact(disk: FakeDisk) -> None:
    """J1: export, sequence, time and fact."""
    lines = list(export(disk, DIR))
    assert len(lines) == 40
    first = msgspec.json.decode(lines[0])
    assert list(first) == ["seq", "ts", "fact"]
    assert (first["seq"], first["ts"], first["fact"]["order_id"]) == (1, 1, "main.1.e")
    assert all(b"\n" not in line for line in lines)


async def test_a_line_that_is_being_written_waits_for_the_next_look() -> None:
    """J1: made to be tailed, and verified, while the daemon writes."""
    disk = FakeDisk()
    journal, _ = opened(disk)
    async with running(journal):
        await journal.synced(journal.append(facts(1, 2)))
        node = disk.names[f"{DIR}/journal-000000000000.jsonl"]
        node.data += b'{"seq":3,"pre'
        assert len(list(records(disk, DIR))) == len(tail(disk, DIR, 9)) == 2
        report = verify(disk, DIR)
        assert (report.ok, report.torn, report.records) == (False, True, 2)
        del node.data[-13:]
        assert verify(disk, DIR).ok


@pytest.mark.parametrize("inside", ["a line", "an append"])
def test_verify_looks_again_when_it_met_a_write_under_way(inside: str) -> None:
    """J1: a line or an append that is whole a moment later is no fault of the journal."""

    class Growing(FakeDisk):
        looks = 0

        def read(self, path: str) -> bytes:
            data = super().read(path)
            if path.endswith(".jsonl") and data.count(b"\n") == 5:
                self.looks += 1
                end = -5 if inside == "a line" else data.rindex(b"\n", 0, -1) + 1
                return data[:end] if self.looks == 2 else data  # the first look is for the genesis
            return data

    growing = Growing()
    growing.names = made([4]).names
    report = verify(growing, DIR)
    assert (report.ok, report.records, growing.looks) == (True, 4, 3)


def test_reading_takes_no_lock_and_writes_nothing(disk: FakeDisk) -> None:
    done = len(disk.ops)
    verify(disk, DIR)
    list(scan(disk, DIR, [b"main"]))
    tail(disk, DIR, 3)
    assert {op for op, _ in disk.ops[done:]} <= {"read", "listdir"}
    journal, _ = opened(disk, SMALL)
    assert verify(disk, DIR).ok
    asyncio.run(journal.close())
