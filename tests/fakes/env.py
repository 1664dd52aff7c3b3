"""An Env for tests: replay time, a disk in memory, blocking work done at once and in order, kills as an exception."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from tests.fakes.disk import FakeDisk
from tradingd.ports import Clock, Disk, Net, Rng
from tradingd.shell.env import RealNet, RealRng, ReplayClock

T = TypeVar("T")


class Killed(BaseException):
    """The process died here; nothing of it goes on."""


class FakeEnv:
    def __init__(self, disk: FakeDisk, now: int = 1_000) -> None:
        self.fake_disk = disk
        self.disk: Disk = disk
        self.clock: Clock = ReplayClock(now)
        self.rng: Rng = RealRng()
        self.net: Net = RealNet()
        self.boot_id = "replay"
        self.kill_at = ("", 0)
        self.hits: dict[str, int] = {}
        self.gate: asyncio.Event | None = None  # blocking work waits for it

    async def blocking(self, fn: Callable[[], T]) -> T:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        return fn()

    def failpoint(self, name: str) -> None:
        self.hits[name] = self.hits.get(name, 0) + 1
        if (name, self.hits[name]) == self.kill_at:
            raise Killed(name)

    def sometimes(self, name: str) -> bool:
        return False
