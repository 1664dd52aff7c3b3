"""What an operator sees, as finished values: web and CLI render these and never hold a book."""

from __future__ import annotations

from tradingd.core.facts import Decided, Measures, TierChanged
from tradingd.core.gates.tiers import Tier
from tradingd.core.views.lots import LotsView
from tradingd.core.views.notices import NoticesView
from tradingd.core.views.rebalance import RebalanceView
from tradingd.core.views.view import View


class HoldView(View):
    """One hold on trading: who put it on, why, until when (ns, None = until lifted)."""

    key: str
    verb: str
    state: str
    actor: str
    reason: str
    ts: int
    until: int | None = None


class TripView(View):
    kind: str
    symbol: str | None
    threshold: float
    actual: float
    ts: int
    until: int


class PositionView(View):
    symbol: str
    qty: str  # signed
    avg_price: str
    mark: float | None
    mark_ts: int | None
    value: float
    unrealised: float
    realised: str
    sector: str
    stop: str | None
    target: str | None
    trailing: bool
    protective: str | None  # state of the stop resting at the venue, None when there is none
    drift: str | None  # the venue's quantity where it is not ours
    confidence: float | None
    opened_ts: int
    micro: bool = False  # by the rules of micro-trading


class OrderView(View):
    order_id: str
    decision_id: str
    symbol: str
    side: str
    type: str
    tif: str
    leg: str
    qty: str
    cum_qty: str
    avg_price: str | None
    limit: str | None
    stop: str | None
    state: str
    open: bool
    ts: int
    updated_ts: int
    why: str


class LimitView(View):
    """One limit with what is used of it; `used` and `limit` in the unit of the name (ratio or count or money)."""

    name: str
    used: float
    limit: float


class BrokerView(View):
    name: str
    up: bool
    why: str
    last_event_ts: int | None
    last_reconcile_ts: int | None
    unknown_orders: int


class TierView(View):
    """The risk tier with its numbers, and what the next evaluation would judge it by (shares 0..1; win_rate: None without standard
    trades in the last 30 days).   since: ns, 0 from the beginning.   history: latest first."""

    name: str
    since: int
    numbers: Tier
    win_rate: float | None
    drawdown: float
    reserve_share: float
    history: tuple[TierChanged, ...]


class AccountView(View):
    account: str
    currency: str
    state: str  # the strictest of holds, breaker and link: active, reducing, halted, locked
    holds: tuple[HoldView, ...]
    tier: str
    breaker: tuple[TripView, ...]
    equity: float
    active: float
    reserve: str
    cash: str
    heat: float
    day_pnl: float
    day_pnl_ratio: float
    drawdown: float
    realised: str
    fees: str
    broker: BrokerView
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]  # working first, then the latest finished
    decisions: tuple[Decided, ...]  # latest first
    limits: tuple[LimitView, ...]
    alerts: tuple[tuple[int, str, str, str], ...]  # ts, level, code, text; latest first
    counts: dict[
        str, int
    ]  # decisions, acted, refused, orders, fills, stop_outs, breaker_trips, quotes, quarantined, ...
    refusals: dict[str, int]  # reason -> count
    measures: Measures | None = None  # as of measured_ts
    measured_ts: int = 0
    risk_tier: TierView | None = None
    tax: LotsView | None = None  # the oldest open lots of each symbol, the latest closed parts
    rebalance: RebalanceView | None = None


class SessionView(View):
    """Where the exchange calendar stands now; times in ns."""

    calendar: str
    open: bool
    in_window: bool
    next_window: int | None


class JournalView(View):
    seq: int
    durable: int
    head: str
    segment: str


class Page(View):
    """Everything. now: the house's wall clock (the replay's in a replay), ns. seq rises with each change.
    notices: None when no channel is configured."""

    seq: int
    now: int
    mode: str  # demo, paper, live
    version: str
    build: str
    config: str
    started: int
    session: SessionView | None
    journal: JournalView
    accounts: tuple[AccountView, ...]
    notices: NoticesView | None = None
    note: str = ""  # one line on what the house is doing now, or waits for
