"""The simulated venue as a whole: a synchronous discrete-event machine in its own time.

Its time is the market's (2000-2013) and moves only when somebody asks for it: `next_ts()` says when the next internal happening
is (a market item, an arriving message, a delivery), `run_next()` makes exactly that one happen. Nothing here waits, reads a
clock or knows the product's order code: it is the other side, and its records are the checker's truth.

Messages. What a session sends arrives after `latency_in_ns`, in order; what the venue says is delivered after `latency_out_ns` by
calling the session's sink; market data is delivered at once. A new login for an account fences the old session: nothing it sent
that has not been processed by then is ever processed, hence NOT FOUND after a new login is a proof (A13). A session that merely
ended is not fenced: what is in flight still arrives, as on a real network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from heapq import heappop, heappush

import msgspec

from tradingd.core.book.ledger import QTY_PLACES
from tradingd.core.events import (
    Bar,
    Dividend,
    Event,
    FillSeen,
    Financed,
    InstrumentStatus,
    OrderAccepted,
    OrderEvent,
    Quote,
    Split,
)
from tradingd.core.types import (
    NS,
    AccountId,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
    VenueOrderId,
)
from tradingd.ports import AccountReport, OrderReport, PositionsReport, Sink, VenueRefused
from tradingd_adapters.sim.accounts import CENT, Account, Arrival, Record
from tradingd_adapters.sim.block import FAR, Ahead, Stream
from tradingd_adapters.sim.bounds import Bounds
from tradingd_adapters.sim.carry import Carry
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.floor import Floor, FloorSettings, report
from tradingd_adapters.sim.market import CorporateAction, Feed, Item, SessionClose, SessionOpen
from tradingd_adapters.sim.matching import VenueOrder
from tradingd_adapters.sim.session import TAKEN, Ended, Session

MEMORY_NS = 60 * 86400 * NS  # a run at high speed is away for a week in half a second


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """latency_in_ns, latency_out_ns: each way of an order message, >= 0.   silence_ns: how long a session hears nothing before
    the other end gives it up (0: it is left to the other end).   reorder_ns: how long a reordered message is held back.
    carry: what it costs to hold over night."""

    floor: FloorSettings = FloorSettings()
    latency_in_ns: int = 2_000_000
    latency_out_ns: int = 2_000_000
    silence_ns: int = 10 * NS
    reorder_ns: int = 50_000_000
    carry: Carry = Carry()


class Exchange:
    """The venue. accounts: cash by account; keys: login key by account, none asked where absent.   record: gets every record as
    it is made (a log file); they are also kept in `records`, unless keep is False: years of them are many, and then the venue
    answers only about what works, and what ended, traded or was declared within the last MEMORY_NS of its own time."""

    def __init__(
        self, market: Feed, accounts: dict[AccountId, Money], *, settings: ExchangeSettings | None = None,
        faults: Faults | None = None, keys: dict[AccountId, str] | None = None, record: Callable[[Record], None] | None = None,
        keep: bool = True,
    ) -> None:  # fmt: skip
        self.market = market
        self.settings = settings or ExchangeSettings()
        self.faults = faults or Faults()
        self.keys = keys or {}
        self.records: list[Record] = []
        self._keep = keep
        self.quotes = 0  # market quotes published so far
        self.fractions: list[
            tuple[Symbol, str, Qty]
        ] = []  # what splits left beyond whole lots: of what, the day, how much
        self.floor = Floor(market, self.settings.floor, self.faults, self._say, self._record)
        self.floor.accounts = {n: Account(n, c, self.settings.floor.fees) for n, c in accounts.items()}
        self._write = record
        self._closed = ""  # date of the last session that is over
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._n = 0
        self._stream = Stream(market.items())
        self._item: Item | None = self._stream.item
        self.now = self._item.ts - 3600 * NS if self._item else 0
        self.floor.now = self.now

    # time -----------------------------------------------------------------------------------------------------------------

    def next_ts(self) -> int | None:
        """When the next happening is, ns; None when the market is over and nothing is under way."""
        item, heap = self._item, self._heap
        if item is None:
            due = heap[0][0] if heap else None
        else:
            due = heap[0][0] if heap and heap[0][0] < item.ts else item.ts
        if due is None or due > self.now:
            return due
        return self.now

    def next_is_market(self) -> bool:
        """Is the next happening a market item? Messages of the same moment come first."""
        return self._item is not None and not (self._heap and self._heap[0][0] <= self._item.ts)

    def run_next(self) -> None:
        """Make exactly the next happening happen; nothing when there is none."""
        item, heap = self._item, self._heap
        if item is not None and not (heap and heap[0][0] <= item.ts):
            self._stream.go_on()
            self._item = self._stream.item
            self._move(item.ts)
            self._happen(item)
        elif heap:
            ts, _, act = heappop(heap)
            self._move(ts)
            act()

    def run_until(self, ts: int) -> None:
        """Make everything up to and including ts happen, then stand at ts."""
        while (due := self.next_ts()) is not None and due <= ts:
            self.run_next()
        self._move(ts)

    def settle(self) -> None:
        """Make all that is due now happen except market items (messages and deliveries without latency)."""
        while self._heap and self._heap[0][0] <= self.now:
            self.run_next()

    def advance_market(self, n: int) -> int:
        """Go on until n more quotes were published, connected or not; how many there were before the end of the data."""
        goal = self.quotes + n
        while self.quotes < goal and self.next_ts() is not None:
            self.run_next()
        return n - (goal - self.quotes)

    def ahead(self) -> Ahead | None:
        """The quotes that come next as columns, where nothing of ours can come between: None when the next happening is none of
        them, and while faults may strike."""
        block, faults = self._stream.block, self.faults
        if block is None or not self.next_is_market() or faults.next or faults.rates or faults.silence or faults.halted:
            return None
        return Ahead(block, self._stream.row, self._heap[0][0] if self._heap else FAR)

    def bounds(self, symbol: Symbol) -> Bounds:
        """Prices between which a quote of that symbol changes nothing here but what is shown."""
        return self.floor.bounds(symbol)

    def show_row(self, row: int) -> None:
        """Show a later row of the block that `ahead` told of; `pass_over` must follow. Nobody can trade at the rows before it."""
        self._publish(self.see_row(row))

    def see_row(self, row: int) -> Quote:
        """Such a row is what orders meet from here on; it is told to nobody."""
        block = self._stream.block
        assert block is not None
        quote = block.quote(row)
        self._move(quote.ts)
        self.floor.quote(quote)
        return quote

    def pass_over(self, row: int) -> None:
        """The rows of the block before that one are over, shown or not."""
        self.quotes += row - self._stream.row
        self._stream.to(row)
        self._item = self._stream.item

    def at(self, ts: int, act: Callable[[], None]) -> None:
        """Put a happening on the calendar."""
        self._n += 1
        heappush(self._heap, (ts, self._n, act))

    def _move(self, ts: int) -> None:
        if ts > self.now:
            self.now = self.floor.now = ts

    # sessions and messages ------------------------------------------------------------------------------------------------

    def login(self, account: AccountId, key: str, sink: Sink, ended: Ended) -> Session:
        """Open a session; an older one of the account is ended and fenced. VenueRefused LOGIN for a wrong account or key.

        ended: called once with the reason when the session is over. Corporate actions of the last 60 days that touched the account
        are told again (the action id counts once).
        """
        mine = self.floor.accounts.get(account)
        if mine is None or self.keys.get(account, key) != key:
            raise VenueRefused("LOGIN", "unknown account or wrong key")
        if mine.session is not None:
            mine.session.end(TAKEN)
        mine.epoch += 1
        session = Session(self, mine, sink, ended)
        mine.session = session
        self._record(Arrival(ts=self.now, account=account, epoch=mine.epoch, kind="login", outcome="ok"))
        for ts, action in mine.actions:
            if ts > self.now - MEMORY_NS:
                self._deliver_later(session, action, 0)
        return session

    def disconnect(self, account: AccountId, why: str = "the venue closed the session") -> None:
        """End the account's session, if there is one, from the venue's side."""
        session = self.floor.accounts[account].session
        if session is not None:
            session.end(why)

    def read_submit(self, session: Session, order: Order) -> None:
        """A submit arrives."""
        before = self.faults.hit(Fault.DISCONNECT_AFTER_ACCEPT)
        if before:
            session.lose_acks.add(order.order_id)
        content = msgspec.json.encode(order).decode()
        outcome = self._read(
            session, "submit", order.order_id, content, lambda: self.floor.submit(session.account, order)
        )
        if before and outcome != "fenced":
            session.end("connection reset after the order was accepted")

    def read_cancel(self, session: Session, order_id: OrderId) -> None:
        """A cancel arrives."""
        self._read(session, "cancel", order_id, "", lambda: self.floor.cancel(session.account, order_id))

    def read_replace(
        self, session: Session, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None
    ) -> None:
        """An amend arrives."""
        act = partial(self.floor.replace, session.account, order_id, rev, qty, limit, stop)
        self._read(session, "replace", order_id, f"rev={rev} qty={qty} limit={limit} stop={stop}", act)

    def _read(self, session: Session, kind: str, order_id: str, content: str, act: Callable[[], str]) -> str:
        outcome = "fenced" if session.epoch != session.account.epoch else act()
        self._record(Arrival(
            ts=self.now, account=session.account.name, epoch=session.epoch, kind=kind, order_id=order_id, content=content,
            outcome=outcome))  # fmt: skip
        return outcome

    def _record(self, record: Record) -> None:
        if self._keep:
            self.records.append(record)
        if self._write is not None:
            self._write(record)

    # deliveries -------------------------------------------------------------------------------------------------------------

    def _say(self, account: Account, event: Event) -> None:
        session = account.session
        if session is None:
            return
        if isinstance(event, OrderAccepted) and self._ack_lost(session, event.order_id):
            return
        if isinstance(event, FillSeen) and self.faults.hit(Fault.DROP_FILL):
            return
        late = 0
        if isinstance(event, OrderEvent):
            late = self.settings.reorder_ns if self.faults.hit(Fault.REORDER) else 0
            if self.faults.hit(Fault.DUPLICATE):
                self._deliver_later(session, event, late)
        self._deliver_later(session, event, late)

    def _ack_lost(self, session: Session, order_id: OrderId) -> bool:
        if order_id in session.lose_acks:
            session.lose_acks.discard(order_id)
            return True
        return self.faults.hit(Fault.LOSE_ACK)

    def _deliver_later(self, session: Session, event: Event, late: int) -> None:
        self.at(self.now + self.settings.latency_out_ns + late, partial(self._deliver, session, event))

    def _deliver(self, session: Session, event: Event) -> None:
        if not session.alive:
            return
        if self.faults.silence:
            if session.silent_since is None:
                session.silent_since = self.now
                if self.settings.silence_ns:
                    self.at(self.now + self.settings.silence_ns, partial(self._give_up, session, self.now))
            return
        session.silent_since = None
        session.sink(event)

    def _give_up(self, session: Session, since: int) -> None:
        if session.silent_since == since:
            session.end(f"silence for {self.settings.silence_ns / NS:g} s")

    def _publish(self, event: Event) -> None:
        for account in self.floor.accounts.values():
            if account.session is not None:
                self._deliver(account.session, event)

    # the market -------------------------------------------------------------------------------------------------------------

    def _happen(self, item: Item) -> None:
        what = item.what
        if isinstance(what, Quote):
            self.quotes += 1
            self.show(what)
        elif isinstance(what, Bar):
            self._publish(what)
        elif isinstance(what, SessionOpen):
            self._carry(what.date)
            self.floor.open = True
        elif isinstance(what, SessionClose):
            self._closed = what.date
            self.floor.close()
            self._forget()
        elif isinstance(what, CorporateAction):
            self._act(what)

    def _carry(self, today: str) -> None:
        """The nights since the last close are charged and paid, before anything is traded."""
        if not self._closed:
            return
        nights = (date.fromisoformat(today) - date.fromisoformat(self._closed)).days
        for account in self.floor.accounts.values():
            for kind, amount in self.settings.carry.over(nights, account.cash, self.floor.short(account)):
                event = Financed(
                    ts=self.now, account=account.name, kind=kind, amount=Money(amount), action_id=f"{kind}:{today}"
                )
                self._record(account.adjust(self.now, kind, Symbol(""), Decimal(0), amount))
                account.actions.append((self.now, event))
                if account.session is not None:
                    self._deliver(account.session, event)

    def _forget(self) -> None:
        if not self._keep:
            for account in self.floor.accounts.values():
                account.forget(self.now - MEMORY_NS)

    def show(self, quote: Quote) -> None:
        """A top of book becomes visible: matched against what works, and told to everybody."""
        if quote.symbol in self.faults.halted:
            return
        if self.faults.hit(Fault.CROSSED):
            self._publish(Quote(quote.symbol, quote.ask, quote.bid, quote.ts, seq=quote.seq, source=quote.source))
            return
        self.floor.quote(quote)
        self._publish(quote)

    def _act(self, action: CorporateAction) -> None:
        for account in self.floor.accounts.values():
            held = account.position(action.symbol)
            if action.kind == "split":
                event: Split | Dividend = self._split_event(action)
                qty, cash = self._scaled(action, held) - held, Decimal(0)
            else:
                qty, cash = (
                    Decimal(0),
                    self.floor.grids[action.symbol].value(held, action.value).quantize(CENT, ROUND_HALF_EVEN),
                )
                event = Dividend(
                    ts=self.now, account=account.name, symbol=action.symbol, amount=Money(cash), action_id=action.id)  # fmt: skip
            if held:
                self._record(account.adjust(self.now, action.kind, action.symbol, qty, cash))
                account.actions.append((self.now, event))
            if account.session is not None and (held or action.kind == "split"):
                self._deliver(account.session, event)
        if action.kind == "split":
            self.floor.cancel_symbol(action.symbol, "split")
            self.floor.mids[action.symbol] = self.floor.mid(action.symbol) / action.value

    def _scaled(self, action: CorporateAction, held: Decimal) -> Decimal:
        """A position after a split, rounded as the books of its owner are."""
        exact = held * action.value
        qty = round(exact, QTY_PLACES)
        qty = exact if exact == qty else qty
        rest = abs(qty) % self.floor.grids[action.symbol].lot
        if rest:
            self.fractions.append((action.symbol, action.date, Qty(rest)))
        return qty

    def _split_event(self, action: CorporateAction) -> Split:
        return Split(ts=self.now, symbol=action.symbol, ratio=float(action.value), action_id=action.id)

    # questions --------------------------------------------------------------------------------------------------------------

    def query(self, account: AccountId, order_id: OrderId) -> OrderReport | None:
        """One order by client id; None when the venue does not have it, or does not show it yet (`faults.visibility_ns`)."""
        order = self.floor.accounts[account].orders.get(order_id)
        return report(order) if order is not None and self._visible(order) else None

    def open_orders(self, account: AccountId) -> list[OrderReport]:
        """All working orders of the account, foreign ones too, oldest first."""
        return [report(o) for o in self.floor.accounts[account].working.values() if self._visible(o)]

    def _visible(self, order: VenueOrder) -> bool:
        return self.now - order.ts >= self.faults.visibility_ns

    def fills(self, account: AccountId, since: int = 0, limit: int | None = None) -> list[FillSeen]:
        """Executions after that cursor, oldest first, at most `limit`. VenueRefused HISTORY for one before what is kept."""
        mine = self.floor.accounts[account]
        if since < mine.forgotten:
            raise VenueRefused("HISTORY", f"executions {since + 1} to {mine.forgotten} are kept no longer")
        rows = mine.fills[since - mine.forgotten :]
        return [row.seen() for row in (rows if limit is None else rows[:limit])]

    def positions(self, account: AccountId) -> PositionsReport:
        """True positions, and how many fills they contain."""
        mine = self.floor.accounts[account]
        held = {s: Qty(q) for s, q in sorted(mine.positions.items())}
        return PositionsReport(positions=held, cursor=mine.cursor, ts=self.now)

    def account(self, account: AccountId) -> AccountReport:
        """True cash, and equity at the last mids."""
        mine = self.floor.accounts[account]
        equity = self.floor.equity(mine)
        return AccountReport(account=account, currency="USD", cash=Money(mine.cash), equity=equity)

    def history(self, symbol: Symbol, n: int) -> list[Bar]:
        """The last n daily bars closed by now."""
        return self.market.history(symbol, n, self.now)

    # the venue's own doing ----------------------------------------------------------------------------------------------------

    def foreign(
        self, account: AccountId, symbol: Symbol, side: Side, qty: Qty, limit: Price | None = None
    ) -> VenueOrderId:
        """Somebody trades the account elsewhere: a day order, market or limit (D21). Its venue order id."""
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        order = VenueOrder(account, "", symbol, side, qty, kind, Tif.DAY, limit=limit)
        self.floor.foreign(self.floor.accounts[account], order)
        return VenueOrderId(order.venue_id)

    def cancel_foreign(self, account: AccountId, venue_order_id: VenueOrderId) -> None:
        """Whoever entered it takes it back; nothing when it no longer works."""
        self.floor.withdraw(self.floor.accounts[account], venue_order_id)

    def drift(self, account: AccountId, symbol: Symbol, qty: Qty) -> None:
        """The venue changes a position by qty (signed) without a trade (D24)."""
        self._record(self.floor.accounts[account].adjust(self.now, "drift", symbol, qty, Decimal(0)))

    def halt(self, symbol: Symbol, why: str = "halted") -> None:
        """Stop trading one symbol (F7): no quotes, no fills, new orders are rejected, cancels go."""
        self.faults.halted[symbol] = why
        self.floor.tops.pop(symbol, None)
        self._publish(InstrumentStatus(ts=self.now, symbol=symbol, tradable=False, why=why))

    def resume(self, symbol: Symbol) -> None:
        """End a halt."""
        if self.faults.halted.pop(symbol, None) is not None:
            self._publish(InstrumentStatus(ts=self.now, symbol=symbol, tradable=True))
