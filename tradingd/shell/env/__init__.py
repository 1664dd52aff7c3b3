"""The production Env: real clocks, chance, disk, network and the writer thread. The one room that may touch them.

Everything else in the house asks an `Env` (ports.py), so that a simulation can stand in for the whole machine. Source:
RELIABILITY 4.2.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tradingd.core.types import NS
from tradingd.ports import Clock, Disk, Net, Rng
from tradingd.shell.env.clocks import FollowClock, RealClock, ReplayClock
from tradingd.shell.env.disk import RealDisk, RealFile
from tradingd.shell.env.net import RealNet, WsTransport

__all__ = [
    "FollowClock",
    "RealClock",
    "RealDisk",
    "RealEnv",
    "RealFile",
    "RealNet",
    "RealRng",
    "ReplayClock",
    "WsTransport",
]

T = TypeVar("T")

_FAILPOINT = re.compile(r"(K(?:[0-9]|1[0-5]))(?::([1-9][0-9]*))?")


class RealRng:
    """The kernel's randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def random(self) -> float:
        return self._random.random()

    def token(self, nbytes: int) -> str:
        return secrets.token_hex(nbytes)


class RealEnv:
    """The machine as an Env.

    clock: another clock for a demo or a replay (with ReplayClock the boot id is "replay").   inline: the disk is waited for where
    one stands, for a replay, whose time goes on only afterwards.   failpoint: "K2" or "K2:3" kills
    this process with SIGKILL when it comes by K2 (for the third time); by default from TRADINGD_FAILPOINT. ValueError when it
    names no kill point. Source: RELIABILITY A.
    """

    def __init__(self, *, clock: Clock | None = None, failpoint: str | None = None, inline: bool = False) -> None:
        self.clock: Clock = clock if clock is not None else RealClock()
        self.rng: Rng = RealRng()
        self.disk: Disk = RealDisk()
        self._net = RealNet()
        self.net: Net = self._net
        self.boot_id = "replay" if isinstance(clock, ReplayClock) else _boot_id()
        self._armed, self._hits_left = _armed(
            failpoint if failpoint is not None else os.environ.get("TRADINGD_FAILPOINT", "")
        )
        self._writer = None if inline else ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    async def blocking(self, fn: Callable[[], T]) -> T:
        """Run fn on the one writer thread; calls are in order, and go on to their end when the caller is cancelled."""
        if self._writer is None:
            return fn()
        return await asyncio.get_running_loop().run_in_executor(self._writer, fn)

    def failpoint(self, name: str) -> None:
        if name != self._armed:
            return
        self._hits_left -= 1
        if self._hits_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def sometimes(self, name: str) -> bool:
        return False

    async def aclose(self) -> None:
        """Close connections and wait for the writer thread's work."""
        await self._net.aclose()
        await self.blocking(lambda: None)
        if self._writer is not None:
            self._writer.shutdown()


def _armed(text: str) -> tuple[str, int]:
    if not text:
        return "", 0
    found = _FAILPOINT.fullmatch(text)
    if found is None:
        raise ValueError(f"failpoint {text!r} must be K0 to K15, with :N for the N-th time")
    return found[1], int(found[2] or 1)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except FileNotFoundError:  # not Linux: the moment of boot, to the second, tells boots apart
        return f"boot-{(time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // NS}"
