"""Notes of what is durable, beside the journal: they tell a torn tail from a damaged last group.

The watermark inside a record covers the groups before its own; a note covers the last one. A note is written after the fsync
it speaks of, so every intact note is true; it is not synced itself, so a power cut may take the newest ones along. A lost note
costs strictness about the last group, never a record. Source: ADR-0003, RELIABILITY B2, B3.
"""

from __future__ import annotations

import re
from hashlib import sha256

from tradingd.ports import Disk, File
from tradingd.shell.journal.segments import place

NAME = "durable.txt"
SIZE_MAX = 16 << 10
_NOTE = re.compile(rb"^([0-9]{1,18}) ([0-9a-f]{64}) [0-9a-f]{16}$", re.MULTILINE)


def note(instance: str, seq: int, head: bytes) -> bytes:
    """One line: sequence, hash of that record, check."""
    said = f"{seq} {head.decode()}"
    return f"{said} {sha256(f'{instance} {said}'.encode()).hexdigest()[:16]}\n".encode()


def read_marks(disk: Disk, directory: str, instance: str) -> dict[int, bytes]:
    """Hashes of records that were durable, by sequence. Torn and foreign notes are left out."""
    try:
        data = disk.read(f"{directory}/{NAME}")
    except FileNotFoundError:
        return {}
    found: dict[int, bytes] = {}
    for line in _NOTE.finditer(data):
        seq, head = int(line[1]), line[2]
        if line[0] + b"\n" == note(instance, seq, head):
            found[seq] = head
    return found


class Marks:
    """The notes of the running journal; begins anew with one synced note."""

    def __init__(self, disk: Disk, directory: str, instance: str, seq: int, head: bytes) -> None:
        self._instance = instance
        place(disk, directory, NAME, note(instance, seq, head))
        self._file: File = disk.open_append(f"{directory}/{NAME}")
        self._size = self._file.size()

    def add(self, seq: int, head: bytes) -> None:
        if self._size > SIZE_MAX:
            self._file.truncate(0)
            self._size = 0
        line = note(self._instance, seq, head)
        self._file.append(line)
        self._size += len(line)

    def sync(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()
