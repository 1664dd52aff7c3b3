"""The live stream: snapshots of the page as server-sent events, never more than the reader takes."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from tradingd.core.types import NS
from tradingd.core.views.page import Page
from tradingd.ports import Clock
from tradingd.shell.web.desk import Desk
from tradingd.shell.web.door import Refused
from tradingd.shell.web.settings import Limits


class Stream:
    """GET /events. Source: H2, I4.

    Each event is a whole Page with its seq as id, so a reader that missed some has lost nothing; between two is at least
    `stream_gap_s`. When nothing changes, a comment each `stream_beat_s` says that the last one still holds, with the
    house's time. A reader that leaves 1 MiB unread, or takes nothing for a heartbeat's time, is dropped.
    """

    def __init__(self, clock: Clock, desk: Desk, limits: Limits) -> None:
        self._clock = clock
        self._desk = desk
        self._limits = limits
        self._readers: set[asyncio.Task[object]] = set()
        self.dropped = 0

    @property
    def count(self) -> int:
        return len(self._readers)

    def close(self) -> None:
        """End all streams, so that the server need not wait for their readers."""
        for task in list(self._readers):
            task.cancel()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if len(self._readers) >= self._limits.streams_max:
            raise Refused(503, "too_many_streams", "too many pages are open", retry_s=5)
        task = asyncio.current_task()
        assert task is not None
        self._readers.add(task)
        try:
            return await self._serve(request)
        finally:
            self._readers.discard(task)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        await response.prepare(request)
        seen = self._since(request)
        try:
            while True:
                page = await self._desk.changed(seen, self._limits.stream_beat_s)
                began = self._clock.mono()
                fresh = page.seq > seen
                await self._write(request, response, _event(page) if fresh else b": beat %d\n\n" % self._desk.now())
                seen = max(seen, page.seq)
                gap = self._limits.stream_gap_s - (self._clock.mono() - began) / NS
                if fresh and gap > 0:
                    await self._clock.sleep(gap)
        except (ConnectionError, TimeoutError):
            return response  # the reader left, or was dropped

    def _since(self, request: web.Request) -> int:
        """What the reader has seen. An id from the future is another run's: begin anew."""
        last = request.headers.get("Last-Event-ID", "")
        seen = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else -1
        return seen if seen <= self._desk.page().seq else -1

    async def _write(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        try:
            async with asyncio.timeout(self._limits.stream_beat_s):
                await response.write(
                    data
                )  # waits while more than 64 KiB are unread: a slow reader gets fewer snapshots
        except TimeoutError:
            self._drop(transport)
            raise
        if transport.get_write_buffer_size() > self._limits.stream_buffer_max:
            self._drop(transport)
            raise ConnectionResetError

    def _drop(self, transport: asyncio.Transport) -> None:
        self.dropped += 1
        transport.abort()


def _event(page: Page) -> bytes:
    return b"id: %d\nevent: page\ndata: %s\n\n" % (page.seq, msgspec.json.encode(page))
