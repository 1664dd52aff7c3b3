"""Reading tapes beside their writer or without one: lives, and what each heard in order, to its end or its first gap."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tradingd.core.inputs import Began, Ended, Input, Told
from tradingd.ports import Broken, Disk
from tradingd.shell.ticks.frames import Block, Scan, Torn, files_of, inputs_of

DIRECTORY = "ticks"  # inside the state directory


class Heard(msgspec.Struct, frozen=True):
    """at: place on the life's tape.   number: the inbox's, of an event; 0 for what is none."""

    at: int
    number: int
    input: Input


class Life(msgspec.Struct, frozen=True):
    """One process's tape. files: names in order."""

    number: int
    began: Began
    files: tuple[str, ...]


class Playback:
    """Iterate once. Afterwards: gap says why the tape cannot be followed further ("" when it can), ended that the process closed
    it on purpose."""

    def __init__(self, disk: Disk, directory: str, life: Life) -> None:
        self.gap = ""
        self.ended = False
        self._disk = disk
        self._directory = directory
        self._life = life

    def __iter__(self) -> Iterator[Heard]:
        at = 1
        for name in self._life.files:
            try:
                for block in Scan(self._disk.read_chunks(f"{self._directory}/{name}")).blocks():
                    if block.at != at:
                        self.gap = f"{block.at - at} entries are missing before {name}'s entry {block.at}"
                        return
                    yield from self._block(block)
                    at += len(block.places) + len(block.quotes)
            except Torn as torn:
                if name != self._life.files[-1]:
                    self.gap = f"{name}: {torn}"
                    return
            except OSError as error:
                self.gap = f"{name}: {error.strerror or error}"
                return

    def _block(self, block: Block) -> Iterator[Heard]:
        number = block.taken
        for i, each in enumerate(inputs_of(block)):
            self.ended = self.ended or isinstance(each, Ended)
            if isinstance(each, Told):
                yield Heard(block.at + i, 0, each)
            else:
                number += 1
                yield Heard(block.at + i, number, each)


def lives(disk: Disk, directory: str, instance: str = "") -> list[Life]:
    """Those whose first entry is still there, oldest first. instance: of the journal, "" takes any. Broken for a disk that does not
    answer."""
    parts: dict[int, list[str]] = {}
    try:
        for _, _, name in files_of(disk.listdir(directory)):
            try:
                head = Scan(disk.read_chunks(f"{directory}/{name}")).head
            except Torn:
                continue  # cut short before it said whose it is
            if instance in {"", head.instance}:
                parts.setdefault(head.life, []).append(name)
        found = [(number, _began(disk, directory, files[0]), files) for number, files in sorted(parts.items())]
    except OSError as error:
        raise Broken(f"the tape cannot be read: {error.strerror or error}") from error
    return [Life(number, began, tuple(files)) for number, began, files in found if began is not None]


def _began(disk: Disk, directory: str, name: str) -> Began | None:
    try:
        block = next(Scan(disk.read_chunks(f"{directory}/{name}")).blocks(), None)
        first = inputs_of(block)[:1] if block is not None and block.at == 1 else []
    except Torn:
        return None
    return first[0] if first and isinstance(first[0], Began) else None
