"""One channel: the task that sends what its outbox says is due, tries again, and reports what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import anyio
import structlog

from tradingd.ports import Env
from tradingd.shell.notify.message import Message, Transport, Undelivered, message_of, trace_of, without
from tradingd.shell.notify.note import Note
from tradingd.shell.notify.outbox import DELIVERED, FAILED, LIMITED, Batch, Outbox, Outcome, Wishes

log = structlog.get_logger("tradingd")

TRY_S = 10.0
TEST_S = 8.0  # whoever asked for a test waits for its answer
FAULT_S = 60.0
BACKOFF_S = (1.0, 4.0, 16.0)

Report = Callable[["Channel", Sequence[Outcome]], None]


class Channel:
    """report: told of every outcome, to have it recorded. on_failed: told of a notice that failed after all tries.

    A fault of a transport is a failed try, whatever it raises: telling people may never end the house.
    """

    def __init__(self, env: Env, name: str, mode: str, wishes: Wishes, transport: Transport) -> None:
        self.name = name
        self.outbox = Outbox(wishes)
        self.failing = False  # the last message failed
        self.report: Report = lambda _channel, _outcomes: None
        self.on_failed: Callable[[Channel, Outcome], None] = lambda _channel, _outcome: None
        self._env = env
        self._mode = mode
        self._transport = transport
        self._wake = asyncio.Event()

    def hear(self, note: Note) -> None:
        """Take a notice in. Never waits."""
        self._tell(self.outbox.add(note, *self._now()))
        self._wake.set()

    async def run(self) -> None:
        """For ever: whatever is due, then sleep until something may be."""
        while True:
            try:
                await self._round()
            except Exception as fault:  # noqa: BLE001 - of our own: telling people may not end what trades (the log shows no variables)
                log.error("notify.fault", channel=self.name, trace=trace_of(fault, self._transport.secrets))  # noqa: TRY400
                await self._env.clock.sleep(FAULT_S)

    async def _round(self) -> None:
        self._wake.clear()
        while (batch := self.outbox.due(*self._now())) is not None:
            await self.deliver(batch)
        await self._pause(self.outbox.due_in(*self._now()))

    async def deliver(self, batch: Batch) -> None:
        """One message, with all its tries; beyond the limit none."""
        hour = self.outbox.hour
        if hour.full(*self._now()):
            self._tell(self.outbox.sent(batch, LIMITED, *self._now()))
            return
        hour.going += 1
        try:
            status, tries, error = await self._tries(message_of(batch, self._mode, self.name))
        finally:
            hour.going -= 1
        outcomes = self.outbox.sent(batch, status, *self._now(), tries=tries, error=error)
        self._tell(outcomes)
        if status == FAILED:
            log.error("notify.failed", channel=self.name, notice=batch.notes[0].kind, tries=tries, why=error)
            if not self.failing:
                self.on_failed(self, outcomes[0])
        self.failing = status == FAILED

    async def once(self, batch: Batch) -> Outcome:
        """One try at once, beside what waits: a test. It counts for the limit, and keeps to it."""
        hour = self.outbox.hour
        if hour.full(*self._now()):
            return Outcome(batch.notes[0], LIMITED)
        hour.going += 1
        try:
            remark, error = await self._try(message_of(batch, self._mode, self.name), TEST_S)
        finally:
            hour.going -= 1
        if error is None:
            hour.count(*self._now())
            return Outcome(batch.notes[0], DELIVERED, 1, remark)
        return Outcome(batch.notes[0], FAILED, 1, without(str(error), self._transport.secrets))

    async def _tries(self, message: Message) -> tuple[str, int, str]:
        """(status, tries, error or remark)."""
        for tries, wait in enumerate((*BACKOFF_S, None), 1):
            remark, error = await self._try(message, TRY_S)
            if error is None:
                return DELIVERED, tries, remark
            if wait is None or error.final:
                return FAILED, tries, without(str(error), self._transport.secrets)
            await self._env.clock.sleep(wait)
        raise AssertionError("the last try has no pause behind it")

    async def _try(self, message: Message, limit_s: float) -> tuple[str, Undelivered | None]:
        try:
            async with asyncio.timeout(limit_s):
                return without(await self._transport.send(message), self._transport.secrets), None
        except TimeoutError:
            return "", Undelivered(f"no end within {limit_s:g} s")
        except Undelivered as error:
            return "", error
        except Exception as error:  # noqa: BLE001 - of a transport or its library, whatever they raise: a failed try
            return "", Undelivered(f"fault: {type(error).__name__}: {error}")

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self.report(self, outcomes)

    def _now(self) -> tuple[int, int]:
        return self._env.clock.wall(), self._env.clock.mono()

    async def _pause(self, seconds: float | None) -> None:
        """Until something new came, or the time is over."""
        async with anyio.create_task_group() as group:
            if seconds is not None:
                group.start_soon(self._ring, seconds)
            await self._wake.wait()
            group.cancel_scope.cancel()

    async def _ring(self, seconds: float) -> None:
        await self._env.clock.sleep(seconds)
        self._wake.set()
