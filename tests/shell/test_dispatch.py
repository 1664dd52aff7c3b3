"""Dispatch: what leaves, when, how often; and what becomes of an attempt whose outcome is not known."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from tests.fakes.broker import AFTER, BEFORE, HANGS, LOST, REFUSED, SILENT
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, BBB, ONE, TWO, Stage, stage, turns
from tradingd.core.book.orders import Life
from tradingd.core.events import Verb
from tradingd.core.facts import Anomaly, CancelIntended, OrderIntended, ReplaceIntended
from tradingd.core.types import NS, Leg, Order, OrderId, Qty, TradingState
from tradingd.shell.dispatch import Dispatch


def gated(s: Stage) -> asyncio.Event:
    """Stop the disk: nothing becomes durable until the gate is set."""
    assert isinstance(s.env, FakeEnv)
    s.env.gate = asyncio.Event()
    return s.env.gate


def watched(s: Stage) -> list[OrderId]:
    """Check at each submit that the intent, with equal content, is durable; the ids that were looked at."""
    looked: list[OrderId] = []

    def look(order: Order) -> None:
        durable = [f for f in s.durable if isinstance(f, OrderIntended) and f.order == order]
        assert len(durable) == 1, "an order leaves before its intent is durable"
        looked.append(order.order_id)

    s.broker.on_submit.append(look)
    return looked


async def test_an_order_leaves_only_after_its_intent_is_durable() -> None:
    """O2, I1: while the disk takes its time nothing is written to the venue; afterwards exactly the durable content is."""
    async with stage() as s:
        looked = watched(s)
        gate = gated(s)
        s.quote()
        s.idea()
        s.house.engine.pump()
        await turns()
        (working,) = s.book.open_orders()
        assert working.life is Life.INTENDED
        assert s.broker.count("submit") == 0
        gate.set()
        await s.house.quiesce()
        assert looked == [working.order.order_id]
        assert working.life is Life.LIVE


async def test_every_order_of_a_whole_trade_was_durable_first() -> None:
    """O2, I1: entry, protective stop and flatten, each looked at by the venue."""
    async with stage() as s:
        looked = watched(s)
        await s.hold()
        s.quote()
        s.house.offer(s.command(Verb.FLATTEN))
        await s.house.quiesce()
        legs = [order_id.rpartition(".")[2][0] for order_id in looked]
        assert legs == ["e", "p", "x"]


async def test_a_halt_between_intent_and_send_stops_it() -> None:
    """I7, G14: the gate is asked again after the durability wait; what was queued before the halt is never written."""
    async with stage() as s:
        gate = gated(s)
        s.quote()
        s.idea()
        s.house.engine.pump()
        await turns()
        s.member.dispatch.halted = True
        gate.set()
        await s.house.quiesce()
        assert s.broker.count("submit") == 0
        assert s.entry.life is Life.NEVER
        assert s.entry.why == "never written: halted"


async def test_a_journaled_halt_in_the_same_burst_stops_it_too() -> None:
    """I7: the book's word counts without the switch."""
    async with stage() as s:
        s.quote()
        s.idea()
        s.house.offer(s.command(Verb.HALT))
        await s.house.quiesce()
        assert s.broker.count("submit") == 0
        assert s.entry.life is Life.NEVER


async def test_a_pause_between_intent_and_send_stops_an_entry() -> None:
    """I7, R2: REDUCING lets only exits out."""
    async with stage() as s:
        s.quote()
        s.idea()
        s.house.offer(s.command(Verb.PAUSE))
        await s.house.quiesce()
        assert (s.broker.count("submit"), s.entry.why) == (0, "never written: reducing")


async def test_an_entry_that_was_taken_back_before_it_left_is_never_written() -> None:
    """H11, I7: an order and its cancel on their way together would be a race at the venue."""
    async with stage() as s:
        gate = gated(s)
        s.quote()
        s.idea()
        s.house.engine.pump()
        await turns()
        s.house.offer(s.command(Verb.CANCEL))
        s.house.engine.pump()
        gate.set()
        await s.house.quiesce()
        assert (s.broker.count("submit"), s.broker.count("cancel")) == (0, 0)
        assert (s.entry.life, s.entry.why) == (Life.NEVER, "never written: taken back meanwhile: operator test")


async def test_a_price_that_grew_old_while_the_disk_was_slow_stops_it() -> None:
    """I12, B10: five seconds for a sync, and the decision stands on a price nobody would defend."""
    async with stage() as s:
        gate = gated(s)
        s.quote()
        s.idea()
        s.house.engine.pump()
        await turns()
        s.clock.set(s.clock.wall() + 6 * NS)
        gate.set()
        await s.house.quiesce()
        assert (s.broker.count("submit"), s.entry.why) == (0, "never written: stale_price")


async def test_a_link_lost_while_the_disk_was_slow_stops_it() -> None:
    """D1: nothing is written into a connection that is gone, not even later."""
    async with stage() as s:
        gate = gated(s)
        s.quote()
        s.idea()
        s.house.engine.pump()
        await turns()
        await s.member.link.lost("cable")
        gate.set()
        await s.house.quiesce()
        assert (s.broker.count("submit"), s.entry.why) == (0, "never written: the link is down or not reconciled")
        await s.member.link.open()
        await s.house.quiesce()
        assert s.broker.count("submit") == 0


async def test_with_a_broken_journal_only_what_protects_leaves() -> None:
    """I10: durable before the disk failed, and its turn comes while the house ends. What becomes of an entry nobody could record;
    a stop that is on its way protects whatever comes."""
    async with stage() as s:
        await s.hold()
        entry, stop = s.book.booked.orders[s.entry.order.order_id], s.order(Leg.PROTECT)
        for working in (entry, stop):
            working.life = Life.INTENDED
        sent: list[Order] = []
        s.broker.on_submit.append(sent.append)
        s.house.journal.broken = "the journal cannot be written"
        for working in (entry, stop):
            s.member.dispatch.on_durable((OrderIntended(ts=s.clock.wall(), account=ONE, order=working.order),))
        await s.member.dispatch.idle()
        s.house.journal.broken = None
        assert sent == [stop.order]


async def test_an_exit_under_a_halt_leaves_only_when_it_protects() -> None:
    """R3, I5, I7: the stop's order goes out under the kill switch, a strategy's exit does not."""
    async with stage() as s:
        await s.hold()
        protect = s.order(Leg.PROTECT).order
        asked = Order(
            account=ONE, order_id=OrderId("one.900.x"), decision_id=protect.decision_id, symbol=AAA, side=protect.side,
            qty=protect.qty, type=protect.type, tif=protect.tif, leg=Leg.EXIT, stop=protect.stop, reduce_only=True,
        )  # fmt: skip
        for key, state in (
            ("none", TradingState.ACTIVE),
            ("pause", TradingState.REDUCING),
            ("lockout", TradingState.LOCKED),
        ):
            s.book.booked.holds.clear()
            s.house.offer(
                s.command(Verb(key), key, until=s.clock.wall() + NS) if key != "none" else s.command(Verb.CANCEL, key)
            )
            await s.house.settle()
            assert s.book.state() is state
            s.book.booked.orders[asked.order_id] = type(s.entry).of(asked, s.clock.wall())
            assert s.member.dispatch._refusal(asked) is None
            s.member.dispatch.halted = True
            assert s.member.dispatch._refusal(asked) == "halted"
            s.member.dispatch.halted = False
        del s.book.booked.orders[asked.order_id]


@pytest.mark.parametrize("outcome", [BEFORE, AFTER, HANGS, SILENT, LOST, REFUSED])
async def test_one_write_per_attempt_whatever_comes_of_it(outcome: str) -> None:
    """A19, I3, R3: no outcome of a submit makes the daemon write the order again, now or after reconnecting."""
    async with stage() as s:
        s.broker.script["submit"].append(outcome)
        order_id = await s.decide()
        for _ in range(3):
            await s.member.link.lost("again")
            await s.wait(40)
            await s.member.link.open()
            await s.house.quiesce()
        assert [argument for name, argument in s.broker.calls if name == "submit"] == [order_id]


@pytest.mark.parametrize("outcome", [BEFORE, AFTER, HANGS])
async def test_an_outcome_that_is_not_proven_is_unknown_with_its_exposure_reserved(outcome: str) -> None:
    """O2, A10, I2, I6: no retry, no guess; the quantity still counts, and entries of the account are off."""
    async with stage() as s:
        s.broker.script["submit"].append(outcome)
        await s.decide()
        assert s.entry.life is Life.UNKNOWN
        assert s.book.working_entries(AAA) == s.entry.order.qty > 0
        s.quote(BBB)
        s.idea(BBB)
        await s.house.quiesce()
        assert [r.value for r in s.book.booked.recent[-1].reasons] == ["order_unknown"]
        assert s.broker.count("submit") == 1


async def test_a_proven_refusal_is_a_rejection() -> None:
    """O3: VenueRefused carries the venue's word; the exposure is free again."""
    async with stage() as s:
        s.broker.script["submit"].append(REFUSED)
        await s.decide()
        assert (s.entry.life, s.entry.why) == (Life.REJECTED, "NO submit is refused")
        assert s.book.working_entries(AAA) == 0


async def test_a_cancel_is_written_once_and_a_refusal_of_it_is_told() -> None:
    """A14: too late to cancel is an answer."""
    async with stage() as s:
        order_id = await s.decide()
        s.broker.fill(order_id, told=False)
        s.house.offer(s.command(Verb.CANCEL, order_id=order_id))
        await s.house.quiesce()
        assert s.broker.count("cancel") == 1
        assert not s.entry.cancel_asked
        assert "TOO_LATE" in s.entry.why


async def test_a_replace_that_was_never_written_is_refused_at_once() -> None:
    """A15: the core may ask afresh; nothing waits for an answer that cannot come."""
    async with stage() as s:
        await s.hold()
        protect = s.order(Leg.PROTECT)
        s.member.dispatch.up = False
        ask = ReplaceIntended(
            ts=s.clock.wall(), account=ONE, order_id=protect.order.order_id, rev=1, qty=Qty(protect.qty - 1)
        )
        s.book.emit(ask)
        s.house.journal.append(s.book.take_facts())
        await s.house.quiesce()
        assert s.broker.count("replace") == 0
        assert protect.rev_asked == protect.rev == 0


async def test_facts_of_another_account_are_not_ours_to_send() -> None:
    """B4: each account's dispatch sends for its own broker only."""
    async with stage(accounts=(ONE, TWO)) as s:
        s.quote()
        s.idea(account=TWO)
        await s.house.quiesce()
        assert (s.brokers[ONE].count("submit"), s.brokers[TWO].count("submit")) == (0, 1)
        assert s.said(Anomaly) == []


async def test_what_is_remembered_of_sent_orders_does_not_grow() -> None:
    """I15: an answer ends the memory of the attempt; an unknown one keeps it, for it proves nothing yet."""
    async with stage() as s:
        await s.hold()
        assert s.member.dispatch.sent_at == {}
        s.broker.script["submit"].append(AFTER)
        order_id = await s.decide(BBB)
        assert set(s.member.dispatch.sent_at) == {order_id}


async def test_a_send_is_not_cancelled_half_way() -> None:
    """I9 of RELIABILITY 2: the task is cancelled while bytes leave; the outcome is recorded before it goes."""
    async with stage() as s:
        order = (await s.decide(), s.entry)[1].order
        s.entry.life = Life.INTENDED
        s.broker.script["submit"].append(HANGS)
        lone = Dispatch(s.env, s.broker, s.book, s.member.rules, s.house.inbox)
        lone.up = True
        lone.on_durable((OrderIntended(ts=s.clock.wall(), account=ONE, order=order),))
        async with anyio.create_task_group() as group:
            group.start_soon(lone.run)
            await turns()
            assert s.broker.count("submit") == 2
            group.cancel_scope.cancel()
        await s.house.settle()
        assert s.entry.life is Life.UNKNOWN


async def test_idle_waits_for_the_last_write() -> None:
    """O2: `quiesce` returns when everything durable was handed over."""
    async with stage() as s:
        order_id = await s.decide()
        dispatch = s.member.dispatch
        dispatch.on_durable((CancelIntended(ts=s.clock.wall(), account=ONE, order_id=order_id, why="test"),))
        assert dispatch.pending
        assert s.broker.count("cancel") == 0
        await dispatch.idle()
        assert not dispatch.pending
        assert s.broker.count("cancel") == 1
