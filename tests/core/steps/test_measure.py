"""Performance as it is taken: every few minutes of a session, at once by a new process, and once a day into the journal."""

from __future__ import annotations

from decimal import Decimal

from tests.core.world import ACCOUNT, ACME, World, at, make_rules
from tradingd.core.facts import CashMoved, DayClosed, DayMeasured, DayOpened, TierChanged
from tradingd.core.rules import PerformanceSettings
from tradingd.core.types import Money, Side, TierName
from tradingd.core.views.account import account_view

D = Decimal


def test_figures_are_taken_every_five_minutes_of_a_session():
    """E14: not each minute, and not at night."""
    world = World()
    taken = {world.book.measured_ts}
    for _ in range(11):
        world.minutes(1, quotes=True)
        taken.add(world.book.measured_ts)
    assert [b - a for a, b in zip(sorted(taken), sorted(taken)[1:], strict=False)] == [300 * 10**9] * 2
    world.now = at("2008-10-06T22:00")
    world.timer()
    last = world.book.measured_ts
    world.minutes(30)
    assert world.book.measured_ts == last
    assert not [f for f in world.facts if type(f).__name__ == "Measures"]


def test_a_new_process_takes_them_at_once_and_finds_the_same():
    """E14: nothing of them is lost with the process, since nothing of them was only in it."""
    world = World(performance=PerformanceSettings(every_s=3600.0))
    world.buy(ACME)
    world.quote(ACME, 101.0)
    world.minutes(61, quotes=True)
    before = world.book.measures
    world.restart()
    assert world.book.measures is None
    for symbol, mid in world.mids.items():
        world.quote(symbol, mid, after=0)
    world.timer()
    assert before is not None
    assert world.book.measures == before


def test_a_day_is_measured_once_after_its_close():
    """E14: DayClosed, its measures, then the tier; the first return on the starting capital."""
    world = World()
    world.buy(ACME, price="100")
    world.quote(ACME, 104.0)
    world.now = at("2008-10-06T20:01")
    world.timer()
    names = [type(f).__name__ for f in world.last]
    assert names.index("DayMeasured") == names.index("DayClosed") + 1
    [measured] = world.of(DayMeasured)
    assert measured.date == "2008-10-06"
    assert measured.daily_return == measured.cumulative_return == (world.book.equity - 100_000) / 100_000
    assert measured.measures.value == world.book.equity
    world.minutes(30)
    assert len(world.all(DayMeasured)) == 1


def test_a_close_nobody_saw_is_made_up_for_once_and_in_order():
    """E2, E14: down over the close, up again in the middle of a later session, and killed once more."""
    world = World()
    world.now = at("2008-10-08T15:00")
    for _ in range(3):
        world.restart()
        world.timer()
    order = [(type(f).__name__, f.date) for f in world.facts if isinstance(f, DayOpened | DayClosed | DayMeasured)]
    assert order == [
        ("DayOpened", "2008-10-06"), ("DayClosed", "2008-10-06"), ("DayMeasured", "2008-10-06"), ("DayOpened", "2008-10-08"),
    ]  # fmt: skip


def test_a_tier_change_carries_what_it_was_judged_by_and_is_told():
    """E2: win rate, drawdown and reserve share of that close."""
    world = World()
    world.book.emit(
        TierChanged(ts=world.now, account=ACCOUNT, previous=TierName.CONSERVATIVE, tier=TierName.MODERATE, why="t")
    )
    world.foreign_fill(ACME, Side.BUY, "10", "100")
    world.foreign_fill(ACME, Side.SELL, "10", "99")
    world.now = at("2008-10-06T20:01")
    world.timer()
    [changed] = world.of(TierChanged)
    assert (changed.tier, changed.win_rate, changed.reserve_share) == (TierName.CONSERVATIVE, 0.0, 0.0)
    assert changed.drawdown == world.of(DayClosed)[0].drawdown
    assert changed.why == "30-day win rate 0.00% is below 40.00%"
    assert world.codes().count("risk_tier_changed") == 1
    view = account_view(world.book, world.rules).risk_tier
    assert view is not None
    assert (view.name, view.since, view.history[0]) == ("conservative", changed.ts, changed)
    assert view.numbers == world.rules.tiers[TierName.CONSERVATIVE]


def test_the_page_has_figures_before_any_timer():
    """E14, H1: an empty book is shown, with nothing divided by nothing."""
    world = World(ready=False)
    view = account_view(world.book, world.rules)
    assert view.measures is not None
    assert (view.measures.trades, view.measures.sharpe) == (0, None)
    world.start()
    world.book.emit(CashMoved(ts=world.now, account=ACCOUNT, kind="deposit", amount=Money(D(5))))
    world.timer()
    view = account_view(world.book, make_rules())
    assert view.measures is not None
    assert view.measures.value == 5.0
