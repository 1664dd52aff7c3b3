"""A small world for tests of the core: rules with defaults, one book, and a venue's words in the fewest letters.

Everything goes through `pipeline.step`; nothing of the core is replaced. All facts ever made are kept, so that a test can fold
them again. Times are ns; `World.now` is the time the next event will bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.orders import Working
from tradingd.core.events import (
    AccountSeen,
    Action,
    Bar,
    Command,
    Event,
    FillSeen,
    LinkLost,
    LinkUp,
    OrderAccepted,
    OrderCancelled,
    OrderNever,
    OrderRejected,
    OrderUnknown,
    PositionsSeen,
    Quote,
    Recommendation,
    Reconciled,
    Started,
    Timer,
    Verb,
)  # fmt: skip
from tradingd.core.facts import AnyFact, Decided
from tradingd.core.gates.breaker import BreakerSettings
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.intake import IntakeSettings
from tradingd.core.gates.reserve import ReserveSettings
from tradingd.core.gates.sizer import SizerSettings
from tradingd.core.gates.stops import StopSettings
from tradingd.core.gates.tiers import TierSettings
from tradingd.core.gates.window import SessionTable, WindowSettings
from tradingd.core.pipeline import step
from tradingd.core.rules import EntrySettings, QuoteSettings, Rules
from tradingd.core.types import (
    NS,
    AccountId,
    ExecId,
    Instrument,
    Leg,
    Money,
    OrderId,
    Price,
    Qty,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip
from tradingd.shell.identity import session_table

D = Decimal
F = TypeVar("F")
ACCOUNT = AccountId("a1")
ACME, BOLT, CORN, EURO = Symbol("ACME"), Symbol("BOLT"), Symbol("CORN"), Symbol("EURO")
INSTRUMENTS = {
    ACME: Instrument(symbol=ACME, sector="tech"),
    BOLT: Instrument(symbol=BOLT, sector="energy"),
    CORN: Instrument(symbol=CORN, sector="food"),
    EURO: Instrument(symbol=EURO, sector="europe", currency="EUR"),
}
MINUTE = 60 * NS
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def at(text: str) -> int:
    """ns of an ISO time in UTC: "2008-10-06T14:35"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


T0 = at("2008-10-06T14:35")  # a Monday, 65 minutes after the open


@cache
def calendar() -> SessionTable:
    return session_table("XNYS")


def make_rules(**changes: Any) -> Rules:
    """Rules with every default, reserve and breaker included; but an entry goes whole unless a test says otherwise."""
    plain: dict[str, Any] = {
        "mode": "paper", "instruments": INSTRUMENTS, "calendars": {"XNYS": calendar()}, "gate": GateSettings(),
        "sizer": SizerSettings(), "stops": StopSettings(), "reserve": ReserveSettings(), "breaker": BreakerSettings(),
        "window": WindowSettings(), "intake": IntakeSettings(), "tier": TierSettings(), "entry": EntrySettings(tranches=1),
        "quotes": QuoteSettings(),
    }  # fmt: skip
    return Rules(**{**plain, **changes})


class World:
    """One account. cash: opening balance.   atr: daily range of every instrument.   price: first middle of every instrument.
    ready=False: a book that has seen nothing yet."""

    def __init__(
        self, *, cash: str = "100000", atr: float = 2.0, price: float = 100.0, ready: bool = True, rules: Rules | None = None,
        **changes: Any,
    ) -> None:  # fmt: skip
        self.rules = rules or make_rules(**changes)
        self.book = Book(ACCOUNT)
        self.now = T0
        self.facts: list[AnyFact] = []
        self.last: tuple[AnyFact, ...] = ()
        self.cursor = 0
        self._ids = 0
        self.mids: dict[Symbol, float] = {}
        for instrument in self.rules.instruments.values():
            q = self.rules.quotes
            self.book.watch(instrument, band=q.band, atr_bars=q.atr_bars)
        if ready:
            self.bars(atr=atr, price=price)
            self.start()
            self.connect(cash)
            for symbol in self.rules.instruments:
                self.quote(symbol, price)
            self.timer()

    # events -----------------------------------------------------------------------------------------------------------

    def step(self, event: Event) -> tuple[AnyFact, ...]:
        self.last = step(self.book, event, self.rules)
        self.facts.extend(self.last)
        return self.last

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * NS)

    def start(self, *, clean: bool = True) -> tuple[AnyFact, ...]:
        return self.step(Started(ts=self.now, mode="paper", build="b", config="c", clean=clean))

    def connect(self, cash: str = "100000") -> None:
        self.step(LinkUp(ts=self.now, account=ACCOUNT, broker="sim"))
        self.step(AccountSeen(ts=self.now, account=ACCOUNT, cash=Money(D(cash)), equity=Money(D(cash))))
        self.reconcile()

    def reconcile(self) -> tuple[AnyFact, ...]:
        return self.step(Reconciled(ts=self.now, account=ACCOUNT, orders=0, fills=0))

    def disconnect(self) -> tuple[AnyFact, ...]:
        return self.step(LinkLost(ts=self.now, account=ACCOUNT, broker="sim", why="cut"))

    def bars(self, *, atr: float = 2.0, price: float = 100.0, n: int = 20) -> None:
        for symbol in self.rules.instruments:
            for i in range(n):
                self.step(
                    Bar(
                        ts=T0 - (n - i) * DAY, symbol=symbol, span_s=86_400, open=price, high=price + atr / 2,
                        low=price - atr / 2, close=price, history=True,
                    )
                )  # fmt: skip

    def learn(self, symbol: Symbol, closes: Sequence[float], *, atr: float = 2.0) -> None:
        """These daily closes, the last of yesterday, instead of what was known of the symbol's past; its range stays as it was."""
        market, n = self.book.markets[symbol], len(closes)
        market.bars.clear()
        for i, close in enumerate(closes):
            self.step(
                Bar(
                    ts=T0 - (n - i) * DAY, symbol=symbol, span_s=86_400, open=close, high=close * 1.01, low=close * 0.99,
                    close=close, history=True,
                )
            )  # fmt: skip
        market.atr = atr

    def quote(self, symbol: Symbol, mid: float, *, spread: float = 0.02, after: float = 1.0) -> tuple[AnyFact, ...]:
        """The next quote, `after` seconds from the last event."""
        self.wait(after)
        self.mids[symbol] = mid
        return self.step(Quote(symbol, mid - spread / 2, mid + spread / 2, self.now))

    def raw(
        self, symbol: Symbol, bid: float, ask: float, *, ts: int | None = None, seq: int = 0
    ) -> tuple[AnyFact, ...]:
        if ts is None:
            self.wait(1)
        return self.step(Quote(symbol, bid, ask, self.now if ts is None else ts, seq=seq))

    def timer(self) -> tuple[AnyFact, ...]:
        return self.step(Timer(ts=self.now))

    def minutes(self, n: int, *, quotes: bool = False) -> list[AnyFact]:
        """n minutes pass, each with its timer; quotes: with a repeated price of everything quoted so far too."""
        found: list[AnyFact] = []
        for _ in range(n):
            self.wait(60)
            if quotes:
                for symbol, mid in self.mids.items():
                    found += self.quote(symbol, mid, after=0)
            found += self.timer()
        return found

    def recommendation(
        self, symbol: Symbol, action: Action = Action.BUY, confidence: float = 0.9, **changes: Any
    ) -> Recommendation:
        self._ids += 1
        plain: dict[str, Any] = {
            "ts": self.now, "id": f"r{self._ids}", "symbol": symbol, "action": action, "confidence": confidence,
            "generated_at": self.now,
        }  # fmt: skip
        return Recommendation(**{**plain, **changes})

    def recommend(
        self, symbol: Symbol, action: Action = Action.BUY, confidence: float = 0.9, **changes: Any
    ) -> Decided:
        """One recommendation and its one decision."""
        decided = [
            f for f in self.step(self.recommendation(symbol, action, confidence, **changes)) if isinstance(f, Decided)
        ]
        assert len(decided) == 1, "one recommendation, one decision"
        return decided[0]

    def say(self, verb: Verb, **changes: Any) -> tuple[AnyFact, ...]:
        self._ids += 1
        plain: dict[str, Any] = {
            "ts": self.now,
            "id": f"c{self._ids}",
            "verb": verb,
            "actor": "ann",
            "reason": "a test",
        }
        return self.step(Command(**{**plain, **changes}))

    # the venue's words --------------------------------------------------------------------------------------------------

    def accept(self, order_id: OrderId) -> tuple[AnyFact, ...]:
        return self.step(
            OrderAccepted(ts=self.now, account=ACCOUNT, order_id=order_id, venue_order_id=VenueOrderId(f"v:{order_id}"))
        )

    def reject(self, order_id: OrderId) -> tuple[AnyFact, ...]:
        return self.step(OrderRejected(ts=self.now, account=ACCOUNT, order_id=order_id, code="no"))

    def lose(self, order_id: OrderId) -> tuple[AnyFact, ...]:
        return self.step(OrderUnknown(ts=self.now, account=ACCOUNT, order_id=order_id, why="no answer"))

    def never(self, order_id: OrderId) -> tuple[AnyFact, ...]:
        return self.step(OrderNever(ts=self.now, account=ACCOUNT, order_id=order_id, proof="not found"))

    def cancelled(self, order_id: OrderId, cum_qty: str | None = None) -> tuple[AnyFact, ...]:
        cum = None if cum_qty is None else Qty(D(cum_qty))
        return self.step(OrderCancelled(ts=self.now, account=ACCOUNT, order_id=order_id, cum_qty=cum))

    def fill(
        self, order_id: OrderId, qty: str | Decimal | None = None, price: str | Decimal | None = None, *, fee: str = "0",
        **changes: Any,
    ) -> tuple[AnyFact, ...]:  # fmt: skip
        """An execution of an order of ours; all of what is left at its reference price unless said otherwise."""
        order = self.order(order_id).order
        self.cursor += 1
        at_price = D(str(order.ref_price)).quantize(D("0.01")) if price is None else D(price)
        plain: dict[str, Any] = {
            "ts": self.now, "account": ACCOUNT, "order_id": order_id, "exec_id": ExecId(f"x{self.cursor}"), "symbol": order.symbol,
            "side": order.side, "qty": self.order(order_id).leaves() if qty is None else Qty(D(qty)), "price": Price(at_price),
            "fee": Money(D(fee)), "cursor": self.cursor,
        }  # fmt: skip
        return self.step(FillSeen(**{**plain, **changes}))

    def foreign_fill(self, symbol: Symbol, side: Side, qty: str, price: str) -> tuple[AnyFact, ...]:
        self.cursor += 1
        return self.step(
            FillSeen(
                ts=self.now, account=ACCOUNT, order_id=OrderId(""), exec_id=ExecId(f"x{self.cursor}"), symbol=symbol, side=side,
                qty=Qty(D(qty)), price=Price(D(price)), fee=Money(D(0)), cursor=self.cursor,
            )
        )  # fmt: skip

    def positions(self, **positions: str) -> tuple[AnyFact, ...]:
        """All positions by the venue's word, at our own count of fills."""
        seen = {Symbol(s): Qty(D(q)) for s, q in positions.items()}
        return self.step(
            PositionsSeen(ts=self.now, account=ACCOUNT, positions=seen, cursor=self.book.booked.fill_cursor)
        )

    # stories ------------------------------------------------------------------------------------------------------------

    def buy(self, symbol: Symbol = ACME, confidence: float = 0.9, *, price: str | None = None) -> Qty:
        """An entry that is decided, accepted and filled at once, with its protective stop resting; the quantity held."""
        decided = self.recommend(symbol, Action.BUY, confidence)
        assert decided.orders, decided.reasons
        self.accept(decided.orders[0])
        self.fill(decided.orders[0], price=price)
        stop = self.book.protection(symbol)
        if stop is not None:
            self.accept(stop.order.order_id)
        return self.book.qty(symbol)

    def exit_order(self, symbol: Symbol = ACME) -> Working:
        """The one closing order that works."""
        [found] = self.book.open_orders(symbol, Leg.EXIT)
        return found

    # reading --------------------------------------------------------------------------------------------------------------

    def order(self, order_id: OrderId) -> Working:
        found = self.book.order(order_id)
        assert found is not None
        return found

    def of(self, kind: type[F]) -> list[F]:
        """Facts of that kind made by the last step."""
        return [f for f in self.last if isinstance(f, kind)]

    def all(self, kind: type[F]) -> list[F]:
        return [f for f in self.facts if isinstance(f, kind)]

    def codes(self) -> list[str]:
        """Alerts so far, by code."""
        return [a.code for a in self.book.booked.alerts]

    def refold(self) -> bytes:
        """All facts, through JSON, folded into a new book: what a restart would find."""
        return refold(self.facts).dump()

    def restart(self, *, clean: bool = False) -> None:
        """The process ends; a new one folds the journal, starts and is not connected yet."""
        self.book = refold(self.facts)
        for instrument in self.rules.instruments.values():
            q = self.rules.quotes
            self.book.watch(instrument, band=q.band, atr_bars=q.atr_bars)
        self.start(clean=clean)


def refold(facts: list[AnyFact]) -> Book:
    booked = Booked(account=ACCOUNT)
    for fact in facts:
        fold(booked, through_json(fact))
    return Book(ACCOUNT, booked=booked)


_decoder = msgspec.json.Decoder(AnyFact)


def through_json(fact: AnyFact) -> AnyFact:
    return _decoder.decode(msgspec.json.encode(fact))
