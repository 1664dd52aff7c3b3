"""Supervision: what a task's end means."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import turns
from tradingd.core.types import NS
from tradingd.ports import Broken, LinkDown, VenueRefused
from tradingd.shell.env import ReplayClock
from tradingd.shell.supervise import chore, essential


@pytest.mark.parametrize("error", [Broken("disk"), KeyError("bug"), LinkDown("link"), AssertionError("promise")])
async def test_what_an_essential_task_raises_rises(error: Exception) -> None:
    """I8 of RELIABILITY I, B1: nothing is swallowed, nothing restarted in silence."""

    async def body() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await essential("x", body)
    assert caught.value is error


async def test_the_quiet_end_of_an_essential_task_is_a_fault() -> None:
    """I8 of RELIABILITY I: the journal's committer returned, say; then nothing may trade on."""

    async def body() -> None:
        return

    with pytest.raises(RuntimeError, match="essential task journal ended"):
        await essential("journal", body)


@pytest.mark.parametrize("error", [LinkDown("no answer"), VenueRefused("429", "later")])
async def test_a_chore_that_loses_its_link_comes_again_after_a_pause(error: Exception) -> None:
    """B1: this round only; not at once."""
    env = FakeEnv(FakeDisk(), 0)
    clock = env.clock
    assert isinstance(clock, ReplayClock)
    rounds: list[int] = []

    async def body() -> None:
        rounds.append(clock.wall() // NS)
        raise error

    task = asyncio.ensure_future(chore(env, "x", body, pause_s=2.0))
    for second in (0, 1, 2, 3, 4):
        clock.set(second * NS)
        await turns()
    assert rounds == [0, 2, 4]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [Broken("disk"), KeyError("bug")])
async def test_anything_else_takes_the_house_down(error: Exception) -> None:
    """I8 of RELIABILITY I, I10: a broken journal found by a chore is a broken journal."""

    async def body() -> None:
        raise error

    with pytest.raises(type(error)):
        await chore(FakeEnv(FakeDisk()), "x", body)
