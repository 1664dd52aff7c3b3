"""The tape's bytes: a file is a mark and frames; a frame is a length, a CRC and a compressed block of what was heard.

    tradingd tape 1\\n | <length u32> <crc32 u32> <zlib of msgpack: Head> | <length> <crc32> <zlib of msgpack: Block> | ...

The first frame of a file says whose it is. Blocks are whole or not there: a file that a kill or a full disk cut short ends with
its last whole block. A quote's numbers keep their bits and their kind (a whole number stays one), so that what is replayed from
here gives the same bytes. Source: T1, J5.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec

from tradingd.core.events import Event, Quote
from tradingd.core.inputs import Input, Told
from tradingd.core.types import Symbol

MARK = b"tradingd tape 1\n"
FRAME_MAX = 64 << 20  # bytes a frame may have: more is damage
_FRAME = struct.Struct("<II")
_FILE = re.compile(r"tape-([0-9]{6,})-([0-9]{4}-[0-9]{2}-[0-9]{2})\.bin")

Number = int | float
Row = tuple[
    str, Number, Number, int, Number, Number, int, int, str
]  # a quote: symbol, bid, ask, ts, sizes, seq, recv_ts, source
_SAID: Any = reduce(or_, (kind for kind in (*get_args(Event), *get_args(Told)) if kind is not Quote))


class Head(msgspec.Struct, frozen=True, array_like=True):
    """life: the number of the life's first file.   instance: of the journal it belongs to."""

    life: int
    instance: str


class Block(msgspec.Struct, frozen=True, array_like=True):
    """at: place on the life's tape of its first entry, from 1.   taken: the inbox's number of the last event before the block.
    places: where in the block the entries of `said` stand; all others are quotes, in order."""

    at: int
    taken: int
    places: tuple[int, ...]
    said: tuple[_SAID, ...]
    quotes: tuple[Row, ...]


class Torn(Exception):
    """A file that is not whole from here on; the message says why."""


_encode = msgspec.msgpack.Encoder().encode
_head = msgspec.msgpack.Decoder(Head)
_block = msgspec.msgpack.Decoder(Block)


def file_name(number: int, day: str) -> str:
    """number: rises over all files of a directory.   day: UTC, ISO."""
    return f"tape-{number:06d}-{day}.bin"


def files_of(names: Sequence[str]) -> list[tuple[int, str, str]]:
    """(number, day, name) of the tape's files, in order."""
    return sorted((int(found[1]), found[2], name) for name in names if (found := _FILE.fullmatch(name)))


def head_bytes(head: Head) -> bytes:
    """How a file begins."""
    return MARK + _framed(_encode(head))


def block_bytes(at: int, taken: int, inputs: Sequence[Input]) -> bytes:
    """One frame. ValueError (UnicodeEncodeError among them), OverflowError or TypeError for what cannot be written."""
    places = tuple(i for i, each in enumerate(inputs) if each.__class__ is not Quote)
    said = tuple(inputs[i] for i in places)
    rows = tuple(
        (q.symbol, q.bid, q.ask, q.ts, q.bid_size, q.ask_size, q.seq, q.recv_ts, q.source)
        for q in inputs
        if q.__class__ is Quote
    )
    return _framed(_encode((at, taken, places, said, rows)))


def _framed(data: bytes) -> bytes:
    packed = zlib.compress(data, 1)
    return _FRAME.pack(len(packed), zlib.crc32(packed)) + packed


def inputs_of(block: Block) -> list[Input]:
    """The block's entries in order. Torn when its parts do not fit together."""
    rows = iter(block.quotes)
    size = len(block.places) + len(block.quotes)
    said = dict(zip(block.places, block.said, strict=True)) if len(block.places) == len(block.said) else {}
    if len(said) != len(block.places) or any(not 0 <= place < size for place in said):
        raise Torn("a block's parts do not fit together")
    return [said[i] if i in said else _quote(next(rows)) for i in range(size)]


def _quote(row: Row) -> Quote:
    symbol, bid, ask, ts, bid_size, ask_size, seq, recv_ts, source = row
    return Quote(
        Symbol(symbol), bid, ask, ts, bid_size=bid_size, ask_size=ask_size, seq=seq, recv_ts=recv_ts, source=source
    )


class Scan:
    """Reads one file as its chunks come. head: of the file, known once the first block or the end was asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        if self._bytes(len(MARK)) != MARK:
            raise Torn("it does not begin as a tape of this version")
        data = self._frame()
        if data is None:
            raise Torn("it ends before it says whose it is")
        self.head: Head = _decoded(_head, data)

    def blocks(self) -> Iterator[Block]:
        """The whole blocks. Torn at the first that is not."""
        while (data := self._frame()) is not None:
            yield _decoded(_block, data)

    def _frame(self) -> bytes | None:
        """The next frame's content, None at the end."""
        head = self._bytes(_FRAME.size)
        if not head:
            return None
        if len(head) < _FRAME.size:
            raise Torn("it ends inside a block")
        size, crc = _FRAME.unpack(head)
        packed = self._bytes(size) if size <= FRAME_MAX else b""
        if len(packed) < size:
            raise Torn("it ends inside a block")
        if zlib.crc32(packed) != crc:
            raise Torn("a block was altered")
        try:
            return zlib.decompress(packed)
        except zlib.error as error:
            raise Torn(f"a block cannot be read: {error}") from None

    def _bytes(self, count: int) -> bytes:
        while len(self._rest) < count and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        found, self._rest = self._rest[:count], self._rest[count:]
        return found


def _decoded(decoder: Any, data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Torn(f"a block cannot be understood: {error}") from None
