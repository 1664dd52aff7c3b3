"""The booked half of one account: everything that facts say, exact, and nothing else. It is what a snapshot holds.

Every field is rebuilt by folding facts (`core/book/fold/`); nobody else writes here. Lists that could grow for ever are pruned
by the fold itself, by time or count, so memory is bounded whatever the history (I15).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradingd.core.book.ledger import Position
from tradingd.core.book.lots import Lots
from tradingd.core.book.orders import Working
from tradingd.core.book.rebalances import Rebalance
from tradingd.core.facts import (
    Alerted,
    BreakerTripped,
    DayMeasured,
    Decided,
    DriftFound,
    EventNoted,
    FlattenBegun,
    ForeignSeen,
    Outcome,
    Reason,
    StateChanged,
    StopSet,
    TierChanged,
)  # fmt: skip
from tradingd.core.types import (
    AccountId,
    DecisionId,
    ExecId,
    Money,
    OrderId,
    Price,
    Qty,
    Side,
    Symbol,
    TierName,
    VenueOrderId,
)


class Seen(msgspec.Struct, array_like=True):
    """A recommendation that was decided, and how, kept while its twin could still be accepted and must be answered (E1)."""

    decision_id: DecisionId
    ts: int
    outcome: Outcome = Outcome.SKIP
    reasons: tuple[Reason, ...] = ()
    orders: tuple[OrderId, ...] = ()


class Sent(msgspec.Struct, array_like=True):
    """One order intended lately, for the throttles of R2. qty: of an entry that goes in parts, with the parts still to go."""

    ts: int
    symbol: Symbol
    side: Side
    qty: Decimal
    entry: bool
    decision_id: DecisionId = DecisionId("")


class ClosedTrade(msgspec.Struct, array_like=True):
    """One order that closed something, in however many executions (E14). entry: average price of what it closed.   exit: average
    price it got.   opened_ts: when the position was opened.   cause: the recommendation behind the entry, "" when unknown.
    pnl: account currency, fees apart."""

    ts: int
    symbol: Symbol
    pnl: Money
    order_id: OrderId = OrderId("")
    qty: Qty = Qty(Decimal(0))
    entry: float = 0.0
    exit: float = 0.0
    opened_ts: int = 0
    cause: str = ""
    micro: bool = False


class Tally(msgspec.Struct, array_like=True):
    """Closed trades counted since the account began (E14), however many of them are still kept. A trade that ended at nothing is
    neither won nor lost.   gross_profit, gross_loss: both >= 0, account currency, fees apart."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    gross_profit: Money = Money(Decimal(0))
    gross_loss: Money = Money(Decimal(0))

    @property
    def pnl(self) -> Money:
        """Won less lost."""
        return Money(self.gross_profit - self.gross_loss)

    def count(self, pnl: Money, n: int = 1) -> None:
        """One trade more (n = 1), or one taken back (n = -1) because its order went on to close more."""
        self.trades += n
        if pnl > 0:
            self.wins += n
            self.gross_profit = Money(self.gross_profit + n * pnl)
        elif pnl < 0:
            self.losses += n
            self.gross_loss = Money(self.gross_loss - n * pnl)


class Mark(msgspec.Struct, array_like=True):
    """The counts as they stood when a schedule last ran, so that the next one can say what came since."""

    ts: int
    refusals: dict[str, int]
    trips: int


class Plan(msgspec.Struct, array_like=True):
    """What an entry decision needs again when it fills, and why an exit was made when it closes."""

    source: str
    atr: float | None
    confidence: float | None
    orders: list[OrderId]
    distance: float | None = None  # from the price it stood on to its stop
    cause: str = ""  # the recommendation
    micro: bool = False


class Tranches(msgspec.Struct, array_like=True):
    """An entry that goes in parts (E10). left: quantities still to go, in order.   n: of the next one.   ts: when the last one was
    judged.   confidence, ref_price, stop: as the decision had them."""

    decision_id: DecisionId
    symbol: Symbol
    side: Side
    left: list[Qty]
    n: int
    ts: int
    confidence: float
    ref_price: float = 0.0
    stop: Price | None = None


class Micro(msgspec.Struct, array_like=True):
    """A position held by the rules of micro-trading (E15)."""

    decision_id: DecisionId
    opened_ts: int


class Notice(msgspec.Struct, array_like=True):
    """A notice that was dealt with, kept while it counts for a rate limit or a fold (E16)."""

    notice: str
    channel: str
    kind: str
    status: str
    ts: int
    level: str = ""


class Start(msgspec.Struct, array_like=True):
    ts: int
    clean: bool


class Booked(msgspec.Struct, kw_only=True):
    """One account by the word of its facts."""

    account: AccountId
    currency: str = "USD"
    cash: Money = Money(Decimal(0))
    deposits: Money = Money(Decimal(0))
    fees: Money = Money(Decimal(0))
    realised: Money = Money(Decimal(0))
    positions: dict[Symbol, Position] = {}
    lots: Lots = msgspec.field(default_factory=Lots)
    levels: dict[Symbol, StopSet] = {}
    orders: dict[OrderId, Working] = {}
    finished: list[OrderId] = []
    decision_seq: int = 0
    seen: dict[str, Seen] = {}
    plans: dict[DecisionId, Plan] = {}
    reserve: Money = Money(Decimal(0))
    tier: TierName = TierName.CONSERVATIVE
    high_water: Money = Money(Decimal(0))
    drawdown_max: float = 0.0
    day: str = ""
    day_open: Money = Money(Decimal(0))
    day_deposits: Money = Money(Decimal(0))  # all put in up to then
    day_is_open: bool = False
    day_loss_tripped: bool = False
    day_trades: list[str] = []
    days: list[str] = []
    trips: dict[str, BreakerTripped] = {}
    stop_outs: list[int] = []
    holds: dict[str, StateChanged] = {}
    drift: dict[Symbol, DriftFound] = {}
    flatten: dict[str, FlattenBegun] = {}
    link_up: bool = False
    link_broker: str = ""
    link_why: str = "not connected yet"
    link_ts: int = 0
    untradable: dict[Symbol, str] = {}
    rates: dict[str, Decimal] = {}
    actions: list[str] = []
    commands: dict[str, tuple[str, bool]] = {}
    foreign: dict[VenueOrderId, ForeignSeen] = {}
    fill_cursor: int = 0  # every fill up to here is booked
    fills_ahead: list[int] = []  # booked beyond a gap (out of order)
    strangers: list[ExecId] = []  # executions of others' orders, booked lately: not every venue numbers its fills
    rejects: dict[Symbol, int] = {}  # refused orders in a row
    exits_rejected: dict[Symbol, int] = {}  # refused closes of this position, none of it filled since
    exits_refused: dict[str, int] = {}  # "<symbol>:<source>" -> ts: nobody's refusal silences another's close
    trades: list[ClosedTrade] = []
    tally: Tally = msgspec.field(default_factory=Tally)
    micro_tally: Tally = msgspec.field(default_factory=Tally)
    tranches: dict[DecisionId, Tranches] = {}
    causes: dict[Symbol, str] = {}  # held symbol -> the recommendation behind the entry that opened it
    micro: dict[Symbol, Micro] = {}
    micro_day: str = ""  # the session whose micro-trades are counted
    micro_count: int = 0
    earnings: dict[Symbol, tuple[str, ...]] = {}
    events: dict[str, EventNoted] = {}  # not yet over
    schedules: dict[str, str] = {}  # name -> the occurrence that was last taken care of
    marks: dict[str, Mark] = {}
    rebalances: list[Rebalance] = []  # the last weeks, oldest first
    tier_history: list[TierChanged] = []
    measured: list[DayMeasured] = []  # the last days
    notices: list[Notice] = []
    dealt_with: dict[str, int] = {}  # channel -> every fact up to this journal number is dealt with
    sent: list[Sent] = []
    starts: list[Start] = []
    recent: list[Decided] = []
    alerts: list[Alerted] = []
    told: dict[str, int] = {}  # "<code>:<subject>" -> ts, of the last two days
    counts: dict[str, int] = {}
    refusals: dict[str, int] = {}
    last_ts: int = 0
    stopped: bool = True  # the last life ended in a clean stop (or there was none yet)
