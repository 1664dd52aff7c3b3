"""The Env of one daemon life on a simulated host: its clocks, chance, disk and writer thread; death at named points.

The writer runs one call at a time: it takes its time before (the call has not happened) and after (it has, nobody knows), so a
kill may fall on either side of every write. A network is not here: brokers speak to the venue's model behind the port.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from tests.sim.disk import SimDisk
from tests.sim.loop import Dead, Host, SimLoop
from tradingd.core.types import NS
from tradingd.ports import Clock, LinkDown, Transport

T = TypeVar("T")


class SimClock:
    """start: wall ns at virtual second 0.   step_ns: by how much the wall clock is wrong.   slept_ns: suspended so far, which
    the monotonic clock does not count."""

    def __init__(self, loop: SimLoop, start: int) -> None:
        self.loop = loop
        self.start = start
        self.step_ns = 0
        self.slept_ns = 0

    def wall(self) -> int:
        return self.start + round(self.loop.time() * NS) + self.step_ns

    def mono(self) -> int:
        return 1_000 * NS + round(self.loop.time() * NS) - self.slept_ns

    def boot(self) -> int:
        return 1_000 * NS + round(self.loop.time() * NS)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimRng:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def random(self) -> float:
        return self._rng.random()

    def token(self, nbytes: int) -> str:
        return self._rng.randbytes(nbytes).hex()


class NoNet:
    async def connect(self, url: str, *, heartbeat_s: float = 5.0, frame_max: int = 1 << 20) -> Transport:
        raise LinkDown(f"there is no network here: {url}")


class Chances:
    """The rare branches of one world: each is on in a quarter of all worlds and then fires in a quarter of all passages."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.on = True
        self.fired: dict[str, int] = {}
        self._streams: dict[str, random.Random | None] = {}

    def __call__(self, name: str) -> bool:
        if name not in self._streams:
            rng = random.Random(f"{self.seed}:sometimes:{name}")
            self._streams[name] = rng if rng.random() < 0.25 else None
        rng = self._streams[name]
        if rng is None or not self.on or rng.random() >= 0.25:
            return False
        self.fired[name] = self.fired.get(name, 0) + 1
        return True


class SimEnv:
    """armed: (point, passages left): dying there.   on_death: makes the world kill this host, called before anything unwinds."""

    def __init__(
        self, loop: SimLoop, host: Host, clock: Clock, disk: SimDisk, rng: random.Random, chances: Chances,
        on_death: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.loop = loop
        self.host = host
        self.clock = clock
        self.disk = disk
        self.rng = SimRng(rng)
        self.net = NoNet()
        self.boot_id = f"boot-{host.name}"
        self.armed: tuple[str, int] | None = None
        self.passed: dict[str, int] = {}
        self._chance = rng
        self._chances = chances
        self._on_death = on_death
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._writing = False

    async def blocking(self, fn: Callable[[], T]) -> T:
        self.host.alive_or_dead()
        done: asyncio.Future[T] = self.loop.create_future()
        self._calls.append((fn, done))
        if not self._writing:
            self._writing = True
            self._later(self._call)
        return await asyncio.shield(done)

    def _later(self, what: Callable[[], None]) -> None:
        seconds = 0.0003 + 0.004 * self._chance.random() ** 4
        if self.disk.slow_s:
            seconds += self.disk.slow_s * self._chance.random()
        self.loop.call_later(seconds, what, context=self.host.context)

    def _call(self) -> None:
        fn, done = self._calls.popleft()
        try:
            result, error = fn(), None
        except Dead:
            return
        except Exception as e:  # noqa: BLE001 - whatever it is belongs to the caller
            result, error = None, e
        self._later(lambda: self._returned(done, result, error))

    def _returned(self, done: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        if not done.done():
            if error is not None:
                done.set_exception(error)
                done.exception()
            else:
                done.set_result(result)
        if self._calls:
            self._later(self._call)
        else:
            self._writing = False

    def failpoint(self, name: str) -> None:
        self.host.alive_or_dead()
        self.passed[name] = self.passed.get(name, 0) + 1
        if self.armed is None or self.armed[0] != name:
            return
        left = self.armed[1] - 1
        self.armed = (name, left) if left > 0 else None
        if left <= 0:
            self._on_death(f"at {name}")
            raise Dead(self.host.name)

    def sometimes(self, name: str) -> bool:
        return self._chances(name)
