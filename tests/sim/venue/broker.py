"""The daemon's end: the `ports.Broker` of one daemon life, speaking to the venue through the weather of its host.

It does what an adapter does and no more: one write an attempt, LinkDown where the outcome is unknown, VenueRefused where it is
proven, a session ended after silence. Calls run in the host's context; a dead host's calls never return.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any

from tests.sim.venue import render
from tests.sim.venue.links import Links, Session
from tests.sim.venue.records import HostLike, Outcome, Word
from tests.sim.venue.venue import Venue
from tradingd.core.events import Bar, Event, FillSeen, OrderAccepted, Quote
from tradingd.core.types import AccountId, Instrument, Money, Order, OrderId, Price, Qty, Symbol
from tradingd.ports import (
    AccountReport,
    LinkDown,
    OrderReport,
    PositionsReport,
    Quirks,
    SessionTaken,
    Sink,
    Throttled,
    VenueRefused,
)  # fmt: skip

DOWN = "down"  # kind of an answer that did not come


class VenueBroker:
    """on_submit: called when bytes of an order are handed over, before anything else.   on_event: each event, right before the sink
    gets it.   failpoint: told K5 (bytes sent), K6 (an answer lies in the buffer), K7 (it was read), K9 (a fill was read).
    wall: the host's clock, ns.   logins: how many this life tried."""

    def __init__(self, venue: Venue, links: Links, host: HostLike, account: AccountId) -> None:
        self.venue = venue
        self.links = links
        self.host = host
        self.account_id = account
        self.name = venue.personality.name
        self.quirks: Quirks = venue.personality.quirks
        self.on_submit: Callable[[Order], None] | None = None
        self.on_event: Callable[[Event], None] | None = None
        self.failpoint: Callable[[str], None] = lambda _name: None
        self.wall = venue.wall
        self.logins = 0
        self._loop = venue.loop
        self._session: Session | None = None
        self._sink: Sink | None = None
        self._ready = False
        self._why: asyncio.Future[str] | None = None
        self._login: asyncio.Future[Outcome] | None = None
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._asked = 0
        self._inbox: deque[Word | Quote] = deque()
        self._pumping = False
        self._context: Context | None = None
        self._heard_at = 0.0
        self._names: dict[str, OrderId] = {}  # by venue id, where the venue does not carry ours

    # the session ----------------------------------------------------------------------------------------------------------

    async def connect(self, sink: Sink) -> None:
        await self._alive()
        if self._session is not None:
            self.links.end(self._session, "a new login")
        self.logins += 1
        self._sink, self._ready = sink, False
        self._inbox.clear()
        self._context = copy_context()
        self._why = self._loop.create_future()
        session = self.links.open(self.host.name, self._hear, self._ended)
        self._session = session
        self.links.write(session, self.venue.login, session, self.links)
        outcome = await self._answer(2 * self.quirks.ack_timeout_s, "login")
        if outcome.kind != "ok":
            self.links.end(session, outcome.text or outcome.code)
            raise _refusal(outcome) if outcome.kind == "refused" else LinkDown(outcome.text)
        self._ready = True
        self._heard_at = self._loop.time()
        self._watch(session)
        self._wake()

    async def wait_closed(self) -> str:
        await self._alive()
        if self._why is None:
            raise LinkDown("not connected")
        why = await asyncio.shield(self._why)
        if why.startswith("taken over"):
            raise SessionTaken(why)
        return why

    async def close(self) -> None:
        await self._alive()
        if self._session is not None:
            self.links.end(self._session, "closed by us")

    def _ended(self, why: str) -> None:
        """The host's end of the session died: whoever waits for an answer learns that none comes."""
        self._session, self._ready = None, False
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_result(Outcome(DOWN, text=why))
        if self._why is not None and not self._why.done():
            self._why.set_result(why)

    def _watch(self, session: Session) -> None:
        """Silence for quirks.silence_s is a dead session (D2)."""
        if self._session is not session:
            return
        left = self._heard_at + self.quirks.silence_s - self._loop.time()
        if left <= 1e-6:
            self.links.end(session, f"silence for {self.quirks.silence_s} s")
        else:
            self._loop.call_later(left, self._watch, session)

    async def _alive(self) -> None:
        if self.host.dead:
            await self._loop.create_future()

    async def _open(self) -> Session:
        await self._alive()
        if self._session is None or not self._ready:
            raise LinkDown("not connected")
        return self._session

    # what comes in --------------------------------------------------------------------------------------------------------

    def _hear(self, what: Word | Quote) -> None:
        """In the world's context: bytes are in the host's buffer; the host reads them when it runs."""
        if not self.host.dead:
            self._inbox.append(what)
            self._wake()

    def _wake(self) -> None:
        if self._inbox and not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump, context=self._context)

    def _pump(self) -> None:
        self._pumping = False
        while self._inbox and self._session is not None:
            if not self._ready and self._logged_in(self._inbox):
                return
            self._one(self._inbox.popleft())

    def _logged_in(self, inbox: deque[Word | Quote]) -> bool:
        """True: the rest waits until `connect` has returned."""
        while inbox and isinstance(inbox[0], Quote):  # of a faster channel: the next one will do
            inbox.popleft()
        first = inbox[0] if inbox else None
        if first is None or isinstance(first, Quote) or first.kind != "login":
            return True
        inbox.popleft()
        kind = "refused" if "refused" in first.what else DOWN if "down" in first.what else "ok"
        outcome = Outcome(kind, code=first.what.get("refused", ""), text=first.what.get("down", ""))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(outcome)
        return True

    def _one(self, what: Word | Quote) -> None:
        if isinstance(what, Quote):
            self._pass_on(render.own_copy(what, self.wall()))
            return
        self._heard_at = self._loop.time()
        if what.kind == "logout":
            assert self._session is not None
            self.links.end(self._session, what.what["why"])
            return
        event = render.event(self.account_id, what, self._name, cursor=self.quirks.fill_cursor)
        if event is None:
            return
        self.failpoint("K9" if isinstance(event, FillSeen) else "K6")
        self._pass_on(event)
        if isinstance(event, OrderAccepted):
            self.failpoint("K7")

    def _pass_on(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)
        if self._sink is not None:
            self._sink(event)

    def _name(self, client_id: str, venue_id: str) -> OrderId:
        if self.quirks.client_order_ids:
            return OrderId(client_id)
        return self._names.get(venue_id, OrderId(""))

    # what goes out --------------------------------------------------------------------------------------------------------

    async def submit(self, order: Order) -> None:
        session = await self._open()
        if self.on_submit is not None:
            self.on_submit(order)
        await self._write(session, "submit", order.order_id, order, {})

    async def cancel(self, order_id: OrderId) -> None:
        await self._write(await self._open(), "cancel", order_id, None, {})

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        await self._write(await self._open(), "replace", order_id, (rev, qty, limit, stop), {"rev": rev})

    async def _write(self, session: Session, kind: str, order_id: OrderId, content: Any, extra: dict[str, Any]) -> None:
        number = self._number() if self.venue.personality.sync else 0
        self.links.write(session, self._at_venue, session, number, kind, order_id, content, extra)
        self.failpoint("K5")
        if self.links.loses_ack():
            self.links.end(session, "connection reset while writing", silent=True)
            raise LinkDown("connection reset while writing")
        if number:
            outcome = await self._answer(2 * self.quirks.ack_timeout_s, kind, number)
            if outcome.kind == "refused":
                raise _refusal(outcome)
            if outcome.kind != "ok":
                raise LinkDown(f"unknown outcome: {outcome.text}")

    def _at_venue(
        self, session: Session, number: int, kind: str, order_id: OrderId, content: Any, extra: dict[str, Any]
    ) -> None:
        outcome = self.venue.receive(session, kind, order_id, content)
        if outcome is None:
            return
        if number:
            self.links.answer(session, self._reply, session, number, order_id, outcome)
        elif outcome.kind != "ok":
            what = {"code": outcome.code, "text": outcome.text, **extra}
            self.links.word(session, Word(f"{kind}_{outcome.kind}", self.venue.wall(), order_id, what=what))

    def _reply(self, session: Session, number: int, order_id: OrderId, outcome: Outcome) -> None:
        """In the world's context: an answer reached the host."""
        order = self.venue.orders.get(order_id) if order_id else None
        if order is not None:
            self._names[order.venue_id] = order_id
        answer = self._waiting.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_result(outcome)

    def _number(self) -> int:
        self._asked += 1
        return self._asked

    async def _answer(self, within_s: float, what: str, number: int = 0) -> Outcome:
        """The answer, or one of kind DOWN when it does not come."""
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting[number] = answer
        timer = self._loop.call_later(within_s, self._give_up, answer, f"no answer to {what} in {within_s} s")
        try:
            return await answer
        finally:
            timer.cancel()
            if self._waiting.get(number) is answer:
                del self._waiting[number]

    def _give_up(self, answer: asyncio.Future[Outcome], why: str) -> None:
        if not answer.done():
            answer.set_result(Outcome(DOWN, text=why))

    # questions ------------------------------------------------------------------------------------------------------------

    async def _ask(self, kind: str, look: Callable[[], Any], order_id: str = "") -> Any:
        session = await self._open()
        number = self._number()
        self.links.ask(session, self._question, session, number, kind, order_id, look)
        outcome = await self._answer(2 * self.quirks.ack_timeout_s, kind, number)
        if outcome.kind == "refused":
            raise _refusal(outcome)
        if outcome.kind == DOWN:
            raise LinkDown(outcome.text)
        return outcome.value

    def _question(self, session: Session, number: int, kind: str, order_id: str, look: Callable[[], Any]) -> None:
        outcome = self.venue.question(session, kind, order_id, look)
        self.links.answer(session, self._reply, session, number, OrderId(""), outcome)

    async def query(self, order_id: OrderId) -> OrderReport | None:
        def look() -> OrderReport | None:
            order = self.venue.find(order_id)
            if order is None or (not self.quirks.client_order_ids and order.venue_id not in self._names):
                return None
            return render.report(order, self._name)

        report: OrderReport | None = await self._ask("query", look, order_id)
        return report

    async def open_orders(self) -> Sequence[OrderReport]:
        reports: Sequence[OrderReport] = await self._ask(
            "open_orders", lambda: [render.report(order, self._name) for order in self.venue.listed()]
        )
        return reports

    async def fills(self, since: int) -> Sequence[FillSeen]:
        has = self.quirks.fill_cursor
        fills: Sequence[FillSeen] = await self._ask(
            "fills",
            lambda: [
                render.fill(self.account_id, e, self._name, cursor=has)
                for e in self.venue.executions[since if has else 0 :]
            ],
        )
        return fills

    async def positions(self) -> PositionsReport:
        def look() -> PositionsReport:
            held = {symbol: Qty(qty) for symbol, qty in self.venue.positions().items()}
            cursor = len(self.venue.executions) if self.quirks.fill_cursor else 0
            return PositionsReport(positions=held, cursor=cursor, ts=self.venue.wall())

        report: PositionsReport = await self._ask("positions", look)
        return report

    async def account(self) -> AccountReport:
        def look() -> AccountReport:
            cash, equity = Money(self.venue.floor.cash), Money(self.venue.floor.equity())
            return AccountReport(account=self.account_id, currency="USD", cash=cash, equity=equity)

        report: AccountReport = await self._ask("account", look)
        return report

    async def instruments(self) -> Sequence[Instrument]:
        found: Sequence[Instrument] = await self._ask(
            "instruments", lambda: [Instrument(symbol=Symbol(s), sector=s) for s in self.venue.symbols]
        )
        return found

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        found: Sequence[Bar] = await self._ask("history", lambda: list(self.venue.bars(symbol, bars)))
        return found


def _refusal(outcome: Outcome) -> VenueRefused:
    kind = Throttled if outcome.code == "429" else VenueRefused
    return kind(outcome.code, outcome.text)
