"""Gradual entry: parts of one decision, each judged anew; what delays them, what ends them, and what counts meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, HOUR, MINUTE, World, at
from tradingd.core.events import Action, FillSeen, InstrumentStatus, Leaving, OrderExpired, Split, Verb
from tradingd.core.facts import Decided, OrderIntended, Outcome, Reason, TierChanged, TrancheJudged
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.standing import claimed_cash, heat_now
from tradingd.core.gates.tiers import TIERS, TierSettings
from tradingd.core.rules import EntrySettings
from tradingd.core.types import NS, Leg, OrderId, Qty, Side, TierName

D = Decimal


def gradual(**changes: Any) -> World:
    """A world whose entries go in three parts a minute apart, as by default."""
    return World(**{"entry": EntrySettings(), **changes})


def due(world: World, price: float = 100.0, after: float = 60.0) -> list[TrancheJudged]:
    """A fresh price, time passing, and what was judged."""
    world.quote(ACME, price, after=after)
    world.timer()
    return world.of(TrancheJudged)


def first(world: World, **changes: Any) -> Decided:
    """An entry in parts whose first is accepted and filled."""
    decided = world.recommend(ACME, **changes)
    assert len(decided.tranches) == 3, decided.reasons
    world.accept(decided.orders[0])
    world.fill(decided.orders[0])
    return decided


def entries(world: World) -> list[OrderIntended]:
    return [f for f in world.all(OrderIntended) if f.order.leg is Leg.ENTRY]


def test_an_entry_goes_in_parts_under_one_decision():
    """E10: near-equal parts of one decision, a minute apart; their sum is its quantity."""
    world = gradual()
    decided = first(world)
    for _ in range(2):
        [judged] = due(world)
        assert judged.outcome is Outcome.ACT
        world.accept(judged.order_id)
        world.fill(judged.order_id)
    assert due(world) == []
    sent = [f.order for f in entries(world)]
    assert [order.order_id for order in sent] == [f"{ACCOUNT}.1.e", f"{ACCOUNT}.1.e2", f"{ACCOUNT}.1.e3"]
    assert {order.decision_id for order in sent} == {decided.decision_id}
    assert tuple(order.qty for order in sent) == decided.tranches
    assert world.book.qty(ACME) == decided.qty
    assert world.book.booked.plans[decided.decision_id].orders == [order.order_id for order in sent]
    assert world.refold() == world.book.dump()


def test_the_gate_judges_the_whole_quantity():
    """R1, R2, E10: a limit that the whole breaks refuses, though a third would pass."""
    whole = gradual().recommend(ACME)
    assert whole.qty is not None
    tight = gradual(gate=GateSettings(max_order_qty=float(whole.qty) - 1))
    assert tight.recommend(ACME).reasons == (Reason.MAX_QTY,)


@pytest.mark.parametrize(
    ("entry", "odd"),
    [(EntrySettings(tranches=1), {}), (EntrySettings(gradual_above=D(10**6), gradual_above_pct=1.0), {}),
     (EntrySettings(), {"intraday": True})],
    ids=["one part", "below the threshold", "for hours only"],
)  # fmt: skip
def test_what_goes_whole(entry, odd):
    """E10, E15."""
    world = gradual(entry=entry)
    decided = world.recommend(ACME, **odd)
    if decided.outcome is Outcome.ACT:
        assert decided.tranches == ()
        assert world.order(decided.orders[0]).qty == decided.qty
    else:
        assert odd


def test_a_part_waits_for_the_one_before_and_for_its_time():
    """E10: not while it works, not before tranche_s are over; then with the fill that ends it."""
    world = gradual()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "1")
    assert due(world) == []
    assert due(world) == []
    world.fill(decided.orders[0])
    [judged] = world.of(TrancheJudged)
    assert judged.order_id == f"{ACCOUNT}.1.e2"
    world.fill(judged.order_id)
    assert due(world, after=59) == []
    assert len(due(world, after=1)) == 1


def test_a_part_that_got_some_is_followed_by_the_next():
    """E10: what an ioc order left over is not asked for again; the next part is."""
    world = gradual()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "1")
    world.cancelled(decided.orders[0], "1")
    [judged] = due(world)
    assert (judged.outcome, judged.qty) == (Outcome.ACT, decided.tranches[1])


def test_a_fill_the_venue_counted_is_waited_for():
    """E10, D3: a part that ended with more filled than we have seen has not ended yet."""
    world = gradual()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.cancelled(decided.orders[0], "1")
    assert due(world) == []
    world.fill(decided.orders[0], "1")
    assert world.of(TrancheJudged)[0].outcome is Outcome.ACT


Deed = Callable[[World], object]
FIRST = OrderId(f"{ACCOUNT}.1.e")


def say(verb: Verb, **more: Any) -> Deed:
    return lambda w: w.say(verb, **more)


def hour(text: str) -> Deed:
    return lambda w: setattr(w, "now", at(text))


def nothing(w: World) -> None:
    pass


def untradable(w: World) -> None:
    w.step(InstrumentStatus(ts=w.now, symbol=ACME, tradable=False))


def lose(w: World) -> None:
    w.lose(w.recommend(BOLT).orders[0])


def drift(w: World) -> None:
    w.positions(ACME="1")


def tier(w: World) -> None:
    lower = TierName.CONSERVATIVE
    w.book.emit(TierChanged(ts=w.now, account=ACCOUNT, previous=TierName.AGGRESSIVE, tier=lower, why="a test"))


def poor(w: World) -> None:
    w.foreign_fill(BOLT, Side.BUY, "970", "100")


def no_range(w: World) -> None:
    w.book.markets[ACME].atr = None
    w.wait(1000)


def leave(w: World) -> None:
    w.step(Leaving(ts=w.now))


def split_shares(w: World) -> None:
    w.step(Split(ts=w.now, symbol=ACME, ratio=2.0, action_id="s1"))


def sell(w: World) -> None:
    w.recommend(ACME, Action.SELL)


def overfill(w: World) -> None:
    w.fill(FIRST, "9999")


def lockout(w: World) -> None:
    w.say(Verb.LOCKOUT, until=w.now + HOUR)


ENDS: list[tuple[str, Reason, float, Deed]] = [
    ("untradable", Reason.NOT_TRADABLE, 100.0, untradable),
    ("unknown order", Reason.ORDER_UNKNOWN, 100.0, lose),
    ("drift", Reason.DRIFT, 100.0, drift),
    ("window over", Reason.OUTSIDE_WINDOW, 100.0, hour("2008-10-06T19:46")),
    ("session over", Reason.MARKET_CLOSED, 100.0, hour("2008-10-06T20:30")),
    ("lower tier", Reason.LOW_CONFIDENCE, 100.0, tier),
    ("no cash", Reason.RESERVE_SHORT, 100.0, poor),
    ("range gone", Reason.NO_RANGE, 100.0, no_range),
    ("fell half way to the stop", Reason.DETERIORATED, 98.4, nothing),
    ("ran away", Reason.DETERIORATED, 101.7, nothing),
]


@pytest.mark.parametrize(("reason", "price", "deed"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_a_part_is_refused_for_what_refuses_an_entry_now(reason, price, deed):
    """E10, E11, R1: one refusal with every check, and the rest is off, also when it would pass later."""
    kind = TierName.AGGRESSIVE if reason is Reason.LOW_CONFIDENCE else TierName.CONSERVATIVE
    world = gradual(tier_at_start=kind)
    decided = first(world, confidence=TIERS[kind].min_confidence + 0.01)
    deed(world)
    [judged] = [j for j in due(world, price) if j.decision_id == decided.decision_id]
    assert judged.outcome is Outcome.SKIP
    assert reason in judged.reasons
    assert {c.reason for c in judged.checks if c.ok is False} == set(judged.reasons)
    assert judged.order_id is None
    assert decided.decision_id not in world.book.booked.tranches
    world.now = at("2008-10-07T15:00")
    assert decided.decision_id not in [j.decision_id for j in due(world)]
    assert len([f for f in entries(world) if f.order.symbol == ACME]) == 1


STOPS: list[tuple[str, Deed]] = [
    ("pause", say(Verb.PAUSE)), ("halt", say(Verb.HALT)), ("flatten", say(Verb.FLATTEN)),
    ("flatten it", say(Verb.FLATTEN, symbol=ACME)), ("lockout", lockout), ("trip", say(Verb.TRIP)),
    ("trip it", say(Verb.TRIP, symbol=ACME)), ("cancel", say(Verb.CANCEL)), ("cancel it", say(Verb.CANCEL, symbol=ACME)),
    ("cancel its order", say(Verb.CANCEL, order_id=FIRST)), ("clean stop", leave), ("split", split_shares), ("sell", sell),
    ("fault", overfill),
]  # fmt: skip


@pytest.mark.parametrize("deed", [deed for _, deed in STOPS], ids=[name for name, _ in STOPS])
def test_what_stops_new_risk_ends_the_rest_at_once(deed):
    """E10, I7, R2: in the very step, with why; a resume brings nothing of it back."""
    world = gradual()
    decided = first(world)
    deed(world)
    [judged] = world.all(TrancheJudged)
    assert (judged.decision_id, judged.outcome, judged.reasons) == (
        decided.decision_id,
        Outcome.SKIP,
        (Reason.CALLED_OFF,),
    )
    assert judged.checks[0].value
    assert world.book.booked.tranches == {}
    world.say(Verb.RESUME)
    world.minutes(5, quotes=True)
    assert len(entries(world)) == 1


def test_a_stop_of_another_symbol_ends_nothing():
    """E10: narrow words stay narrow."""
    world = gradual()
    first(world)
    world.say(Verb.CANCEL, symbol=BOLT)
    world.say(Verb.TRIP, symbol=BOLT)
    world.say(Verb.CANCEL, order_id=OrderId("nobody"))
    assert due(world)[0].outcome is Outcome.ACT


@pytest.mark.parametrize("word", ["reject", "never", "cancelled", "expired"])
def test_a_part_that_got_nothing_ends_the_rest(word):
    """E10: at once; there is nothing left to wait for."""
    world = gradual()
    decided = world.recommend(ACME)
    if word == "expired":
        world.step(OrderExpired(ts=world.now, account=ACCOUNT, order_id=decided.orders[0]))
    elif word == "cancelled":
        world.cancelled(decided.orders[0], "0")
    else:
        getattr(world, word)(decided.orders[0])
    [judged] = world.of(TrancheJudged)
    assert (judged.outcome, judged.reasons) == (Outcome.SKIP, (Reason.DETERIORATED,))
    assert "part_before" in [c.name for c in judged.checks if c.ok is False]


@pytest.mark.parametrize("qty", ["1", None])
def test_a_stop_out_at_the_venue_ends_the_rest(qty):
    """E10, E4: whole or in part, the position shrank."""
    world = gradual()
    first(world)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.accept(stop.order.order_id)
    world.fill(stop.order.order_id, qty, "97")
    [judged] = world.of(TrancheJudged)
    assert "position_kept" in [c.name for c in judged.checks if c.ok is False]
    assert due(world) == []


def test_a_single_position_trip_ends_the_rest():
    """E6, E10: the ticker cools down, whatever closes it."""
    world = gradual(
        tier=TierSettings(
            conservative=msgspec.structs.replace(TIERS[TierName.CONSERVATIVE], stop_loss_atr_multiplier=9.0)
        )
    )
    first(world)
    world.quote(ACME, 91.0)
    assert [j.outcome for j in world.all(TrancheJudged)] == [Outcome.SKIP]


def test_the_guardian_ends_the_rest_of_what_adds_to_its_limit():
    """R5, E10: above a limit by more than a tenth, what is still to go is taken back like what works."""
    world = gradual(entry=EntrySettings(tranche_s=3600.0))
    first(world)
    other = world.recommend(BOLT)
    world.fill(other.orders[0])
    world.foreign_fill(ACME, Side.BUY, "120", "100")
    world.minutes(1, quotes=True)
    judged = world.all(TrancheJudged)
    assert [(j.symbol, j.outcome, j.checks[0].value) for j in judged] == [(ACME, Outcome.SKIP, "guardian: position")]


def test_a_lost_link_only_delays():
    """E10, B1: after reconciling the part goes."""
    world = gradual()
    first(world)
    world.disconnect()
    assert due(world) == []
    assert due(world) == []
    world.connect(str(world.book.booked.cash))
    assert due(world)[0].outcome is Outcome.ACT


@pytest.mark.parametrize("cut", [True, False], ids=["no link", "no price"])
def test_a_delay_ends_with_the_entrys_time(cut):
    """E10: entry.ttl_s after the part was due, the rest is off, and the record says why."""
    world = gradual(entry=EntrySettings(ttl_s=120.0))
    first(world)
    if cut:
        world.disconnect()
    judged: list[TrancheJudged] = []
    for _ in range(3):
        world.wait(60)
        world.timer()
        judged += world.of(TrancheJudged)
    assert [j.outcome for j in judged] == [Outcome.SKIP]
    assert (Reason.LINK_NOT_READY if cut else Reason.STALE_PRICE) in judged[0].reasons
    assert judged[0].ts == entries(world)[0].ts + 180 * NS


def test_a_restart_goes_on_with_the_rest():
    """E10, J1: after reconciling, with prices and ranges learned again, by the same rules."""
    world = gradual()
    decided = first(world)
    world.restart()
    assert due(world) == []
    world.bars()
    world.connect(str(world.book.booked.cash))
    [judged] = due(world)
    assert (judged.order_id, judged.qty) == (f"{ACCOUNT}.1.e2", decided.tranches[1])
    assert world.refold() == world.book.dump()


def test_what_is_still_to_go_counts_as_exposure():
    """I6, E10: value, cash, heat and the symbol itself, as if it were working; nothing of it is left when it is called off."""
    world, whole = gradual(), World()
    for w in (world, whole):
        w.accept(w.recommend(ACME).orders[0])
    assert world.book.pending_entries(ACME) > 0
    for figure in (
        lambda b: b.symbol_value(ACME), lambda b: b.values(), heat_now, lambda b: b.sector_value("tech"),
    ):  # fmt: skip
        assert figure(world.book) == pytest.approx(figure(whole.book), rel=1e-3)
    assert claimed_cash(world.book) == pytest.approx(claimed_cash(whole.book), rel=0.01)
    assert Reason.ALREADY_HELD in world.recommend(ACME).reasons
    world.say(Verb.PAUSE)
    assert world.book.pending_entries(ACME) == 0
    assert claimed_cash(world.book) < claimed_cash(whole.book) / 2


def test_parts_are_no_duplicates_of_each_other_and_one_trade():
    """R2, E10: equal size, side and symbol within the throttles' windows, and one open trade allowed."""
    limits = GateSettings(
        duplicate_window_s=600.0,
        repeated_window_s=600.0,
        repeated_executions=1,
        max_open_trades=1,
        max_open_positions=1,
    )
    world = gradual(gate=limits, entry=EntrySettings(tranche_s=1.0))
    first(world)
    for _ in range(2):
        [judged] = due(world, after=1)
        assert judged.outcome is Outcome.ACT, judged.reasons
        world.fill(judged.order_id)
    assert due(world) == []


def test_a_whole_entry_sent_again_is_a_duplicate_though_its_first_part_was_smaller():
    """R2: what the throttle remembers is what the decision wanted."""
    world = gradual()
    decided = world.recommend(ACME)
    world.reject(decided.orders[0])
    assert world.recommend(ACME).reasons == (Reason.DUPLICATE_ORDER,)


def test_each_part_counts_for_the_order_rate():
    """R2: they are orders."""
    world = gradual(gate=GateSettings(orders_per_minute=1), entry=EntrySettings(tranche_s=10.0))
    first(world)
    [judged] = due(world, after=10)
    assert judged.reasons == (Reason.ORDER_RATE,)


def test_stop_and_protection_follow_the_average_entry():
    """E4, E10: measured from what was paid on average, and as large as what is held."""
    world = gradual()
    decided = first(world)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.accept(stop.order.order_id)
    before = world.book.booked.levels[ACME]
    [judged] = due(world, 101.0)
    world.fill(judged.order_id, price="101.01")
    after = world.book.booked.levels[ACME]
    assert before.entry < after.entry < D("101.01")
    assert after.stop > before.stop
    asked = world.book.protection(ACME)
    assert asked is not None
    assert asked.ceiling() == decided.tranches[0] + decided.tranches[1] == world.book.qty(ACME)


def test_a_short_goes_in_parts_too():
    """E10: mirrored."""
    world = gradual(entry=EntrySettings(allow_short=True))
    decided = world.recommend(ACME, Action.SELL)
    world.fill(decided.orders[0])
    [judged] = due(world, 100.5)
    assert judged.outcome is Outcome.ACT
    world.fill(judged.order_id)
    assert world.book.qty(ACME) == -(decided.tranches[0] + decided.tranches[1])
    [judged] = due(world, 101.7)
    assert judged.reasons == (Reason.DETERIORATED,)


def test_a_position_that_grew_over_its_limit_gets_no_more():
    """R1, I6: the limit of the moment the part goes, not of the decision."""
    world = gradual(gate=GateSettings(max_position_pct=0.01), atr=30.0)
    decided = first(world)
    assert decided.qty is not None
    world.fill(due(world)[0].order_id)
    [judged] = due(world, 112.0)
    assert Reason.POSITION_LIMIT in judged.reasons


def test_late_while_the_part_before_still_works_is_refused():
    """E10, I15: nothing waits for ever."""
    world = gradual()
    decided = world.recommend(ACME)
    world.lose(decided.orders[0])
    world.now += 16 * MINUTE
    world.timer()
    assert [j.reasons for j in world.of(TrancheJudged)] == [(Reason.DETERIORATED,)]


def test_a_late_fill_of_a_part_fits_in():
    """A14, E10: it came after the next one left; the sum stays within the decision."""
    world = gradual()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.fill(decided.orders[0], "1")
    world.cancelled(decided.orders[0], "1")
    [judged] = due(world)
    order = world.order(decided.orders[0]).order
    world.cursor += 1
    world.step(
        FillSeen(
            ts=world.now, account=ACCOUNT, order_id=order.order_id, exec_id="late", symbol=ACME, side=Side.BUY, qty=Qty(D(1)),
            price=order.limit, fee=D(0), cursor=world.cursor,
        )
    )  # fmt: skip
    world.fill(judged.order_id)
    assert decided.qty is not None
    assert world.book.qty(ACME) <= decided.qty
