"""backtrader's comparison of commission schemes, "Commission Schemes" in its documentation (docu/commission-schemes): an
average is crossed twice on a daily Euro Stoxx 50 series of 2006, one contract or one share each time, filled at the next
day's open.

The page prints the close of each signal and the price of each fill; these are the rows. Between them nothing is traded, so the
days in between show the price before. What it publishes: gross and net of both operations, as a future (ten a point, 2.00 a
contract and side) and as a share (half a percent a side).

What differs: it charges fees unrounded, tradingd to the cent a fill, so the net of the share may be a cent a side apart. And
its percentage of a future leaves the multiplier out (18.77 of a contract worth 37,541.30); tradingd charges what changed hands.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.lab.published import dated
from tests.lab.published.rig import Ran, Row, before, filled, play, rules
from tradingd.backtest.options import Costs
from tradingd.core.types import Instrument, Symbol
from tradingd.lab.results.figures import TRADES
from tradingd.lab.results.rows import Trade, rows

D = Decimal
STOXX = Symbol("STOXX")
ROWS = filled(
    [
        Row("2006-03-09", 3757.59, 3757.59),
        Row("2006-03-10", 3754.13, 3754.13),
        Row("2006-04-11", 3788.81, 3788.81),
        Row("2006-04-12", 3786.93, 3786.93),
        Row("2006-04-20", 3860.00, 3860.00),
        Row("2006-04-21", 3863.57, 3863.57),
        Row("2006-04-28", 3839.90, 3839.90),
        Row("2006-05-02", 3839.24, 3839.24),
    ],
    closed=("2006-05-01",),
)
SIGNALS: dict[str, object] = {"buys": ("2006-03-09", "2006-04-20"), "sells": ("2006-04-11", "2006-04-28")}
NO_MINIMUM = D(0)


def ran(folder: Path, costs: Costs, *, multiplier: int) -> tuple[Ran, list[Trade]]:
    one = 4000.0 * multiplier  # room for one and not for two
    run = play(
        folder, rules(capital="100000", cap=one), dated, SIGNALS, ROWS, costs=costs,
        instrument=Instrument(symbol=STOXX, multiplier=D(multiplier)),
        history=before(STOXX, "2006-03-09", 3757.59, ranges=60.0),
    )  # fmt: skip
    return run, list(rows(folder, TRADES, Trade))


def net(trade: Trade) -> Decimal:
    return trade.realised - trade.entry_fees - trade.exit_fees


def test_one_future_a_trade(tmp_path: Path) -> None:
    """O4, T2: 328.00 and 324.00, then -243.30 and -247.30; to the cent, and so is the cash."""
    costs = Costs(spread_bps=0, fee_per_share=D(2), fee_minimum=NO_MINIMUM)
    run, trades = ran(tmp_path / "out", costs, multiplier=10)
    assert [(t.qty, t.entry, t.exit) for t in trades] == [(1, 3754.13, 3786.93), (1, 3863.57, 3839.24)]
    assert [t.realised for t in trades] == [D("328.00"), D("-243.30")]
    assert [net(t) for t in trades] == [D("324.00"), D("-247.30")]
    assert run.book.booked.cash == D("100000") + D("324.00") - D("247.30")


def test_one_share_a_trade(tmp_path: Path) -> None:
    """T2: 32.80 and -4.91, then -24.33 and -62.84; fees of 18.77, 18.93, 19.32 and 19.20."""
    costs = Costs(spread_bps=0, fee_per_share=D(0), fee_minimum=NO_MINIMUM, fee_bps=50)
    _, trades = ran(tmp_path / "out", costs, multiplier=1)
    assert [t.realised for t in trades] == [D("32.80"), D("-24.33")]
    assert [fee for t in trades for fee in (t.entry_fees, t.exit_fees)] == [
        D("18.77"), D("18.93"), D("19.32"), D("19.20"),
    ]  # fmt: skip
    assert [net(t) for t in trades] == [
        pytest.approx(D("-4.91"), abs=D("0.01")),
        pytest.approx(D("-62.84"), abs=D("0.01")),
    ]


def test_a_percentage_of_a_future_is_of_its_value(tmp_path: Path) -> None:
    """T2: half a percent of 37,541.30 and of 37,869.30, where it charges a tenth of that and publishes 290.29."""
    costs = Costs(spread_bps=0, fee_per_share=D(0), fee_minimum=NO_MINIMUM, fee_bps=50)
    _, trades = ran(tmp_path / "out", costs, multiplier=10)
    assert (trades[0].entry_fees, trades[0].exit_fees) == (D("187.71"), D("189.35"))
    published = D("290.29")
    assert trades[0].realised - (trades[0].entry_fees + trades[0].exit_fees) / 10 == pytest.approx(
        published, abs=D("0.01")
    )
