"""`tradingd demo`: one command from nothing to fills, refusals, a breaker and a page."""

from __future__ import annotations

import asyncio
import signal
import sys
from itertools import count
from pathlib import Path

import anyio
import msgspec
import uvloop

from tradingd.app import SOCKET, house_of, watch_lag
from tradingd.config import config_hash, describe
from tradingd.core.types import NS, AccountId, Money
from tradingd.demo.config import demo_config
from tradingd.demo.lockstep import STEP, Lockstep, Pace
from tradingd.demo.options import PORT, DemoOptions
from tradingd.demo.place import fresh
from tradingd.demo.summary import greeting, in_words, next_steps, summarise
from tradingd.demo.tell import Teller
from tradingd.ports import Broken
from tradingd.shell.desk import HouseDesk
from tradingd.shell.env import RealClock, RealEnv, ReplayClock
from tradingd.shell.house import House
from tradingd.shell.identity import build_hash
from tradingd.shell.lag import LagMonitor
from tradingd.shell.logs import set_up
from tradingd.shell.ticks.attach import attach
from tradingd.shell.web.app import PortTaken, Served, serve
from tradingd.shell.web.settings import WebSettings
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.market import Market

ACCOUNT = AccountId("demo")
LAG_S = 5.0  # real seconds
FULL = 1_000.0  # at least so many replayed seconds a real one, at full speed
MOMENT_S = 0.002  # shorter waits are saved up
PAGE_UP = "the replay is over; this page stays until Ctrl-C"


def run_demo(options: DemoOptions) -> int:
    """The exit code: 0 at the end of the replay and after Ctrl-C or SIGTERM; with --crash, 1 when anything was lost or sent twice.

    Raises Broken in words for the terminal: a directory in use or not ours, a port that is taken, no data for these days.
    """
    if options.crash:
        from tradingd.demo.crash import run_crash

        return run_crash(options)
    set_up(mode="demo", quiet=True)
    return uvloop.run(_plainly(Demo(options)))


async def _plainly(demo: Demo) -> int:
    try:
        return await demo.run()
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, Broken):
            raise Broken(str(error)) from group
        raise


class Demo:
    """One replay in this process."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.real = RealClock()
        self.clock = ReplayClock()
        self.env = RealEnv(clock=self.clock, inline=True)
        self.web_env = RealEnv(clock=self.real)  # tokens and rate limits live in real time
        self.config = demo_config(record=options.record)
        self.build = build_hash()
        self.stopping = asyncio.Event()
        self.teller = Teller(live=sys.stdout.isatty(), quiet=options.json, on_deaf=self.stopping.set)

    async def run(self) -> int:
        self._signals()
        options = self.options
        directory = fresh(self.env.disk, options.dir.absolute())
        capital = self.config.accounts[ACCOUNT].capital
        market = Market(start=options.begin, end=options.end)
        exchange = Exchange(market, {ACCOUNT: Money(capital)}, keep=False)
        if exchange.next_ts() is None:
            raise Broken(
                f"no sessions between {options.begin} and {options.end}: the data covers 2000-03-01 to 2013-03-01"
            )
        self.clock.set(exchange.now)
        house = house_of(
            self.env, self.config, directory, {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="demo", build=self.build
        )
        monitor = LagMonitor(self.web_env, on_warn=lambda _lag: house.metrics.stalled("warn"))
        monitor.start()
        watch_lag(house, monitor, every_s=LAG_S * (self.options.speed or FULL))
        tape = attach(house, self.config, str(directory), build=self.build, threaded=False)
        try:
            return await self._in_house(house, exchange, directory, monitor)
        finally:
            monitor.stop()
            await house.journal.close()
            if tape is not None:
                tape.close()
            await self.env.aclose()
            await self.web_env.aclose()

    async def _in_house(self, house: House, exchange: Exchange, directory: Path, monitor: LagMonitor) -> int:
        desk = HouseDesk(
            house, mode="demo", build=self.build, config=config_hash(self.config), config_text=describe(self.config),
            alive=lambda: monitor.alive(5.0), shutdown=lambda _why: self.stopping.set(), started=self.clock.wall(),
        )  # fmt: skip
        served = await self._serve(house, desk, directory)
        self.teller.say(greeting(self.options, served, program=self._program()))
        house.follow(self.teller)
        try:
            async with anyio.create_task_group() as group:
                house.spawn_writers(group)
                await self._replay(house, exchange, desk)
                await self._linger(desk, served)
                group.cancel_scope.cancel()
        finally:
            await served.aclose()
        return 0

    async def _serve(self, house: House, desk: HouseDesk, directory: Path) -> Served:
        """On the port asked for; unasked, on PORT or, when that is taken, on any free one."""
        asked = self.options.port

        async def on(port: int) -> Served:
            where = str(directory / SOCKET)
            return await serve(self.web_env, desk, WebSettings(port=port), socket_path=where, metrics=house.metrics)

        try:
            return await on(PORT if asked is None else asked)
        except PortTaken:
            if asked is not None:
                raise Broken(f"port {asked} is taken: name another with --port, or 0 for any free one") from None
        self.teller.say([f"port {PORT} is taken (another demo?): the page takes a free one"])
        return await on(0)

    async def _replay(self, house: House, exchange: Exchange, desk: HouseDesk) -> None:
        began = self.real.mono()
        driver = Lockstep(house, exchange, self.clock, pace=self._pace(), every=1 if self.options.speed else STEP)
        house.start("demo", self.build, config_hash(self.config))
        for member in house.members.values():
            await member.link.open()
        await house.quiesce()
        await driver.run()
        whole = exchange.next_ts() is None
        await house.finish("the replay is over" if whole else "stopped by the operator")
        await house.close()
        summary = summarise(house, (self.real.mono() - began) / NS)
        self.teller.done()
        desk.note = PAGE_UP
        if self.options.json:
            self.teller.result(msgspec.json.encode(summary).decode())
        else:
            self.teller.say(
                [
                    "",
                    *in_words(summary, house, whole=whole, paced=self.options.speed is not None, now=self.clock.wall()),
                ]
            )

    def _pace(self) -> Pace:
        """Waits so that session time runs at the asked speed; at full speed it only lets the page breathe. False: stop here."""
        speed, real, began, calls = self.options.speed, self.real, self.real.mono(), count(1)

        async def pace(traded: int) -> bool:
            wait = (began - real.mono() + traded / speed) / NS if speed else 0.0
            if wait > MOMENT_S:
                try:
                    async with asyncio.timeout(wait):
                        await self.stopping.wait()
                except TimeoutError:
                    pass
            elif not speed or next(calls) % STEP == 0:
                await real.sleep(0)
            return not self.stopping.is_set()

        return pace

    async def _linger(self, desk: HouseDesk, served: Served) -> None:
        """Keep the page up for who is looking, unless told otherwise or nobody can press Ctrl-C."""
        options = self.options
        stay = not (options.exit or options.json or self.stopping.is_set()) and sys.stdout.isatty()
        self.teller.say(["", *next_steps(served.page_url if stay else "", program=self._program())])
        if stay:
            await self.stopping.wait()

    def _program(self) -> str:
        """What to type in a second terminal: in the checkout it is ./run."""
        return "./run" if "run" in self.env.disk.listdir(".") else "tradingd"

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
