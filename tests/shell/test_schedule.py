"""Chores: how often, in which order, and that one never overlaps itself."""

from __future__ import annotations

import asyncio

import pytest

from tests.shell.stage import turns
from tradingd.core.types import NS
from tradingd.shell.env import ReplayClock
from tradingd.shell.schedule import Every, Schedule


def schedule(told: list[str], **periods: float) -> Schedule:
    found = Schedule()
    for name, every_s in periods.items():

        async def work(name: str = name) -> None:
            told.append(name)

        found.add(name, every_s, work)
    return found


async def test_in_a_replay_what_is_due_runs_in_the_order_it_was_added() -> None:
    """T1, H4: the same replay time, the same chores."""
    told: list[str] = []
    chores = schedule(told, b=10.0, a=5.0)
    for second in range(0, 21, 5):
        assert await chores.run_due(second * NS) in (1, 2)
    assert told == ["b", "a", "a", "b", "a", "a", "b", "a"]


async def test_a_night_is_one_gap_and_not_many_rounds() -> None:
    """T1: after twelve hours each chore runs once."""
    told: list[str] = []
    chores = schedule(told, a=5.0)
    await chores.run_due(0)
    assert await chores.run_due(12 * 3600 * NS) == 1
    assert await chores.run_due(12 * 3600 * NS + 4 * NS) == 0
    assert told == ["a", "a"]


async def test_live_the_pause_begins_when_the_work_ends() -> None:
    """B6: a slow chore is not run again on top of itself."""
    clock, begun, gate = ReplayClock(), [], asyncio.Event()

    async def slow() -> None:
        begun.append(clock.wall() // NS)
        await gate.wait()

    task = asyncio.ensure_future(Every("slow", 5.0, slow).run(clock))
    await turns()
    assert begun == []
    for second in (5, 10, 100):
        clock.set(second * NS)
        await turns()
    assert begun == [5]
    gate.set()
    await turns()
    clock.set(104 * NS)
    await turns()
    assert begun == [5]
    clock.set(105 * NS)
    await turns()
    assert begun == [5, 105]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_a_period_must_be_above_zero(bad: float) -> None:
    """I15: no busy loop by configuration."""

    async def work() -> None:
        raise AssertionError

    with pytest.raises(ValueError, match="every_s"):
        Every("x", bad, work)
