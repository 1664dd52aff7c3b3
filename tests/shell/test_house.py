"""The house as a whole: open, start, run, stop, fall over, come back; two accounts, two daemons, a broken disk."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import anyio
import pytest

from tests.fakes.broker import SILENT
from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, BBB, ONE, T0, TWO, Stage, built, stage, turns, venue
from tradingd.core.book.orders import Life
from tradingd.core.events import LinkLost, Verb
from tradingd.core.facts import CancelIntended, LinkChanged, ShutDown, StartedUp, StateChanged
from tradingd.core.types import Leg, TradingState
from tradingd.ports import Broken, LinkDown, Misconfigured, PositionsReport
from tradingd.shell import house as house_module
from tradingd.shell import link
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd.shell.journal import JournalLocked


async def fallen(disk: FakeDisk) -> Stage:
    """One life that ends as with SIGKILL, in the middle of a trade. What it left is on the disk and at the venue."""
    async with stage(disk) as s:
        await s.hold()
        s.house.offer(s.command(Verb.PAUSE))
        await s.house.quiesce()
    disk.killed()
    return s


async def test_a_restart_folds_to_the_same_bytes() -> None:
    """J1, I8: after a kill the journal alone makes the book again, byte for byte, order life and holds included."""
    disk = FakeDisk()
    before = await fallen(disk)
    env = FakeEnv(disk, before.clock.wall())
    assert isinstance(env.clock, ReplayClock)
    again = built(env, env.clock, before.brokers)
    assert again.dump() == before.house.dump()
    assert again.journal.seq == before.house.journal.durable


async def test_snapshot_and_tail_fold_to_the_same_bytes() -> None:
    """J1, I8: state from a snapshot and what came after it is state from genesis."""
    disk = FakeDisk()
    async with stage(disk, snapshot_every=1) as s:
        await s.hold()
        await s.house._snapshot_if_due()
        s.house.offer(s.command(Verb.PAUSE))
        await s.house.quiesce()
        live = s.house.dump()
    assert [name for name in disk.names if "snapshot" in name]
    disk.killed()
    env = FakeEnv(disk, s.clock.wall())
    assert isinstance(env.clock, ReplayClock)
    again = built(env, env.clock, s.brokers)
    assert again.recovery.snapshot is not None
    assert again.dump() == live


@pytest.mark.parametrize("seed", range(5))
async def test_a_power_cut_loses_nothing_that_was_acted_on(seed: int) -> None:
    """B1, I1, I9: the unsynced part is cut anywhere and garbled; every order the venue has is known, the book is the fold."""
    disk = FakeDisk()
    async with stage(disk) as s:
        await s.hold()
        s.quote()
        s.idea()
        s.house.engine.pump()
    after = disk.crash(random.Random(seed))
    env = FakeEnv(after, s.clock.wall())
    assert isinstance(env.clock, ReplayClock)
    again = built(env, env.clock, s.brokers)
    known = again.members[ONE].book.booked
    assert set(s.broker.orders) <= set(known.orders)
    assert again.members[ONE].book.qty(AAA) == s.broker.held[AAA]


async def test_after_a_kill_the_venue_is_asked_before_anything_is_sent() -> None:
    """A3, A6, B1: filled while we were dead; learned, booked once, protected; no id is sent twice."""
    disk = FakeDisk()
    async with stage(disk) as s:
        s.broker.script["submit"].append("down after")
        order_id = await s.decide()
    disk.killed()
    s.broker.fill(order_id, told=False)
    async with stage(disk, brokers=s.brokers, now=s.clock.wall(), linked=False) as t:
        assert t.book.unknown_orders()
        await t.member.link.open()
        await t.house.quiesce()
        assert t.book.qty(AAA) == t.broker.held[AAA] > 0
        assert t.order(Leg.PROTECT).life is Life.LIVE
    sent = [argument for name, argument in s.broker.calls if name == "submit"]
    assert len(sent) == len(set(sent)) == 2


async def test_a_halt_survives_the_restart() -> None:
    """I7, H3: still halted, by name, and a resume by name ends it."""
    disk = FakeDisk()
    async with stage(disk) as s:
        s.house.offer(s.command(Verb.HALT))
        await s.house.settle()
    disk.killed()
    async with stage(disk, brokers=s.brokers, now=s.clock.wall()) as t:
        assert t.book.state() is TradingState.HALTED
        t.quote()
        t.idea()
        await t.house.quiesce()
        assert t.broker.count("submit") == 0
        t.house.offer(t.command(Verb.RESUME, "c2"))
        await t.house.quiesce()
        assert t.book.state() is TradingState.ACTIVE
        await t.decide()


async def test_three_unclean_starts_end_in_a_halt() -> None:
    """H6: a crash loop does not trade."""
    disk, brokers, now = FakeDisk(), None, T0
    for n in range(5):
        async with stage(disk, brokers=brokers, now=now) as s:
            brokers, now = s.brokers, s.clock.wall()
            halted = s.book.state() is TradingState.HALTED
        disk.killed()
        assert halted == (n >= 3)
    assert [f.clean for f in s.said(StartedUp) if isinstance(f, StartedUp)] == [False]


# stopping -------------------------------------------------------------------------------------------------------------------


async def lived(s: Stage, until: asyncio.Event, *, why: str = "test") -> None:
    await s.house.run(until, lambda: why)


@pytest.mark.parametrize("held", [True, False])
async def test_a_clean_stop_leaves_positions_and_ends_with_its_word(held: bool) -> None:
    """H11, B1: no position is closed and no stop cancelled; ShutDown is the last fact; the next start is clean."""
    disk = FakeDisk()
    env = FakeEnv(disk, T0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    broker = venue(ONE, clock)
    house = built(env, clock, {ONE: broker})
    s = Stage(house, env, clock, {ONE: broker})
    house.start("demo", "b", "c")
    stopping = asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lived, s, stopping)
        await turns()
        if held:
            await s.hold()
        calls = len(broker.calls)
        stopping.set()
    await house.journal.close()
    late = [name for name, _ in broker.calls[calls:]]
    assert set(late) <= {"close"}
    assert isinstance(s.durable[-1], ShutDown)
    assert s.durable[-1].reason == "test"
    assert all(f.up for f in s.said(LinkChanged)[-1:] if isinstance(f, LinkChanged))
    if held:
        assert broker.orders[s.order(Leg.PROTECT).order.order_id].status == "working"
    async with stage(disk, brokers={ONE: broker}, now=clock.wall()) as t:
        (begun,) = t.said(StartedUp)
        assert isinstance(begun, StartedUp)
        assert begun.clean
        assert (t.book.qty(AAA) > 0) == held


@pytest.mark.parametrize("answers", [True, False])
async def test_a_clean_stop_takes_working_entries_back(answers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """H11: what would open a position while nobody looks is cancelled, journaled, and not waited for for ever; stops stay."""
    monkeypatch.setattr(house_module, "WITHDRAW_S", 0.02)
    env = FakeEnv(FakeDisk(), T0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    broker = venue(ONE, clock)
    house = built(env, clock, {ONE: broker})
    s = Stage(house, env, clock, {ONE: broker})
    house.start("demo", "b", "c")
    stopping = asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lived, s, stopping)
        await turns()
        await s.hold(AAA)
        entry = await s.decide(BBB)
        if not answers:
            broker.script["cancel"].append(SILENT)
        stopping.set()
        await turns(2)
        s.quote(AAA)
        s.idea(BBB)
    await house.journal.close()
    assert broker.orders[entry].status == "cancelled"
    assert broker.orders[s.order(Leg.PROTECT).order.order_id].status == "working"
    assert [f.why for f in s.said(CancelIntended) if isinstance(f, CancelIntended)] == ["the daemon stops"]
    assert s.book.order(entry).life is (Life.CANCELLED if answers else Life.LIVE)  # type: ignore[union-attr]
    assert isinstance(s.durable[-1], ShutDown)
    assert broker.count("submit") == 3, "nothing was opened while it stopped"


async def test_what_happens_while_it_stops_does_not_come_after_the_last_word() -> None:
    """B1: fills, timers and lost links that come in meanwhile are left for the next start to learn."""
    env = FakeEnv(FakeDisk(), T0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    broker = venue(ONE, clock)
    house = built(env, clock, {ONE: broker})
    s = Stage(house, env, clock, {ONE: broker})
    house.start("demo", "b", "c")
    stopping = asyncio.Event()

    def busy(facts: object) -> None:
        if stopping.is_set():
            broker.hang_up("the venue closes too")
            clock.set(clock.wall() + 60 * 10**9)

    house.follow(busy)
    async with anyio.create_task_group() as group:
        group.start_soon(lived, s, stopping)
        await turns()
        order_id = await s.decide()
        stopping.set()
        broker.fill(order_id)
    assert [type(f).__name__ for f in s.durable].count("ShutDown") == 1
    assert isinstance(s.durable[-1], ShutDown)


# what must not start ----------------------------------------------------------------------------------------------------------


async def test_two_daemons_on_one_directory(tmp_path: Path) -> None:
    """B18, H3: on a real disk; the second is refused in words, and takes over once the first is gone."""
    clock = ReplayClock(T0)
    first = RealEnv(clock=clock)
    house = built(first, clock, {ONE: venue(ONE, clock)}, str(tmp_path / "journal"))
    second = RealEnv(clock=clock)
    with pytest.raises(JournalLocked):
        built(second, clock, {ONE: venue(ONE, clock)}, str(tmp_path / "journal"))
    await house.journal.close()
    again = built(second, clock, {ONE: venue(ONE, clock)}, str(tmp_path / "journal"))
    await again.journal.close()
    await first.aclose()
    await second.aclose()


@pytest.mark.parametrize("snapshot", [True, False])
async def test_an_account_of_the_journal_that_is_not_configured_refuses_the_start(snapshot: bool) -> None:
    """H13, O2: its orders may live at the venue; somebody must decide. Found in the snapshot as in the tail."""
    disk = FakeDisk()
    async with stage(disk, accounts=(ONE, TWO), snapshot_every=1) as s:
        if snapshot:
            await s.house._snapshot_if_due()
    disk.killed()
    env = FakeEnv(disk, T0)
    assert isinstance(env.clock, ReplayClock)
    with pytest.raises(Misconfigured, match="does not: two"):
        built(env, env.clock, {ONE: s.brokers[ONE]})


# what breaks ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_failing_disk_ends_the_house_and_nothing_of_the_batch_is_sent(nth: int) -> None:
    """I10, B6, B7: a write or a sync fails; Broken leaves House.run, the venue hears nothing, no second sync is tried."""
    disk = FakeDisk()
    env = FakeEnv(disk, T0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    broker = venue(ONE, clock)
    house = built(env, clock, {ONE: broker})
    s = Stage(house, env, clock, {ONE: broker})
    house.start("demo", "b", "c")

    async def spoil() -> None:
        await turns()
        assert s.book.booked.link_up
        disk.fail_at = disk.done + nth
        s.quote()
        s.idea()

    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - two tasks, one end
        async with anyio.create_task_group() as group:
            group.start_soon(spoil)
            await house.run(asyncio.Event(), lambda: "never")
    assert caught.value.subgroup(Broken) is not None
    assert caught.value.split(Broken)[1] is None, "nothing but Broken"
    assert broker.count("submit") == 0
    assert disk.failed == 1
    await house.journal.close()


async def test_a_dead_essential_task_ends_the_house() -> None:
    """I8 of RELIABILITY I: an adapter with a bug is no silent stop."""
    async with stage(linked=False) as s:

        async def bug(sink: object) -> None:
            raise KeyError("a bug of the adapter")

        s.broker.connect = bug  # type: ignore[method-assign,assignment]
        s.house.spawn_writers = lambda _group: None  # type: ignore[method-assign]
        with pytest.raises(BaseExceptionGroup) as caught:
            await s.house.run(asyncio.Event(), lambda: "never")
        assert caught.value.subgroup(KeyError) is not None


# small things -----------------------------------------------------------------------------------------------------------------


async def test_watchers_hear_of_changes_and_followers_of_durable_facts_only() -> None:
    """H1, O2: the page may move at once; whoever acts hears of a fact when it is durable, in order."""
    async with stage() as s:
        watcher = s.house.watcher()
        assert isinstance(s.env, FakeEnv)
        s.env.gate = asyncio.Event()
        told = len(s.durable)
        s.house.offer(LinkLost(ts=s.clock.wall(), account=ONE, broker="fake", why="test"))
        s.house.engine.pump()
        assert watcher.is_set()
        await turns()
        assert len(s.durable) == told
        s.env.gate.set()
        await s.house.settle()
        assert [type(f).__name__ for f in s.durable[told:]] == ["LinkChanged", "Alerted"]
        s.house.unwatch(watcher)
        watcher.clear()
        s.house.offer(s.command(Verb.PAUSE))
        await s.house.settle()
        assert not watcher.is_set()


async def test_snapshots_come_after_enough_facts_only() -> None:
    """J1: bounded work at a restart, and none for nothing."""
    disk = FakeDisk()
    async with stage(disk, snapshot_every=10) as s:

        def taken() -> list[str]:
            return [name for name in disk.names if "snapshot" in name]

        base = s.house._snapshot_seq
        for n in range(3):
            s.house.offer(s.command(Verb.PAUSE, f"c{n}"))
        await s.house.settle()
        s.house._snapshot_seq = s.house.journal.seq - 9
        await s.house._snapshot_if_due()
        assert taken() == []
        s.house._snapshot_seq -= 1
        await s.house._snapshot_if_due()
        assert len(taken()) == 1
        assert base < s.house._snapshot_seq == s.house.journal.seq


async def test_the_chores_are_planned_for_each_account() -> None:
    """B6, H4: time for the core, polling reconcile while the link is up, and not while it is down."""
    async with stage(accounts=(ONE, TWO)) as s:
        names = [chore.name for chore in s.house.schedule.chores]
        assert names == ["timer", "orders:one", "positions:one", "orders:two", "positions:two", "snapshot"]
        s.house.offer(LinkLost(ts=s.clock.wall(), account=ONE, broker="fake", why="test"))
        await s.house.settle()
        before = (s.brokers[ONE].count("positions"), s.brokers[TWO].count("positions"))
        await s.house.schedule.run_due(s.clock.wall())
        assert (s.brokers[ONE].count("positions"), s.brokers[TWO].count("positions")) == (before[0], before[1] + 1)


async def test_every_accounts_start_is_told_and_clean_means_all() -> None:
    """H10: build, config and mode stand in each start; one unclean account makes the start unclean."""
    disk = FakeDisk()
    async with stage(disk, accounts=(ONE, TWO)) as s:
        starts = [f for f in s.said(StartedUp) if isinstance(f, StartedUp)]
        assert [(f.account, f.mode, f.build, f.config, f.clean) for f in starts] == [
            (account, "demo", "b", "c", True) for account in (ONE, TWO)
        ]
        await s.house.finish("one stops")
        s.house.journal.append(
            (StartedUp(ts=s.clock.wall(), account=TWO, mode="demo", build="b", config="c", clean=True),)
        )
        await s.house.settle()
    disk.killed()
    async with stage(disk, brokers=s.brokers, now=s.clock.wall()) as t:
        assert [f.clean for f in t.said(StartedUp) if isinstance(f, StartedUp)] == [False, False]
        assert t.said(StateChanged) == []


async def test_a_venue_that_answers_no_questions_is_no_link() -> None:
    """D3, D4: prices and orders go through, every question fails: the session ends, and entries are off until it is back."""
    async with stage() as s:
        s.broker.script["positions"].extend(["down before"] * 3)
        look = next(c for c in s.house.schedule.chores if c.name.startswith("positions"))
        with pytest.raises(LinkDown):
            await look.chore()
        assert not s.member.dispatch.up
        assert await s.broker.wait_closed()


async def test_a_question_that_is_never_answered_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """D3, D4: silence is no answer either; a reconciliation that waits for ever would see no missed fill."""
    monkeypatch.setattr(link, "STEP_S", 0.01)
    async with stage() as s:

        async def mute() -> PositionsReport:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        s.broker.positions = mute  # type: ignore[method-assign]
        look = next(c for c in s.house.schedule.chores if c.name.startswith("positions"))
        with pytest.raises(LinkDown, match="more than"):
            await look.chore()
        assert not s.member.dispatch.up
        assert await s.broker.wait_closed()
