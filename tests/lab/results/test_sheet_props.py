"""Laws of a sheet: what stands in its files is what the book holds, whatever happened, and at whatever moment it ended."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.storm import carry_out, storms
from tests.core.world import ACME, World
from tests.lab.results.stories import about, days_of, sheet_of
from tradingd.core.book.booked import Tally
from tradingd.core.events import Bar
from tradingd.core.facts import Decided, Filled
from tradingd.core.types import Money
from tradingd.lab.results import figures
from tradingd.lab.results.result import read
from tradingd.lab.results.rows import Action, Candle, Day, Decision, Execution, Row, Trade, rows
from tradingd.lab.results.sheet import Sheet
from tradingd.lab.results.trips import Trips

D = Decimal
FEW = settings(max_examples=40)
TABLES: dict[str, type[Row]] = {
    figures.DAYS: Day, figures.TRADES: Trade, figures.FILLS: Execution, figures.DECISIONS: Decision, figures.ACTIONS: Action,
    figures.BARS: Candle,
}  # fmt: skip


def lived(storm: list[tuple[str, int, int]]) -> World:
    world = World()
    for what in storm:
        carry_out(world, what)
    return world


@FEW
@given(storms)
def test_trades_and_fills_are_the_books(storm):
    """T2, E14: every execution once, every closing order's profit and count as the house counts them, to the cent; late and
    foreign fills, splits and adoptions as well."""
    world = lived(storm)
    booked = world.book.booked
    with TemporaryDirectory() as folder:
        result = sheet_of(Path(folder) / "r", world).finish("complete", page=False)
        trades = list(rows(Path(folder) / "r", figures.TRADES, Trade))
        fills = list(rows(Path(folder) / "r", figures.FILLS, Execution))
        decisions = list(rows(Path(folder) / "r", figures.DECISIONS, Decision))
    assert [(f.exec_id, f.qty, f.price) for f in fills] == [(f.exec_id, f.qty, f.price) for f in world.all(Filled)]
    assert [d.id for d in decisions] == [d.decision_id for d in world.all(Decided)]
    assert result.metrics is not None
    assert result.metrics.fills == booked.counts.get("fills", 0)
    assert result.counts == booked.counts
    assert {(one.symbol, one.qty) for one in result.held} == {
        (p.symbol, p.qty) for p in booked.positions.values() if p.qty
    }
    of_orders: dict[str, Money] = {}  # a fill after its order's end has a row of its own
    for trade in trades:
        of_orders[trade.order_id] = Money(of_orders.get(trade.order_id, D(0)) + trade.realised)
    again = Tally()
    for pnl in of_orders.values():
        again.count(pnl)
    house = [booked.tally, booked.micro_tally]
    assert (again.trades, again.wins, again.losses) == tuple(
        sum(getattr(t, n) for t in house) for n in ("trades", "wins", "losses")
    )
    assert again.pnl == sum((t.pnl for t in house), D(0))
    assert result.metrics.trades.realised + result.metrics.micro.realised == again.pnl


@FEW
@given(storms)
def test_fees_are_shared_out_and_none_is_lost(storm):
    """T2: the fees of trades and of what is held are those of the fills; an operator's adoption may end a position without one."""
    world = lived(storm)
    trips = Trips(type(world.book.booked)(account=world.book.account))
    shared, adopted = D(0), False
    for fact in world.facts:
        adopted = adopted or type(fact).__name__ in {"PositionAdopted", "SplitApplied"}
        trips.take(fact)
        for trade in trips.done():
            shared += trade.entry_fees + trade.exit_fees
    for trade in trips.done(all_of_them=True):
        shared += trade.entry_fees + trade.exit_fees
    held = sum((one.fees for one in trips.held.values()), D(0))
    assert set(trips.held) == {symbol for symbol, p in world.book.booked.positions.items() if p.qty}
    if adopted:
        assert shared + held <= world.book.booked.fees
    else:
        assert shared + held == world.book.booked.fees


@FEW
@given(storms, st.data())
def test_a_folder_that_was_cut_anywhere_can_be_read(storm, data):
    """T2: a run that died in the middle of a byte: whole rows stand, half ones do not, and the metrics are those of what stands."""
    world = lived(storm)
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "r"
        with sheet_of(directory, world) as sheet:
            sheet.bar(
                Bar(
                    ts=1,
                    symbol=ACME,
                    span_s=86_400,
                    open=1,
                    high=2,
                    low=1,
                    close=2,
                )
            )
        before = {name: list(rows(directory, name, kind)) for name, kind in TABLES.items()}
        for name, kind in TABLES.items():
            whole = (directory / name).read_bytes()
            cut = data.draw(st.integers(0, len(whole)))
            (directory / name).write_bytes(whole[:cut])
            kept = list(rows(directory, name, kind))
            assert kept == before[name][: len(kept)]
            assert len(kept) == max(0, whole[:cut].count(b"\n") - 1)
        result = read(directory)
        assert (result.state, result.metrics) == ("running", None)
        figures.reckon(directory)


@FEW
@given(st.lists(st.tuples(st.integers(-15, 15), st.sampled_from([0, 0, 0, 500, -700])), min_size=1, max_size=12))
def test_the_curve_knows_profit_from_money_put_in(moves):
    """T2, E14: growth is what the prices made of it; deposits and withdrawals leave it alone, and the drawdown too."""
    with TemporaryDirectory() as folder:
        with Sheet(Path(folder) / "r", about()) as sheet:
            grown = days_of(sheet, moves)
        curve = list(rows(Path(folder) / "r", figures.DAYS, Day))
    top = 1.0
    for day, growth in zip(curve, grown, strict=True):
        top = max(top, growth)
        assert abs(day.drawdown - (1 - growth / top)) < 1e-9
