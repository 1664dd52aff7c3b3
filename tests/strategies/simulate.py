"""A small market and account for strategy tests: real daily bars, synthesised 30-minute bars, stops and targets.

It is no model of the house, only enough of a position for a strategy to live with: entries at the bar's close when confident
enough, a stop 2 ATRs below, a target 4 ATRs above. Sessions are taken as 14:30 to 21:00 UTC all year.
"""

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise

from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.indicators import Atr
from tradingd.core.signals.strategy import Loaded, Signal
from tradingd.core.types import NS, Symbol

DAY_NS = 86_400 * NS
HALF_HOUR_NS = 1_800 * NS
OPEN_NS = (14 * 60 + 30) * 60 * NS
CLOSE_NS = 21 * 3_600 * NS
SPLITS = {("AAPL", "2000-06-21"): 2.0, ("AAPL", "2005-02-28"): 2.0, ("MSFT", "2003-02-18"): 2.0}


class Look:
    """A View over plain dicts."""

    def __init__(self) -> None:
        self.ts = 0
        self.in_window = False
        self.held: dict[Symbol, float] = {}
        self.entries: dict[Symbol, float] = {}
        self.mids: dict[Symbol, float] = {}

    def qty(self, symbol: Symbol) -> float:
        return self.held.get(symbol, 0.0)

    def entry(self, symbol: Symbol) -> float | None:
        return self.entries.get(symbol)

    def mid(self, symbol: Symbol) -> float | None:
        return self.mids.get(symbol)


def midnight(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_NS


def daily(symbol: str, day: str, o: float, h: float, l: float, c: float, *, history: bool = False) -> Bar:  # noqa: E741
    return Bar(
        ts=midnight(day) + CLOSE_NS + NS,
        symbol=Symbol(symbol),
        span_s=86_400,
        open=o,
        high=h,
        low=l,
        close=c,
        history=history,
    )


def intraday(bar: Bar) -> Iterator[Bar]:
    """Thirteen bars from the open through both extremes to the close."""
    turns = (
        [bar.open, bar.low, bar.high, bar.close] if bar.close >= bar.open else [bar.open, bar.high, bar.low, bar.close]
    )
    points = [turns[0]]
    for steps, (a, b) in zip((4, 5, 4), pairwise(turns), strict=True):
        points += [a + (b - a) * (k + 1) / steps for k in range(steps)]
    start = bar.ts - NS - CLOSE_NS + OPEN_NS
    for k, (a, b) in enumerate(pairwise(points)):
        ts = start + (k + 1) * HALF_HOUR_NS
        yield Bar(ts=ts, symbol=bar.symbol, span_s=1_800, open=a, high=max(a, b), low=min(a, b), close=b)


def real_days(first: str, last: str) -> list[Bar]:
    """The demo's daily bars, in order of time, then as in the file."""
    packed = (files("tradingd_adapters.sim") / "data" / "us_equities_daily_wiki.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(packed).decode()))
    bars = [
        daily(r["ticker"], r["date"], *(float(r[k]) for k in ("open", "high", "low", "close")))
        for r in rows
        if first <= r["date"] <= last
    ]
    return sorted(bars, key=lambda b: b.ts)


def events(bars: list[Bar]) -> Iterator[Bar | Split]:
    """Splits before the open, half-hour bars of all symbols in step, then the daily bars."""
    by_day: dict[int, list[Bar]] = {}
    for bar in bars:
        by_day.setdefault(bar.ts, []).append(bar)
    for ts, today in by_day.items():
        day = (date(1970, 1, 1) + timedelta(days=ts // DAY_NS)).isoformat()
        for bar in today:
            if ratio := SPLITS.get((bar.symbol, day)):
                yield Split(ts=ts - CLOSE_NS, symbol=bar.symbol, ratio=ratio, action_id=f"{bar.symbol}-{day}")
        for step in zip(*(intraday(bar) for bar in today), strict=True):
            yield from step
        yield from today


class Account:
    """What was said, and a position that lives by it."""

    def __init__(self, strategies: list[Loaded], *, confidence_min: float = 0.65, shut: bool = False) -> None:
        self.strategies = strategies
        self.states = {s.name: s.initial() for s in strategies}
        self.confidence_min = confidence_min
        self.shut = shut  # the entry window never opens
        self.look = Look()
        self.said: list[tuple[str, int, Signal]] = []
        self.exits: list[tuple[int, str, str, float]] = []  # ts, symbol, why, profit in ATRs
        self._atr: defaultdict[Symbol, Atr] = defaultdict(Atr)
        self._risk: dict[Symbol, float] = {}

    def run(self, stream: Iterator[Bar | Split]) -> None:
        for event in stream:
            self.step(event)

    def step(self, event: Bar | Split) -> None:
        look = self.look
        look.ts = event.ts
        if isinstance(event, Bar):
            look.mids[event.symbol] = event.close
            minute = event.ts % DAY_NS
            look.in_window = not self.shut and OPEN_NS + HALF_HOUR_NS // 2 <= minute <= CLOSE_NS - HALF_HOUR_NS // 2
            if event.span_s == 86_400:
                self._atr[event.symbol].update(event.high, event.low, event.close)
            else:
                self._levels(event)
        else:
            self._atr[event.symbol].scale(1.0 / event.ratio)
            if event.symbol in look.held:
                look.entries[event.symbol] /= event.ratio
                self._risk[event.symbol] /= event.ratio
        for s in self.strategies:
            if s.wants(event):
                self.states[s.name], signals = s.decide(self.states[s.name], look, event)
                for signal in signals:
                    self.said.append((s.name, event.ts, signal))
                    self._fill(signal, event)

    def _levels(self, bar: Bar) -> None:
        if self.look.qty(bar.symbol) > 0:
            gain = (bar.close - self.look.entries[bar.symbol]) / self._risk[bar.symbol]
            if gain <= -2.0 or gain >= 4.0:
                self._leave(bar, "stop" if gain < 0 else "target")

    def _fill(self, signal: Signal, event: Bar | Split) -> None:
        assert isinstance(event, Bar)
        if signal.action is Action.SELL:
            self._leave(event, "signal")
        elif signal.confidence >= self.confidence_min and self.look.qty(signal.symbol) == 0:
            self.look.held[signal.symbol] = 100.0
            self.look.entries[signal.symbol] = event.close
            self._risk[signal.symbol] = self._atr[signal.symbol].value or 1.0

    def _leave(self, bar: Bar, why: str) -> None:
        gain = (bar.close - self.look.entries.pop(bar.symbol)) / self._risk[bar.symbol]
        del self.look.held[bar.symbol]
        self.exits.append((bar.ts, bar.symbol, why, gain))
