"""The drop folder: recommendations by files, each answered by a file beside it. Source: E1.

A file counts once it bears its name: write it elsewhere or under another name, then rename it. It is moved to `taken/`, decided,
answered in `done/<name>.answers.jsonl`, and only then moved to `done/`. Whatever ends the process in between, the next one begins
it again, and what was decided already is answered with that decision. What cannot be read goes to `bad/` with the reason.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import msgspec

from tradingd.core.events import Recommendation
from tradingd.core.gates.intake import key
from tradingd.ports import Env, Misconfigured
from tradingd.shell.intake.schema import BATCH_MAX, Fault, Told, recommendation, refused
from tradingd.shell.logs import log
from tradingd.shell.web.desk import Counter, NotReady
from tradingd.shell.web.limits import strict_json

FILE_MAX = 10 << 20
LINES_MAX = 10_000
LINE_MAX = 64 << 10  # also of a whole .json
FILES_A_ROUND = 100
PARSED_AT_ONCE = 50  # lines; then others get a turn
KINDS = frozenset({"local", "tmpfs", "overlay", "unknown"})  # a server that hangs would hang the journal's thread
UNFIT = frozenset({errno.ELOOP, errno.EINVAL, errno.EPERM, errno.EFBIG, errno.EISDIR, errno.ENXIO})


class Unfit(Exception):
    """The file as a whole cannot be read as recommendations."""


class Item(NamedTuple):
    """One recommendation of a file. line: from 1 (in a .json its place in the list).   value: what came, when it was JSON."""

    line: int
    read: Recommendation | Fault
    value: Any = None


class Drop:
    """Looks into one folder. Its disk errors are told and tried again at the next look; they never end the house."""

    def __init__(self, env: Env, counter: Counter, directory: str) -> None:
        self.env = env
        self.counter = counter
        self.directory = directory
        self._troubles: dict[str, str] = {}

    async def look(self) -> None:
        """One round: everything that is there, by name. Raises Broken when the house is."""
        try:
            names = await self.env.blocking(self._claim)
        except OSError as no:
            self._tell(self.directory, str(no))
            return
        self._troubles.pop(self.directory, None)
        for name in names:
            try:
                await self._work(name)
            except NotReady:
                return
            except Unfit as no:
                await self._set_aside(name, str(no))
            except OSError as no:
                if no.errno in UNFIT:
                    await self._set_aside(name, no.strerror or str(no))
                else:
                    self._tell(name, str(no))
            else:
                self._troubles.pop(name, None)

    def _claim(self) -> list[str]:
        """Move what is new into `taken/`: nobody can put another file under its name while it is worked on."""
        disk, taken = self.env.disk, self.env.disk.listdir(f"{self.directory}/taken")
        fresh = [name for name in disk.listdir(self.directory) if _meant(name) and name not in taken]
        for name in fresh[:FILES_A_ROUND]:
            disk.rename(f"{self.directory}/{name}", f"{self.directory}/taken/{name}")
            taken.append(name)
        return sorted(name for name in taken if _meant(name))

    async def _work(self, name: str) -> None:
        """Read, decide, answer, put away. What is not decided in time stays for the next round."""
        path = f"{self.directory}/taken/{name}"
        data = await self.env.blocking(lambda: self.env.disk.read_regular(path, FILE_MAX))
        told = await self._decide(await self._items(name, data))
        if any(each.status == "pending" for each in told):
            return
        answers = b"".join(msgspec.json.encode(each) + b"\n" for each in told)
        await self.env.blocking(lambda: self._put_away(name, "done", ".answers.jsonl", answers))
        bad = len([each for each in told if each.status == "refused"])
        log.info("drop.done", file=name, lines=len(told), refused=bad)

    async def _items(self, name: str, data: bytes) -> list[Item]:
        now = self.env.clock.wall()
        if not name.endswith(".jsonl"):
            return _document(data, now)
        if data.count(b"\n") > LINES_MAX:
            raise Unfit(f"more than {LINES_MAX} lines")
        items = []
        for number, line in enumerate(data.split(b"\n"), 1):
            if number % PARSED_AT_ONCE == 0:
                await self.env.clock.sleep(0)
            if line.strip():
                items.append(_line(number, line, now))
        return items

    async def _decide(self, items: list[Item]) -> list[Told]:
        """Of the whole file, highest confidence first; of twins in it the first counts. The answers in the order of the file."""
        told = {item.line: refused(item.read, item.value, item.line) for item in items if isinstance(item.read, Fault)}
        for batch in _batches(items):
            answers = await self.counter.take([rec for _, rec in batch])
            for (line, _), answer in zip(batch, answers, strict=True):
                told[line] = msgspec.structs.replace(answer, line=line)
        return [told[item.line] for item in items]

    async def _set_aside(self, name: str, why: str) -> None:
        log.error("drop.unreadable", file=name, why=why)
        try:
            await self.env.blocking(lambda: self._put_away(name, "bad", ".why.txt", f"{why}\n".encode()))
        except OSError as no:
            self._tell(name, str(no))

    def _put_away(self, name: str, folder: str, suffix: str, note: bytes) -> None:
        """Write the note, then move the file beside it: a file in `done/` or `bad/` has its note."""
        disk, where = self.env.disk, f"{self.directory}/{folder}"
        there = set(disk.listdir(where))
        kept = next(free for n in count(1) if (free := name if n == 1 else f"{name}.{n}") not in there)
        draft = f".{kept}{suffix}.tmp"
        if draft in there:  # of a life that ended here
            disk.unlink(f"{where}/{draft}")
        disk.write_new(f"{where}/{draft}", note)
        disk.rename(f"{where}/{draft}", f"{where}/{kept}{suffix}")
        disk.sync_dir(where)
        disk.rename(f"{self.directory}/taken/{name}", f"{where}/{kept}")
        disk.sync_dir(where)
        disk.sync_dir(f"{self.directory}/taken")

    def _tell(self, what: str, why: str) -> None:
        """Once, until it is another trouble or over."""
        if self._troubles.get(what) != why:
            self._troubles[what] = why
            log.error("drop.trouble", file=what, why=why)


def open_drop(env: Env, counter: Counter, directory: str) -> Drop:
    """The folder and its parts, made when they are not there. Raises Misconfigured when it cannot be used."""
    try:
        for part in ("taken", "done", "bad"):
            env.disk.mkdir(f"{directory}/{part}")
        kind = env.disk.fs_kind(directory)
    except OSError as no:
        raise Misconfigured(f"drop.dir: {no}") from no
    if kind not in KINDS:
        raise Misconfigured(f"drop.dir: {directory} is on {kind}; it must be on a local disk")
    return Drop(env, counter, directory)


def watch_drop(env: Env, counter: Counter, directory: str, every_s: float, add: Callable[..., None]) -> None:
    """Have the folder looked into. add: of the house's schedule."""
    add("drop", every_s, open_drop(env, counter, directory).look)


def _meant(name: str) -> bool:
    return name.endswith((".jsonl", ".json")) and not name.startswith(".")


def _line(number: int, line: bytes, now: int) -> Item:
    if len(line) > LINE_MAX:
        return Item(number, Fault("", f"longer than {LINE_MAX} bytes"))
    try:
        value = strict_json(line)
    except (ValueError, RecursionError) as no:
        return Item(number, Fault("", str(no)[:300]))
    return Item(number, recommendation(value, now), value)


def _document(data: bytes, now: int) -> list[Item]:
    """A .json: one recommendation, or a list of at most 100."""
    if len(data) > LINE_MAX:
        raise Unfit(f"longer than {LINE_MAX} bytes: write more than that as .jsonl")
    try:
        value = strict_json(data)
    except (ValueError, RecursionError) as no:
        raise Unfit(str(no)[:300]) from None
    values = value if isinstance(value, list) else [value]
    if len(values) > BATCH_MAX:
        raise Unfit(f"more than {BATCH_MAX} recommendations: write them as .jsonl")
    return [Item(n, recommendation(each, now), each) for n, each in enumerate(values, 1)]


def _batches(items: list[Item]) -> list[list[tuple[int, Recommendation]]]:
    firsts: dict[tuple[str, str | None], tuple[int, Recommendation]] = {}
    twins = []
    for item in items:
        if isinstance(item.read, Fault):
            continue
        pair = (item.line, item.read)
        if firsts.setdefault((key(item.read), item.read.account), pair) is not pair:
            twins.append(pair)
    order = [*sorted(firsts.values(), key=lambda pair: -pair[1].confidence), *twins]
    return [order[at : at + BATCH_MAX] for at in range(0, len(order), BATCH_MAX)]
