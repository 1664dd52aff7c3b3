"""Whatever is asked in parts and answered in any order: no position is flipped, none oversold."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.storm import _say
from tests.core.world import ACME, World
from tradingd.core.book.orders import Working
from tradingd.core.events import Action, Verb
from tradingd.core.facts import OrderIntended
from tradingd.core.steps.exits import close
from tradingd.core.steps.orders import settle
from tradingd.core.types import ZERO, Leg, Qty, Side

D = Decimal
MANY = settings(max_examples=max(200, settings.default.max_examples))
WORDS = (
    "accept",
    "reject",
    "lose",
    "cancelled",
    "expired",
    "fill",
    "fill",
    "part",
    "part",
    "replaced",
    "replace_rejected",
)
acts = st.one_of(
    st.tuples(st.just("part"), st.integers(0, 120)),
    st.tuples(st.just("part"), st.integers(0, 120)),
    st.tuples(st.just("quote"), st.integers(88, 112)),
    st.tuples(st.just("sell"), st.just(0)),
    st.tuples(st.just("flatten"), st.just(0)),
    st.tuples(st.just("minutes"), st.integers(1, 3)),
    st.tuples(st.just("answer"), st.integers(0, 5 * len(WORDS) - 1)),
    st.tuples(st.just("answer"), st.integers(0, 5 * len(WORDS) - 1)),
    st.tuples(st.just("answer"), st.integers(0, 5 * len(WORDS) - 1)),
)  # fmt: skip


def carry_out(world: World, what: str, n: int) -> None:
    match what:
        case "part":
            close(world.book, ACME, source="rebalance", cause="rebalance:w", rules=world.rules, qty=Qty(D(n)))
            settle(world.book, ACME, world.rules)
            world.facts.extend(world.book.take_facts())
        case "quote":
            world.quote(ACME, float(n))
        case "sell":
            world.step(world.recommendation(ACME, Action.SELL))
        case "flatten":
            world.say(Verb.FLATTEN)
        case "minutes":
            world.minutes(n)
        case _:
            working = world.book.open_orders(ACME)
            if working:
                _answer(world, working[n % 5 % len(working)], WORDS[n // 5])


def _answer(world: World, working: Working, word: str) -> None:
    """The venue's answer; one that clips fills no more than is held."""
    left = working.leaves()
    if word not in ("fill", "part"):
        _say(world, working, word)
        return
    qty = left if word == "fill" else D(int(left / 3))
    if world.rules.reduce_only:
        qty = min(qty, abs(world.book.qty(ACME)))
    if qty:
        world.fill(working.order.order_id, qty, D(str(round(world.mids[ACME], 2))))


@MANY
@given(st.lists(acts, min_size=3, max_size=25), st.sampled_from([True, False]), st.sampled_from([1, -1]))
def test_what_closes_never_adds_up_to_more_than_is_held(script, clips, sign):
    """G11, E13: long or short. A venue that clips may have stop and exits working at once; on one that does not, all that works
    together is never more than what is held, orders whose cancel was asked for included."""
    world = World(reduce_only=clips)
    world.foreign_fill(ACME, Side.BUY if sign > 0 else Side.SELL, "100", "100")
    for what, n in script:
        before = len(world.facts)
        carry_out(world, what, n)
        held, working = world.book.qty(ACME) * sign, ZERO
        assert held >= 0
        for order in world.book.open_orders(ACME):
            working += order.leaves()
        if not clips:
            assert working <= held
        if any(isinstance(f, OrderIntended) and f.order.leg is Leg.EXIT for f in world.facts[before:]):
            assert world.book.working_exits(ACME) <= held
        if not held:
            assert all(w.cancel_asked for w in world.book.open_orders(ACME))
    assert world.refold() == world.book.dump()
