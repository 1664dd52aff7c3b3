"""One account as it was and as it would be: which orders are the same in both, and what its venue would say to the other.

An order is the same when it was sent in the same step with the same content; its number may differ. Then the recorded answers are
passed on under the other number, until it is cancelled or changed in only one of the two. Source: T3.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.events import (
    AccountSeen,
    Command,
    Dividend,
    Event,
    FillSeen,
    OrderEvent,
    PositionsSeen,
    Quote,
)  # fmt: skip
from tradingd.core.facts import AnyFact, CancelIntended, OrderIntended, ReplaceIntended
from tradingd.core.types import ZERO, DecisionId, Money, Order, OrderId, Qty
from tradingd.lab.standin import Answer, Standin


class Twin:
    """One account as it was and as it would be: which orders are the same in both, and what its venue would say to the other."""

    def __init__(self, was: Book, would: Book, standin: Standin) -> None:
        self.standin = standin
        self._was = was
        self._would = would
        self._ours: dict[OrderId, OrderId] = {order_id: order_id for order_id in was.booked.orders}  # recorded -> other
        self._cursors: dict[int, int] = {}
        self._cursor = would.booked.fill_cursor

    def look(self, quote: Quote) -> list[Answer]:
        market = self._would.markets.get(quote.symbol)
        believed = market is not None and market.ts == quote.ts
        return self.standin.look(quote.symbol, quote.ts) if believed else []

    def translate(self, event: Event) -> Event | None:
        """What the other one hears, None for what it does not."""
        match event:
            case FillSeen():
                return self._fill(event)
            case OrderEvent():
                ours = self._ours.get(event.order_id)
                return msgspec.structs.replace(event, order_id=ours) if ours is not None else None
            case PositionsSeen():
                return self._positions(event)
            case AccountSeen():
                off = self._would.booked.cash - self._was.booked.cash
                return msgspec.structs.replace(event, cash=Money(event.cash + off), equity=Money(event.equity + off))
            case Dividend():
                return self._dividend(event)
            case Command(order_id=str(order_id)):
                ours = self._ours.get(order_id)
                return msgspec.structs.replace(event, order_id=ours) if ours is not None else None
            case _:
                return event

    def numbered(self, event: Answer) -> Answer:
        """A fill of the stand-in takes the account's next number, where the venue numbers them."""
        if not isinstance(event, FillSeen) or not (self._cursors or self._cursor):
            return event
        self._cursor += 1
        return msgspec.structs.replace(event, cursor=self._cursor)

    def pair(self, yours: tuple[AnyFact, ...], mine: tuple[AnyFact, ...], now: int) -> list[Answer]:
        """Which orders, cancels and changes of one step are the same in both; the stand-in's answers to those that are not."""
        answers: list[Answer] = []
        sent = [fact.order for fact in mine if isinstance(fact, OrderIntended)]
        asked = {_asked(fact, self._ours) for fact in mine if isinstance(fact, CancelIntended | ReplaceIntended)}
        for fact in yours:
            if isinstance(fact, OrderIntended):
                twin = next((order for order in sent if _content(order) == _content(fact.order)), None)
                if twin is None:
                    answers += self.standin.submit(fact.order, now)
                else:
                    sent.remove(twin)
                    self._ours[twin.order_id] = fact.order.order_id
            elif isinstance(fact, CancelIntended | ReplaceIntended):
                answers += self._ask(fact, asked, now)
        for order_id in [
            each[0] for each in asked if each[0] is not None
        ]:  # asked of the recorded one only: the other goes on without it
            answers += self._part(order_id, now)
        return answers

    def _ask(self, fact: CancelIntended | ReplaceIntended, asked: set[tuple[object, ...]], now: int) -> list[Answer]:
        key = _asked(fact, None)
        if key in asked:
            asked.discard(key)
            return []
        answers = self._part(fact.order_id, now)
        if isinstance(fact, CancelIntended):
            return [*answers, *self.standin.cancel(fact.order_id, now)]
        return [*answers, *self.standin.replace(fact, now)]

    def _part(self, order_id: object, now: int) -> list[Answer]:
        """An order that was the same in both is the stand-in's from here on."""
        recorded = next((mine for mine, ours in self._ours.items() if ours == order_id), None)
        if recorded is None:
            return []
        del self._ours[recorded]
        working = self._would.order(OrderId(str(order_id)))
        if working is None or not working.leaves():
            return []
        return self.standin.take_over(working, now)

    def _fill(self, fill: FillSeen) -> FillSeen | None:
        self.standin.paid(fill)
        ours = self._ours.get(fill.order_id) if fill.order_id else OrderId("")
        if ours is None:
            return None
        if fill.cursor and fill.cursor not in self._cursors:
            self._cursor += 1
            self._cursors[fill.cursor] = self._cursor
        return msgspec.structs.replace(fill, order_id=ours, cursor=self._cursors.get(fill.cursor, 0))

    def _positions(self, event: PositionsSeen) -> PositionsSeen:
        symbols = {*event.positions, *self._was.held(), *self._would.held()}
        shifted = {
            symbol: Qty(event.positions.get(symbol, ZERO) + self._would.qty(symbol) - self._was.qty(symbol))
            for symbol in sorted(symbols)
        }
        cursor = event.cursor + self._would.booked.fill_cursor - self._was.booked.fill_cursor
        return msgspec.structs.replace(event, positions={s: q for s, q in shifted.items() if q}, cursor=cursor)

    def _dividend(self, event: Dividend) -> Dividend:
        was, would = self._was.qty(event.symbol), self._would.qty(event.symbol)
        if was == would or not was:
            return event
        return msgspec.structs.replace(event, amount=Money((event.amount * would / was).quantize(Decimal("0.01"))))


def _content(order: Order) -> Order:
    """An order without its numbers: what the venue is asked for, and the price it stood on."""
    return msgspec.structs.replace(order, order_id=OrderId(""), decision_id=DecisionId(""))


def _asked(fact: CancelIntended | ReplaceIntended, ours: dict[OrderId, OrderId] | None) -> tuple[object, ...]:
    order_id = fact.order_id if ours is None else ours.get(fact.order_id)
    if isinstance(fact, CancelIntended):
        return order_id, "cancel"
    return order_id, fact.rev, fact.qty, fact.limit, fact.stop
