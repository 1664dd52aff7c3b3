"""What is learned of the account: link, positions, balances, corporate actions, starts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, EURO, World, at
from tradingd.core.events import (
    AccountSeen,
    Action,
    Dividend,
    Financed,
    FxRate,
    LinkUp,
    PositionsSeen,
    Split,
    Stopping,
    Verb,
)
from tradingd.core.facts import (
    Alerted,
    CancelIntended,
    CashMoved,
    Decided,
    DriftCleared,
    DriftFound,
    Kind,
    LinkChanged,
    OrderIntended,
    Outcome,
    Reason,
    ReplaceIntended,
    ReserveKind,
    ReserveMoved,
    ScheduleRan,
    ShutDown,
    SplitApplied,
    StateChanged,
    StopSet,
)  # fmt: skip
from tradingd.core.types import NS, Leg, Money, Price, Qty, Side, TradingState

D = Decimal


def test_the_first_balance_opens_the_account():
    """E5: deposit and the reserve's first line, once."""
    world = World()
    assert [(c.kind, c.amount) for c in world.all(CashMoved)] == [("deposit", 100_000)]
    assert [r.kind for r in world.all(ReserveMoved)] == [ReserveKind.INITIAL]
    world.connect("100000")
    assert len(world.all(CashMoved)) == 1


def test_only_a_reconciled_link_is_up():
    """B1: a session that has just opened is not ready for entries."""
    world = World()
    world.disconnect()
    assert [(f.up, f.why) for f in world.of(LinkChanged)] == [(False, "cut")]
    world.step(LinkUp(ts=world.now, account=ACCOUNT, broker="sim"))
    assert world.recommend(ACME).headline is Reason.LINK_NOT_READY
    world.reconcile()
    assert world.recommend(BOLT).outcome is Outcome.ACT


def test_a_lost_link_pages_when_something_is_held_and_tells_otherwise():
    """I14."""
    world = World()
    world.disconnect()
    world.connect()
    world.buy(ACME)
    world.disconnect()
    assert [a.level for a in world.book.booked.alerts] == ["tell", "page"]


def test_drift_is_told_with_both_figures_keeps_entries_off_and_is_never_overwritten():
    """B6, D24: once for the same figures; agreement clears it."""
    world = World()
    world.buy(ACME)
    world.positions(ACME="12")
    [drift] = world.of(DriftFound)
    assert (drift.ours, drift.venue) == (35, 12)
    assert world.book.qty(ACME) == 35
    assert world.positions(ACME="12") == ()
    assert len([d for d in (world.positions(ACME="13"), world.of(DriftFound)) if d]) == 2
    world.restart()
    world.connect()
    world.quote(ACME, 100.0)
    assert Reason.DRIFT in world.recommend(ACME).reasons
    assert world.recommend(ACME, Action.SELL).outcome is Outcome.ACT
    world.positions(ACME="35")
    assert [c.symbol for c in world.of(DriftCleared)] == [ACME]


def test_positions_of_another_moment_are_not_compared():
    """B6, D14: only at the same count of fills."""
    world = World()
    world.step(PositionsSeen(ts=world.now, account=ACCOUNT, positions={ACME: Qty(D(9))}, cursor=5))
    assert world.last == ()


def test_a_difference_in_cash_is_told_and_not_taken_over():
    """B6."""
    world = World()
    world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.cancelled(stop)
    for w in world.book.open_orders():
        world.cancelled(w.order.order_id)
    ours = world.book.booked.cash
    world.step(AccountSeen(ts=world.now, account=ACCOUNT, cash=Money(ours - 500), equity=Money(D(0))))
    assert world.book.booked.cash == ours


def test_a_blocked_account_takes_no_new_risk():
    """I14, R2: by a rule's own hold."""
    world = World()
    world.step(AccountSeen(ts=world.now, account=ACCOUNT, cash=Money(D(100_000)), equity=Money(D(0)), blocked=True))
    assert [s.key for s in world.of(StateChanged)] == ["rule:account_blocked"]
    assert world.book.state() is TradingState.REDUCING


def test_interest_counts_once_and_is_no_money_put_in():
    """T2: after a restart too; equity goes down by it, what was put in does not."""
    world = World()
    before, worth = world.book.booked, world.book.equity
    cash, deposits = before.cash, before.deposits
    paid = Financed(
        ts=world.now, account=ACCOUNT, kind="interest", amount=Money(D("-4.17")), action_id="interest:2008-10-06"
    )
    world.step(paid)
    [moved] = world.of(CashMoved)[-1:]
    assert (moved.kind, moved.amount, moved.symbol) == ("interest", D("-4.17"), None)
    assert (world.book.booked.cash, world.book.booked.deposits) == (cash - D("4.17"), deposits)
    assert world.book.equity == pytest.approx(worth - 4.17)
    world.restart()
    assert world.step(paid) == ()


def test_a_dividend_counts_once():
    """F9: by its action id, also after a restart."""
    world = World()
    paid = Dividend(ts=world.now, account=ACCOUNT, symbol=ACME, amount=Money(D("12.34")), action_id="d1")
    world.step(paid)
    world.restart()
    assert world.step(paid) == ()
    assert world.book.booked.cash == D("100012.34")
    assert world.book.booked.deposits == 100_000


def test_a_split_moves_position_stop_levels_and_the_stop_at_the_venue():
    """F9: value and risk are the same before and after; the next quote at the new level sets nothing off."""
    world = World()
    qty = world.buy(ACME)
    entry = world.recommend(BOLT).orders[0]
    equity, atr = world.book.equity, world.book.markets[ACME].atr
    split = Split(ts=world.now, symbol=ACME, ratio=4.0, action_id="s1")
    world.step(split)
    assert world.book.qty(ACME) == 4 * qty
    assert world.book.equity == pytest.approx(equity)
    assert world.book.markets[ACME].atr == pytest.approx(atr / 4)
    [level] = world.of(StopSet)
    assert (level.stop, level.target, level.why) == (D("24.25"), D("26.13"), "split")
    assert [(r.qty, r.stop) for r in world.of(ReplaceIntended)] == [(4 * qty, D("24.25"))]
    assert world.quote(ACME, 25.0) == ()
    assert world.step(split) == ()
    assert not [c for c in world.all(CancelIntended) if c.order_id == entry], "another symbol's entry stays"
    assert len(world.all(SplitApplied)) == 1
    assert world.refold() == world.book.dump()


def test_positions_asked_for_before_an_order_ended_are_not_compared():
    """I6: it may have filled after that moment; what of it is still to come must not count as seen, else it is closed twice."""
    world = World()
    qty = world.buy(ACME)
    stop = world.book.protection(ACME).order.order_id
    world.accept(stop)
    before = world.book.ends
    world.cancelled(stop, str(qty))
    assert world.book.owed(ACME, entry=False) == qty
    seen = PositionsSeen(
        ts=world.now, account=ACCOUNT, positions={ACME: qty}, cursor=world.book.booked.fill_cursor, ends=before
    )
    assert world.step(seen) == ()
    assert world.book.owed(ACME, entry=False) == qty
    world.positions(ACME=str(qty))
    assert not world.book.owes()


def test_a_split_told_after_what_was_bought_after_it():
    """I4, F9: position, stop and the stop at the venue stay: they were set in new shares, at new prices. After a restart too."""
    world = World()
    split = Split(ts=world.now, symbol=ACME, ratio=4.0, action_id="s1")
    world.wait(1)
    qty = world.buy(ACME)
    level = world.book.booked.levels[ACME]
    world.restart()
    world.step(split)
    assert world.book.qty(ACME) == qty
    assert world.book.booked.levels[ACME] == level
    assert not world.of(ReplaceIntended)
    assert world.refold() == world.book.dump()


def test_a_split_told_late_closes_nothing_that_was_taken_over_before_it():
    """F9, D24: adopted, split, some of it sold by somebody, and only then told: the rest is scaled like its stop and its price."""
    world = World()
    world.positions(ACME="100")
    world.say(Verb.ADOPT, symbol=ACME)
    assert world.book.qty(ACME) == 100
    world.timer()
    split = Split(ts=world.now, symbol=ACME, ratio=2.0, action_id="s1")
    world.wait(1)
    world.foreign_fill(ACME, Side.SELL, "10", "50")
    world.step(split)
    assert world.book.qty(ACME) == 180
    assert world.book.booked.positions[ACME].avg_price == 50
    world.wait(1)
    world.quote(ACME, 50.0, after=1)
    assert not [f for f in world.all(OrderIntended) if f.order.leg is Leg.EXIT]


def test_an_entry_priced_before_a_split_is_taken_back():
    """F9: no order of four times the wrong size."""
    world = World()
    entry = world.recommend(ACME).orders[0]
    world.step(Split(ts=world.now, symbol=ACME, ratio=4.0, action_id="s1"))
    assert [c.order_id for c in world.of(CancelIntended)] == [entry]


def test_a_rate_changes_what_foreign_positions_are_worth():
    """O4: account currency for one of the other."""
    world = World()
    world.foreign_fill(EURO, Side.BUY, "10", "100")
    before = world.book.equity
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.50"))))
    assert world.book.equity == pytest.approx(before + 500)
    assert world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.50")))) == ()


def test_three_unclean_starts_in_a_quarter_of_an_hour_end_in_a_halt():
    """H6, H7: the third one, also when clean ones lie between; a named operator lifts it."""
    world = World()
    for clean in (False, True, False):
        world.wait(60)
        world.start(clean=clean)
    assert world.book.state() is TradingState.ACTIVE
    world.wait(60)
    world.start(clean=False)
    assert world.book.state() is TradingState.HALTED
    assert list(world.book.booked.holds) == ["rule:crash_loop"]


def test_unclean_starts_of_a_wrong_future_are_none_of_this_quarter_of_an_hour():
    """E1, H7: days apart by a clock that was weeks ahead; the right one does not halt at every start until it is there."""
    world = World()
    right = world.now
    for day in (20, 25, 30):
        world.now = at(f"2009-10-{day}T14:00")
        world.start(clean=False)
    world.now = right + 60 * NS
    world.restart(clean=True)
    assert list(world.book.booked.holds) == ["rule:clock_behind"]


def test_a_journal_ahead_of_the_clock_does_not_end_the_session_early():
    """E1, I5: a life lived by a wrong clock; the next one has the right one, and closes behind the stop in market hours."""
    world = World(protective=False)
    world.buy(ACME)
    right = world.now
    world.now = at("2008-10-06T20:30")  # the clock jumps behind the close
    world.timer()
    world.quote(ACME, 90.0)
    assert world.of(Decided)[0].reasons == (Reason.MARKET_CLOSED,)
    world.now = right + 60 * NS
    world.restart()
    assert world.book.booked.holds["rule:clock_behind"].reason.startswith("the journal is ")
    assert world.codes()[-1] == "clock_behind"
    assert world.book.now == world.now
    world.connect()
    world.quote(ACME, 90.0)
    [decided] = world.of(Decided)
    assert (decided.source, decided.outcome) == ("stop", Outcome.ACT)
    world.say(Verb.RESUME)
    assert world.book.state() is TradingState.ACTIVE
    world.wait(60)
    world.restart(clean=True)  # from the whole journal, with its facts of that future
    assert world.book.state() is TradingState.ACTIVE
    assert world.book.now == world.now


def test_what_was_done_in_a_wrong_future_is_done_again_when_its_time_comes():
    """E1, I14: a day's summary, a week's digest and the word on a missing link do not wait for a clock to catch up."""
    world = World()
    world.buy(ACME)
    wrong, right = at("2009-10-05T14:00"), world.now + 60 * NS
    for fact in (
        ScheduleRan(ts=wrong, account=ACCOUNT, name="daily_summary", key="2009-10-02"),
        ScheduleRan(ts=wrong, account=ACCOUNT, name="weekly_digest", key="2009-W40"),
        Alerted(ts=wrong, account=ACCOUNT, level="page", code="link_missing", text="in that future"),
    ):
        world.facts.append(fact)
    world.now = right
    world.restart()
    world.minutes(2)
    assert world.codes().count("link_missing") == 2
    world.connect()
    world.say(Verb.RESUME)
    for symbol, mid in world.mids.items():
        world.quote(symbol, mid, after=0)
    world.now = at("2008-10-06T15:00")
    for symbol, mid in world.mids.items():
        world.quote(symbol, mid, after=0)
    world.now = at("2008-10-06T20:31")
    world.timer()
    assert "2008-10-06" in [fact.key for fact in world.of(ScheduleRan) if fact.name == "daily_summary"]
    world.now = at("2008-10-10T20:31")
    world.timer()
    assert "2008-W41" in [fact.key for fact in world.of(ScheduleRan) if fact.name == "weekly_digest"]


def test_unclean_starts_far_apart_halt_nothing():
    """H6: the window is fifteen minutes."""
    world = World()
    for _ in range(5):
        world.wait(600)
        world.start(clean=False)
    assert world.book.state() is TradingState.ACTIVE


def test_a_start_trusts_no_link_of_the_process_before():
    """B1, H5."""
    world = World()
    world.start()
    assert world.recommend(ACME).headline is Reason.LINK_NOT_READY


def test_a_clean_stop_is_remembered():
    """H11."""
    world = World()
    world.step(Stopping(ts=world.now, reason="asked"))
    assert [s.reason for s in world.of(ShutDown)] == ["asked"]
    assert world.book.booked.stopped


def test_reconciling_protects_what_a_crash_left_without_a_stop():
    """A6, E4: the fill was durable, the stop was not yet."""
    world = World()
    world.fill(world.recommend(ACME).orders[0])
    cut = next(i for i, f in enumerate(world.facts) if isinstance(f, StopSet))
    world.facts = world.facts[:cut]
    world.restart()
    assert ACME not in world.book.booked.levels
    world.bars()
    world.connect()
    assert world.book.protection(ACME).qty == 35


def test_a_position_whose_instrument_is_not_configured_any_more_raises_nothing():
    """STYLE B7: told as unprotected; the rest goes on."""
    world = World()
    world.buy(ACME)
    del world.book.markets[ACME]
    world.book.booked.levels.clear()
    world.reconcile()
    world.minutes(2)
    assert "unprotected_position" in world.codes()
    world.quote(CORN, 100.0)
    assert world.recommend(CORN).kind is Kind.ENTRY


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity"])
def test_a_rate_that_is_none_is_refused(rate):
    """F3: the old one stays, and it is told."""
    world = World()
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D("1.25"))))
    equity = world.book.equity
    world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D(rate))))
    assert world.book.booked.rates == {"EUR": D("1.25")}
    assert world.book.equity == equity
    assert "bad_rate" in world.codes()


@pytest.mark.parametrize("ratio", [0.0, -2.0, float("nan"), float("inf")])
def test_a_split_by_nothing_is_refused(ratio):
    """F3, F9: position, stop and prices stay; if the venue did split, positions drift and are told."""
    world = World()
    qty = world.buy(ACME)
    stop = world.book.booked.levels[ACME].stop
    world.step(Split(ts=world.now, symbol=ACME, ratio=ratio, action_id="s1"))
    assert (world.book.qty(ACME), world.book.booked.levels[ACME].stop) == (qty, stop)
    assert world.book.markets[ACME].mid == 100.0
    assert "bad_split" in world.codes()


def test_positions_are_not_compared_while_a_fill_before_the_last_one_is_missing():
    """B6, D10: an answer of before that fill meets a book of after it; what looks like drift is a message under way."""
    world = World()
    world.buy(ACME)
    held = world.book.qty(ACME)
    counted = world.book.booked.fill_cursor
    stop = world.book.protection(ACME)
    assert stop is not None
    world.fill(stop.order.order_id, stop.order.qty, price="98", cursor=counted + 2)
    assert world.book.booked.fills_ahead == [counted + 2]
    world.step(PositionsSeen(ts=world.now, account=ACCOUNT, positions={ACME: held}, cursor=counted))
    assert not world.book.booked.drift
