"""One quote's way through the whole house in this process: venue, inbox, core, journal, dispatch, and the page at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.lowlevel

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tradingd.app import house_of
from tradingd.config import config_hash
from tradingd.core.events import Action, Quote, Recommendation
from tradingd.core.facts import AnyFact, Decided, Filled, OrderIntended, StopSet
from tradingd.core.types import NS, AccountId, Money, Symbol
from tradingd.core.views.page import AccountView, PositionView
from tradingd.demo.config import demo_config
from tradingd.shell.desk import HouseDesk
from tradingd.shell.house import House
from tradingd.shell.journal import records
from tradingd_adapters.sim.accounts import Arrival
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.market import Market

ACCOUNT, AAPL = AccountId("demo"), Symbol("AAPL")
HOUR = 3600 * NS


class Floor:
    """The house beside its venue, moved by hand: one happening of the venue, then everything that follows from it."""

    def __init__(self, env: FakeEnv, house: House, exchange: Exchange, desk: HouseDesk) -> None:
        self.env, self.house, self.exchange, self.desk = env, house, exchange, desk

    async def settled(self) -> None:
        """Answers are on their way for a moment of the venue's time; no quote comes meanwhile."""
        for _ in range(4):
            self.house.engine.pump()
            await self.house.quiesce()
            self._at(self.exchange.now + NS // 10)
            self.exchange.run_until(self.exchange.now + NS // 10)
        self.house.engine.pump()
        await self.house.quiesce()

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            ts = self.exchange.next_ts()
            assert ts is not None, "the market is over"
            self._at(ts)
            self.exchange.run_next()
            await self.house.schedule.run_due(ts)
            await self.settled()

    async def quote(self, price: float) -> None:
        """One quote of AAPL, a cent wide, one second later."""
        self._at(self.exchange.now + NS)
        self.exchange.run_until(self.exchange.now + NS)
        self.exchange.quotes += 1
        seq = self.exchange.quotes + 1_000_000
        now = self.exchange.now
        self.exchange.show(
            Quote(AAPL, price - 0.005, price + 0.005, now, bid_size=10_000, ask_size=10_000, seq=seq, source="sim")
        )
        self.house.engine.pump()

    def _at(self, ts: int) -> None:
        self.env.clock.set(ts)  # type: ignore[attr-defined]

    def view(self) -> AccountView:
        (account,) = self.desk.page().accounts
        return account

    def position(self) -> PositionView | None:
        return next((p for p in self.view().positions if p.symbol == AAPL), None)

    def durable(self) -> list[AnyFact]:
        """What a power cut now would leave."""
        return [fact for _, fact in records(self.env.disk, "/state/journal", upto=self.house.journal.durable)]


@asynccontextmanager
async def floor() -> AsyncIterator[Floor]:
    """A house in mid-session on a real day, with no strategy switched on: nothing happens but what the test does."""
    exchange = Exchange(
        Market(start="2005-03-07", end="2005-03-08", symbols=[AAPL]), {ACCOUNT: Money(Decimal(100_000))}
    )
    env = FakeEnv(FakeDisk(), now=exchange.now)
    config = demo_config()
    config.strategies.clear()
    house = house_of(
        env, config, Path("/state"), {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="test", build="b" * 64
    )
    desk = HouseDesk(
        house, mode="demo", build="b" * 64, config=config_hash(config), config_text="", alive=lambda: True,
        shutdown=lambda _why: None, started=exchange.now,
    )  # fmt: skip
    async with anyio.create_task_group() as group:
        house.spawn_writers(group)
        house.start("demo", "b" * 64, config_hash(config))
        for member in house.members.values():
            await member.link.open()
        it = Floor(env, house, exchange, desk)
        await it.until(lambda: exchange.floor.open and desk.page().session is not None and _in_window(desk))
        yield it
        group.cancel_scope.cancel()
    await house.journal.close()


def _in_window(desk: HouseDesk) -> bool:
    session = desk.page().session
    return session is not None and session.in_window


def _idea(floor: Floor) -> Recommendation:
    now = floor.env.clock.wall()
    return Recommendation(
        ts=now,
        id="idea-1",
        symbol=AAPL,
        action=Action.BUY,
        confidence=0.9,
        generated_at=now,
        source="api",
        thesis="a test",
    )


async def test_a_quote_that_changes_nothing_moves_the_page_and_not_the_journal() -> None:
    """J1, H2, ARCHITECTURE: ticks are not journaled; what they are worth is seen at once."""
    async with floor() as it:
        it.house.offer(_idea(it))
        await it.settled()
        held = it.position()
        assert held is not None
        assert held.mark is not None
        seq, facts, equity = it.desk.page().seq, it.house.journal.seq, it.view().equity
        price = round(held.mark * 1.001, 2)
        await it.quote(price)
        seen = it.position()
        assert seen is not None
        assert seen.mark == price
        assert it.desk.page().seq > seq
        assert it.house.journal.seq == facts
        assert abs(it.view().equity - equity - (price - held.mark) * float(held.qty)) < 1e-6


async def test_a_quote_below_the_stop_ends_as_an_empty_position_on_the_page() -> None:
    """E4, E11, O2, H2: from one price to the stop-out, its fill, its loss and its chain, each durable before it is shown."""
    async with floor() as it:
        it.house.offer(_idea(it))
        await it.settled()
        held = it.position()
        assert held is not None
        assert (held.protective, it.view().counts["fills"]) == ("live", 1)
        assert held.stop is not None
        await it.quote(float(held.stop) * 0.995)
        await it.settled()
        view = it.view()
        assert it.position() is None
        assert (view.counts["fills"], view.counts["stop_outs"]) == (2, 1)
        assert [o for o in view.orders if o.open] == []
        assert Decimal(view.realised) < 0
        assert float(view.cash) == view.equity
        facts = it.durable()
        assert sum(f.realised for f in facts if isinstance(f, Filled)) == Decimal(view.realised)
        entry = next(f for f in facts if isinstance(f, Decided))
        assert view.decisions[-1] == entry
        assert (entry.cause.rpartition(":")[2] or entry.cause, entry.outcome) == ("idea-1", "act")


async def test_no_order_reaches_the_venue_before_its_intent_is_durable() -> None:
    """O2, I1: while the disk is slow, the venue hears nothing; then it hears what the journal says."""
    async with floor() as it:
        it.env.gate = gate = anyio.Event()  # type: ignore[assignment]
        it.house.offer(_idea(it))
        it.house.engine.pump()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert it.house.journal.pending
        assert _arrived(it) == []
        assert not any(isinstance(f, OrderIntended) for f in it.durable())
        it.env.gate = None
        gate.set()
        await it.settled()
        intended = [f.order.order_id for f in it.durable() if isinstance(f, OrderIntended)]
        assert _arrived(it) == intended
        assert any(isinstance(f, StopSet) for f in it.durable())


def _arrived(it: Floor) -> list[str]:
    return [r.order_id for r in it.exchange.records if isinstance(r, Arrival) and r.kind == "submit"]


async def test_a_refused_idea_is_on_the_page_with_every_reason() -> None:
    """E1, E11, R1: the same idea twice is one decision; one that comes late and weak is refused with all its reasons, unsent."""
    async with floor() as it:
        it.house.offer(_idea(it))
        await it.settled()
        before, decided = _arrived(it), it.view().counts["decisions"]
        it.house.offer(_idea(it))
        await it.settled()
        assert (_arrived(it), it.view().counts["decisions"]) == (before, decided)
        await it.until(lambda: not it.exchange.floor.open)
        await it.until(lambda: not _in_window(it.desk))
        late, sent = it.view().counts.get("refused", 0), _arrived(it)
        now = it.env.clock.wall()
        it.house.offer(
            Recommendation(
                ts=now, id="late", symbol=AAPL, action=Action.BUY, confidence=0.1, generated_at=now - 48 * HOUR
            )
        )
        await it.settled()
        view = it.view()
        assert view.counts["refused"] == late + 1
        assert {"stale_recommendation", "low_confidence"} < set(view.decisions[0].reasons)
        assert _arrived(it) == sent
