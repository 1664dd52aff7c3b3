"""Domain types: booked numbers, ids, sides, order words, instruments.

Booked numbers (`Price`, `Qty`, `Money`) are Decimal and exact; observed numbers (quotes, ATR, confidence) are float. A float
becomes booked only through `Instrument.price` and `Instrument.floor_qty`. Source: ADR-0001.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Literal, NewType

import msgspec

Price = NewType("Price", Decimal)  # quote currency per unit
Qty = NewType("Qty", Decimal)  # units of the base asset; signed only where a position is meant
Money = NewType("Money", Decimal)  # account currency unless the field name says otherwise

AccountId = NewType("AccountId", str)
Symbol = NewType("Symbol", str)
OrderId = NewType("OrderId", str)  # client order id, derived: "<account>.<decision seq>.<leg>"
DecisionId = NewType("DecisionId", str)  # "d<decision seq>", unique within the account
ExecId = NewType("ExecId", str)  # the venue's execution id
VenueOrderId = NewType("VenueOrderId", str)

ZERO = Decimal(0)
NS = 1_000_000_000
_ROUNDING = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "near": ROUND_HALF_EVEN}


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is _BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


_BUY = Side.BUY  # at hand: on Python 3.11 a member looked up in its class costs ten times a name of the module


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING = "trailing"


class Tif(StrEnum):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class Leg(StrEnum):
    """Which order of a decision this is; the last part of an order id."""

    ENTRY = "e"
    EXIT = "x"
    PROTECT = "p"  # the protective stop resting at the venue


class TradingState(StrEnum):
    """What may leave, loosest first. Source: FEATURES 5.9."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"
    LOCKED = "locked"


class Severity(StrEnum):
    """How much something that happened out there matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class TierName(StrEnum):
    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """What can be traded, with its grid.

    tick: smallest price step, > 0.   lot: smallest quantity step, > 0.   multiplier: account value of one point of one unit
    (1 for shares, 50 for an ES future).   currency: of the price.   calendar: key of the session table.
    """

    symbol: Symbol
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal(1)
    multiplier: Decimal = Decimal(1)
    currency: str = "USD"
    sector: str = "unclassified"
    calendar: str = "XNYS"
    tradable: bool = True
    shortable: bool = True

    def __post_init__(self) -> None:
        for name in ("tick", "lot", "multiplier"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0")

    def price(self, x: float, *, to: Literal["down", "up", "near"] = "near") -> Price:
        """An observed price on the grid; `to` names the rounding direction. x must be finite."""
        steps = (Decimal(repr(x)) / self.tick).to_integral_value(_ROUNDING[to])
        return Price(steps * self.tick)

    def floor_qty(self, x: float | Decimal) -> Qty:
        """The largest quantity on the lot grid that is not above x (0 when x is below one lot)."""
        d = x if isinstance(x, Decimal) else Decimal(repr(x))
        if d <= 0:
            return Qty(ZERO)
        return Qty((d / self.lot).to_integral_value(ROUND_FLOOR) * self.lot)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent. Only `core.gates.gate` makes one; dispatch accepts nothing else.

    qty: > 0, on the lot grid.   limit/stop: on the tick grid, present exactly when the type needs them.
    ref_price: the observed price the decision stood on.   ref_ts: when that price was seen, ns since epoch.
    reduce_only: may only shrink the position; the venue clips it where it can.
    """

    account: AccountId
    order_id: OrderId
    decision_id: DecisionId
    symbol: Symbol
    side: Side
    qty: Qty
    type: OrderType
    tif: Tif
    leg: Leg
    limit: Price | None = None
    stop: Price | None = None
    trail: Price | None = None  # distance, for TRAILING
    reduce_only: bool = False
    protective: bool = False  # guards what is held (stop, breaker, flatten): passes under a halt
    extended_hours: bool = False
    ref_price: float = 0.0
    ref_ts: int = 0
