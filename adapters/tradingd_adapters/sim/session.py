"""One login of one account at the venue: what it sends travels for a while, arrives in order, and may be fenced on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tradingd.core.types import Order, OrderId, Price, Qty
from tradingd.ports import LinkDown, Sink
from tradingd_adapters.sim.faults import Fault

if TYPE_CHECKING:
    from tradingd_adapters.sim.accounts import Account
    from tradingd_adapters.sim.exchange import Exchange

Ended = Callable[[str], None]
TAKEN = "another login took over"  # why a session ended that a later login fences


class Session:
    """One login of one account. Calls hand a message over at the exchange's present time and return at once."""

    def __init__(self, exchange: Exchange, account: Account, sink: Sink, ended: Ended) -> None:
        self.account = account
        self.epoch = account.epoch
        self.alive = True
        self.sink = sink
        self.silent_since: int | None = None
        self.lose_acks: set[OrderId] = set()
        self._exchange = exchange
        self._ended = ended
        self._inbox: deque[tuple[int, Callable[[], None]]] = deque()

    def submit(self, order: Order) -> None:
        """LinkDown: the session is gone, or the venue answered 503 (the order may be working)."""
        self._check()
        faults = self._exchange.faults
        if faults.hit(Fault.LOSE_ORDER):
            self.end("connection reset before the order was read")
            raise LinkDown("connection reset")
        self._send(partial(self._exchange.read_submit, self, order))
        if faults.hit(Fault.ERROR_AFTER_ACCEPT):
            self.lose_acks.add(order.order_id)
            raise LinkDown("503 service unavailable")

    def cancel(self, order_id: OrderId) -> None:
        """LinkDown: the session is gone."""
        self._check()
        self._send(partial(self._exchange.read_cancel, self, order_id))

    def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        """LinkDown: the session is gone. qty: the new total; a price left None stays."""
        self._check()
        self._send(partial(self._exchange.read_replace, self, order_id, rev, qty, limit, stop))

    def flush(self) -> None:
        """Process all this session has sent: messages of one session are read in order, so a question asked now is answered
        after them."""
        self._check()
        while self._inbox:
            self._inbox.popleft()[1]()

    def end(self, why: str) -> None:
        """The session is over; what it has sent still arrives unless a later login fences it."""
        if self.alive:
            self.alive = False
            if self.account.session is self:
                self.account.session = None
            self._ended(why)

    def _check(self) -> None:
        if not self.alive:
            raise LinkDown("the session has ended")

    def _send(self, act: Callable[[], None]) -> None:
        at = self._exchange.now + self._exchange.settings.latency_in_ns
        self._inbox.append((at, act))
        self._exchange.at(at, self._read_due)

    def _read_due(self) -> None:
        while self._inbox and self._inbox[0][0] <= self._exchange.now:
            self._inbox.popleft()[1]()
