"""The promises to the operator as oracles: they look on, from outside, and say which one was broken. Source: RELIABILITY 3.

What they believe is the venue's own log, the bytes on the platter and what was promised to the operator; the daemon's memory is
asked only for what it claims.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tests.sim.ledger import Ledger
from tests.sim.operator import Asked
from tests.sim.plan import Plan
from tests.sim.site import Life, Site
from tradingd.core.book.orders import Life as OrderLife
from tradingd.core.events import Event, FillSeen, Quote
from tradingd.core.facts import AnyFact, OrderMoved, StateChanged
from tradingd.core.types import NS, Leg, Order, OrderId, Symbol, TradingState
from tradingd.ports import Broken

DEATH_S = 2.0  # within which a daemon whose disk failed must have ended
ALERT_S = 5.0
STALE_SLACK_S = 0.25  # between the gate's look at the clock and the write
INBOX_MAX = 5_000
TASKS_MAX = 60


class Violation(msgspec.Struct, frozen=True):
    """promise: its number in RELIABILITY 3, or "fault" for an exception nobody foresaw."""

    promise: str
    text: str
    at: float

    def __str__(self) -> str:
        return f"{self.promise} at {self.at:.3f} s: {self.text}"


class Promises:
    """One world's. fail: called once for each broken promise."""

    def __init__(
        self, plan: Plan, now: Callable[[], float], wall: Callable[[], int], fail: Callable[[Violation], None]
    ) -> None:
        self.plan = plan
        self.now = now
        self.wall = wall
        self._fail = fail
        self.submitted: dict[OrderId, tuple[float, str, Order]] = {}
        self.entries: dict[tuple[str, str, str], OrderId] = {}  # site, decision and part -> its entry
        self.halted: dict[str, float] = {}  # site -> when its halt was acknowledged
        self._slowest = max(
            (f.value for f in plan.faults if f.kind == "disk.slow"), default=0.0
        )  # an answer drawn in it is late
        self.resuming: dict[str, int] = {}
        self._amid_resume: set[str] = (
            set()
        )  # asked while a resume had no answer yet: nobody knows which of the two came last
        self._resumed: dict[str, float] = {}  # site -> when somebody last asked to resume
        self.quotes: dict[
            tuple[str, Symbol], tuple[int, float, float]
        ] = {}  # the last good one handed in: (ts, bid, ask)
        self.ledgers: dict[str, Ledger] = {}
        self.max_notional = math.inf
        self.price_max_age_s = 5.0
        self.disk_failed: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.never: dict[OrderId, float] = {}
        self._downs: list[tuple[str, float, StateChanged]] = []
        self._alerts: dict[str, list[float]] = {}

    def broken(self, promise: str, text: str) -> None:
        self._fail(Violation(promise, text, self.now()))

    def _checked(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def ledger(self, site: Site) -> Ledger:
        if site.name not in self.ledgers:
            self.ledgers[site.name] = Ledger()
        return self.ledgers[site.name]

    # in the moment ------------------------------------------------------------------------------------------------------

    def opened(self, life: Life) -> None:
        """I8, I9: what was acknowledged is there, and what is there makes the state that the daemon now has."""
        site = life.site
        assert life.house is not None
        ledger = self.ledger(site)
        for promise, text in ledger.compare(site.disk, life.house):
            self.broken(promise, text)
        self._checked("opened")

    def durable(self, life: Life, first: int, facts: Sequence[AnyFact]) -> None:
        self.ledger(life.site).acknowledged(first, facts)
        now = self.now()
        for fact in facts:
            if isinstance(fact, OrderMoved) and fact.to == OrderLife.NEVER:
                self.never.setdefault(fact.order_id, now)
            elif isinstance(fact, StateChanged) and fact.state is not TradingState.ACTIVE:
                self._downs.append((life.host.name, now, fact))
            elif type(fact).__name__ == "Alerted":
                self._alerts.setdefault(life.site.name, []).append(now)
            elif type(fact).__name__ == "CommandSeen" and not fact.actor:  # type: ignore[union-attr]
                self.broken("I14", f"a command without a name: {fact}")

    def submitted_by(self, life: Life, order: Order) -> None:
        """The bytes leave now."""
        now = self.now()
        self._durable_before_sent(life, order)
        self._one_id_one_order(life, order)
        self._not_halted(life, order)
        failed = self.disk_failed.get(life.host.name)
        if failed is not None and now - failed > 0.05 and order.leg is Leg.ENTRY:
            self.broken("I10", f"{order.order_id} left {now - failed:.3f} s after the disk had failed")
        if order.leg is Leg.ENTRY:
            self._defensible(life, order)
        self._checked("submitted")

    def _durable_before_sent(self, life: Life, order: Order) -> None:
        held = self.ledger(life.site).intents.get(order.order_id)
        if held is None:
            self.broken("I1", f"{order.order_id} leaves and no durable record knows it")
        elif held != msgspec.json.decode(msgspec.json.encode(order)):
            self.broken("I1", f"{order.order_id} leaves as {order}, durable is {held}")

    def _one_id_one_order(self, life: Life, order: Order) -> None:
        before = self.submitted.get(order.order_id)
        if before is not None:
            self.broken(
                "I3", f"{order.order_id} was written at {before[0]:.3f} s by {before[1]} and now by {life.host.name}"
            )
        self.submitted[order.order_id] = (self.now(), life.host.name, order)
        if order.leg is Leg.ENTRY:
            part = order.order_id.rpartition(".")[2]
            first = self.entries.setdefault((life.site.name, order.decision_id, part), order.order_id)
            if first != order.order_id:
                self.broken("I3", f"part {part} of {order.decision_id} owns the entries {first} and {order.order_id}")

    def _not_halted(self, life: Life, order: Order) -> None:
        since = self.halted.get(life.site.name)
        if since is not None and not (order.reduce_only and order.protective):
            self.broken("I7", f"{order.order_id} leaves {self.now() - since:.3f} s after a halt was acknowledged")

    def _defensible(self, life: Life, order: Order) -> None:
        """I12, I6: the price an entry stands on was good and fresh when its bytes left; its size is within the limit."""
        known = self.quotes.get((life.host.name, order.symbol))
        if known is None:
            self.broken("I12", f"entry {order.order_id} in {order.symbol} without a good price in this life")
            return
        ts, _bid, ask = known
        age = (life.env.clock.wall() - ts) / NS
        if not age <= self.price_max_age_s + STALE_SLACK_S:
            self.broken("I12", f"entry {order.order_id} stands on a price {age:.2f} s old")
        price = float(order.limit) if order.limit is not None else ask
        if not float(order.qty) * order.ref_price <= self.max_notional * 1.0001:
            self.broken(
                "I6", f"entry {order.order_id} is worth {float(order.qty) * price:.2f}, allowed {self.max_notional}"
            )

    def asked(self, asked: Asked) -> None:
        """A resume may be in force as soon as it is asked."""
        if asked.verb == "resume":
            site = asked.life.partition(".")[0]
            self.resuming[asked.life] = self.resuming.get(asked.life, 0) + 1
            self._resumed[site] = self.now()
            self.halted.pop(site, None)
        elif self.resuming.get(asked.life):
            self._amid_resume.add(asked.command_id)

    def answered(self, asked: Asked) -> None:
        """The acknowledgement of a halt is the promise (I7)."""
        if asked.verb == "resume":
            self.resuming[asked.life] -= 1
        elif asked.verb == "halt" and asked.symbol is None and self._stands(asked):
            self.halted.setdefault(asked.life.partition(".")[0], self.now())
            self._checked("halt acknowledged")

    def _stands(self, asked: Asked) -> bool:
        """Is what was just acknowledged in force? Not what was asked before a resume: its answer may come after the resume's."""
        since = self._resumed.get(asked.life.partition(".")[0], -math.inf)
        amid = self.resuming.get(asked.life) or asked.command_id in self._amid_resume
        return not asked.refused and not amid and asked.asked > since

    def delivered(self, life: Life, event: Event) -> None:
        if event.__class__ is Quote:
            assert isinstance(event, Quote)
            good = math.isfinite(event.bid) and math.isfinite(event.ask) and 0 < event.bid < event.ask
            if good and event.ts <= life.env.clock.wall() + 5 * NS:
                key = (life.host.name, event.symbol)
                if event.ts >= self.quotes.get(key, (0, 0.0, 0.0))[0]:
                    self.quotes[key] = (event.ts, event.bid, event.ask)
        elif isinstance(event, FillSeen):
            self._checked("fill delivered")

    def ended(self, life: Life, error: BaseException | None) -> None:
        """A daemon ends by itself only when it was asked to, or when its disk failed."""
        if error is None:
            return
        leaves = _leaves(error)
        for leaf in leaves:
            if "reserve for the last words" in str(leaf) and life.house is not None and life.house.journal.full:
                continue  # B8: it has said so, and ends
            if isinstance(leaf, Broken):
                if (
                    life.site.disk.failed == 0
                    and life.site.disk.capacity is None
                    and life.host.name not in self.disk_failed
                ):
                    self.broken("fault", f"{life.host.name} ended though its disk never failed: {leaf}")
            elif not isinstance(leaf, OSError) or life.site.disk.failed == 0:
                self.broken("fault", f"{life.host.name}: {type(leaf).__name__}: {leaf} {where(leaf)}")

    # every so often -----------------------------------------------------------------------------------------------------

    def look(self, site: Site) -> None:
        """Bounds (I15), told faults (I14), a failed disk ends the daemon (I10)."""
        now, life = self.now(), site.life
        if site.disk.fatal and life is not None:
            since = self.disk_failed.setdefault(life.host.name, now)
            fatal = site.disk.fatal
            if now - since > DEATH_S + 5 * self._slowest and life.host.paused_until < now - DEATH_S:
                self.broken("I10", f"{life.host.name} still runs {now - since:.1f} s after {fatal}")
        if life is None or life.house is None:
            return
        if len(life.house.inbox) > INBOX_MAX:
            self.broken("I15", f"the inbox holds {len(life.house.inbox)} events")
        self._checked("looked")

    def told(self) -> None:
        """I14: each hold that a rule put on is told."""
        for host, at, fact in self._downs:
            site = host.partition(".")[0]
            if fact.key.startswith("rule:") and not any(abs(t - at) <= ALERT_S for t in self._alerts.get(site, [])):
                self.broken("I14", f"{fact.key} went {fact.state} at {at:.2f} s and nobody was told")

    # small things ---------------------------------------------------------------------------------------------------------

    def counted(self) -> dict[str, int]:
        return dict(sorted(self.counts.items()))


def where(error: BaseException) -> str:
    """The last places it came by."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]


def compare_positions(ours: dict[Symbol, Any], theirs: dict[Symbol, Any]) -> list[str]:
    """Symbols that differ, in words."""
    return [
        f"{symbol}: ours {ours.get(symbol, 0)}, the venue's {theirs.get(symbol, 0)}"
        for symbol in sorted(ours.keys() | theirs.keys())
        if ours.get(symbol, 0) != theirs.get(symbol, 0)
    ]
