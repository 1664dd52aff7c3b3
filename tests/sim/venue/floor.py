"""The order floor: what the venue accepts, when and at what price it fills, and what the account truly holds.

An order is tried within 0.3 s of its arrival and again at each quote of the true market. It takes the touch; one that has rested
fills at its own limit. A stop triggers when the price it would trade at reaches it and takes that price, so a gap goes through.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal

from tests.sim.venue.personality import Personality
from tests.sim.venue.records import (
    CANCELLED,
    EXPIRED,
    FILLED,
    OK,
    REJECTED,
    STOPS,
    WORKING,
    ZERO,
    Execution,
    Outcome,
    Say,
    VenueOrder,
    Word,
)  # fmt: skip
from tradingd.core.types import Order, OrderType, Side, Symbol, Tif

FIRST_S = 0.3  # an order is tried within this time
AGAIN_S = 1.0  # the rest of a partial fill is tried within this time
LOT = Decimal(1)


class Floor:
    """orders: by client id ("<id>#2" for a second one of that id, "F1".. for somebody else's).   executions: all, in order.
    held: true signed positions.   overfills: how many of the next complete fills are one unit too many.
    halted: reasons not to trade, by symbol; 0 where there was one."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, personality: Personality, rng: random.Random, symbols: tuple[str, ...],
        wall: Callable[[], int], say: Say,
    ) -> None:  # fmt: skip
        self.loop = loop
        self.personality = personality
        self.wall = wall
        self.say = say
        self.orders: dict[str, VenueOrder] = {}
        self.executions: list[Execution] = []
        self.held: dict[Symbol, Decimal] = {Symbol(s): ZERO for s in symbols}
        self.tops: dict[Symbol, tuple[Decimal, Decimal]] = {}
        self.cash = Decimal(100_000)
        self.overfills = 0
        self.halted: dict[Symbol, int] = {}
        self.closed = False
        self.lag_s = 0.0  # a fault's, on top of the personality's
        self._book: dict[Symbol, list[VenueOrder]] = {Symbol(s): [] for s in symbols}
        self._rng = rng
        self._venue_ids = 0

    # what arrives ---------------------------------------------------------------------------------------------------------

    def submit(self, order: Order, session: int) -> Outcome:
        """Take an order in, or refuse it."""
        known = self.orders.get(order.order_id)
        if known is not None and self.personality.duplicate != "second":
            if self.personality.duplicate == "refuse":
                return Outcome("unknown", "DUPLICATE", "client order id must be unique")
            self.say(self._word("accepted", known))
            return OK
        refusal = self._refusal(order)
        if refusal is not None:
            if known is None:
                self._keep(order, session).status = REJECTED
                self.orders[order.order_id].code = refusal.code
            return refusal
        kept = self._keep(order, session)
        self._book[kept.symbol].append(kept)
        self.say(self._word("accepted", kept))
        self._try_later(kept, FIRST_S)
        return OK

    def _refusal(self, order: Order) -> Outcome | None:
        if order.symbol not in self._book:
            return Outcome("refused", "UNKNOWN_SYMBOL", order.symbol)
        if order.type not in self.personality.quirks.order_types or order.qty <= 0:
            return Outcome("refused", "INVALID", f"{order.type} of {order.qty}")
        if self.closed:
            return Outcome("refused", "MARKET_CLOSED")
        if order.reduce_only and self.personality.quirks.reduce_only and not self._room(order.symbol, order.side):
            return Outcome("refused", "REDUCE_ONLY", "nothing to reduce")
        if self.personality.holds_qty and order.qty > self._free(order.symbol, order.side):
            return Outcome("refused", "INSUFFICIENT_QTY", "held for other orders")
        if self.personality.strict_stops and order.type in STOPS and order.stop is not None:
            bid, ask = self.tops.get(order.symbol, (None, None))
            if (
                bid is not None
                and ask is not None
                and (order.stop >= bid if order.side is Side.SELL else order.stop <= ask)
            ):
                return Outcome("refused", "STOP_PRICE", "the stop would trigger at once")
        return None

    def cancel(self, order_id: str) -> Outcome:
        order = self.orders.get(order_id)
        if order is None or order.status != WORKING:
            return Outcome("refused", "TOO_LATE", "nothing works under that id")
        self.end(order, CANCELLED, "asked")
        return OK

    def replace(self, order_id: str, rev: int, qty: Decimal, limit: Decimal | None, stop: Decimal | None) -> Outcome:
        """qty: the new total. The last revision wins; an older one is refused."""
        order = self.orders.get(order_id)
        if not self.personality.quirks.amend:
            return Outcome("refused", "NO_AMEND")
        if order is None or order.status != WORKING:
            return Outcome("refused", "TOO_LATE", "nothing works under that id")
        if rev <= order.rev or qty <= order.cum:
            return Outcome("refused", "STALE", f"revision {rev} of {qty}, now {order.rev} with {order.cum} filled")
        order.rev, order.qty, order.limit, order.stop = rev, qty, limit, stop
        order.rested = False
        if self.personality.new_ids:
            order.venue_id = self._venue_id()
        self.say(self._word("replaced", order, rev=rev, qty=qty, limit=limit, stop=stop))
        return OK

    def _keep(self, order: Order, session: int) -> VenueOrder:
        now = self.loop.time()
        key = str(order.order_id)
        while key in self.orders:
            key = f"{order.order_id}#{len(self.orders)}"
        lag = self._rng.random() * self.personality.lag_s + self.lag_s
        kept = VenueOrder(
            key, order.order_id, order.symbol, order.side, order.qty, order.type, order.tif, limit=order.limit, stop=order.stop,
            reduce_only=order.reduce_only and self.personality.quirks.reduce_only, t=now, session=session,
            visible_at=now + min(lag, self.personality.hidden_max_s),
        )  # fmt: skip
        kept.venue_id = self._venue_id()
        self.orders[key] = kept
        return kept

    def foreign(self, symbol: Symbol, qty: Decimal, at_once: bool) -> VenueOrder:
        """Somebody else's order; qty signed. at_once: a market order, else a limit far away."""
        side = Side.BUY if qty > 0 else Side.SELL
        touch = self.tops[symbol][0]
        far = (touch * (Decimal("0.7") if qty > 0 else Decimal("1.3"))).quantize(Decimal("0.01"))
        order = VenueOrder(
            f"F{len(self.orders) + 1}", "", symbol, side, abs(qty), OrderType.MARKET if at_once else OrderType.LIMIT, Tif.GTC,
            limit=None if at_once else far, t=self.loop.time(),
        )  # fmt: skip
        order.venue_id = self._venue_id()
        self.orders[order.key] = order
        self._book[symbol].append(order)
        self.say(self._word("foreign", order, open=True, order=order))
        self.attempt(order)
        return order

    # matching -------------------------------------------------------------------------------------------------------------

    def on_quote(self, symbol: Symbol, bid: float, ask: float) -> None:
        """The true market moved."""
        self.tops[symbol] = (Decimal(f"{bid:.2f}"), Decimal(f"{ask:.2f}"))
        for order in tuple(self._book[symbol]):
            if not order.pending:
                self.attempt(order)

    def attempt(self, order: VenueOrder) -> None:
        """Fill what can be filled now; an order that must not wait is ended."""
        order.pending = False
        if order.status != WORKING or self.closed or self.halted.get(order.symbol) or order.symbol not in self.tops:
            return
        price = self._price(order)
        at_once = order.tif in (Tif.IOC, Tif.FOK)
        if price is not None:
            qty = self._portion(order)
            if qty:
                self._fill(order, qty, price)
            elif order.reduce_only:
                self.end(order, CANCELLED, "reduce_only")
        if order.status == WORKING and at_once:
            self.end(order, CANCELLED, "not at once")
        elif order.status == WORKING and price is not None:
            self._try_later(order, AGAIN_S)

    def _try_later(self, order: VenueOrder, within_s: float) -> None:
        order.pending = True
        self.loop.call_later(self._rng.random() * within_s, self.attempt, order)

    def _price(self, order: VenueOrder) -> Decimal | None:
        """What it would trade at now; None: not now."""
        bid, ask = self.tops[order.symbol]
        buys = order.side is Side.BUY
        touch = ask if buys else bid
        if order.type in STOPS and not order.triggered:
            assert order.stop is not None
            order.triggered = touch >= order.stop if buys else touch <= order.stop
            if not order.triggered:
                return None
        if order.limit is None or order.type in (OrderType.MARKET, OrderType.STOP):
            return touch
        if touch <= order.limit if buys else touch >= order.limit:
            return order.limit if order.rested else touch
        order.rested = True
        return None

    def _portion(self, order: VenueOrder) -> Decimal:
        """How much fills now. One draw each time, so that a part here does not shift the draws of another order's."""
        draw = self._rng.random()
        qty = order.leaves
        if order.reduce_only:
            qty = min(qty, self._room(order.symbol, order.side))
        if order.tif is not Tif.FOK and qty > LOT and draw < self.personality.partial:
            qty = max(LOT, Decimal(int(qty * Decimal(str(round(draw / self.personality.partial, 3))))))
        return qty

    def _fill(self, order: VenueOrder, qty: Decimal, price: Decimal) -> None:
        if self.overfills > 0 and qty == order.leaves and order.client_id:
            self.overfills -= 1
            qty += LOT
        n = len(self.executions) + 1
        fee = qty * self.personality.fee
        done = Execution(
            n, f"X{n}", order.client_id, order.venue_id, order.symbol, order.side, qty, price, fee, self.wall(),
        )  # fmt: skip
        order.cum += qty
        self.executions.append(done)
        self.held[order.symbol] += order.side.sign * qty
        self.cash -= order.side.sign * qty * price + fee
        if order.cum >= order.qty:
            self._close(order, FILLED)
        self.say(self._word("fill", order, execution=done))
        if order.status == FILLED and not order.client_id:
            self.say(self._word("foreign", order, open=False, order=order))
        if order.status == WORKING and order.reduce_only and not self._room(order.symbol, order.side):
            self.end(order, CANCELLED, "reduce_only")

    def end(self, order: VenueOrder, status: str, why: str) -> None:
        """Cancelled or expired: no more of it fills."""
        self._close(order, status)
        order.text = why
        if order.client_id:
            self.say(self._word(status, order, cum=order.cum, reason=why))
        else:
            self.say(self._word("foreign", order, open=False, order=order))

    def _close(self, order: VenueOrder, status: str) -> None:
        order.status = status
        self._book[order.symbol].remove(order)

    # the account ----------------------------------------------------------------------------------------------------------

    def working(self, symbol: Symbol | None = None) -> list[VenueOrder]:
        """What works, in order of arrival."""
        return [o for o in self.orders.values() if o.status == WORKING and symbol in (None, o.symbol)]

    def positions(self) -> dict[Symbol, Decimal]:
        return {symbol: qty for symbol, qty in self.held.items() if qty}

    def equity(self) -> Decimal:
        value = self.cash
        for symbol, qty in self.positions().items():
            if symbol in self.tops:
                bid, ask = self.tops[symbol]
                value += qty * (bid + ask) / 2
        return value

    def end_session(self) -> None:
        """The close: day orders expire, nothing trades or is taken any more."""
        self.closed = True
        for order in self.working():
            if order.tif is not Tif.GTC:
                self.end(order, EXPIRED, "the close")

    def halt(self, symbol: Symbol, by: int) -> None:
        """by +1: one more reason not to trade it; -1: one less."""
        before = self.halted.get(symbol, 0)
        n = self.halted[symbol] = max(0, before + by)
        if bool(n) == bool(before):
            return
        what = {"symbol": symbol, "tradable": n == 0, "why": "halted" if n else "resumed"}
        self.say(Word("status", self.wall(), what=what))
        for order in self.working(symbol):
            self.attempt(order)

    def split(self, symbol: Symbol, ratio: int) -> Word:
        """ratio new units for one old; its working orders are cancelled first."""
        for order in self.working(symbol):
            self.end(order, CANCELLED, "corporate action")
        self.held[symbol] *= ratio
        if symbol in self.tops:
            bid, ask = self.tops[symbol]
            self.tops[symbol] = (bid / ratio, ask / ratio)
        action = f"split {symbol} at {self.loop.time():.3f}"
        word = Word("split", self.wall(), what={"symbol": symbol, "ratio": float(ratio), "action_id": action})
        self.say(word)
        return word

    def _room(self, symbol: Symbol, side: Side) -> Decimal:
        """How much an order of that side may take off the position."""
        return max(ZERO, -side.sign * self.held[symbol])

    def _free(self, symbol: Symbol, side: Side) -> Decimal:
        """What may still be ordered where working orders hold what they would close; opening is free."""
        room = self._room(symbol, side)
        taken = Decimal(0)
        for order in self.working(symbol):
            taken += order.leaves if order.side is side else ZERO
        return room - taken if room else Decimal("Infinity")

    def _venue_id(self) -> str:
        self._venue_ids += 1
        return f"V{self._venue_ids}"

    def _word(self, kind: str, order: VenueOrder, /, **what: object) -> Word:
        return Word(kind, self.wall(), order.client_id, order.venue_id, what)
