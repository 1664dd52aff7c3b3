"""Answers orders that the recorded life never sent: at once and whole, at the touch of the believed recorded quotes.

Deliberately plain: a market order fills at the last quote, a limit when a quote reaches it, a stop when one touches it, all at the
bid or ask of that quote; day orders lapse with the exchange's day, what is immediate-or-cancel lapses at once. There are no partial
fills, no refusals and no slippage beyond the spread; the fee is the share of the price that recorded fills cost so far. Source: T3.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Life, Working
from tradingd.core.events import (
    FillSeen,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNever,
    OrderReplaced,
)  # fmt: skip
from tradingd.core.facts import ReplaceIntended
from tradingd.core.rules import Rules
from tradingd.core.types import (
    ZERO,
    ExecId,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
    VenueOrderId,
)  # fmt: skip

CENT = Decimal("0.01")
Answer = OrderAccepted | OrderNever | OrderCancelled | OrderExpired | OrderReplaced | FillSeen


class Resting(msgspec.Struct):
    """An order that works here. left: still to fill.   best: the most favourable price since it came, for one that trails."""

    order: Order
    left: Qty
    limit: Price | None
    stop: Price | None
    day: str
    triggered: bool = False
    best: float = 0.0


class Standin:
    """One account's. fills: made here so far."""

    def __init__(self, book: Book, rules: Rules) -> None:
        self.fills = 0
        self._book = book
        self._rules = rules
        self._resting: dict[Symbol, dict[OrderId, Resting]] = {}
        self._fees = self._notional = ZERO

    def paid(self, fill: FillSeen) -> None:
        """What a recorded fill cost, to know what one costs here."""
        self._fees += fill.fee
        self._notional += fill.qty * fill.price

    def submit(self, order: Order, now: int) -> list[Answer]:
        """A new order: taken and, where the last quote lets it, filled; or proof that it was never sent, as the house would."""
        why = self._refusal(order)
        if why:
            return [OrderNever(ts=now, account=order.account, order_id=order.order_id, proof=f"never written: {why}")]
        return [self._accepted(order.order_id, now), *self.take(order, order.qty, order.limit, order.stop, now)]

    def take_over(self, working: Working, now: int) -> list[Answer]:
        """An order that the recorded venue answered so far."""
        accepted = [self._accepted(working.order.order_id, now)] if working.life is Life.INTENDED else []
        return [*accepted, *self.take(working.order, working.leaves(), working.limit, working.stop, now)]

    def take(self, order: Order, left: Qty, limit: Price | None, stop: Price | None, now: int) -> list[Answer]:
        """It works here from now on."""
        resting = Resting(order, left, limit, stop, self._day(order.symbol, now))
        self._resting.setdefault(order.symbol, {})[order.order_id] = resting
        answers = self._match(resting, now)
        if not answers and order.tif in (Tif.IOC, Tif.FOK):
            return self.cancel(order.order_id, now, "nothing to fill it at once")
        return answers

    def cancel(self, order_id: OrderId, now: int, reason: str = "") -> list[Answer]:
        for orders in self._resting.values():
            gone = orders.pop(order_id, None)
            if gone is not None:
                cum = Qty(gone.order.qty - gone.left) if reason else None
                return [
                    OrderCancelled(ts=now, account=self._book.account, order_id=order_id, reason=reason, cum_qty=cum)
                ]
        return []

    def replace(self, asked: ReplaceIntended, now: int) -> list[Answer]:
        """Takes effect at once."""
        for orders in self._resting.values():
            resting = orders.get(asked.order_id)
            if resting is not None:
                working = self._book.order(asked.order_id)
                filled = working.cum_qty if working is not None else Qty(ZERO)
                resting.left, resting.limit, resting.stop = Qty(asked.qty - filled), asked.limit, asked.stop
                answer = OrderReplaced(
                    ts=now, account=self._book.account, order_id=asked.order_id, rev=asked.rev, qty=asked.qty,
                    limit=asked.limit, stop=asked.stop,
                )  # fmt: skip
                return [answer, *self._match(resting, now)]
        return []

    def look(self, symbol: Symbol, now: int) -> list[Answer]:
        """What a believed quote of a symbol brings about."""
        answers: list[Answer] = []
        for resting in tuple(self._resting.get(symbol, {}).values()):
            answers += self._lapse(resting, now) or self._match(resting, now)
        return answers

    # ------------------------------------------------------------------------------------------------------------------

    def _refusal(self, order: Order) -> str:
        if not self._book.booked.link_up:
            return "the link is down or not reconciled"
        held = self._book.qty(order.symbol)
        if order.reduce_only and held * order.side.sign >= 0:
            return "nothing to reduce any more"
        return ""

    def _accepted(self, order_id: OrderId, now: int) -> OrderAccepted:
        return OrderAccepted(
            ts=now, account=self._book.account, order_id=order_id, venue_order_id=VenueOrderId(f"what-if:{order_id}")
        )

    def _lapse(self, resting: Resting, now: int) -> list[Answer]:
        order = resting.order
        if order.tif is not Tif.DAY or self._day(order.symbol, now) == resting.day:
            return []
        del self._resting[order.symbol][order.order_id]
        return [
            OrderExpired(ts=now, account=order.account, order_id=order.order_id, cum_qty=Qty(order.qty - resting.left))
        ]

    def _match(self, resting: Resting, now: int) -> list[Answer]:
        order = resting.order
        market = self._book.markets.get(order.symbol)
        if market is None or not market.mid or not self._reached(resting, market):
            return []
        del self._resting[order.symbol][order.order_id]
        qty = self._clipped(order, resting.left)
        if not qty:
            reason = "nothing to reduce any more"
            return [OrderCancelled(ts=now, account=order.account, order_id=order.order_id, reason=reason)]
        touch = market.ask if order.side is Side.BUY else market.bid
        price = market.instrument.price(touch)
        self.fills += 1
        fee = (self._fees * qty * price / self._notional).quantize(CENT) if self._notional else ZERO
        fill = FillSeen(
            ts=now, account=order.account, order_id=order.order_id, exec_id=ExecId(f"what-if-{self.fills}"), symbol=order.symbol,
            side=order.side, qty=qty, price=price, fee=Money(fee),
        )  # fmt: skip
        if qty == resting.left:
            return [fill]
        return [
            fill,
            OrderCancelled(ts=now, account=order.account, order_id=order.order_id, reason="nothing to reduce any more"),
        ]

    def _clipped(self, order: Order, left: Qty) -> Qty:
        if not order.reduce_only:
            return left
        held = self._book.qty(order.symbol)
        return Qty(min(left, abs(held))) if held * order.side.sign < 0 else Qty(ZERO)

    @staticmethod
    def _reached(resting: Resting, market: Market) -> bool:
        """Does the last quote fill it? Marks what the quote triggered or moved."""
        order, sign = resting.order, resting.order.side.sign
        touch = market.ask if sign > 0 else market.bid
        if order.type is OrderType.TRAILING and order.trail is not None:
            resting.best = min(resting.best or touch, touch) if sign > 0 else max(resting.best, touch)
            resting.triggered = (touch - resting.best) * sign >= float(order.trail)
        elif order.type in (OrderType.STOP, OrderType.STOP_LIMIT) and resting.stop is not None:
            resting.triggered = resting.triggered or (touch - float(resting.stop)) * sign >= 0
        else:
            resting.triggered = True
        within = resting.limit is None or (float(resting.limit) - touch) * sign >= 0
        return resting.triggered and within

    def _day(self, symbol: Symbol, now: int) -> str:
        market = self._book.markets.get(symbol)
        table = self._rules.calendar(market.instrument) if market is not None else None
        return table.local_date(now) if table is not None else ""
