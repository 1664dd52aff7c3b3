"""The venue's truth about one account: cash, positions, orders, the fills with their running number, and who is logged in.

Also the venue's records (`Arrival`, `Execution`, `Adjusted`): what a checker reads to learn what really happened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import msgspec

from tradingd.core.events import Dividend, FillSeen, Financed, Split
from tradingd.core.types import AccountId, ExecId, Money, OrderId, Price, Qty, Side, Symbol, VenueOrderId
from tradingd_adapters.sim.matching import WORKING, ZERO, VenueOrder

if TYPE_CHECKING:
    from tradingd_adapters.sim.session import Session

CENT = Decimal("0.01")


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=str.lower):
    """Base of the venue's own records. ts: the venue's time, ns."""

    ts: int
    account: AccountId


class Arrival(Record, frozen=True, kw_only=True):
    """One message that reached the venue, before any judgement.

    kind: login, submit, cancel, replace.   outcome: accepted, rejected:<code>, resend, fenced (of a session that a later login
    shut out: it had no effect), ok, refused:<code>.
    """

    epoch: int
    kind: str
    order_id: str = ""
    content: str = ""
    outcome: str = ""


class Execution(Record, frozen=True, kw_only=True):
    """One trade that really happened. order_id "" when the order is foreign."""

    cursor: int
    exec_id: ExecId
    order_id: str
    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    qty: Qty
    price: Price
    fee: Money

    def seen(self) -> FillSeen:
        """The message that tells the account's owner."""
        return FillSeen(
            ts=self.ts, account=self.account, order_id=OrderId(self.order_id), exec_id=self.exec_id, symbol=self.symbol,
            side=self.side, qty=self.qty, price=self.price, fee=self.fee, cursor=self.cursor,
            venue_order_id=self.venue_order_id,
        )  # fmt: skip


class Adjusted(Record, frozen=True, kw_only=True):
    """The position or cash changed by something else than a trade. why: drift, split, dividend, deposit, interest,
    borrow."""

    why: str
    symbol: str
    qty: Qty
    cash: Money


Recorder = Callable[[Record], None]


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """per_share: money a share or contract, >= 0.   bps: of the value, hundredths of a percent, >= 0.   minimum: money an order,
    >= 0, charged with its first fill.   maximum_bps: of the value, above the minimum too; 0 is none."""

    per_share: Decimal = Decimal("0.005")
    minimum: Decimal = Decimal("1.00")
    bps: Decimal = Decimal(0)
    maximum_bps: Decimal = Decimal(0)

    def of(self, filled: Decimal, value: Decimal) -> Decimal:
        """The whole fee of an order that has filled so much, worth so much (> 0), to the cent. It never falls as an order fills."""
        fee = max(self.minimum, self.per_share * filled + self.bps * value / 10_000)
        if self.maximum_bps:
            fee = min(fee, self.maximum_bps * value / 10_000)
        return fee.quantize(CENT, ROUND_HALF_EVEN)


class Account:
    """One account's books at the venue. Cash and positions move only through `trade` and `adjust`."""

    def __init__(self, name: AccountId, cash: Money, fees: Fees) -> None:
        self.name = name
        self.cash: Decimal = cash
        self.fees = fees
        self.positions: dict[Symbol, Decimal] = {}
        self.orders: dict[str, VenueOrder] = {}  # by client id
        self.working: dict[str, VenueOrder] = {}  # by venue id, oldest first
        self.fills: list[Execution] = []  # the last ones, all unless some were forgotten
        self.forgotten = 0  # executions before those
        self.actions: list[tuple[int, Split | Dividend | Financed]] = []  # told again after a login (D12)
        self.epoch = 0
        self.session: Session | None = None

    @property
    def cursor(self) -> int:
        """The number of the newest execution, 0 before the first."""
        return self.forgotten + len(self.fills)

    def position(self, symbol: Symbol) -> Decimal:
        return self.positions.get(symbol, ZERO)

    def trade(
        self, order: VenueOrder, price: Decimal, qty: Decimal, value: Decimal, ts: int, exec_id: str
    ) -> Execution:  # fmt: skip
        """Book one trade: position, cash, fee, the order's filled quantity and the fills log. value: of the quantity, > 0."""
        order.cum += qty
        order.value += value
        fee = self.fees.of(order.cum, order.value) - order.fee
        order.fee += fee
        self._move(order.symbol, qty * order.side.sign)
        self.cash -= value * order.side.sign + fee
        done = Execution(
            ts=ts, account=self.name, cursor=self.cursor + 1, exec_id=ExecId(exec_id), order_id=order.client_id,
            venue_order_id=VenueOrderId(order.venue_id), symbol=order.symbol, side=order.side, qty=Qty(qty), price=Price(price),
            fee=Money(fee),
        )  # fmt: skip
        self.fills.append(done)
        return done

    def adjust(self, ts: int, why: str, symbol: Symbol, qty: Decimal, cash: Decimal) -> Adjusted:
        """Move position and cash without a trade (split, dividend, drift, interest)."""
        if qty:
            self._move(symbol, qty)
        self.cash += cash
        return Adjusted(ts=ts, account=self.name, why=why, symbol=symbol, qty=Qty(qty), cash=Money(cash))

    def _move(self, symbol: Symbol, qty: Decimal) -> None:
        now = self.position(symbol) + qty
        if now:
            self.positions[symbol] = now
        else:
            self.positions.pop(symbol, None)

    def forget(self, before: int) -> None:
        """Keep nothing of orders that ended, of executions and of corporate actions before that moment, ns."""
        gone = bisect_left(self.fills, before, key=lambda done: done.ts)
        del self.fills[:gone]
        self.forgotten += gone
        for order_id in [o.client_id for o in self.orders.values() if o.status != WORKING and o.ended < before]:
            del self.orders[order_id]
        self.actions = [(ts, action) for ts, action in self.actions if ts >= before]

    def closes(self, symbol: Symbol, side: Side, qty: Decimal) -> Decimal:
        """How much of such an order would shrink the position."""
        return min(qty, max(ZERO, -self.position(symbol) * side.sign))
