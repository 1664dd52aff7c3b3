"""Laws of what is kept: facts, books and configurations come back from where they were written as they were."""

from __future__ import annotations

import asyncio
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.anything import anything
from tests.core.storm import carry_out, storms
from tests.core.world import ACCOUNT, World
from tests.fakes.disk import FakeDisk
from tests.shell.journal.desk import opened, running
from tradingd.config import Config, describe, load_text
from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.facts import AnyFact
from tradingd.core.types import TierName

FEW = settings(max_examples=max(25, settings.default.max_examples // 10))
TEXT = 'mode = "paper"\n[accounts.a1]\nbroker = "sim"\n[strategies.trend]\n[instruments.ACME]\nsector = "tech"\ntick = 0.05\n'
BASE = load_text(TEXT).config
SECTIONS = [name for name in Config.__struct_fields__ if isinstance(getattr(BASE, name), msgspec.Struct)]


def other_values(value: Any) -> list[Any]:
    """What a setting may be instead, by its kind; its own rules then say which of these are possible."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, Enum):
        return [v for v in type(value) if v is not value]
    if isinstance(value, int | float | Decimal):
        step = type(value)(1)
        return [value + step, value - step, value * 2, value // 2, *([value * 0.9] if isinstance(value, float) else [])]
    if isinstance(value, msgspec.Struct):
        return [changed for name in value.__struct_fields__ for changed in changes(value, name)]
    return ["ioc", "market", "127.0.0.1", "::1", "elsewhere"] if isinstance(value, str) else []


def changes(section: msgspec.Struct, name: str) -> list[Any]:
    """The section with that field changed, in each way its own rules allow and the loader would take."""
    found = []
    for value in other_values(getattr(section, name)):
        try:
            changed = msgspec.structs.replace(section, **{name: value})
            found.append(msgspec.convert(msgspec.to_builtins(changed), type(section)))  # replace looks at no types
        except (ValueError, TypeError):
            continue
    return found


LEAVES = [(s, n) for s in SECTIONS for n in getattr(BASE, s).__struct_fields__]
MOVES = {leaf: changes(getattr(BASE, leaf[0]), leaf[1]) for leaf in LEAVES}


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """One field changed in each of some sections: whatever its rules allow."""
    found = BASE
    for section in draw(st.sets(st.sampled_from(SECTIONS), min_size=1)):
        leaf = draw(st.sampled_from([leaf for leaf in LEAVES if leaf[0] == section and MOVES[leaf]]))
        found = msgspec.structs.replace(found, **{section: draw(st.sampled_from(MOVES[leaf]))})
    return found


def through_journal(facts: list[AnyFact], state: bytes, after: list[AnyFact]) -> tuple[bytes | None, list[AnyFact]]:
    """facts, a snapshot of `state`, facts after it, to the disk and back: the snapshot, and the tail behind it."""
    disk = FakeDisk()
    journal, _ = opened(disk)

    async def write() -> None:
        async with running(journal):
            await journal.synced(journal.append(facts))
            assert await journal.snapshot(state)
            await journal.synced(journal.append(after))

    asyncio.run(write())
    _, recovery = opened(disk)
    return recovery.snapshot, [fact for _, fact in recovery.tail()]


@pytest.mark.parametrize("kind", [*typing.get_args(AnyFact), Booked, Config], ids=lambda kind: kind.__name__)
@FEW
@given(st.data())
def test_what_is_kept_is_read_back_equal_in_every_field(kind, data):
    """S2 property 29 (J1, E5, E2, E6, E14, H6): every kind of fact through the journal's files, the booked half of an account
    through a snapshot, the configuration through its text: equal in value, type and number of places."""
    if kind is Config:
        kept = data.draw(configs())
        assert load_text(describe(kept)).config == kept
        return
    kept = data.draw(anything(kind))
    if kind is Booked:
        state, _ = through_journal([], Book(ACCOUNT, booked=kept).dump(), [])
        read = Book.load(state)
    else:
        _, [read] = through_journal([], b"{}", [kept])
    assert repr(read) == repr(kept)


def test_no_setting_is_left_out_of_that_law():
    """H6: each field of each section is among those that are changed, but for free tables by name."""
    still = {f"{section}.{name}" for (section, name), moves in MOVES.items() if not moves}
    assert still <= {"web.tokens"}
    assert TierName.MODERATE in {moved.name for moved in MOVES["tier", "name"]}


@settings(max_examples=max(40, settings.default.max_examples // 5))
@given(storms, st.integers(0, 60))
def test_a_book_read_back_from_its_journal_is_the_book_that_wrote_it(storm, cut):
    """I8, J1, B14: snapshot at any moment and the facts after it, from disk, fold to the same bytes as the live book."""
    world = World()
    for what in storm[:cut]:
        carry_out(world, what)
    before, state = list(world.facts), world.book.dump()
    for what in storm[cut:]:
        carry_out(world, what)
    kept, tail = through_journal(before, state, world.facts[len(before) :])
    assert kept == state
    booked = Book.load(kept)
    for fact in tail:
        fold(booked, fact)
    assert Book(ACCOUNT, booked=booked).dump() == world.book.dump()
