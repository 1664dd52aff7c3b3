"""The market of a world: real prices reach the venue always, the feed says what the fault makes of them."""

import asyncio
import math
from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from tests.sim.loop import SimLoop, run
from tests.sim.market import Market
from tests.sim.plan import Fault, Plan, draw, names, stream
from tradingd.core.book.market import Market as Observed
from tradingd.core.events import Quote
from tradingd.core.types import NS, Instrument, Symbol

PLAN = msgspec.structs.replace(draw(3), symbols=2, quote_s=1.0, volatility=0.002, faults=())
AAA = "AAA"


class Street:
    """A market alone for some seconds. true: (second, symbol, bid, ask).   seen: (second, quote)."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.loop = SimLoop(None)
        self.plan = plan
        self.true: list[tuple[float, str, float, float]] = []
        self.seen: list[tuple[float, Quote]] = []
        self.market = Market(
            self.loop, plan, stream(plan, "market"), names(plan), self.wall, self._out, self._truth,
        )  # fmt: skip

    def wall(self) -> int:
        return self.plan.start + round(self.loop.time() * NS)

    def _out(self, quote: Quote) -> None:
        self.seen.append((self.loop.time(), quote))

    def _truth(self, symbol: str, bid: float, ask: float) -> None:
        self.true.append((self.loop.time(), symbol, bid, ask))

    def live(self, *faults: Fault, seconds: float = 40.0) -> "Street":
        async def main() -> None:
            self.market.start()
            for fault in faults:
                self.loop.call_at(fault.at, self.market.apply, fault)
            await asyncio.sleep(seconds)

        run(self.loop, main())
        return self

    def quotes(self, a: float, b: float, symbol: str = AAA) -> list[Quote]:
        return [quote for t, quote in self.seen if a < t < b and quote.symbol == symbol]


def test_prices_are_whole_cents_and_quotes_are_as_often_as_asked():
    street = Street().live(seconds=80.0)
    per_symbol = Counter(quote.symbol for _, quote in street.seen)
    assert all(50 < per_symbol[symbol] < 125 for symbol in names(PLAN))
    for _, quote in street.seen:
        assert 0 < quote.bid < quote.ask
        assert quote.bid == round(quote.bid, 2)
        assert quote.ask == round(quote.ask, 2)
    assert [q.seq for _, q in street.seen] == list(range(1, len(street.seen) + 1))


def test_the_same_plan_makes_the_same_street():
    a, b = Street().live(), Street().live()
    assert a.true == b.true
    assert Street(msgspec.structs.replace(PLAN, seed=4)).live().true != a.true


def test_a_fault_of_the_feed_leaves_the_truth_as_it_was():
    calm = Street().live().true
    for kind in ("crossed", "zero", "nan", "silent", "stale", "future"):
        assert Street().live(Fault(f"market.{kind}", 10.0, 10.0, 5.0)).true == calm, kind
    assert Street().live(Fault("market.spike", 10.0, value=2.0, target=AAA)).true == calm


@pytest.mark.parametrize(
    ("kind", "is_so"),
    [
        ("crossed", lambda q, _t: q.bid > q.ask),
        ("zero", lambda q, _t: q.bid == 0.0),
        ("nan", lambda q, _t: math.isnan(q.ask)),
        ("stale", lambda q, t: q.ts == t - 5 * NS),
        ("future", lambda q, t: q.ts == t + 5 * NS),
    ],
)
def test_a_feed_that_lies_does_so_for_its_time_only(kind, is_so):
    street = Street().live(Fault(f"market.{kind}", 10.0, 10.0, 5.0))
    told = [(t, is_so(quote, PLAN.start + round(t * NS))) for t, quote in street.seen]
    assert len([1 for t, so in told if so]) > 5
    assert all(so is (10.0 < t < 20.0) for t, so in told)


def test_silence_is_of_one_symbol_or_of_all():
    street = Street().live(Fault("market.silent", 10.0, 10.0, target=AAA))
    assert not street.quotes(10.0, 20.0)
    assert street.quotes(10.0, 20.0, "BBB")
    assert street.quotes(20.0, 40.0)
    street = Street().live(Fault("market.silent", 10.0, 10.0))
    assert not [t for t, _ in street.seen if 10.0 < t < 20.0]


def test_a_jump_stays_and_a_spike_is_one_print():
    street = Street().live(Fault("market.jump", 20.0, value=2.0, target=AAA))
    before, after = street.quotes(0.0, 20.0)[-1], street.quotes(20.0, 40.0)
    assert all(1.9 < quote.bid / before.bid < 2.1 for quote in after)
    street = Street().live(Fault("market.spike", 20.0, value=2.0, target=AAA))
    mids = [quote.bid for quote in street.quotes(0.0, 40.0)]
    assert len([1 for a, b in pairwise(mids) if b / a > 1.9]) == len([1 for a, b in pairwise(mids) if a / b > 1.9]) == 1


def test_a_trend_drifts_and_a_burst_is_many_quotes():
    calm = Street().live().market.last(AAA)[0]
    falling = Street().live(Fault("market.trend", 5.0, 20.0, -0.005, AAA)).market.last(AAA)[0]
    assert falling < 0.96 * calm
    burst = Street().live(Fault("market.burst", 10.0, 2.0, 50.0))
    assert 80 < len([1 for t, _ in burst.seen if 10.0 < t < 12.0]) < 130


def test_healing_ends_everything():
    street = Street()
    street.loop.call_at(15.0, street.market.heal)
    street.live(
        Fault("market.silent", 10.0, 20.0), Fault("market.burst", 10.0, 20.0, 50.0), Fault("market.nan", 12.0, 20.0)
    )
    assert all(quote.bid < quote.ask for _, quote in street.seen)
    assert 10 < len([1 for t, _ in street.seen if 15.0 < t < 25.0]) < 40


def test_a_split_divides_price_and_history():
    street = Street()
    bars = street.market.bars(AAA, 20)
    street.loop.call_at(20.0, street.market.split, AAA, 2)
    street.live()
    before, after = street.quotes(0.0, 20.0)[-1], street.quotes(20.0, 40.0)[0]
    assert 0.48 < after.bid / before.bid < 0.52
    assert [round(bar.close * 2, 2) for bar in street.market.bars(AAA, 20)] == [round(bar.close, 2) for bar in bars]


def test_history_ends_before_the_world_near_its_price_with_a_range_of_two_percent():
    for seed in range(30):
        street = Street(msgspec.structs.replace(draw(seed), symbols=1))
        bars = street.market.bars(AAA, 40)
        assert len(bars) == 40
        assert all(a.ts < b.ts for a, b in pairwise(bars))
        assert bars[-1].ts < street.plan.start
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
        street.live(seconds=1.0)
        bid = street.market.last(AAA)[0]
        assert abs(bars[-1].close / bid - 1.0) < 0.05
        seen = Observed(Instrument(symbol=Symbol(AAA)))
        for bar in bars:
            seen.learn(bar)
        assert seen.atr is not None
        assert 0.015 < seen.atr / bid < 0.03


def test_a_fault_of_somebody_else_is_refused():
    with pytest.raises(ValueError, match="no fault of the market"):
        Street().market.apply(Fault("market.holiday", 1.0))
