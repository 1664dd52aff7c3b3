"""The machine's network: websockets."""

from __future__ import annotations

import asyncio

import aiohttp

from tradingd.ports import LinkDown

CONNECT_S = 10.0
CLOSE_S = 2.0


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
