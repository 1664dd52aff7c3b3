"""A broker that does what the test says, call by call: a fake of ports.Broker with a venue of its own behind it.

The venue half (`orders`, `executions`, `held`) is the truth that questions are answered from; the script says what goes wrong on
the way. `script["submit"]` and the others hold the outcomes of the next calls, oldest first; without one a call just works.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from tradingd.core.events import (
    Bar,
    FillSeen,
    OrderAccepted,
    OrderCancelled,
    OrderReplaced,
)  # fmt: skip
from tradingd.core.types import (
    AccountId,
    ExecId,
    Instrument,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip
from tradingd.ports import (
    AccountReport,
    LinkDown,
    OrderReport,
    PositionsReport,
    Quirks,
    SessionTaken,
    Sink,
    VenueRefused,
)

WORKS = "works"  # it arrives and is answered
SILENT = "silent"  # it arrives, the answer is lost
BEFORE = "down before"  # LinkDown, and nothing arrived
AFTER = "down after"  # LinkDown, and it arrived
HANGS = "hangs"  # it arrives and the call never returns
LOST = "lost"  # the call returns and nothing arrived
REFUSED = "refused"  # VenueRefused


class FakeBroker:
    """calls: what was asked, in order, as (name, argument).   on_submit: looks at each order before anything of it is written."""

    name = "fake"

    def __init__(self, account: AccountId, now: Callable[[], int], *, quirks: Quirks | None = None) -> None:
        self.account_id = account
        self.quirks = quirks or Quirks(never_after_s=30.0, ack_timeout_s=0.05)
        self.script: dict[str, deque[str]] = defaultdict(deque)
        self.calls: list[tuple[str, str]] = []
        self.on_submit: list[Callable[[Order], None]] = []
        self.orders: dict[OrderId, OrderReport] = {}
        self.hidden: set[OrderId] = set()  # the venue has them, and does not show them yet
        self.executions: list[FillSeen] = []
        self.held: dict[Symbol, Qty] = {}
        self.cash = Money(Decimal(100_000))
        self.tradables = [Instrument(symbol=Symbol(s), sector=s) for s in ("AAA", "BBB")]
        self.bars: dict[Symbol, list[Bar]] = {}
        self.answers_as = account  # the account the venue says this is
        self.sink: Sink | None = None
        self.why_closed: asyncio.Future[str] | None = None
        self._now = now

    # the venue's own doing ------------------------------------------------------------------------------------------------

    def say(self, event: object) -> None:
        """Tell the session, when there is one."""
        if self.sink is not None:
            self.sink(event)  # type: ignore[arg-type]

    def fill(self, order_id: OrderId, qty: int | None = None, price: str = "100.00", *, told: bool = True) -> FillSeen:
        """Execute an order of ours; told False: the message is lost."""
        report = self.orders[order_id]
        amount = Qty(report.qty - report.cum_qty if qty is None else Decimal(qty))
        cum = Qty(report.cum_qty + amount)
        status = "filled" if cum == report.qty else report.status
        self.orders[order_id] = msgspec.structs.replace(report, cum_qty=cum, status=status)
        seen = self.execution(order_id, report.symbol, report.side, amount, price)
        if told:
            self.say(seen)
        return seen

    def execution(self, order_id: OrderId, symbol: Symbol, side: Side, qty: Qty, price: str) -> FillSeen:
        n = len(self.executions) + 1
        seen = FillSeen(
            ts=self._now(), account=self.account_id, order_id=order_id, exec_id=ExecId(f"X{n}"), symbol=symbol, side=side,
            qty=qty, price=Price(Decimal(price)), fee=Money(Decimal(0)), cursor=n,
        )  # fmt: skip
        self.executions.append(seen)
        now_held = Qty(self.held.get(symbol, Decimal(0)) + side.sign * qty)
        self.held = {s: q for s, q in {**self.held, symbol: now_held}.items() if q}
        return seen

    def accepted(self, order_id: OrderId) -> OrderAccepted:
        return OrderAccepted(
            ts=self._now(),
            account=self.account_id,
            order_id=order_id,
            venue_order_id=self.orders[order_id].venue_order_id,
        )

    def hang_up(self, why: str) -> None:
        """End the session from the venue's side."""
        self.sink = None
        if self.why_closed is not None and not self.why_closed.done():
            self.why_closed.set_result(why)

    def take(self, order: Order) -> None:
        """The venue has it now; the same id twice is one order."""
        if order.order_id not in self.orders:
            self.orders[order.order_id] = OrderReport(
                order_id=order.order_id, venue_order_id=VenueOrderId(f"V{len(self.orders) + 1}"), symbol=order.symbol,
                side=order.side, type=order.type, qty=order.qty, cum_qty=Qty(Decimal(0)), status="working", limit=order.limit,
                stop=order.stop,
            )  # fmt: skip

    def foreign(self, symbol: str, qty: int) -> None:
        """Somebody else's order on the account."""
        venue_id = VenueOrderId(f"F{len(self.orders) + 1}")
        self.orders[OrderId(f"foreign {venue_id}")] = OrderReport(
            order_id=OrderId(""), venue_order_id=venue_id, symbol=Symbol(symbol), side=Side.BUY, type=OrderType.LIMIT,
            qty=Qty(Decimal(qty)), cum_qty=Qty(Decimal(0)), status="working", limit=Price(Decimal(1)),
        )  # fmt: skip

    # ports.Broker ---------------------------------------------------------------------------------------------------------

    async def connect(self, sink: Sink) -> None:
        self._before("connect")
        self.sink = sink
        self.why_closed = asyncio.get_running_loop().create_future()

    def kick(self) -> None:
        """Somebody else logged in to the account."""
        self.sink = None
        assert self.why_closed is not None
        self.why_closed.set_exception(SessionTaken("another login took over"))

    async def wait_closed(self) -> str:
        assert self.why_closed is not None
        return await self.why_closed

    async def close(self) -> None:
        self._before("close")
        self.hang_up("closed by us")

    async def submit(self, order: Order) -> None:
        for look in self.on_submit:
            look(order)
        await self._write(
            "submit", order.order_id, lambda: self.take(order), lambda: self.say(self.accepted(order.order_id))
        )

    async def cancel(self, order_id: OrderId) -> None:
        report = self.orders.get(order_id)
        if report is None or report.status != "working":
            self.calls.append(("cancel", order_id))
            raise VenueRefused("TOO_LATE", "nothing works under that id")
        gone = msgspec.structs.replace(report, status="cancelled")
        said = OrderCancelled(ts=self._now(), account=self.account_id, order_id=order_id, cum_qty=report.cum_qty)
        await self._write("cancel", order_id, lambda: self.orders.update({order_id: gone}), lambda: self.say(said))

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        changed = msgspec.structs.replace(self.orders[order_id], rev=rev, qty=qty, limit=limit, stop=stop)
        said = OrderReplaced(
            ts=self._now(), account=self.account_id, order_id=order_id, rev=rev, qty=qty, limit=limit, stop=stop
        )
        await self._write("replace", order_id, lambda: self.orders.update({order_id: changed}), lambda: self.say(said))

    async def query(self, order_id: OrderId) -> OrderReport | None:
        self._before("query", order_id)
        return None if order_id in self.hidden else self.orders.get(order_id)

    async def open_orders(self) -> Sequence[OrderReport]:
        self._before("open_orders")
        return [r for order_id, r in self.orders.items() if r.status == "working" and order_id not in self.hidden]

    async def fills(self, since: int) -> Sequence[FillSeen]:
        self._before("fills", str(since))
        return self.executions[since:]

    async def positions(self) -> PositionsReport:
        self._before("positions")
        return PositionsReport(positions=dict(self.held), cursor=len(self.executions), ts=self._now())

    async def account(self) -> AccountReport:
        self._before("account")
        return AccountReport(account=self.answers_as, currency="USD", cash=self.cash, equity=self.cash)

    async def instruments(self) -> Sequence[Instrument]:
        self._before("instruments")
        return self.tradables

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        self._before("history", symbol)
        return self.bars.get(symbol, [])

    # the script -----------------------------------------------------------------------------------------------------------

    def count(self, name: str) -> int:
        return len([1 for called, _ in self.calls if called == name])

    def _next(self, name: str, argument: str) -> str:
        self.calls.append((name, argument))
        script = self.script[name]
        return script.popleft() if script else WORKS

    def _before(self, name: str, argument: str = "") -> None:
        outcome = self._next(name, argument)
        if outcome == REFUSED:
            raise VenueRefused("NO", f"{name} is refused")
        if outcome != WORKS:
            raise LinkDown(f"{name}: {outcome}")

    async def _write(self, name: str, argument: str, arrive: Callable[[], None], answer: Callable[[], None]) -> None:
        outcome = self._next(name, argument)
        if outcome == REFUSED:
            raise VenueRefused("NO", f"{name} is refused")
        if outcome == BEFORE:
            raise LinkDown("the connection was reset")
        if outcome == LOST:
            return
        arrive()
        if outcome == AFTER:
            raise LinkDown("no answer: the connection was reset")
        if outcome == HANGS:
            await asyncio.get_running_loop().create_future()
        if outcome == WORKS:
            answer()
