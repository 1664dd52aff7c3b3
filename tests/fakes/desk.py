"""A desk in memory: plausible pages, commands remembered by id, and a switch for each thing that can be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from prometheus_client import CollectorRegistry

from tradingd.core.events import Command, MarketEvent, Recommendation
from tradingd.core.facts import Check, Decided, Kind, Outcome, Pools, Reason
from tradingd.core.types import (
    NS,
    AccountId,
    DecisionId,
    Money,
    OrderId,
    Price,
    Qty,
    Side,
    Symbol,
    TierName,
    TradingState,
)
from tradingd.core.views.lots import LotsView, LotView, PartView, TakenView, YearView
from tradingd.core.views.notices import ChannelView, NoticesView, NoticeView
from tradingd.core.views.page import (
    AccountView,
    BrokerView,
    HoldView,
    JournalView,
    LimitView,
    OrderView,
    Page,
    PositionView,
    SessionView,
    TripView,
)  # fmt: skip
from tradingd.core.views.rebalance import RebalanceView, SaleView, WeekView
from tradingd.shell.intake.schema import Decision, Told
from tradingd.shell.web.desk import LATEST, Answer, Probe, TestSaid

T0 = 1_795_017_600 * NS  # 2026-11-18 16:00 UTC, a Wednesday
SYMBOLS = (("AAPL", 231.4), ("MSFT", 418.2), ("NVDA", 142.85), ("JPM", 246.1), ("XOM", 119.33))


def decision(seq: int, *, act: bool, reason: Reason = Reason.HEAT) -> Decided:
    symbol, price = SYMBOLS[seq % len(SYMBOLS)]
    checks = (
        Check("duplicate", f"rec-{seq}", None, True),
        Check("confidence", 0.71, 0.6, True),
        Check("heat", 0.052 if act else 0.064, 0.06, act, None if act else reason, "loss at the stops"),
        Check("buying_power", None if not act else 48_210.5, None if not act else 12_000.0, True if act else None),
    )
    return Decided(
        ts=T0 + seq * NS, account=AccountId("demo"), decision_id=DecisionId(f"d{seq}"), seq=seq, kind=Kind.ENTRY,
        symbol=Symbol(symbol), side=Side.BUY, outcome=Outcome.ACT if act else Outcome.SKIP, source="strategy:trend",
        cause=f"rec-{seq}", headline=None if act else reason, reasons=() if act else (reason,), checks=checks,
        pools=Pools(equity=101_250.4, active=91_125.36, reserve=10_125.04, cash=48_210.5), tier=TierName.MODERATE, heat=0.052,
        breaker="armed", state=TradingState.ACTIVE, confidence=0.71, thesis="<b>Breakout</b> above the 20-day high",
        qty=Qty(Decimal(40)) if act else None, notional=Money(Decimal("9256.00")) if act else None, ref_price=price,
        stop=Price(Decimal(str(round(price * 0.97, 2)))), target=Price(Decimal(str(round(price * 1.06, 2)))), atr=3.2,
        orders=(OrderId(f"demo.{seq}.e"),) if act else (),
    )  # fmt: skip


def position(i: int, now: int, drift: float = 0.0) -> PositionView:
    symbol, price = SYMBOLS[i]
    mark = round(price * (1.004 - 0.003 * i) + drift, 2)
    qty = 40 - 5 * i
    return PositionView(
        symbol=symbol, qty=str(qty), avg_price=f"{price:.2f}", mark=mark, mark_ts=now - NS, value=mark * qty,
        unrealised=(mark - price) * qty, realised="0", sector="technology", stop=f"{price * 0.97:.2f}",
        target=f"{price * 1.06:.2f}", trailing=i == 1, protective=None if i == 2 else "working", drift="45" if i == 3 else None,
        confidence=0.71, opened_ts=T0,
    )  # fmt: skip


def working(i: int, now: int) -> OrderView:
    symbol, price = SYMBOLS[i]
    return OrderView(
        order_id=f"demo.{i}.p", decision_id=f"d{i}", symbol=symbol, side="sell", type="stop", tif="gtc", leg="p", qty="40",
        cum_qty="0", avg_price=None, limit=None, stop=f"{price * 0.97:.2f}", state="live", open=True, ts=T0, updated_ts=now,
        why="protective stop",
    )  # fmt: skip


def account(now: int, drift: float = 0.0, *, holds: tuple[HoldView, ...] = (), state: str = "active") -> AccountView:
    return AccountView(
        account="demo", currency="USD", state=state, holds=holds, tier="moderate",
        breaker=(TripView(kind="volatility", symbol="NVDA", threshold=0.05, actual=0.063, ts=now, until=now + 1500 * NS),),
        equity=101_250.4 + drift, active=91_125.36 + drift, reserve="10125.04", cash="48210.50", heat=0.052,
        day_pnl=1_250.4 + drift, day_pnl_ratio=0.0125, drawdown=0.004, realised="812.30", fees="18.40",
        broker=BrokerView(name="sim", up=True, why="", last_event_ts=now - NS, last_reconcile_ts=now - 8 * NS, unknown_orders=0),
        positions=tuple(position(i, now, drift) for i in range(4)), orders=tuple(working(i, now) for i in range(2)),
        decisions=tuple(decision(seq, act=seq % 3 == 0) for seq in range(12, 0, -1)),
        limits=(
            LimitView(name="heat", used=0.052, limit=0.06), LimitView(name="daily_loss", used=0.0, limit=0.03),
            LimitView(name="drawdown", used=0.004, limit=0.1), LimitView(name="open_positions", used=4, limit=10),
            LimitView(name="max_notional", used=9_256, limit=25_000),
        ),
        alerts=((now - 60 * NS, "tell", "breaker_tripped", "NVDA moved 6.3 %: no entries for 30 min"),),
        counts={"decisions": 12, "acted": 4, "refused": 8, "orders": 6, "fills": 4, "quotes": 48_210},
        refusals={"heat": 5, "stale_price": 3}, tax=tax(), rebalance=weekly(now),
    )  # fmt: skip


def page(seq: int = 1, *, mode: str = "demo", drift: float = 0.0, **kw: object) -> Page:
    now = T0 + seq * NS
    return Page(
        seq=seq, now=now, mode=mode, version="0.1.0", build="4f1c2d9", config="9be0aa1", started=T0 - 3600 * NS,
        session=SessionView(calendar="XNYS", open=True, in_window=True, next_window=None),
        journal=JournalView(seq=8123, durable=8123, head="b4b1d0c55e0f4c8e", segment="000003.log"),
        accounts=(account(now, drift, **kw),), notices=told(now), note="trading: 4 positions, next rebalance 20:45",  # type: ignore[arg-type]
    )  # fmt: skip


def empty_page() -> Page:
    bare = msgspec.structs.replace(
        account(T0), positions=(), orders=(), decisions=(), alerts=(), breaker=(), limits=(), counts={}, refusals={},
        tax=msgspec.structs.replace(tax(), lots=(), open_lots=0, closed=(), opened=0, parts=0, washed=0, years=()),
        rebalance=RebalanceView(enabled=True, next_due=T0 + 7200 * NS, weeks=()),
    )  # fmt: skip
    session = SessionView(calendar="XNYS", open=False, in_window=False, next_window=T0 + 7200 * NS)
    return msgspec.structs.replace(
        page(), accounts=(bare,), notices=None, session=session, note="waits for the session to open"
    )


def weekly(now: int) -> RebalanceView:
    """One week with a sale and a refusal, one with nothing to do."""
    sales = (
        SaleView(decision_id="d7", symbol="MSFT", qty="8", why="position 8.49% of the active pool, at most 8.00%", reasons=()),
        SaleView(decision_id="d8", symbol="AAPL", qty="0", why="sector technology 31.00% of the active pool, at most 30.00%",
                 reasons=("order_rate",)),
    )  # fmt: skip
    weeks = (
        WeekView(week="2026-W47", ts=now - 3600 * NS, done=True, sales=sales),
        WeekView(week="2026-W46", ts=now - 604_800 * NS, done=True, sales=()),
    )
    return RebalanceView(enabled=True, next_due=now + 4 * 86_400 * NS, weeks=weeks)


def told(now: int) -> NoticesView:
    """A page that nobody got, one that was delivered, one that waits, and something less that was folded."""

    def row(channel: str, event: str, level: str, status: str, notice: str) -> NoticeView:
        return NoticeView(
            ts=now - 60 * NS, account="demo", channel=channel, event=event, level=level, status=status, notice=notice
        )

    lost = row("sms", "position_drift", "page", "failed", "8101")
    latest = (
        row("mail", "disk_low", "page", "waiting", "8120"), lost, row("mail", "position_drift", "page", "dropped", "8101"),
        row("mail", "circuit_breaker_triggered", "page", "delivered", "8090"),
        row("mail", "daily_summary", "tell", "folded", "8080"), row("mail", "weekly_digest", "tell", "rate_limited", "8070"),
    )  # fmt: skip
    channels = (
        ChannelView(name="mail", waiting=1, kept_back=1, failing=False),
        ChannelView(name="sms", waiting=0, kept_back=0, failing=True),
    )  # fmt: skip
    return NoticesView(channels=channels, latest=latest, unheard=(lost,))


def tax() -> LotsView:
    """Two open lots, one of them with a wash sale's loss in it, and the part that lost it."""

    def lot(symbol: str, qty: str, basis: str, wash: str = "0", unrealised: float | None = None) -> LotView:
        return LotView(
            lot=f"x-{symbol}", symbol=symbol, side="long", qty=qty, opened_qty=qty, basis=basis, wash=wash, opened_ts=T0,
            acquired_ts=T0, adopted=False, unrealised=unrealised,
        )  # fmt: skip

    years = (YearView(year=2026, realised="-120.50", disallowed="20.50", counts="-100.00"),)
    lots = (lot("AAPL", "40", "9256.00", unrealised=31.5), lot("MSFT", "5", "2091.00", "20.50", -12.25))
    part = PartView(
        lot="x-old", symbol="MSFT", side="long", qty="5", basis="2191.00", proceeds="2070.50", realised="-120.50",
        disallowed="20.50",
        taken=(TakenView(lot="x-MSFT", qty="5", amount="20.50"),), open_qty="0", open_until=None, opened_ts=T0 - 400 * 86_400 * NS,
        acquired_ts=T0 - 400 * 86_400 * NS, closed_ts=T0, adopted=False, term="long",
    )  # fmt: skip
    return LotsView(
        account="demo",
        currency="USD",
        lots=lots,
        closed=(part,),
        years=years,
        open_lots=45,
        opened=4,
        parts=1,
        washed=1,
    )


class FakeCounter:
    """Every idea is decided at once by the one account; fails: what `take` raises."""

    def __init__(self) -> None:
        self.taken: list[Recommendation] = []
        self.events: list[MarketEvent] = []
        self.told: dict[str, Told] = {}
        self.fails: Exception | None = None
        self.pending = False

    async def take(self, offered: Sequence[Recommendation]) -> Sequence[Told]:
        if self.fails is not None:
            raise self.fails
        self.taken.extend(offered)
        for rec in offered:
            made = Decision(
                account=AccountId("demo"), decision_id=DecisionId(f"d{len(self.told) + 1}"), outcome=Outcome.SKIP,
                headline=Reason.HEAT, reasons=(Reason.HEAT,), orders=(), ts=T0,
            )  # fmt: skip
            status = "pending" if self.pending else "decided"
            self.told[rec.id] = Told(
                id=rec.id, status=status, source=rec.source, decisions=() if self.pending else (made,)
            )
        return [self.told[rec.id] for rec in offered]

    async def find(self, source: str, ident: str) -> Told | None:
        told = self.told.get(ident)
        return told if told is not None and told.source == source else None

    async def happened(self, event: MarketEvent) -> Answer:
        self.events.append(event)
        return Answer(command_id=event.id, verb="event", refused=False, text="noted", accounts=("demo",))


class FakeDesk:
    """Implements Desk."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counter = FakeCounter()
        self.current = page()
        self.tax = tax()
        self.living = True
        self.checks: list[Probe] = [Probe("journal", True), Probe("broker:sim", True, "reconciled")]
        self.commands: list[Command] = []
        self.answers: dict[str, Answer] = {}
        self.refuse = False
        self.hang = False
        self.stopped: str | None = None
        self._turn = asyncio.Condition()

    def page(self) -> Page:
        return self.current

    async def show(self, new: Page) -> None:
        async with self._turn:
            self.current = new
            self._turn.notify_all()

    def alive(self) -> bool:
        return self.living

    def probes(self) -> Sequence[Probe]:
        return self.checks

    async def changed(self, since: int, timeout_s: float) -> Page:
        async with self._turn:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._turn.wait_for(lambda: self.current.seq > since)
            except TimeoutError:
                pass
        return self.current

    async def command(self, command: Command) -> Answer:
        if self.hang:
            await asyncio.Event().wait()
        if command.id not in self.answers:
            self.commands.append(command)
            self.answers[command.id] = Answer(
                command_id=command.id, verb=command.verb, refused=self.refuse, text="done", accounts=("demo",)
            )
        return self.answers[command.id]

    def decisions(
        self,
        *,
        symbol: str | None,
        outcome: str | None,
        limit: int,
        before: int | None,
        since: int = 0,
        until: int = LATEST,
    ) -> Sequence[Decided]:
        found = [
            d
            for d in self.current.accounts[0].decisions
            if symbol in {None, d.symbol}
            and outcome in {None, d.outcome}
            and (before is None or d.seq < before)
            and since <= d.ts < until
        ]
        return found[:limit]

    def lots(self, *, symbol: str | None) -> Sequence[LotsView]:
        return [msgspec.structs.replace(self.tax, lots=tuple(v for v in self.tax.lots if symbol in {None, v.symbol}))]

    def now(self) -> int:
        return self.current.now

    def config_text(self) -> str:
        return "[web]\nport = 0\n"

    async def reload(self, actor: str) -> Answer:
        return Answer(command_id="", verb="reload", refused=False, text=f"nothing changed, says {actor}")

    async def tell_test(self, channel: str | None, actor: str) -> Sequence[TestSaid]:
        found = {
            "mail": TestSaid(channel="mail", status="delivered"),
            "sms": TestSaid(channel="sms", status="failed", error="x"),
        }
        return [said for name, said in found.items() if channel in (None, name)]

    def shutdown(self, reason: str) -> None:
        self.stopped = reason
