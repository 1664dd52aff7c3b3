"""The market of a world: a random walk for each instrument, what is true of it and what is published of it.

`truth` hears every real price and decides about fills; `out` is the feed, which may print nonsense, lie about the time or fall
silent while trading goes on. A feed that is stale or early is so for all instruments. Source: RELIABILITY table F.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from random import Random

import msgspec

from tests.sim.menu import Fault
from tests.sim.moments import closes_before
from tests.sim.plan import REST_S, Plan, stream
from tradingd.core.events import Bar, Quote
from tradingd.core.types import NS, Symbol

DAYS = 60  # of history
RANGE = 0.02  # of a day, share of the price
HALF_SPREAD = 0.0002
FLOOR, CEILING = 1.0, 5_000.0  # prices stay between
SOURCE = "sim"


class Listed:
    """One instrument. level: the real middle, float.   rng: of its walk only, so that faults do not shift it.   t: virtual second
    of its last real price.   bars: daily history, made when asked for."""

    def __init__(self, symbol: Symbol, rng: Random, level: float) -> None:
        self.symbol = symbol
        self.rng = rng
        self.level = level
        self.opened_at = level
        self.bid, self.ask, self.t = 0.0, 0.0, 0.0
        self.bars: list[Bar] | None = None
        self.ratio = 1.0  # of all splits so far

    def move(self, factor: float) -> None:
        self.level = min(CEILING, max(FLOOR, self.level * factor))
        half = max(0.01, self.level * HALF_SPREAD)
        self.bid = round(self.level - half, 2)
        self.ask = max(round(self.level + half, 2), round(self.bid + 0.01, 2))


class Market:
    """wall: the venue's clock, ns.   out: told each published quote.   truth: told (symbol, bid, ask) of each real price, first."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, plan: Plan, rng: Random, symbols: tuple[str, ...], wall: Callable[[], int],
        out: Callable[[Quote], None], truth: Callable[[str, float, float], None],
    ) -> None:  # fmt: skip
        self.loop = loop
        self.plan = plan
        self.wall = wall
        self.out = out
        self.truth = truth
        self.listed = {name: _listed(name, Random(rng.random())) for name in symbols}
        self.published = 0
        self.applied: dict[str, int] = {}
        self._bursts = Random(rng.random())
        self._until: dict[tuple[str, str], tuple[float, float]] = {}  # (kind, symbol or "") -> when it ends, value

    def start(self) -> None:
        """Every instrument has a real price at once; the first prints follow."""
        for each in self.listed.values():
            each.move(1.0)
            each.t = self.loop.time()
            self.truth(each.symbol, each.bid, each.ask)
            self.loop.call_later(each.rng.random() * self.plan.quote_s, self._tick, each)

    def last(self, symbol: str) -> tuple[float, float, float]:
        """Real bid, ask, and the virtual second they are of."""
        each = self.listed[symbol]
        return each.bid, each.ask, each.t

    def bars(self, symbol: str, n: int) -> list[Bar]:
        """The last n (at most DAYS) daily bars before the world, oldest first, in shares of today."""
        each = self.listed[symbol]
        if each.bars is None:
            each.bars = _history(each, stream(self.plan, f"bars:{symbol}"), self.plan.start)
        return each.bars[-n:] if n > 0 else []

    # prices -----------------------------------------------------------------------------------------------------------

    def _tick(self, each: Listed) -> None:
        pause = min(4.0 * self.plan.quote_s, max(0.02, each.rng.expovariate(1.0 / self.plan.quote_s)))
        step = each.rng.gauss(0.0, self.plan.volatility)
        self._walk(each, step if self.loop.time() < self.plan.seconds - REST_S else 0.0)
        self.loop.call_later(pause, self._tick, each)

    def _walk(self, each: Listed, step: float) -> None:
        drift = self._now("market.trend", each.symbol) or 0.0
        each.move(math.exp(step + drift))
        each.t = self.loop.time()
        self.truth(each.symbol, each.bid, each.ask)
        self._print(each)

    def _print(self, each: Listed) -> None:
        """What the feed makes of the real price."""
        if self._now("market.silent", each.symbol) is not None:
            return
        bid, ask = each.bid, each.ask
        if self._now("market.crossed", each.symbol) is not None:
            bid, ask = ask, bid
        if self._now("market.zero", each.symbol) is not None:
            bid = 0.0
        if self._now("market.nan", each.symbol) is not None:
            ask = math.nan
        self._publish(each, bid, ask)

    def _publish(self, each: Listed, bid: float, ask: float) -> None:
        late = self._now("market.stale", each.symbol) or 0.0
        early = self._now("market.future", each.symbol) or 0.0
        self.published += 1
        ts = self.wall() + round((early - late) * NS)
        self.out(Quote(each.symbol, bid, ask, ts, bid_size=100.0, ask_size=100.0, seq=self.published, source=SOURCE))

    def _now(self, kind: str, symbol: str) -> float | None:
        """The value of that fault if it lies on the symbol now."""
        if not self._until:
            return None
        found = self._until.get((kind, symbol)) or self._until.get((kind, ""))
        return found[1] if found is not None and self.loop.time() < found[0] else None

    # faults -----------------------------------------------------------------------------------------------------------

    def apply(self, fault: Fault) -> None:
        """One of the market's faults. Raises ValueError for a kind it does not know."""
        self.applied[fault.kind] = self.applied.get(fault.kind, 0) + 1
        if fault.kind == "market.jump":
            self.listed[fault.target].move(fault.value)
            self._walk(self.listed[fault.target], 0.0)
        elif fault.kind == "market.spike":
            each = self.listed[fault.target]
            self._publish(each, round(each.bid * fault.value, 2), round(each.ask * fault.value, 2))
        elif fault.kind in LASTING:
            self._until[(fault.kind, fault.target)] = (self.loop.time() + fault.for_s, fault.value)
            if fault.kind == "market.burst":
                self._burst()
        else:
            raise ValueError(f"no fault of the market: {fault.kind}")

    def split(self, symbol: str, ratio: int) -> None:
        """The venue split its shares, ratio new ones for one: the price is divided, history too; the next print shows it."""
        each = self.listed[symbol]
        each.move(1.0 / ratio)
        each.ratio *= ratio
        each.bars = None
        each.t = self.loop.time()
        self.truth(each.symbol, each.bid, each.ask)

    def heal(self) -> None:
        """The feed tells the truth again, in its usual rhythm. Prices stay where they went."""
        self._until.clear()

    def _burst(self) -> None:
        """Many quotes of moves so small that they sum up to little, round the instruments in turn."""
        rate = self._now("market.burst", "")
        if rate is None:
            return
        self._walk(self._bursts.choice(list(self.listed.values())), self._bursts.gauss(0.0, self.plan.volatility * 0.1))
        self.loop.call_later(1.0 / rate, self._burst)


LASTING = frozenset({
    "market.crossed", "market.zero", "market.nan", "market.silent", "market.stale", "market.future", "market.burst", "market.trend",
})  # fmt: skip


def _listed(name: str, rng: Random) -> Listed:
    return Listed(Symbol(name), rng, round(math.exp(rng.uniform(math.log(20.0), math.log(200.0))), 2))


def _history(each: Listed, rng: Random, start: int) -> list[Bar]:
    """Backwards from the price the world begins at; each day spans about RANGE."""
    found, close = [], each.opened_at * math.exp(rng.gauss(0.0, 0.002))
    for ts in closes_before(start, DAYS):
        span, at = RANGE * rng.uniform(0.8, 1.2), rng.uniform(0.2, 0.8)
        low = close * (1.0 - span * at)
        high = low * (1.0 + span)
        opened = low + (high - low) * rng.uniform(0.2, 0.8)
        bar = Bar(
            ts=ts, symbol=each.symbol, span_s=86_400, open=opened, high=high, low=low, close=close, volume=1e6, history=True
        )  # fmt: skip
        found.append(_divided(bar, each.ratio))
        close = opened * math.exp(rng.gauss(0.0, 0.001))
    return found[::-1]


def _divided(bar: Bar, ratio: float) -> Bar:
    prices = {name: round(getattr(bar, name) / ratio, 4) for name in ("open", "high", "low", "close")}
    return msgspec.structs.replace(bar, **prices, volume=bar.volume * ratio)
