"""The desk: pages when somebody looks, commands that answer when they are durable, probes that tell the truth."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, BBB, ONE, TWO, Stage, stage, turns
from tradingd.core.events import Command, Timer, Verb
from tradingd.core.facts import CommandSeen, FlattenBegun, StateChanged
from tradingd.core.types import NS, AccountId, TradingState
from tradingd.ports import Broken
from tradingd.shell.desk import DECISIONS_KEPT, HouseDesk
from tradingd.shell.engine import BURST
from tradingd.shell.web.desk import Answer


def desk_of(s: Stage, **changes: object) -> HouseDesk:
    known: dict[str, object] = {
        "mode": "demo", "build": "b" * 64, "config": "c" * 64, "config_text": "mode = demo\n", "alive": lambda: True,
        "shutdown": lambda _why: None, "started": s.clock.wall(),
    }  # fmt: skip
    return HouseDesk(s.house, **{**known, **changes})  # type: ignore[arg-type]


def stopped_disk(s: Stage) -> asyncio.Event:
    assert isinstance(s.env, FakeEnv)
    s.env.gate = asyncio.Event()
    return s.env.gate


# commands -------------------------------------------------------------------------------------------------------------------


async def test_a_halt_closes_the_gate_at_once_and_answers_when_it_is_durable() -> None:
    """I7, G14, G15: not one instant between the word and the closed gate; no acknowledgement before the sync."""
    async with stage() as s:
        desk = desk_of(s)
        gate = stopped_disk(s)
        asked = asyncio.ensure_future(desk.command(s.command(Verb.HALT)))
        await asyncio.sleep(0)
        assert s.member.dispatch.halted
        await turns()
        assert not asked.done()
        s.quote()
        s.idea()
        s.house.engine.pump()
        gate.set()
        answer = await asked
        assert not answer.refused
        assert s.said(StateChanged)
        await s.house.quiesce()
        assert s.broker.count("submit") == 0


@pytest.mark.parametrize("verb", [Verb.HALT, Verb.FLATTEN])
async def test_only_what_concerns_the_whole_account_closes_its_gate(verb: Verb) -> None:
    """I7, H3: a flatten of one symbol leaves the others alone; a halt of one account the other account."""
    async with stage(accounts=(ONE, TWO)) as s:
        desk = desk_of(s)
        gate = stopped_disk(s)
        narrow = s.command(verb, "c1", account=TWO)
        asked = asyncio.ensure_future(desk.command(narrow))
        await turns()
        assert [s.house.members[a].dispatch.halted for a in (ONE, TWO)] == [False, True]
        gate.set()
        answer = await asked
        assert answer.accounts == ("two",)
        assert [s.house.members[a].book.state() for a in (ONE, TWO)] == [TradingState.ACTIVE, TradingState.HALTED]


async def test_a_flatten_of_one_symbol_halts_nothing() -> None:
    """H3: the rest of the account trades on."""
    async with stage() as s:
        await s.hold()
        s.quote()
        answer = await desk_of(s).command(s.command(Verb.FLATTEN, symbol=AAA))
        assert "1 closing orders" in answer.text
        assert not s.member.dispatch.halted
        assert s.book.state() is TradingState.ACTIVE


async def test_the_same_id_twice_has_one_effect_and_one_answer() -> None:
    """J19: a double click and a retry after a time-out; at the same moment, a moment later and long after."""
    async with stage() as s:
        await s.hold()
        s.quote()
        desk = desk_of(s)
        word = s.command(Verb.FLATTEN)
        answers = await asyncio.gather(*(desk.command(word) for _ in range(3)))
        answers.append(await desk.command(word))
        assert len({(a.text, a.refused) for a in answers}) == 1
        assert len(s.said(FlattenBegun)) == len(s.said(CommandSeen)) == 1


async def test_a_twin_is_not_answered_before_the_first_is_durable() -> None:
    """I7, J19: the book knows it already, the disk does not: that is no acknowledgement."""
    async with stage() as s:
        desk = desk_of(s)
        gate = stopped_disk(s)
        word = s.command(Verb.HALT)
        first = asyncio.ensure_future(desk.command(word))
        await turns()
        twin = asyncio.ensure_future(desk.command(word))
        await turns()
        assert not first.done()
        assert not twin.done()
        gate.set()
        assert (await first).text == (await twin).text


async def test_a_caller_that_hangs_up_takes_no_answer_from_the_others() -> None:
    """J19, H3: three ask with one id while the engine has a long queue before them; the first goes away."""
    async with stage() as s:
        desk = desk_of(s)
        for _ in range(3 * BURST + 10):
            s.house.offer(Timer(ts=s.clock.wall()))
        word = s.command(Verb.PAUSE)
        first, twin, third = (asyncio.ensure_future(desk.command(word)) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        await s.house.settle()
        for other in (twin, third):
            assert "paused" in (await asyncio.wait_for(other, 5)).text
        assert first.cancelled()
        assert len(s.said(CommandSeen)) == 1


async def test_a_word_known_to_one_account_only_is_given_to_the_other() -> None:
    """J19, B4: accounts answer each for themselves; nobody waits for an answer that came long ago."""
    async with stage(accounts=(ONE, TWO)) as s:
        desk = desk_of(s)
        await desk.command(s.command(Verb.PAUSE, account=ONE))
        answer = await asyncio.wait_for(desk.command(s.command(Verb.PAUSE)), 5)
        assert answer.accounts == ("one", "two")
        assert answer.text.count("paused") == 2
        assert s.house.members[TWO].book.state() is TradingState.REDUCING
        assert len(s.said(CommandSeen)) == 2


async def test_a_refused_word_says_so_and_the_gate_follows_the_book() -> None:
    """H3, R2: resume without evidence; a gate that was closed by the switch alone opens with the next answer."""
    async with stage() as s:
        desk = desk_of(s)
        s.member.dispatch.halted = True
        answer = await desk.command(Command(ts=s.clock.wall(), id="r", verb=Verb.RESUME, actor="test"))
        assert (answer.refused, answer.text) == (True, "refused: resume needs --reason")
        assert not s.member.dispatch.halted
        assert (await desk.command(s.command(Verb.PAUSE, "p", account=AccountId("x")))).text == "no account x"


async def test_nothing_is_resumed_on_a_journal_that_writes_its_last_words() -> None:
    """B8: trading on would use them up and end the daemon in the middle of something."""
    disk = FakeDisk()
    async with stage(disk) as s:
        disk.capacity = sum(len(node.data) for node in disk.names.values())
        desk = desk_of(s)
        await desk.command(s.command(Verb.HALT, "h"))
        assert s.house.journal.full
        answer = await desk.command(s.command(Verb.RESUME, "r"))
        assert answer.refused
        assert "make room" in answer.text
        assert s.book.state() is TradingState.HALTED


async def test_a_lockout_leaves_exits_free_and_a_halt_below_it_does_not() -> None:
    """I5, R3: the switch follows the halt, not the lockout."""
    async with stage() as s:
        desk = desk_of(s)
        await desk.command(s.command(Verb.LOCKOUT, "l", until=s.clock.wall() + NS))
        assert (s.book.state(), s.member.dispatch.halted) == (TradingState.LOCKED, False)
        await desk.command(s.command(Verb.HALT, "h"))
        assert (s.book.state(), s.member.dispatch.halted) == (TradingState.LOCKED, True)


async def test_nobody_waits_for_an_answer_that_will_not_come() -> None:
    """I10: the disk fails under a command; who asked hears Broken."""
    disk = FakeDisk()
    with pytest.raises(BaseExceptionGroup):  # noqa: PT012 - the house ends inside
        async with stage(disk) as s:
            desk = desk_of(s)
            gate = stopped_disk(s)
            asked = asyncio.ensure_future(desk.command(s.command(Verb.HALT)))
            await turns()
            desk.broken(Broken("the disk failed"))
            with pytest.raises(Broken, match="the disk failed"):
                await asked
            assert s.member.dispatch.halted, "the gate stays closed"
            disk.fail_at, disk.persistent = disk.done + 1, True
            gate.set()
            await turns()


async def test_a_reload_without_a_file_is_refused_and_with_one_answers_when_durable() -> None:
    """H1, H6: what the daemon's own reader says is what the caller hears."""
    async with stage() as s:
        assert (await desk_of(s).reload("test")).refused
        said = Answer(command_id="", verb="reload", refused=False, text="2 keys changed")
        desk = desk_of(s, reload=lambda _actor: said)
        assert await desk.reload("test") == said
        desk.reconfigured("d" * 64, "mode = paper\n")
        assert (desk.config_text(), desk.page().config) == ("mode = paper\n", "d" * 12)


# looking --------------------------------------------------------------------------------------------------------------------


async def test_a_page_is_built_when_something_changed_and_not_before() -> None:
    """H1, I11: looking often costs nothing; a quote, a fact or a note makes a new one."""
    async with stage() as s:
        desk = desk_of(s)
        first = desk.page()
        assert desk.page() is first
        s.quote()
        s.house.engine.pump()
        second = desk.page()
        assert second is not first
        assert second.seq > first.seq
        desk.note = "the replay is over"
        assert desk.page().note == "the replay is over"


async def test_the_page_shows_what_the_book_holds() -> None:
    """H1, H10: accounts, positions, orders, journal head, hashes."""
    async with stage() as s:
        await s.hold()
        page = desk_of(s).page()
        (account,) = page.accounts
        assert [(p.symbol, p.qty) for p in account.positions] == [("AAA", str(s.book.qty(AAA)))]
        assert (page.build, page.config, page.mode) == ("b" * 12, "c" * 12, "demo")
        assert (page.journal.seq, page.journal.head) == (s.house.journal.seq, s.house.journal.head)
        assert page.session is not None
        assert page.session.in_window


async def test_who_waits_for_a_change_hears_of_it_or_gets_the_same_page_back() -> None:
    """H1: no polling; and no watcher is left behind."""
    async with stage() as s:
        desk = desk_of(s)
        seq = desk.seq()
        waiting = asyncio.ensure_future(desk.changed(seq, 30.0))
        await turns()
        assert not waiting.done()
        s.house.offer(s.command(Verb.PAUSE))
        await s.house.settle()
        assert (await waiting).accounts[0].state == "reducing"
        now = desk.seq()
        assert (await desk.changed(now, 0.001)).seq == now
        assert (await desk.changed(now - 1, 30.0)).seq == now
        assert s.house._watchers == []


async def test_decisions_come_latest_first_and_can_be_narrowed() -> None:
    """E11, H1: by symbol, by outcome, before a sequence, so many."""
    async with stage() as s:
        desk = desk_of(s)
        await s.hold(AAA)
        await s.hold(BBB)
        s.quote(AAA)
        s.idea(AAA)  # held already: a refusal
        await s.house.quiesce()

        def seqs(**asked: object) -> list[int]:
            wide: dict[str, object] = {"symbol": None, "outcome": None, "limit": 50, "before": None}
            return [d.seq for d in desk.decisions(**{**wide, **asked})]  # type: ignore[arg-type]

        assert seqs() == [3, 2, 1]
        assert seqs(symbol="AAA") == [3, 1]
        assert seqs(outcome="skip") == [3]
        assert seqs(before=3) == [2, 1]
        assert seqs(limit=1) == [3]
        desk._on_durable(s.book.booked.recent * DECISIONS_KEPT)
        assert len(desk._decisions) == DECISIONS_KEPT


async def test_decisions_of_a_former_life_are_there_at_once() -> None:
    """E11, I8: after a restart the page is not empty."""
    disk = FakeDisk()
    async with stage(disk) as s:
        await s.hold()
    disk.killed()
    async with stage(disk, brokers=s.brokers, now=s.clock.wall()) as t:
        assert [d.symbol for d in desk_of(t).decisions(symbol=None, outcome=None, limit=5, before=None)] == ["AAA"]


async def test_tax_lots_of_every_account_are_told_and_can_be_narrowed() -> None:
    """E8, H1: each account by itself."""
    async with stage() as s:
        desk = desk_of(s)
        await s.hold(AAA)
        await s.hold(BBB)
        [view] = desk.lots(symbol=None)
        assert [(lot.symbol, lot.qty) for lot in view.lots] == [
            (symbol, str(s.book.qty(symbol))) for symbol in (AAA, BBB)
        ]
        assert [lot.symbol for lot in desk.lots(symbol=BBB)[0].lots] == [BBB]


async def test_the_page_says_in_a_line_why_nothing_happens() -> None:
    """H1: link first, then holds, then the window, then waiting for an idea."""
    async with stage() as s:
        desk = desk_of(s)
        assert desk.page().note == "armed: waits for an idea that passes every gate"
        s.clock.set(s.clock.wall() + 12 * 3600 * NS)
        s.quote()
        s.house.engine.pump()
        assert desk.page().note == "outside the trading window"
        await desk.command(s.command(Verb.PAUSE))
        assert desk.page().note == "reducing: no new risk"
        await s.member.link.lost("maintenance")
        s.house.engine.pump()
        assert desk.page().note == "waits for the broker: maintenance"


# health ---------------------------------------------------------------------------------------------------------------------


async def test_probes_tell_what_is_wrong_and_a_pause_is_not_wrong() -> None:
    """H2: journal, link, unknown orders, faults; an operator's hold is ready."""
    async with stage() as s:
        desk = desk_of(s)
        await desk.command(s.command(Verb.PAUSE))
        assert [p.name for p in desk.probes()] == ["journal", "broker:one", "orders:one", "faults:one"]
        assert all(p.ok for p in desk.probes())
        await desk.command(s.command(Verb.RESUME, "r"))
        s.broker.script["submit"].append("down after")
        await s.decide()
        await s.member.link.lost("cable")
        await s.house.settle()
        s.house.offer(s.command(Verb.CANCEL, "noop"))
        s.house.journal.broken = "the disk failed"
        wrong = {p.name: p.detail for p in desk.probes() if not p.ok}
        s.house.journal.broken = None
        assert wrong == {"journal": "the disk failed", "broker:one": "cable", "orders:one": "1 unknown"}


async def test_a_halt_by_a_rule_is_a_fault_that_readiness_shows() -> None:
    """H2, H6: three unclean starts; not ready until somebody looked."""
    async with stage() as s:
        s.book.emit(
            StateChanged(
                ts=s.clock.wall(), account=ONE, key="rule:crash_loop", verb="halt", state=TradingState.HALTED, actor="rule",
                reason="3 unclean starts",
            )
        )  # fmt: skip
        assert {p.name: p.detail for p in desk_of(s).probes() if not p.ok} == {"faults:one": "3 unclean starts"}


async def test_life_and_end_are_the_daemons() -> None:
    """H2, H11: the loop's monitor says alive, the daemon's stop ends it."""
    async with stage() as s:
        whys: list[str] = []
        desk = desk_of(s, alive=lambda: False, shutdown=whys.append)
        assert not desk.alive()
        desk.shutdown("asked by ops")
        assert whys == ["asked by ops"]
        assert desk.now() == s.clock.wall()


async def test_no_other_word_opens_a_gate_that_a_kill_switch_closed() -> None:
    """G15, I7: USR1 closes the gate while a pause waits for the disk: the pause's answer must not open it; a resume does."""
    async with stage() as s:
        desk, gate = desk_of(s), s.member.dispatch
        gate.halted = True  # the signal handler's work; its halt is not stepped yet
        await desk.command(s.command(Verb.PAUSE, "p"))
        assert gate.halted
        await desk.command(s.command(Verb.RESUME, "r"))
        assert not gate.halted
