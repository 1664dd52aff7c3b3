"""zipline's beginner tutorial: ten shares of Apple are bought at every close from 2000-01-03 on, each order filled at the close
of the next day, 0.03 a share, ten million at the start. It prints the first five days with price, cash and exposure; these
are the rows.

An account of tradingd never adds to a position by an idea of its own (ALREADY_HELD), so the shares are bought at the venue by
somebody else, and the account books what it is told: what is compared is fills, fees, cash and marks. zipline's price impact of
ten shares is below a millionth and is not in its printed cash either.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.lab.published import dated
from tests.lab.published.rig import ACCOUNT, FIRST, MINUTE, NYSE, Row, play, rules
from tradingd.backtest.options import Costs
from tradingd.core.types import Instrument, Qty, Side, Symbol
from tradingd.lab.results.figures import DAYS
from tradingd.lab.results.rows import Day, rows
from tradingd_adapters.sim.exchange import Exchange

D = Decimal
AAPL = Symbol("AAPL")
PUBLISHED = [  # day, price, cash at its end, exposure at its end
    ("2000-01-03", "3.738314", "10000000.00000", "0"),
    ("2000-01-04", "3.423135", "9999965.46865", "34.23135"),
    ("2000-01-05", "3.473229", "9999930.43636", "69.46458"),
    ("2000-01-06", "3.172661", "9999898.40975", "95.17983"),
    ("2000-01-07", "3.322945", "9999864.88030", "132.91780"),
]


def ten_more(exchange: Exchange) -> None:
    """Each day from the second on: what was ordered at the close before."""
    for day, *_ in PUBLISHED[1:]:
        session = NYSE.session(day)
        assert session is not None
        exchange.at(
            session.open_ns + FIRST[1] * MINUTE + 1,
            lambda: exchange.foreign(ACCOUNT, AAPL, Side.BUY, Qty(D(10))) and None,
        )


def test_ten_shares_a_day(tmp_path: Path) -> None:
    """O4, B6, T2: cash to the last digit that it prints, exposure as well."""
    shown = [Row(day, float(price), float(price)) for day, price, _, _ in PUBLISHED]
    run = play(
        tmp_path / "out", rules(capital="10000000"), dated, {}, shown, also=ten_more,
        instrument=Instrument(symbol=AAPL, tick=D("0.000001")),
        costs=Costs(spread_bps=0, fee_per_share=D("0.03"), fee_minimum=D(0)),
    )  # fmt: skip
    days = list(rows(tmp_path / "out", DAYS, Day))
    assert [day.date for day in days] == [day for day, *_ in PUBLISHED]
    assert [day.cash for day in days] == [D(cash) for _, _, cash, _ in PUBLISHED]
    assert [day.net for day in days] == [pytest.approx(float(worth), abs=1e-9) for *_, worth in PUBLISHED]
    assert run.book.booked.positions[AAPL].qty == 40
