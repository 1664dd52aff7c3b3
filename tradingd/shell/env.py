"""The production Env: real clocks, chance, disk, network and the writer thread. The one module that may touch them.

Also the two clocks of a replay. Everything else in the house asks an `Env` (ports.py), so that a simulation can stand in for
the whole machine. Source: RELIABILITY 4.2.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import heapq
import os
import random
import re
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

import aiohttp

from tradingd.core.types import NS
from tradingd.ports import Clock, Disk, LinkDown, Net, Rng

T = TypeVar("T")

CONNECT_S = 10.0
CLOSE_S = 2.0
# what survives a power cut when it says so; anything else is named as it is and refused by the journal (B17)
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "reiserfs", "xfs", "zfs"})
_ALIASES = {"ramfs": "tmpfs", "nfs4": "nfs", "fuse.overlayfs": "overlay", "overlayfs": "overlay"}
_FAILPOINT = re.compile(r"(K(?:[0-9]|1[0-5]))(?::([1-9][0-9]*))?")


# clocks -------------------------------------------------------------------------------------------------------------------


class RealClock:
    """The machine's clocks."""

    def wall(self) -> int:
        return time.time_ns()

    def mono(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def boot(self) -> int:
        return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FollowClock(RealClock):
    """Wall time is the newest event's; monotonic time and sleeping are the machine's. For a demo at any speed."""

    def __init__(self, wall: int = 0) -> None:
        self._wall = wall

    def wall(self) -> int:
        return self._wall

    def set(self, ns: int) -> None:
        """An event of that time was taken. An older one does not turn the clock back."""
        self._wall = max(self._wall, ns)


class ReplayClock:
    """Replay time, moved by a driver: all three clocks are it, and sleepers wait in it.

    A driver that wants each sleeper to see its own hour steps through `next_wake` before it sets the time of the next event.
    """

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._count = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def wall(self) -> int:
        return self._now

    def mono(self) -> int:
        return self._now

    def boot(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * NS), self._count, future))
        await future

    def next_wake(self) -> int | None:
        """When the first sleeper is due, ns; None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():  # its task was cancelled
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def set(self, ns: int) -> None:
        """It is now `ns` (an earlier time changes nothing): sleepers that are due wake in the order (time, who slept first)."""
        self._now = max(self._now, ns)
        if not self._sleepers:
            return
        while (due := self.next_wake()) is not None and due <= self._now:
            heapq.heappop(self._sleepers)[2].set_result(None)


class RealRng:
    """The kernel's randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def random(self) -> float:
        return self._random.random()

    def token(self, nbytes: int) -> str:
        return secrets.token_hex(nbytes)


# disk ---------------------------------------------------------------------------------------------------------------------


class RealFile:
    """An append-only file descriptor."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, data: bytes) -> None:
        _write_all(self._fd, data)

    def sync(self) -> None:
        _datasync(self._fd)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def identity(self) -> tuple[int, int]:
        """Of the file that the path names now: another one after a replacement, FileNotFoundError after a removal."""
        stat = os.stat(self._path)  # noqa: PTH116 - a hot path, and no Path wanted for it
        return stat.st_dev, stat.st_ino

    def close(self) -> None:
        os.close(self._fd)


class RealDisk:
    """Files of this machine. Errors are OSError as the kernel gives them; interrupted and short writes are completed (B11)."""

    def open_append(self, path: str) -> RealFile:
        return RealFile(path)

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def read_chunks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]:
        with Path(path).open("rb", buffering=0) as file:
            while chunk := file.read(size):
                yield chunk

    def read_regular(self, path: str, size_max: int) -> bytes:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us
        try:
            seen = os.fstat(fd)
            if not S_ISREG(seen.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            if seen.st_uid not in {0, os.geteuid(), Path(path).parent.stat().st_uid}:
                raise OSError(errno.EPERM, "the file is somebody else's", path)
            data = bytearray()
            while len(data) <= size_max and (chunk := os.read(fd, min(1 << 20, size_max + 1 - len(data)))):
                data += chunk
        finally:
            os.close(fd)
        if len(data) > size_max:
            raise OSError(errno.EFBIG, f"longer than {size_max} bytes", path)
        return bytes(data)

    def write_new(self, path: str, data: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, src: str, dst: str) -> None:
        Path(src).replace(dst)

    def unlink(self, path: str) -> None:
        Path(path).unlink()

    def sync_dir(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def listdir(self, path: str) -> list[str]:
        try:
            return sorted(entry.name for entry in Path(path).iterdir())
        except FileNotFoundError:
            return []

    def mkdir(self, path: str) -> None:
        where = Path(path)
        for parent in [*reversed(where.parents), where]:
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)

    def lock(self, path: str) -> Callable[[], None] | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            _write_all(fd, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        return lambda: os.close(fd)  # the file stays: removing it would let two holders lock two files of one name

    def free(self, path: str) -> int:
        stat = os.statvfs(path)
        return stat.f_bavail * stat.f_frsize

    def fs_kind(self, path: str) -> str:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        except FileNotFoundError:
            return "unknown"
        return _kind_in(mounts, Path(path).resolve())


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _datasync(fd: int) -> None:
    sync = getattr(os, "fdatasync", os.fsync)  # a machine without fdatasync gets the stronger one
    sync(fd)


def _kind_in(mountinfo: str, path: Path) -> str:
    """The kind of the file system that holds `path`; where mounts lie on one another, the last one counts."""
    best, kind = -1, "unknown"
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), left.split()[4]))
        if (point == path or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split()[0]
    return "local" if kind in _LOCAL else _ALIASES.get(kind, kind)


# network --------------------------------------------------------------------------------------------------------------------


class _Ws(aiohttp.ClientWebSocketResponse):
    """A websocket that keeps its transport in sight: whether bytes are with the kernel is known there alone."""

    def __init__(self, reader, writer, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        super().__init__(reader, writer, *args, **kwargs)
        self.pipe: asyncio.WriteTransport = writer.transport


class WsTransport:
    """One websocket, frames as bytes. Never resends (A19)."""

    def __init__(self, ws: _Ws, *, binary: bool) -> None:
        self._ws = ws
        self._opcode = aiohttp.WSMsgType.BINARY if binary else aiohttp.WSMsgType.TEXT

    async def send(self, frame: bytes) -> None:
        if self._ws.closed:
            raise LinkDown("the connection is closed")
        try:
            await self._ws.send_frame(frame, self._opcode)
        except (aiohttp.ClientError, OSError, RuntimeError) as e:
            raise LinkDown(f"sending failed: {e}") from e
        await self.flush()

    async def flush(self, raw: bytes = b"") -> None:
        """Wait until all is with the kernel; LinkDown. raw: bytes to write first, as they are: a part of a frame (K4)."""
        if raw:
            self._ws.pipe.write(raw)
        while self._ws.pipe.get_write_buffer_size():
            if self._ws.pipe.is_closing():
                raise LinkDown("the connection was lost while sending")
            await asyncio.sleep(0.001)

    async def receive(self) -> bytes:
        try:
            message = await self._ws.receive()
        except (aiohttp.ClientError, OSError, RuntimeError) as e:
            raise LinkDown(f"receiving failed: {e}") from e
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        if message.type is aiohttp.WSMsgType.ERROR:
            raise LinkDown(f"the connection broke: {message.data}")
        raise LinkDown(f"the venue closed the connection ({self._ws.close_code})")

    async def close(self) -> None:
        try:
            await self._ws.close()
        except (aiohttp.ClientError, OSError, RuntimeError) as e:
            raise LinkDown(f"closing failed: {e}") from e


class RealNet:
    """Websocket connections over one client session. binary: what kind of frames are sent (both kinds are received)."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def connect(
        self, url: str, *, heartbeat_s: float = 5.0, frame_max: int = 1 << 20, binary: bool = False
    ) -> WsTransport:
        """One attempt within 10 s, no compression. Silence of 1.5 heartbeats ends the connection."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(ws_response_class=_Ws, timeout=aiohttp.ClientTimeout(total=None))
        try:
            async with asyncio.timeout(CONNECT_S):
                ws = await self._session.ws_connect(
                    url, heartbeat=heartbeat_s, max_msg_size=frame_max, compress=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )  # fmt: skip
        except (aiohttp.ClientError, OSError) as e:  # TimeoutError is an OSError
            raise LinkDown(f"cannot connect: {str(e) or type(e).__name__}") from e
        assert isinstance(ws, _Ws)
        return WsTransport(ws, binary=binary)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


# all of it ----------------------------------------------------------------------------------------------------------------


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
