"""The journal's line: how a fact becomes one, and how a line proves that it is the next one. ADR-0003 draws it.

    {"seq":7,"prev":"<64 hex>","durable":5,"wall":..,"mono":..,"boot":"..","left":2,"kind":"Filled","fact":{..},"sha":".."}\n

`sha` is the SHA-256 of all bytes of the line before `,"sha"`; the previous record's sha stands inside them. Field order and
encoding are fixed, so equal facts at equal times in equal groups give equal bytes on every machine.

`left` says how many records of the same append follow: the facts of one step of the core count down to 0 and have all from
`durable` to `boot` in common. A journal that ends before that 0 ends inside a step, and a start takes the step back (B2, I8).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from tradingd.core.facts import AnyFact
from tradingd.ports import Broken
from tradingd.shell.journal.finite import unfit

SCHEMA = 1
NO_HEAD = b"0" * 64
GENESIS, SEGMENT = (
    "genesis",
    "segment",
)  # kinds of the lines that are no facts: the first of a journal, of a later segment
TAIL = len(',"sha":""}') + 64
LEFT = b',"left":'  # no other field before it can hold these bytes: inside text the quotes are escaped
_FACT = b',"fact":'

Stamped = tuple[bytes, Sequence[tuple[str, bytes]]]  # the stamp of one append, its (kind, payload) pairs


class JournalDamaged(Broken):
    """A record that was promised durable is altered or missing: refuse to trade."""


class JournalLocked(Broken):
    """Another process writes this journal."""


class FactRefused(Broken):
    """A fact that would not come back from the journal as it went in. Nothing of its append was taken (B12)."""


class Genesis(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote this journal: sequence 0. build, config: hashes. nonce: makes two journals of one instance differ."""

    instance: str
    nonce: str
    build: str
    config: str
    schema: int = SCHEMA


class SegmentHead(msgspec.Struct, frozen=True, kw_only=True):
    """First line of each later segment. It repeats sequence and hash of the record before it and has no place in the chain."""

    instance: str
    first: int
    schema: int = SCHEMA


class Line(msgspec.Struct, frozen=True):
    """One line's fields, the payload as it stands."""

    seq: int
    prev: str
    durable: int
    wall: int
    mono: int
    boot: str
    left: int
    kind: str
    fact: msgspec.Raw
    sha: str


class Place(msgspec.Struct, frozen=True):
    """A place in the chain: right after record `seq`, whose hash is `head`.

    left: records of its append that must follow.   common: the bytes (`durable` to `boot`) they must share with it.
    """

    seq: int
    head: bytes
    left: int = 0
    common: bytes = b""


H = TypeVar("H", Genesis, SegmentHead)

_encoder = msgspec.json.Encoder()
_line = msgspec.json.Decoder(Line)
_fact: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
_genesis = msgspec.json.Decoder(Genesis)
_segment = msgspec.json.Decoder(SegmentHead)


def payload(fact: AnyFact, size_max: int) -> tuple[str, bytes]:
    """(kind, JSON) of a fact. FactRefused when it could not come back equal: NaN, infinity, lone surrogates, too long."""
    kind = type(fact).__name__
    try:
        data = _encoder.encode(fact)
    except (ValueError, TypeError, OverflowError) as e:
        raise FactRefused(f"{kind} cannot be written: {e}") from e
    if b"null" in data or b'NaN"' in data or b'Infinity"' in data:  # how each of them looks once encoded
        where = unfit(fact)
        if where is not None:
            raise FactRefused(f"{kind} cannot be written: {where} is not a finite number")
    if len(data) > size_max:
        raise FactRefused(f"{kind} cannot be written: {len(data)} bytes, at most {size_max}")
    return kind, data


def stamp(wall: int, mono: int, boot: str) -> bytes:
    """The part of a line that says when: the same for all facts of one append."""
    return b'"wall":%d,"mono":%d,"boot":%b' % (wall, mono, _encoder.encode(boot))


def seal(seq: int, prev: bytes, durable: int, when: bytes, left: int, kind: str, data: bytes) -> tuple[bytes, bytes]:
    """(line with newline, its hash). left: how many records of its append follow."""
    body = b'{"seq":%d,"prev":"%b","durable":%d,%b,"left":%d,"kind":"%b","fact":%b' % (
        seq, prev, durable, when, left, kind.encode(), data,
    )  # fmt: skip
    head = sha256(body).hexdigest().encode()
    return b'%b,"sha":"%b"}\n' % (body, head), head


def seal_all(
    seq: int, prev: bytes, durable: int, group: Sequence[Stamped], marks: frozenset[int]
) -> tuple[bytes, dict[int, bytes]]:
    """The lines of one commit group after record `seq`. Also the hashes of the records in `marks` and of the last one."""
    out: list[bytes] = []
    heads: dict[int, bytes] = {}
    for when, items in group:
        left = len(items)
        for kind, data in items:
            seq += 1
            left -= 1
            line, prev = seal(seq, prev, durable, when, left, kind, data)
            out.append(line)
            if seq in marks:
                heads[seq] = prev
    heads[seq] = prev
    return b"".join(out), heads


def genesis_line(genesis: Genesis, when: bytes) -> tuple[bytes, bytes]:
    return seal(0, NO_HEAD, 0, when, 0, GENESIS, _encoder.encode(genesis))


def segment_line(seq: int, head: bytes, when: bytes, instance: str) -> bytes:
    """Header of the segment that goes on after record `seq`."""
    return seal(seq, head, seq, when, 0, SEGMENT, _encoder.encode(SegmentHead(instance=instance, first=seq + 1)))[0]


# reading: lines come without their newline -------------------------------------------------------------------------------


def intact(line: bytes) -> bool:
    """Do the line's bytes match the hash it ends with?"""
    return line[-TAIL:] == b',"sha":"%b"}' % sha256(line[:-TAIL]).hexdigest().encode()


def hash_of(line: bytes) -> bytes:
    return line[-66:-2]


def joins(line: bytes, at: Place) -> bool:
    """Does an intact line name the sequence and the hash it must follow?"""
    return line.startswith(b'{"seq":%d,"prev":"%b",' % (at.seq + 1, at.head))


def follow(lines: Sequence[bytes], at: Place) -> tuple[int, int, Place]:
    """Walk lines that should come after a place: (how many do, how many of them to the end of the last whole append, the place
    after the last good one)."""
    good = whole = 0
    seq, head, left, common = at.seq, at.head, at.left, at.common
    for line in lines:
        digest = sha256(line[:-TAIL]).hexdigest().encode()
        if line[-TAIL:] != b',"sha":"%b"}' % digest:
            break
        begins = b'{"seq":%d,"prev":"%b",' % (seq + 1, head)
        if left:
            if not line.startswith(b'%b%b,"left":%d,' % (begins, common, left - 1)):
                break
            left -= 1
        else:
            end = line.find(LEFT, len(begins))
            count = line[end + len(LEFT) : line.find(b",", end + len(LEFT))]
            if not line.startswith(begins) or end < 0 or not count.isdigit():
                break
            left, common = int(count), line[len(begins) : end]
        good += 1
        seq += 1
        head = digest
        if not left:
            whole = good
    return good, whole, Place(seq, head, left, common)


def fault(line: bytes, at: Place) -> str:
    """Why a line is not the record after a place, in words."""
    seq = at.seq
    if not intact(line):
        return f"record {seq + 1} was altered: its bytes do not match its hash"
    found = parse(line)
    if joins(line, at):
        why = (
            f"it says that {found.left} more follow"
            if found.left != at.left - 1
            else "it names another time, boot or watermark"
        )
        return f"record {seq + 1} does not go on with the append of record {seq}, of which {at.left} must follow: {why}"
    if found.seq == seq + 1:
        return f"record {seq + 1} does not follow record {seq}: it comes from another journal, or its predecessor was replaced"
    if found.seq <= seq:
        return f"record {found.seq} stands where record {seq + 1} belongs: doubled or moved"
    return f"record {seq + 1} is missing: record {found.seq} stands in its place"


def parse(line: bytes) -> Line:
    """The fields of a line. Broken when it is no journal line."""
    try:
        return _line.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Broken(f"not a journal line: {e}") from e


def parse_genesis(line: bytes) -> Genesis:
    """Broken when the line is no genesis or one of a newer version."""
    return _head(parse(line), GENESIS, _genesis)


def parse_segment(line: bytes) -> SegmentHead:
    return _head(parse(line), SEGMENT, _segment)


def _head(line: Line, kind: str, decoder: msgspec.json.Decoder[H]) -> H:
    if line.kind != kind:
        raise JournalDamaged(f"a {kind} line was expected, found {line.kind}")
    try:
        head = decoder.decode(line.fact)
    except msgspec.MsgspecError as e:
        raise Broken(f"the {kind} line cannot be read: {e}") from e
    if head.schema != SCHEMA:
        raise Broken(f"the journal has schema {head.schema}, this version of tradingd reads {SCHEMA}")
    return head


def data_of(line: bytes) -> bytes:
    """The fact's own bytes. Their place is known by the key before them: no quote inside a text stands bare."""
    return line[line.find(_FACT) + len(_FACT) : -TAIL]


def fact_of(line: bytes) -> AnyFact:
    """The fact of a line whose chain was walked."""
    try:
        return _fact.decode(data_of(line))
    except msgspec.MsgspecError:
        return parse_fact(line)[1]  # says what is wrong


def parse_fact(line: bytes) -> tuple[int, AnyFact]:
    """(sequence, fact). Broken, naming both, for a kind this version does not know (B16)."""
    found = parse(line)
    try:
        return found.seq, _fact.decode(found.fact)
    except msgspec.MsgspecError as e:
        raise Broken(
            f"record {found.seq} ({found.kind}) cannot be understood by this version of tradingd, it was probably written "
            f"by a newer one: {e}"
        ) from e
