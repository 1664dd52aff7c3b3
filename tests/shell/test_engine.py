"""The engine: events through the books in order, facts to the journal, and what happens when a step fails."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import anyio
import pytest

from tests.fakes.disk import FakeDisk
from tests.shell.stage import AAA, ONE, TWO, stage, turns
from tradingd.core.events import LinkLost, Quote, Timer, Verb
from tradingd.core.facts import CommandSeen, Decided, LinkChanged
from tradingd.core.types import AccountId, Money, Symbol
from tradingd.ports import Broken


async def test_an_account_event_meets_one_book_and_a_quote_all() -> None:
    """B4: books share nothing but market data."""
    async with stage(accounts=(ONE, TWO)) as s:
        s.house.offer(LinkLost(ts=s.clock.wall(), account=ONE, broker="fake", why="test"))
        s.quote()
        await s.house.settle()
        one, two = s.house.members[ONE].book, s.house.members[TWO].book
        assert (one.booked.link_up, two.booked.link_up) == (False, True)
        assert one.markets[AAA].mid == two.markets[AAA].mid == 100.0


async def test_what_is_for_nobody_here_changes_nothing() -> None:
    """B4: an idea or a word for an account that is not configured is not ours; a venue's event for one is our bug."""
    async with stage() as s:
        before = s.house.dump()
        s.quote()
        s.idea(account=AccountId("nobody"))
        s.house.offer(s.command(Verb.HALT, account=AccountId("nobody")))
        await s.house.settle()
        assert s.house.dump() == before
        s.house.offer(LinkLost(ts=s.clock.wall(), account=AccountId("nobody"), broker="fake", why="test"))
        with pytest.raises(AssertionError, match="unknown account"):
            s.house.engine.pump()


async def test_a_burst_is_stepped_in_order_and_in_portions() -> None:
    """I1: other tasks get a turn between portions; nothing is lost or overtaken."""
    async with stage() as s:
        for n in range(25):
            s.house.offer(s.command(Verb.CANCEL, f"c{n}"))
        assert s.house.engine.pump(10) == 10
        assert s.house.engine.pump(10) == 10
        await s.house.settle()
        seen = [f.command_id for f in s.said(CommandSeen) if isinstance(f, CommandSeen)]
        assert seen == [f"c{n}" for n in range(25)]


async def test_quotes_of_unwatched_symbols_cost_nothing() -> None:
    """I3, B7: no facts, no books touched, no error."""
    async with stage() as s:
        seq = s.house.journal.seq
        s.house.offer(Quote(Symbol("ZZZ"), 1.0, 2.0, s.clock.wall()))
        assert s.house.engine.pump() == 1
        assert s.house.journal.seq == seq


async def test_facts_are_journaled_in_the_order_they_were_decided() -> None:
    """O2, E11: the decision stands before its order, and both in one group."""
    async with stage() as s:
        await s.decide()
        names = [type(fact).__name__ for fact in s.durable]
        at = names.index("Decided")
        assert names[at : at + 3] == ["Decided", "OrderIntended", "OrderMoved"]
        assert isinstance(s.durable[at], Decided)


async def test_an_idea_before_the_balances_are_known_is_a_refusal_and_no_fault() -> None:
    """E11, I9, G1: shares of an equity of zero are no numbers; the record says so and the journal takes it."""
    async with stage(linked=False) as s:
        s.broker.cash = Money(Decimal(0))
        await s.broker.connect(s.member.link.sink)
        await s.member.link.learn()
        s.quote()
        s.idea()
        await s.house.settle()
        (decided,) = s.said(Decided)
        assert isinstance(decided, Decided)
        assert decided.outcome.value == "skip"
        assert {c.name: c.value for c in decided.checks}["position_share"] == "nan"


async def test_a_step_that_fails_anywhere_ends_the_engines_own_task() -> None:
    """I8 of RELIABILITY I: somebody else drove the step (a page's request) and shrugged; the house must not trade on."""
    async with stage() as s:
        engine = s.house.engine
        ended: list[str] = []

        async def run() -> None:
            try:
                await engine.run()
            except Broken as error:
                ended.append(str(error))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await turns()
            s.house.offer(LinkLost(ts=s.clock.wall(), account=AccountId("nobody"), broker="fake", why="test"))
            with pytest.raises(AssertionError):
                engine.pump()
            await turns()
            assert ended == ["the step for LinkLost failed: see the error before this"]
            group.cancel_scope.cancel()
        s.house.offer(Timer(ts=s.clock.wall()))
        with pytest.raises(Broken, match="LinkLost"):
            engine.pump()


async def test_a_refusing_journal_is_the_end_and_nothing_of_the_batch_is_sent() -> None:
    """I10, B6: the sync fails; every later step is Broken and the venue hears nothing."""
    disk = FakeDisk()
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - the house ends inside
        async with stage(disk) as s:
            submits = s.broker
            disk.fail_at = disk.done + 3  # size is no operation: append, sync
            disk.persistent = True
            s.quote()
            s.idea()
            await s.house.settle()
            s.house.engine.pump()
    assert caught.group_contains(Broken, depth=1)
    assert disk.failed
    assert submits.count("submit") == 0


async def test_the_engine_sleeps_until_something_comes() -> None:
    """I1: no busy loop."""
    async with stage() as s:
        taken = s.house.inbox.taken
        task = asyncio.ensure_future(s.house.engine.run())
        await turns()
        assert s.house.inbox.taken == taken
        s.house.offer(LinkLost(ts=s.clock.wall(), account=ONE, broker="fake", why="test"))
        await turns()
        assert s.house.inbox.taken == taken + 1
        assert isinstance(s.said(LinkChanged)[-1], LinkChanged)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
