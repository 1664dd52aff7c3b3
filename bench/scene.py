"""The account the benchmarks trade with: twenty instruments, ten of them held with stop, target and a stop resting at the venue.

Everything goes through `tradingd.core.pipeline.step`, as in the daemon; the venue's answers are played here, at once. Times lie in
real sessions of 2008, so windows, calendars and days are the real ones.
"""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal

from tradingd.app import rules_of, strategies_of
from tradingd.config import load_text
from tradingd.core.book.book import Book
from tradingd.core.events import (
    AccountSeen,
    Action,
    Bar,
    Event,
    FillSeen,
    LinkUp,
    OrderAccepted,
    OrderCancelled,
    OrderReplaced,
    Quote,
    Recommendation,
    Reconciled,
    Started,
    Timer,
)  # fmt: skip
from tradingd.core.facts import AnyFact, CancelIntended, OrderIntended, ReplaceIntended
from tradingd.core.gates.window import Session, SessionTable
from tradingd.core.pipeline import step
from tradingd.core.rules import Rules
from tradingd.core.types import (
    NS,
    AccountId,
    ExecId,
    Instrument,
    Money,
    Order,
    OrderType,
    Price,
    Qty,
    Symbol,
    VenueOrderId,
)

ACCOUNT = AccountId("bench")
CAPITAL = Money(Decimal(100_000_000))  # so much that ten thousand small losses trip nothing
SYMBOLS = [Symbol(f"S{i:02d}") for i in range(20)]
HELD = SYMBOLS[:10]
MID = {symbol: 40.0 + 7.0 * i for i, symbol in enumerate(SYMBOLS)}
HALF_SPREAD = 0.01
FIRST_DAY = "2008-06-02"
PAUSE = 20 * NS  # between two rounds of trading
DAY = 86_400 * NS
CONFIG = """
mode = "demo"
[tier]
name = "moderate"
[accounts.bench]
broker = "sim"
[breaker]
stop_outs = 1000
[risk]
max_order_notional = "25000 USD"
[entry]
tranches = 1                 # what is measured is one decision and one order
[rebalance]
max_positions = 20
"""


ALL_ON = (
    CONFIG
    + """
[strategies.trend]
[strategies.reversion]
[micro]
enabled = true
"""
)


class Scene:
    """One account and its venue. now: ns; it only rises.   told: every fact there was, when asked for.   held: what it begins with.
    days: of daily bars seen before.   wobble: share by which their closes differ from day to day, each symbol its own way."""

    def __init__(
        self,
        *,
        told: bool = False,
        config: str = CONFIG,
        held: Sequence[Symbol] = HELD,
        days: int = 20,
        wobble: float = 0.0,
    ) -> None:
        self.rules: Rules = rules(config)
        self.held = held
        self._days, self._wobble = days, wobble
        self.book = Book(ACCOUNT)
        self.session: Session = _session(self.table, FIRST_DAY)
        self.now = self.session.open_ns + 20 * 60 * NS
        self.told: list[AnyFact] = []
        self._telling = told
        self._number = 0
        self._filled = 0
        self._open()

    @property
    def table(self) -> SessionTable:
        return next(iter(self.rules.calendars.values()))

    def _open(self) -> None:
        for symbol in SYMBOLS:
            instrument = Instrument(symbol=symbol, sector=f"sector {symbol}")
            self.rules.instruments[symbol] = instrument
            self.book.watch(instrument, band=self.rules.quotes.band, atr_bars=self.rules.quotes.atr_bars)
        for event in (
            Started(ts=self.now, mode="demo", build="0", config="0", clean=True),
            LinkUp(ts=self.now, account=ACCOUNT, broker="sim"),
            AccountSeen(ts=self.now, account=ACCOUNT, cash=CAPITAL, equity=CAPITAL),
            Reconciled(ts=self.now, account=ACCOUNT, orders=0, fills=0),
            Timer(ts=self.now),
        ):
            self.take(event)
        rng = random.Random(3)
        for n in range(self._days):
            for symbol in SYMBOLS:
                close = MID[symbol] * (1 + rng.uniform(-self._wobble, self._wobble))
                self.take(_bar(symbol, self.now - (self._days - n) * DAY, close))
        for symbol in SYMBOLS:
            self.take(self.quote(symbol))
        for symbol in self.held:
            self.enter(symbol)

    # what happens -----------------------------------------------------------------------------------------------------

    def quote(self, symbol: Symbol, mid: float | None = None) -> Quote:
        mid = MID[symbol] if mid is None else mid
        self.now += 1_000_000
        return Quote(symbol, mid - HALF_SPREAD, mid + HALF_SPREAD, self.now)

    def idea(self, symbol: Symbol) -> Recommendation:
        self._number += 1
        return Recommendation(
            ts=self.now, id=f"r{self._number}", symbol=symbol, action=Action.BUY, confidence=0.8, generated_at=self.now,
            thesis="a thesis of the length that a strategy of this house writes, with two figures: 1.25 over 0.75",
        )  # fmt: skip

    def take(self, event: Event) -> tuple[AnyFact, ...]:
        """One event, and the venue's answers to what it caused."""
        facts = step(self.book, event, self.rules)
        self.answer(facts)
        return facts

    def answer(self, facts: tuple[AnyFact, ...]) -> None:
        """Play the venue: market and limit orders fill at once, stops rest, cancels and amends are taken."""
        if self._telling:
            self.told.extend(facts)
        for event in [event for fact in facts for event in self._answers(fact)]:
            self.answer(step(self.book, event, self.rules))

    def _answers(self, fact: AnyFact) -> Iterator[Event]:
        match fact:
            case OrderIntended(order=order):
                yield OrderAccepted(
                    ts=self.now,
                    account=ACCOUNT,
                    order_id=order.order_id,
                    venue_order_id=VenueOrderId(f"v{order.order_id}"),
                )
                if order.type is not OrderType.STOP:
                    yield self._fill(order)
            case CancelIntended(order_id=order_id):
                yield OrderCancelled(ts=self.now, account=ACCOUNT, order_id=order_id, cum_qty=Qty(Decimal(0)))
            case ReplaceIntended():
                yield OrderReplaced(
                    ts=self.now, account=ACCOUNT, order_id=fact.order_id, rev=fact.rev, qty=fact.qty, limit=fact.limit,
                    stop=fact.stop,
                )  # fmt: skip

    def _fill(self, order: Order) -> FillSeen:
        self._filled += 1
        return FillSeen(
            ts=self.now, account=ACCOUNT, order_id=order.order_id, exec_id=ExecId(f"x{self._filled}"), symbol=order.symbol,
            side=order.side, qty=order.qty, price=Price(Decimal(f"{order.ref_price:.2f}")), fee=Money(Decimal("0.35")),
            cursor=self._filled,
        )  # fmt: skip

    # rounds -----------------------------------------------------------------------------------------------------------

    def enter(self, symbol: Symbol) -> None:
        """A quote and an idea that ends in a position with a stop resting at the venue."""
        self.take(self.quote(symbol))
        self.take(self.idea(symbol))
        assert self.book.qty(symbol) > 0, self.book.booked.recent[-1].reasons

    def to_the_stop(self, symbol: Symbol) -> Quote:
        """The quote that will fire the stop: one before it has stood beyond the stop for longer than the venue's grace."""
        mid = float(self.book.booked.levels[symbol].stop) - 0.02
        assert self.take(self.quote(symbol, mid)) == ()
        self.now += int(self.rules.quotes.breach_grace_s * NS)
        return self.quote(symbol, mid)

    def pause(self) -> None:
        """Time goes on; after the window the next session begins."""
        self.now += PAUSE
        if self.now > self.session.close_ns - 20 * 60 * NS:
            self.take(Timer(ts=self.session.close_ns + 1))
            following = self.table.next_after(self.now)
            assert following is not None
            self.session = following
            self.now = following.open_ns + 20 * 60 * NS
            self.take(Timer(ts=self.now))

    def round(self, symbol: Symbol) -> None:
        """In and out again by the stop."""
        self.enter(symbol)
        self.take(self.to_the_stop(symbol))
        assert not self.book.qty(symbol)
        self.pause()


def quotes(scene: Scene, n: int, seed: int = 7) -> list[Quote]:
    """n quotes over the held instruments, each a small step that stays between stop and trailing trigger."""
    rng = random.Random(seed)
    now, mids, found = scene.now, {symbol: MID[symbol] for symbol in scene.held}, []
    for i in range(n):
        symbol = scene.held[i % len(scene.held)]
        near = MID[symbol]
        mid = mids[symbol] = round(mids[symbol] + rng.uniform(-0.02, 0.02) + 0.05 * (near - mids[symbol]), 3)
        now += 1_000_000
        found.append(Quote(symbol, mid - HALF_SPREAD, mid + HALF_SPREAD, now, seq=i + 1))
    return found


def rules(text: str = CONFIG) -> Rules:
    """Of an account in the moderate tier, its limits as they come."""
    config = load_text(text).config
    (account,) = config.accounts.values()
    return rules_of(config, account, strategies_of(config))


def _session(table: SessionTable, day: str) -> Session:
    session = table.session(day)
    assert session is not None
    return session


def _bar(symbol: Symbol, ts: int, mid: float) -> Bar:
    return Bar(
        ts=ts,
        symbol=symbol,
        span_s=86_400,
        open=mid,
        high=mid * 1.01,
        low=mid * 0.99,
        close=mid,
        volume=1e6,
        history=True,
    )
