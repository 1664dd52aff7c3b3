"""What one account observes of one instrument: last good quote, lines inside which a quote cannot matter, daily range.

This is the observed side: floats, never journaled, learned again after a restart. `lo`/`hi` are the band in which the next
quote is believed; `low_line`/`high_line` are the nearest prices at which a stop, target, trailing trigger or position-loss limit
could act. A quote inside both changes nothing but the mark. Source: B7, E4, ARCHITECTURE "exact skipping".
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import fsum, inf
from sys import maxsize

from tradingd.core.events import Bar, Quote
from tradingd.core.facts import StopSet
from tradingd.core.types import Instrument, Side

DAY_S = 86_400
PRICE_MAX = (
    1e12  # while no price is known at all anything below is believed; the middle of two such prices is a number still
)


# what stop, target and trail were measured by when they were drawn (fact, side, settings), and their lines
Drawn = tuple[StopSet, Side, object, tuple[float, float]]


class Market:
    """Slotted, mutable, one per (account, instrument). exposure: signed quantity x multiplier x fx rate, account value of one
    price point; 0.0 when flat."""

    __slots__ = (
        "_atr_n",
        "ask",
        "atr",
        "band",
        "bars",
        "bid",
        "breached_ts",
        "drawn",
        "exposure",
        "hi",
        "high_line",
        "instrument",
        "lo",
        "low_line",
        "mid",
        "prev_close",
        "quarantined",
        "quotes",
        "recv_ts",
        "seq",
        "suspect_after",
        "suspect_mid",
        "suspects",
        "swings",
        "ts",
    )  # fmt: skip

    def __init__(self, instrument: Instrument, *, band: float = 0.25, atr_bars: int = 14) -> None:
        self.instrument = instrument
        self.band = band
        self.bid = 0.0
        self.ask = 0.0
        self.mid = 0.0
        self.ts = 0
        self.recv_ts = 0  # when that quote reached us, 0 when nobody noted it
        self.seq = 0
        self.lo = 0.0
        self.hi = PRICE_MAX
        self.low_line = -inf
        self.high_line = inf
        self.exposure = 0.0
        self.quotes = 0
        self.quarantined: dict[str, int] = {}
        self.suspects = 0
        self.suspect_mid = 0.0
        self.suspect_after = (0, 0)
        self.breached_ts = 0
        self.drawn: Drawn | None = None
        self.swings: deque[tuple[int, float]] = deque()  # (ts, mid) of the last minutes while held (E12)
        self.bars: deque[Bar] = deque(maxlen=128)
        self.atr: float | None = None
        self.prev_close: float | None = None
        self._atr_n = atr_bars

    def learn(self, bar: Bar) -> None:
        """Take one closed daily bar: Wilder's ATR, seeded by the mean of the first n true ranges (as TA-Lib)."""
        if bar.span_s != DAY_S or not 0.0 < bar.low <= bar.high < inf:
            return
        true_range = bar.high - bar.low
        if self.prev_close is not None:
            true_range = max(true_range, abs(bar.high - self.prev_close), abs(bar.low - self.prev_close))
        self.prev_close = bar.close
        self.expect(bar.close)
        self.bars.append(bar)
        if self.atr is not None:
            self.atr = (self.atr * (self._atr_n - 1) + true_range) / self._atr_n
        elif len(self.bars) > self._atr_n:
            self.atr = self._seed()

    def expect(self, price: float) -> None:
        """Before the first quote: what is known of the price, so that a first print from nowhere needs confirmation as any jump."""
        if not self.mid and 0.0 < price < PRICE_MAX:
            self.lo, self.hi = price * (1.0 - self.band), price * (1.0 + self.band)

    def _seed(self) -> float:
        bars = list(self.bars)[-self._atr_n - 1 :]
        ranges = (
            max(bar.high - bar.low, abs(bar.high - before.close), abs(bar.low - before.close))
            for before, bar in pairwise(bars)
        )
        return fsum(ranges) / self._atr_n

    def rescale(self, ratio: float, at: int = maxsize) -> None:
        """A split: every price observed until `at` (ns) is divided by ratio (new shares for one old). Later ones are new prices."""
        if self.ts <= at:
            for name in ("bid", "ask", "mid", "lo", "hi", "suspect_mid"):
                setattr(self, name, getattr(self, name) / ratio)
        self.swings = deque((ts, mid / ratio if ts <= at else mid) for ts, mid in self.swings)
        bars = [_split(bar, ratio) if bar.ts <= at else bar for bar in self.bars]
        if bars and bars[-1].ts > at:  # ranges of both kinds: learned anew
            self.bars.clear()
            self.atr = self.prev_close = None
            for bar in bars:
                self.learn(bar)
        else:
            self.bars = deque(bars, maxlen=self.bars.maxlen)
            self.atr = None if self.atr is None else self.atr / ratio
            self.prev_close = None if self.prev_close is None else self.prev_close / ratio

    def doubt(self, quote: Quote, confirmations: int) -> str | None:
        """Why this quote is not believed, or None when it is a real move: `confirmations` quotes in a row that agree with each
        other, outside the band, are a new level (F4). Everything else is counted and thrown away (B7)."""
        kind = self._kind(quote)
        if kind == "absurd":
            mid = (quote.bid + quote.ask) * 0.5
            in_row = self.suspects and self.suspect_after == (self.ts, self.seq)  # no good quote came in between
            near = in_row and abs(mid - self.suspect_mid) <= 0.05 * self.suspect_mid
            self.suspects = self.suspects + 1 if near else 1
            self.suspect_mid = mid
            self.suspect_after = (self.ts, self.seq)
            if self.suspects >= confirmations:
                return None
        self.quarantined[kind] = self.quarantined.get(kind, 0) + 1
        return kind

    def _kind(self, quote: Quote) -> str:
        bid, ask = quote.bid, quote.ask
        if not (bid == bid and ask == ask and bid < inf and ask < inf):
            return "not_finite"
        if bid <= 0.0 or ask <= 0.0:
            return "not_positive"
        if bid > ask:
            return "crossed"
        if quote.ts < self.ts:
            return "out_of_order"
        if quote.ts == self.ts and quote.seq == self.seq:
            return "duplicate"
        return "absurd"


def _split(bar: Bar, ratio: float) -> Bar:
    return Bar(
        ts=bar.ts, symbol=bar.symbol, span_s=bar.span_s, open=bar.open / ratio, high=bar.high / ratio, low=bar.low / ratio,
        close=bar.close / ratio, volume=bar.volume * ratio, history=bar.history,
    )  # fmt: skip
