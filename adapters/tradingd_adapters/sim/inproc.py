"""The simulated venue in the same process: a Broker over an Exchange, driven in lockstep by whoever owns the exchange's time.

No task, no clock, no socket: a call hands its message over at the exchange's present time and returns at once; the driver turns
`exchange.next_ts()` / `exchange.run_next()`, and deliveries call the sink synchronously from there. Questions (query, fills ...)
are answered at once, after everything the session has said before. LinkUp and LinkLost are the shell's to say, as with every
adapter: `connect` returned, `wait_closed` returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tradingd.core.events import Bar, FillSeen
from tradingd.core.types import NS, AccountId, Instrument, Order, OrderId, Price, Qty, Symbol
from tradingd.ports import AccountReport, LinkDown, OrderReport, PositionsReport, Quirks, SessionTaken, Sink
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.session import TAKEN, Session


class InprocSim:
    """One account's connection to an exchange in this process. Implements `ports.Broker`.

    key: of the login.   quirks: `never_after_s` grows with the venue's delayed visibility, as the adapter must declare it.
    """

    name = "sim"

    def __init__(self, exchange: Exchange, account: AccountId, key: str = "") -> None:
        self.exchange = exchange
        self.quirks = Quirks(
            reduce_only=True,
            never_after_s=exchange.faults.visibility_ns / NS,  # 0: login fences the session before it
            silence_s=exchange.settings.silence_ns / NS,
        )
        self._account = account
        self._key = key
        self._session: Session | None = None
        self._closed = asyncio.Event()
        self._why = "not connected"

    async def connect(self, sink: Sink) -> None:
        """Log in; an older session of the account is fenced. VenueRefused LOGIN."""
        closed = asyncio.Event()

        def ended(why: str) -> None:
            self._why = why
            closed.set()

        self._closed = closed
        self._session = self.exchange.login(self._account, self._key, sink, ended)

    async def wait_closed(self) -> str:
        """The reason why the session ended; "not connected" before the first. SessionTaken: by another login."""
        if self._session is not None:
            await self._closed.wait()
        if self._why == TAKEN:
            raise SessionTaken(self._why)
        return self._why

    async def close(self) -> None:
        """End the session; what was sent still arrives unless a later login fences it."""
        if self._session is not None:
            self._session.end("closed by us")

    async def submit(self, order: Order) -> None:
        self._live().submit(order)

    async def cancel(self, order_id: OrderId) -> None:
        self._live().cancel(order_id)

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        self._live().replace(order_id, rev, qty, limit, stop)

    async def query(self, order_id: OrderId) -> OrderReport | None:
        self._asking()
        return self.exchange.query(self._account, order_id)

    async def open_orders(self) -> Sequence[OrderReport]:
        self._asking()
        return self.exchange.open_orders(self._account)

    async def fills(self, since: int) -> Sequence[FillSeen]:
        self._asking()
        return self.exchange.fills(self._account, since)

    async def positions(self) -> PositionsReport:
        self._asking()
        return self.exchange.positions(self._account)

    async def account(self) -> AccountReport:
        self._asking()
        return self.exchange.account(self._account)

    async def instruments(self) -> Sequence[Instrument]:
        return self.exchange.market.instruments()

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        return self.exchange.history(symbol, bars)

    def _live(self) -> Session:
        if self._session is None:
            raise LinkDown("not connected")
        return self._session

    def _asking(self) -> None:
        if self.exchange.faults.silence:
            raise LinkDown("no answer: the venue is silent")
        self._live().flush()
