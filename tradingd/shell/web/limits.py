"""Bounds of a listener: connections, the deadline of the first request, request rate, and strict JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, cast

from tradingd.core.types import NS
from tradingd.ports import Clock

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"
PEERS_MAX = 1024


class Gate:
    """Makes the protocol of each new connection: at most `most` at once, each with `first_s` for its first whole request.

    aiohttp has no deadline for headers: a peer that sends one byte a minute would hold its connection for ever. Source: J4.
    """

    def __init__(self, make: Callable[[], asyncio.Protocol], *, most: int, first_s: float) -> None:
        self._make = make
        self._most = most
        self.first_s = first_s
        self._guards: dict[asyncio.BaseTransport, Guard] = {}
        self.late = 0
        self.turned_away = 0

    def __call__(self) -> asyncio.Protocol:
        return Guard(self, self._make())

    def open(self, guard: Guard, transport: asyncio.Transport) -> bool:
        if len(self._guards) >= self._most:
            self.turned_away += 1
            return False
        self._guards[transport] = guard
        return True

    def gone(self, transport: asyncio.BaseTransport) -> None:
        self._guards.pop(transport, None)

    def completed(self, transport: asyncio.BaseTransport | None) -> None:
        """The first request of this connection is whole: its deadline is over."""
        if transport is not None and (guard := self._guards.get(transport)) is not None:
            guard.rest()

    @property
    def count(self) -> int:
        return len(self._guards)


class Guard(asyncio.Protocol):
    """Stands between one transport and aiohttp's protocol and passes everything on."""

    def __init__(self, gate: Gate, inner: asyncio.Protocol) -> None:
        self._gate = gate
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pipe = cast("asyncio.Transport", transport)  # uvloop's is no subclass of asyncio's
        if not self._gate.open(self, pipe):
            pipe.write(_FULL)
            pipe.close()
            return
        self._transport = pipe
        self._timer = asyncio.get_running_loop().call_later(self._gate.first_s, self._late)
        self._inner.connection_made(transport)

    def _late(self) -> None:
        if self._transport is not None:
            self._gate.late += 1
            self._transport.abort()

    def rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.rest()
        if self._transport is not None:
            self._gate.gone(self._transport)
            self._transport = None
            self._inner.connection_lost(exc)


class Bucket:
    """Requests a second of one peer, with a burst. Source: J5 (a stop word has its own lane and never asks here)."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._peers: dict[str, tuple[float, int]] = {}

    def take(self, peer: str) -> bool:
        now = self._clock.mono()
        have, at = self._peers.pop(peer, (self._burst, now))
        have = min(self._burst, have + (now - at) / NS * self._rate)
        while len(self._peers) >= PEERS_MAX:
            del self._peers[next(iter(self._peers))]
        ok = have >= 1
        self._peers[peer] = (have - 1 if ok else have, now)
        return ok


def strict_json(body: bytes, depth_max: int = 20) -> Any:
    """The value of a JSON document. ValueError, in words for the caller, on: bad UTF-8 or syntax, deeper than depth_max, a key
    given twice, NaN or Infinity, numbers of absurd length. Source: J2."""
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    if deepest > depth_max:
        raise ValueError(f"JSON is nested deeper than {depth_max}")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key is given twice")
    return out


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number")
