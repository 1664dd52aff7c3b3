"""The chain: every altered bit, every cut, every record that is not where it was written."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.journal.desk import DIR, GENESIS, facts, forget_notes, made, made_of, opened, segment, write
from tradingd.ports import Broken
from tradingd.shell.journal import Genesis, JournalDamaged, Settings, open_journal, verify
from tradingd.shell.journal.record import NO_HEAD, Place, follow

SMALL = Settings(segment_bytes=2_000)


def test_a_whole_journal_verifies_with_its_numbers() -> None:
    """J1: verify."""
    disk = made([4] * 10, SMALL)
    report = verify(disk, DIR)
    assert (report.ok, report.torn, report.records, report.instance, report.fault) == (True, False, 40, "i1", "")
    assert report.segments > 3
    assert report.durable == 40


def test_every_single_bit_flip_of_200_records_breaks_the_chain() -> None:
    """B3, I9: all bits of all bytes, newlines and the last record included."""
    data = segment(made([20] * 10))
    lines = bytes(data).split(b"\n")[:-1]
    assert len(lines) == 201
    at = [Place(-1, NO_HEAD)]
    for number, line in enumerate(lines):
        good, whole, place = follow([line], at[-1])
        assert (good, whole) == (1, int(number % 20 == 0)), "an append is whole with its last record"
        at.append(place)
    for number, line in enumerate(lines):
        altered = bytearray(line)
        start = at[number]
        for i in range(len(altered)):
            for bit in range(8):
                altered[i] ^= 1 << bit
                parts = bytes(altered).split(b"\n")
                good, _, place = follow(parts, start)
                assert good < len(parts) and place.seq < start.seq + 2, (number, i, bit)  # noqa: PT018
                altered[i] ^= 1 << bit


@pytest.mark.parametrize("notes", [True, False])
def test_a_flip_is_never_cut_away_silently(notes: bool) -> None:
    """B3: verify names each; opening refuses what was durable, whatever bit it is (a sample of all, newlines among them)."""
    disk = made([5, 5, 5])
    if not notes:
        forget_notes(disk)
    data = segment(disk)
    whole = bytes(data)
    newlines = [i for i, byte in enumerate(whole) if byte == 10]
    last_group = newlines[10] + 1
    for i in sorted({*range(0, len(whole), 131), *newlines}):
        data[i] ^= 1 << (i % 8)
        report = verify(disk, DIR)
        assert not report.ok, i
        if i < last_group or notes:
            assert not report.torn, i
            with pytest.raises(JournalDamaged):
                opened(disk.killed())
            assert segment(disk) == data, "refusing must not write"
        else:
            assert report.torn, i
        data[:] = whole


def test_the_first_bad_record_is_named() -> None:
    """B3: segment, line, sequence and reason."""
    disk = made([4] * 10, SMALL)
    first = sorted(int(path[-18:-6]) for path in disk.names if path.endswith(".jsonl"))[1]
    data = segment(disk, first)
    data[data.index(b'"kind":"OrderMoved"') + 9] ^= 1
    report = verify(disk, DIR)
    assert report.bad is not None
    assert (report.bad.segment, report.bad.seq) == (f"journal-{first:012d}.jsonl", report.records + 1)
    assert first <= report.bad.seq < first + 4
    assert "altered" in report.fault
    with pytest.raises(JournalDamaged, match=f"record {report.bad.seq} was altered"):
        opened(disk.killed(), SMALL)


@given(st.data())
def test_law_moved_doubled_and_removed_records_are_found(data: st.DataObject) -> None:
    """B5."""
    disk = made([6, 6])
    raw = segment(disk)
    lines = bytes(raw).split(b"\n")[:-1]
    changed = list(lines)
    i, j = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 12))
    match data.draw(st.sampled_from(["swap", "double", "remove", "copy over"])):
        case "swap":
            changed[i], changed[j] = changed[j], changed[i]
        case "double":
            changed.insert(j, changed[i])
        case "remove":
            del changed[i]
        case _:
            changed[i] = changed[j]
    raw[:] = b"".join(line + b"\n" for line in changed)
    assert verify(disk, DIR).ok == (changed == lines)


def test_a_half_append_at_the_end_is_torn_and_in_the_middle_damage() -> None:
    """B2, J1: the whole lines of a step whose end is missing are torn when nothing says that they were durable; where a segment
    follows, no crash explains them."""
    disk = made_of([[2], [3, 4]])
    forget_notes(disk)
    whole = bytes(segment(disk))
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    for last, step in ((3, 2), (4, 2), (6, 5), (7, 5), (8, 5)):
        segment(disk)[:] = whole[: ends[last]]
        report = verify(disk, DIR)
        assert (report.ok, report.torn, report.records, report.durable) == (False, True, last, 2)
        assert report.bad is not None
        assert (report.bad.seq, report.bad.incomplete) == (last + 1, True)
        assert f"record {last + 1} is missing" in report.fault
        journal, recovery = opened(disk.killed())
        assert recovery.seq == step
        asyncio.run(journal.close())
        forget_notes(disk)
    for last in (2, 5, 9):
        segment(disk)[:] = whole[: ends[last]]
        assert verify(disk, DIR).ok
    disk = made([4] * 10, SMALL)
    data = segment(disk)
    del data[bytes(data[:-1]).rindex(b"\n") + 1 :]
    report = verify(disk, DIR)
    assert (report.ok, report.torn) == (False, False)
    assert "is missing" in report.fault
    with pytest.raises(JournalDamaged):
        opened(disk.killed(), SMALL)


def test_a_segment_of_another_instance_is_found() -> None:
    """B5: replayed from another host, with an intact chain of its own."""
    disk, other = made([4] * 10, SMALL), FakeDisk()
    foreign = Genesis(instance="i2", nonce="n1", build="b1", config="c1")
    asyncio.run(write(open_journal(FakeEnv(other), DIR, foreign, SMALL)[0], [4] * 10))
    path = sorted(path for path in disk.names if path.endswith(".jsonl"))[2]
    disk.names[path] = other.names[path]
    report = verify(disk, DIR)
    assert "instance i2" in report.fault
    genesis = f"{DIR}/journal-000000000000.jsonl"
    disk.names[genesis] = other.names[genesis]
    assert not verify(disk, DIR).ok


def test_a_journal_is_opened_only_for_its_instance() -> None:
    """B5: and "" takes whatever is there."""
    disk = made([2])
    with pytest.raises(Broken, match="belongs to instance i1, not to i2"):
        open_journal(FakeEnv(disk), DIR, Genesis(instance="i2", nonce="", build="", config=""))
    journal, recovery = open_journal(FakeEnv(disk), DIR, Genesis(instance="", nonce="", build="", config=""))
    assert recovery.genesis == GENESIS
    asyncio.run(journal.close())


def test_a_lost_segment_is_found() -> None:
    disk = made([4] * 10, SMALL)
    paths = sorted(path for path in disk.names if path.endswith(".jsonl"))
    for path in (paths[0], paths[1], paths[-1]):
        node = disk.names.pop(path)
        assert not verify(disk, DIR).ok
        with pytest.raises(JournalDamaged):
            opened(disk.killed(), SMALL)
        disk.names[path] = node
    assert verify(disk, DIR).ok


def test_rewritten_history_is_caught_by_the_notes() -> None:
    """B5: a chain that was recomputed from a record on is whole in itself, but not what was promised."""
    disk, other = made([3, 3]), FakeDisk()
    journal, _ = opened(other)
    journal.append(facts(1, 3))
    journal.append(facts(40, 3))
    asyncio.run(journal.close())
    segment(disk)[:] = segment(other)
    report = verify(disk, DIR)
    assert "history was rewritten" in report.fault
    with pytest.raises(JournalDamaged, match="rewritten"):
        opened(disk.killed())


def test_verify_without_a_journal_says_so() -> None:
    with pytest.raises(Broken, match="there is no journal"):
        verify(FakeDisk(), DIR)
