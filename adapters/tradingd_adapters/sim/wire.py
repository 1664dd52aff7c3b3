"""The simulated venue's own wire format: one JSON object a websocket frame, told apart by its `type`.

Times are ns since the epoch. Booked numbers travel as decimal text, quotes and bars as JSON numbers. A request carries `req`, its
answer the same number. Nothing here knows the product's events: `parse` and `render` translate.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Base of all frames; unknown fields are let pass, missing ones are not."""


# client to venue ------------------------------------------------------------------------------------------------------


class Login(Frame, frozen=True, kw_only=True):
    """First frame of a trading session; answered by Welcome or Refused."""

    account: str
    key: str = ""


class Credit(Frame, frozen=True, kw_only=True):
    """The client can take n more quotes (pull pacing)."""

    n: int


class New(Frame, frozen=True, kw_only=True):
    """A new order. client_id: the client's own id; the same id twice is one order."""

    req: int
    client_id: str
    symbol: str
    side: str
    kind: str
    tif: str
    qty: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    reduce_only: bool = False


class Cancel(Frame, frozen=True, kw_only=True):
    req: int
    client_id: str


class Amend(Frame, frozen=True, kw_only=True):
    """qty: the new total. A price left out stays."""

    req: int
    client_id: str
    rev: int
    qty: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None


class Ask(Frame, frozen=True, kw_only=True):
    """A question. what: order, open_orders, fills, positions, account, instruments, history."""

    req: int
    what: str
    client_id: str = ""
    symbol: str = ""
    since: int = 0
    n: int = 0


class Admin(Frame, frozen=True, kw_only=True):
    """The examiner's hand on the venue, loopback only; needs no login. op: dump, advance, fault, silence, halt, resume,
    drift, foreign, withdraw, disconnect."""

    req: int
    op: str
    account: str = ""
    symbol: str = ""
    name: str = ""
    side: str = "buy"
    qty: Decimal = Decimal(0)
    price: Decimal | None = None
    n: int = 0
    rate: float | None = None


# venue to client ------------------------------------------------------------------------------------------------------


class Welcome(Frame, frozen=True, kw_only=True):
    """Logged in. epoch: the account's logins so far.   heartbeat_s: how often a Beat comes."""

    ts: int
    epoch: int
    heartbeat_s: float


TAKEN = "SESSION_TAKEN"


class Refused(Frame, frozen=True, kw_only=True):
    """Not logged in, or not any more. code TAKEN: a later login of the same account ended this session."""

    code: str
    text: str = ""


class Beat(Frame, frozen=True, kw_only=True):
    """Nothing happened, the venue lives. ts: its time."""

    ts: int


class Tick(Frame, frozen=True, kw_only=True):
    ts: int
    symbol: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    seq: int


class Candle(Frame, frozen=True, kw_only=True):
    """One bar; ts: its end."""

    ts: int
    symbol: str
    span_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    history: bool = False


class Update(Frame, frozen=True, kw_only=True):
    """An order's life. what: accepted, rejected, cancelled, expired, replaced, replace_rejected, cancel_rejected."""

    ts: int
    account: str
    client_id: str
    what: str
    venue_id: str = ""
    cum: Decimal | None = None
    rev: int = 0
    qty: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    code: str = ""
    text: str = ""


class Trade(Frame, frozen=True, kw_only=True):
    """One execution. client_id "": of an order entered elsewhere."""

    ts: int
    account: str
    client_id: str
    venue_id: str
    exec_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    cursor: int


class Elsewhere(Frame, frozen=True, kw_only=True):
    """An order of the account that was entered elsewhere."""

    ts: int
    account: str
    venue_id: str
    symbol: str
    side: str
    kind: str
    qty: Decimal
    open: bool


class Corporate(Frame, frozen=True, kw_only=True):
    """kind: split (ratio), or dividend, interest, borrow (amount credited to the account)."""

    ts: int
    kind: str
    id: str
    symbol: str
    account: str = ""
    ratio: float = 0.0
    amount: Decimal | None = None


class Status(Frame, frozen=True, kw_only=True):
    ts: int
    symbol: str
    tradable: bool
    text: str = ""


class Answer(Frame, frozen=True, kw_only=True):
    """The answer to an Ask or Admin; body by what was asked."""

    req: int
    body: msgspec.Raw


class Failed(Frame, frozen=True, kw_only=True):
    """A request failed. status: as in HTTP; 5xx says nothing about whether the request took effect."""

    req: int
    status: int
    text: str = ""
    client_id: str = ""  # of the order it was about


class OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One order as the venue keeps it; in answers. status: working, filled, cancelled, expired, rejected."""

    client_id: str
    venue_id: str
    symbol: str
    side: str
    kind: str
    qty: Decimal
    cum: Decimal
    status: str
    limit: Decimal | None = None
    stop: Decimal | None = None
    rev: int = 0
    code: str = ""
    text: str = ""


class PositionsBody(msgspec.Struct, frozen=True, kw_only=True):
    ts: int
    cursor: int
    positions: dict[str, Decimal]


class AccountBody(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    currency: str
    cash: Decimal
    equity: Decimal
    blocked: bool = False


class InstrumentBody(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    tick: Decimal
    lot: Decimal
    multiplier: Decimal
    currency: str
    sector: str
    calendar: str
    tradable: bool
    shortable: bool


ToVenue = Login | Credit | New | Cancel | Amend | Ask | Admin
ToClient = Welcome | Refused | Beat | Tick | Candle | Update | Trade | Elsewhere | Corporate | Status | Answer | Failed

to_venue = msgspec.json.Decoder(ToVenue)
to_client = msgspec.json.Decoder(ToClient)


def encode(frame: Frame) -> bytes:
    """One frame as bytes."""
    return msgspec.json.encode(frame)


def raw(body: Any) -> msgspec.Raw:
    """An answer's body."""
    return msgspec.Raw(msgspec.json.encode(body))
