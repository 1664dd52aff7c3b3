"""Oracles that take time: exits happen (I5), exposure stays within its limits (I6), two daemons notice each other (I13), and
nothing grows without end (I15). They look every half second, and at each order that leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.sim.plan import Plan
from tests.sim.site import Life, Site
from tests.sim.venue.venue import Venue
from tradingd.config import Config
from tradingd.core.book.book import Book
from tradingd.core.book.orders import OPEN
from tradingd.core.events import Quote
from tradingd.core.types import NS, Leg, Order, OrderId, Symbol, TradingState
from tradingd.shell.house import Member

EXIT_S = 12.0  # a stop that stays broken so long, with everything up, has not been acted upon
TIGHT_S = 70.0  # where the operator allows few exits a minute
RATE_S = 50.0  # of the minute that is allowed: an order may leave seconds after it was counted
NOTICE_S = 12.0  # T_recon and some
FRESH_S = 3.0
UNHEARD_S = 2.0
BEYOND = 0.003  # a stop is broken for certain when the real price is so far behind it
SLACK = 1.10  # prices move between the decision and the look
TASKS_MAX = 80

Broken = Callable[[str, str], None]
Sent = dict[OrderId, tuple[float, str, Order]]


class Guards:
    """last: the real price of a symbol, (bid, ask, virtual second).   sent: what left, by whom."""

    def __init__(
        self, plan: Plan, config: Config, venue: Venue, last: Callable[[str], tuple[float, float, float]], now: Callable[[], float],
        broken: Broken, sent: Sent,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.config = config
        self.venue = venue
        self.last = last
        self.now = now
        self.broken = broken
        self.sent = sent
        self.checks: dict[str, int] = {}
        self._seen: dict[tuple[str, Symbol], tuple[float, Quote]] = {}  # last quote handed in, and when
        self._broken_since: dict[tuple[str, Symbol], float] = {}
        self._linked_since: dict[str, float] = {}
        self._entries: list[tuple[float, str]] = []
        self._executed = 0
        self._traders: set[str] = set()
        self._news: dict[str, float] = {}  # first trade of each site since the last resume: its rival can see it

    # at the moment --------------------------------------------------------------------------------------------------------

    def delivered(self, life: Life, quote: Quote) -> None:
        self._seen[(life.host.name, quote.symbol)] = (self.now(), quote)

    def resumed(self) -> None:
        """What an operator has seen and resumed is no news any more."""
        self._news = {}

    def submitted(self, life: Life, order: Order) -> None:
        """I6 by the venue's books: what is held, what works, and this order."""
        if order.leg is not Leg.ENTRY:
            return
        self._rate(life)
        symbol = order.symbol
        strange = any(not o.client_id and o.symbol == symbol for o in self.venue.orders.values())
        rivals = any(  # what another daemon wrote a moment ago nobody here can have heard of
            at > self.now() - UNHEARD_S and by.partition(".")[0] != life.site.name for at, by, _ in self.sent.values()
        )
        if strange or rivals or len(self._traders) > 1 or life.house is None:
            return
        book = _member(life).book
        if symbol in book.booked.drift:
            return
        held = abs(self.venue.positions().get(symbol, Decimal(0)))
        working = [
            o
            for o in self.venue.orders.values()
            if o.status == "working" and o.symbol == symbol and o.side is order.side
        ]
        entering = sum((o.leaves for o in working if not o.reduce_only and o.type.value != "stop"), Decimal(0))
        worth = float(held + entering + order.qty) * self.last(symbol)[1]
        equity = float(self.venue.floor.equity())
        limit = book_limit(life) * equity
        self.checks["exposure"] = self.checks.get("exposure", 0) + 1
        if worth > limit * SLACK and not self._moved(symbol):
            self.broken(
                "I6", f"{order.order_id}: {symbol} would be worth {worth:.0f} of {equity:.0f}, allowed {limit:.0f}"
            )

    def _moved(self, symbol: Symbol) -> bool:
        """Did the market of this world leap, or the venue's books? Then a fair decision may look too large a moment later."""
        if any(f.kind == "venue.drift" and f.target == symbol and f.at <= self.now() for f in self.plan.faults):
            return True
        return any(f.kind in ("market.jump", "market.trend", "venue.split", "market.spike") for f in self.plan.faults)

    def _rate(self, life: Life) -> None:
        """I15: entries a minute."""
        now, site = self.now(), life.site.name
        self._entries = [(t, s) for t, s in self._entries if now - t <= RATE_S]
        self._entries.append((now, site))
        assert life.house is not None
        allowed = max(self.config.risk.orders_per_minute, _member(life).rules.gate.orders_per_minute)
        sent = sum(1 for _, s in self._entries if s == site)
        if sent > allowed and not any(
            fault.kind == "host.wall" for fault in self.plan.faults
        ):  # a life may begin in a wrong hour
            self.broken("I15", f"{sent} entries within a minute, allowed {allowed}")

    # every so often -------------------------------------------------------------------------------------------------------

    def look(self, site: Site, others: list[Site]) -> None:
        self._trades()
        life = site.life
        if life is None or life.house is None or life.host.paused_until > self.now():
            self._linked_since.pop(site.name, None)
            return
        member = _member(life)
        if not member.book.booked.link_up:
            self._linked_since.pop(site.name, None)
        else:
            self._linked_since.setdefault(site.name, self.now())
        self._exits(life, member)
        if others:
            self._rivals(site, member, others)
        tasks = sum(1 for task in life.env.loop.tasks[-400:] if not task.done() and task.host is life.host)
        if tasks > TASKS_MAX:
            self.broken("I15", f"{tasks} tasks of {life.host.name} wait")

    def _trades(self) -> None:
        for execution in self.venue.executions[self._executed :]:
            sent = self.sent.get(OrderId(execution.order_id))
            if sent is not None:
                self._traders.add(sent[1].partition(".")[0])
                self._news.setdefault(sent[1].partition(".")[0], self.now())
        self._executed = len(self.venue.executions)

    def _exits(self, life: Life, member: Member) -> None:
        """I5: behind its stop, with price and link at hand, a position is closed or being closed."""
        for symbol, position in member.book.booked.positions.items():
            key = (life.host.name, symbol)
            if not position.qty or not self._must_go(life, member, symbol):
                self._broken_since.pop(key, None)
                continue
            since = self._broken_since.setdefault(key, self.now())
            self.checks["stop broken"] = self.checks.get("stop broken", 0) + 1
            if self.now() - since > (EXIT_S if member.rules.gate.exits_per_minute > 100 else TIGHT_S):
                self.broken("I5", f"{symbol} is behind its stop for {self.now() - since:.1f} s and nothing is done")

    def _must_go(self, life: Life, member: Member, symbol: Symbol) -> bool:
        booked = member.book.booked
        level, position = booked.levels.get(symbol), booked.positions[symbol]
        seen = self._seen.get((life.host.name, symbol))
        if level is None or seen is None or symbol in booked.drift or symbol in booked.untradable:
            return False
        if not self.can_sell(symbol, position.qty) or self.venue.floor.closed:
            return False
        if self.linked_s(life) < FRESH_S:
            return False
        at, quote = seen
        if self.now() - at > FRESH_S or abs(life.env.clock.wall() - quote.ts) > FRESH_S * NS:
            return False
        bid, ask, _ = self.last(symbol)
        stop = float(level.stop)
        if position.qty > 0:
            gone = bid < stop * (1 - BEYOND) and quote.bid < stop * (1 - BEYOND)
        else:
            gone = ask > stop * (1 + BEYOND) and quote.ask > stop * (1 + BEYOND)
        working = [
            w for w in booked.orders.values() if w.order.symbol == symbol and w.life in OPEN and w.order.leg is Leg.EXIT
        ]
        return gone and not working and self.now() >= self.asked_again_at(life.site.name, symbol)

    def can_sell(self, symbol: Symbol, qty: Decimal) -> bool:
        """Does the venue hold what we think we hold, free of strangers' orders, and is it not halted?"""
        if self.venue.positions().get(symbol, Decimal(0)) != qty or self.venue.floor.halted.get(symbol):
            return False
        return not self.venue.personality.holds_qty or not any(
            not o.client_id and o.symbol == symbol and o.status == "working" for o in self.venue.orders.values()
        )  # a stranger's order holds what we would sell

    def linked_s(self, life: Life) -> float:
        """Seconds since the link came up."""
        return self.now() - self._linked_since.get(life.site.name, self.now())

    def asked_again_at(self, site: str, symbol: Symbol) -> float:
        """When a close of the symbol is due that the venue has refused n times in a row: 5 s after the first, 15 after the second,
        then 45, then 60 (F7)."""
        last, n = 0.0, 0
        for read in self.venue.arrivals:
            if read.kind != "submit" or read.host.partition(".")[0] != site or read.content.symbol != symbol:
                continue
            if read.content.leg is Leg.EXIT:
                last, n = read.t, (n + 1 if read.outcome.kind == "refused" else 0)
        return last + min(60.0, 5.0 * 3 ** (n - 1)) if n else 0.0

    def _rivals(self, site: Site, member: Member, others: list[Site]) -> None:
        """I13: who sees another's trades under this account's name takes no new risk."""
        for other in others:
            traded = self._news.get(other.name)
            if traded is None or other.life is None:  # what a dead one has left at the venue takes no new risk
                continue
            since = max(traded, self._linked_since.get(site.name, self.now()))
            self.checks["rivals"] = self.checks.get("rivals", 0) + 1
            if self.now() - since > NOTICE_S and member.book.state() is TradingState.ACTIVE:
                self.broken(
                    "I13",
                    f"{site.name} trades on {self.now() - since:.1f} s after {other.name} traded the same account",
                )


def book_of(life: Life) -> Book:
    return _member(life).book


def book_limit(life: Life) -> float:
    return float(max(_member(life).rules.gate.max_position_pct, life.site.config.risk.max_position_pct))


def _member(life: Life) -> Member:
    assert life.house is not None
    return next(iter(life.house.members.values()))
