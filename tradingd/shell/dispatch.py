"""Dispatch: follower of durable facts that sends what they intend, and gives every outcome back as an event.

It acts only on facts the journal has reported durable, asks the send gate again right before the bytes leave, writes each attempt
once and never retries (A19). An outcome it cannot prove is UNKNOWN; `shell/reconcile.py` asks the venue. Source: O2, I1, I3, I7.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import anyio

from tradingd.core.book.book import Book
from tradingd.core.book.orders import Life
from tradingd.core.events import CancelRejected, OrderNever, OrderRejected, OrderUnknown, ReplaceRejected
from tradingd.core.facts import AnyFact, CancelIntended, OrderIntended, OrderMoved, ReplaceIntended
from tradingd.core.rules import Rules
from tradingd.core.steps.send import is_moot, refusal
from tradingd.core.types import Order, OrderId
from tradingd.ports import Broker, Env, LinkDown, VenueRefused
from tradingd.shell.channels import Inbox

Work = OrderIntended | CancelIntended | ReplaceIntended


class Dispatch:
    """One account's way out. `halted` is the kill switch: set synchronously before a halt is journaled, so that nothing queued
    behind it leaves (G14, G15)."""

    def __init__(
        self,
        env: Env,
        broker: Broker,
        book: Book,
        rules: Rules,
        inbox: Inbox,
        *,
        on_sent: Callable[[Order, int], None] | None = None,
        look: Callable[[], None] = lambda: None,
        broken: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.env = env
        self.broker = broker
        self.book = book
        self.rules = rules
        self.inbox = inbox
        self.halted = False
        self.leaving = False  # the process will stop: nothing is opened any more
        self.up = False  # the link can carry orders; set by the link's task
        self.sent_at: dict[
            OrderId, int
        ] = {}  # monotonic ns of the one attempt on this connection, until the venue's answer
        self._queue: deque[Work] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._on_sent = on_sent
        self._broken = broken  # why nothing can be recorded any more, None while it can
        self._look = look  # takes `up` away when this process stood still (E3)

    @property
    def pending(self) -> bool:
        return not self._idle.is_set()

    async def idle(self) -> None:
        """Returns when everything durable was handed to the broker."""
        await self._idle.wait()

    def on_durable(self, facts: Sequence[AnyFact]) -> None:
        """Called by the journal, in order, on the loop."""
        for fact in facts:
            if fact.account != self.book.account:
                continue
            if isinstance(fact, Work):
                self._queue.append(fact)
                self._idle.clear()
                self._wake.set()
            elif isinstance(fact, OrderMoved) and fact.to != Life.UNKNOWN:
                self.sent_at.pop(fact.order_id, None)

    async def run(self) -> None:
        while True:
            while self._queue:
                work = self._queue.popleft()
                with anyio.CancelScope(
                    shield=True
                ):  # intent -> send -> record is not cancellable (I9 of RELIABILITY 2)
                    await self._send(work)
            self._idle.set()
            self._wake.clear()
            await self._wake.wait()

    async def _send(self, work: Work) -> None:
        self._look()
        match work:
            case OrderIntended():
                await self._submit(work.order)
            case CancelIntended():
                await self._cancel(work)
            case ReplaceIntended():
                await self._replace(work)

    # orders -----------------------------------------------------------------------------------------------------------

    async def _submit(self, order: Order) -> None:
        if self.env.sometimes("dispatch.waits"):
            await self.env.clock.sleep(0.2)
        why = self._refusal(order)
        if why is not None:
            self._event(OrderNever, order.order_id, proof=f"never written: {why}")
            return
        self.env.failpoint("K3")
        self.sent_at[order.order_id] = self.env.clock.mono()
        try:
            with anyio.fail_after(self.broker.quirks.ack_timeout_s):
                await self.broker.submit(order)
        except VenueRefused as e:
            self._event(OrderRejected, order.order_id, code=e.code, text=e.text)
        except LinkDown as e:
            self._event(OrderUnknown, order.order_id, why=str(e) or "link lost while sending")
        except TimeoutError:
            self._event(OrderUnknown, order.order_id, why="no end of the write in time")
        if self._on_sent is not None:
            self._on_sent(order, self.env.clock.mono())

    def _refusal(self, order: Order) -> str | None:
        """Why these bytes must not leave now, None when they may. Asked after the durability wait (I12)."""
        why = refusal(
            self.book, order, self.rules, now=self.env.clock.wall(), up=self.up, halted=self.halted, leaving=self.leaving
        )  # fmt: skip
        return why if why is not None or order.reduce_only else self._broken()

    async def _cancel(self, work: CancelIntended) -> None:
        if is_moot(self.book, work.order_id, written=work.order_id in self.sent_at):
            return
        if not self.up:
            return  # asked again by the resync that follows the next connect
        try:
            with anyio.fail_after(self.broker.quirks.ack_timeout_s):
                await self.broker.cancel(work.order_id)
        except VenueRefused as e:
            self._event(CancelRejected, work.order_id, code=e.code, text=e.text)
        except (LinkDown, TimeoutError):
            return  # repeating a cancel is harmless: reconcile asks again

    async def _replace(self, work: ReplaceIntended) -> None:
        if not self.up:
            self._event(ReplaceRejected, work.order_id, rev=work.rev, code="link_down", text="never written")
            return
        try:
            with anyio.fail_after(self.broker.quirks.ack_timeout_s):
                await self.broker.replace(work.order_id, work.rev, work.qty, work.limit, work.stop)
        except VenueRefused as e:
            self._event(ReplaceRejected, work.order_id, rev=work.rev, code=e.code, text=e.text)
        except (LinkDown, TimeoutError):
            return  # reconcile compares revisions

    def _event(self, kind: type, order_id: OrderId, **fields: object) -> None:
        self.inbox.offer(kind(ts=self.env.clock.wall(), account=self.book.account, order_id=order_id, **fields))
