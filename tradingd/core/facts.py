"""What was decided or learned: the journal's vocabulary. The book is the fold of these and nothing else.

Each fact is one journal line's payload: `{"fact": <class name>, ...}`; Decimals travel as strings. A fact never changes its
meaning; a new meaning is a new fact (B16, H8). `ts` is the time of the event that caused it, never a clock's.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import dataclass_transform

import msgspec

from tradingd.core.types import (
    AccountId,
    DecisionId,
    ExecId,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Severity,
    Side,
    Symbol,
    TierName,
    TradingState,
    VenueOrderId,
)  # fmt: skip


class Reason(StrEnum):
    """Why something was refused, in order of precedence: the first that applies is the headline, all are recorded."""

    # intake
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    STALE_RECOMMENDATION = "stale_recommendation"
    MODE_NOT_ELIGIBLE = "mode_not_eligible"
    UNKNOWN_SYMBOL = "unknown_symbol"
    # state
    HALTED = "halted"
    LOCKED = "locked"
    REDUCING = "reducing"
    LINK_NOT_READY = "link_not_ready"
    ORDER_UNKNOWN = "order_unknown"
    DRIFT = "drift"
    ACCOUNT_BLOCKED = "account_blocked"
    # market
    MARKET_CLOSED = "market_closed"
    OUTSIDE_WINDOW = "outside_window"
    CALENDAR_MISSING = "calendar_missing"
    NOT_TRADABLE = "not_tradable"
    NO_PRICE = "no_price"
    STALE_PRICE = "stale_price"
    # stops and sizer
    LOW_CONFIDENCE = "low_confidence"
    NO_RANGE = "no_range"
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    ALREADY_HELD = "already_held"
    NOT_SHORTABLE = "not_shortable"
    MICRO_OFF = "micro_off"
    MICRO_LIMIT = "micro_limit"
    DECLINING = "declining"
    DETERIORATED = "deteriorated"
    CALLED_OFF = "called_off"
    CORRELATION = "correlation"
    EARNINGS = "earnings"
    HEAT = "heat"
    SIZE_ZERO = "size_zero"
    # reserve
    ACTIVE_POOL_MINIMUM = "active_pool_minimum"
    RESERVE_SHORT = "reserve_short"
    # breaker
    BREAKER_ACTIVE = "breaker_active"
    TICKER_COOLDOWN = "ticker_cooldown"
    # gate (R1, R2)
    BUYING_POWER = "buying_power"
    POSITION_LIMIT = "position_limit"
    SECTOR_LIMIT = "sector_limit"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    OPEN_POSITIONS = "open_positions"
    OPEN_TRADES = "open_trades"
    WASH_TRADE = "wash_trade"
    PDT = "pdt"
    MAX_QTY = "max_qty"
    MAX_NOTIONAL = "max_notional"
    PRICE_COLLAR = "price_collar"
    ORDER_RATE = "order_rate"
    REPEATED_EXECUTION = "repeated_execution"
    DUPLICATE_ORDER = "duplicate_order"
    REJECT_LOOP = "reject_loop"
    LIMIT_MISSING = "limit_missing"

    @property
    def transient(self) -> bool:
        """Could the same request succeed later without anybody changing the rules?"""
        return self not in _FINAL


_FINAL = frozenset(
    {
        Reason.DUPLICATE,
        Reason.INVALID,
        Reason.STALE_RECOMMENDATION,
        Reason.MODE_NOT_ELIGIBLE,
        Reason.UNKNOWN_SYMBOL,
        Reason.LIMIT_MISSING,
        Reason.DETERIORATED,
        Reason.CALLED_OFF,
    }
)
PRECEDENCE: dict[Reason, int] = {reason: i for i, reason in enumerate(Reason)}


class Check(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One named check of a decision: what was measured, against what, and how it came out.

    value and limit are in the unit the name implies (ratios as 0.10, money in account currency, times as ISO text); `ok` None
    means the check could not be made because an earlier one left nothing to measure.
    """

    name: str
    value: int | float | str | None  # an int stays one in the journal, so that a replay is equal to the byte
    limit: int | float | str | None
    ok: bool | None
    reason: Reason | None = None
    note: str = ""


class Pools(msgspec.Struct, frozen=True, gc=False):
    """Money at the moment of a decision. equity = active + reserve, account currency."""

    equity: float
    active: float
    reserve: float
    cash: float


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", tag=True):
    ts: int
    account: AccountId


# decisions ------------------------------------------------------------------------------------------------------------


# who may decide inside the house; a recommendation may not come under one of these names (E1)
OWN_SOURCES = ("stop", "target", "breaker", "operator", "no_price", "guardian", "rebalance", "micro")


class Outcome(StrEnum):
    ACT = "act"
    SKIP = "skip"


class Kind(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class Decided(Fact):
    """One whole decision (E11). Every recommendation ends in exactly one; exits by stop, breaker or operator have theirs.

    source: "strategy:<name>", "api", "file" or one of OWN_SOURCES.   micro: by the rules of micro-trading (E15).
    cause: id of the recommendation, command or order that led here.   ref_price: the price it stood on.
    headline: the first reason by precedence, None when acted.   orders: client order ids it produced at once.
    adjustments: (name, before, after) from the raw allocation to the order (shares of the active pool, or money).
    tranches: what the quantity is split into, () when it goes as one (E10); their sum is `qty`.
    """

    decision_id: DecisionId
    seq: int
    kind: Kind
    symbol: Symbol
    side: Side
    outcome: Outcome
    source: str
    cause: str
    headline: Reason | None
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]
    pools: Pools
    tier: TierName
    heat: float
    breaker: str
    state: TradingState
    confidence: float | None = None
    thesis: str = ""
    qty: Qty | None = None
    notional: Money | None = None
    ref_price: float | None = None
    stop: Price | None = None
    target: Price | None = None
    atr: float | None = None
    orders: tuple[OrderId, ...] = ()
    micro: bool = False
    adjustments: tuple[tuple[str, float, float], ...] = ()
    tranches: tuple[Qty, ...] = ()


class TrancheJudged(Fact):
    """A later tranche of an entry was looked at anew before it went (E10). n: 2 .. the number of tranches.   order_id: what it
    became, None when it was refused: then the rest of the decision is off too, and `reasons` says why."""

    decision_id: DecisionId
    symbol: Symbol
    n: int
    qty: Qty
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    checks: tuple[Check, ...] = ()
    order_id: OrderId | None = None


# orders ---------------------------------------------------------------------------------------------------------------


class OrderIntended(Fact):
    """Write-ahead (O2): durable before a byte of it leaves."""

    order: Order


class CancelIntended(Fact):
    order_id: OrderId
    why: str


class ReplaceIntended(Fact):
    order_id: OrderId
    rev: int
    qty: Qty
    limit: Price | None = None
    stop: Price | None = None


class OrderMoved(Fact):
    """The order's life took a step (table in core/book/orders.py). `to` is the state's value."""

    order_id: OrderId
    frm: str
    to: str
    why: str = ""
    venue_order_id: VenueOrderId | None = None
    cum_qty: Qty | None = None  # filled in all by the venue's word: what is missing still counts as exposure


class OrderAmended(Fact):
    """A replace took effect: what works at the venue from now on."""

    order_id: OrderId
    rev: int
    qty: Qty
    limit: Price | None = None
    stop: Price | None = None


class AmendRefused(Fact):
    order_id: OrderId
    rev: int
    code: str
    text: str = ""


class CancelRefused(Fact):
    order_id: OrderId
    code: str
    text: str = ""


class Filled(Fact):
    """One execution, booked once by exec_id. realised: profit of the part that closed, account currency, fees apart."""

    order_id: OrderId
    exec_id: ExecId
    symbol: Symbol
    side: Side
    qty: Qty
    price: Price
    fee: Money
    realised: Money
    cursor: int = 0
    day_trade: bool = False
    multiplier: Qty = Qty(Decimal(1))  # of the instrument, and
    rate: Price = Price(Decimal(1))  # account currency per quote currency, at that moment: the fold needs no settings


class FillSkipped(Fact):
    """An execution the venue counted and we did not book (an anomaly says why): its number is not waited for any more; what is
    missing shows as drift."""

    exec_id: ExecId
    cursor: int
    why: str


class ForeignSeen(Fact):
    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    qty: Qty
    type: OrderType
    open: bool


class Anomaly(Fact):
    """Something that should not happen did: recorded and alerted, never applied. kind: impossible_transition, overfill,
    fill_mismatch, duplicate_execution, unknown_order, cum_qty_mismatch, foreign_fill, strategy_failed, ..."""

    kind: str
    subject: str
    detail: str


# positions and money ------------------------------------------------------------------------------------------------


class StopSet(Fact):
    """Stop and target of a position. why: "entry", "trailing", "re-evaluated", "split"."""

    symbol: Symbol
    stop: Price
    target: Price
    entry: Price
    atr: float
    multiplier: float
    reward_risk: float
    trailing: bool
    why: str
    confidence: float | None = None
    decision_id: DecisionId | None = None


class CashMoved(Fact):
    """Cash that is no fill. kind: "deposit", "dividend", "interest", "borrow", "fee", "adopted".
    action_id: counts once; "" when it has none."""

    kind: str
    amount: Money
    symbol: Symbol | None = None
    action_id: str = ""


class SplitApplied(Fact):
    """ratio new shares for one old.   at: when it took effect, by the clock that stamps the fills: what was traded after it is in
    new shares already. 0: after everything that was traded before it was told."""

    symbol: Symbol
    ratio: Price
    action_id: str
    at: int = 0


class RateSet(Fact):
    currency: str
    rate: Price


class ReserveKind(StrEnum):
    INITIAL = "initial"
    PROFIT_SIPHON = "profit_siphon"
    EMERGENCY_LIQUIDATION = "emergency_liquidation"
    MANUAL_ADJUSTMENT = "manual_adjustment"


class ReserveMoved(Fact):
    """One line of the reserve's ledger (E5). amount: signed.   reference: exec id, command id."""

    kind: ReserveKind
    amount: Money
    balance: Money
    reference: str = ""


class TierChanged(Fact):
    """win_rate (30 days, None without trades), drawdown, reserve_share: what it was judged by, 0..1 each (E2)."""

    previous: TierName
    tier: TierName
    why: str
    win_rate: float | None = None
    drawdown: float = 0.0
    reserve_share: float = 0.0


class DayOpened(Fact):
    """A session began. date: exchange-local ISO date.   equity: at the open, the base of the day's loss."""

    date: str
    equity: Money


class DayClosed(Fact):
    """A session ended. high_water: the highest closing equity so far.   drawdown: share of it, 0..1."""

    date: str
    equity: Money
    high_water: Money
    drawdown: float


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Performance at one moment (E14); the formulas stand in `core/views/performance.py`. Money in account currency, rates 0..1.

    sharpe: annualised, of the last 30 daily returns, None with fewer than two or without variation.   profit_factor: None without
    losses (it would be infinite).   average_win, average_loss: both >= 0, None without any.
    """

    value: float
    active: float
    reserve: float
    realised: float
    unrealised: float
    day_pnl: float
    trades: int = 0
    wins: int = 0
    losses: int = 0
    win_rate: float | None = None
    average_win: float | None = None
    average_loss: float | None = None
    profit_factor: float | None = None
    sharpe: float | None = None
    max_drawdown: float = 0.0
    drawdown: float = 0.0
    heat: float = 0.0
    micro_trades: int = 0
    micro_wins: int = 0
    micro_pnl: float = 0.0


class DayMeasured(Fact):
    """The day's snapshot (E14), made after the close. daily_return: on the equity at the last close (the first day: on the starting
    capital), deposits and withdrawals since then left out.   cumulative_return: on all capital put in.   capital: that, so far."""

    date: str
    measures: Measures
    daily_return: float
    cumulative_return: float
    tier: TierName
    capital: Money = Money(Decimal(0))


class ScheduleRan(Fact):
    """A named occurrence of the calendar was taken care of (a week's rebalance, a day's summary): never twice, whatever restarts.
    key: which one, like "2008-W12" or "2008-03-14"."""

    name: str
    key: str


# what the world does ------------------------------------------------------------------------------------------------------


class EarningsNoted(Fact):
    """All earnings dates of one symbol that are known from now on, exchange-local ISO, in order; () forgets them."""

    symbol: Symbol
    dates: tuple[str, ...]
    source: str = ""


class EventNoted(Fact):
    """Something happened out there (E12). until: ns, over by itself then.   symbols: whom it concerns, () everybody."""

    event_id: str
    severity: Severity
    until: int
    symbols: tuple[Symbol, ...] = ()
    text: str = ""
    source: str = ""


class Notified(Fact):
    """What became of telling somebody (E16). notice: which fact is told ("<seq>"), so it goes to each channel once.
    kind: circuit_breaker_triggered, daily_summary ...   level: page, tell, log.   status: delivered, failed (after all tries),
    rate_limited, folded (into another), dropped (too many waited), noted (nothing was told, only `upto` moved).
    upto: every fact up to this journal number has been dealt with on this channel, 0 when that is not said."""

    notice: str
    channel: str
    kind: str
    status: str
    tries: int = 0
    error: str = ""
    level: str = ""
    upto: int = 0


# states ---------------------------------------------------------------------------------------------------------------


class BreakerKind(StrEnum):
    DAILY_LOSS = "daily_loss"
    SINGLE_POSITION = "single_position"
    VOLATILITY = "volatility"
    MANUAL = "manual"


class BreakerTripped(Fact):
    """E6. until: ns, when the cool-down ends.   symbol: set for a ticker cool-down, which stops only that ticker."""

    kind: BreakerKind
    threshold: float
    actual: float
    until: int
    symbol: Symbol | None = None
    actor: str = ""


class BreakerResumed(Fact):
    """A cool-down ended, by time or by an operator."""

    kind: BreakerKind
    symbol: Symbol | None = None
    why: str = "cool-down over"


class StateChanged(Fact):
    """A hold on trading was put on or lifted. key: who holds ("operator", "rule:<name>"); the strictest of all holds wins.
    state ACTIVE lifts the hold."""

    key: str
    verb: str
    state: TradingState
    actor: str
    reason: str
    command_id: str = ""
    until: int | None = None


class FlattenBegun(Fact):
    command_id: str
    actor: str
    symbol: Symbol | None = None


class FlattenDone(Fact):
    """The book and the venue agree that nothing is left."""

    command_id: str


class DriftFound(Fact):
    """The venue's position is not ours and no fill explains it (D24): entries of the symbol are off."""

    symbol: Symbol
    ours: Qty
    venue: Qty


class DriftCleared(Fact):
    symbol: Symbol
    how: str


class PositionAdopted(Fact):
    """An operator accepted the venue's position. price: the mark it is booked at."""

    symbol: Symbol
    qty: Qty
    price: Price
    actor: str
    multiplier: Qty = Qty(Decimal(1))
    rate: Price = Price(Decimal(1))


class LinkChanged(Fact):
    """up: reconciled and ready. Entries need it."""

    up: bool
    broker: str
    why: str = ""


class TradableChanged(Fact):
    symbol: Symbol
    tradable: bool
    why: str = ""


class CommandSeen(Fact):
    """An operator's word as it came, before its effect; the answer says what it did or why it was refused."""

    command_id: str
    verb: str
    actor: str
    reason: str
    answer: str
    refused: bool = False


class Alerted(Fact):
    """Somebody should know. level: page, tell, log.   subject: whom it is about when the code alone does not say (a symbol, a
    sector, an order), "" else."""

    level: str
    code: str
    text: str
    subject: str = ""


class StartedUp(Fact):
    mode: str
    build: str
    config: str
    clean: bool


class ConfigChanged(Fact):
    """The rules changed under a running daemon. changes: (key, before, after), "" where it was not set. config: its hash."""

    actor: str
    config: str
    changes: tuple[tuple[str, str, str], ...]


class ShutDown(Fact):
    reason: str


AnyFact = (
    Decided | OrderIntended | CancelIntended | ReplaceIntended | OrderMoved | OrderAmended | AmendRefused | CancelRefused | Filled
    | FillSkipped
    | ForeignSeen | Anomaly | StopSet | CashMoved | SplitApplied | RateSet | ReserveMoved | TierChanged | DayOpened | DayClosed
    | BreakerTripped | BreakerResumed | StateChanged | FlattenBegun | FlattenDone | DriftFound | DriftCleared | PositionAdopted
    | LinkChanged | TradableChanged | CommandSeen | Alerted | StartedUp | ConfigChanged
    | TrancheJudged | DayMeasured | ScheduleRan | EarningsNoted | EventNoted | Notified
    | ShutDown
)  # fmt: skip
