"""The metrics: one registry, plain methods for what happens, and gauges set from the page at each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from tradingd.core.facts import Measures
from tradingd.core.types import NS, TradingState
from tradingd.core.views.page import AccountView, Page, PositionView

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FSYNC_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
DECISION_BUCKETS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1)


class Metrics:
    """Names follow FEATURES 5.6 (base units, `_total`, no unbounded labels) and, for those who have dashboards, S1 (P2).

    Labels are words from our own enums, names from the configuration, and nothing a venue or caller can invent: an account, a
    broker, an outcome, a reason, a limit. Counters count since this process started and never decrease.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._children: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        self._make_events(registry)
        self._make_times(registry)
        self._make_gauges(registry)

    def _make_events(self, r: CollectorRegistry) -> None:
        self._decisions = Counter("tradingd_decisions", "Decisions by outcome", ["outcome"], registry=r)
        self._denials = Counter("tradingd_denials", "Refused decisions by reason", ["code"], registry=r)
        self._orders = Counter("tradingd_orders", "Orders by broker and outcome", ["broker", "outcome"], registry=r)
        self._orders_s1 = Counter("trading_orders", "Orders sent", registry=r)
        self._fills = Counter("tradingd_fills", "Executions booked", registry=r)
        self._ticks = Counter("tradingd_ticks", "Quotes believed", registry=r)
        self._quarantined = Counter(
            "tradingd_ticks_quarantined", "Quotes not believed: crossed, stale, absurd ...", registry=r
        )
        self._quotes_seen: dict[str, int] = {}
        self._bad_seen: dict[str, int] = {}
        self._reconnects = Counter("tradingd_broker_reconnects", "Lost links by broker", ["broker"], registry=r)
        self._mismatches = Counter("tradingd_reconcile_mismatches", "Anomalies by kind", ["kind"], registry=r)
        self._notices = Counter(
            "tradingd_notices", "Notices by channel and what became of them", ["channel", "status"], registry=r
        )
        self._journal = Counter("tradingd_journal_bytes", "Bytes appended to the journal", registry=r)
        self._tape = Counter(
            "tradingd_tape_entries", "Entries of the tape: kept, or lost in a gap", ["what"], registry=r
        )
        self._tape_seen: dict[str, int] = {}
        self._stalls = Counter("tradingd_loop_stalls", "Event loop stalls", ["level"], registry=r)
        self._wrong_tokens = Counter("tradingd_web_wrong_tokens", "Requests with a wrong token", registry=r)

    def _make_times(self, r: CollectorRegistry) -> None:
        self._ack = Histogram(
            "tradingd_order_ack_seconds", "Sent until the venue's first word", buckets=ACK_BUCKETS, registry=r
        )
        self._latency_s1 = Histogram(
            "trading_order_latency_ms", "As tradingd_order_ack_seconds, in milliseconds",
            buckets=tuple(b * 1000 for b in ACK_BUCKETS), registry=r,
        )  # fmt: skip
        self._fsync = Histogram(
            "tradingd_journal_fsync_seconds", "One group commit of the journal", buckets=FSYNC_BUCKETS, registry=r
        )
        self._decide = Histogram(
            "tradingd_decision_seconds", "One event through the core", buckets=DECISION_BUCKETS, registry=r
        )

    def _make_gauges(self, r: CollectorRegistry) -> None:
        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(name, text, tuple(labels), registry=r)

        by = ("account", "currency")
        self._build = Info("tradingd_build", "What runs", registry=r)
        self._mode = Info("tradingd_mode", "demo, paper or live", registry=r)
        self._state = gauge("tradingd_trading_state", "1 for the state an account is in", ("account", "state"))
        self._broker_up = gauge("tradingd_broker_up", "1 when linked and reconciled", ("broker",))
        self._silence = gauge(
            "tradingd_broker_stream_silence_seconds", "Since the last word of the broker", ("broker",)
        )
        self._unknown = gauge("tradingd_orders_unknown", "Orders whose outcome is not proven: must be 0")
        self._unprotected = gauge("tradingd_unprotected_positions", "Positions without a stop at the venue")
        self._tick_age = gauge("tradingd_tick_age_seconds", "Age of the oldest mark of a held position")
        self._lag = gauge("tradingd_loop_lag_seconds", "Longest lag of the event loop since the last scrape")
        self._headroom = gauge("tradingd_limit_headroom_ratio", "Share of a limit that is left", ("account", "limit"))
        self._drawdown = gauge("tradingd_drawdown_ratio", "Below the highest closing equity", ("account",))
        self._equity = gauge("tradingd_equity", "Active and reserve", by)
        self._reserve = gauge("tradingd_reserve", "Reserve pool", by)
        self._risk = gauge("tradingd_risk_open", "Heat: loss at the stops as a share of equity", ("account",))
        self._parity = gauge("tradingd_parity_equal", "1 when the last replay of the tape gave the journal's facts")
        self._parity.set(nan)  # nothing was compared yet
        self._pending = gauge("tradingd_outbox_pending", "Facts that are not durable yet")
        self._positions = gauge("trading_positions_count", "Open positions")
        self._power = gauge("trading_buying_power", "Cash of the active pool", by)
        self._trades = gauge("tradingd_trades_closed", "Closed trades", ("account", "kind", "result"))
        self._win_rate = gauge("tradingd_win_rate_ratio", "Wins among closed trades", ("account",))
        self._factor = gauge("tradingd_profit_factor_ratio", "Gross profit over gross loss", ("account",))
        self._sharpe = gauge("tradingd_sharpe_ratio", "Annualised, of the last daily returns", ("account",))
        self._worst = gauge("tradingd_drawdown_max_ratio", "Largest drawdown so far", ("account",))
        self._daily = gauge("trading_daily_pnl", "Profit or loss since the session opened", by)

    def _of(self, counter: Counter, *labels: str) -> Counter:
        """The counter of these labels, kept at hand: they are few, and finding it costs more than counting."""
        found = self._children.get((counter, labels))
        if found is None:
            found = self._children[counter, labels] = counter.labels(*labels)
        return found

    # what happens -------------------------------------------------------------------------------------------------------

    def decided(self, outcome: str, reason: str | None) -> None:
        """One decision: outcome act or skip; reason: its headline when refused."""
        self._of(self._decisions, outcome).inc()
        if reason is not None:
            self._of(self._denials, reason).inc()

    def order(self, broker: str, outcome: str) -> None:
        """An order took its last step, or was sent. outcome: sent, filled, cancelled, rejected, expired, unknown, never."""
        self._of(self._orders, broker, outcome).inc()
        if outcome == "sent":
            self._orders_s1.inc()

    def fill(self) -> None:
        self._fills.inc()

    def reconnect(self, broker: str) -> None:
        self._of(self._reconnects, broker).inc()

    def mismatch(self, kind: str) -> None:
        self._of(self._mismatches, kind).inc()

    def notice(self, channel: str, status: str) -> None:
        """status: delivered, failed, rate_limited, folded, dropped."""
        self._of(self._notices, channel, status).inc()

    def journaled(self, nbytes: int) -> None:
        self._journal.inc(nbytes)

    def stalled(self, level: str) -> None:
        """level: warn (above 0.1 s) or alert (above 1 s)."""
        self._of(self._stalls, level).inc()

    def wrong_token(self) -> None:
        self._wrong_tokens.inc()

    def ack_seconds(self, seconds: float) -> None:
        self._ack.observe(seconds)
        self._latency_s1.observe(seconds * 1000)

    def fsync_seconds(self, seconds: float) -> None:
        self._fsync.observe(seconds)

    def decision_seconds(self, seconds: float) -> None:
        self._decide.observe(seconds)

    def taped(self, what: str, total: int) -> None:
        """what: kept or lost; total: since this process started."""
        self._of(self._tape, what).inc(max(0, total - self._tape_seen.get(what, 0)))
        self._tape_seen[what] = total

    def parity(self, *, equal: bool) -> None:
        """What the last check of the tape against the journal found."""
        self._parity.set(equal)

    def loop_lag(self, seconds: float) -> None:
        self._lag.set(seconds)

    # what is ------------------------------------------------------------------------------------------------------------

    def scrape(self, page: Page) -> None:
        """Set the gauges from the page; labels that the page no longer has disappear."""
        for gauge in (self._state, self._broker_up, self._silence, self._headroom, self._drawdown, self._equity,
                      self._reserve, self._risk, self._power, self._daily, self._trades, self._win_rate,
                      self._factor, self._sharpe, self._worst):  # fmt: skip
            gauge.clear()
        self._build.info({"version": page.version, "build": page.build, "config": page.config})
        self._mode.info({"mode": page.mode})
        self._pending.set(max(0, page.journal.seq - page.journal.durable))
        held = [p for account in page.accounts for p in account.positions]
        self._positions.set(len(held))
        self._unprotected.set(len([p for p in held if p.protective is None]))
        self._count_quotes(page)
        self._unknown.set(sum(account.broker.unknown_orders for account in page.accounts))
        self._tick_age.set(_oldest(held, page.now))
        for account in page.accounts:
            self._account(account, page.now)

    def _count_quotes(self, page: Page) -> None:
        """Quotes are counted by the books, not one by one: nothing is added to their path."""
        seen = {a.account: a.counts.get("quotes", 0) for a in page.accounts}
        bad = {a.account: a.counts.get("quarantined", 0) for a in page.accounts}
        for account, n in seen.items():
            self._ticks.inc(max(0, n - self._quotes_seen.get(account, 0)))
            self._quarantined.inc(max(0, bad[account] - self._bad_seen.get(account, 0)))
        self._quotes_seen, self._bad_seen = seen, bad

    def _account(self, a: AccountView, now: int) -> None:
        for state in TradingState:
            self._state.labels(a.account, state.value).set(a.state == state.value)
        self._broker_up.labels(a.broker.name).set(a.broker.up)
        if a.broker.last_event_ts is not None:
            self._silence.labels(a.broker.name).set(_seconds(now, a.broker.last_event_ts))
        for limit in a.limits:
            left = 1 - limit.used / limit.limit if limit.limit else 0.0
            self._headroom.labels(a.account, limit.name).set(left)
        self._drawdown.labels(a.account).set(a.drawdown)
        self._risk.labels(a.account).set(a.heat)
        self._equity.labels(a.account, a.currency).set(a.equity)
        self._reserve.labels(a.account, a.currency).set(float(a.reserve))
        self._power.labels(a.account, a.currency).set(float(a.cash) - float(a.reserve))
        self._daily.labels(a.account, a.currency).set(a.day_pnl)
        if a.measures is not None:
            self._measures(a.account, a.measures)

    def _measures(self, account: str, m: Measures) -> None:
        """A figure that there is too little to say of has no sample."""
        for kind, result, n in (
            ("standard", "win", m.wins), ("standard", "loss", m.losses), ("standard", "even", m.trades - m.wins - m.losses),
            ("micro", "win", m.micro_wins), ("micro", "other", m.micro_trades - m.micro_wins),
        ):  # fmt: skip
            self._trades.labels(account, kind, result).set(n)
        self._worst.labels(account).set(m.max_drawdown)
        for gauge, value in ((self._win_rate, m.win_rate), (self._factor, m.profit_factor), (self._sharpe, m.sharpe)):
            if value is not None:
                gauge.labels(account).set(value)


def _oldest(held: list[PositionView], now: int) -> float:
    return max((_seconds(now, p.mark_ts) for p in held if p.mark_ts is not None), default=0.0)


def _seconds(now: int, then: int) -> float:
    return max(0.0, (now - then) / NS)
