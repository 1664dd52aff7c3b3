"""Micro-trades end: one that is held beyond its time is closed or being closed, or the journal says why not (E15; I5)."""

from __future__ import annotations

from tests.sim.guards import FRESH_S, TIGHT_S, Guards, book_of
from tests.sim.site import Life, Site
from tests.sim.watch import Watch
from tradingd.core.book.book import Book
from tradingd.core.book.orders import OPEN
from tradingd.core.facts import AnyFact, Decided, Outcome
from tradingd.core.gates.window import MINUTE
from tradingd.core.types import Leg, Symbol

OUT_S = 10.0  # with everything up: a timer each second, the stop taken back first where it must be


class Hours:
    """guards: know links, positions at the venue and refused closes.   watch: knows from the journal what is held for hours."""

    def __init__(self, guards: Guards, watch: Watch) -> None:
        self.guards = guards
        self.watch = watch
        self.counts: dict[str, int] = {}
        self._since: dict[tuple[str, Symbol], float] = {}  # due, and nothing in the way
        self._said: dict[tuple[str, Symbol], float] = {}  # the last time the journal said why not

    def durable(self, life: Life, facts: tuple[AnyFact, ...]) -> None:
        for fact in facts:
            if isinstance(fact, Decided) and fact.source == "micro":
                self._count(f"micro {fact.outcome.value}")
                if fact.outcome is Outcome.SKIP:
                    self._said[(life.site.name, fact.symbol)] = self.guards.now()

    def look(self, site: Site) -> None:
        life = site.life
        if life is None or life.house is None or life.host.paused_until > self.guards.now():
            self._since.clear()
            return
        book = book_of(life)
        hold_ns = int(self.guards.config.micro.hold_min * MINUTE)
        for symbol in book.held():
            key, since = (life.host.name, symbol), self.watch.hours.get((site.name, symbol))
            if since is None or since != book.booked.positions[symbol].opened_ts:  # another position by now
                continue
            if life.env.clock.wall() - since < hold_ns or not self._may(life, book, symbol):
                self._since.pop(key, None)
                continue
            late = self.guards.now() - self._since.setdefault(key, self.guards.now())
            self._count("micro due")
            if late > (OUT_S if self.guards.config.risk.exits_per_minute > 100 else TIGHT_S):
                self.guards.broken("I5", f"micro-trade in {symbol} is {late:.1f} s beyond its time and nothing is done")

    def _may(self, life: Life, book: Book, symbol: Symbol) -> bool:
        """Is nothing in the way of its close?"""
        guards, booked = self.guards, book.booked
        now = guards.now()
        blocked = book.halted() or symbol in booked.drift or symbol in booked.untradable or guards.venue.floor.closed
        if blocked or any(fault.kind == "host.wall" for fault in guards.plan.faults):
            return False
        if now - self._said.get((life.site.name, symbol), -TIGHT_S) < TIGHT_S:
            return False
        if not guards.can_sell(symbol, booked.positions[symbol].qty) or guards.linked_s(life) < FRESH_S:
            return False
        working = [
            w for w in booked.orders.values() if w.order.symbol == symbol and w.life in OPEN and w.order.leg is Leg.EXIT
        ]
        return not working and now >= guards.asked_again_at(life.site.name, symbol)

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
