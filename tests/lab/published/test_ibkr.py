"""The fixed schedule of Interactive Brokers for US shares, with the examples its page of commissions gives: 0.005 a share, 1.00
an order at least, one percent of the trade at most, also where that is below the minimum."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.lab.published import dated
from tests.lab.published.rig import Row, before, play, rules
from tradingd.backtest.options import Costs
from tradingd.core.facts import Filled
from tradingd.core.types import Instrument, Symbol

D = Decimal
FIXED = Costs(spread_bps=0, fee_maximum_bps=100)


@pytest.mark.parametrize(
    ("shares", "price", "published"), [(100, 25.0, "1.00"), (1000, 25.0, "5.00"), (1000, 0.25, "2.50")]
)
def test_what_an_order_costs(shares: int, price: float, published: str, tmp_path: Path) -> None:
    """T2: the examples, through a whole run."""
    name = Symbol("X")
    run = play(
        tmp_path / "out", rules(capital="100000", cap=shares * price), dated, {"buys": ("2008-03-03",)},
        [Row("2008-03-03", price, price), Row("2008-03-04", price, price)], instrument=Instrument(symbol=name), costs=FIXED,
        history=before(name, "2008-03-03", price, ranges=price / 20),
    )  # fmt: skip
    [fill] = [fact for fact in run.facts if isinstance(fact, Filled)]
    assert (fill.qty, fill.price, fill.fee) == (shares, D(repr(price)), D(published))
    assert run.book.booked.cash == 100_000 - shares * D(repr(price)) - D(published)
