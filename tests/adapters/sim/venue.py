"""The examiner's hand on the simulated venue, for the conformance suite and the simulator's own tests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from tests.conformance.broker import Truth, VenueControl
from tradingd.core.events import Quote
from tradingd.core.types import AccountId, Money, Qty, Side, Symbol
from tradingd.ports import Broker
from tradingd_adapters.sim.accounts import Arrival
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.market import Market

ACCOUNT = AccountId("demo")
AAPL = Symbol("AAPL")
SETTLE_NS = 200_000_000


def exchange(
    *, start: str = "2005-03-07", end: str = "2005-03-09", latency_ns: int = 2_000_000, silence_s: int = 10, seed: int = 0,
    symbols: tuple[str, ...] = ("AAPL",), cash: str = "1000000", faults: Faults | None = None,
) -> Exchange:  # fmt: skip
    """A venue with one account on a few real sessions."""
    settings = ExchangeSettings(latency_in_ns=latency_ns, latency_out_ns=latency_ns, silence_ns=silence_s * 10**9)
    market = Market(start=start, end=end, symbols=[Symbol(s) for s in symbols])
    return Exchange(market, {ACCOUNT: Money(Decimal(cash))}, settings=settings, faults=faults or Faults(seed))


class SimVenue(VenueControl):
    """Moves an exchange that lives in this process."""

    account = ACCOUNT
    symbol = AAPL

    def __init__(self, venue: Exchange, another: Callable[[], Broker], silence_s: float) -> None:
        self.exchange = venue
        self._another = another
        self._silence_s = silence_s

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            self.exchange.run_until(self.exchange.now + SETTLE_NS)

    async def quotes(self, n: int) -> None:
        self.exchange.advance_market(n)
        await asyncio.sleep(0)

    async def shown(self, bid: Decimal, ask: Decimal, size: int = 10_000) -> None:
        seq = self.exchange.quotes + 1_000_000
        self.exchange.quotes += 1
        quote = Quote(
            self.symbol, float(bid), float(ask), self.exchange.now, bid_size=size, ask_size=size, seq=seq, source="sim"
        )
        self.exchange.show(quote)

    async def end_session(self) -> None:
        while self.exchange.floor.open:
            self.exchange.run_next()
        await asyncio.sleep(0)

    def fault(self, name: str) -> None:
        self.exchange.faults.arm(Fault(name))

    def silence(self) -> None:
        self.exchange.faults.silence = True

    async def silence_passes(self) -> None:
        if self.exchange.settings.silence_ns:
            self.exchange.advance_market(2)
        await asyncio.sleep(self._silence_s)

    def disconnect(self) -> None:
        self.exchange.disconnect(ACCOUNT)

    def foreign(self, side: Side, qty: Decimal) -> None:
        self.exchange.foreign(ACCOUNT, self.symbol, side, Qty(qty))

    def truth(self) -> Truth:
        mine = self.exchange.floor.accounts[ACCOUNT]
        made = [r for r in self.exchange.records if isinstance(r, Arrival) and r.kind == "submit"]
        orders = Counter(r.order_id for r in made if r.outcome == "accepted" or r.outcome.startswith("rejected"))
        filled: dict[str, Decimal] = {}
        for fill in mine.fills:
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.qty
        return Truth(dict(orders), mine.position(self.symbol), filled, len(mine.fills))

    def second(self) -> Broker:
        return self._another()
