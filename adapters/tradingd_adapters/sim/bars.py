"""Bars of a session out of finer data: prints, quotes' middles, shorter bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tradingd.core.events import Bar
from tradingd.core.gates.window import Session
from tradingd.core.types import NS, Symbol

DAY_S = 86_400
FAR = 2**63 - 1
Prices = tuple[float, float, float, float]  # open, high, low, close
DAILY_AFTER_NS = NS  # a day's bar is published that long after the close


class Builder:
    """Builds bars of one symbol and span, counted from the session's open; the last one of a session ends with it.

    span_s: DAY_S for one bar a session.   late: how long after it happened something may be read, ns: bars are, at their end.
    """

    __slots__ = ("_bar", "_end", "_late", "_session", "span_s", "symbol")

    def __init__(self, symbol: Symbol, span_s: int, late: int = 0) -> None:
        self.symbol = symbol
        self.span_s = span_s
        self._late = late
        self._session: Session | None = None
        self._bar: list[float] | None = None  # open, high, low, close, volume
        self._end = 0

    def add(self, session: Session, ts: int, ohlc: Prices, volume: float) -> bool:
        """What was seen at ts, within the session; did it begin a bar? What was over by then must have been taken."""
        if self._bar is None:
            self._session, self._end = session, self._end_of(session, ts)
            self._bar = [*ohlc, volume]
            return True
        bar = self._bar
        bar[1] = max(bar[1], ohlc[1])
        bar[2] = min(bar[2], ohlc[2])
        bar[3] = ohlc[3]
        bar[4] += volume
        return False

    def pour(self, volumes: Sequence[float]) -> None:
        """More that was traded in it, in order."""
        assert self._bar is not None
        for volume in volumes:
            self._bar[4] += volume

    def due(self) -> int:
        """Nothing that is read from then on belongs to the bar that is being built, ns; FAR when there is none."""
        over = self.over()
        return over if over == FAR else over + self._late

    def over(self) -> int:
        """From when on what is seen does not belong to it, ns; FAR when there is none. What is seen at the close does."""
        if self._bar is None or self._session is None:
            return FAR
        return self._end + 1 if self._end == self._session.close_ns else self._end

    def take(self) -> tuple[int, Bar]:
        """(when it is published, the bar), and begin anew."""
        assert self._bar is not None
        (opens, high, low, close, volume), self._bar = self._bar, None
        late = DAILY_AFTER_NS if self.span_s == DAY_S else 0
        return self._end + late, Bar(
            ts=self._end,
            symbol=self.symbol,
            span_s=self.span_s,
            open=opens,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )

    def _end_of(self, session: Session, ts: int) -> int:
        if self.span_s == DAY_S:
            return session.close_ns
        span = self.span_s * NS
        end = session.open_ns + ((ts - session.open_ns) // span + 1) * span
        return min(end, session.close_ns)


class Builders:
    """Of all symbols. build: the spans wanted of each.   late: how long after it happened something of a symbol may still be read,
    ns.   put: told when a bar is published, and the bar.   due: no bar that is being built is over before."""

    def __init__(
        self, build: Mapping[Symbol, Sequence[int]], late: Mapping[Symbol, int], put: Callable[[int, Bar], None]
    ) -> None:
        self.due = FAR
        self._put = put
        self._of = {
            symbol: [Builder(symbol, span, late.get(symbol, 0)) for span in spans] for symbol, spans in build.items()
        }

    def add(self, symbol: Symbol, session: Session, ts: int, ohlc: Prices, volume: float) -> None:
        """What was seen of a symbol at ts, within the session."""
        for builder in self._of[symbol]:
            if builder.over() <= ts:  # of a path, whose end was known before its middle
                self._put(*builder.take())
            if builder.add(session, ts, ohlc, volume):
                self.due = min(self.due, builder.due())

    def pour(self, symbol: Symbol, volumes: Sequence[float]) -> None:
        """What was traded besides in the bars that are being built of a symbol, one by one: sums of floats depend on the order."""
        for builder in self._of[symbol] if volumes else ():
            builder.pour(volumes)

    def close(self, ts: int | None) -> None:
        """Publish what is over by ts; all, when the data is over (None)."""
        self.due = FAR
        for builders in self._of.values():
            for builder in builders:
                due = builder.due()
                if due < FAR and (ts is None or due <= ts):
                    self._put(*builder.take())
                else:
                    self.due = min(self.due, due)


def adjusted(bar: Bar, ratio: float) -> Bar:
    """A bar of the past in the units of after a split, marked `history`. ratio: new shares for one old."""
    return Bar(
        ts=bar.ts, symbol=bar.symbol, span_s=bar.span_s, open=bar.open / ratio, high=bar.high / ratio, low=bar.low / ratio,
        close=bar.close / ratio, volume=bar.volume * ratio, history=True,
    )  # fmt: skip
