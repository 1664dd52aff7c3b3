"""What the venue writes down and says: its orders, executions, arrivals, outcomes, and the words it sends to sessions.

Times: t is virtual seconds, ts and wall are ns since the epoch by the venue's clock. Quantities and prices are Decimal.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from tradingd.core.types import OrderType, Side, Symbol, Tif

ZERO = Decimal(0)
WORKING, FILLED, CANCELLED, EXPIRED, REJECTED = "working", "filled", "cancelled", "expired", "rejected"
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


class Blow(Protocol):
    """A fault as the plan has it."""

    @property
    def kind(self) -> str: ...
    @property
    def for_s(self) -> float: ...
    @property
    def value(self) -> float: ...
    @property
    def target(self) -> str: ...
    @property
    def n(self) -> int: ...


class HostLike(Protocol):
    name: str
    dead: bool


class VenueOrder:
    """One order as the venue keeps it. client_id "" : somebody else's.   key: its name in `orders`.   leaves: still to fill.
    pending: an attempt to fill it is scheduled.   rested: it stood in the book once, so it fills at its own limit."""

    __slots__ = (
        "client_id", "code", "cum", "key", "limit", "pending", "qty", "reduce_only", "rested", "rev", "session", "side", "status",
        "stop", "symbol", "t", "text", "tif", "triggered", "type", "venue_id", "visible_at",
    )  # fmt: skip

    def __init__(
        self, key: str, client_id: str, symbol: Symbol, side: Side, qty: Decimal, type: OrderType, tif: Tif, *,  # noqa: A002 the venue's word
        limit: Decimal | None = None, stop: Decimal | None = None, reduce_only: bool = False, t: float = 0.0,
        visible_at: float = 0.0, session: int = 0,
    ) -> None:  # fmt: skip
        self.key = key
        self.client_id = client_id
        self.symbol = symbol
        self.side = side
        self.qty = qty
        self.type = type
        self.tif = tif
        self.limit = limit
        self.stop = stop
        self.reduce_only = reduce_only
        self.t = t
        self.visible_at = visible_at
        self.session = session
        self.venue_id = ""
        self.status = WORKING
        self.cum = ZERO
        self.rev = 0
        self.code = ""
        self.text = ""
        self.pending = False
        self.rested = False
        self.triggered = False

    @property
    def leaves(self) -> Decimal:
        return self.qty - self.cum


class Execution(msgspec.Struct, frozen=True):
    """cursor: the running number, 1, 2, ...   order_id: the client's, "" for an order that is not ours."""

    cursor: int
    exec_id: str
    order_id: str
    venue_id: str
    symbol: Symbol
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    ts: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message. kind: ok, refused (proven, with code), unknown (a text no table knows; it may well have worked)."""

    kind: str
    code: str = ""
    text: str = ""
    value: Any = None


class Arrival(msgspec.Struct, frozen=True):
    """A message the venue read. session: number of the login it came on.   late: its connection was dead by then (A20)."""

    t: float
    wall: int
    session: int
    host: str
    kind: str
    order_id: str
    content: Any
    outcome: Outcome
    late: bool = False


class Word(msgspec.Struct, frozen=True):
    """What the venue says on the event stream. `what` holds the fields of the kind, by name."""

    kind: str
    ts: int
    order_id: str = ""
    venue_id: str = ""
    what: dict[str, Any] = {}


Say = Callable[[Word], None]
Tell = Callable[[str], None]
OK = Outcome("ok")
