"""A tape stepped again gives the journal's facts, byte for byte; what does not is found, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import pytest

from tests.fakes.broker import FakeBroker
from tests.fakes.disk import FakeDisk
from tests.shell.stage import AAA, BBB, ONE, T0, TWO, WHERE, rules, stage
from tests.shell.ticks.test_attach import STATE, Under, config
from tradingd.config import load_text
from tradingd.core.book.book import Book
from tradingd.core.events import FillSeen, Quote, Recommendation
from tradingd.core.inputs import Input
from tradingd.core.types import NS, AccountId
from tradingd.lab.parity import Entry, Parity, Record, Verdict
from tradingd.lab.player import Player
from tradingd.shell.journal import payloads, records
from tradingd.shell.reload import Reload, adopt
from tradingd.shell.ticks.read import Playback, lives

Lived = tuple[list[Entry], list[Record], bool]


async def lived(
    disk: FakeDisk, *, clean: bool = True, accounts: tuple[AccountId, ...] = (ONE,)
) -> Mapping[AccountId, FakeBroker]:
    """A life with entries, a stop-out, a reload and an end; its venues. clean: else it is killed with its last words not on the
    tape."""
    cfg, under = config(), Under(config())
    async with stage(disk, prepare=under, accounts=accounts) as s:
        assert under.tape is not None
        reload = Reload(cfg, s.house, lambda: config("max_open_positions = 3\n"))
        reload.on_adopt = under.tape.adopted
        s.quote(BBB)
        await s.hold(AAA)
        assert not reload("ann").refused
        s.idea(BBB)
        await s.house.quiesce()
        under.tape.drain()
        s.quote(AAA, 60.0)
        s.quote(AAA, 60.0)
        s.quote(AAA, 60.0)
        await s.house.quiesce()
        if clean:
            await s.house.finish("over")
            under.tape.close()
        return s.brokers


async def resumed(disk: FakeDisk, brokers: Mapping[AccountId, FakeBroker]) -> None:
    """The life after a killed one, with the same venues: it finds what is held and closes it."""
    under = Under(config())
    async with stage(disk, prepare=under, brokers=brokers, now=T0 + 60 * NS) as s:
        assert under.tape is not None
        for _ in range(5):
            s.quote(AAA, 60.0)
        s.quote(BBB)
        await s.house.quiesce()
        await s.house.finish("over")
        under.tape.close()


def read(disk: FakeDisk, which: int = -1) -> Lived:
    life = lives(disk, f"{STATE}/ticks")[which]
    playback = Playback(disk, f"{STATE}/ticks", life)
    entries = [(h.at, h.number, h.input) for h in playback]
    return entries, list(payloads(disk, WHERE, after=life.began.seq)), playback.ended


def player(disk: FakeDisk, upto: int = 0, accounts: tuple[AccountId, ...] = (ONE,)) -> Player:
    books = {account: Book(account) for account in accounts}
    for _, fact in records(disk, WHERE, upto=upto) if upto else ():
        books[fact.account].replay(fact)

    def put(rules: object, text: str) -> None:
        for each in rules.values():  # type: ignore[attr-defined]
            adopt(each, load_text(text).config)

    return Player(books, rules(accounts), put)


def compared(
    entries: list[Entry], journaled: list[Record], *, ended: bool, play: Player, gap: str = "", seq: int = 0
) -> Verdict:
    parity = Parity(play, journaled, seq)
    return parity.rest(parity.compare(entries), ended=ended, gap=gap)


@pytest.mark.parametrize("accounts", [(ONE,), (ONE, TWO)])
async def test_a_clean_life_is_equal_to_its_last_record(accounts: tuple[AccountId, ...]) -> None:
    """T1: byte for byte, a reload and all accounts included."""
    disk = FakeDisk()
    await lived(disk, accounts=accounts)
    entries, journaled, ended = read(disk)
    verdict = compared(entries, journaled, ended=ended, play=player(disk, accounts=accounts))
    assert ended
    assert verdict.equal
    assert (verdict.first, verdict.last, verdict.untaped, verdict.until) == (1, len(journaled), 0, "")
    assert len(journaled) > 15 * len(accounts)
    assert verdict.quotes == len([1 for _, _, each in entries if isinstance(each, Quote)])


async def test_a_life_that_was_killed_is_equal_as_far_as_its_tape_goes() -> None:
    """RELIABILITY A: the facts of its last moment are counted, not believed to differ; the next life starts from all of them."""
    disk = FakeDisk()
    brokers = await lived(disk, clean=False)
    entries, journaled, ended = read(disk)
    alone = compared(entries, journaled, ended=ended, play=player(disk))
    assert not ended
    assert alone.equal
    assert alone.untaped == len(journaled) - alone.last > 0
    disk = disk.killed()
    await resumed(disk, brokers)
    first, second = read(disk, 0), read(disk, 1)
    again = compared(first[0], first[1], ended=first[2], play=player(disk))
    assert (again.equal, again.untaped) == (True, alone.untaped), "the next life's records are not counted"
    began = len(journaled)
    later = compared(second[0], second[1], ended=second[2], play=player(disk, began), seq=began)
    assert later.equal
    assert (later.first, later.last) == (began + 1, began + len(second[1]))


async def test_facts_that_never_became_durable_are_no_difference() -> None:
    """B2: the process died after the tape heard and before the journal had it; the next life is in the journal already."""
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, _ = read(disk)
    cut = journaled[:10]
    verdict = compared(entries, cut, ended=False, play=player(disk))
    assert (verdict.equal, verdict.undurable, verdict.last) == (True, True, 10)
    next_life = [(11, journaled[0][1])]
    verdict = compared(entries, [*cut, *next_life], ended=False, play=player(disk))
    assert (verdict.equal, verdict.undurable, verdict.last) == (True, True, 10)


def missing_fill(entries: list[Entry]) -> list[Entry]:
    return [each for each in entries if not isinstance(each[2], FillSeen)]


def other_idea(entries: list[Entry]) -> list[Entry]:
    def bolder(each: Input) -> Input:
        return msgspec.structs.replace(each, confidence=0.1) if isinstance(each, Recommendation) else each

    return [(at, number, bolder(each)) for at, number, each in entries]


@pytest.mark.parametrize("change", [missing_fill, other_idea])
async def test_other_inputs_are_found_with_both_facts(change: Callable[[list[Entry]], list[Entry]]) -> None:
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, ended = read(disk)
    verdict = compared(change(entries), journaled, ended=ended, play=player(disk))
    assert verdict.difference is not None
    found = verdict.difference
    assert found.seq == verdict.last + 1
    assert found.journaled.encode() == dict(journaled)[found.seq]
    assert found.replayed != found.journaled


async def test_a_decision_that_differs_shows_both_chains() -> None:
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, ended = read(disk)
    found = compared(other_idea(entries), journaled, ended=ended, play=player(disk)).difference
    assert found is not None
    assert any("acted" in line for line in found.why_journaled)
    assert any("low_confidence" in line for line in found.why_replayed)
    assert '"event":"Recommendation"' in found.event


async def test_a_record_too_many_after_a_clean_end_is_a_difference() -> None:
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, ended = read(disk)
    more = [*journaled, (len(journaled) + 1, journaled[-1][1])]
    verdict = compared(entries, more, ended=ended, play=player(disk))
    assert verdict.difference is not None
    assert (verdict.difference.seq, verdict.difference.replayed) == (len(more), "")


async def test_a_gap_ends_the_comparison_and_is_said() -> None:
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, _ = read(disk)
    verdict = compared(entries[:20], journaled, ended=False, play=player(disk), gap="a reason")
    assert (verdict.equal, verdict.until, verdict.untaped) == (True, "a reason", 0)


async def test_a_day_ends_where_it_is_told() -> None:
    disk = FakeDisk()
    await lived(disk)
    entries, journaled, ended = read(disk)
    at = next(each.ts for _, _, each in entries if isinstance(each, Recommendation))
    parity = Parity(player(disk), journaled, 0)
    verdict = parity.rest(parity.compare(entries, before=at), ended=ended, gap="")
    assert verdict.equal
    assert 0 < verdict.last < len(journaled)
    assert verdict.until
