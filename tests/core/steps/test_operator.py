"""The operator's words, row by row of the table in FEATURES 5.9, each durable by folding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACME, BOLT, CORN, HOUR, MINUTE, World
from tradingd.core.book.orders import Life
from tradingd.core.events import Action, Verb
from tradingd.core.facts import (
    BreakerKind,
    BreakerTripped,
    CancelIntended,
    CommandSeen,
    Decided,
    DriftCleared,
    FlattenBegun,
    FlattenDone,
    Outcome,
    PositionAdopted,
    Reason,
    ReserveMoved,
    StateChanged,
)  # fmt: skip
from tradingd.core.types import Leg, Money, Side, TradingState

D = Decimal
HOLDS = {Verb.PAUSE: TradingState.REDUCING, Verb.HALT: TradingState.HALTED, Verb.LOCKOUT: TradingState.LOCKED}
REFUSES = {Verb.PAUSE: Reason.REDUCING, Verb.HALT: Reason.HALTED, Verb.LOCKOUT: Reason.LOCKED}


def busy() -> World:
    """A position with its stop, and an entry that works."""
    world = World()
    world.buy(ACME)
    world.accept(world.recommend(BOLT).orders[0])
    return world


def answer(world: World) -> CommandSeen:
    [seen] = world.of(CommandSeen)
    return seen


@pytest.mark.parametrize("verb", list(HOLDS))
@pytest.mark.parametrize("restarted", [False, True])
def test_a_hold_stops_new_risk_cancels_entries_keeps_stops_and_positions(verb, restarted):
    """FEATURES 5.9 (pause, halt, lockout), H3, I7: also for the process that comes after."""
    world = busy()
    qty, stop = world.book.qty(ACME), world.book.protection(ACME)
    entry = world.book.open_orders(BOLT, Leg.ENTRY)[0].order.order_id
    world.say(verb, until=world.now + HOUR)
    assert [c.order_id for c in world.of(CancelIntended)] == [entry]
    [held] = world.of(StateChanged)
    assert (held.actor, held.reason, held.verb) == ("ann", "a test", verb.value)
    if restarted:
        world.restart(clean=True)
        world.connect()
        world.quote(CORN, 100.0)
    assert world.book.state() is HOLDS[verb]
    assert world.recommend(CORN).headline is REFUSES[verb]
    assert world.book.qty(ACME) == qty
    assert world.book.protection(ACME) == stop


@pytest.mark.parametrize(("verb", "passes"), [(Verb.PAUSE, True), (Verb.HALT, False), (Verb.LOCKOUT, True)])
def test_reducing_orders_under_each_hold(verb, passes):
    """FEATURES 5.9: pause and lockout let exits go; a halt lets only protective ones and flatten."""
    world = busy()
    world.say(verb, until=world.now + HOUR)
    assert (world.recommend(ACME, Action.SELL).outcome is Outcome.ACT) == passes


def test_a_lockout_on_top_of_a_halt_lets_no_exit_pass_that_the_halt_stops():
    """FEATURES 5.9: the strictest wins, for each kind of order."""
    world = busy()
    world.say(Verb.HALT)
    world.say(Verb.LOCKOUT, until=world.now + HOUR)
    assert world.book.state() is TradingState.LOCKED
    assert world.recommend(ACME, Action.SELL).reasons == (Reason.HALTED,)


def test_a_softer_word_does_not_loosen_a_harder_one():
    """FEATURES 5.9: pause after halt leaves the halt."""
    world = World()
    world.say(Verb.HALT)
    world.say(Verb.PAUSE)
    assert world.book.state() is TradingState.HALTED


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.HALT])
def test_resume_with_a_reason_lifts_the_hold(verb):
    """FEATURES 5.9: named and with a reason; entries go again."""
    world = World()
    world.say(verb)
    world.say(Verb.RESUME, reason=" ")
    assert answer(world).refused
    world.say(Verb.RESUME, reason="looked at it")
    assert not answer(world).refused
    assert world.book.state() is TradingState.ACTIVE
    assert world.recommend(ACME).outcome is Outcome.ACT


def test_a_halt_is_lifted_only_when_reconciled_and_nothing_is_unknown():
    """FEATURES 5.9, I7, I2."""
    world = World()
    order_id = world.recommend(BOLT).orders[0]
    world.say(Verb.HALT)
    world.disconnect()
    world.say(Verb.RESUME)
    assert "not reconciled" in answer(world).answer
    world.connect()
    world.lose(order_id)
    world.say(Verb.RESUME)
    assert "unknown" in answer(world).answer
    assert world.book.state() is TradingState.HALTED
    world.cancelled(order_id)
    world.say(Verb.RESUME)
    assert world.book.state() is TradingState.ACTIVE


def test_nothing_lifts_a_lockout_before_its_time_and_time_does():
    """FEATURES 5.9: none before T; a later lockout may only lengthen it; one without a time is refused."""
    world = World()
    world.say(Verb.LOCKOUT)
    assert answer(world).refused
    until = world.now + HOUR
    world.say(Verb.LOCKOUT, until=until)
    world.say(Verb.LOCKOUT, until=world.now + HOUR // 2)
    for _ in range(59):
        world.minutes(1)
        world.say(Verb.RESUME)
        assert answer(world).refused
        assert world.book.state() is TradingState.LOCKED
    world.minutes(1)
    assert world.book.state() is TradingState.ACTIVE


def test_a_halt_under_a_lockout_that_is_over_still_needs_its_evidence():
    """I7: in the seconds before the timer notices the end, too."""
    world = World()
    world.say(Verb.HALT)
    world.say(Verb.LOCKOUT, until=world.now + HOUR)
    world.disconnect()
    world.wait(3601)
    world.say(Verb.RESUME)
    assert answer(world).refused
    assert world.book.halted()


def test_lockout_with_flatten_closes_too():
    """FEATURES 5.9: `--flatten`."""
    world = busy()
    world.say(Verb.LOCKOUT, until=world.now + HOUR, flatten=True)
    assert world.of(FlattenBegun)
    assert world.exit_order(ACME).order.protective


def test_flatten_ends_in_halt_only_when_flat_and_the_venue_agrees():
    """FEATURES 5.9, R2: entries taken back, positions closed, stops after them, done by the venue's word, then halted."""
    world = busy()
    entry = world.book.open_orders(BOLT, Leg.ENTRY)[0].order.order_id
    stop = world.book.protection(ACME).order.order_id
    world.say(Verb.FLATTEN)
    assert world.book.state() is TradingState.HALTED
    assert [c.order_id for c in world.of(CancelIntended)] == [entry]
    qty = world.exit_order(ACME).order.qty
    world.positions(ACME=str(qty))
    world.say(Verb.RESUME)
    assert "flatten is still running" in answer(world).answer
    world.cancelled(entry)
    world.fill(world.exit_order(ACME).order.order_id)
    assert [c.order_id for c in world.of(CancelIntended)] == [stop]
    world.positions()
    assert not world.of(FlattenDone), "its stop may still be at the venue"
    world.cancelled(stop)
    assert not world.of(FlattenDone), "the venue was not asked yet"
    world.positions(CORN="3")
    assert not world.of(FlattenDone), "the venue holds something"
    world.positions()
    assert len(world.of(FlattenDone)) == 1
    assert world.book.state() is TradingState.HALTED


def test_a_flatten_goes_on_after_a_restart():
    """FEATURES 5.9, H3: a close that never left is asked again by the timer."""
    world = busy()
    world.say(Verb.FLATTEN)
    world.never(world.exit_order(ACME).order.order_id)
    world.restart()
    world.connect()
    world.quote(ACME, 100.0)
    world.minutes(2, quotes=True)
    assert world.exit_order(ACME).order.qty == world.book.qty(ACME)


def test_flatten_of_one_symbol_halts_nothing():
    """FEATURES 5.9: a narrower word."""
    world = busy()
    world.say(Verb.FLATTEN, symbol=ACME)
    assert world.book.state() is TradingState.ACTIVE
    assert world.exit_order(ACME)


def test_cancel_takes_the_named_orders_and_never_a_stop_without_the_word():
    """FEATURES 5.9 (cancel): new risk unchanged."""
    world = busy()
    entry = world.book.open_orders(BOLT, Leg.ENTRY)[0].order.order_id
    stop = world.book.protection(ACME).order.order_id
    world.say(Verb.CANCEL, order_id=stop)
    assert answer(world).refused
    assert "--protective" in answer(world).answer
    world.say(Verb.CANCEL)
    assert [c.order_id for c in world.of(CancelIntended)] == [entry]
    world.say(Verb.CANCEL, order_id=stop, protective=True)
    assert [c.order_id for c in world.of(CancelIntended)] == [stop]
    assert world.book.state() is TradingState.ACTIVE


def test_a_word_is_answered_once():
    """J19, H3: the same id again has no second effect, also after a restart."""
    world = World()
    world.say(Verb.PAUSE, id="same")
    world.say(Verb.HALT, id="same")
    assert world.last == ()
    world.restart()
    world.say(Verb.HALT, id="same")
    assert world.last == ()
    assert world.book.state() is TradingState.REDUCING


def test_the_breaker_can_be_tripped_by_hand_and_resumed():
    """E6: manual."""
    world = World()
    world.say(Verb.TRIP)
    assert list(world.book.booked.trips) == [BreakerKind.MANUAL]
    assert world.recommend(ACME).reasons == (Reason.BREAKER_ACTIVE,)
    world.say(Verb.RESUME)
    assert world.recommend(BOLT).outcome is Outcome.ACT


def test_a_drifted_position_is_adopted_at_the_mark_with_a_stop_and_without_a_jump_in_equity():
    """D24, B6: by name and with a reason; marked, protected, watched."""
    world = World()
    world.positions(ACME="40")
    world.say(Verb.ADOPT, symbol=ACME, reason="")
    assert answer(world).refused
    before = world.book.equity
    world.say(Verb.ADOPT, symbol=ACME)
    assert (len(world.of(PositionAdopted)), len(world.of(DriftCleared))) == (1, 1)
    assert world.book.qty(ACME) == 40
    assert world.book.equity == pytest.approx(before)
    assert world.book.protection(ACME).qty == 40
    world.quote(ACME, 101.0)
    assert world.book.equity == pytest.approx(before + 40)
    assert world.refold() == world.book.dump()


@pytest.mark.parametrize("symbol", ["NOPE", "ACME"])
def test_what_has_no_price_or_no_configuration_is_not_adopted(symbol):
    """D24: else it would be booked at nothing."""
    world = World(ready=False)
    world.start()
    world.connect()
    world.positions(**{symbol: "40"})
    world.say(Verb.ADOPT, symbol=symbol)
    assert answer(world).refused
    assert world.book.qty(symbol) == 0
    assert symbol in world.book.booked.drift


def test_the_reserve_is_released_by_a_named_operator_within_its_balance():
    """E5: manual_adjustment."""
    world = World(protective=False)
    world.foreign_fill(ACME, Side.BUY, "100", "90")
    world.foreign_fill(ACME, Side.SELL, "100", "100")
    assert world.book.booked.reserve == 250
    world.say(Verb.RELEASE, amount=Money(D(300)))
    assert answer(world).refused
    world.say(Verb.RELEASE, amount=Money(D(100)))
    assert [m.amount for m in world.of(ReserveMoved)] == [-100]
    assert world.book.booked.reserve == 150


def test_stopping_is_never_refused():
    """FEATURES 5.9: whatever state the account is in, pause, halt and flatten are obeyed."""
    world = World(ready=False)
    for verb in (Verb.PAUSE, Verb.HALT, Verb.FLATTEN):
        world.say(verb, reason="")
        assert not answer(world).refused
    assert not world.all(Decided)


def test_an_unknown_order_is_settled_only_by_a_named_operator_with_a_reason():
    """I2, O2: an order the venue has forgotten stays visibly unknown until somebody ends it by name; then entries may go again."""
    world = World()
    order_id = world.recommend(ACME).orders[0]
    world.accept(order_id)
    world.lose(order_id)
    assert world.order(order_id).life is Life.UNKNOWN
    for refused in ({"order_id": order_id, "reason": " "}, {"order_id": "demo.99.e", "reason": "looked"}):
        world.say(Verb.SETTLE, **refused)
        assert answer(world).refused
        assert world.order(order_id).life is Life.UNKNOWN
    world.say(Verb.SETTLE, order_id=order_id, reason="the venue's desk says it is gone")
    assert world.order(order_id).life is Life.CANCELLED
    assert "settled by" in world.order(order_id).why
    assert not world.book.unknown_orders()


def test_a_ticker_can_be_cooled_down_by_hand_until_a_time():
    """E6: the breaker by hand for one symbol stops that ticker only, to the operator's time."""
    world = World()
    until = world.book.now + 7 * HOUR
    world.say(Verb.TRIP, symbol=BOLT, until=until)
    (trip,) = world.of(BreakerTripped)
    assert (trip.symbol, trip.until) == (BOLT, until)
    assert world.recommend(BOLT).reasons == (Reason.TICKER_COOLDOWN,)
    assert world.recommend(ACME).outcome is Outcome.ACT


def test_a_shorter_trip_never_shortens_a_longer_one():
    """E6, H3: only resume loosens."""
    world = World()
    for minutes in (60, 1):
        world.say(Verb.TRIP, until=world.now + minutes * MINUTE)
    world.minutes(2, quotes=True)
    assert Reason.BREAKER_ACTIVE in world.recommend(ACME).reasons
    world.say(Verb.RESUME)
    assert world.recommend(ACME).orders


def test_a_flatten_ends_with_what_nobody_here_can_close():
    """FEATURES 5.9: a symbol that is not listed is named and paged; the flatten does not hold the resume for ever."""
    world = World()
    world.buy(ACME)
    world.say(Verb.FLATTEN)
    world.fill(world.exit_order().order.order_id)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.cancelled(stop.order.order_id)
    world.positions(NOPE="7", ACME="0")
    assert world.book.booked.flatten == {}
    assert "flatten_incomplete" in world.codes()


def test_a_flatten_does_not_end_while_something_can_be_closed():
    """FEATURES 5.9: by the venue's word and by ours."""
    world = World()
    world.buy(ACME)
    world.say(Verb.FLATTEN)
    world.positions(NOPE="7", ACME="30")
    assert world.book.booked.flatten


def test_a_resume_lets_a_symbol_that_was_refused_be_tried_again():
    """G4: the operator has looked at why; without that word it would stay off for ever."""
    world = World()
    for _ in range(3):
        decided = world.recommend(ACME)
        world.reject(decided.orders[0])
        world.wait(61)
        world.quote(ACME, 100.0)
    assert world.recommend(ACME).headline is Reason.REJECT_LOOP
    world.say(Verb.RESUME, reason=" ")
    assert world.recommend(ACME).headline is Reason.REJECT_LOOP
    world.say(Verb.RESUME)
    assert world.recommend(ACME).outcome is Outcome.ACT
