"""Reconcile: what the venue says of our orders, fills and positions, and that nothing is believed that is not proven."""

from __future__ import annotations

from decimal import Decimal

import anyio
import msgspec
import pytest

from tests.fakes.broker import AFTER, BEFORE, LOST, SILENT, FakeBroker
from tests.shell.stage import AAA, BBB, ONE, Stage, stage
from tradingd.core.book.orders import Life
from tradingd.core.events import OrderCancelled, OrderExpired, Verb
from tradingd.core.facts import (
    AmendRefused,
    Anomaly,
    CommandSeen,
    DriftFound,
    Filled,
    LinkChanged,
    OrderAmended,
    OrderIntended,
    OrderMoved,
)
from tradingd.core.types import NS, AccountId, Leg, OrderId, Price, Qty, Side, TradingState, VenueOrderId
from tradingd.ports import LinkDown, Misconfigured, Quirks

EXACT = Quirks(never_after_s=30.0, ack_timeout_s=0.05)


async def relink(s: Stage, wait_s: float = 0.0) -> None:
    await s.member.link.lost("cable")
    await s.wait(wait_s)
    await s.member.link.open()
    await s.house.quiesce()


async def ask(s: Stage) -> None:
    """As the house does each few seconds: the venue is asked when there is something to ask."""
    if s.member.reconciler.has_questions():
        await s.member.reconciler.orders()


def states(s: Stage, order_id: str) -> list[str]:
    return [f.to for f in s.durable if isinstance(f, OrderMoved) and f.order_id == order_id]


# orders whose outcome is not known ---------------------------------------------------------------------------------------


async def test_an_unknown_order_that_the_venue_works_is_adopted() -> None:
    """A4, A10, I2: found working by query after reconnecting, under its own id, sent once."""
    async with stage() as s:
        s.broker.script["submit"].append(AFTER)
        order_id = await s.decide()
        assert s.entry.life is Life.UNKNOWN
        await relink(s)
        assert s.entry.life is Life.LIVE
        assert s.entry.venue_order_id == s.broker.orders[order_id].venue_order_id
        assert s.broker.count("submit") == 1
        assert not s.book.unknown_orders()


async def test_an_unknown_order_that_filled_meanwhile_is_booked_once_and_protected() -> None:
    """A10, I4, R3: the fill is fetched, and the stop is placed at the venue."""
    async with stage() as s:
        s.broker.script["submit"].append(AFTER)
        order_id = await s.decide()
        s.broker.fill(order_id, told=False)
        await relink(s)
        assert s.entry.life is Life.FILLED
        assert s.book.qty(AAA) == s.broker.held[AAA] == s.entry.order.qty
        assert len(s.said(Filled)) == 1
        assert s.order(Leg.PROTECT).life is Life.LIVE


async def test_an_unknown_order_that_was_refused_meanwhile_is_rejected() -> None:
    """A11, I2: by the venue's code."""
    async with stage() as s:
        s.broker.script["submit"].append(AFTER)
        order_id = await s.decide()
        s.broker.orders[order_id] = msgspec.structs.replace(
            s.broker.orders[order_id], status="rejected", code="MARGIN", text="too little"
        )
        await relink(s)
        assert (s.entry.life, s.entry.why) == (Life.REJECTED, "MARGIN too little")


@pytest.mark.parametrize("status", ["cancelled", "expired"])
async def test_an_order_that_ended_meanwhile_has_ended(status: str) -> None:
    """D22: cancelled on disconnect, or the day was over; what was filled before is kept."""
    async with stage() as s:
        order_id = await s.decide()
        s.broker.fill(order_id, 3, told=False)
        s.broker.orders[order_id] = msgspec.structs.replace(s.broker.orders[order_id], status=status)
        await relink(s)
        assert (s.entry.life.value, s.book.qty(AAA)) == (status, 3)


async def test_not_found_proves_never_only_after_its_time_and_on_another_connection() -> None:
    """A13, I2: not at once, not while the connection it was sent on is open, but then; and its exposure is free again."""
    async with stage(quirks=EXACT) as s:
        s.broker.script["submit"].append(BEFORE)
        await s.decide()
        await s.wait(50)
        await ask(s)
        assert s.entry.life is Life.UNKNOWN, "the connection it was written on is still open"
        await relink(s)
        assert s.entry.life is Life.UNKNOWN, "it may still be on its way"
        await s.wait(29)
        await ask(s)
        assert s.entry.life is Life.UNKNOWN
        await s.wait(1)
        await ask(s)
        await s.house.settle()
        assert s.entry.life is Life.NEVER
        assert s.book.working_entries(AAA) == 0


async def test_an_order_missing_for_a_minute_ends_its_connection_so_that_it_can_be_settled() -> None:
    """A13, I2: as long as its connection stands nothing is proven and entries are off; so the connection goes, and comes again."""
    async with stage() as s:
        s.broker.script["submit"].append(BEFORE)
        await s.decide()
        await s.wait(59)
        await ask(s)
        assert s.member.dispatch.up
        await s.wait(2)
        await ask(s)
        assert s.member.reconciler.mismatches["order_missing"] == 1
        with anyio.fail_after(1):
            assert await s.broker.wait_closed()
        await relink(s)
        await s.wait(31)
        await ask(s)
        await s.house.settle()
        assert s.entry.life is Life.NEVER


async def test_an_order_that_appears_late_is_never_called_never() -> None:
    """A13: the venue shows it after twenty seconds."""
    async with stage(quirks=EXACT) as s:
        s.broker.script["submit"].append(AFTER)
        order_id = await s.decide()
        s.broker.hidden.add(order_id)
        await relink(s, 5)
        await s.wait(15)
        await ask(s)
        s.broker.hidden.clear()
        await s.wait(20)
        await ask(s)
        await s.house.settle()
        assert states(s, order_id) == ["unknown", "live"]


async def test_an_intent_of_a_former_life_is_unknown_until_the_venue_was_asked() -> None:
    """A1, A3: the process ended between intent and answer: first unknown, then what the venue says; entries wait for it."""
    async with stage() as s:
        s.member.dispatch.up = False
        s.broker.script["submit"].append(SILENT)
        order_id = await s.decide()
        assert s.entry.life is Life.NEVER  # nothing was written, and this process knows it
        s.member.dispatch.up = True
        s.broker.script["submit"].append(SILENT)
        order_id = await s.decide(BBB)
        assert s.entry.life is Life.INTENDED
        await relink(s)
        assert states(s, order_id) == ["unknown", "live"]


async def test_a_lost_ack_is_asked_for_without_reconnecting() -> None:
    """A4, A10: no answer within the broker's time: unknown, asked, live; never sent again."""
    async with stage(quirks=EXACT) as s:
        s.broker.script["submit"].append(SILENT)
        order_id = await s.decide()
        assert s.entry.life is Life.INTENDED
        await ask(s)
        assert s.entry.life is Life.INTENDED, "not overdue yet"
        assert not s.member.reconciler.has_questions()
        await s.wait(1)
        await ask(s)
        await s.house.settle()
        assert states(s, order_id) == ["unknown", "live"]
        assert s.broker.count("submit") == 1


async def test_an_order_the_venue_had_and_no_longer_finds_stays_visibly_unknown() -> None:
    """I2, A13: it was accepted, so it cannot be `never`; asked again and again, without a new record each time."""
    async with stage(quirks=EXACT) as s:
        order_id = await s.decide()
        s.broker.hidden.add(order_id)
        await relink(s, 60)
        for _ in range(3):
            await s.wait(60)
            await ask(s)
        await s.house.settle()
        assert s.entry.life is Life.UNKNOWN
        assert s.said(Anomaly) == []
        assert s.member.reconciler.mismatches["order_lost"] == 1


# cancels and amends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [BEFORE, LOST])
async def test_a_lost_cancel_is_asked_again(outcome: str) -> None:
    """A14: after the next connect, and also when the link never dropped; the cancel is harmless to repeat."""
    async with stage(quirks=EXACT) as s:
        order_id = await s.decide()
        s.broker.script["cancel"].extend([outcome, outcome])
        s.house.offer(s.command(Verb.CANCEL, order_id=order_id))
        await s.house.quiesce()
        assert s.entry.cancel_asked
        await relink(s)
        assert s.entry.life is Life.LIVE
        await s.wait(1)
        await ask(s)
        await s.house.quiesce()
        assert s.entry.life is Life.CANCELLED
        assert s.broker.count("cancel") == 3


async def test_a_cancel_stamped_by_a_wrong_future_is_asked_about() -> None:
    """A14, E1: its last word lies a day ahead of the clock; lost twice, it does not wait for that day."""
    async with stage(quirks=EXACT) as s:
        order_id = await s.decide()
        s.broker.script["cancel"].extend([LOST, LOST])
        s.house.offer(s.command(Verb.CANCEL, order_id=order_id))
        await s.house.quiesce()
        s.entry.updated_ts += 86_400 * NS
        await relink(s)
        assert s.entry.life is Life.LIVE
        await s.wait(1)
        await ask(s)
        await s.house.quiesce()
        assert s.entry.life is Life.CANCELLED


async def test_a_lost_amend_is_given_up_and_asked_afresh() -> None:
    """A15, E4: the stop must follow the position: after half of it was sold the amend is lost, noticed, asked again."""
    async with stage(quirks=EXACT) as s:
        await s.hold()
        protect = s.order(Leg.PROTECT)
        s.broker.script["replace"].append(LOST)
        half = Qty(s.book.qty(AAA) // 2)
        sold = s.broker.execution(s.order(Leg.ENTRY).order.order_id, AAA, protect.order.side, half, "100.00")
        s.broker.say(msgspec.structs.replace(sold, order_id=""))
        await s.house.quiesce()
        assert protect.rev_asked > protect.rev
        await s.wait(1)
        await ask(s)
        await s.house.quiesce()
        assert len(s.said(AmendRefused)) == 1
        s.quote()
        await s.member.reconciler.positions()
        await s.wait(1)
        await s.house._tick()
        await s.house.quiesce()
        assert protect.qty == abs(s.book.qty(AAA))
        assert s.broker.orders[protect.order.order_id].qty == protect.qty


async def test_an_amend_lost_with_an_order_that_filled_meanwhile_is_given_up() -> None:
    """A15, A14: it never arrived and never will: the order is filled, nothing of it is counted any more, and what is held beyond
    it gets a stop of its own."""
    async with stage() as s:
        order_id = await s.decide()
        s.broker.fill(order_id, 3)
        await s.house.quiesce()
        s.broker.script["replace"].append(BEFORE)
        s.broker.fill(order_id, 4)
        await s.house.quiesce()
        stop = s.order(Leg.PROTECT)
        assert (stop.qty, stop.ceiling()) == (3, 7)
        s.broker.fill(stop.order.order_id, told=False)
        await relink(s)
        assert (stop.life, stop.leaves(), stop.pending) == (Life.FILLED, 0, {})
        assert s.book.qty(AAA) == 4
        now_resting = s.order(Leg.PROTECT)
        assert (now_resting.life, now_resting.leaves()) == (Life.LIVE, 4)


async def test_an_amend_that_took_effect_unheard_is_learned() -> None:
    """A15: the venue's revision is higher than ours."""
    async with stage() as s:
        await s.hold()
        protect = s.order(Leg.PROTECT)
        order_id = protect.order.order_id
        report = s.broker.orders[order_id]
        s.broker.orders[order_id] = msgspec.structs.replace(report, rev=4, stop=Price(Decimal("90.00")))
        await relink(s)
        assert protect.rev >= 4
        assert [f.rev for f in s.said(OrderAmended)[:1] if isinstance(f, OrderAmended)] == [4]


# fills --------------------------------------------------------------------------------------------------------------------


async def test_duplicate_and_reordered_fills_are_booked_once_each() -> None:
    """I4, D8, D10, A16: three executions, told backwards and twice, before the acknowledgement."""
    async with stage() as s:
        s.broker.script["submit"].append(SILENT)
        order_id = await s.decide()
        fills = [s.broker.fill(order_id, 2, told=False) for _ in range(3)]
        for fill in [*reversed(fills), *fills]:
            s.broker.say(fill)
        s.broker.say(s.broker.accepted(order_id))
        await s.house.quiesce()
        assert [f.exec_id for f in s.said(Filled)] == ["X3", "X2", "X1"]
        assert s.book.qty(AAA) == s.broker.held[AAA] == 6
        assert s.book.booked.fill_cursor == 3
        assert s.entry.life is Life.PARTIAL


async def test_a_dropped_fill_is_found_by_polling() -> None:
    """D3, B6, I4: heartbeats flow, one fill message does not; the next round books it, once."""
    async with stage() as s:
        order_id = await s.decide()
        lost = s.broker.fill(order_id, told=False)
        assert s.book.qty(AAA) == 0
        await s.house._positions(s.member)()
        await s.house.quiesce()
        assert s.book.qty(AAA) == s.broker.held[AAA]
        s.broker.say(lost)
        await s.house.quiesce()
        assert len(s.said(Filled)) == 1
        assert s.said(DriftFound) == []
        assert s.member.reconciler.mismatches["missed_fill"] == 1


async def test_executions_only_heard_of_are_fetched_within_seconds() -> None:
    """I4, D3: the order ended with more than we have seen; its missing fills are not left to the next look at positions."""
    async with stage() as s:
        order_id = await s.decide()
        qty = s.entry.order.qty
        s.broker.fill(order_id, told=False)
        s.house.offer(OrderExpired(ts=s.clock.wall(), account=ONE, order_id=order_id, cum_qty=qty))
        await s.house.quiesce()
        assert s.book.owes()
        await ask(s)
        await s.house.quiesce()
        assert s.book.qty(AAA) == qty
        assert not s.book.owes()


async def test_positions_are_compared_at_the_same_count_of_fills_only() -> None:
    """D14: a fill that arrives between question and answer is no drift."""
    async with stage() as s:
        order_id = await s.decide()
        asked = FakeBroker.positions

        async def moving(broker: FakeBroker = s.broker) -> object:
            report = await asked(broker)
            if len(broker.executions) == 0:
                broker.fill(order_id)
            return report

        s.broker.positions = moving  # type: ignore[method-assign,assignment]
        await s.member.reconciler.positions()
        await s.house.quiesce()
        assert s.said(DriftFound) == []
        assert s.book.qty(AAA) == s.broker.held[AAA]


async def test_positions_of_before_an_order_ended_do_not_count_what_it_filled_as_seen() -> None:
    """I6, D14: the stop fills while the venue's answer is under way, and its end is heard before its fill."""
    async with stage() as s:
        await s.hold()
        stop, held = s.order(Leg.PROTECT).order.order_id, s.book.qty(AAA)
        asked = FakeBroker.positions

        async def moving(broker: FakeBroker = s.broker) -> object:
            report = await asked(broker)
            if s.book.order(stop) in s.book.open_orders():
                broker.fill(stop, told=False)
                broker.say(
                    OrderCancelled(ts=s.clock.wall(), account=ONE, order_id=stop, reason="reduce only", cum_qty=held)
                )
            return report

        s.broker.positions = moving  # type: ignore[method-assign,assignment]
        await s.member.reconciler.positions()
        await s.house.quiesce()
        assert (s.book.qty(AAA), s.book.owes()) == (0, False)
        assert s.said(DriftFound) == []


async def test_a_venue_that_never_comes_to_rest_is_not_believed() -> None:
    """D14: the resync gives up instead of going on with a partial picture; entries stay off."""
    async with stage(linked=False) as s:
        s.book.booked.fill_cursor = 7  # the venue has counted fewer than we have booked
        with pytest.raises(LinkDown, match="rest"):
            await s.member.link.open()
        await s.house.quiesce()
        assert not s.book.booked.link_up


# what is not ours ---------------------------------------------------------------------------------------------------------


async def test_drift_is_told_with_both_figures_and_never_overwritten() -> None:
    """B6, D24: the venue's position is not ours and no fill explains it; entries of the symbol go off, until evidence or adopt."""
    async with stage() as s:
        await s.hold()
        ours = s.book.qty(AAA)
        s.broker.held[AAA] = Qty(ours + 5)
        before = s.broker.count("submit")
        for _ in range(2):
            await s.member.reconciler.positions()
        (drift,) = s.said(DriftFound)
        assert isinstance(drift, DriftFound)
        assert (drift.ours, drift.venue, s.book.qty(AAA)) == (ours, ours + 5, ours)
        assert s.broker.count("submit") == before, "nobody trades to fix it"
        s.broker.held[AAA] = ours
        await s.member.reconciler.positions()
        assert s.book.booked.drift == {}


async def test_foreign_orders_are_named_once_and_never_touched() -> None:
    """B6, D21: on the account but not ours; counted, told, no cancel."""
    async with stage() as s:
        s.broker.foreign("AAA", 10)
        for _ in range(2):
            await s.member.reconciler.foreign()
            await s.house.quiesce()
        assert len(s.book.booked.foreign) == 1
        assert [a.code for a in s.book.booked.alerts] == ["foreign_order"]
        assert s.broker.count("cancel") == 0
        assert s.member.reconciler.mismatches["foreign_order"] == 1


@pytest.mark.parametrize("same_id", [True, False])
async def test_an_order_under_our_name_that_we_never_intended_is_a_second_daemons(same_id: bool) -> None:
    """H4: another id of our making, or one of ours with other content: REDUCING and a page, once; nothing of it is touched."""
    async with stage() as s:
        order_id = await s.decide()
        theirs = msgspec.structs.replace(
            s.broker.orders[order_id], venue_order_id=VenueOrderId("W1"), symbol=BBB,
            order_id=order_id if same_id else OrderId("one.977.e"),
        )  # fmt: skip
        s.broker.orders[OrderId("theirs")] = theirs
        for _ in range(2):
            await s.member.reconciler.foreign()
            await s.house.quiesce()
        assert s.book.state() is TradingState.REDUCING
        assert [a.code for a in s.book.booked.alerts] == ["foreign_order", "second_daemon"]
        assert s.broker.orders[OrderId("theirs")].status == "working"


@pytest.mark.parametrize("order_id", ["", "one.x", "another.7.e", "7.e"])
async def test_somebody_elses_order_is_no_second_daemon(order_id: str) -> None:
    """H4, D21: a manual order, or one of another account's daemon, stops nothing."""
    async with stage() as s:
        s.broker.say(s.broker.execution(OrderId(order_id), AAA, Side.BUY, Qty(Decimal(4)), "100.00"))
        await s.house.quiesce()
        assert s.book.qty(AAA) == 4
        assert s.book.state() is TradingState.ACTIVE


async def test_a_fill_of_an_order_under_our_name_that_we_never_intended_is_a_second_daemons() -> None:
    """H4, I4: booked, for it is money, and no new risk."""
    async with stage() as s:
        s.broker.say(s.broker.execution(OrderId("one.977.e"), AAA, Side.BUY, Qty(Decimal(4)), "100.00"))
        await s.house.quiesce()
        assert s.book.qty(AAA) == 4
        assert s.book.state() is TradingState.REDUCING


async def test_a_fill_of_somebody_elses_order_is_booked_as_foreign() -> None:
    """D21, I4: the position stays the venue's, and it is told."""
    async with stage() as s:
        s.broker.say(s.broker.execution(OrderId(""), AAA, Side.BUY, Qty(Decimal(4)), "100.00"))
        await s.house.quiesce()
        assert s.book.qty(AAA) == 4
        assert "foreign_fill" in {f.kind for f in s.said(Anomaly) if isinstance(f, Anomaly)}


async def test_another_account_than_configured_is_refused() -> None:
    """H13: a wrong key must not trade somebody else's money."""
    async with stage(linked=False) as s:
        s.broker.answers_as = AccountId("other")
        with pytest.raises(Misconfigured, match="other"):
            await s.member.link.open()
        await s.house.quiesce()
        assert not s.book.booked.link_up


# the resync as a whole ------------------------------------------------------------------------------------------------------


async def test_the_resync_has_its_order_and_entries_wait_for_its_end() -> None:
    """B1, B6, D14: fills, then each open order, foreign orders, positions, balances, and only then ready."""
    async with stage() as s:
        await s.hold()
        await s.member.link.lost("cable")
        await s.house.quiesce()
        s.broker.calls.clear()
        up: list[tuple[str, bool]] = []
        for name in ("fills", "query", "open_orders", "positions", "account"):
            _spy(s, name, up)
        await s.member.link.open()
        names = list(dict.fromkeys(n for n, _ in s.broker.calls if n not in ("connect", "instruments", "history")))
        assert names == ["fills", "query", "open_orders", "positions", "account"]
        assert not any(was_up for _, was_up in up)
        assert s.book.booked.link_up
        assert [f.up for f in s.said(LinkChanged) if isinstance(f, LinkChanged)][-1]


def _spy(s: Stage, name: str, up: list[tuple[str, bool]]) -> None:
    asked = getattr(s.broker, name)

    async def look(*arguments: object) -> object:
        up.append((name, s.book.booked.link_up))
        return await asked(*arguments)

    setattr(s.broker, name, look)


@pytest.mark.parametrize("name", ["instruments", "history", "fills", "query", "open_orders", "positions", "account"])
async def test_a_resync_that_is_cut_off_anywhere_leaves_entries_off(name: str) -> None:
    """B1, D14: never ACTIVE with a partial picture; the next one starts from the beginning."""
    async with stage() as s:
        await s.hold()
        await s.member.link.lost("cable")
        s.broker.script[name].append("down")
        with pytest.raises(LinkDown):
            await s.member.link.open()
        await s.house.quiesce()
        assert not s.book.booked.link_up
        s.quote(BBB)
        s.idea(BBB)
        await s.house.quiesce()
        assert "link_not_ready" in [r.value for r in s.book.booked.recent[-1].reasons]
        await s.member.link.lost("again")
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.booked.link_up


async def test_a_halt_holds_while_everything_is_reconciled() -> None:
    """I7: reconciling lifts nothing; only a named operator moves up."""
    async with stage() as s:
        s.house.offer(s.command(Verb.HALT))
        await s.house.settle()
        await relink(s)
        assert s.book.state() is TradingState.HALTED
        assert len(s.said(CommandSeen)) == 1
        assert s.member.account == ONE
        assert s.said(OrderIntended) == []


@pytest.mark.parametrize("how", ["resync", "healthy"])
async def test_a_stop_that_works_with_other_figures_than_ours_is_put_right(how: str) -> None:
    """B6, R3: halved or moved by somebody at the venue; seen when orders are compared, and amended back."""
    async with stage() as s:
        await s.hold()
        stop = s.order(Leg.PROTECT)
        right = s.broker.orders[stop.order.order_id]
        s.broker.orders[stop.order.order_id] = msgspec.structs.replace(
            right, qty=Qty(right.qty / 2), stop=Price(Decimal("90.00"))
        )
        if how == "resync":
            await relink(s)
        else:
            await s.member.reconciler.foreign()
            await s.house.quiesce()
        now = s.broker.orders[stop.order.order_id]
        assert (now.qty, now.stop) == (right.qty, right.stop) == (stop.qty, stop.stop)
        assert s.member.reconciler.mismatches["order_altered"] == 1
        asked = s.broker.count("replace")
        await s.member.reconciler.foreign()
        await s.house.quiesce()
        assert s.broker.count("replace") == asked == 1


async def test_an_order_that_comes_back_after_its_end_is_taken_back() -> None:
    """A13: proven never to have arrived, and there it works: told, and cancelled at the venue."""
    async with stage() as s:
        s.broker.script["submit"].append(BEFORE)
        order_id = await s.decide()
        order = s.entry.order
        await relink(s, 31)
        await relink(s, 31)
        assert s.entry.life is Life.NEVER
        s.broker.take(order)
        await s.member.reconciler.foreign()
        await s.house.quiesce()
        assert s.broker.orders[order_id].status == "cancelled"
        assert "impossible_transition" in {f.kind for f in s.said(Anomaly) if isinstance(f, Anomaly)}
        assert s.book.booked.foreign == {}
