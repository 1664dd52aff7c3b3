"""Snapshots: the book at one sequence, so that a restart folds only what came after it.

A file is one JSON header line and the state's bytes; the header's `sha` covers both. Anything that is not whole, not of this
instance or not of this schema is as if it were not there (B14).
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec

from tradingd.ports import Disk

_NAME = re.compile(r"snapshot-([0-9]{12,})\.bin")
_encoder = msgspec.json.Encoder()


class _Header(msgspec.Struct, frozen=True):
    schema: int
    instance: str
    seq: int
    head: str
    bytes: int
    sha: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """seq, head: the last record it includes."""

    seq: int
    head: bytes
    schema: int
    state: bytes


_decoder = msgspec.json.Decoder(_Header)


def snapshot_name(seq: int) -> str:
    return f"snapshot-{seq:012d}.bin"


def snapshots_of(names: list[str]) -> list[tuple[int, str]]:
    """(sequence, name), newest first."""
    return sorted(((int(found[1]), name) for name in names if (found := _NAME.fullmatch(name))), reverse=True)


def encode(instance: str, schema: int, seq: int, head: bytes, state: bytes) -> bytes:
    header = _Header(schema, instance, seq, head.decode(), len(state))
    sealed = msgspec.structs.replace(header, sha=_sha(header, state))
    return b"%b\n%b" % (_encoder.encode(sealed), state)


def decode(data: bytes, instance: str) -> Snapshot | None:
    """None when it is damaged or another instance's."""
    line, newline, state = data.partition(b"\n")
    try:
        header = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    unsealed = msgspec.structs.replace(header, sha="")
    if not newline or header.instance != instance or header.bytes != len(state) or header.sha != _sha(unsealed, state):
        return None
    return Snapshot(header.seq, header.head.encode(), header.schema, state)


def read_snapshots(disk: Disk, directory: str, names: list[str], instance: str) -> list[Snapshot]:
    """The good ones, newest first."""
    found = (decode(disk.read(f"{directory}/{name}"), instance) for _, name in snapshots_of(names))
    return [snapshot for snapshot in found if snapshot is not None]


def _sha(header: _Header, state: bytes) -> str:
    return sha256(_encoder.encode(header) + b"\n" + state).hexdigest()
