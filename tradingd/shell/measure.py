"""What durable facts mean for the metrics: a journal follower like any other, never in the order path."""

from __future__ import annotations

from collections.abc import Sequence

from tradingd.core.facts import Anomaly, AnyFact, Decided, Filled, LinkChanged, Notified, OrderIntended, OrderMoved
from tradingd.core.types import NS, OrderId
from tradingd.ports import Clock
from tradingd.shell.web.metrics import Metrics


class Measure:
    """Times from intent to the venue's first word are monotonic; orders without a word are forgotten with the process."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self.metrics = metrics
        self._clock = clock
        self._intended: dict[OrderId, int] = {}

    def __call__(self, facts: Sequence[AnyFact]) -> None:
        for fact in facts:
            self._one(fact)

    def _one(self, fact: AnyFact) -> None:
        metrics = self.metrics
        match fact:
            case Decided():
                metrics.decided(fact.outcome.value, fact.headline.value if fact.headline is not None else None)
            case OrderIntended():
                self._intended[fact.order.order_id] = self._clock.mono()
                metrics.order(fact.account, "sent")
            case OrderMoved():
                self._answered(fact.order_id)
                if fact.to not in ("live", "partial"):
                    metrics.order(fact.account, fact.to)
            case Filled():
                self._answered(fact.order_id)
                metrics.fill()
            case LinkChanged(up=False):
                metrics.reconnect(fact.broker)
            case Notified() if fact.status != "noted":
                metrics.notice(fact.channel, fact.status)
            case Anomaly():
                metrics.mismatch(fact.kind)
            case _:
                return

    def _answered(self, order_id: OrderId) -> None:
        begun = self._intended.pop(order_id, None)
        if begun is not None:
            self.metrics.ack_seconds((self._clock.mono() - begun) / NS)
