"""The wire of one connection to the simulated venue: writes frames, reads frames, matches answers to requests.

There is no reader task: whoever waits for something (an answer, the end of the session) reads, one at a time, and hands the
reading on when it has what it waited for. So events flow while `wait_closed` or a question is being awaited, which the task that
owns the connection always does. Every request is written at most once; nothing is retried (A19).
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

from tradingd.core.events import Event, OrderUnknown
from tradingd.core.types import NS, AccountId, OrderId
from tradingd.ports import Env, LinkDown, SessionTaken, Sink, Transport, VenueRefused
from tradingd_adapters.sim import parse, wire

QUARANTINE_MAX: Final = 100


class Waiter:
    """Somebody who waits: for the answer to a request, or (req 0) for the end of the session."""

    __slots__ = ("answer", "wake")

    def __init__(self) -> None:
        self.answer: wire.Answer | wire.Failed | None = None
        self.wake = asyncio.Event()


class Connection:
    """One session. quarantined: frames that were not understood, newest last, at most 100, with the reason (D18)."""

    def __init__(
        self, env: Env, account: AccountId, sink: Sink, *, credit: int, ack_s: float, silence_s: float
    ) -> None:
        self.env = env
        self.account = account
        self.quarantined: deque[tuple[bytes, str]] = deque(maxlen=QUARANTINE_MAX)
        self.ended: str | None = None
        self.taken = False  # ended by another login of the account
        self.ts = 0  # the venue's time, as last heard
        self._sink = sink
        self._credit = credit
        self._ack_s = ack_s
        self._silence_s = silence_s
        self._transport: Transport | None = None
        self._waiters: dict[int, Waiter] = {}
        self._req = 0
        self._taken = 0
        self._reading = False
        self._heard = 0

    async def open(self, url: str, key: str) -> None:
        """Connect and log in. LinkDown: no connection or no answer.   VenueRefused: wrong account or key."""
        self._transport = await self.env.net.connect(url)
        self._heard = self.env.clock.mono()
        welcome = None
        try:
            await self.send(wire.Login(account=self.account, key=key))
            welcome = self._welcome(await self._receive())
            self.ts = welcome.ts
            if self._credit:
                await self.send(wire.Credit(n=self._credit))
        finally:
            if welcome is None:
                await self.end("not logged in")

    def _welcome(self, data: bytes) -> wire.Welcome:
        try:
            hello = parse.frame(data)
        except parse.Malformed as e:
            self._quarantine(data, e)
            raise LinkDown(f"malformed frame: {e}") from e
        if isinstance(hello, wire.Refused):
            raise VenueRefused(hello.code, hello.text)
        if not isinstance(hello, wire.Welcome):
            raise LinkDown("the venue did not answer the login")
        return hello

    def number(self) -> int:
        """A new request number."""
        self._req += 1
        return self._req

    async def send(self, frame: wire.Frame) -> None:
        """Write one frame, once. LinkDown: the session is over."""
        if self.ended is not None or self._transport is None:
            raise self._down("not connected")
        await self._transport.send(wire.encode(frame))

    async def ask(self, req: int, question: wire.Frame) -> wire.Answer:
        """The answer to a question. LinkDown: the session ended, or no answer in time.   VenueRefused: 4xx."""
        waiter = self._waiters[req] = Waiter()
        try:
            await self.send(question)
            async with asyncio.timeout(self._ack_s):
                await self._read_until(waiter)
        except TimeoutError as e:
            raise LinkDown(f"no answer within {self._ack_s:g} s") from e
        finally:
            self._waiters.pop(req, None)
        answer = waiter.answer
        if isinstance(answer, wire.Answer):
            return answer
        if answer is None or answer.status >= 500:
            raise self._down("the session ended") if answer is None else LinkDown(answer.text)
        raise VenueRefused(str(answer.status), answer.text)

    async def wait_end(self) -> str:
        """Read until the session is over; the reason. SessionTaken: another login of the account ended it."""
        waiter = self._waiters[0] = Waiter()
        try:
            await self._read_until(waiter)
        finally:
            self._waiters.pop(0, None)
        if self.taken:
            raise self._down("")
        return self.ended or "ended"

    def _down(self, why: str) -> LinkDown:
        """What is raised once the session is over."""
        return (SessionTaken if self.taken else LinkDown)(self.ended or why)

    async def end(self, why: str) -> None:
        """Close the session; everybody who waits learns why."""
        if self.ended is None:
            self.ended = why
            for waiter in self._waiters.values():
                waiter.wake.set()
            if self._transport is not None:
                with suppress(LinkDown):  # it is closed already
                    await self._transport.close()

    # reading --------------------------------------------------------------------------------------------------------------

    async def _read_until(self, waiter: Waiter) -> None:
        while waiter.answer is None and self.ended is None:
            if self._reading:
                waiter.wake.clear()
                await waiter.wake.wait()
                continue
            self._reading = True
            try:
                await self._read_one()
            finally:
                self._reading = False
                self._hand_on(waiter)

    def _hand_on(self, last: Waiter) -> None:
        """Wake one other waiter, the one for the end first: it reads on."""
        for other in (self._waiters.get(0), *self._waiters.values()):
            if other is not None and other is not last and other.answer is None:
                other.wake.set()
                return

    async def _read_one(self) -> None:
        try:
            data = await self._receive()
        except LinkDown as e:
            await self.end(str(e))
            return
        if b'"accepted"' in data:
            self.env.failpoint("K6")
        elif data.startswith(b'{"type":"trade"'):
            self.env.failpoint("K9")
        try:
            frame = parse.frame(data)
            event = parse.event(frame)
        except parse.Malformed as e:
            self._quarantine(data, e)
            await self.end(f"malformed frame: {e}")
            return
        await self._take(frame, event)

    async def _receive(self) -> bytes:
        assert self._transport is not None
        left = self._silence_s - (self.env.clock.mono() - self._heard) / NS
        try:
            async with asyncio.timeout(max(0.0, left)):
                data = await self._transport.receive()
        except TimeoutError as e:
            raise LinkDown(f"silence for {self._silence_s:g} s") from e
        self._heard = self.env.clock.mono()
        return data

    async def _take(self, frame: wire.ToClient, event: Event | None) -> None:
        if isinstance(frame, wire.Update) and frame.what == "accepted":
            self.env.failpoint("K7")
        if event is not None:
            self.ts = max(self.ts, event.ts)
            if isinstance(frame, wire.Tick):
                event.recv_ts = self.env.clock.wall()  # type: ignore[union-attr]
            self._sink(event)
        if isinstance(frame, wire.Tick):
            await self._pay()
        elif isinstance(frame, wire.Beat):
            self.ts = max(self.ts, frame.ts)
        elif isinstance(frame, wire.Answer | wire.Failed):
            self._answered(frame)
        elif isinstance(frame, wire.Refused):
            self.taken = frame.code == wire.TAKEN
            await self.end(f"{frame.code}: {frame.text}")

    async def _pay(self) -> None:
        """Give back credit for quotes taken, half a window at a time."""
        self._taken += 1
        if self._credit and self._taken * 2 >= self._credit:
            taken, self._taken = self._taken, 0
            try:
                await self.send(wire.Credit(n=taken))
            except LinkDown as e:
                await self.end(str(e))

    def _answered(self, frame: wire.Answer | wire.Failed) -> None:
        waiter = self._waiters.get(frame.req)
        if waiter is not None:
            waiter.answer = frame
            waiter.wake.set()
        elif isinstance(frame, wire.Failed) and frame.client_id:
            why = f"{frame.status} {frame.text}".strip()
            order_id = OrderId(frame.client_id)
            self._sink(OrderUnknown(ts=self.ts, account=self.account, order_id=order_id, why=why))

    def _quarantine(self, data: bytes, why: Any) -> None:
        self.quarantined.append((data, str(why)))
