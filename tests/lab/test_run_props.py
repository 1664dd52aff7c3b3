"""House and run over the same market, whatever the delays, the rhythm, the slippage and the days."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import date, timedelta
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lab.both import by_house, by_run
from tests.lab.test_run import market
from tradingd.demo.config import demo_config

MS = st.sampled_from([0, 1, 2, 40, 999, 5_000, 31_000])
EVERY_S = st.sampled_from([0.001, 0.5, 5.0, 60.0, 299.999, 300.0, 1800.0])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    begin=st.dates(date(2007, 1, 3), date(2012, 12, 1)), in_ms=MS, out_ms=MS, timer=EVERY_S, positions=EVERY_S, orders=EVERY_S,
    slippage=st.sampled_from([0, 3, 50]),
)  # fmt: skip
def test_the_facts_are_the_same_whatever_the_timing(
    begin: date, in_ms: int, out_ms: int, timer: float, positions: float, orders: float, slippage: int
) -> None:
    """T1: also where answers are late, comparisons meet orders on their way, and time passes rarely."""
    config = demo_config()
    house = msgspec.structs.replace(config.house, timer_s=timer, positions_s=positions, orders_s=orders)
    config = msgspec.structs.replace(config, house=house)
    end = begin + timedelta(days=6)
    venue = market(begin.isoformat(), end.isoformat(), in_ms=in_ms, out_ms=out_ms, slippage=slippage)
    with tempfile.TemporaryDirectory() as directory:
        theirs = asyncio.run(by_house(Path(directory), config, venue))
    assert by_run(config, venue) == theirs
