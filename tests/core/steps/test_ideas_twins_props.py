"""Laws of ideas: each is decided once, whole, and what it orders bears its name."""

from __future__ import annotations

from math import isfinite
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.storm import SYMBOLS, carry_out, instructions
from tests.core.world import T0, World, make_rules, through_json
from tradingd.core.events import Action, Recommendation
from tradingd.core.facts import AnyFact, Decided, Kind, OrderIntended, Outcome, Reason
from tradingd.core.gates.intake import key
from tradingd.core.types import NS, Leg

FEW = settings(max_examples=max(60, settings.default.max_examples // 4))  # storms are long
IDEAS = st.lists(
    st.builds(
        dict, id=st.sampled_from("abcdef"), symbol=st.sampled_from([*SYMBOLS[:2], "NOPE"]), action=st.sampled_from(Action),
        confidence=st.sampled_from([0.9, 0.8, 0.3]), source=st.sampled_from(["api", "api", "bus"]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip
SENT = st.tuples(st.just("sent"), st.integers(0, 4), st.just(0))
DAYS = st.lists(st.one_of(SENT, SENT, SENT, instructions), min_size=10, max_size=60)
ORDERED = (Leg.ENTRY, Leg.EXIT)


def sent(world: World, plain: dict[str, Any]) -> tuple[Recommendation, tuple[AnyFact, ...]]:
    """A recommendation of the first moment of the day, sent now, perhaps again."""
    idea = Recommendation(ts=world.now, generated_at=T0, **plain)
    return idea, world.step(idea)


def live(
    ideas: list[dict[str, Any]], day: list[tuple[str, int, int]], *, clips: bool, holds: bool
) -> tuple[World, set[str]]:
    """A day of storms in which these ideas come in any number and order; the world and the causes that were sent. clips: the venue
    clips closing orders to the position.   holds: the day begins with a position and its stop."""
    world, causes = World(rules=make_rules(reduce_only=clips)), set()
    if holds:
        world.buy(SYMBOLS[0])
    for what in day:
        if what[0] in {"sent", "idea"}:
            idea, _ = sent(world, ideas[what[1] % len(ideas)])
            causes.add(key(idea))
        else:
            carry_out(world, what)
    return world, causes


@FEW
@given(IDEAS, DAYS, st.booleans(), st.booleans())
def test_a_recommendation_seen_again_is_one_decision_and_one_order(ideas, day, clips, holds):
    """S2 property 27, E1: in any interleaving with quotes, fills, outages and restarts, a twin decides and orders nothing. After
    two days its name is forgotten; by then it is stale, is refused as that, and orders nothing either."""
    world, causes = live(ideas, day, clips=clips, holds=holds)
    for cause in causes:
        first, *others = [f for f in world.all(Decided) if f.cause == cause] or [None]
        for later in others:
            assert later.ts - first.ts > 47 * 3600 * NS
            assert Reason.STALE_RECOMMENDATION in later.reasons
            assert later.orders == ()
    before, twins = len(world.facts), world.book.twins
    for plain in ideas:
        _, facts = sent(world, plain)
        known = len(facts)
        _, again = sent(world, plain)
        assert again == (), known
    assert world.book.twins >= twins + len(ideas)
    assert len({f.cause for f in world.facts[before:] if isinstance(f, Decided)}) <= len(ideas)


@FEW
@given(IDEAS, DAYS, st.booleans(), st.booleans())
def test_every_recommendation_is_one_whole_decision_and_its_orders_bear_its_name(ideas, day, clips, holds):
    """S2 property 28, E1, E11: a decision for each, with every field, through JSON unchanged; acted when, and only when, it has
    orders, and every entry and exit names the decision it stands on."""
    world, causes = live(ideas, day, clips=clips, holds=holds)
    decided = {f.decision_id: f for f in world.all(Decided)}
    assert len(decided) == len(world.all(Decided))
    made = {f.cause for f in decided.values()}
    waits = {wanted.cause for wanted in world.book.closing.values()}
    if not any(what[0] == "restart" for what in day):
        assert causes <= made | waits
    for fact in decided.values():
        whole(fact)
    ordered: dict[str, list[str]] = {}
    for intended in world.all(OrderIntended):
        order = intended.order
        if order.leg in ORDERED:
            assert decided[order.decision_id].outcome is Outcome.ACT
            assert (order.symbol, order.side) == (decided[order.decision_id].symbol, decided[order.decision_id].side)
            ordered.setdefault(order.decision_id, []).append(order.order_id)
    for fact in decided.values():
        assert set(fact.orders) <= set(ordered.get(fact.decision_id, []))


def whole(fact: Decided) -> None:
    """Every field a reader needs is there."""
    assert fact.decision_id == f"d{fact.seq}"
    assert fact.symbol
    assert fact.source
    assert fact.cause
    assert fact.checks
    assert isfinite(fact.heat)
    assert all(map(isfinite, (fact.pools.equity, fact.pools.active, fact.pools.reserve, fact.pools.cash)))
    assert (fact.outcome is Outcome.ACT) == bool(fact.orders) == (not fact.reasons)
    assert fact.headline == (fact.reasons[0] if fact.reasons else None)
    assert {check.reason for check in fact.checks if check.reason} == set(fact.reasons)
    if fact.outcome is Outcome.ACT:
        assert fact.qty
        assert fact.qty > 0
        assert fact.ref_price is not None
        if fact.kind is Kind.ENTRY:
            assert fact.ref_price > 0  # an exit may go when no price is known
            assert (fact.stop is None, fact.target is None, fact.atr is None) == (False, False, False)
    assert repr(through_json(fact)) == repr(fact)
