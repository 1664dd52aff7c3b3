"""The venue: sessions, the record of every message it read, what it tells whom, and the faults that are its own.

Everything here runs in the world's context, never in a host's. The truth for oracles is in `arrivals`, `orders`, `executions` and
`positions()`; nothing of it is made by the product's code.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tests.sim.venue.floor import Floor
from tests.sim.venue.links import Links, Session
from tests.sim.venue.personality import Personality
from tests.sim.venue.records import OK, Arrival, Blow, Execution, Outcome, Tell, VenueOrder, Word
from tests.sim.venue.strikes import Strikes
from tradingd.core.types import OrderId, Symbol, Tif

Bars = Callable[[str, int], Sequence[Any]]
REJECTS = Outcome("refused", "NO", "not today")
UNHEARD = Outcome("unknown", "Z999", "order routed (see desk)")  # a text that no table knows
TOO_MANY = Outcome("refused", "429", "too many requests")


class Venue:
    """bars: where daily history comes from, set by the world.   on_split: told (symbol, ratio) so that the market divides too.
    read_by: called with each arrival, before anything comes of it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, personality: Personality, rng: random.Random, symbols: tuple[str, ...],
        wall: Callable[[], int], tell: Tell,
    ) -> None:  # fmt: skip
        self.loop = loop
        self.personality = personality
        self.symbols = symbols
        self.wall = wall
        self.tell = tell
        self.floor = Floor(loop, personality, random.Random(rng.getrandbits(64)), symbols, wall, self.say)
        self.arrivals: list[Arrival] = []
        self.lost_late = 0  # messages of dead connections that were never read
        self.sessions: list[Session] = []
        self.links: dict[int, Links] = {}
        self.bars: Bars = lambda _symbol, _n: ()
        self.on_split: Callable[[str, int], None] | None = None
        self._strikes = Strikes(random.Random(rng.getrandbits(64)))
        self._logins = 0
        self._beating = False
        self._splits: list[Word] = []
        self._tokens, self._filled_at = personality.quirks.rate_per_s, 0.0

    # the truth ------------------------------------------------------------------------------------------------------------

    @property
    def orders(self) -> dict[str, VenueOrder]:
        return self.floor.orders

    @property
    def executions(self) -> list[Execution]:
        return self.floor.executions

    @property
    def struck(self) -> dict[str, int]:
        """How often each kind of fault hit something."""
        return self._strikes.struck

    def positions(self) -> dict[Symbol, Decimal]:
        """True, signed, no zeros."""
        return self.floor.positions()

    def on_quote(self, symbol: str, bid: float, ask: float) -> None:
        self.floor.on_quote(Symbol(symbol), bid, ask)

    def publish(self, quote: Any) -> None:
        """Market data, true or not, to everybody who is logged in."""
        for session in self.sessions:
            self.links[session.number].quote(session, quote)

    def end_session(self) -> None:
        self.floor.end_session()

    # sessions -------------------------------------------------------------------------------------------------------------

    def login(self, session: Session, links: Links) -> None:
        """A login was read. What it is told comes as the first word."""
        if session.ended_at is not None:
            return None
        if links.refuses_login():
            self.tell(f"venue: login of {session.host} is refused")
            return links.word(session, Word("login", self.wall(), what={"refused": "LOGIN"}))
        if self._strikes.on("venue.down"):
            return links.word(session, Word("login", self.wall(), what={"down": "maintenance"}))
        for other in tuple(self.sessions):
            if self.links[other.number] is links:
                self.lost(other)
            elif self.personality.kicks:
                self.kick(other, "taken over: the account logged in elsewhere")
        self._logins += 1
        session.number = self._logins
        session.lost = self.lost
        self.links[session.number] = links
        self.sessions.append(session)
        self._read(session, "login", "", None, OK)
        links.word(session, Word("login", self.wall()))
        for word in (*self._notices(), *(self._again() if self.personality.replay else ())):
            links.word(session, word)
        if not self._beating:
            self._beat()
        return None

    def _notices(self) -> list[Word]:
        """What a newcomer must know: splits of the day, what is halted, and what is traded again."""
        what = [
            {"symbol": s, "tradable": n == 0, "why": "halted" if n else "resumed"} for s, n in self.floor.halted.items()
        ]
        return self._splits + [Word("status", self.wall(), what=each) for each in what]

    def _again(self) -> list[Word]:
        return [Word("fill", e.ts, e.order_id, e.venue_id, {"execution": e}) for e in self.executions]

    def lost(self, session: Session) -> None:
        """The connection is gone; who wants it so loses his day orders."""
        if session not in self.sessions:
            return
        self.sessions.remove(session)
        self.tell(f"venue: session {session.number} of {session.host} is gone")
        if self.personality.quirks.cancel_on_disconnect:
            for order in self.floor.working():
                if order.session == session.number and order.tif is not Tif.GTC:
                    self.floor.end(order, "cancelled", "disconnect")

    def kick(self, session: Session, why: str) -> None:
        self.links[session.number].word(session, Word("logout", self.wall(), what={"why": why}))
        self.lost(session)

    def say(self, word: Word) -> None:
        """To every session of the account."""
        for session in self.sessions:
            self.links[session.number].word(session, word)

    def _beat(self) -> None:
        """Heartbeats, while anybody is there."""
        self._beating = bool(self.sessions)
        if self._beating:
            self.say(Word("heartbeat", self.wall()))
            self.loop.call_later(self.personality.quirks.silence_s / 2, self._beat)

    # messages -------------------------------------------------------------------------------------------------------------

    def receive(self, session: Session, kind: str, order_id: OrderId, content: Any) -> Outcome | None:
        """A submit, cancel or replace arrives. None: it was not read, or nobody is left to be answered."""
        late = session not in self.sessions or session.ended_at is not None
        if late and self._never_read(session):
            self.lost_late += 1
            return None
        outcome = self._handle(session, kind, order_id, content)
        self._read(session, kind, order_id, content, outcome, late=late)
        return outcome if not late else None

    def _never_read(self, session: Session) -> bool:
        """What the venue itself ended it reads no more of; of what the host lost it reads what is under way, for some time (A20),
        unless a newer login fences it."""
        if self._strikes.on("venue.down") or session.ended_at is None:
            return True
        if self.personality.fences and session.number < self._logins:
            return True
        return self.loop.time() - session.ended_at > self.personality.late_max_s

    def _handle(self, session: Session, kind: str, order_id: OrderId, content: Any) -> Outcome:
        if not self._spend():
            return TOO_MANY
        if kind == "cancel":
            return self.floor.cancel(order_id)
        if kind == "replace":
            return self.floor.replace(order_id, *content)
        if self._strikes.chance("venue.reject"):
            return REJECTS
        outcome = self.floor.submit(content, session.number)
        return UNHEARD if outcome is OK and self._strikes.chance("venue.false_reject") else outcome

    def question(self, session: Session, kind: str, order_id: str, look: Callable[[], Any]) -> Outcome:
        """A question arrives: answered by what is true (and shown) now."""
        outcome = Outcome("ok", value=look()) if not self._strikes.on("venue.rate") or self._spend() else TOO_MANY
        self._read(session, kind, order_id, None, outcome)
        return outcome

    def find(self, order_id: str) -> VenueOrder | None:
        """What a question by client id is shown."""
        order = self.orders.get(order_id)
        return order if order is not None and self.loop.time() >= order.visible_at else None

    def listed(self) -> list[VenueOrder]:
        """What a question for working orders is shown."""
        now = self.loop.time()
        return [order for order in self.floor.working() if now >= order.visible_at]

    def _read(
        self, session: Session, kind: str, order_id: str, content: Any, outcome: Outcome, *, late: bool = False
    ) -> None:
        arrival = Arrival(
            self.loop.time(), self.wall(), session.number, session.host, kind, order_id, content, outcome, late
        )
        self.arrivals.append(arrival)
        if kind in ("submit", "cancel", "replace", "login"):
            self.tell(f"venue: {kind} {order_id} on {session.number} of {session.host}: {outcome.kind} {outcome.code}")

    def _spend(self) -> bool:
        """One of the orders the account may send each second; while venue.rate is on, of all its requests."""
        rate = min(self._strikes.values("venue.rate"), default=self.personality.quirks.rate_per_s)
        now = self.loop.time()
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if self._tokens < 1.0:
            self._strikes.hit("venue.rate")
            return False
        self._tokens -= 1.0
        return True

    # faults ---------------------------------------------------------------------------------------------------------------

    def apply(self, fault: Blow) -> None:
        """Begin a venue.* fault; one with a length ends by itself."""
        symbol = Symbol(fault.target)
        match fault.kind:
            case "venue.foreign" if symbol in self.floor.tops:
                order = self.floor.foreign(symbol, Decimal(int(fault.value)), fault.n == 1)
                if fault.for_s:
                    self.loop.call_later(fault.for_s, self._withdraw, order)
            case "venue.drift":
                self.floor.held[symbol] += Decimal(int(fault.value))
            case "venue.overfill":
                self.floor.overfills += max(1, fault.n)
            case "venue.takeover":
                for session in tuple(self.sessions):
                    self.kick(session, "taken over: the account logged in elsewhere")
            case "venue.split":
                self._splits.append(self.floor.split(symbol, fault.n))
                if self.on_split is not None:
                    self.on_split(symbol, fault.n)
            case _:
                self._begin(fault)
                return
        self._strikes.hit(fault.kind)

    def heal(self) -> None:
        """All lasting faults end now."""
        for fault in self._strikes.now():
            self._finish(fault)
        self.floor.overfills = 0

    def _begin(self, fault: Blow) -> None:
        self._strikes.begin((fault.kind,), fault)
        match fault.kind:
            case "venue.halt":
                self.floor.halt(Symbol(fault.target), 1)
                self._strikes.hit(fault.kind)
            case "venue.visibility":
                self.floor.lag_s = fault.value
                self._strikes.hit(fault.kind)
            case "venue.down":
                self._strikes.hit(fault.kind)
                for session in tuple(self.sessions):
                    self.kick(session, "maintenance")
            case _:
                pass
        self.loop.call_later(fault.for_s, self._finish, fault)

    def _finish(self, fault: Blow) -> None:
        if not self._strikes.finish((fault.kind,), fault):
            return
        if fault.kind == "venue.halt":
            self.floor.halt(Symbol(fault.target), -1)
        elif fault.kind == "venue.visibility":
            self.floor.lag_s = max(self._strikes.values(fault.kind), default=0.0)

    def _withdraw(self, order: VenueOrder) -> None:
        if order.status == "working":
            self.floor.end(order, "cancelled", "withdrawn")
