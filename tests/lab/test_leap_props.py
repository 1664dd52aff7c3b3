"""The law of exact skipping: sparse and dense runs come to the same, for any quotes."""

import dataclasses
from typing import Any

import msgspec
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.lab.columns import Asked, Ran, Random, ran, state_of
from tradingd.config import Config
from tradingd.core.types import NS
from tradingd.demo.config import demo_config

ASKED = st.builds(
    Asked,
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 2_500),
    wobble=st.sampled_from([0.0, 2e-5, 2e-4, 1e-3, 5e-3]),
    drift=st.sampled_from([0.0, 0.0, -2e-5, 2e-5, -4e-4, 4e-4, -2e-3, 2e-3]),
    gap=st.sampled_from([0, 1_000_000, 10_000_000, NS, 20 * NS]),
    odd=st.sampled_from([0, 0, 2, 20, 200]),
    ideas=st.booleans(),
    split=st.booleans(),
    orders=st.integers(0, 12),
    digits=st.sampled_from([2, 4]),
    multiplier=st.sampled_from([1, 1, 5]),
)


def config_of(timer: float, loss: float, compare: float) -> Config:
    config = demo_config()
    house = msgspec.structs.replace(config.house, timer_s=timer, positions_s=compare, orders_s=compare)
    breaker = _with(config.breaker, daily_loss=loss)
    return msgspec.structs.replace(config, house=house, breaker=breaker)


def _with(settings_: Any, **changes: Any) -> Any:
    if dataclasses.is_dataclass(settings_):
        return dataclasses.replace(settings_, **changes)  # type: ignore[type-var]
    return msgspec.structs.replace(settings_, **changes)


def both(asked: Asked, config: Config, latency: int) -> tuple[Ran, Ran]:
    dense, sparse = (ran(config, Random(asked), sparse=each, asked=asked, latency=latency) for each in (False, True))
    return dense, sparse


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=ASKED, timer=st.sampled_from([0.5, 5.0, 300.0, 7200.0]), loss=st.sampled_from([0.0002, 0.002, 0.03]),
    compare=st.sampled_from([1.0, 300.0]), latency=st.sampled_from([0, 2_000_000, 700_000_000]),
)  # fmt: skip
def test_what_is_passed_over_cannot_matter(
    asked: Asked, timer: float, loss: float, compare: float, latency: int
) -> None:
    """T1: not one fact, mark, top of book or count differs, and the venue traded the same at the same moments."""
    dense, sparse = both(asked, config_of(timer, loss, compare), latency)
    event(f"{10 * sparse.shown // dense.shown * 10} % shown")
    assert sparse.facts == dense.facts
    assert state_of(sparse) == state_of(dense)
    assert dense.shown == dense.quotes
