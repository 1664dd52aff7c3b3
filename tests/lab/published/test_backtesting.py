"""backtesting.py: a simple average of 10 closes crossing one of 20 or of 30 on Google, 2004-08-19 to 2013-03-01, 10,000 at the
start, always all in, long or short, filled at the next open. Its README publishes 10/20 with a commission of 0.2 %, its own
test suite 10/30 without costs.

The rows are those of the shipped data, which are not quite the ones it was run over: many opens and closes differ by a cent, a
few by dollars. So published figures are compared within a bound, and beside it everything to the cent with plain arithmetic of
the same rules over the same rows. Over its own rows that arithmetic, and tradingd, give 51,422.99 exactly.

What differs: it turns round at one price in one moment, here the old position is closed and the new one opened a minute later,
at the same price. The house knows no entry without a stop and a target: the days' bars shown to it have a range of 8 %, so that
both stand some 70 % away and neither is met. Its commission worsens the price of the entry by 0.2 % and leaves the exit alone;
ours is 0.1 % of the value on either side.
"""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal
from importlib.resources import files
from math import floor, fsum
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.published import cross
from tests.lab.published.rig import FREE, Ran, Row, play, rules
from tradingd.backtest.options import Costs
from tradingd.core.types import Instrument, Symbol
from tradingd.lab.results.figures import TRADES
from tradingd.lab.results.rows import Trade, rows

D = Decimal
GOOG = Symbol("GOOG")
CAPITAL, LAST = D(10_000), "2013-02-28"
README = Costs(spread_bps=0, fee_per_share=D(0), fee_minimum=D(0), fee_bps=10)


def google() -> list[Row]:
    """The shipped days, with ranges of 8 %."""
    packed = files("tradingd_adapters.sim").joinpath("data", "us_equities_daily_wiki.csv.gz").read_bytes()
    lines = csv.DictReader(io.StringIO(gzip.decompress(packed).decode()))
    days = [(r["date"], float(r["open"]), float(r["close"])) for r in lines if r["ticker"] == GOOG]
    return [Row(day, first, close, close * 1.04, close * 0.96) for day, first, close in days]


class Plain(NamedTuple):
    """By arithmetic alone. trades: (day it ended, shares, entry, exit).   worth: at each close."""

    trades: list[tuple[str, int, float, float]]
    worth: list[float]


def plain(days: list[Row], fast: int, slow: int, fee: str, last: str = "") -> Plain:
    """The engine's rules: after the close of a cross, all in at the next open; at the one after `last`, out. fee: share of what
    changes hands, to the cent."""
    cash, shares, entry, wanted = CAPITAL, 0, D(0), 0
    trades, worth, gaps = [], [], []
    for i, day in enumerate(days):
        first, ends = D(repr(day.first)), i > 0 and days[i - 1].date == last
        if wanted or ends:
            if shares:
                trades.append((day.date, abs(shares), float(entry), day.first))
                cash += shares * first - _cents(abs(shares) * first * D(fee))
            shares = 0 if ends else wanted * floor(cash / (first * (1 + D(fee))))
            entry = first
            cash -= shares * first + _cents(abs(shares) * first * D(fee))
        closes = [each.close for each in days[max(0, i - slow + 1) : i + 1]]
        gaps.append(fsum(closes[-fast:]) / fast - fsum(closes) / slow if len(closes) == slow else 0.0)
        wanted = 0 if len(gaps) < 2 else 1 if gaps[-2] < 0 < gaps[-1] else -1 if gaps[-1] < 0 < gaps[-2] else 0
        worth.append(float(cash + shares * D(repr(day.close))))
    return Plain(trades, worth)


def _cents(x: Decimal) -> Decimal:
    return x.quantize(D("0.01"))


def crossed(folder: Path, days: list[Row], slow: int, costs: Costs, *, share: float = 1.0, last: str = "") -> Ran:
    return play(
        folder, rules(capital="10000", share=share, stop=9.0, short=True), cross, {"fast": 10, "slow": slow, "last": last}, days,
        costs=costs, instrument=Instrument(symbol=GOOG, tick=D("0.0001")),
    )  # fmt: skip


def check_same(folder: Path, ran: Ran, wanted: Plain) -> None:
    """Every trade in day, size and prices, and what is left."""
    made = [(t.utc[:10], int(t.qty), t.entry, t.exit) for t in rows(folder, TRADES, Trade)]
    assert made == wanted.trades
    assert ran.book.equity == pytest.approx(wanted.worth[-1], abs=1e-6)
    assert ran.result.metrics is not None
    assert set(ran.result.metrics.by_exit) == {"strategy:published"}, "no stop, no target"


def test_two_years_are_those_of_plain_arithmetic(tmp_path: Path) -> None:
    """T1, T2: with costs; day by day the same crosses, sizes, prices and fees."""
    days = google()[:500]
    ran = crossed(tmp_path / "out", days, 20, README, share=1 / 1.001)
    check_same(tmp_path / "out", ran, plain(days, 10, 20, "0.001"))
    assert len(plain(days, 10, 20, "0.001").trades) > 15


@pytest.mark.slow
def test_without_costs(tmp_path: Path) -> None:
    """T2: 66 trades, 46.97 % won, from 53.60 % to -18.40 %; 51,422.99 left of 75,787.44, a drawdown of 47.980 %. The last trade
    ends at the last open."""
    days = google()
    ran = crossed(tmp_path / "out", days, 30, FREE, last=LAST)
    wanted = plain(days, 10, 30, "0", LAST)
    check_same(tmp_path / "out", ran, wanted)
    m = ran.result.metrics
    assert m is not None
    assert (m.trades.trades, m.trades.wins) == (66, 31)
    assert m.trades.win_rate == pytest.approx(0.4696969696969697)
    assert m.equity == pytest.approx(51_422.99, rel=5e-4)
    assert max(wanted.worth) == pytest.approx(75_787.44, rel=5e-4)
    assert m.max_drawdown.share == pytest.approx(0.4798012705, abs=5e-4)
    gains = [t.gain or 0.0 for t in rows(tmp_path / "out", TRADES, Trade)]
    assert max(gains) == pytest.approx(0.5359595, abs=1e-3)
    assert min(gains) == pytest.approx(-0.1839887, abs=1e-3)


@pytest.mark.slow
def test_with_its_commission(tmp_path: Path) -> None:
    """T2: 93 trades, 53.76 % won, 68,935.12 left, a drawdown of 33.08 %, 703.46 % for who only holds."""
    days = google()
    ran = crossed(tmp_path / "out", days, 20, README, share=1 / 1.001)
    check_same(tmp_path / "out", ran, plain(days, 10, 20, "0.001"))
    m = ran.result.metrics
    assert m is not None
    assert m.trades.trades == 93
    assert m.equity == pytest.approx(68_935.12, rel=0.015)
    assert m.max_drawdown.share == pytest.approx(0.3308, abs=0.003)
    assert m.trades.win_rate == pytest.approx(0.5376, abs=1.5 / 93)
    assert days[-1].close / days[0].close - 1 == pytest.approx(7.0346, abs=0.001)
