"""Deaths that no line of the daemon's own can die: in the middle of a frame (K4), and between the write and the sync of a record
that an acknowledgement became (K8). Put under a daemon that was not started yet; the daemon's own code is what runs.
"""

from __future__ import annotations

import os
import signal

from tradingd.app import Daemon
from tradingd.ports import Net, Transport
from tradingd.shell.env import RealDisk, RealFile, WsTransport

ORDER = b'{"type":"new"'
ACKED = (b'"kind":"OrderMoved"', b'"to":"live"')
TEXT = 0x81  # first byte of a websocket frame: text, the last of its message
MASKED, LONG = 0x80, 126  # second byte: a client's frame; two bytes of length follow
NO_MASK = bytes(4)


def arm(daemon: Daemon, point: str, nth: int) -> None:
    """Let the daemon die at K4 or K8 for the nth time it comes by; any other point is `RealEnv`'s and nothing is done."""
    if point == "K4":
        daemon.env.net = TornNet(daemon.env.net, nth)
    elif point == "K8":
        daemon.env.disk = AckDisk(nth)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class TornNet:
    """Connections whose nth order is cut in the middle of its frame."""

    def __init__(self, inner: Net, nth: int) -> None:
        self.left = self.nth = nth
        self._inner = inner

    async def connect(self, url: str, *, heartbeat_s: float = 5.0, frame_max: int = 1 << 20) -> Transport:
        transport = await self._inner.connect(url, heartbeat_s=heartbeat_s, frame_max=frame_max)
        assert isinstance(transport, WsTransport)
        return TornTransport(transport, self)


class TornTransport:
    """One such connection. The first bytes of the frame are with the kernel when the process dies, the last ones never were."""

    def __init__(self, inner: WsTransport, net: TornNet) -> None:
        self._inner = inner
        self._net = net

    async def send(self, frame: bytes) -> None:
        if frame.startswith(ORDER):
            self._net.left -= 1
            if self._net.left == 0:
                await self._inner.flush(_begun(frame, self._net.nth))
                die()
        await self._inner.send(frame)

    async def receive(self) -> bytes:
        return await self._inner.receive()

    async def close(self) -> None:
        await self._inner.close()


def _begun(frame: bytes, nth: int) -> bytes:
    """The frame as a websocket client writes it, without its end: half of it, all but a byte, or little more than its head."""
    assert LONG <= len(frame) < 1 << 16
    whole = bytes((TEXT, MASKED | LONG)) + len(frame).to_bytes(2, "big") + NO_MASK + frame
    return whole[: (len(whole) // 2, len(whole) - 1, 20)[nth % 3]]


class AckDisk(RealDisk):
    """A disk on which the nth acknowledgement is written and never synced."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def open_append(self, path: str) -> RealFile:
        return AckFile(path, self)


class AckFile(RealFile):
    def __init__(self, path: str, disk: AckDisk) -> None:
        super().__init__(path)
        self._disk = disk
        self._acked = False

    def append(self, data: bytes) -> None:
        super().append(data)
        self._acked = any(all(word in line for word in ACKED) for line in data.splitlines())

    def sync(self) -> None:
        if self._acked:
            self._disk.left -= 1
            if self._disk.left == 0:
                die()
        super().sync()
