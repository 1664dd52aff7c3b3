"""The same market twice: through the house in lockstep, and through the lab's run; the facts of each, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from tradingd.app import house_of, strategies_of
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import Config
from tradingd.core.facts import AnyFact
from tradingd.core.types import AccountId, Money
from tradingd.demo.lockstep import Lockstep
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim

ACCOUNT = AccountId("demo")
WHY = "the replay is over"

Venue = Callable[[Money], Exchange]


async def by_house(directory: Path, config: Config, venue: Venue) -> list[AnyFact]:
    """As `tradingd demo` does it."""
    clock = ReplayClock()
    env = RealEnv(clock=clock, failpoint="", inline=True)
    exchange = venue(Money(config.accounts[ACCOUNT].capital))
    clock.set(exchange.now)
    house = house_of(env, config, directory, {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="test", build="b")
    told: list[AnyFact] = []
    house.follow(told.extend)
    async with anyio.create_task_group() as group:
        house.spawn_writers(group)
        house.start("demo", "b", "c")
        for member in house.members.values():
            await member.link.open()
        await house.quiesce()
        await Lockstep(house, exchange, clock).run()
        await house.finish(WHY)
        group.cancel_scope.cancel()
    await house.journal.close()
    await env.aclose()
    return told


def by_run(config: Config, venue: Venue) -> list[AnyFact]:
    """As `tradingd backtest` does it."""
    env, clock = replay_env()
    told: list[AnyFact] = []
    exchange = venue(Money(config.accounts[ACCOUNT].capital))
    run = run_of(env, clock, config, ACCOUNT, exchange, strategies_of(config), record=told.extend)
    run.start("demo", "b", "c")
    assert run.drive()
    run.finish(WHY)
    return told
