"""Laws of the whole core, under storms of anything that can come in."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.storm import SYMBOLS, carry_out, entering, instructions, storms
from tests.core.world import ACCOUNT, ACME, HOUR, World, through_json
from tradingd.core.events import Action, Event, Recommendation, Verb
from tradingd.core.facts import (
    AnyFact,
    BreakerKind,
    BreakerTripped,
    CashMoved,
    Decided,
    FlattenBegun,
    Kind,
    OrderIntended,
    Outcome,
    StateChanged,
    TrancheJudged,
)  # fmt: skip
from tradingd.core.rules import EntrySettings
from tradingd.core.types import NS, ZERO, DecisionId, Leg, Money, Side, TradingState

D = Decimal
FEW = settings(max_examples=max(60, settings.default.max_examples // 4))  # storms are long


def intended(facts: tuple[AnyFact, ...], *legs: Leg) -> list[OrderIntended]:
    return [f for f in facts if isinstance(f, OrderIntended) and f.order.leg in legs]


def in_parts() -> World:
    """A world whose larger entries go in three parts: nearly all of them."""
    return World(entry=EntrySettings())


@FEW
@given(storms)
def test_replay_equals_live(storm):
    """I8, J1, O2: the facts of any day, through JSON, folded into an empty book, are the live book to the byte."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
    assert world.refold() == world.book.dump()


@FEW
@given(storms)
def test_the_same_events_make_the_same_facts(storm):
    """T1, O2: nothing but book and event decides; order ids are the same in a second run."""
    first, second = in_parts(), in_parts()
    for what in storm:
        assert carry_out(first, what) == carry_out(second, what)


@FEW
@given(storms)
def test_every_fact_survives_json_unchanged(storm):
    """J1: what is read back is what was written, type for type."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
    for fact in world.facts:
        assert repr(through_json(fact)) == repr(fact)


@FEW
@given(storms)
def test_an_exit_never_exceeds_the_position(storm):
    """G11, R3: with what already works to close it, no exit is larger than what is held, nor on its side."""
    world = in_parts()
    for what in storm:
        facts = carry_out(world, what)
        if len(intended(facts, Leg.EXIT)) == 1 and what[0] in ("quote", "idea"):
            order = intended(facts, Leg.EXIT)[0].order
            position = world.book.qty(order.symbol)
            assert world.book.working_exits(order.symbol) <= abs(position)
            assert (order.side is Side.SELL) == (position > 0)
            assert order.reduce_only


@FEW
@given(storms)
def test_reserved_exposure_stays_within_the_limits_when_an_entry_is_made(storm):
    """I6, R1: position, working and unknown entries together, at the moment something is added to them."""
    world = in_parts()
    for what in storm:
        for fact in intended(carry_out(world, what), Leg.ENTRY):
            gate, book = world.rules.gate, world.book
            market = book.markets[fact.order.symbol]
            slack = 1.001  # reserved at the middle, checked at the touch
            assert book.symbol_value(fact.order.symbol) <= gate.max_position_pct * book.equity * slack
            assert book.sector_value(market.instrument.sector) <= gate.max_sector_pct * book.equity * slack
            assert len(book.held()) <= gate.max_open_positions


@FEW
@given(storms)
def test_no_entry_is_made_while_anything_forbids_it(storm):
    """I2, I7, G14: by the state before the step and after it."""
    world = in_parts()
    for what in storm:
        before = world.book.state()
        unknown = world.book.unknown_orders()
        facts = carry_out(world, what)
        if what[0] == "idea" and (before is not TradingState.ACTIVE or unknown or not world.book.booked.link_up):
            assert not intended(facts, Leg.ENTRY)


class Parts(World):
    """Looks at every single step whether what was added to a decision may be."""

    def __init__(self) -> None:
        super().__init__(entry=EntrySettings())
        self.off: set[DecisionId] = set()  # what a stop, a trip, a fault or a refusal has ended
        self.judged = 0
        self.wrong: list[str] = []  # what was added all the same

    def step(self, event: Event) -> tuple[AnyFact, ...]:
        active = self.book.state() is TradingState.ACTIVE
        facts = super().step(event)
        for fact in facts:
            self._watch(fact, active=active)
        return facts

    def _watch(self, fact: AnyFact, *, active: bool) -> None:
        pending = set(self.book.booked.tranches)
        match fact:
            case StateChanged() if fact.state is not TradingState.ACTIVE:
                self.off |= {d.decision_id for d in self.all(Decided)}
                self._note(bool(pending), "parts still due when entries went off")
            case BreakerTripped() | FlattenBegun():
                self.off |= {d.decision_id for d in self.all(Decided) if fact.symbol in (None, d.symbol)}
                self._note(bool(pending & self.off), "parts still due of what was to be left")
            case TrancheJudged() if fact.outcome is Outcome.SKIP:
                self.off.add(fact.decision_id)
            case TrancheJudged():
                self.judged += 1
                self._note(fact.decision_id in self.off, "a part of a decision that had ended")
                self._note(not active, "a part while entries were off")
                self._note(not self.book.booked.link_up, "a part while the broker was out of reach")
            case OrderIntended() if fact.order.leg is Leg.ENTRY:
                self._note(fact.order.decision_id in self.off, "an order of a decision that had ended")

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.wrong.append(what)


busy_storms = st.tuples(entering, storms, entering).map(
    lambda x: [x[0], *x[1], ("command", 0, 5), ("hours", 18, 1), x[2]]
)


@FEW
@given(busy_storms)
def test_no_part_goes_after_anything_stopped_its_decision(storm):
    """E10, I7: no stop, halt, breaker or flatten, whatever comes after it, is followed by a part decided before."""
    world = Parts()
    for what in [*storm, *[("time", 2, 1)] * 3]:
        carry_out(world, what)
        assert world.wrong == []
    target(float(world.judged))


@FEW
@given(busy_storms)
def test_parts_are_those_of_the_decision_and_never_more(storm):
    """S2 property 21, E10: above the threshold near-equal parts of one decision, one id each, in order, each judged once; their sum
    is what was decided, and nothing goes beyond it."""
    world = Parts()
    for what in storm:
        carry_out(world, what)
    for decided in [d for d in world.all(Decided) if d.kind is Kind.ENTRY and d.outcome is Outcome.ACT]:
        orders = [
            f.order for f in intended(tuple(world.facts), Leg.ENTRY) if f.order.decision_id == decided.decision_id
        ]
        parts = decided.tranches or (decided.qty,)
        assert [order.qty for order in orders] == list(parts[: len(orders)])
        assert [order.order_id.rpartition(".")[2] for order in orders] == ["e", "e2", "e3"][: len(orders)]
        total = ZERO
        for part in parts:
            total += part
        assert total == decided.qty
        assert max(parts) - min(parts) <= 1
        above = float(decided.notional) > min(30.0, 0.05 * decided.pools.active)
        assert len(parts) == (min(3, int(decided.qty)) if above else 1)
        judged = [f for f in world.all(TrancheJudged) if f.decision_id == decided.decision_id]
        assert [f.order_id for f in judged if f.outcome is Outcome.ACT] == [order.order_id for order in orders[1:]]
        assert [f.n for f in judged] == list(range(2, 2 + len(judged)))
        assert {f.outcome for f in judged[:-1]} <= {Outcome.ACT}
        assert (decided.decision_id in world.book.booked.tranches) == (
            len(orders) < len(parts) and not any(f.outcome is Outcome.SKIP for f in judged)
        )


@FEW
@given(storms)
def test_every_unit_of_money_is_accounted_for(storm):
    """O4, E5: cash and positions at cost are what came in, plus what was earned, less fees; exactly, in every step."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
        booked = world.book.booked
        other = ZERO
        for moved in world.all(CashMoved):
            other += moved.amount if moved.kind in ("dividend", "interest", "borrow") else ZERO
        basis = ZERO
        for position in booked.positions.values():
            basis += position.basis
        assert booked.cash + basis == booked.deposits + other + booked.realised - booked.fees
        assert world.book.active_pool() + float(booked.reserve) == pytest.approx(world.book.equity)
        assert booked.reserve >= 0


@FEW
@given(storms)
def test_the_running_equity_is_the_marked_one(storm):
    """E5: the sum kept by the quote path is what a full marking gives."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
        kept = world.book.equity
        world.book.remark()
        assert kept == pytest.approx(world.book.equity, abs=1e-6)


@FEW
@given(storms)
def test_order_ids_name_one_order_for_ever(storm):
    """O2, I3: account, decision and leg; never used twice."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
    ids = [f.order.order_id for f in world.all(OrderIntended)]
    assert len(ids) == len(set(ids))
    for f in world.all(OrderIntended):
        assert f.order.order_id.startswith(f"{ACCOUNT}.{f.order.decision_id[1:]}.{f.order.leg.value}")


@FEW
@given(storms)
def test_decisions_are_numbered_without_a_gap(storm):
    """E11: whatever happens, d1, d2, d3 ..."""
    world = in_parts()
    for what in storm:
        carry_out(world, what)
    assert [d.seq for d in world.all(Decided)] == list(range(1, len(world.all(Decided)) + 1))


ideas = st.builds(
    Recommendation, ts=st.just(0), id=st.text(max_size=140), symbol=st.sampled_from([*SYMBOLS, "NOPE"]),
    action=st.sampled_from(Action), confidence=st.floats(), generated_at=st.integers(-(10**18), 10**19),
    thesis=st.text(max_size=600), source=st.text(max_size=70),
)  # fmt: skip


@FEW
@given(storms, ideas)
def test_any_recommendation_ends_in_one_decision_and_its_twin_in_none(storm, idea):
    """E1, E11: whatever it says, in whatever state the book is."""
    world = in_parts()
    for what in storm[:25]:
        carry_out(world, what)
    first = [f for f in world.step(idea) if isinstance(f, Decided)]
    twins = world.book.twins
    second = [f for f in world.step(idea) if isinstance(f, Decided)]
    assert len(first) == 1
    assert second == []
    assert world.book.twins == twins + 1
    through_json(first[0])


GUARDS = ("pause", "lockout", "unknown", "drift", "trip", "cooldown", "stale", "day_loss", "pool", "overfill")


@FEW
@given(st.sets(st.sampled_from(GUARDS)), st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 400), st.booleans())
def test_no_entry_guard_blocks_an_exit(guards, side, qty, asked):
    """I5, R3, G10: any set of entry guards, any position, an exit by the stop or by a recommendation: it leaves."""
    world = World()
    for i in range(3):  # something to be unknown and to drift
        world.quote(SYMBOLS[i], 100.0)
    world.foreign_fill(ACME, side, str(qty), "100")
    for guard in sorted(guards):
        _raise_guard(world, guard)
    if asked:
        action = Action.SELL if side is Side.BUY else Action.BUY
        decided = world.recommend(ACME, action, 0.1)
    else:
        world.quote(ACME, 100.0 - side.sign * 12, after=10)
        [decided] = [d for d in world.of(Decided) if d.kind is Kind.EXIT]
    assert decided.outcome is Outcome.ACT, decided.reasons
    assert world.exit_order().order.qty == qty


def _raise_guard(world: World, guard: str) -> None:
    match guard:
        case "pause":
            world.say(Verb.PAUSE)
        case "lockout":
            world.say(Verb.LOCKOUT, until=world.now + HOUR)
        case "unknown":
            decided = world.recommend(SYMBOLS[1])
            for order_id in decided.orders:
                world.lose(order_id)
        case "drift":
            world.positions(CORN="7", ACME=str(world.book.qty(ACME)))
        case "trip":
            world.say(Verb.TRIP)
        case "cooldown":
            world.book.emit(
                BreakerTripped(
                    ts=world.now, account=ACCOUNT, kind=BreakerKind.SINGLE_POSITION, threshold=0.1, actual=0.2,
                    until=world.now + HOUR, symbol=ACME,
                )
            )  # fmt: skip
        case "stale":
            world.wait(600)
        case "day_loss":
            world.book.emit(CashMoved(ts=world.now, account=ACCOUNT, kind="fee", amount=Money(D(-60_000))))
            world.book.remark()
        case "pool":
            world.book.emit(CashMoved(ts=world.now, account=ACCOUNT, kind="fee", amount=Money(-world.book.booked.cash)))
            world.book.remark()
        case "overfill":
            for order_id in world.recommend(SYMBOLS[2]).orders:
                world.fill(order_id, "9999", "100")


class States(RuleBasedStateMachine):
    """Holds on trading, whatever the order of the operator's words, faults, restarts and hours. H3, I7."""

    @initialize()
    def open(self) -> None:
        self.world = World()
        self.n = count()
        self.halted_by: set[str] = set()
        self.locked_until = 0

    @rule()
    def pause(self) -> None:
        self.world.say(Verb.PAUSE)
        assert self.world.book.state() is not TradingState.ACTIVE

    @rule()
    def halt(self) -> None:
        self.world.say(Verb.HALT)
        assert self.world.book.halted()

    @rule(minutes=st.integers(1, 90))
    def lockout(self, minutes: int) -> None:
        self.locked_until = max(self.locked_until, self.world.now + minutes * 60 * NS)
        self.world.say(Verb.LOCKOUT, until=self.world.now + minutes * 60 * NS)
        assert self.world.book.state() is TradingState.LOCKED

    @rule()
    def lose_link(self) -> None:
        self.world.disconnect()

    @rule()
    def reconcile(self) -> None:
        self.world.connect(str(self.world.book.booked.cash))

    @rule(minutes=st.integers(1, 60))
    def wait(self, minutes: int) -> None:
        before = self.world.book.halted()
        self.world.minutes(minutes, quotes=True)
        assert self.world.book.halted() or not before, "time alone lifts no halt"

    @rule()
    def restart(self) -> None:
        before = (self.world.book.state(), self.world.book.halted())
        self.world.restart(clean=True)
        assert (self.world.book.state(), self.world.book.halted()) == before

    @rule()
    def resume_without_a_word(self) -> None:
        before = dict(self.world.book.booked.holds)
        self.world.say(Verb.RESUME, reason="  ")
        assert self.world.book.booked.holds == before

    @rule()
    def resume(self) -> None:
        book = self.world.book
        locked = any(
            h.state is TradingState.LOCKED and (h.until or 0) > self.world.now for h in book.booked.holds.values()
        )
        blocked = book.halted() and (not book.booked.link_up or bool(book.unknown_orders()))
        before = dict(book.booked.holds)
        self.world.say(Verb.RESUME)
        if locked or blocked:
            assert book.booked.holds == before
        else:
            assert all(h.state is TradingState.LOCKED for h in book.booked.holds.values())

    @precondition(lambda self: not self.world.book.held())
    @rule()
    def idea(self) -> None:
        self.world.quote(ACME, 100.0)
        state = self.world.book.state()
        decided = self.world.recommend(ACME)
        assert decided.outcome is Outcome.SKIP or state is TradingState.ACTIVE
        for order_id in decided.orders:
            self.world.reject(order_id)

    @invariant()
    def nothing_loosens_before_its_time(self) -> None:
        if getattr(self, "world", None) is not None and self.world.now < self.locked_until:
            assert self.world.book.state() is TradingState.LOCKED

    @invariant()
    def durable(self) -> None:
        if getattr(self, "world", None) is not None:
            assert self.world.refold() == self.world.book.dump()


States.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestStates = States.TestCase


@FEW
@given(storms, instructions)
def test_a_storm_never_raises_nor_leaves_facts_behind(storm, last):
    """STYLE B7: the core does not raise for the world; every fact made is handed out."""
    world = in_parts()
    for what in [*storm, last]:
        carry_out(world, what)
        assert world.book.facts == []
