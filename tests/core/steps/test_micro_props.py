"""Laws of micro-trades, for any price, range and confidence, and under storms."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.storm import SYMBOLS, carry_out, instructions
from tests.core.world import ACME, DAY, MINUTE, World, through_json
from tradingd.core.events import Action
from tradingd.core.facts import DayOpened, Decided, Kind, OrderIntended, Outcome, Reason, StopSet
from tradingd.core.rules import MicroSettings
from tradingd.core.types import Leg, TierName

D = Decimal
FEW = settings(max_examples=max(60, settings.default.max_examples // 4))  # storms are long


@given(
    price=st.floats(2.0, 800.0), atr_pct=st.floats(0.003, 0.08), confidence=st.floats(0.75, 1.0),
    cap=st.floats(0.002, 0.2), tier=st.sampled_from(TierName), per_day=st.integers(1, 5),
)  # fmt: skip
def test_a_micro_trade_stays_below_its_ceiling_with_its_own_levels(price, atr_pct, confidence, cap, tier, per_day):
    """S2 property 31, E15: never above allocation_pct of the active pool nor above the standard trade; the stop 1.0 ATR away, the
    target 1.5 times as far, rounded away from the entry by less than a tick; no more in a session than per_day."""
    price, micro = round(price, 2), MicroSettings(enabled=True, allocation_pct=cap, per_day=per_day)
    atr = round(max(0.1, price * atr_pct), 2)
    world, plain = (World(price=price, atr=atr, micro=micro, tier_at_start=tier) for _ in range(2))
    decided, standard = (
        world.recommend(ACME, confidence=confidence, intraday=True),
        plain.recommend(ACME, confidence=confidence),
    )
    assert decided.qty <= standard.qty
    if decided.outcome is Outcome.SKIP:
        return
    assert float(decided.notional) <= cap * world.book.active_pool() * (1 + 1e-12)
    world.fill(decided.orders[0])
    [levels] = [s for s in world.of(StopSet) if s.why == "entry"]
    measured = world.book.markets[ACME].atr
    assert float(levels.entry - levels.stop) == pytest.approx(measured, abs=0.0101)
    assert float(levels.stop) <= float(levels.entry) - measured + 0.0051
    assert float(levels.target - levels.entry) == pytest.approx(1.5 * measured, abs=0.0151)
    for symbol in SYMBOLS[1:]:
        world.quote(symbol, price)
        taken = len([d for d in world.all(Decided) if d.outcome is Outcome.ACT])
        decided = world.recommend(symbol, confidence=confidence, intraday=True)
        assert (Reason.MICRO_LIMIT in decided.reasons) == (taken >= per_day)


_symbol = st.integers(0, 3)
acts = st.one_of(  # mostly quiet days, on which something goes wrong now and then
    st.tuples(st.just("for hours"), _symbol, st.sampled_from([0, 0, 0, 1, 2, 3])),
    st.tuples(st.just("for hours"), _symbol, st.just(0)),
    st.tuples(st.just("for days"), _symbol, st.just(0)),
    st.tuples(st.just("answers"), _symbol, st.sampled_from([0, 0, 0, 1])),
    st.tuples(st.just("answers"), _symbol, st.just(0)),
    st.tuples(st.just("minutes"), st.integers(1, 25), st.just(0)),
    st.tuples(st.just("tomorrow"), _symbol, st.just(0)),
    instructions,
)
storms = st.lists(acts, min_size=5, max_size=40)
ONE = MicroSettings(enabled=True, per_day=1)
HOURS = MicroSettings(enabled=True, per_day=3, hold_min=20.0)


def act(world: World, what: tuple[str, int, int]) -> None:
    kind, a, b = what
    match kind:
        case "for hours" | "for days":
            symbol = SYMBOLS[a]
            world.quote(symbol, world.mids[symbol])
            side = Action.SELL if b == 3 else Action.BUY
            world.recommend(symbol, side, (0.9, 0.8, 0.3, 0.9)[b], intraday=kind == "for hours")
            if b == 0:
                answers(world, Leg.ENTRY)
        case "answers":
            answers(world, Leg.EXIT, part=b == 1)
        case "minutes":
            world.minutes(a, quotes=True)
        case "tomorrow":
            world.now += DAY
            world.minutes(1, quotes=True)
        case _:
            carry_out(world, what)


def answers(world: World, leg: Leg, *, part: bool = False) -> None:
    """The venue fills what works, or a part of it."""
    for working in world.book.open_orders(leg=leg):
        symbol, left = working.order.symbol, working.leaves()
        qty = D(int(left / 2)) if part else left
        if qty and (leg is Leg.ENTRY or qty <= abs(world.book.qty(symbol))):
            price = working.limit if working.limit is not None else D(str(round(world.mids[symbol], 2)))
            world.fill(working.order.order_id, qty, price)


@FEW
@given(storms)
def test_no_more_are_entered_in_a_session_than_may_be(storm):
    """E15: whatever happens in between, restarts included."""
    world = World(micro=ONE)
    for what in storm:
        act(world, what)
    day, entered = "", Counter()
    for fact in world.facts:
        if isinstance(fact, DayOpened):
            day = fact.date
        if isinstance(fact, Decided) and fact.kind is Kind.ENTRY and fact.micro and fact.outcome is Outcome.ACT:
            entered[day] += 1
    assert all(n <= ONE.per_day for n in entered.values())


@FEW
@given(storms)
def test_none_is_held_beyond_its_time_without_a_close(storm):
    """S2 property 32, E15: after each timer in which something could be done, one is being closed, was refused with a decision a
    moment ago, or waits for its stop to be taken back."""
    world = World(micro=HOURS)
    for what in storm:
        act(world, what)
        for _ in range(2):
            world.minutes(1, quotes=True)
        book = world.book
        session = world.rules.calendars["XNYS"].at(book.now)
        if session is None or book.halted() or not book.booked.link_up:
            continue
        for symbol, held in book.booked.micro.items():
            if book.now - held.opened_ts < HOURS.hold_min * MINUTE or symbol in book.booked.drift:
                continue
            exits = [w for w in book.booked.orders.values() if w.order.symbol == symbol and w.order.leg is Leg.EXIT]
            lately = [w for w in exits if book.now - w.updated_ts <= 60 * 10**9]
            refused = [ts for key, ts in book.booked.exits_refused.items() if key.startswith(f"{symbol}:")]
            assert book.working_exits(symbol) or lately or refused or book.owed(symbol, entry=False)


@FEW
@given(storms)
def test_what_is_held_for_hours_is_held_and_known_to_a_restart(storm):
    """I8: no mark outlives its position, each closed trade bears its own; all of it is in the facts."""
    world = World(micro=HOURS)
    for what in storm:
        act(world, what)
        booked = world.book.booked
        assert set(booked.micro) <= set(world.book.held())
        assert set(booked.causes) <= set(world.book.held())
    entered = {f.decision_id: f for f in world.facts if isinstance(f, Decided) and f.kind is Kind.ENTRY}
    micro = {f.cause for f in entered.values() if f.micro}
    standard = {f.cause for f in entered.values() if not f.micro}
    for trade in world.book.booked.trades:
        assert trade.micro == (trade.cause in micro)
        assert trade.cause == "" or trade.cause in micro | standard
        assert trade.qty > 0
        assert trade.opened_ts <= trade.ts
    assert world.refold() == world.book.dump()
    for fact in world.facts:
        assert repr(through_json(fact)) == repr(fact)
    ids = [f.order.order_id for f in world.facts if isinstance(f, OrderIntended)]
    assert len(ids) == len(set(ids))
