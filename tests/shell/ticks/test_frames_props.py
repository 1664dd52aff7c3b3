"""What is put on the tape comes back as it was, and no damage is taken for what was put there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.anything import anything
from tradingd.core.events import Event, Quote
from tradingd.core.inputs import Input, Learned, Told
from tradingd.core.types import Instrument
from tradingd.shell.ticks.frames import MARK, Head, Scan, Torn, block_bytes, files_of, head_bytes, inputs_of

NUMBER = st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
QUOTES = st.builds(
    Quote, TEXT, NUMBER, NUMBER, st.integers(0, 2**63 - 1), bid_size=NUMBER, ask_size=NUMBER, seq=st.integers(0, 2**40),
    recv_ts=st.integers(0, 2**40), source=TEXT,
)  # fmt: skip
LISTED = st.builds(Instrument, symbol=TEXT, tick=st.sampled_from([Decimal("0.01"), Decimal("1E+1")]), sector=TEXT)
LEARNED = st.builds(
    Learned, ts=st.integers(0, 2**40), account=TEXT, instruments=st.lists(LISTED, max_size=2).map(tuple)
)
KINDS = [kind for kind in (*get_args(Event), *get_args(Told)) if kind not in (Quote, Learned)]
SAID = st.sampled_from(KINDS).flatmap(anything)  # any kind, and then any of it: a union of all is slow to draw from
INPUTS = st.lists(st.one_of(QUOTES, LEARNED, SAID), min_size=1, max_size=6)


def plain(each: Input) -> object:
    """Equal for what is equal, kinds of numbers included."""
    if isinstance(each, Quote):
        return [(type(v), v) for v in (getattr(each, name) for name in Quote.__slots__)]
    return each


def scan(data: bytes, size: int = 7) -> Scan:
    chunks: Iterator[bytes] = (data[i : i + size] for i in range(0, len(data), size))
    return Scan(chunks)


@given(st.lists(INPUTS, min_size=1, max_size=3), st.integers(1, 50))
def test_everything_comes_back_in_order_and_of_its_kind(blocks: list[list[Input]], size: int) -> None:
    """T1: a whole number stays one, a float keeps its bits; read in pieces of any size."""
    data = head_bytes(Head(3, "me"))
    for at, inputs in enumerate(blocks, 1):
        data += block_bytes(at, at * 10, inputs)
    found = scan(data, size)
    assert found.head == Head(3, "me")
    read = list(found.blocks())
    assert [(b.at, b.taken) for b in read] == [(at, at * 10) for at in range(1, len(blocks) + 1)]
    assert [[plain(each) for each in inputs_of(b)] for b in read] == [[plain(each) for each in b] for b in blocks]


@given(INPUTS, st.data())
def test_a_file_that_was_cut_gives_its_whole_blocks_and_says_so(inputs: list[Input], data: st.DataObject) -> None:
    head = head_bytes(Head(1, ""))
    whole = head + block_bytes(1, 0, inputs)
    longer = whole + block_bytes(1 + len(inputs), 0, inputs)
    cut = data.draw(st.integers(len(whole) + 1, len(longer) - 1))
    blocks = scan(longer[:cut]).blocks()
    assert len(inputs_of(next(blocks))) == len(inputs)
    with pytest.raises(Torn, match="ends inside a block"):
        next(blocks)


@given(INPUTS, st.data())
def test_no_altered_byte_of_a_block_goes_unnoticed(inputs: list[Input], data: st.DataObject) -> None:
    head, block = head_bytes(Head(1, "")), bytearray(block_bytes(1, 0, inputs))
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Torn):
        list(scan(head + bytes(block)).blocks())


@pytest.mark.parametrize("data", [b"", b"something else entirely", MARK, MARK + b"\0" * 8])
def test_what_is_no_tape_says_so(data: bytes) -> None:
    with pytest.raises(Torn):
        scan(data)


def test_files_are_known_by_name_and_in_order() -> None:
    names = ["tape-000010-2008-01-02.bin", "notes.txt", "tape-000002-2008-01-02.bin", "tape-1-2008-01-02.bin"]
    assert [number for number, _, _ in files_of(names)] == [2, 10]
