"""The tape's files while a life writes them: one a UTC day, begun anew after each fault; the oldest are dropped.

A disk that is full, slow to answer or broken costs the tape a gap and nobody else anything: what could not be written is counted,
left out, and tried again later in a new file. Nothing is synced on the way: the tape may lose its last seconds with the machine,
never its order. Source: J5, RELIABILITY B8.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tradingd.config.model import TicksSettings
from tradingd.core.inputs import Input, Told
from tradingd.core.types import NS
from tradingd.ports import Env, File
from tradingd.shell.ticks.frames import Head, block_bytes, file_name, files_of, head_bytes

AGAIN_NS = 30 * NS  # after a fault
LOOK_NS = 10 * NS  # between two looks at the room that is left
DAY_NS = 86_400 * NS
SHARE = 16  # of all the room, that one file may have: dropping the oldest file drops no more than this


class Reel:
    """One life's files. Used by one thread.

    free_min: with less room than twice that, the tape yields to the journal; 0 never looks.
    kept, lost: entries on the tape and left out.   bytes: written.   why: the last fault, "" when none stands.
    """

    def __init__(self, env: Env, directory: str, settings: TicksSettings, *, instance: str, free_min: int) -> None:
        self.kept = self.lost = self.bytes = 0
        self.why = ""
        self._env = env
        self._directory = directory
        self._settings = settings
        self._instance = instance
        self._free_min = free_min
        self._file: File | None = None
        self._day = ""
        self._size = 0
        self._life = 0
        self._at, self._taken = 1, 0
        self._until = self._looked = 0  # mono: no try before; when the room was looked at

    def write(self, inputs: Sequence[Input]) -> None:
        """One block, or a gap of its length. Never raises OSError."""
        events = len([1 for each in inputs if not isinstance(each, Told)])
        try:
            data = block_bytes(self._at, self._taken, inputs)
        except (ValueError, OverflowError, TypeError) as error:
            self._write_each(inputs, error)
            return
        self._at, self._taken = self._at + len(inputs), self._taken + events
        if self._put(data):
            self.kept += len(inputs)
        else:
            self.lost += len(inputs)

    def skip(self, events: int) -> None:
        """So many events were never handed over."""
        self._at, self._taken = self._at + events, self._taken + events

    def close(self) -> None:
        """The file is on the disk for good, where the disk can."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.sync()
        except OSError as error:
            self._fault(error)
        finally:
            file.close()

    def _write_each(self, inputs: Sequence[Input], error: Exception) -> None:
        """One of them cannot be written: it alone is left out."""
        if len(inputs) > 1:
            for each in inputs:
                self.write((each,))
            return
        self.why = f"a {type(inputs[0]).__name__} cannot be written: {error}"
        self._at += 1
        self._taken += not isinstance(inputs[0], Told)
        self.lost += 1

    def _put(self, data: bytes) -> bool:
        if self._env.clock.mono() < self._until:
            return False
        try:
            if not self._room():
                return False
            file = self._opened()
            file.append(data)
        except OSError as error:
            self._fault(error)
            return False
        self.bytes += len(data)
        self._size += len(data)
        self.why = ""
        return True

    def _room(self) -> bool:
        now = self._env.clock.mono()
        if not self._free_min or (self._looked and now - self._looked < LOOK_NS):
            return True
        self._env.disk.mkdir(self._directory)
        free = self._env.disk.free(self._directory)
        if free < 2 * self._free_min:
            self._fault(OSError(f"{free:,} bytes are free, and the journal may need {2 * self._free_min:,}"))
            return False
        self._looked = now
        return True

    def _opened(self) -> File:
        """The file of this day; a new one where the last one is of another day, has its share of the room or had a fault."""
        day = datetime.fromtimestamp(self._env.clock.wall() // NS, UTC).date().isoformat()
        if self._file is not None and day == self._day and self._size < self._settings.keep_bytes // SHARE:
            return self._file
        self.close()
        disk = self._env.disk
        disk.mkdir(self._directory)
        names = files_of(disk.listdir(self._directory))
        number = (names[-1][0] if names else 0) + 1
        self._life = self._life or number
        self._day = day
        self._drop(names)
        self._size = 0
        self._file = disk.open_append(f"{self._directory}/{file_name(number, day)}")
        self._file.append(head_bytes(Head(self._life, self._instance)))
        return self._file

    def _drop(self, names: Sequence[tuple[int, str, str]]) -> None:
        """What is too old, of lives before; then the oldest of all while together they are too large."""
        disk, settings = self._env.disk, self._settings
        today = self._env.clock.wall()
        sizes = {name: self._size_of(name) for _, _, name in names}
        begins = [*(day for _, day, _ in names), self._day]
        for (number, _, name), end in zip(
            names, begins[1:], strict=True
        ):  # oldest first; each goes on to where the next begins
            age = today - int(datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp()) * NS
            old = number < self._life and age > settings.keep_days * DAY_NS
            if old or sum(sizes.values()) > settings.keep_bytes:
                disk.unlink(f"{self._directory}/{name}")
                del sizes[name]

    def _size_of(self, name: str) -> int:
        file = self._env.disk.open_append(f"{self._directory}/{name}")
        try:
            return file.size()
        finally:
            file.close()

    def _fault(self, error: OSError) -> None:
        self.why = str(error.strerror or error)
        self._until = self._env.clock.mono() + AGAIN_NS
        if self._file is not None:
            self._file.close()
            self._file = None
