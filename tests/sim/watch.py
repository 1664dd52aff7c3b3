"""More promises, watched fact by fact: a second book is folded from what became durable, and asked at each fact whether the daemon
was allowed to do that. What it believes is the journal and the venue; the daemon's memory is not asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from tests.sim.operator import Asked
from tests.sim.promises import Promises
from tests.sim.site import Life, Site
from tests.sim.venue.broker import VenueBroker
from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.book.orders import FINAL
from tradingd.core.book.orders import Life as OrderLife
from tradingd.core.events import Event, Quote, Split
from tradingd.core.facts import (
    Alerted,
    Anomaly,
    AnyFact,
    BreakerTripped,
    Decided,
    DriftFound,
    Filled,
    FillSkipped,
    Kind,
    LinkChanged,
    OrderIntended,
    OrderMoved,
    Reason,
    StateChanged,
)  # fmt: skip
from tradingd.core.types import Leg, Order, OrderId, Symbol, TradingState

QUOTES = (
    400  # how many of a symbol's last good quotes an entry may stand on: a line that was held tells seconds at once
)
OFF_MARKET = 0.35  # no honest price is so far from the real one
LEAPS = ("market.jump", "market.trend", "venue.split")
LEAP_S = 15.0
LATE_S = 0.8  # from durable to written, with nothing in the way
LOGINS, LOGINS_S = 12, 10.0
ASKED_S = 20.0  # after which a cancel has been answered, or asked again
# an exit may be refused for what holds for every order, and for nothing else
EXIT_REASONS = frozenset({
    Reason.NOTHING_TO_REDUCE, Reason.INVALID, Reason.MAX_QTY, Reason.ORDER_RATE, Reason.MARKET_CLOSED, Reason.NOT_TRADABLE,
    Reason.HALTED, Reason.LINK_NOT_READY, Reason.ACCOUNT_BLOCKED, Reason.DUPLICATE, Reason.STALE_RECOMMENDATION,
})  # fmt: skip
NEVER_FOR_EXITS = frozenset(f"never written: {reason.value}" for reason in Reason if reason not in EXIT_REASONS)
# what the simulated venue never gives reason for: who sees it has lost count
LOST_COUNT = {
    "impossible_transition": "I2",
    "cum_qty_mismatch": "I4",
    "fill_mismatch": "I4",
    "duplicate_execution": "I4",
}
STRAYS = ("link.drop", "link.drop_fills", "link.reorder")  # a split may overtake a fill on a link that holds
PRICED = ("stop", "target", "breaker")  # causes of exits that are prices
WAITS = "close_waits"  # the same close was asked for before, and waits for the stop at the venue to be gone
VERBS = frozenset({"pause", "halt", "flatten", "cancel", "resume", "adopt"})
TOLD_AS = {
    "unknown_symbol": "fill_of_unknown_symbol",
    "volatility": "breaker_volatility",
    "daily_loss": "breaker_daily_loss",
    "single_position": "breaker_single_position",
    "manual": "breaker_manual",
}


class Watch(Promises):
    """The promises, and these."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._books: dict[str, Book] = {}  # of each site, as its durable facts say
        self._due: dict[OrderId, float] = {}  # durable and not yet written
        self._splits: dict[tuple[str, Symbol], int] = {}  # when each life first heard of one
        self._durable_of = ""  # whose facts are looked at
        self._good: dict[tuple[str, Symbol], deque[tuple[float, float]]] = {}
        self._taken: dict[str, str] = {}  # hosts whose session somebody took, and what was said
        self._paused: dict[str, float] = {}  # when the pause of a site was acknowledged
        self._logins: dict[str, deque[tuple[float, int]]] = {}
        self._sites: dict[str, Site] = {}
        self._left: dict[tuple[str, str], Decimal] = {}  # what left of each entry's decision, by machine
        self.hours: dict[tuple[str, Symbol], int] = {}  # micro-trades held: since when, by the position's own word
        self._for_hours: set[tuple[str, str]] = set()  # their decisions, by machine
        self._last_words: set[str] = set()  # resumes that were asked of a journal whose disk was full

    def book(self, site: str) -> Book:
        """As the durable facts of that machine make it."""
        return self._books[site]

    # in the moment ------------------------------------------------------------------------------------------------------

    def opened(self, life: Life) -> None:
        super().opened(life)
        assert life.house is not None
        self._sites[life.site.name] = life.site
        for account, member in life.house.members.items():
            booked = msgspec.json.decode(msgspec.json.encode(member.book.booked), type=Booked)
            self._books[life.site.name] = Book(account, currency=booked.currency, booked=booked)

    def durable(self, life: Life, first: int, facts: Sequence[AnyFact]) -> None:
        super().durable(life, first, facts)
        self._durable_of = life.host.name
        book, told = self._books[life.site.name], {fact.code for fact in facts if isinstance(fact, Alerted)}
        for fact in facts:
            if (
                isinstance(fact, Filled)
                and (working := book.order(fact.order_id)) is not None
                and working.life in FINAL
            ):
                self._checked(f"filled when {working.life.value}")
            book.replay(fact)
            match fact:
                case OrderIntended():
                    self._intended(book, fact.order)
                case OrderMoved():
                    self._moved(book, fact)
                case Decided() if fact.kind is Kind.EXIT:
                    self._exit_decided(life, fact)
                case Decided() if fact.micro:
                    self._for_hours.add((life.site.name, fact.decision_id))
                case Filled():
                    self._held_for_hours(life.site.name, book, fact)
                case StateChanged() | BreakerTripped() | DriftFound():
                    self._is_told(fact, told)
                case FillSkipped() | Anomaly():
                    self._lost_count(fact)
                case LinkChanged() if not fact.up and fact.why.startswith("taken over"):
                    self._taken[life.site.name] = fact.why
            if isinstance(fact, StateChanged) and fact.verb == "resume":
                self._taken.pop(life.site.name, None)

    def _intended(self, book: Book, order: Order) -> None:
        self._due[order.order_id] = self.now()
        unknown = [w.order.order_id for w in book.unknown_orders() if w.order.decision_id != order.decision_id]
        if order.leg is Leg.ENTRY and unknown:
            self.broken("I2", f"entry {order.order_id} was decided while {', '.join(unknown)} was unknown")
        if order.leg is Leg.ENTRY:
            self._within_decision(book, order)
        if order.leg is Leg.EXIT and book.working_exits(order.symbol) > abs(book.qty(order.symbol)):
            held, closing = book.qty(order.symbol), book.working_exits(order.symbol)
            self.broken("I6", f"with {order.order_id} {closing} {order.symbol} are being closed of {held}")

    def _within_decision(self, book: Book, order: Order) -> None:
        """I3: the parts of a decision are those it named, in their order, and never more than it decided."""
        [decided] = [d for d in book.booked.recent if d.decision_id == order.decision_id] or [None]
        if decided is None or decided.qty is None:  # long ago
            return
        plan = book.booked.plans[order.decision_id]
        sent = [w.order.qty for w in map(book.order, plan.orders) if w is not None]
        named = list(decided.tranches or (decided.qty,))
        if sent != named[: len(sent)] or sum(named, Decimal(0)) != decided.qty:
            self.broken("I3", f"{order.decision_id} of {decided.qty} in {named} went as {sent}")
        self._checked("part of a decision" if decided.tranches else "whole decision")
        if len(sent) > 1:
            self._checked("later part")

    def _held_for_hours(self, site: str, book: Book, fact: Filled) -> None:
        """E15: which positions a micro-trade opened, by decisions and fills alone."""
        working, position = book.order(fact.order_id), book.booked.positions.get(fact.symbol)
        if position is None or not position.qty:
            self.hours.pop((site, fact.symbol), None)
        elif (
            working is not None
            and position.opened_ts == fact.ts
            and (site, working.order.decision_id) in self._for_hours
        ):
            self.hours[(site, fact.symbol)] = position.opened_ts

    def _sent_in_parts(self, life: Life, order: Order) -> None:
        """I3: what left of a decision comes to no more than it decided, whatever died between two of its parts."""
        key = (life.site.name, order.decision_id)
        left = self._left[key] = self._left.get(key, Decimal(0)) + order.qty
        book = self._books[life.site.name]
        decided = next((d.qty for d in book.booked.recent if d.decision_id == order.decision_id), None)
        if decided is not None and left > decided:
            self.broken("I3", f"of {order.decision_id}, which decided {decided}, {left} {order.symbol} left")

    def _moved(self, book: Book, fact: OrderMoved) -> None:
        self._due.pop(fact.order_id, None)
        working = book.order(fact.order_id)
        if (
            working is not None
            and working.order.reduce_only
            and fact.to == OrderLife.NEVER
            and fact.why in NEVER_FOR_EXITS
        ):
            self.broken("I5", f"exit {fact.order_id} was stopped: {fact.why}")

    def _exit_decided(self, life: Life, fact: Decided) -> None:
        failed = [check for check in fact.checks if check.ok is False and check.reason is not None]
        foreign = [check.name for check in failed if check.reason not in EXIT_REASONS and check.name != WAITS]
        if foreign:
            self.broken(
                "I5", f"exit {fact.decision_id} of {fact.symbol} was refused by an entry guard: {', '.join(foreign)}"
            )
        if fact.source in PRICED and fact.ref_price is not None and fact.symbol in _broker(life).venue.symbols:
            self._near_market(life, f"{fact.source} exit {fact.decision_id}", fact.symbol, fact.ref_price)
        self._checked("exit decided")

    def _lost_count(self, fact: FillSkipped | Anomaly | DriftFound) -> None:
        """What only a bug or a fault of the venue's books explains."""
        match fact:
            case FillSkipped():
                self.broken("I4", f"execution {fact.exec_id} was not booked: {fact.why}")
            case Anomaly() if fact.kind in LOST_COUNT:
                self.broken(LOST_COUNT[fact.kind], f"{fact.kind} of {fact.subject}: {fact.detail}")
            case DriftFound() if not self._was_moved(fact.symbol, fact.ts):
                self.broken(
                    "I4", f"{fact.symbol}: ours {fact.ours}, the venue's {fact.venue}, and nothing was moved there"
                )

    def _was_moved(self, symbol: Symbol, ts: int) -> bool:
        """Did the position change at the venue with no fill? After a split ours may differ too, and that is told: a fill before it
        was lost on its way, or the word of the split itself is still under way."""
        if any(
            f.kind == "venue.split" and f.target == symbol and f.at <= self.now() for f in self.plan.faults
        ) and not self._split_heard(symbol, ts):
            return True
        strays = any(fault.kind in STRAYS for fault in self.plan.faults)
        return any(
            fault.target == symbol
            and fault.at <= self.now()
            and (fault.kind == "venue.drift" or (strays and fault.kind == "venue.split"))
            for fault in self.plan.faults
        )

    def _split_heard(self, symbol: Symbol, ts: int) -> bool:
        """By the moment of the fact, which became durable later."""
        return self._splits.get((self._durable_of, symbol), ts) < ts

    def _is_told(self, fact: StateChanged | BreakerTripped | DriftFound, told: set[str]) -> None:
        """I14: in the very step that stopped something, with a code that says what."""
        match fact:
            case StateChanged() if fact.state is not TradingState.ACTIVE and fact.key.startswith("rule:"):
                code = fact.key.removeprefix("rule:")
            case BreakerTripped() if fact.kind in TOLD_AS:
                code = fact.kind
            case DriftFound():
                code = "position_drift"
                self._lost_count(fact)
            case _:
                return
        if TOLD_AS.get(code, code) not in told:
            self.broken("I14", f"nobody was told {TOLD_AS.get(code, code)}: {fact}")
        self._checked("told")

    def submitted_by(self, life: Life, order: Order) -> None:
        super().submitted_by(life, order)
        due = self._due.pop(order.order_id, None)  # where orders are requests, an answer may keep the next one back
        if due is not None and life.host.paused_until < due and not _broker(life).venue.personality.sync:
            self._checked("sent in time")
            if self.now() - due > LATE_S and not life.site.chances.fired.get("dispatch.waits"):
                self.broken("I11", f"{order.order_id} was written {self.now() - due:.1f} s after it was durable")
        if order.leg is not Leg.ENTRY:
            return
        self._believable(life, order)
        self._sent_in_parts(life, order)
        if life.site.name in self._paused:
            since = self.now() - self._paused[life.site.name]
            self.broken("I7", f"entry {order.order_id} leaves {since:.3f} s after a pause was acknowledged")
        if life.site.name in self._taken:
            self.broken("I13", f"entry {order.order_id} after the session was {self._taken[life.site.name]}")

    def _believable(self, life: Life, order: Order) -> None:
        """I12: the price that an entry stands on was quoted, uncrossed and finite, and near the real one."""
        good = self._good.get((life.host.name, order.symbol), ())
        splits = [1.0, *(float(f.n) for f in self.plan.faults if f.kind == "venue.split" and f.target == order.symbol)]
        if not any(abs(order.ref_price * n - price) < 0.01 for pair in good for price in pair for n in splits):
            self.broken("I12", f"entry {order.order_id} stands on {order.ref_price}, which no good quote said")
        self._near_market(life, f"entry {order.order_id}", order.symbol, order.ref_price)
        self._checked("price basis")

    def _near_market(self, life: Life, what: str, symbol: Symbol, price: float) -> None:
        bid, ask = (float(x) for x in _broker(life).venue.floor.tops[symbol])
        near = abs(price / ((bid + ask) * 0.5) - 1.0) <= OFF_MARKET
        leapt = any(f.kind in LEAPS and f.at <= self.now() <= f.at + f.for_s + LEAP_S for f in self.plan.faults)
        if not near and not leapt:
            self.broken("I12", f"{what} in {symbol} stands on {price}, the market on {bid}..{ask}")

    def delivered(self, life: Life, event: Event) -> None:
        super().delivered(life, event)
        if isinstance(event, Split):
            self._splits.setdefault((life.host.name, event.symbol), life.env.clock.wall())
        if isinstance(event, Quote) and 0 < event.bid <= event.ask < float("inf"):
            self._good.setdefault((life.host.name, event.symbol), deque(maxlen=QUOTES)).append((event.bid, event.ask))

    def asked(self, asked: Asked) -> None:
        super().asked(asked)
        life = self._sites[asked.life.partition(".")[0]].life
        if asked.verb == "resume" and life is not None and life.house is not None and life.house.journal.full:
            self._last_words.add(asked.command_id)
        if asked.verb == "resume":
            self._taken.pop(asked.life.partition(".")[0], None)
            self._paused.pop(asked.life.partition(".")[0], None)

    def answered(self, asked: Asked) -> None:
        """I7: what is answered is durable, and a pause holds from then on."""
        super().answered(asked)
        site = asked.life.partition(".")[0]
        book = self._books[site]
        if asked.verb in VERBS and not asked.refused and asked.command_id not in book.booked.commands:
            self.broken("I7", f"{asked.verb} {asked.command_id} was acknowledged and is not durable")
        if asked.command_id in self._last_words and not asked.refused:
            self.broken("I10", f"{asked.command_id} resumed trading on a journal that writes its last words")
        if asked.verb == "pause" and self._stands(asked):
            self._paused.setdefault(site, self.now())
            self._checked("pause acknowledged")

    # every so often -----------------------------------------------------------------------------------------------------

    def look(self, site: Site) -> None:
        super().look(site)
        life = site.life
        if life is None or life.house is None:
            return
        logins = self._logins.setdefault(life.host.name, deque())
        logins.append((self.now(), _broker(life).logins))
        while logins[0][0] < self.now() - LOGINS_S:
            logins.popleft()
        if logins[-1][1] - logins[0][1] > LOGINS:
            self.broken("I15", f"{logins[-1][1] - logins[0][1]} logins within {LOGINS_S:.0f} s")

    def told(self) -> None:
        super().told()
        life = self._sites["a"].life
        if life is not None and life.house is not None:
            self._at_rest(life, self._books["a"])

    def _at_rest(self, life: Life, book: Book) -> None:
        """What must have come to its end when everything has worked for long enough."""
        venue = _broker(life).venue
        assert life.house is not None
        rules = next(iter(life.house.members.values())).rules
        if not book.booked.link_up or self.wall() - book.booked.link_ts < ASKED_S * 1e9:
            return
        for working in book.open_orders():
            order = venue.orders.get(working.order.order_id)
            asked_s = (self.wall() - working.updated_ts) / 1e9
            if working.cancel_asked and asked_s > ASKED_S and order is not None and order.status == "working":
                self.broken(
                    "I2", f"{working.order.order_id} works on {asked_s:.0f} s after it was taken back: {working.why}"
                )
        for order_id, working in book.booked.orders.items():
            order = venue.orders.get(order_id)
            if working.life is OrderLife.REJECTED and order is not None and order.status != "rejected":
                self.broken("I2", f"{order_id} counts as refused ({working.why}), at the venue it is {order.status}")
        if rules.protective and not rules.observe:
            for symbol in book.held():
                self._protected(book, symbol)

    def _protected(self, book: Book, symbol: Symbol) -> None:
        """I5: the stop at the venue covers the position."""
        resting = book.protection(symbol)
        if resting is None or symbol in book.booked.drift or symbol not in book.booked.levels:
            return
        waits = resting.cancel_asked or resting.rev_asked > resting.rev or resting.amends_refused
        self._checked("protected")
        if not waits and resting.qty - resting.cum_qty != abs(book.qty(symbol)):
            left, held = resting.qty - resting.cum_qty, book.qty(symbol)
            self.broken("I5", f"the stop {resting.order.order_id} covers {left} of {held} {symbol}")


def _broker(life: Life) -> VenueBroker:
    assert life.house is not None
    broker = next(iter(life.house.members.values())).broker
    assert isinstance(broker, VenueBroker)
    return broker
