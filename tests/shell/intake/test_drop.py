"""The drop folder: each line decided once and answered, whatever dies in between. E1."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import pytest

from tests.fakes.disk import FakeDisk, Node
from tests.fakes.env import FakeEnv, Killed
from tests.shell.stage import AAA, BBB, T0, Stage, stage
from tradingd.core.facts import Decided, OrderIntended
from tradingd.core.types import NS
from tradingd.ports import Broken, Misconfigured
from tradingd.shell.intake.counter import LEARN_S, Counter
from tradingd.shell.intake.drop import FILE_MAX, LINE_MAX, LINES_MAX, Drop, open_drop

WHERE = "/drop"


def disk_of(s: Stage) -> FakeDisk:
    assert isinstance(s.env, FakeEnv)
    return s.env.fake_disk


def drop_of(s: Stage) -> Drop:
    return open_drop(s.env, Counter(s.house), WHERE)


def line(s: Stage, ident: str, **changes: object) -> bytes:
    now = s.clock.wall()
    plain = {"id": ident, "symbol": AAA, "action": "buy", "confidence": 0.8, "generated_at": now}
    return msgspec.json.encode({**plain, **changes})


def put(disk: FakeDisk, name: str, data: bytes) -> None:
    """As a producer does: whole, under its name."""
    node = disk.names[f"{WHERE}/{name}"] = Node()
    node.data += data


def files(disk: FakeDisk) -> list[str]:
    return sorted(name[len(WHERE) + 1 :] for name in disk.names if name.startswith(f"{WHERE}/"))


def answers(disk: FakeDisk, name: str) -> list[dict[str, Any]]:
    text = bytes(disk.names[f"{WHERE}/done/{name}.answers.jsonl"].data)
    return [msgspec.json.decode(each) for each in text.splitlines()]


async def test_each_line_is_decided_and_answered_in_its_place() -> None:
    """E1, R4: sound, twin, wrong and broken lines; the file is done when all are durable, and durable itself."""
    async with stage() as s:
        s.quote()
        disk = disk_of(s)
        data = [line(s, "a"), b"", line(s, "a"), line(s, "b", confidence=2), b"{", b'{"id":"c","id":"d"}', b"\xff"]
        put(disk, "x.jsonl", b"\n".join(data))
        await drop_of(s).look()
        assert files(disk) == ["done/x.jsonl", "done/x.jsonl.answers.jsonl"]
        told = answers(disk, "x.jsonl")
        assert [(t["line"], t["status"]) for t in told] == [
            (1, "decided"), (3, "duplicate"), (4, "refused"), (5, "refused"), (6, "refused"), (7, "refused"),
        ]  # fmt: skip
        assert (told[2]["id"], told[2]["field"]) == ("b", "confidence")
        assert told[0]["decisions"] == told[1]["decisions"]
        assert told[0]["decisions"][0]["orders"] == [s.entry.order.order_id]
        assert f"{WHERE}/done/x.jsonl.answers.jsonl" in disk.durable
        assert f"{WHERE}/done/x.jsonl" in disk.durable


async def test_the_surest_of_a_whole_file_is_decided_first() -> None:
    """E1: over all batches of it."""
    async with stage() as s:
        s.quote(AAA)
        s.quote(BBB)
        low = [line(s, f"low{n}", confidence=0.1) for n in range(150)]
        put(disk_of(s), "x.jsonl", b"\n".join([*low, line(s, "sure", symbol=BBB, confidence=0.99)]))
        await drop_of(s).look()
        causes = [f.cause for f in s.said(Decided)]  # type: ignore[attr-defined]
        assert causes[:2] == ["api:sure", "api:low0"]
        assert len(causes) == 151
        assert [t["line"] for t in answers(disk_of(s), "x.jsonl")] == list(range(1, 152))


async def test_a_json_file_is_one_recommendation_or_a_list() -> None:
    """E1: as over HTTP."""
    async with stage() as s:
        s.quote()
        put(disk_of(s), "one.json", line(s, "a"))
        put(disk_of(s), "two.json", b"[" + line(s, "b") + b"," + line(s, "c", confidence="x") + b"]")
        await drop_of(s).look()
        assert [t["status"] for t in answers(disk_of(s), "one.json")] == ["decided"]
        assert [(t["line"], t["status"]) for t in answers(disk_of(s), "two.json")] == [(1, "decided"), (2, "refused")]


async def test_what_is_still_being_written_is_left_alone() -> None:
    """E1: names that begin with a dot or end in anything else; and it is looked at once it bears its name."""
    async with stage() as s:
        s.quote()
        disk, drop = disk_of(s), drop_of(s)
        for name in (".x.jsonl", "x.jsonl.tmp", "x.csv"):
            put(disk, name, line(s, "a"))
        await drop.look()
        assert files(disk) == [".x.jsonl", "x.csv", "x.jsonl.tmp"]
        disk.rename(f"{WHERE}/x.jsonl.tmp", f"{WHERE}/x.jsonl")
        await drop.look()
        assert files(disk) == [".x.jsonl", "done/x.jsonl", "done/x.jsonl.answers.jsonl", "x.csv"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.jsonl", b" " * (FILE_MAX + 1)),
        ("x.jsonl", b"\n" * (LINES_MAX + 1)),
        ("x.json", b"{"),
        ("x.json", b"[" + b",".join([b"1"] * 101) + b"]"),
        ("x.json", b" " * (LINE_MAX + 1)),
    ],
)
async def test_a_file_that_cannot_be_read_is_set_aside_with_the_reason(name: str, data: bytes) -> None:
    """E1: once, and the others go on."""
    async with stage() as s:
        s.quote()
        disk, drop = disk_of(s), drop_of(s)
        put(disk, name, data)
        put(disk, "y.jsonl", line(s, "a"))
        await drop.look()
        assert files(disk) == [f"bad/{name}", f"bad/{name}.why.txt", "done/y.jsonl", "done/y.jsonl.answers.jsonl"]
        assert disk.names[f"{WHERE}/bad/{name}.why.txt"].data.strip()


async def test_a_line_that_is_too_long_is_refused_alone() -> None:
    """E1: the other lines count."""
    async with stage() as s:
        s.quote()
        put(disk_of(s), "x.jsonl", line(s, "a", thesis="x" * LINE_MAX) + b"\n" + line(s, "b"))
        await drop_of(s).look()
        assert [t["status"] for t in answers(disk_of(s), "x.jsonl")] == ["refused", "decided"]


async def test_a_name_that_comes_again_takes_nothing_away() -> None:
    """E1: what was done stays, the second of that name lies beside it with answers of its own."""
    async with stage() as s:
        s.quote()
        disk, drop = disk_of(s), drop_of(s)
        for ident in ("a", "b"):
            put(disk, "x.jsonl", line(s, ident))
            await drop.look()
        assert files(disk) == [
            "done/x.jsonl", "done/x.jsonl.2", "done/x.jsonl.2.answers.jsonl", "done/x.jsonl.answers.jsonl",
        ]  # fmt: skip
        assert [answers(disk, name)[0]["id"] for name in ("x.jsonl", "x.jsonl.2")] == ["a", "b"]


class Mortal(FakeDisk):
    """dies_at: the number of the operation before which the process is killed; nothing of it happens, nor of any later one."""

    dies_at = 0

    def step(self, op: str, path: str) -> None:
        if self.dies_at and self.done + 1 >= self.dies_at:
            raise Killed(op)
        super().step(op, path)


async def _life(disk: Mortal, death: int) -> bool:
    """One look at the folder, killed before its `death`-th operation of the disk; whether it came that far."""
    async with stage(disk) as s:
        s.quote(AAA)
        s.quote(BBB)
        drop = drop_of(s)
        put(disk, "x.jsonl", line(s, "a") + b"\n" + line(s, "b", symbol=BBB, confidence=0.1))
        disk.dies_at = disk.done + death
        try:
            async with asyncio.timeout(0.5):  # whose journal died waits for ever
                await drop.look()
        except (Killed, TimeoutError, Broken):
            return True
        return False


async def test_a_death_at_any_operation_of_the_disk_loses_nothing_and_does_nothing_twice() -> None:
    """E1, O2: killed before each operation in turn, the journal's and the folder's; the next life ends with one
    decision a line, one order, and the decisions of the journal in the answers."""
    for death in count(1):
        disk, died = Mortal(), True
        with suppress(BaseExceptionGroup):  # the journal's task died with it
            died = await _life(disk, death)
        if not died:
            break
        disk.dies_at = 0
        disk.killed()
        async with stage(disk, now=T0 + 60 * NS) as t:
            t.quote(AAA)
            t.quote(BBB)
            await drop_of(t).look()
            made = {f.cause: f.decision_id for f in t.book.booked.recent}
            assert sorted(made) == ["api:a", "api:b"], death
            assert len(t.book.booked.recent) == 2, death
            assert t.book.booked.counts["orders"] == 1, death
            told = {f"api:{a['id']}": a["decisions"][0]["decision_id"] for a in answers(disk, "x.jsonl")}
            assert told == made, death
            assert files(disk) == ["done/x.jsonl", "done/x.jsonl.answers.jsonl"], death
    assert death > 12, "the way of a file has more operations than that"


async def test_trouble_with_the_folder_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """E1: it is never the journal's trouble; the house goes on, and the file with it when the disk is well again."""
    async with stage() as s:
        s.quote()
        disk, drop = disk_of(s), drop_of(s)
        put(disk, "x.jsonl", line(s, "a"))
        disk.error = errno.EACCES
        for _ in range(3):
            disk.fail_at = disk.done + 1
            await drop.look()
        assert drop._troubles == {WHERE: "[Errno 13] Permission denied: '/drop/taken'"}
        await drop.look()
        assert drop._troubles == {}
        assert files(disk) == ["done/x.jsonl", "done/x.jsonl.answers.jsonl"]
        assert s.house.journal.broken is None


async def test_files_wait_while_the_instruments_are_not_known() -> None:
    """E1: a file that lay there at the start is not refused for good by a house that only just woke."""
    async with stage(linked=False) as s:
        disk, drop = disk_of(s), drop_of(s)
        put(disk, "x.jsonl", line(s, "a"))
        await drop.look()
        assert files(disk) == ["taken/x.jsonl"]
        assert s.said(Decided) == []
        await s.member.link.open()
        await s.house.quiesce()
        s.quote()
        await drop.look()
        assert answers(disk, "x.jsonl")[0]["status"] == "decided"
        assert len(s.said(OrderIntended)) == 1
        assert s.clock.wall() < int(LEARN_S * NS) * 10**9


async def test_a_folder_on_a_server_is_refused() -> None:
    """E1: a server that hangs would hang the journal's thread."""
    async with stage() as s:
        disk_of(s).kind = "nfs"
        with pytest.raises(Misconfigured, match=r"drop\.dir: /drop is on nfs"):
            drop_of(s)
