"""`tradingd demo`: one command from nothing to fills, refusals, a breaker and a page."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import anyio
import msgspec
import uvloop

from tradingd import __version__
from tradingd.app import SOCKET, house_of
from tradingd.config import config_hash, describe
from tradingd.core.types import NS, AccountId, Money
from tradingd.demo.config import demo_config
from tradingd.demo.lockstep import Lockstep
from tradingd.demo.options import DemoOptions
from tradingd.demo.place import fresh
from tradingd.demo.summary import in_words, summarise
from tradingd.demo.tell import Teller
from tradingd.ports import Broken
from tradingd.shell.desk import HouseDesk
from tradingd.shell.env import RealClock, RealEnv, ReplayClock
from tradingd.shell.house import House
from tradingd.shell.identity import build_hash
from tradingd.shell.lag import LagMonitor
from tradingd.shell.logs import set_up
from tradingd.shell.supervise import essential
from tradingd.shell.web.app import Served, serve
from tradingd.shell.web.settings import WebSettings
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.market import Market

ACCOUNT = AccountId("demo")
PAGE_UP = "the replay is over; this page stays until Ctrl-C"


def run_demo(options: DemoOptions) -> int:
    """The exit code. With --crash, 1 when anything was lost or sent twice."""
    if options.crash:
        from tradingd.demo.crash import run_crash

        return run_crash(options)
    set_up(mode="demo", quiet=True)
    return uvloop.run(Demo(options).run())


class Demo:
    """One replay in this process."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.real = RealClock()
        self.clock = ReplayClock()
        self.env = RealEnv(clock=self.clock)
        self.web_env = RealEnv(clock=self.real)  # tokens and rate limits live in real time
        self.config = demo_config()
        self.build = build_hash()
        self.stopping = asyncio.Event()

    async def run(self) -> int:
        options = self.options
        directory = fresh(self.env.disk, options.dir.absolute())
        capital = self.config.accounts[ACCOUNT].capital
        exchange = Exchange(Market(start=options.begin, end=options.end), {ACCOUNT: Money(capital)})
        if exchange.next_ts() is None:
            raise Broken(f"no sessions between {options.begin} and {options.end}: the data covers 2000-03-01 to 2013-03-01")
        self.clock.set(exchange.now)
        house = house_of(
            self.env, self.config, directory, {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="demo", build=self.build
        )
        monitor = LagMonitor(self.web_env)
        monitor.start()
        try:
            return await self._in_house(house, exchange, directory, monitor)
        finally:
            monitor.stop()
            await house.journal.close()
            await self.env.aclose()
            await self.web_env.aclose()

    async def _in_house(self, house: House, exchange: Exchange, directory: Path, monitor: LagMonitor) -> int:
        desk = HouseDesk(
            house, mode="demo", build=self.build, config=config_hash(self.config), config_text=describe(self.config),
            alive=lambda: monitor.alive(5.0), shutdown=lambda _why: self.stopping.set(), started=self.clock.wall(),
        )  # fmt: skip
        served = await serve(
            self.web_env, desk, WebSettings(port=self.options.port), socket_path=str(directory / SOCKET), metrics=house.metrics
        )
        teller = Teller(live=sys.stdout.isatty())
        if not self.options.json:
            house.follow(teller)
            self._greet(served, directory)
        self._signals()
        try:
            async with anyio.create_task_group() as group:
                house.spawn_writers(group)
                await self._replay(house, exchange, desk, teller)
                await self._linger(desk, served)
                group.cancel_scope.cancel()
        finally:
            await served.aclose()
        return 0

    async def _replay(self, house: House, exchange: Exchange, desk: HouseDesk, teller: Teller) -> None:
        began = self.real.mono()
        driver = Lockstep(house, exchange, self.clock, pace=self._pacer())
        house.start("demo", self.build, config_hash(self.config))
        for member in house.members.values():
            await member.link.open()
        await house.quiesce()
        self._driver = driver
        await driver.run()
        await house.finish("the replay is over")
        seconds = (self.real.mono() - began) / NS
        summary = summarise(house, seconds)
        (member,) = house.members.values()
        if self.options.json:
            print(msgspec.json.encode(summary).decode(), flush=True)
            return
        teller.done()
        desk.note = PAGE_UP
        decisions = member.book.booked.counts.get("decisions", 0)
        print("\n" + "\n".join(in_words(summary, house, decisions)), flush=True)

    def _pacer(self):  # type: ignore[no-untyped-def]
        """Waits so that session time runs at the asked speed; nights pass at once. Also lets the page breathe at full speed."""
        speed, state = self.options.speed, {"ts": 0, "due": self.real.mono()}

        async def pace(ts: int) -> None:
            if self.stopping.is_set():
                self._driver.stop = True
            if speed is None:
                await self.real.sleep(0)
                return
            gap = min(max(0, ts - state["ts"]), 600 * NS) if state["ts"] else 0
            state["ts"] = ts
            state["due"] += int(gap / speed)
            wait = (state["due"] - self.real.mono()) / NS
            await self.real.sleep(max(0.0, wait))

        return pace

    async def _linger(self, desk: HouseDesk, served: Served) -> None:
        """Keep the page up for who is looking, unless told otherwise or nobody can press Ctrl-C."""
        if self.options.exit or self.options.json or not sys.stdout.isatty():
            return
        print(f"\nthe page stays at {served.page_url}\nCtrl-C ends it. Try: ./run demo --crash", flush=True)
        await self.stopping.wait()

    def _greet(self, served: Served, directory: Path) -> None:
        print(
            f"tradingd {__version__}  DEMO  simulated venue, real daily prices {self.options.begin} to {self.options.end}"
            f" (path inside the day synthesised); nothing leaves this machine\n"
            f"page   {served.page_url}\n"
            f"stop   Ctrl-C      second terminal: ./run status --dir {self.options.dir}\n",
            flush=True,
        )

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
