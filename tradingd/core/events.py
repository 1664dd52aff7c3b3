"""What can come in. Every event enters by the one inbox; time is in the event, never read by the core.

Times are integer nanoseconds since the epoch, UTC. `Quote` is a plain slotted class because it is the hot path; everything
else is a frozen struct.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, dataclass_transform

import msgspec

from tradingd.core.types import (
    AccountId,
    ExecId,
    Money,
    OrderId,
    OrderType,
    Price,
    Qty,
    Severity,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip


class Quote:
    """Top of book of one instrument. Prices in quote currency (float, observed), sizes in units. Source: B7.

    ts: the source's time.   seq: the source's sequence, rising per source, 0 when it has none.
    """

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "recv_ts", "seq", "source", "symbol", "ts")

    def __init__(
        self, symbol: Symbol, bid: float, ask: float, ts: int, *, bid_size: float = 0.0, ask_size: float = 0.0,
        seq: int = 0, recv_ts: int = 0, source: str = "",
    ) -> None:  # fmt: skip
        self.symbol = symbol
        self.bid = bid
        self.ask = ask
        self.ts = ts
        self.bid_size = bid_size
        self.ask_size = ask_size
        self.seq = seq
        self.recv_ts = recv_ts
        self.source = source


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Base of all struct events."""

    ts: int


class Bar(Said):
    """One closed bar. ts: the bar's END. span_s: 86400 for a session's daily bar, else seconds. history: a warm-up bar,
    from which strategies learn but do not act."""

    symbol: Symbol
    span_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    history: bool = False


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Mode(StrEnum):
    PAPER = "paper_eligible"
    LIVE = "live_eligible"


class Recommendation(Said):
    """An idea from outside (file, HTTP, bus) or from a strategy. Source: E1.

    id: unique per source; seen twice it is one recommendation.   confidence: 0..1.   generated_at: ns.
    account: the one account it is for, or None for all.   intraday: an idea for hours, traded by the rules of E15.
    """

    id: str
    symbol: Symbol
    action: Action
    confidence: float
    generated_at: int
    mode: Mode = Mode.PAPER
    thesis: str = ""
    source: str = "api"
    account: AccountId | None = None
    intraday: bool = False


class OrderEvent(Said):
    """Base of what a venue (or dispatch, for proof that nothing was sent) says about one of our orders."""

    account: AccountId
    order_id: OrderId


class OrderAccepted(OrderEvent):
    venue_order_id: VenueOrderId


class OrderRejected(OrderEvent):
    """Proven refused by the venue. code: the venue's own."""

    code: str
    text: str = ""


class OrderUnknown(OrderEvent):
    """Sent or perhaps sent, outcome not proven: timeout, 5xx, lost link, restart."""

    why: str


class OrderNever(OrderEvent):
    """Proven never to have reached the venue, and it never will. proof: says how we know."""

    proof: str


class OrderCancelled(OrderEvent):
    """No more of it will fill. cum_qty: filled in all by the venue's word, None when it does not say."""

    reason: str = ""
    cum_qty: Qty | None = None


class OrderExpired(OrderEvent):
    cum_qty: Qty | None = None


class OrderReplaced(OrderEvent):
    """An amend took effect. rev: the revision we asked for."""

    rev: int
    qty: Qty
    limit: Price | None = None
    stop: Price | None = None


class ReplaceRejected(OrderEvent):
    rev: int
    code: str
    text: str = ""


class CancelRejected(OrderEvent):
    code: str
    text: str = ""


class FillSeen(OrderEvent):
    """One execution. qty > 0; fee: cost is positive, account currency. cursor: the venue's running number of fills of the
    account (1, 2, ...), 0 where it has none. order_id "" marks an execution of an order that is not ours."""

    exec_id: ExecId
    symbol: Symbol
    side: Side
    qty: Qty
    price: Price
    fee: Money
    cursor: int = 0
    venue_order_id: VenueOrderId = VenueOrderId("")


class ForeignOrder(Said):
    """An order on the account that we did not send (D21). open: still working. order_id: the client id it bears, "" without;
    one of our own kind says that a second daemon trades this account (H4)."""

    account: AccountId
    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    qty: Qty
    type: OrderType
    open: bool
    order_id: OrderId = OrderId("")


class PositionsSeen(Said):
    """All positions by the venue's word, signed; absent means flat. cursor: fills the venue had counted at that moment.   ends:
    `Book.ends` when it was asked, None for now: what ended since may have filled after that moment."""

    account: AccountId
    positions: dict[Symbol, Qty]
    cursor: int
    ends: int | None = None


class AccountSeen(Said):
    """Balances by the venue's word, account currency."""

    account: AccountId
    cash: Money
    equity: Money
    blocked: bool = False


class LinkUp(Said):
    account: AccountId
    broker: str


class LinkLost(Said):
    """taken: by somebody who logged in to the same account."""

    account: AccountId
    broker: str
    why: str
    taken: bool = False


class Reconciled(Said):
    """Orders, fills and positions of the account were compared with the venue after (re)connecting: entries may go."""

    account: AccountId
    orders: int
    fills: int


class Dividend(Said):
    """Cash credited (or, short, debited) by the venue. amount: account currency, signed. action_id: counts once."""

    account: AccountId
    symbol: Symbol
    amount: Money
    action_id: str


class Financed(Said):
    """Cash the venue credited (debited: negative) for holding over time. kind: "interest" on cash, "borrow" for shares sold short.
    amount: account currency.   action_id: counts once."""

    account: AccountId
    kind: Literal["interest", "borrow"]
    amount: Money
    action_id: str


class Split(Said):
    """ratio new shares for one old, effective before the next quote of the symbol. action_id: counts once.   account: the one it is
    for, None for all.   adjusted: the bars learned so far stand after it already, as those learned at a login later do.   at: when
    it took effect by the clock that stamps the fills, 0 for `ts`: what was traded after it is in new shares already."""

    symbol: Symbol
    ratio: float
    action_id: str
    account: AccountId | None = None
    adjusted: bool = False
    at: int = 0


class InstrumentStatus(Said):
    """The venue opened, halted or closed one instrument."""

    symbol: Symbol
    tradable: bool
    why: str = ""


class FxRate(Said):
    """Account-currency value of one unit of `currency`."""

    currency: str
    rate: Price


class DividendDue(Said):
    """A dividend by the operator's file, for venues that book none themselves. per_share: of the instrument's currency, >= 0;
    what is held at that moment is credited (short: debited).   action_id: counts once.   account: the one it is for, None for
    all."""

    symbol: Symbol
    per_share: Price
    action_id: str
    account: AccountId | None = None


class EarningsSeen(Said):
    """All earnings dates known of one symbol, exchange-local ISO. source: where from.   account: whose, None for all."""

    symbol: Symbol
    dates: tuple[str, ...]
    source: str = ""
    account: AccountId | None = None


class MarketEvent(Said):
    """Something happened out there (E12). until: ns.   symbols: whom it concerns, () everybody."""

    id: str
    severity: Severity
    until: int
    symbols: tuple[Symbol, ...] = ()
    text: str = ""
    source: str = ""


class NoticeSent(Said):
    """What became of a notice (E16), by the room that tells people; fields as in the fact `Notified`."""

    account: AccountId
    notice: str
    channel: str
    kind: str
    status: str
    tries: int = 0
    error: str = ""
    level: str = ""
    upto: int = 0


class Verb(StrEnum):
    PAUSE = "pause"
    HALT = "halt"
    FLATTEN = "flatten"
    LOCKOUT = "lockout"
    CANCEL = "cancel"
    RESUME = "resume"
    SETTLE = "settle"  # declare an unknown order ended, with a reason
    ADOPT = "adopt"  # accept the venue's position where it drifted
    TRIP = "trip"  # the breaker, by hand
    RELEASE = "release"  # move reserve into the active pool


class Command(Said):
    """An operator's word, by name. account None: all accounts. until: ns, for lockout. symbol/order_id narrow flatten and
    cancel. Source: FEATURES 5.9, H3."""

    id: str
    verb: Verb
    actor: str
    reason: str = ""
    account: AccountId | None = None
    until: int | None = None
    symbol: Symbol | None = None
    order_id: OrderId | None = None
    protective: bool = False
    flatten: bool = False
    amount: Money | None = None


class Timer(Said):
    """Time passing; `name` says which schedule fired ("minute" drives every time rule of the core)."""

    name: str = "minute"


class Started(Said):
    """This process took over the book. clean: the last one ended on purpose. build/config: hashes, so that each record can
    name the code and the rules behind it."""

    mode: str
    build: str
    config: str
    clean: bool


class ConfigLoaded(Said):
    """A new configuration is in force from this event on. changes: (key, before, after).   config: its hash. Source: H6."""

    actor: str
    config: str
    changes: tuple[tuple[str, str, str], ...]


class Leaving(Said):
    """The process will stop in a moment: what would open something is taken back, what protects stays (H11)."""


class Stopping(Said):
    reason: str


class ClockSeen(Said):
    """The machine's wall clock against the house's own. off_s: ahead by so many seconds; 0.0: it has been right for a while."""

    off_s: float


class Alarm(Said):
    """Something the house found about itself that somebody should hear of. level: page, tell or log.   code: small letters, digits
    and _.   account: whose, None for all."""

    level: str
    code: str
    text: str
    account: AccountId | None = None


Event = (
    Quote | Bar | Recommendation | OrderAccepted | OrderRejected | OrderUnknown | OrderNever | OrderCancelled | OrderExpired
    | OrderReplaced | ReplaceRejected | CancelRejected | FillSeen | ForeignOrder | PositionsSeen | AccountSeen | LinkUp
    | LinkLost | Reconciled | Dividend | Financed | Split | InstrumentStatus | FxRate | Command | Timer
    | Started | Stopping | ConfigLoaded
    | ClockSeen | Leaving | DividendDue | EarningsSeen | MarketEvent | NoticeSent | Alarm
)  # fmt: skip
