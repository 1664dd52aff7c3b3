"""One world: everything is made from a plan, faults strike, all heals, and the promises are judged.

`run(plan)` is the whole of it. What it returns is plain data: the same plan gives the same result, hash of the story included.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from tests.sim import order
from tests.sim.answers import Answers
from tests.sim.env import Chances
from tests.sim.guards import Guards
from tests.sim.hours import Hours
from tests.sim.ledger import JOURNAL, view
from tests.sim.loop import Deadlock, Livelock, SimLoop
from tests.sim.loop import run as run_loop
from tests.sim.market import Market
from tests.sim.minds import loaded
from tests.sim.moments import closes_within
from tests.sim.notices import Notices
from tests.sim.operator import Asked, Operator
from tests.sim.phone import Phones
from tests.sim.plan import Fault, Plan, config_text, names, stream
from tests.sim.promises import Violation
from tests.sim.site import ACCOUNT, Life, Site
from tests.sim.source import Source
from tests.sim.trace import Trace
from tests.sim.venue.broker import VenueBroker
from tests.sim.venue.links import Links
from tests.sim.venue.personality import EXTENDED, PERSONALITIES
from tests.sim.venue.venue import Venue
from tests.sim.verdict import judge
from tests.sim.watch import Watch
from tradingd.config import load_text
from tradingd.core.events import Event, Quote
from tradingd.core.facts import Alerted, Anomaly, AnyFact, CommandSeen, OrderIntended, OrderMoved, StateChanged
from tradingd.core.types import NS, ExecId, Order, OrderId, Symbol
from tradingd.shell.journal import records

ARRIVE_S = 3.0
LOOK_S = 0.5
NUDGE_S = 5.0
REFUSALS = 3
REFUSED_S = 20.0  # no three logins in a row are refused within less: each waits ten seconds after the one before


class Result(msgspec.Struct, kw_only=True):
    """What came of a world. faults: how often each kind struck.   met: counts of what happened, to see that something did.
    story: the last lines, or all of them where they were asked for."""

    seed: int
    violation: Violation | None
    digest: str
    steps: int
    kills: int
    faults: dict[str, int]
    points: dict[str, int]
    sometimes: dict[str, int]
    met: dict[str, int]
    story: list[str]


class Truth:
    """The venue's own books, as the verdict asks for them."""

    def __init__(self, venue: Venue, ours: Callable[[OrderId], bool]) -> None:
        self.venue = venue
        self.ours = ours

    def positions(self) -> dict[Symbol, Decimal]:
        return self.venue.positions()

    def fills(self) -> dict[ExecId, OrderId]:
        return {ExecId(e.exec_id): OrderId(e.order_id) for e in self.venue.executions}

    def taken(self) -> set[OrderId]:
        return {name for o in self.venue.orders.values() if self.ours(name := OrderId(o.client_id))}

    def working(self) -> set[OrderId]:
        working = [o for o in self.venue.orders.values() if o.status == "working"]
        return {name for o in working if self.ours(name := OrderId(o.client_id))}


class World:
    """Built from a plan; `run` once."""

    def __init__(self, plan: Plan, *, keep: bool = False) -> None:
        self.plan = plan
        self.loop = SimLoop(None if plan.fifo else stream(plan, "order"))
        self.trace = Trace(self.loop.time, keep=keep)
        order.close_leaks(self._logged)
        self.chances = Chances(plan.seed)
        self.violation: Violation | None = None
        self.faults: dict[str, int] = {}
        self.met: dict[str, int] = {}
        self.symbols = names(plan)
        personality = {**EXTENDED, **PERSONALITIES}[plan.personality]
        tell = self._teller("venue")
        self.venue = Venue(self.loop, personality, stream(plan, "venue"), self.symbols, self.wall, tell)
        self.market = Market(
            self.loop, plan, stream(plan, "market"), self.symbols, self.wall, self.venue.publish, self.venue.on_quote
        )
        self.venue.bars, self.venue.on_split = self.market.bars, self.market.split
        self.promises = Watch(plan, self.loop.time, self.wall, self._failed)
        self.config = load_text(config_text(plan)).config
        self.promises.max_notional = self.config.risk.max_order_notional
        self.promises.price_max_age_s = self.config.risk.price_max_age_s
        self.strategies = loaded(plan)
        self.guards = Guards(
            plan,
            self.config,
            self.venue,
            self.market.last,
            self.loop.time,
            self.promises.broken,
            self.promises.submitted,
        )
        self.hours = Hours(self.guards, self.promises)
        self.notices = Notices(plan, self.config, self.promises.broken)
        self.phones = Phones(self.loop, plan, self._teller("phone"))
        self.phones.on_call, self.phones.on_heard = self.notices.called, self.notices.heard
        self.sites = [self._site("a")]
        self.source = Source(self.loop, self.sites[0], self.wall, self._teller("source"))
        self.answers = Answers(self.source, lambda: self.promises.book("a"), self.promises.broken, self.loop.time)
        self.operator = Operator(self.loop, stream(plan, "operator"), self._desk, self._teller("operator"))
        self.operator.on_ask, self.operator.on_answer = self._asked, self.promises.answered
        self._parts: dict[str, Any] = {
            "venue": self.venue, "market": self.market, "operator": self.operator, "source": self.source, "phone": self.phones,
        }  # fmt: skip
        self._end: asyncio.Event | None = None

    # parts ----------------------------------------------------------------------------------------------------------------

    def wall(self) -> int:
        """True time, ns."""
        return self.plan.start + round(self.loop.time() * 1e9)

    def _teller(self, who: str) -> Callable[[str], None]:
        return lambda text: self.trace.say(who, text)

    def _logged(self, method: str, fields: dict[str, Any]) -> None:
        self.trace.say("log", f"{method} {fields}")

    def _site(self, name: str) -> Site:
        links = Links(self.loop, stream(self.plan, f"links:{name}"), self._teller(f"link {name}"))

        def broker_of(life: Life) -> VenueBroker:
            broker = VenueBroker(self.venue, links, life.host, ACCOUNT)
            broker.on_submit = lambda sent: self._submitted(life, sent)
            broker.on_event = lambda event: self._delivered(life, event)
            broker.failpoint, broker.wall = life.env.failpoint, life.env.clock.wall
            return broker

        site = Site(
            name, self.loop, self.plan, self.config, self.strategies, self.trace, self.chances, links, broker_of, self,
        )  # fmt: skip
        site.dial = lambda life: self.phones.transport(life.host)
        site.on_disk = self.promises.ledger(site).hardened
        site.read = lambda: self.operator.configuration(self.config, config_text(self.plan))
        return site

    def _desk(self) -> Any:
        life = self.sites[0].life
        return life.desk if life is not None and not life.host.dead else None

    # what the oracles hear, through here so that the story has it ---------------------------------------------------------

    def opened(self, life: Life) -> None:
        self.promises.opened(life)
        self.notices.opened(life)
        self._count("starts")

    def submitted_by(self, life: Life, sent: Order) -> None:
        self._submitted(life, sent)

    def _submitted(self, life: Life, sent: Order) -> None:
        self.trace.say(
            life.host.name,
            f"sends {sent.order_id} {sent.leg} {sent.side} {sent.qty} {sent.symbol} {sent.limit} {sent.stop}",
        )
        self._count(f"sent {sent.leg.value}")
        self.guards.submitted(life, sent)
        self.promises.submitted_by(life, sent)

    def _delivered(self, life: Life, event: Event) -> None:
        self.promises.delivered(life, event)
        if isinstance(event, Quote):
            self.guards.delivered(life, event)
            return
        self.trace.say(life.host.name, f"hears {event}")

    def _asked(self, asked: Asked) -> None:
        self.promises.asked(asked)
        if asked.verb == "resume":
            self.guards.resumed()

    def durable(self, life: Life, first: int, facts: Any) -> None:
        self.promises.durable(life, first, facts)
        self.notices.durable(life, facts)
        self.hours.durable(life, facts)
        for fact in facts:
            if isinstance(fact, OrderIntended | OrderMoved | StateChanged | CommandSeen | Anomaly | Alerted):
                self.trace.say(life.host.name, f"#{first} {fact}")
            self._count(type(fact).__name__)

    def ended(self, life: Life, error: BaseException | None) -> None:
        self.promises.ended(life, error)
        self._count("ended")

    def _count(self, name: str) -> None:
        self.met[name] = self.met.get(name, 0) + 1

    def _failed(self, violation: Violation) -> None:
        if self.violation is None:
            self.violation = violation
            self.trace.say("ORACLE", str(violation))
            if self._end is not None:
                self._end.set()

    # faults ---------------------------------------------------------------------------------------------------------------

    def _strike(self, fault: Fault) -> None:
        self.trace.say("FAULT", msgspec.json.encode(fault).decode())
        part = fault.kind.partition(".")[0]
        self.faults[fault.kind] = self.faults.get(fault.kind, 0) + 1
        if fault.kind == "host.double":
            self._double(fault)
        elif part in ("host", "disk"):
            self.sites[0].apply(fault)
        elif part == "link":
            self.sites[0].links.apply(fault)
        else:
            self._parts[part].apply(fault)

    def _double(self, fault: Fault) -> None:
        """A second daemon for the same account on another machine, with a disk of its own."""
        if len(self.sites) == 1:
            self.sites.append(self._site("b"))
            self.sites[1].start()
            self.loop.call_later(fault.for_s, self._single)

    def _single(self) -> None:
        for site in self.sites[1:]:
            site.retire()

    def _heal(self) -> None:
        self.trace.say("FAULT", "all is well again")
        self.chances.on = False
        self._single()
        self.venue.heal()
        self.market.heal()
        self.phones.heal()
        self.sites[0].links.heal()
        self.sites[0].heal()
        self.operator.heal()
        self.loop.call_later(NUDGE_S, self._nudge)

    def _nudge(self) -> None:
        """A session taken twice is not taken back for ten minutes (D6), a login refused three times not tried again (D7), and a
        journal that met a full disk does not go on (B8): the operator, who knows better, starts anew."""
        life = self.sites[0].life
        if life is not None and life.house is not None:
            booked = next(iter(life.house.members.values())).book.booked
            refused = (
                self.sites[0].links.struck.get("link.refuse_login", 0) >= REFUSALS and self._refused_s() >= REFUSED_S
            )
            if life.house.journal.full or (not booked.link_up and (refused or "taken over" in booked.link_why)):
                life.stop("restarted by the operator")

    def _refused_s(self) -> float:
        """From the first moment when logins were refused to the last."""
        faults = [fault for fault in self.plan.faults if fault.kind == "link.refuse_login"]
        return max(f.at + f.for_s for f in faults) - min(f.at for f in faults) if faults else 0.0

    # the run --------------------------------------------------------------------------------------------------------------

    async def _main(self) -> None:
        self._end = asyncio.Event()
        self.market.start()
        self.sites[0].start()
        for fault in self.plan.faults:
            self.loop.call_at(fault.at, self._strike, fault)
        self.loop.call_at(self.plan.calm, self._heal)
        if (close := closes_within(self.plan.start, self.plan.seconds)) is not None:
            self.loop.call_at(close, self.venue.end_session)
        while self._goes_on() and not self._end.is_set():
            await asyncio.sleep(LOOK_S)
            for site in self.sites:
                self.promises.look(site)
                self.guards.look(site, [other for other in self.sites if other is not site])
                self.hours.look(site)
        if self.violation is None:
            self._judge()

    def _goes_on(self) -> bool:
        """To its end; what filled in the last moment (a later part of an entry) may still arrive, within seconds."""
        over = self.loop.time() - self.plan.seconds
        if over < 0:
            return True
        executions = self.venue.executions
        return over < ARRIVE_S and bool(executions) and self.venue.wall() - executions[-1].ts < NS

    def _judge(self) -> None:
        self.promises.told()
        for promise, text in judge(self.sites[0], Truth(self.venue, self._ours), self.promises.ledger(self.sites[0])):
            self.promises.broken(promise, text)
            return
        site, facts = self.sites[0], self.journal()
        for found in (self.answers.judge(site, facts), self.notices.judge(site.name, facts, site.clock.wall())):
            for promise, text in found:
                self.promises.broken(promise, text)
                return

    def journal(self) -> list[AnyFact]:
        """What the daemon's own disk holds, from the first fact."""
        return [fact for _, fact in records(view(self.sites[0].disk), JOURNAL)]

    def _ours(self, order_id: OrderId) -> bool:
        """Did the daemon that is judged send it? A second one's orders are strangers to it."""
        sent = self.promises.submitted.get(order_id)
        return sent is not None and sent[1].startswith(f"{self.sites[0].name}.")

    def _counted(self) -> dict[str, int]:
        tables = (
            self.promises.counted(),
            self.guards.checks,
            self.answers.counts,
            self.notices.counts,
            self.hours.counts,
        )
        return {name: n for table in tables for name, n in table.items()}

    def run(self) -> Result:
        try:
            run_loop(self.loop, self._main())
        except (Deadlock, Livelock) as error:
            self.promises.broken("live", f"{type(error).__name__}: {error}")
        for who, message, fault in self.loop.faults:
            self.promises.broken("fault", f"{who}: {message}: {fault!r}")
        return Result(
            seed=self.plan.seed, violation=self.violation, digest=self.trace.digest(), steps=self.loop.steps,
            kills=_kills(self.sites), faults=dict(sorted(self.faults.items())),
            points=_added([site.points for site in self.sites]), sometimes=dict(sorted(self.chances.fired.items())),
            met={**dict(sorted(self.met.items())), **self._counted()}, story=list(self.trace.lines),
        )  # fmt: skip


def _kills(sites: list[Site]) -> int:
    return sum(site.kills for site in sites)


def _added(tables: list[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for table in tables:
        for key, n in table.items():
            found[key] = found.get(key, 0) + n
    return dict(sorted(found.items()))


ALIVE: list[World] = []  # a world that ended is kept: collecting it would run the `finally` of the killed


def run(plan: Plan, *, keep: bool = False) -> Result:
    """One world from beginning to end. The collector stays off; the process that runs many worlds ends with `os._exit`."""
    gc.disable()
    world = World(plan, keep=keep)
    ALIVE.append(world)
    return world.run()
