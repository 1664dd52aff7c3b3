"""The simulated venue: the reference broker. In this process (`inproc.InprocSim`) or as its own process (`server`), reached over
a loopback websocket by `SimBroker`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tradingd.core.events import Bar, FillSeen
from tradingd.core.types import AccountId, Instrument, Order, OrderId, Price, Qty, Symbol
from tradingd.ports import AccountReport, Env, LinkDown, OrderReport, PositionsReport, Quirks, Sink
from tradingd_adapters.sim import parse, wire
from tradingd_adapters.sim.client import Connection
from tradingd_adapters.sim.settings import SimSettings

T = TypeVar("T")
PAGE = 100
QUIRKS: Quirks = SimSettings().quirks()
Settings = SimSettings


class SimBroker:
    """One account's connection to a simulated venue in another process. Implements `ports.Broker`.

    Events reach the sink while `wait_closed` or a question is awaited: the task that owns the connection awaits `wait_closed`.
    LinkUp and LinkLost are the shell's to say: `connect` returned, `wait_closed` returned. A 5xx after a submit comes as
    OrderUnknown. Fail points: K3 before and K5 after the write of an order, K6 ack read, K7 ack parsed, K9 fill read.
    """

    name = "sim"

    def __init__(self, env: Env, account: AccountId, settings: SimSettings) -> None:
        self.quirks = settings.quirks()
        self._env = env
        self._account = account
        self._settings = settings
        self._connection: Connection | None = None

    @property
    def quarantined(self) -> deque[tuple[bytes, str]]:
        """Frames of the present session that were not understood, with the reason."""
        return self._link().quarantined

    async def connect(self, sink: Sink) -> None:
        """Open, log in, subscribe. LinkDown; VenueRefused LOGIN."""
        s = self._settings
        fresh = Connection(
            self._env, self._account, sink, credit=s.credit, ack_s=s.ack_timeout_s, silence_s=s.silence_s
        )
        await fresh.open(s.url, s.key)
        self._connection = fresh

    async def wait_closed(self) -> str:
        """Read until the session ends; the reason. SessionTaken."""
        return await self._connection.wait_end() if self._connection else "not connected"

    async def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            await self._connection.end("closed by us")

    async def grant(self, n: int) -> None:
        """Let the venue publish n more quotes (settings.credit 0, pull pacing). LinkDown."""
        await self._link().send(wire.Credit(n=n))

    async def submit(self, order: Order) -> None:
        """Write the order once. LinkDown: the outcome is unknown."""
        link = self._link()
        frame = wire.New(
            req=link.number(), client_id=order.order_id, symbol=order.symbol, side=order.side.value,
            kind=order.type.value, tif=order.tif.value, qty=order.qty, limit=order.limit, stop=order.stop, trail=order.trail,
            reduce_only=order.reduce_only,
        )  # fmt: skip
        self._env.failpoint("K3")
        await link.send(frame)
        self._env.failpoint("K5")

    async def cancel(self, order_id: OrderId) -> None:
        """Write a cancel once. LinkDown."""
        link = self._link()
        await link.send(wire.Cancel(req=link.number(), client_id=order_id))

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        """Write an amend once. LinkDown."""
        link = self._link()
        await link.send(wire.Amend(req=link.number(), client_id=order_id, rev=rev, qty=qty, limit=limit, stop=stop))

    async def query(self, order_id: OrderId) -> OrderReport | None:
        """The venue's word on one order, None when it does not have it."""
        return await self._ask("order", parse.order_answer, client_id=order_id)

    async def open_orders(self) -> Sequence[OrderReport]:
        """All working orders, foreign ones too."""
        return await self._ask("open_orders", parse.orders_answer)

    async def fills(self, since: int) -> Sequence[FillSeen]:
        """Executions after that cursor: pages of 100, followed to the end."""
        out: list[FillSeen] = []
        while True:
            page = await self._ask("fills", partial(parse.fills_answer, since=since), since=since, n=PAGE)
            out += page
            if len(page) < PAGE:
                return out
            since = page[-1].cursor

    async def positions(self) -> PositionsReport:
        """All positions, signed, and the cursor they contain."""
        return await self._ask("positions", parse.positions_answer)

    async def account(self) -> AccountReport:
        """Balances."""
        return await self._ask("account", parse.account_answer)

    async def instruments(self) -> Sequence[Instrument]:
        """What can be traded."""
        return await self._ask("instruments", parse.instruments_answer)

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        """The last daily bars closed by now, oldest first."""
        return await self._ask("history", parse.history_answer, symbol=symbol, n=bars)

    def _link(self) -> Connection:
        if self._connection is None:
            raise LinkDown("not connected")
        return self._connection

    async def _ask(
        self,
        what: str,
        read: Callable[[wire.Answer], T],
        *,
        client_id: str = "",
        symbol: str = "",
        since: int = 0,
        n: int = 0,
    ) -> T:
        link = self._link()
        req = link.number()
        answer = await link.ask(req, wire.Ask(req=req, what=what, client_id=client_id, symbol=symbol, since=since, n=n))
        try:
            return read(answer)
        except parse.Malformed as e:
            await link.end(f"malformed answer: {e}")
            raise LinkDown(str(e)) from e
