"""A machine of a world and the daemon lives on it: started, killed, paused, stopped, started again from what its disk kept.

A life is the same daemon as `tradingd run` makes (tradingd/app.py), without web, signals and the thread that watches the loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any, Protocol

from tests.sim.disk import SimDisk
from tests.sim.env import Chances, SimClock, SimEnv
from tests.sim.loop import Dead, Host, SimLoop, SimTask
from tests.sim.plan import ACCOUNT, Fault, Plan
from tests.sim.trace import Trace
from tests.sim.venue.links import Links
from tradingd.app import almanac_of, house_of, notify_of
from tradingd.config import Config, config_hash, describe
from tradingd.core.events import Event
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import Order
from tradingd.ports import Broken, Broker
from tradingd.shell.clock import SteadyClock
from tradingd.shell.desk import HouseDesk
from tradingd.shell.house import House
from tradingd.shell.intake.drop import watch_drop
from tradingd.shell.notify.build import Dial, transport_of
from tradingd.shell.reload import Reload

STATE = Path("/state")
RESTART_S = 1.0  # what a supervisor waits before it starts a daemon again that ended by itself


class Watcher(Protocol):
    """What looks on (the oracles). All of it is called in the moment it happens."""

    def opened(self, life: Life) -> None: ...

    def submitted_by(self, life: Life, order: Order) -> None: ...

    def delivered(self, life: Life, event: Event) -> None: ...

    def durable(self, life: Life, first: int, facts: Any) -> None: ...

    def ended(self, life: Life, error: BaseException | None) -> None: ...


class Life:
    """One process: host, env, and once it is open its house and desk. ended: it stopped by itself, with an error or None."""

    def __init__(self, site: Site, number: int) -> None:
        self.site = site
        self.number = number
        self.host = Host(f"{site.name}.{number}")
        self.env = SimEnv(
            site.loop, self.host, SteadyClock(site.clock), site.disk, random.Random(f"{site.plan.seed}:env:{self.host.name}"),
            site.chances, lambda why: site.die(why, power=site.power_at_point),
        )  # fmt: skip
        self.house: House | None = None
        self.desk: HouseDesk | None = None
        self.stopping: asyncio.Event | None = None
        self.task: SimTask | None = None
        self.why = "stopped"
        self.began = site.loop.time()

    async def main(self) -> None:
        """As Daemon.run."""
        site = self.site
        broker = site.broker_of(self)
        self.stopping = asyncio.Event()
        house = house_of(
            self.env, site.config, STATE, {ACCOUNT: broker}, instance="sim", build="b" * 64, strategies=site.strategies
        )
        almanac = almanac_of(house, site.config, STATE)
        for member in house.members.values():
            member.link.real_time = True
        try:
            notify = notify_of(self.env, site.config, house, str, dial=site.dial(self))
            reload = Reload(site.config, house, site.read)
            desk = HouseDesk(
                house, mode=site.config.mode, build="b" * 64, config=site.config_hash, config_text=site.config_text,
                alive=lambda: True, shutdown=self.stop, started=self.env.clock.wall(), reload=reload, notify=notify,
            )  # fmt: skip
            reload.on_change = desk.reconfigured
            if almanac is not None:
                reload.on_read = almanac.reread
            if site.config.drop.dir:
                drop = str(STATE / site.config.drop.dir)
                watch_drop(self.env, desk.counter, drop, site.config.drop.every_s, house.schedule.add)
            self.house, self.desk = house, desk
            house.journal.subscribe(lambda first, facts: site.watcher.durable(self, first, facts))
            site.watcher.opened(self)
            house.start(site.config.mode, "b" * 64, site.config_hash)
            try:
                await house.run(self.stopping, lambda: self.why)
            finally:
                desk.broken(Broken("the daemon ended"))
        finally:
            await house.journal.close()

    def stop(self, why: str) -> None:
        self.why = why
        if self.stopping is not None:
            self.stopping.set()


class Site:
    """One machine. disk and clock outlive the daemon's lives.   broker_of: the session object of a life, hooks set.   down: a
    restart is under way or wanted by nobody."""

    def __init__(
        self, name: str, loop: SimLoop, plan: Plan, config: Config, strategies: tuple[Loaded, ...], trace: Trace,
        chances: Chances, links: Links, broker_of: Callable[[Life], Broker], watcher: Watcher,
    ) -> None:  # fmt: skip
        self.name = name
        self.loop = loop
        self.plan = plan
        self.config = config
        self.strategies = strategies
        self.trace = trace
        self.chances = chances
        self.broker_of = broker_of
        self.watcher = watcher
        self.read: Callable[[], Config] | None = None
        self.dial: Callable[[Life], Dial] = lambda _life: transport_of
        self.clock = SimClock(loop, plan.start)
        self.disk = SimDisk()
        self.life: Life | None = None
        self.graveyard: list[Life] = []
        self.config_hash, self.config_text = config_hash(config), describe(config)
        self.kills = 0
        self.points: dict[str, int] = {}
        self.power_at_point = False
        self.links = links
        self.on_disk: Callable[[str, bytes], None] = lambda _path, _data: None
        self._armed: list[Fault] = []
        self._set: Fault | None = None  # armed in the life that runs
        self._restart_s = RESTART_S
        self._chance = random.Random(f"{plan.seed}:site:{name}")
        self._starts = 0
        self._retired = False

    @property
    def up(self) -> bool:
        return self.life is not None

    def start(self) -> None:
        """A new process; nothing when one runs."""
        if self.life is not None or self._retired:
            return
        self._starts += 1
        life = Life(self, self._starts)
        self.disk.host = life.host
        self.disk.hardened = self.on_disk
        self.life = life
        self._arm(life, starting=True)
        self.trace.say(life.host.name, "starts")
        life.task = self.loop.spawn(life.host, life.main(), name=life.host.name)
        life.task.add_done_callback(lambda task: self._ended(life, task))

    def _arm(self, life: Life, *, starting: bool) -> None:
        if life.env.armed is None:
            for fault in self._armed:
                if starting or fault.target != "K15":
                    life.env.armed = (fault.target, max(1, fault.n))
                    self._set = fault
                    self.power_at_point, self._restart_s = fault.value >= 1.0, fault.for_s
                    self._armed.remove(fault)
                    return

    def arm(self, fault: Fault) -> None:
        self._armed.append(fault)
        if self.life is not None:
            self._arm(self.life, starting=False)

    def disarm(self) -> None:
        self._armed, self._set = [], None
        if self.life is not None:
            self.life.env.armed = None

    def die(self, why: str, *, power: bool) -> None:
        """SIGKILL or a power cut, in the middle of whatever runs."""
        life = self.life
        if life is None:
            return
        self.trace.say(life.host.name, f"dies {why}{' by a power cut' if power else ''}")
        self.kills += 1
        self._point(why)
        self._gone(life, power=power)
        self._later(self._restart_s)

    def _point(self, why: str) -> None:
        name = why.removeprefix("at ")
        self.points[name] = self.points.get(name, 0) + 1

    def _gone(self, life: Life, *, power: bool) -> None:
        life.host.dead = True
        if (
            life.env.armed is not None and self._set is not None
        ):  # another death came first: the next life meets this one
            self._armed.append(self._set)
        self._set = None
        self.life = None
        self.graveyard.append(life)
        self.links.sever(f"{life.host.name} is gone", silent=power)
        self.disk = self.disk.after_power_cut(self._chance) if power else self.disk.after_kill()

    def _ended(self, life: Life, task: asyncio.Task[None]) -> None:
        """The process ended by itself: cleanly, or because it was broken."""
        if life.host.dead:
            with suppress(BaseException):
                task.exception()
            return
        error = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if isinstance(error, Dead):
            return
        self.trace.say(life.host.name, f"ended: {_brief(error)}")
        self.watcher.ended(life, error)
        self._gone(life, power=False)
        self._later(RESTART_S if error is not None else self._restart_s)

    def _later(self, seconds: float) -> None:
        self.loop.call_later(max(0.01, seconds), self.start, context=Context())

    # faults -----------------------------------------------------------------------------------------------------------

    def apply(self, fault: Fault) -> None:
        kind = fault.kind
        if kind == "host.kill":
            self._restart_s = fault.for_s
            self.die("", power=fault.target != "process")
        elif kind == "host.point":
            self.arm(fault)
        elif kind == "host.stop":
            self._restart_s = fault.for_s
            if self.life is not None:
                self.life.stop("asked to")
        elif kind in ("host.pause", "host.suspend") and self.life is not None:
            self.loop.pause(self.life.host, fault.for_s)
            if kind == "host.suspend":
                self.clock.slept_ns += round(fault.for_s * 1e9)
        elif kind == "host.wall":
            self.clock.step_ns = round(fault.value * 1e9)
            self.loop.call_later(fault.for_s, self._wall_right)
        elif kind == "disk.slow":
            self.disk.slow_s = fault.value
            self.loop.call_later(fault.for_s, self._disk_fast)
        elif kind == "disk.error":
            self.disk.fail_next(fault.n, fault.target or "EIO", for_ever=fault.value >= 1.0)
        elif kind == "disk.full":
            used = sum(len(node.data) for node in self.disk.names.values())
            self.disk.capacity = used + int(fault.value)
            self.loop.call_later(fault.for_s, self._disk_room)

    def _wall_right(self) -> None:
        self.clock.step_ns = 0

    def _disk_fast(self) -> None:
        self.disk.slow_s = 0.0

    def _disk_room(self) -> None:
        self.disk.capacity = None

    def retire(self) -> None:
        """The machine is switched off for good."""
        self._retired = True
        if self.life is not None:
            self._gone(self.life, power=True)

    def heal(self) -> None:
        """No more faults: a paused host goes on, a dead one is started, the disk works."""
        self.disarm()
        self.disk.mend()
        self.clock.step_ns = 0
        self._restart_s = RESTART_S
        if self.life is None:
            self.start()
        elif self.life.host.paused_until > self.loop.time():
            self.loop.unpause(self.life.host)


def _brief(error: BaseException | None) -> str:
    if error is None:
        return "cleanly"
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:200]
