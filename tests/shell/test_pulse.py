"""Pauses and wall clocks: what a process does that was stopped, or whose clock was set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.core.world import ACME, World
from tests.fakes.env import FakeEnv
from tests.shell.stage import Stage, stage, turns
from tradingd.core.book.orders import Life
from tradingd.core.events import ClockSeen, Verb
from tradingd.core.facts import Alerted, LinkChanged
from tradingd.core.types import NS, TradingState
from tradingd.shell.clock import SteadyClock
from tradingd.shell.env import ReplayClock
from tradingd.shell.pulse import STEADY_S, Pulse


class Machine(ReplayClock):
    """step: the wall clock is set by so many ns.   slept: suspended, which monotonic time does not count."""

    step = 0
    slept = 0

    def wall(self) -> int:
        return self._now + self.step + self.slept

    def boot(self) -> int:
        return self._now + self.slept


@asynccontextmanager
async def living(s: Stage) -> AsyncIterator[None]:
    """The house lives: engine, links, chores, pulse. The stage has its writers."""
    s.house.spawn_writers = lambda _group: None  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        group.start_soon(s.house.run, asyncio.Event(), lambda: "never")
        await s.wait(0.0)
        yield
        group.cancel_scope.cancel()


@pytest.mark.parametrize("seconds", [6, 600])
async def test_after_a_pause_nothing_is_sent_before_the_venue_was_asked_anew(seconds: int) -> None:
    """E3, H5: stopped between the decision and its bytes; on waking the session ends, a new one is reconciled, then it may."""
    async with stage(linked=False) as s, living(s):
        assert isinstance(s.env, FakeEnv)
        gate = s.env.gate = anyio.Event()  # type: ignore[assignment]
        s.quote()
        s.idea()
        await turns()
        (working,) = s.book.open_orders()
        s.clock.set(s.clock.wall() + seconds * NS)
        s.quote()
        gate.set()
        s.env.gate = None
        await turns(200)
        assert s.broker.count("submit") == 0
        assert (working.life, working.why) == (Life.NEVER, "never written: the link is down or not reconciled")
        assert not s.book.booked.link_up
        assert f"stood still for {seconds} s" in [a.text for a in s.said(Alerted) if isinstance(a, Alerted)][-1]
        await s.wait(1)
        assert s.broker.count("connect") == 2
        assert s.book.booked.link_up
        await s.decide()
        assert s.broker.count("submit") == 1


async def test_dispatch_notices_a_pause_before_the_beat_does() -> None:
    """H5: what was queued may run before the beat; the cancel waits for the resync too."""
    async with stage() as s:
        order_id = await s.decide()
        s.house.pulse._last = s.clock.boot()
        s.clock.set(s.clock.wall() + 6 * NS)
        s.house.offer(s.command(Verb.CANCEL))
        await s.house.quiesce()
        assert s.broker.count("cancel") == 0
        assert s.broker.orders[order_id].status == "working"
        assert not s.book.booked.link_up
        await s.member.link.lost("paused")
        await s.member.link.open()
        await s.house.quiesce()
        assert s.broker.count("cancel") == 1


async def test_a_late_beat_is_no_pause() -> None:
    """E3: below five seconds the session goes on."""
    async with stage(linked=False) as s, living(s):
        s.clock.set(s.clock.wall() + 5 * NS)
        await s.wait(20)
        assert s.broker.count("connect") == 1
        assert s.house.pulse.pauses == 0
        assert len([f for f in s.said(LinkChanged) if isinstance(f, LinkChanged) and f.up]) == 1


@asynccontextmanager
async def beating(machine: Machine, clock: SteadyClock) -> AsyncIterator[tuple[list[float], list[float]]]:
    """A pulse alone: the pauses and the clock's offsets it told."""
    pauses: list[float] = []
    offs: list[float] = []

    async def end() -> None:
        pauses.append(0.0)

    pulse = Pulse(clock, on_pause=pauses.append, end_sessions=end, on_clock=offs.append)
    async with anyio.create_task_group() as group:
        group.start_soon(pulse.run)
        await turns()
        yield pauses, offs
        group.cancel_scope.cancel()


async def later(machine: Machine, seconds: int) -> None:
    for _ in range(seconds):
        machine.set(machine.mono() + NS)
        await turns()


async def test_a_suspend_is_a_pause_and_no_step_of_the_clock() -> None:
    """E3: monotonic time does not show it, boot time does; the wall clock went on as it should."""
    machine = Machine(1_000 * NS)
    clock = SteadyClock(machine)
    async with beating(machine, clock) as (pauses, offs):
        await later(machine, 3)
        machine.slept = 3_600 * NS
        await later(machine, 3)
        assert pauses == [3_601.0, 0.0], "told, and the sessions ended, once"
        assert offs == []
        assert clock.wall() == machine.wall()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_stepped_wall_clock_moves_no_time_of_ours_and_is_told(hours: int) -> None:
    """E1: an hour back or forth is told once; when it was right again for half a minute, that is told once."""
    machine = Machine(10_000 * NS)
    clock = SteadyClock(machine)
    async with beating(machine, clock) as (pauses, offs):
        await later(machine, 3)
        machine.step = hours * 3_600 * NS
        before = clock.wall()
        await later(machine, 10)
        assert clock.wall() - before == 10 * NS
        assert offs == [hours * 3_600.0]
        machine.step = 0
        await later(machine, int(STEADY_S))
        assert offs == [hours * 3_600.0]
        await later(machine, 2)
        assert offs == [hours * 3_600.0, 0.0]
        assert pauses == []


async def test_a_small_correction_is_followed() -> None:
    """E1, E5: NTP's tenths and a leap second are no alarm."""
    machine = Machine(10_000 * NS)
    clock = SteadyClock(machine)
    async with beating(machine, clock) as (_, offs):
        await later(machine, 2)
        machine.step = -NS
        await later(machine, 2)
        assert clock.wall() == machine.wall()
        assert offs == []


def test_entries_are_off_while_the_clock_is_wrong() -> None:
    """E1: no new risk, working entries taken back, one page; on again by itself once it was right for a while."""
    w = World()
    (order_id,) = w.recommend(ACME).orders
    w.accept(order_id)
    w.step(ClockSeen(ts=w.now, off_s=3_600.0))
    assert w.book.state() is TradingState.REDUCING
    assert w.order(order_id).cancel_asked
    w.step(ClockSeen(ts=w.now, off_s=3_601.0))
    assert w.codes().count("wall_clock") == 1
    w.step(ClockSeen(ts=w.now, off_s=0.0))
    assert w.book.state() is TradingState.ACTIVE
    assert w.step(ClockSeen(ts=w.now, off_s=0.0)) == ()


async def test_the_house_tells_the_core_of_its_clock() -> None:
    """E1: the beat of a house whose clock is the steady one."""
    async with stage() as s:
        s.house._clock_off(12.5)
        await s.house.settle()
        assert s.book.state() is TradingState.REDUCING
        s.quote()
        s.idea()
        await s.house.quiesce()
        assert s.broker.count("submit") == 0
