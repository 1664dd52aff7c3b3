"""One story, row by row; what a folder is at each moment; what is refused."""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from pathlib import Path

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, DAY, NS, World, at
from tests.lab.results.stories import about, days_of, sheet_of
from tradingd.core.events import Action, Bar
from tradingd.core.facts import CashMoved, DayMeasured, Filled, SplitApplied
from tradingd.core.types import AccountId, Money, Price
from tradingd.lab.results import figures
from tradingd.lab.results import rows as tables
from tradingd.lab.results.faults import ResultFault
from tradingd.lab.results.result import read
from tradingd.lab.results.rows import Candle, Day, Decision, Execution, Trade, rows
from tradingd.lab.results.sheet import Sheet, exposure

D = Decimal


def traded() -> World:
    """Bought at 100 with a fee of 2, half of it sold at 110 and the rest at 90 by one order, each with a fee of 1."""
    world = World(protective=False)
    decided = world.recommend(ACME, thesis="<script>alert(1)</script>", intraday=False)
    entry = decided.orders[0]
    world.accept(entry)
    world.fill(entry, price="100", fee="2")
    world.wait(3_600)
    world.recommend(ACME, Action.SELL)
    order = world.exit_order()
    world.accept(order.order.order_id)
    half = order.order.qty / 2
    world.fill(order.order.order_id, qty=half, price="110", fee="1")
    world.fill(order.order.order_id, price="90", fee="1")
    return world


def test_a_closing_order_is_one_trade_with_everything_an_operator_asks(tmp_path: Path) -> None:
    """T2, E14: two executions, one row: average prices, shared fees, who opened it, why it was closed, how long it was held."""
    world = traded()
    with sheet_of(tmp_path / "r", world) as sheet:
        result = sheet.finish("complete", page=False)
    [trade] = rows(tmp_path / "r", figures.TRADES, Trade)
    bought, *_ = world.all(Filled)
    assert (trade.symbol, trade.side, trade.qty) == (ACME, "long", bought.qty)
    assert (trade.entry, trade.exit) == (100.0, pytest.approx(100.0))
    assert (trade.entry_fees, trade.exit_fees, trade.realised, trade.net) == (D(2), D(2), D(0), D(-4))
    assert trade.gain == pytest.approx(-4 / (100 * float(trade.qty)))
    assert (trade.hold_s, trade.sessions) == (3_600.0, 0)
    assert (trade.strategy, trade.reason, trade.micro) == ("api", "api", False)
    assert trade.cause == "api:r1"
    assert result.metrics is not None
    assert (result.metrics.trades.trades, result.metrics.trades.wins, result.metrics.fees) == (1, 0, D(4))
    legs = [(f.leg, f.side, f.value) for f in rows(tmp_path / "r", figures.FILLS, Execution)]
    half = trade.qty / 2
    assert legs == [("entry", "buy", trade.qty * 100), ("exit", "sell", half * 110), ("exit", "sell", half * 90)]


def test_a_refused_idea_is_a_row_with_all_its_reasons(tmp_path: Path) -> None:
    """T2, E11."""
    world = World()
    world.recommend(ACME, confidence=0.1)
    with sheet_of(tmp_path / "r", world):
        [found] = rows(tmp_path / "r", figures.DECISIONS, Decision)
    decided = world.book.booked.recent[-1]
    assert (found.id, found.verdict, found.confidence) == (decided.decision_id, "skip", 0.1)
    assert found.reasons.split() == [reason.value for reason in decided.reasons] != []


def test_a_short_a_split_and_a_stop_have_their_words(tmp_path: Path) -> None:
    """T2: the side is the position's; what was opened before a split counts its shares after it; a stop at the venue is a stop."""
    world = World()
    world.buy(ACME)
    world.book.emit(SplitApplied(ts=world.now, account=ACCOUNT, symbol=ACME, ratio=Price(D(2)), action_id="s1"))
    world.timer()
    stop = world.book.protection(ACME)
    assert stop is not None
    world.wait(2 * DAY / NS)
    held = world.book.qty(ACME)
    world.fill(stop.order.order_id, qty=held, price="60")
    world.foreign_fill(ACME, world.book.booked.orders[stop.order.order_id].order.side, "5", "60")
    world.foreign_fill(ACME, world.book.booked.orders[stop.order.order_id].order.side.opposite, "5", "50")
    with sheet_of(tmp_path / "r", world) as sheet:
        sheet.finish("complete", page=False)
    long, short = rows(tmp_path / "r", figures.TRADES, Trade)
    assert (long.side, long.qty, long.reason, long.hold_s) == ("long", held, "stop", pytest.approx(2 * DAY / NS))
    assert long.entry == pytest.approx(50.0, abs=0.1)
    assert (short.side, short.qty, short.realised, short.strategy, short.reason) == (
        "short",
        D(5),
        D(50),
        "foreign",
        "foreign",
    )
    actions = [(a.kind, a.amount) for a in rows(tmp_path / "r", figures.ACTIONS, tables.Action)]
    assert actions == [("deposit", D(100_000)), ("split", D(2))]


def test_a_curve_has_a_row_a_close(tmp_path: Path) -> None:
    """T2: equity, pools and exposure of the book; returns as the daily snapshot has them."""
    world = World()
    with Sheet(tmp_path / "r", about()) as sheet:
        world.buy(ACME)
        world.quote(ACME, 104.0)
        world.now = at("2008-10-06T20:01")
        world.timer()
        sheet.take(world.facts)
        sheet.close(world.now, world.book)
        [measured] = world.all(DayMeasured)
        [day] = rows(tmp_path / "r", figures.DAYS, Day)
    assert (day.date, day.equity, day.daily_return) == ("2008-10-06", world.book.equity, measured.daily_return)
    assert (day.cash, day.capital, day.reserve) == (world.book.booked.cash, D(100_000), D(0))
    assert day.gross == day.net == float(world.book.qty(ACME)) * 104.0
    assert exposure(world.book) == (day.gross, day.net)
    assert 0 < day.held_s <= day.span_s


def test_only_daily_bars_of_the_run_become_candles(tmp_path: Path) -> None:
    """T2: warm-up and shorter bars are none."""
    day = Bar(ts=at("2008-10-06T20:00"), symbol=ACME, span_s=86_400, open=1.5, high=3.0, low=1.0, close=2.0)
    with Sheet(tmp_path / "r", about()) as sheet:
        for bar in (day, msgspec.structs.replace(day, history=True), msgspec.structs.replace(day, span_s=1800)):
            sheet.bar(bar)
        [candle] = rows(tmp_path / "r", figures.BARS, Candle)
    assert (candle.open, candle.high, candle.low, candle.close) == (1.5, 3.0, 1.0, 2.0)


def test_a_folder_says_running_until_it_is_finished(tmp_path: Path) -> None:
    """T2: from the first moment, and for good when nothing finishes it; a partial run says by what."""
    folder = tmp_path / "a" / "r"
    with Sheet(folder, about(), config="mode = 'demo'\n"):
        assert read(folder).state == "running"
        assert (folder / "config.toml").read_text() == "mode = 'demo'\n"
    assert read(folder).state == "running"
    with sheet_of(tmp_path / "b", traded()) as sheet:
        made = sheet.finish("partial", "line 7 of the data", notes=["no bars on 2008-10-07"], head="h")
    assert read(tmp_path / "b") == made
    assert (made.state, made.why, made.journal.head) == ("partial", "line 7 of the data", "h")
    assert made.notes == ("no bars on 2008-10-07",)
    assert made.journal.records == len(traded().facts)
    assert (tmp_path / "b" / "report.html").exists()
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == [
        "actions.csv", "bars.csv", "config.toml", "decisions.csv", "equity.csv", "fills.csv", "report.html", "result.json",
        "trades.csv",
    ]  # fmt: skip


def test_a_run_without_anything_has_a_result(tmp_path: Path) -> None:
    """T2: it failed before its first fact."""
    with Sheet(tmp_path / "r", about()) as sheet:
        made = sheet.finish("partial", "no data")
    assert made.metrics == figures.Metrics()
    assert "No session closed" in (tmp_path / "r" / "report.html").read_text()


@pytest.mark.parametrize("taken", ["folder", "file"])
def test_a_place_that_holds_something_else_is_refused_and_left_as_it_was(tmp_path: Path, taken: str) -> None:
    """T2: a journal or a table of somebody else is no place for a result."""
    place = tmp_path / "r"
    if taken == "folder":
        place.mkdir()
        (place / "trades.csv").write_text("mine\n")
    else:
        place.write_text("mine\n")
    with pytest.raises(ResultFault, match="is not an empty folder"):
        Sheet(place, about())
    if taken == "folder":
        assert [path.name for path in place.iterdir()] == ["trades.csv"]
        assert (place / "trades.csv").read_text() == "mine\n"
    else:
        assert place.read_text() == "mine\n"


def test_what_is_refused(tmp_path: Path) -> None:
    """T2: a folder that holds a result, a second account, a close before its facts or back in time, an About that cannot be."""
    with sheet_of(tmp_path / "r", World()) as sheet:
        with pytest.raises(ResultFault, match="holds a result already"):
            Sheet(tmp_path / "r", about())
        with pytest.raises(ValueError, match="one account, a1, and not of a2"):
            sheet.take([CashMoved(ts=1, account=AccountId("a2"), kind="fee", amount=Money(D(1)))])
        with pytest.raises(ValueError, match="after the session before it"):
            sheet.close(1, World().book)
    with Sheet(tmp_path / "n", about()) as sheet, pytest.raises(ValueError, match="after its facts"):
        sheet.close(1, World().book)
    for changes, words in (
        ({"capital": Money(D(0))}, "capital must be > 0"), ({"sessions_a_year": 0}, "sessions_a_year must be >= 1"),
        ({"begin": "2009-01-01"}, "must not be after"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            about(**changes)


def test_figures_are_annualised_by_the_sessions_of_the_market(tmp_path: Path) -> None:
    """T2: 365 for one that never closes."""
    found = []
    for year in (252, 365):
        with Sheet(tmp_path / str(year), about(sessions_a_year=year)) as sheet:
            days_of(sheet, [(5, 0), (-3, 0), (8, 0)])
            found.append(sheet.finish("complete", page=False).metrics)
    exchange, always = found
    assert exchange is not None
    assert always is not None
    assert exchange.volatility is not None
    assert always.volatility == pytest.approx(exchange.volatility * sqrt(365 / 252))
    assert always.annual_return == pytest.approx((1 + exchange.total_return) ** (365 / 3) - 1)
