"""The operator's files in a house: read when they change, told to whom they concern, in force before the first entry."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.shell.stage import AAA, BBB, DAY, ONE, T0, TWO, Stage, stage
from tradingd.app import almanac_of
from tradingd.config import load_text
from tradingd.core.events import Split
from tradingd.core.facts import CashMoved, EarningsNoted, SplitApplied
from tradingd.ports import Quirks
from tradingd.shell.almanac import Almanac

FILES = '[files]\nearnings = "earnings.csv"\nactions = "/data/actions.csv"\nhistory = "bars"\n'
CONFIG = 'mode = "paper"\n[accounts.one]\n' + FILES
EARNINGS = "/etc/earnings.csv"
ACTIONS = "/data/actions.csv"
HEAD = "symbol,date,confirmed,source\n"
ACTS = "symbol,ex_date,kind,value,action_id\n"
SILENT = Quirks(never_after_s=30.0, ack_timeout_s=0.05, tells_actions=False)


def write(s: Stage, path: str, text: str) -> None:
    if path in s.env.disk.names:
        s.env.disk.unlink(path)
    s.env.disk.write_new(path, text.encode())


def almanac(s: Stage) -> Almanac:
    found = almanac_of(s.house, load_text(CONFIG).config, Path("/etc"))
    assert found is not None
    return found


async def look(s: Stage, a: Almanac) -> list[Any]:
    """What the next look brings about."""
    before = len(s.durable)
    await a.look()
    await s.house.quiesce()
    return s.durable[before:]


@pytest.fixture
def told() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


async def test_earnings_are_in_force_before_the_link_is() -> None:
    """E3: the first entry after a login knows them; of symbols this account does not trade nothing is said."""
    async with stage(linked=False) as s:
        almanac(s)
        write(s, EARNINGS, f"{HEAD}AAA,2008-06-05,yes,the wire\nAAA,2008-09-04,no,the wire\nZZZ,2008-06-05,yes,\n")
        await s.member.link.open()
        await s.house.quiesce()
        noted = s.said(EarningsNoted)
        assert [(f.symbol, f.dates) for f in noted] == [(AAA, ("2008-06-05", "2008-09-04"))]
        assert noted[0].source == "the wire; the wire (not confirmed)"
        names = [type(f).__name__ for f in s.durable]
        assert names.index("EarningsNoted") < len(names) - names[::-1].index("LinkChanged") - 1


async def test_a_changed_file_is_told_once_and_what_it_does_not_hold_is_taken_back() -> None:
    """E3: also what a former life knew; dates long past are left out."""
    async with stage() as s:
        a = almanac(s)
        write(s, EARNINGS, f"{HEAD}AAA,2008-06-05,yes,\nBBB,2008-06-06,yes,\nBBB,2008-03-06,yes,\n")
        assert [(f.symbol, f.dates) for f in await look(s, a)] == [(AAA, ("2008-06-05",)), (BBB, ("2008-06-06",))]
        assert await look(s, a) == []
        write(s, EARNINGS, f"{HEAD}BBB,2008-06-09,yes,\n")
        assert [(f.symbol, f.dates) for f in await look(s, a)] == [(AAA, ()), (BBB, ("2008-06-09",))]
        assert await look(s, almanac(s)) == []


async def test_a_file_that_is_gone_or_wrong_changes_nothing_and_is_told_once(told: list[Any]) -> None:
    """E3: a line by its number and field; the good ones count."""
    async with stage() as s:
        a = almanac(s)
        write(s, EARNINGS, f"{HEAD}AAA,2008-06-05,yes,\nBBB,soon,yes,\n")
        assert len(await look(s, a)) == 1
        await look(s, a)
        [bad] = [entry for entry in told if entry["event"] == "file.bad_line"]
        assert (bad["file"], bad["line"], bad["field"]) == (EARNINGS, 3, "date")
        s.env.disk.unlink(EARNINGS)
        assert await look(s, a) == []
        write(s, EARNINGS, "nonsense\n")
        assert await look(s, a) == []
        await look(s, a)
        assert [e["file"] for e in told if e["event"] == "file.unreadable"] == [ACTIONS, EARNINGS]
        assert s.book.booked.earnings == {AAA: ("2008-06-05",)}


async def test_a_flood_of_bad_lines_is_not_a_flood_of_words(told: list[Any]) -> None:
    """I15."""
    async with stage() as s:
        write(s, EARNINGS, HEAD + "x\n" * 500)
        await look(s, almanac(s))
        assert len([e for e in told if e["event"] == "file.bad_line"]) == 20
        assert [e["more"] for e in told if e["event"] == "file.bad_lines"] == [480]


async def test_an_operator_who_asks_gets_it_at_once() -> None:
    """H6: a reload reads the files again."""
    async with stage() as s:
        a = almanac(s)
        write(s, EARNINGS, f"{HEAD}AAA,2008-06-05,yes,\n")
        a.reread()
        await s.house.quiesce()
        assert s.book.booked.earnings == {AAA: ("2008-06-05",)}


async def test_actions_of_the_file_are_booked_once_before_the_open() -> None:
    """F9, T2: a split and a dividend of what is held, the split first; another look does nothing."""
    async with stage(quirks=SILENT) as s:
        a = almanac(s)
        write(s, ACTIONS, f"{ACTS}AAA,2008-06-03,dividend,0.50,d1\nAAA,2008-06-03,split,2,s1\n")
        await s.member.link.open()
        await s.hold()
        held = s.book.qty(AAA)
        assert await look(s, a) == []
        s.clock.set(T0 + DAY - 50 * 60_000_000_000)  # 13:00Z, half an hour before the open
        found = await look(s, a)
        [split], [cash] = ([f for f in found if isinstance(f, kind)] for kind in (SplitApplied, CashMoved))
        assert split.ratio == 2
        assert s.book.qty(AAA) == 2 * held
        assert cash.amount == 2 * held * Decimal("0.50")
        assert s.book.markets[AAA].prev_close == 50.0
        assert await look(s, a) == []


async def test_a_broker_that_tells_its_actions_is_not_told_them() -> None:
    """F9: they would count twice."""
    async with stage() as s:
        a = almanac(s)
        write(s, ACTIONS, f"{ACTS}AAA,2008-06-03,split,2,s1\n")
        await s.hold()
        s.clock.set(T0 + DAY)
        assert await look(s, a) == []


async def test_while_the_link_is_down_actions_wait_for_the_login() -> None:
    """F9, D3: they take their place among the fills that were missed."""
    async with stage(quirks=SILENT) as s:
        a = almanac(s)
        write(s, ACTIONS, f"{ACTS}AAA,2008-06-03,split,2,s1\n")
        await s.hold()
        await look(s, a)
        held = s.book.qty(AAA)
        await s.member.link.lost("cut")
        await s.house.quiesce()
        s.clock.set(T0 + DAY)
        assert not [f for f in await look(s, a) if isinstance(f, SplitApplied)]
        s.broker.held[AAA] *= 2
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.qty(AAA) == 2 * held
        assert not s.book.booked.drift


async def test_what_one_broker_tells_is_of_its_account_only() -> None:
    """F9: two brokers that each tell a split would book it twice in both books."""
    async with stage(accounts=(ONE, TWO)) as s:
        s.member.link.sink(Split(ts=s.clock.wall(), symbol=AAA, ratio=2.0, action_id="x"))
        await s.house.quiesce()
        assert [f.account for f in s.said(SplitApplied)] == [ONE]


async def test_the_past_of_a_symbol_comes_from_a_file_where_the_broker_has_none(told: list[Any]) -> None:
    """E4, E7: enough for a range, and so for an entry; a date both have is the broker's."""
    async with stage(linked=False) as s:
        almanac(s)
        own = s.broker.bars[AAA][-2:]
        s.broker.bars[AAA] = own
        lines = [
            f"2008-05-{d:02d},50,51,49,50,1\n"
            for d in (1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 27, 28, 29, 30)
        ]
        write(
            s, "/etc/bars/AAA.csv", "date,open,high,low,close,volume\n" + "".join(lines) + "2008-05-31,50,51,49,50,1\n"
        )
        await s.member.link.open()
        await s.house.quiesce()
        market = s.book.markets[AAA]
        assert market.atr is not None
        assert [bar.close for bar in market.bars][:3] == [50.0, 50.0, 50.0]
        assert [bar.close for bar in market.bars][-2:] == [100.0, 100.0]
        assert len(market.bars) == len({bar.ts for bar in market.bars})
        [bad] = [e for e in told if e["event"] == "file.bad_line"]
        assert (bad["file"], bad["field"]) == ("/etc/bars/AAA.csv", "date")


async def test_without_files_there_is_no_almanac() -> None:
    """E3: and no chore."""
    async with stage() as s:
        assert almanac_of(s.house, load_text('mode = "paper"\n[accounts.one]\n').config, Path("/etc")) is None
        assert "files" not in [chore.name for chore in s.house.schedule.chores]
