"""The trading floor of the venue: judges arriving orders, cancels and amends, matches working orders, books what trades.

It knows no sessions and no time of its own: the exchange hands it the moment, and takes what it says to an account by `say`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from tradingd.core.events import (
    CancelRejected,
    Event,
    ForeignOrder,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    Quote,
    ReplaceRejected,
)  # fmt: skip
from tradingd.core.types import (
    AccountId,
    ExecId,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Symbol,
    Tif,
    VenueOrderId,
)
from tradingd.ports import OrderReport
from tradingd_adapters.sim.accounts import CENT, Account, Fees, Recorder
from tradingd_adapters.sim.bounds import NEVER, Bounds, bounds
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.market import Feed
from tradingd_adapters.sim.matching import (
    AT_ONCE,
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
    WORKING,
    ZERO,
    Grid,
    Top,
    VenueOrder,
    fault_of,
)  # fmt: skip

Say = Callable[[Account, Event], None]


class FloorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """fees: of every account.   leverage: gross exposure allowed per unit of equity, > 0.   closed: what happens to a market
    order outside the session: "queue" until the open, or "reject" with MARKET_CLOSED (O8).   slippage_bps: what takes a shown price
    pays more, or gets less, in hundredths of a percent of it, 0 .. 1000; a limit still holds, and what rested fills at it."""

    fees: Fees = Fees()
    leverage: Decimal = Decimal(2)
    closed: str = "queue"
    slippage_bps: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not 0 <= self.slippage_bps <= 1000:
            raise ValueError("slippage_bps must be 0 .. 1000")
        if self.closed not in {"queue", "reject"}:
            raise ValueError("closed must be queue or reject")
        if not self.leverage > 0:
            raise ValueError("leverage must be > 0")


class Floor:
    """Order life and matching. `now` is set by the exchange before each call."""

    def __init__(self, market: Feed, settings: FloorSettings, faults: Faults, say: Say, record: Recorder) -> None:
        self.market = market
        self.settings = settings
        self.faults = faults
        self.say = say
        self.record = record
        self.now = 0
        self.open = False
        self.accounts: dict[AccountId, Account] = {}
        self.grids = {i.symbol: Grid(i.tick, i.lot, i.multiplier) for i in market.instruments()}
        self.tops: dict[Symbol, Top] = {}
        self.mids: dict[Symbol, Decimal] = {}  # only where the last quote does not say it
        self._last: dict[Symbol, Top] = {}
        self._books: dict[Symbol, dict[str, VenueOrder]] = {s: {} for s in self.grids}
        self._orders = 0
        self._execs = 0

    # arriving messages ------------------------------------------------------------------------------------------------

    def submit(self, account: Account, order: Order) -> str:
        """Judge a new order; the outcome word for the arrival log. The same client id twice is one order."""
        known = account.orders.get(order.order_id)
        if known is not None:
            self._say_state(account, known)
            return "resend"
        mine = VenueOrder(
            account.name, order.order_id, order.symbol, order.side, order.qty, order.type, order.tif,
            limit=order.limit, stop=order.stop, trail=order.trail, reduce_only=order.reduce_only,
        )  # fmt: skip
        mine.ts = self.now
        account.orders[order.order_id] = mine
        refusal = self._judge(account, mine)
        if refusal is not None:
            mine.status, mine.ended, (mine.code, mine.text) = REJECTED, self.now, refusal
            self._say_state(account, mine)
            return f"rejected:{mine.code}"
        self._admit(account, mine)
        return "accepted"

    def foreign(self, account: Account, order: VenueOrder) -> None:
        """An order of the account that somebody entered elsewhere (D21); not judged."""
        self._admit(account, order)

    def _admit(self, account: Account, order: VenueOrder) -> None:
        self._orders += 1
        order.venue_id = f"V-{self._orders:06d}"
        order.ts = self.now
        account.working[order.venue_id] = order
        self._books[order.symbol][order.venue_id] = order
        if order.client_id:
            self._say_state(account, order)
        else:
            self._say_foreign(account, order)
        top = self.tops.get(order.symbol)
        if top is not None:
            self._match(order, top)
        if order.status == WORKING and order.tif in AT_ONCE:
            self._end(order, CANCELLED, f"{order.tif} remainder")
        order.rested = order.status == WORKING and top is not None and order.triggered

    def _judge(self, account: Account, order: VenueOrder) -> tuple[str, str] | None:
        if self.faults.hit(Fault.REJECT):
            return "REFUSED", "the venue does not take this order"
        grid = self.grids.get(order.symbol)
        if grid is None:
            return "UNKNOWN_SYMBOL", order.symbol
        malformed = fault_of(order, grid, account.position(order.symbol))
        if malformed is not None:
            return malformed
        if order.symbol in self.faults.halted:
            return "SYMBOL_NOT_TRADABLE", self.faults.halted[order.symbol]
        at_once = order.tif in AT_ONCE or (order.type is OrderType.MARKET and self.settings.closed == "reject")
        if not self.open and at_once:
            return "MARKET_CLOSED", "the session is closed"
        closes = account.closes(order.symbol, order.side, order.qty)
        if order.reduce_only:
            return None if closes else ("REDUCE_ONLY", "there is no position to reduce")
        order.opening = order.qty - closes
        need = self._value(order.symbol, order.opening, self._estimate(order))
        free = self.settings.leverage * self.equity(account) - self._committed(account)
        if need > free:
            return "INSUFFICIENT_FUNDS", f"need {need:.2f}, have {max(ZERO, free):.2f}"
        return None

    def _estimate(self, order: VenueOrder) -> Decimal:
        return order.limit or order.stop or self.mid(order.symbol)

    def _committed(self, account: Account) -> Decimal:
        held = sum((self._value(s, abs(q), self.mid(s)) for s, q in account.positions.items()), ZERO)
        waiting = sum(
            (self._value(o.symbol, min(o.opening, o.leaves), self._estimate(o)) for o in account.working.values()), ZERO
        )
        return held + waiting

    def _value(self, symbol: Symbol, qty: Decimal, price: Decimal) -> Decimal:
        return self.grids[symbol].value(qty, price)

    def cancel(self, account: Account, order_id: OrderId) -> str:
        """Cancel by client id; the outcome word for the arrival log."""
        order = account.orders.get(order_id)
        if order is None or order.status != WORKING:
            code = "UNKNOWN_ORDER" if order is None else "TOO_LATE"
            text = "no such order" if order is None else f"the order is {order.status}"
            self.say(
                account, CancelRejected(ts=self.now, account=account.name, order_id=order_id, code=code, text=text)
            )
            return f"refused:{code}"
        self._end(order, CANCELLED, "asked")
        return "ok"

    def replace(
        self, account: Account, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None
    ) -> str:
        """Amend in place; qty is the new total. A revision already in effect is confirmed again."""
        order = account.orders.get(order_id)
        if order is not None and order.status == WORKING and rev == order.rev:
            self._say_replaced(account, order)
            return "resend"
        refusal = self._judge_replace(order, rev, qty, limit, stop)
        if order is None or refusal is not None:
            code, text = refusal or ("UNKNOWN_ORDER", "no such order")
            self.say(account, ReplaceRejected(
                ts=self.now, account=account.name, order_id=order_id, rev=rev, code=code, text=text))  # fmt: skip
            return f"refused:{code}"
        order.opening = max(ZERO, order.opening + qty - order.qty)
        order.qty, order.rev = qty, rev
        order.limit = order.limit if limit is None else limit
        order.stop = order.stop if stop is None else stop
        order.rested = False
        self._say_replaced(account, order)
        top = self.tops.get(order.symbol)
        if top is not None:
            self._match(order, top)
        return "ok"

    def _judge_replace(
        self, order: VenueOrder | None, rev: int, qty: Qty, limit: Price | None, stop: Price | None
    ) -> tuple[str, str] | None:
        if order is None:
            return None
        if order.status != WORKING:
            return "TOO_LATE", f"the order is {order.status}"
        if rev < order.rev:
            return "STALE_REVISION", f"revision {order.rev} is in effect"
        if qty <= order.cum:
            return "BAD_QTY", f"{order.cum} have filled already"
        new = VenueOrder(
            order.account, "", order.symbol, order.side, qty, order.type, order.tif, trail=order.trail,
            limit=order.limit if limit is None else limit, stop=order.stop if stop is None else stop,
        )  # fmt: skip
        new.cum = order.cum
        return fault_of(new, self.grids[order.symbol], self._position(order))

    def withdraw(self, account: Account, venue_id: str) -> None:
        """Whoever entered a foreign order takes it back."""
        order = account.working.get(venue_id)
        if order is not None:
            self._end(order, CANCELLED, "withdrawn")

    # the market moves ---------------------------------------------------------------------------------------------------

    def quote(self, quote: Quote) -> None:
        """A new top of book: mark, and match what works in that symbol, oldest order first."""
        symbol = quote.symbol
        book = self._books[symbol]
        top = self.tops[symbol] = self._last[symbol] = Top(quote, self.grids[symbol])
        if self.mids:
            self.mids.pop(symbol, None)
        if not book or symbol in self.faults.halted:
            return
        for order in list(book.values()):
            self._match(order, top)
            order.rested = order.triggered

    def bounds(self, symbol: Symbol) -> Bounds:
        """Prices between which no quote of that symbol changes anything here but what is shown."""
        book = self._books[symbol]
        return bounds(book.values(), self._position, float(self.grids[symbol].tick)) if book else NEVER

    def _position(self, order: VenueOrder) -> Decimal:
        return self.accounts[order.account].position(order.symbol)

    def close(self) -> None:
        """The session ends: day orders expire, nothing is shown any more."""
        self.open = False
        self.tops.clear()
        for account in self.accounts.values():
            for order in [o for o in account.working.values() if o.tif is Tif.DAY]:
                self._end(order, EXPIRED, "day")

    def cancel_symbol(self, symbol: Symbol, why: str) -> None:
        """The venue itself cancels all that works in a symbol (before a split)."""
        for order in list(self._books[symbol].values()):
            self._end(order, CANCELLED, why)

    def _match(self, order: VenueOrder, top: Top) -> None:
        if not self.open or order.symbol in self.faults.halted:
            return
        account = self.accounts[order.account]
        held = account.position(order.symbol)
        if order.reduce_only and not order.reduces(held):
            self._end(order, CANCELLED, "reduce only: the position is flat")
            return
        traded = order.match(top, held)
        if traded is None:
            return
        price, qty = traded
        if self.settings.slippage_bps and not (order.rested and order.limit is not None):
            price = order.slipped(price, self.settings.slippage_bps, self.grids[order.symbol].tick)
        top.take(order.side, qty)
        if order.leaves == qty and self.faults.hit(Fault.OVERFILL):
            qty += self.grids[order.symbol].lot
        self._execute(account, order, price, qty)
        if order.cum >= order.qty:
            self._end(order, FILLED, "")
        elif order.reduce_only and not order.reduces(account.position(order.symbol)):
            self._end(order, CANCELLED, "reduce only: the position is flat")

    def _execute(self, account: Account, order: VenueOrder, price: Decimal, qty: Decimal) -> None:
        self._execs += 1
        done = account.trade(order, price, qty, self._value(order.symbol, qty, price), self.now, f"X-{self._execs:06d}")
        self.record(done)
        fill = done.seen()
        self.say(account, fill)
        if self.faults.hit(Fault.DOUBLE_EXECUTION):
            self.say(account, msgspec.structs.replace(fill, exec_id=ExecId(f"{fill.exec_id}-again")))

    def _end(self, order: VenueOrder, status: str, text: str) -> None:
        account = self.accounts[order.account]
        order.status, order.text, order.ended = status, text, self.now
        account.working.pop(order.venue_id, None)
        self._books[order.symbol].pop(order.venue_id, None)
        if not order.client_id:
            self._say_foreign(account, order)
        elif status != FILLED:
            self._say_state(account, order, again=False)

    # what is said -------------------------------------------------------------------------------------------------------

    def _say_state(self, account: Account, order: VenueOrder, *, again: bool = True) -> None:
        ts, name, oid = self.now, account.name, OrderId(order.client_id)
        if order.status == REJECTED:
            self.say(account, OrderRejected(ts=ts, account=name, order_id=oid, code=order.code, text=order.text))
            return
        if again:
            self.say(
                account, OrderAccepted(ts=ts, account=name, order_id=oid, venue_order_id=VenueOrderId(order.venue_id))
            )
        if order.status == CANCELLED:
            cum = Qty(order.cum)
            self.say(account, OrderCancelled(ts=ts, account=name, order_id=oid, reason=order.text, cum_qty=cum))
        elif order.status == EXPIRED:
            self.say(account, OrderExpired(ts=ts, account=name, order_id=oid, cum_qty=Qty(order.cum)))

    def _say_replaced(self, account: Account, order: VenueOrder) -> None:
        self.say(account, OrderReplaced(
            ts=self.now, account=account.name, order_id=OrderId(order.client_id), rev=order.rev, qty=Qty(order.qty),
            limit=_price(order.limit), stop=_price(order.stop)))  # fmt: skip

    def _say_foreign(self, account: Account, order: VenueOrder) -> None:
        self.say(account, ForeignOrder(
            ts=self.now, account=account.name, venue_order_id=VenueOrderId(order.venue_id), symbol=order.symbol, side=order.side,
            qty=Qty(order.qty), type=order.type, open=order.status == WORKING))  # fmt: skip

    # marks and reports --------------------------------------------------------------------------------------------------

    def mid(self, symbol: Symbol) -> Decimal:
        """The last mid, before the first quote the last daily close; 0 when the symbol never traded."""
        mid = self.mids.get(symbol)
        if mid is None:
            top = self._last.get(symbol)
            mid = self.mids[symbol] = top.mid if top is not None else self._last_close(symbol)
        return mid

    def _last_close(self, symbol: Symbol) -> Decimal:
        bars = self.market.history(symbol, 1, self.now)
        return Decimal(repr(bars[-1].close)) if bars else ZERO

    def short(self, account: Account) -> Decimal:
        """What is sold short, at the last mids, >= 0."""
        return sum((self._value(s, -q, self.mid(s)) for s, q in account.positions.items() if q < 0), ZERO)

    def equity(self, account: Account) -> Money:
        """Cash and positions at the last mids, to the cent."""
        held = sum((self._value(s, q, self.mid(s)) for s, q in account.positions.items()), ZERO)
        return Money((account.cash + held).quantize(CENT, ROUND_HALF_EVEN))


def report(order: VenueOrder) -> OrderReport:
    """One order in the words of the port."""
    return OrderReport(
        order_id=OrderId(order.client_id), venue_order_id=VenueOrderId(order.venue_id), symbol=order.symbol, side=order.side,
        type=order.type, qty=Qty(order.qty), cum_qty=Qty(order.cum), status=order.status, limit=_price(order.limit),
        stop=_price(order.stop), rev=order.rev, code=order.code, text=order.text,
    )  # fmt: skip


def _price(x: Decimal | None) -> Price | None:
    return None if x is None else Price(x)
