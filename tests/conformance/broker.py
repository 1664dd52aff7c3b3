"""The questions every broker adapter must answer, once for all of them.

An adapter's test file subclasses `BrokerConformance` and gives two fixtures: `venue`, the examiner's hand on the adapter's
wire-level fake venue (`VenueControl`), and `broker`, an unconnected `Broker` speaking to it. Each test states the event sequence
it expects. What a venue cannot do is declared in `broker.quirks`, and a skip points to the quirk that excuses it.

The desk (`Desk`) is a whole client in miniature: it connects, records what the sink was told, and awaits `wait_closed`, as the
daemon does. `barrier()` returns when all that was under way in both directions has arrived.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from tradingd.core.events import (
    CancelRejected,
    Event,
    FillSeen,
    ForeignOrder,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    Quote,
    ReplaceRejected,
)  # fmt: skip
from tradingd.core.types import AccountId, DecisionId, Leg, Order, OrderId, OrderType, Price, Qty, Side, Symbol, Tif
from tradingd.ports import Broker, LinkDown, Quirks, SessionTaken, VenueRefused

E = TypeVar("E")
PATIENCE_S = 3.0
TICK = Decimal("0.01")


class VenueControl(abc.ABC):
    """The examiner's hand on a venue. `account` and `symbol` are what the tests trade; the market is open with a price shown."""

    account: AccountId
    symbol: Symbol

    @abc.abstractmethod
    async def settle(self) -> None:
        """Let what is under way arrive, without moving the market."""

    @abc.abstractmethod
    async def quotes(self, n: int) -> None:
        """Let n more quotes of `symbol` be published."""

    @abc.abstractmethod
    async def shown(self, bid: Decimal, ask: Decimal, size: int = 10_000) -> None:
        """Publish this top of book of `symbol`."""

    @abc.abstractmethod
    async def end_session(self) -> None:
        """Let the trading session close."""

    @abc.abstractmethod
    def fault(self, name: str) -> None:
        """Make the next chance go wrong; names as in the simulated venue's `Fault`."""

    @abc.abstractmethod
    def silence(self) -> None:
        """Say nothing any more, heartbeats neither."""

    @abc.abstractmethod
    async def silence_passes(self) -> None:
        """Let the time pass after which silence means a dead session."""

    @abc.abstractmethod
    def disconnect(self) -> None:
        """End the session from the venue's side."""

    @abc.abstractmethod
    def foreign(self, side: Side, qty: Decimal) -> None:
        """Somebody enters a market order for the account elsewhere."""

    @abc.abstractmethod
    def truth(self) -> Truth:
        """The venue's own records."""

    @abc.abstractmethod
    def second(self) -> Broker:
        """Another, unconnected broker for the same account."""


class Truth:
    """What the venue itself knows. orders: how many orders it made for each client id.   position: true, signed."""

    def __init__(self, orders: dict[str, int], position: Decimal, filled: dict[str, Decimal], fills: int) -> None:
        self.orders = orders
        self.position = position
        self.filled = filled
        self.fills = fills


class Desk:
    """A client in miniature: everything it was told is in `heard`, in order."""

    def __init__(self, broker: Broker, venue: VenueControl) -> None:
        self.broker = broker
        self.venue = venue
        self.heard: list[Event] = []
        self.taken = False  # by another login
        self.ended: asyncio.Task[str] | None = None
        self._n = 0

    async def connect(self) -> None:
        await self.broker.connect(self.heard.append)
        self.ended = asyncio.get_running_loop().create_task(self._closed())

    async def _closed(self) -> str:
        try:
            return await self.broker.wait_closed()
        except SessionTaken as e:
            self.taken = True
            return str(e)

    async def reconnect(self) -> None:
        await self.wait_ended()
        await self.connect()

    async def wait_ended(self) -> str:
        assert self.ended is not None
        await self.venue.settle()
        return await asyncio.wait_for(asyncio.shield(self.ended), PATIENCE_S)

    async def close(self) -> None:
        await self.broker.close()
        if self.ended is not None:
            await self.wait_ended()

    async def barrier(self) -> None:
        """All that was said by now has been heard, on both sides."""
        await self.broker.positions()
        await self.venue.settle()
        await self.broker.positions()

    def order(self, side: Side = Side.BUY, qty: int = 100, **over: Any) -> Order:
        """A market day order with a new client id, unless told otherwise."""
        self._n += 1
        fields: dict[str, Any] = {
            "account": self.venue.account, "order_id": OrderId(f"{self.venue.account}.{self._n}.e"),
            "decision_id": DecisionId(f"d{self._n}"), "symbol": self.venue.symbol, "side": side, "qty": Qty(Decimal(qty)),
            "type": OrderType.MARKET, "tif": Tif.DAY, "leg": Leg.ENTRY,
        }  # fmt: skip
        return Order(**{**fields, **over})

    def top(self) -> Quote:
        return next(e for e in reversed(self.heard) if isinstance(e, Quote) and e.symbol == self.venue.symbol)

    def price(self, x: float, off: str = "0") -> Price:
        return Price((Decimal(repr(x)) + Decimal(off)).quantize(TICK))

    def said(self, order: Order) -> list[str]:
        """Names of the events about an order, in order."""
        return [type(e).__name__ for e in self.heard if isinstance(e, OrderEvent) and e.order_id == order.order_id]

    def all(self, kind: type[E]) -> list[E]:
        return [e for e in self.heard if isinstance(e, kind)]

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something has been heard."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await self.venue.settle()
                await asyncio.sleep(0.002)
        assert true(), what

    async def fill_of(self, order: Order) -> list[FillSeen]:
        """Submit, and wait until it is filled altogether."""
        await self.broker.submit(order)

        def mine() -> list[FillSeen]:
            return [f for f in self.all(FillSeen) if f.order_id == order.order_id]

        await self.until(lambda: sum((f.qty for f in mine()), Decimal(0)) >= order.qty, "the fill")
        return mine()


class BrokerConformance:
    """Subclass this; give `venue` and `broker`."""

    @pytest.fixture
    def quirks(self, broker: Broker) -> Quirks:
        return broker.quirks

    @pytest.fixture
    async def desk(self, broker: Broker, venue: VenueControl) -> AsyncIterator[Desk]:
        desk = Desk(broker, venue)
        await desk.connect()
        await venue.quotes(2)
        await desk.until(lambda: bool(desk.all(Quote)), "a quote")
        yield desk
        await desk.close()

    # the session -----------------------------------------------------------------------------------------------------

    async def test_nothing_is_said_before_connect_and_all_calls_work_after_it(
        self, broker: Broker, venue: VenueControl
    ) -> None:
        """B1: calls before connect raise LinkDown; connect returns ready for use; the first event comes after it."""
        desk = Desk(broker, venue)
        await venue.quotes(2)
        with pytest.raises(LinkDown):
            await broker.submit(desk.order())
        assert desk.heard == []
        await desk.connect()
        assert (await broker.positions()).positions == {}
        assert venue.symbol in {i.symbol for i in await broker.instruments()}
        await venue.quotes(1)
        await desk.until(lambda: bool(desk.all(Quote)), "a quote")
        await desk.close()

    async def test_quotes_carry_source_time_and_a_rising_sequence(self, desk: Desk) -> None:
        """B7: bid, ask, sizes, source and its time; within one source the sequence rises."""
        await desk.venue.quotes(5)
        await desk.barrier()
        quotes = desk.all(Quote)
        assert [q.seq for q in quotes] == sorted({q.seq for q in quotes})
        assert all(q.ts > 0 and q.source and 0 < q.bid <= q.ask and q.bid_size > 0 for q in quotes)

    async def test_a_closed_session_says_why_and_takes_no_calls(self, desk: Desk) -> None:
        """D1: the venue closes -> wait_closed returns a reason; then every call raises LinkDown; connect works again."""
        desk.venue.disconnect()
        assert await desk.wait_ended()
        with pytest.raises(LinkDown):
            await desk.broker.submit(desk.order())
        with pytest.raises(LinkDown):
            await desk.broker.positions()
        await desk.connect()
        assert (await desk.broker.positions()).positions == {}

    async def test_silence_ends_the_session(self, desk: Desk) -> None:
        """D2: no frame for quirks.silence_s -> the session ends with a reason that says so."""
        desk.venue.silence()
        await desk.venue.silence_passes()
        assert "silence" in await desk.wait_ended()

    async def test_a_new_login_fences_the_session_before_it(self, desk: Desk, quirks: Quirks) -> None:
        """A13, D6: sent on the old session, not yet read when the new login is -> never an order; NOT FOUND is proof."""
        if quirks.never_after_s:
            pytest.skip("quirk never_after_s: login does not fence")
        other = Desk(desk.venue.second(), desk.venue)
        order = desk.order()
        await desk.broker.submit(order)
        await other.connect()
        found = await other.broker.query(order.order_id)
        await other.barrier()
        assert (found is not None) == (desk.venue.truth().orders.get(order.order_id, 0) == 1)
        assert await desk.wait_ended()
        assert desk.taken, "another login took the session: SessionTaken"
        with pytest.raises(LinkDown):
            await desk.broker.submit(desk.order())
        await other.close()

    # orders ------------------------------------------------------------------------------------------------------------

    async def test_market_order_is_accepted_then_filled(self, desk: Desk) -> None:
        """O1, O4: OrderAccepted, FillSeen; position, cash and cursor follow."""
        order = desk.order()
        before = await desk.broker.account()
        fill = (await desk.fill_of(order))[0]
        assert desk.said(order)[:2] == ["OrderAccepted", "FillSeen"]
        assert fill.venue_order_id == desk.all(OrderAccepted)[0].venue_order_id
        report = await desk.broker.positions()
        assert report.positions == {desk.venue.symbol: Decimal(100)}
        after = await desk.broker.account()
        assert after.cash == before.cash - fill.price * fill.qty - fill.fee

    async def test_limit_rests_until_cancelled(self, desk: Desk) -> None:
        """O1: OrderAccepted, (cancel) OrderCancelled with cum_qty 0; open_orders shows it only in between."""
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(desk.top().bid, "-5"))
        await desk.broker.submit(order)
        await desk.barrier()
        assert [o.order_id for o in await desk.broker.open_orders()] == [order.order_id]
        await desk.broker.cancel(order.order_id)
        await desk.barrier()
        assert desk.said(order) == ["OrderAccepted", "OrderCancelled"]
        assert desk.all(OrderCancelled)[0].cum_qty == 0
        assert await desk.broker.open_orders() == []

    async def test_same_client_id_twice_is_one_order(self, desk: Desk, quirks: Quirks) -> None:
        """O2, A12: submit, submit -> one order at the venue, one position; the second answer is the first one's state."""
        if not quirks.idempotent_ids:
            pytest.skip("quirk idempotent_ids")
        order = desk.order()
        await desk.fill_of(order)
        await desk.broker.submit(order)
        await desk.barrier()
        truth = desk.venue.truth()
        assert truth.orders[order.order_id] == 1
        assert truth.position == 100
        assert "OrderRejected" not in desk.said(order)

    async def test_cancel_after_fill_is_refused_and_changes_nothing(self, desk: Desk) -> None:
        """A14: OrderAccepted, FillSeen, (cancel) CancelRejected; the fill stands."""
        order = desk.order()
        await desk.fill_of(order)
        await desk.broker.cancel(order.order_id)
        await desk.barrier()
        assert desk.said(order) == ["OrderAccepted", "FillSeen", "CancelRejected"]
        assert desk.venue.truth().position == 100

    async def test_cancel_of_an_order_nobody_knows_is_refused(self, desk: Desk) -> None:
        """A14: CancelRejected, no event of another order."""
        await desk.broker.cancel(OrderId("nobody.1.e"))
        await desk.barrier()
        assert [e.order_id for e in desk.all(CancelRejected)] == ["nobody.1.e"]

    async def test_partial_fills_sum_to_the_order(self, desk: Desk, quirks: Quirks) -> None:
        """T2, O4: more than is shown -> several FillSeen with distinct ids that sum to the quantity; one fee minimum."""
        if not quirks.partial_fills:
            pytest.skip("quirk partial_fills")
        bid, ask = desk.price(desk.top().bid), desk.price(desk.top().ask)
        await desk.venue.shown(bid, ask, 30)
        order = desk.order(qty=100)
        await desk.broker.submit(order)
        await desk.barrier()
        report = await desk.broker.query(order.order_id)
        assert report is not None
        assert (report.status, report.cum_qty) == ("working", 30)
        for _ in range(3):
            await desk.venue.shown(bid, ask, 30)
        await desk.barrier()
        fills = [f for f in desk.all(FillSeen) if f.order_id == order.order_id]
        assert [f.qty for f in fills] == [30, 30, 30, 10]
        assert len({f.exec_id for f in fills}) == 4

    async def test_late_fill_after_the_cancel_was_sent_wins(self, desk: Desk) -> None:
        """A14, A16: the fill's message is overtaken by the cancel's -> both are heard, cum_qty names what filled."""
        bid, ask = desk.price(desk.top().bid), desk.price(desk.top().ask)
        order = desk.order(type=OrderType.LIMIT, limit=bid)
        await desk.broker.submit(order)
        await desk.barrier()
        desk.venue.fault("reorder")
        await desk.venue.shown(desk.price(float(bid), "-0.05"), bid, 40)
        await desk.broker.cancel(order.order_id)
        await desk.barrier()
        await desk.until(lambda: "FillSeen" in desk.said(order), "the late fill")
        assert desk.said(order) == ["OrderAccepted", "OrderCancelled", "FillSeen"]
        assert desk.all(OrderCancelled)[-1].cum_qty == 40 == desk.venue.truth().filled[order.order_id]
        assert ask > bid

    async def test_fill_before_the_ack_is_delivered_as_it_came(self, desk: Desk) -> None:
        """A16, D10: the ack is held back -> FillSeen, OrderAccepted; nothing is lost or sorted away."""
        order = desk.order()
        desk.venue.fault("reorder")
        await desk.fill_of(order)
        await desk.until(lambda: "OrderAccepted" in desk.said(order), "the late ack")
        assert desk.said(order) == ["FillSeen", "OrderAccepted"]

    async def test_proven_reject(self, desk: Desk) -> None:
        """A11: OrderRejected with the venue's code, or VenueRefused from submit; no order, no position."""
        desk.venue.fault("reject")
        order = desk.order()
        try:
            await desk.broker.submit(order)
        except VenueRefused as e:
            assert e.code  # noqa: PT017 both answers are proof
        else:
            await desk.barrier()
            assert desk.said(order) == ["OrderRejected"]
            assert desk.all(OrderRejected)[0].code
        assert desk.venue.truth().position == 0

    async def test_unknown_symbol_is_a_proven_reject(self, desk: Desk) -> None:
        """O8: OrderRejected."""
        order = desk.order(symbol=Symbol("NOSUCH"))
        await desk.broker.submit(order)
        await desk.barrier()
        assert desk.said(order) == ["OrderRejected"]

    async def test_amend_in_place(self, desk: Desk, quirks: Quirks) -> None:
        """O1, A15: OrderAccepted, (replace) OrderReplaced with our revision; the query shows it; an old revision is refused."""
        if not quirks.amend:
            pytest.skip("quirk amend")
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(desk.top().bid, "-5"))
        await desk.broker.submit(order)
        limit = desk.price(desk.top().bid, "-4")
        await desk.broker.replace(order.order_id, 2, Qty(Decimal(60)), limit, None)
        await desk.broker.replace(order.order_id, 1, Qty(Decimal(70)), limit, None)
        await desk.barrier()
        report = await desk.broker.query(order.order_id)
        assert report is not None
        assert (report.qty, report.limit, report.rev) == (60, limit, 2)
        assert desk.said(order) == ["OrderAccepted", "OrderReplaced", "ReplaceRejected"]
        assert (desk.all(OrderReplaced)[0].rev, desk.all(ReplaceRejected)[0].rev) == (2, 1)

    async def test_stop_rests_and_fills_at_the_price_beyond_a_gap(self, desk: Desk, quirks: Quirks) -> None:
        """O1, F6, T2: a sell stop rests; the market gaps below -> one FillSeen at the first price shown, worse than the stop."""
        if not quirks.protective_stops:
            pytest.skip("quirk protective_stops")
        await desk.fill_of(desk.order())
        bid = desk.top().bid
        stop = desk.order(Side.SELL, type=OrderType.STOP, tif=Tif.GTC, stop=desk.price(bid, "-1"))
        await desk.broker.submit(stop)
        await desk.venue.shown(desk.price(bid, "-0.50"), desk.price(bid, "-0.40"))
        await desk.barrier()
        assert desk.said(stop) == ["OrderAccepted"]
        await desk.venue.shown(desk.price(bid, "-9"), desk.price(bid, "-8.90"))
        await desk.barrier()
        fill = desk.all(FillSeen)[-1]
        assert (fill.order_id, fill.price, fill.qty) == (stop.order_id, desk.price(bid, "-9"), 100)
        assert desk.venue.truth().position == 0

    async def test_ioc_remainder_is_cancelled(self, desk: Desk) -> None:
        """O1: OrderAccepted, FillSeen of what is shown, OrderCancelled with that cum_qty."""
        await desk.venue.shown(desk.price(desk.top().bid), desk.price(desk.top().ask), 30)
        order = desk.order(tif=Tif.IOC)
        await desk.broker.submit(order)
        await desk.barrier()
        assert desk.said(order) == ["OrderAccepted", "FillSeen", "OrderCancelled"]
        assert desk.all(OrderCancelled)[0].cum_qty == 30

    async def test_fok_fills_whole_or_not_at_all(self, desk: Desk) -> None:
        """O1: more than is shown -> OrderAccepted, OrderCancelled, no fill."""
        await desk.venue.shown(desk.price(desk.top().bid), desk.price(desk.top().ask), 30)
        order = desk.order(tif=Tif.FOK)
        await desk.broker.submit(order)
        await desk.barrier()
        assert desk.said(order) == ["OrderAccepted", "OrderCancelled"]
        assert desk.venue.truth().position == 0

    async def test_day_order_expires_and_gtc_stays(self, desk: Desk) -> None:
        """O1: at the close OrderExpired for the day order; the gtc order still works."""
        day, gtc = (desk.order(type=OrderType.LIMIT, limit=Price(Decimal("1.00")), tif=t) for t in (Tif.DAY, Tif.GTC))
        await desk.broker.submit(day)
        await desk.broker.submit(gtc)
        await desk.barrier()
        await desk.venue.end_session()
        await desk.barrier()
        assert desk.said(day) == ["OrderAccepted", "OrderExpired"]
        assert desk.all(OrderExpired)[0].cum_qty == 0
        assert [o.order_id for o in await desk.broker.open_orders()] == [gtc.order_id]

    async def test_reduce_only_is_clipped_to_the_true_position(self, desk: Desk, quirks: Quirks) -> None:
        """R2: long 60, reduce-only sell of 100 -> FillSeen 60, OrderCancelled; flat, never short; again -> OrderRejected."""
        if not quirks.reduce_only:
            pytest.skip("quirk reduce_only")
        await desk.fill_of(desk.order(qty=60))
        order = desk.order(Side.SELL, reduce_only=True)
        await desk.broker.submit(order)
        await desk.barrier()
        assert desk.said(order) == ["OrderAccepted", "FillSeen", "OrderCancelled"]
        assert desk.venue.truth().position == 0
        again = desk.order(Side.SELL, reduce_only=True)
        await desk.broker.submit(again)
        await desk.barrier()
        assert desk.said(again) == ["OrderRejected"]

    # unknown outcomes ----------------------------------------------------------------------------------------------------

    async def submit_unsure(self, desk: Desk, order: Order) -> None:
        """Submit where the outcome may stay open: LinkDown now, OrderUnknown later, or nothing but an ended session."""
        try:
            await desk.broker.submit(order)
        except LinkDown:
            return

    @pytest.mark.parametrize("fault", ["disconnect_after_accept", "error_after_accept", "lose_ack"])
    async def test_an_accepted_order_whose_answer_was_lost_is_found_by_query(
        self, desk: Desk, fault: str, quirks: Quirks
    ) -> None:
        """A4, A10, O2: accepted, answer lost -> never OrderRejected; (reconnect) query finds it; one order at the venue."""
        if not quirks.query_by_id:
            pytest.skip("quirk query_by_id")
        desk.venue.fault(fault)
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(desk.top().bid, "-5"))
        await self.submit_unsure(desk, order)
        if fault == "disconnect_after_accept":
            await desk.reconnect()
        report = await desk.broker.query(order.order_id)
        await desk.barrier()
        assert report is not None
        assert report.status == "working"
        assert "OrderAccepted" not in desk.said(order)
        assert "OrderRejected" not in desk.said(order)
        assert desk.venue.truth().orders[order.order_id] == 1

    async def test_5xx_after_accept_is_unknown_not_rejected(self, desk: Desk) -> None:
        """A10: LinkDown from submit, or OrderUnknown as the event; never a reject."""
        desk.venue.fault("error_after_accept")
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(desk.top().bid, "-5"))
        raised = False
        try:
            await desk.broker.submit(order)
        except LinkDown:
            raised = True
        await desk.barrier()
        assert raised or [e.order_id for e in desk.all(OrderUnknown)] == [order.order_id]

    async def test_an_order_that_never_arrived_is_not_found_after_reconnect(self, desk: Desk, quirks: Quirks) -> None:
        """A3, A13: the link drops before the venue reads -> session ends; after a new login query says None, and stays so."""
        desk.venue.fault("lose_order")
        order = desk.order()
        await self.submit_unsure(desk, order)
        await desk.reconnect()
        assert await desk.broker.query(order.order_id) is None
        await desk.venue.quotes(2)
        assert await desk.broker.query(order.order_id) is None
        assert order.order_id not in desk.venue.truth().orders

    # the execution stream ------------------------------------------------------------------------------------------------

    async def test_a_fill_told_twice_has_one_execution_id(self, desk: Desk) -> None:
        """D8: the adapter may pass both on; their ids are equal, so that the book counts once."""
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(desk.top().bid))
        await desk.broker.submit(order)
        await desk.barrier()
        desk.venue.fault("duplicate")
        await desk.venue.shown(desk.price(desk.top().bid, "-0.10"), desk.price(desk.top().bid, "-0.05"))
        await desk.barrier()
        fills = desk.all(FillSeen)
        assert len({f.exec_id for f in fills}) == 1
        assert len(fills) == 2
        assert desk.venue.truth().position == 100

    async def test_a_dropped_fill_is_found_by_its_cursor(self, desk: Desk, quirks: Quirks) -> None:
        """D3, D11, B6: the fill's message is lost, all else flows -> fills(since) has it."""
        if not quirks.fill_cursor:
            pytest.skip("quirk fill_cursor")
        first = (await desk.fill_of(desk.order()))[0]
        desk.venue.fault("drop_fill")
        order = desk.order()
        await desk.broker.submit(order)
        await desk.barrier()
        assert "FillSeen" not in desk.said(order)
        missed = await desk.broker.fills(first.cursor)
        assert [(f.order_id, f.cursor, f.qty) for f in missed] == [(order.order_id, first.cursor + 1, 100)]

    async def test_all_pages_of_fills_are_followed(self, desk: Desk, quirks: Quirks) -> None:
        """D14: more fills than a page -> every one, in order, cursors without a hole, equal to the stream's."""
        if not quirks.fill_cursor:
            pytest.skip("quirk fill_cursor")
        for i in range(130):
            await desk.broker.submit(desk.order(Side.SELL if i % 2 else Side.BUY, qty=1))
        await desk.barrier()
        await desk.until(lambda: len(desk.all(FillSeen)) == 130, "all fills")
        fills = await desk.broker.fills(0)
        assert [f.cursor for f in fills] == list(range(1, 131))
        assert [f.exec_id for f in fills] == [f.exec_id for f in desk.all(FillSeen)]
        assert [f.cursor for f in await desk.broker.fills(125)] == [126, 127, 128, 129, 130]

    async def test_fills_while_we_were_away_are_found(self, desk: Desk, quirks: Quirks) -> None:
        """D11, B6: a resting order fills while nobody is connected -> after reconnect fills, positions and query agree."""
        if quirks.cancel_on_disconnect:
            pytest.skip("quirk cancel_on_disconnect")
        bid = desk.top().bid
        order = desk.order(type=OrderType.LIMIT, limit=desk.price(bid, "-0.50"))
        await desk.broker.submit(order)
        await desk.barrier()
        desk.venue.disconnect()
        await desk.wait_ended()
        await desk.venue.shown(desk.price(bid, "-1"), desk.price(bid, "-0.90"))
        await desk.connect()
        assert [f.order_id for f in await desk.broker.fills(0)] == [order.order_id]
        report = await desk.broker.query(order.order_id)
        assert report is not None
        assert (report.status, report.cum_qty) == ("filled", 100)
        positions = await desk.broker.positions()
        assert (positions.positions, positions.cursor) == ({desk.venue.symbol: 100}, 1)

    async def test_a_foreign_order_is_reported_as_foreign(self, desk: Desk) -> None:
        """D21: ForeignOrder open, FillSeen with order_id "", ForeignOrder no longer open; the position includes it."""
        desk.venue.foreign(Side.BUY, Decimal(70))
        await desk.barrier()
        assert [e.open for e in desk.all(ForeignOrder)] == [True, False]
        assert [(f.order_id, f.qty) for f in desk.all(FillSeen)] == [("", 70)]
        assert (await desk.broker.positions()).positions == {desk.venue.symbol: 70}

    async def test_position_after_any_mix_is_the_sum_of_fills(self, desk: Desk) -> None:
        """O4: buys, sells, a flip through zero -> positions() equals the signed sum of fills(0)."""
        for side, qty in ((Side.BUY, 100), (Side.SELL, 150), (Side.BUY, 20), (Side.BUY, 7)):
            await desk.fill_of(desk.order(side, qty=qty))
        fills = await desk.broker.fills(0)
        total = sum((f.qty * f.side.sign for f in fills), Decimal(0))
        report = await desk.broker.positions()
        assert report.positions == {desk.venue.symbol: total} == {desk.venue.symbol: Decimal(-23)}
        assert report.cursor == len(fills)

    async def test_history_is_daily_and_closed(self, desk: Desk) -> None:
        """E3: the last n daily bars, oldest first, marked history, none that has not ended."""
        bars = await desk.broker.history(desk.venue.symbol, 20)
        assert len(bars) == 20
        assert [b.ts for b in bars] == sorted(b.ts for b in bars)
        assert all(b.history and b.span_s == 86400 and b.ts <= desk.top().ts for b in bars)
