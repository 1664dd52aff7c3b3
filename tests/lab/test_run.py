"""A run of the lab and the house in lockstep, over the same market with the same rules: one by one the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.lab.both import ACCOUNT, Venue, by_house, by_run
from tradingd.config import Config
from tradingd.core.facts import (
    AnyFact,
    BreakerTripped,
    CashMoved,
    Decided,
    DriftFound,
    Filled,
    OrderIntended,
    OrderMoved,
    SplitApplied,
    TierChanged,
)  # fmt: skip
from tradingd.core.types import Money
from tradingd.demo.config import demo_config
from tradingd.lab.way_out import at_once
from tradingd_adapters.sim.carry import Carry
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings
from tradingd_adapters.sim.market import Market

MS = 1_000_000


def market(
    begin: str, end: str, *, in_ms: int = 2, out_ms: int = 2, slippage: int = 0, carry: Carry | None = None
) -> Venue:
    def venue(capital: Money) -> Exchange:
        settings = ExchangeSettings(
            latency_in_ns=in_ms * MS,
            latency_out_ns=out_ms * MS,
            floor=FloorSettings(slippage_bps=Decimal(slippage)),
            carry=carry or Carry(),
        )
        return Exchange(Market(start=begin, end=end), {ACCOUNT: capital}, settings=settings, keep=False)

    return venue


def observing(config: Config) -> Config:
    account = msgspec.structs.replace(config.accounts[ACCOUNT], mode="observe")
    return msgspec.structs.replace(config, accounts={ACCOUNT: account})


def often(config: Config) -> Config:
    """The rhythm of a live daemon: comparisons fall between an order, its fill and the word of it."""
    house = msgspec.structs.replace(config.house, timer_s=1.0, positions_s=0.001, orders_s=0.001)
    return msgspec.structs.replace(config, house=house)


def same(config: Config) -> Config:
    return config


@pytest.mark.parametrize(
    ("venue", "change"),
    [
        pytest.param(market("2003-02-03", "2003-02-28"), same, id="a split, a dividend, rebalancing"),
        pytest.param(market("2008-09-29", "2008-10-17"), same, id="a crash with breaker trips"),
        pytest.param(
            market("2008-01-14", "2008-01-25", in_ms=700, out_ms=900), often, id="slow, compared all the time"
        ),
        pytest.param(
            market("2008-01-14", "2008-01-25", in_ms=0, out_ms=0, slippage=5), same, id="no latency, slippage"
        ),
        pytest.param(
            market("2008-01-14", "2008-01-23", carry=Carry(credit_pct=Decimal(3))),
            same,
            id="interest over a long weekend",
        ),
        pytest.param(market("2008-01-14", "2008-01-18"), observing, id="only observing"),
    ],
)
async def test_the_facts_are_those_of_the_house(
    venue: Venue, change: Callable[[Config], Config], tmp_path: Path
) -> None:
    """T1: not one fact more, less, different, or elsewhere in the order."""
    config = change(demo_config())
    theirs, ours = await by_house(tmp_path, config, venue), by_run(config, venue)
    first = next((i for i, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]), None)
    assert first is None, (theirs[first], ours[first])
    assert len(theirs) == len(ours)


@pytest.fixture(scope="module")
def crash() -> list[AnyFact]:
    return by_run(demo_config(), market("2008-09-29", "2008-10-17"))


def test_what_is_compared_is_not_nothing(crash: list[AnyFact]) -> None:
    """T1: the spans above hold what could differ; equal lists of nothing would prove nothing."""
    kinds = Counter(type(fact) for fact in crash)
    assert all(kinds[kind] for kind in (Decided, OrderIntended, OrderMoved, Filled, BreakerTripped, TierChanged)), kinds
    assert kinds[DriftFound] == 0
    assert any(isinstance(fact, Decided) and fact.micro for fact in crash)
    month = by_run(demo_config(), market("2003-02-03", "2003-02-28"))
    assert any(isinstance(fact, SplitApplied) for fact in month)
    assert any(isinstance(fact, CashMoved) and fact.kind == "dividend" for fact in month)
    assert any(isinstance(fact, Decided) and fact.source == "rebalance" for fact in month)
    nights = by_run(demo_config(), market("2008-01-14", "2008-01-23", carry=Carry(credit_pct=Decimal(3))))
    paid = [fact.action_id for fact in nights if isinstance(fact, CashMoved) and fact.kind == "interest"]
    assert paid == [f"interest:2008-01-{day}" for day in (15, 16, 17, 18, 22, 23)]


def test_the_same_run_again_is_the_same(crash: list[AnyFact]) -> None:
    """T1: nothing of the first run stays behind for the second."""
    assert by_run(demo_config(), market("2008-09-29", "2008-10-17")) == crash


def test_slippage_and_latency_are_felt(crash: list[AnyFact]) -> None:
    """T2: each cost changes what is paid."""
    dear = by_run(demo_config(), market("2008-09-29", "2008-10-17", slippage=20))
    slow = by_run(demo_config(), market("2008-09-29", "2008-10-17", in_ms=5000))
    fills = [[(f.ts, f.price) for f in facts if isinstance(f, Filled)] for facts in (crash, dear, slow)]
    assert fills[0] != fills[1] != fills[2] != fills[0]


def test_a_coroutine_that_waits_is_refused() -> None:
    """T1: a wait would never end, for nobody else runs."""

    class Never:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield

    async def waits() -> None:
        await Never()

    with pytest.raises(AssertionError, match="waits"):
        at_once(waits())
