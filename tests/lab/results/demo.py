"""Some weeks of the demo, its facts and bars given to a sheet: what a backtest will do, with rooms that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio

from tradingd.app import house_of
from tradingd.config import config_hash, describe
from tradingd.core.events import Bar
from tradingd.core.facts import AnyFact, DayMeasured
from tradingd.core.types import Money
from tradingd.core.views.performance import measure
from tradingd.demo.config import demo_config
from tradingd.demo.lockstep import Lockstep
from tradingd.demo.run import ACCOUNT
from tradingd.lab.results.result import About, Result
from tradingd.lab.results.sheet import Sheet
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd.shell.house import House
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.market import Market


class Played:
    """What is left of it."""

    def __init__(self, directory: Path, begin: str, end: str) -> None:
        self.directory = directory / "result"
        self.config = demo_config()
        self.capital = Money(self.config.accounts[ACCOUNT].capital)
        self.begin, self.end = begin, end
        self.facts: list[AnyFact] = []
        self.about = About(
            data="the demo's daily prices", begin=begin, end=end, capital=self.capital,
            tier=self.config.tier.name, strategies=tuple(self.config.strategies), config_hash=config_hash(self.config),
            build="b",
        )  # fmt: skip
        self.sheet = Sheet(self.directory, self.about, describe(self.config))

    async def play(self, state: Path) -> Result:
        market = Market(start=self.begin, end=self.end)
        for item in market.items():
            if isinstance(item.what, Bar):
                self.sheet.bar(item.what)
        clock = ReplayClock()
        env = RealEnv(clock=clock, inline=True)
        exchange = Exchange(Market(start=self.begin, end=self.end), {ACCOUNT: self.capital}, keep=False)
        clock.set(exchange.now)
        house = house_of(env, self.config, state, {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="demo", build="b")
        try:
            await self._in_house(house, exchange, clock)
        finally:
            await house.journal.close()
            await env.aclose()
        (member,) = house.members.values()
        self.book, self.measures = member.book, measure(member.book, member.rules)
        return self.sheet.finish("complete", notes=("made of the demo",), head=house.journal.head)

    async def _in_house(self, house: House, exchange: Exchange, clock: ReplayClock) -> None:
        (member,) = house.members.values()

        def follow(facts: Sequence[AnyFact]) -> None:
            self.facts.extend(facts)
            for fact in facts:
                self.sheet.take([fact])
                if isinstance(fact, DayMeasured):
                    self.sheet.close(fact.ts, member.book)

        house.follow(follow)
        async with anyio.create_task_group() as group:
            house.spawn_writers(group)
            house.start("demo", "b", config_hash(self.config))
            await member.link.open()
            await house.quiesce()
            await Lockstep(house, exchange, clock).run()
            await house.finish("the replay is over")
            await house.close()
            group.cancel_scope.cancel()


def play(directory: Path, begin: str = "2008-02-20", end: str = "2008-07-31") -> Played:
    """directory: empty; the result goes to `result` in it."""
    played = Played(directory, begin, end)
    anyio.run(played.play, directory / "state")
    return played
