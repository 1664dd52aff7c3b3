"""Stops and targets of what is held: set at the fill, trailed, never loosened, and resting at the venue too."""

from __future__ import annotations

from decimal import Decimal

from tests.core.world import ACCOUNT, ACME, BOLT, World, make_rules
from tradingd.core.book.orders import Life
from tradingd.core.events import OrderReplaced
from tradingd.core.facts import Alerted, CancelIntended, OrderIntended, ReplaceIntended, StopSet
from tradingd.core.gates import stops
from tradingd.core.gates.stops import StopSettings
from tradingd.core.steps.levels import _lines, levels_of
from tradingd.core.types import Leg, OrderType, Side, Tif

D = Decimal


def test_stop_and_target_are_set_at_the_fill_from_the_price_paid():
    """E4: entry 100.10, ATR 2 x 1.5 away, target 1.5 times as far; kept with the decision behind it."""
    world = World()
    decided = world.recommend(ACME)
    world.fill(decided.orders[0], price="100.10")
    [stop] = world.of(StopSet)
    assert (stop.stop, stop.target, stop.why, stop.confidence) == (D("97.10"), D("104.60"), "entry", 0.9)
    assert stop.decision_id == decided.decision_id


def test_the_protective_stop_rests_at_the_venue_as_large_as_the_position():
    """E4: reduce-only, good till cancelled, at the stop."""
    world = World()
    qty = world.buy(ACME)
    order = world.book.protection(ACME).order
    assert (order.type, order.tif, order.leg, order.side) == (OrderType.STOP, Tif.GTC, Leg.PROTECT, Side.SELL)
    assert (order.qty, order.stop, order.reduce_only, order.protective) == (qty, D("97.01"), True, True)


def test_each_further_fill_makes_the_protective_stop_larger():
    """A15, E4: one question at a time; the answer to the first asks for the rest."""
    world = World()
    order_id = world.recommend(ACME).orders[0]
    world.fill(order_id, "10")
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    world.fill(order_id, "10")
    [first] = world.of(ReplaceIntended)
    assert (first.order_id, first.qty) == (stop, D(20))
    world.fill(order_id, "15")
    assert not world.of(ReplaceIntended)
    world.step(
        OrderReplaced(ts=world.now, account=ACCOUNT, order_id=stop, rev=first.rev, qty=first.qty, stop=first.stop)
    )
    assert [r.qty for r in world.of(ReplaceIntended)] == [D(35)]


def test_a_further_fill_never_loosens_the_stop():
    """E4: a second, cheaper part of the same position keeps the better stop."""
    world = World()
    order_id = world.recommend(ACME).orders[0]
    world.fill(order_id, "10", "100.00")
    world.fill(order_id, "10", "96.00")
    assert world.book.booked.levels[ACME].stop == D("97.00")


def test_beyond_half_of_the_way_the_stop_moves_to_entry_and_stays():
    """E4: once; the resting stop follows; a fall back to entry closes."""
    world = World()
    world.buy(ACME)
    assert world.quote(ACME, 102.2) == ()
    world.quote(ACME, 102.4)
    [moved] = world.of(StopSet)
    assert (moved.stop, moved.trailing, moved.why, moved.target) == (D("100.01"), True, "trailing", D("104.51"))
    assert [r.stop for r in world.of(ReplaceIntended)] == [D("100.01")]
    for mid in (103.0, 102.0, 104.0):
        assert world.quote(ACME, mid) == ()


def test_a_quieter_market_tightens_the_stop_and_a_wilder_one_does_not_loosen_it():
    """E4: looked at every five minutes, when ATR moved by more than a tenth."""
    world = World()
    world.buy(ACME)
    world.book.markets[ACME].atr = 1.0
    assert not [f for f in world.minutes(4, quotes=True) if isinstance(f, StopSet)]
    [tighter] = [f for f in world.minutes(1, quotes=True) if isinstance(f, StopSet)]
    assert (tighter.stop, tighter.why) == (D("98.51"), "re-evaluated")
    world.book.markets[ACME].atr = 4.0
    assert not [f for f in world.minutes(10, quotes=True) if isinstance(f, StopSet)]


def test_the_closed_position_takes_its_stop_back():
    """FEATURES 5.9: after the close is confirmed, not before."""
    world = World()
    world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.quote(ACME, 105.0)
    assert not world.of(CancelIntended)
    world.fill(world.exit_order().order.order_id)
    assert [c.order_id for c in world.of(CancelIntended)] == [stop]
    assert ACME not in world.book.booked.levels


def test_a_refused_stop_is_told_and_asked_again_after_a_minute():
    """E4, G4: a page at once; no storm of orders."""
    world = World()
    world.fill(world.recommend(ACME).orders[0])
    world.reject(world.book.protection(ACME).order.order_id)
    assert [a.level for a in world.of(Alerted)] == ["page"]
    assert not world.of(OrderIntended)
    again = [f.order.order_id for f in world.minutes(2, quotes=True) if isinstance(f, OrderIntended)]
    assert again == ["a1.1.p2"]


def test_a_position_without_a_range_is_told_as_unprotected():
    """E4, I14: a foreign execution before there are enough bars."""
    world = World()
    world.book.markets[BOLT].atr = None
    world.foreign_fill(BOLT, Side.BUY, "10", "100")
    assert "unprotected_position" in [a.code for a in world.of(Alerted)]
    assert BOLT not in world.book.booked.levels


def test_a_position_turned_over_gets_the_stop_of_its_new_side():
    """A17, G11: an execution larger than the position leaves no stop of the old side behind, in the book or at the venue."""
    world = World()
    world.buy(ACME)
    old = world.book.protection(ACME).order.order_id
    world.foreign_fill(ACME, Side.SELL, "60", "100")
    assert world.book.qty(ACME) == -25
    assert world.book.booked.levels[ACME].stop > 100
    assert [c.order_id for c in world.of(CancelIntended)] == [old]
    world.cancelled(old)
    new = world.book.protection(ACME)
    assert (new.order.side, new.order.qty, new.life) == (Side.BUY, D(25), Life.INTENDED)
    assert world.quote(ACME, 100.5) == ()


def test_an_exit_that_overfilled_is_protected_on_its_new_side():
    """A17: what the venue did is real; it has a stop, and new risk is off."""
    world = World()
    world.buy(ACME)
    world.quote(ACME, 105.0)
    world.fill(world.exit_order().order.order_id, "40", "105")
    assert world.book.qty(ACME) == -5
    assert world.book.booked.levels[ACME].stop > 105
    assert "rule:overfill" in world.book.booked.holds


def test_the_lines_follow_the_stop_the_side_and_the_settings():
    """E4, I5, H6: what was worked out for another stop, another side or other settings never decides when a position is closed."""
    world = World(protective=False)
    world.buy(ACME)
    market, (low, high) = world.book.markets[ACME], stop_lines(world)
    assert market.low_line >= low
    world.quote(ACME, 102.4)
    assert world.book.booked.levels[ACME].trailing
    assert stop_lines(world) == (100.01, 104.51) != (low, high)
    assert market.low_line >= 100.01
    world.quote(ACME, 100.0)
    assert world.exit_order().order.side is Side.SELL


def test_lines_of_a_long_are_not_those_of_a_short_with_the_same_levels():
    """E4, H6: by the side, and by the settings as they are now."""
    world = World(protective=False)
    world.buy(ACME)
    market, fact, rules = world.book.markets[ACME], world.book.booked.levels[ACME], world.rules
    assert _lines(market, Side.BUY, fact, rules) == stops.lines(Side.BUY, levels_of(fact), rules.stops)
    assert _lines(market, Side.SELL, fact, rules) == stops.lines(Side.SELL, levels_of(fact), rules.stops)
    other = make_rules(stops=StopSettings(trail_at=0.9))
    assert _lines(market, Side.SELL, fact, other) == stops.lines(Side.SELL, levels_of(fact), other.stops)
    assert other.stops.trail_at != rules.stops.trail_at


def stop_lines(world: World) -> tuple[float, float]:
    return _lines(world.book.markets[ACME], Side.BUY, world.book.booked.levels[ACME], world.rules)
