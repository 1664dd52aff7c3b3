"""What the lab sends: the facts that ask for something, given to the venue after they were recorded.

The same questions as the daemon's dispatch asks right before bytes leave (`core/steps/send.py`), without a queue that waits. T1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from tradingd.core.book.book import Book
from tradingd.core.book.orders import Life
from tradingd.core.events import CancelRejected, Event, OrderNever, OrderRejected, OrderUnknown, ReplaceRejected
from tradingd.core.facts import AnyFact, CancelIntended, OrderIntended, OrderMoved, ReplaceIntended
from tradingd.core.rules import Rules
from tradingd.core.steps.send import is_moot, refusal
from tradingd.core.types import Order, OrderId
from tradingd.lab.sides import Clock
from tradingd.ports import Broker, LinkDown, VenueRefused

T = TypeVar("T")
Work = OrderIntended | CancelIntended | ReplaceIntended


def at_once(step: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for: the venue is in this process. AssertionError when it waits."""
    try:
        step.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    step.close()
    raise AssertionError(f"{step} waits, and in the lab nobody else would go on")


class WayOut:
    """One account's. up: the venue may be asked.   sent_at: ns of each order that was written and not answered yet."""

    def __init__(self, broker: Broker, book: Book, rules: Rules, clock: Clock, offer: Callable[[Event], None]) -> None:
        self.up = False
        self.sent_at: dict[OrderId, int] = {}
        self._broker = broker
        self._book = book
        self._rules = rules
        self._clock = clock
        self._offer = offer
        self._queue: deque[Work] = deque()

    def on_durable(self, facts: Sequence[AnyFact]) -> None:
        """What these facts ask for is sent by the next `send`."""
        for fact in facts:
            if isinstance(fact, Work):
                self._queue.append(fact)
            elif type(fact) is OrderMoved and fact.to != Life.UNKNOWN:
                self.sent_at.pop(fact.order_id, None)

    def send(self) -> bool:
        """Hand over all that waits, in order; was there anything?"""
        if not self._queue:
            return False
        while self._queue:
            match self._queue.popleft():
                case OrderIntended(order=order):
                    self._submit(order)
                case CancelIntended(order_id=order_id):
                    self._cancel(order_id)
                case ReplaceIntended() as work:
                    self._replace(work)
        return True

    def _submit(self, order: Order) -> None:
        now = self._clock.wall()
        why = refusal(self._book, order, self._rules, now=now, up=self.up)
        if why is not None:
            self._say(OrderNever, order.order_id, proof=f"never written: {why}")
            return
        self.sent_at[order.order_id] = now
        try:
            at_once(self._broker.submit(order))
        except VenueRefused as e:
            self._say(OrderRejected, order.order_id, code=e.code, text=e.text)
        except LinkDown as e:
            self._say(OrderUnknown, order.order_id, why=str(e) or "link lost while sending")

    def _cancel(self, order_id: OrderId) -> None:
        if is_moot(self._book, order_id, written=order_id in self.sent_at) or not self.up:
            return
        try:
            at_once(self._broker.cancel(order_id))
        except VenueRefused as e:
            self._say(CancelRejected, order_id, code=e.code, text=e.text)

    def _replace(self, work: ReplaceIntended) -> None:
        if not self.up:
            self._say(ReplaceRejected, work.order_id, rev=work.rev, code="link_down", text="never written")
            return
        try:
            at_once(self._broker.replace(work.order_id, work.rev, work.qty, work.limit, work.stop))
        except VenueRefused as e:
            self._say(ReplaceRejected, work.order_id, rev=work.rev, code=e.code, text=e.text)

    def _say(self, kind: type, order_id: OrderId, **fields: object) -> None:
        self._offer(kind(ts=self._clock.wall(), account=self._book.account, order_id=order_id, **fields))
