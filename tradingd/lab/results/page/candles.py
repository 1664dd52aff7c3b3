"""Trades on the market's candles: a chart a symbol and calendar year in which it was traded.

Only what can be looked at is drawn: the SYMBOLS traded most, at most CHARTS charts and MARKS signs in each; the page says what was
left out. Prices before a split inside a chart are shown as of after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tradingd.core.types import Symbol
from tradingd.lab.results.figures import ACTIONS, BARS, FILLS
from tradingd.lab.results.page.html import Html, panel, price, tag
from tradingd.lab.results.page.svg import WIDE, Scale, across, chart, mark, scale
from tradingd.lab.results.rows import Action, Candle, Execution, rows

SYMBOLS = 12
CHARTS = 40
MARKS = 400
_WORDS = {"entry": "entered", "exit": "closed", "stop": "stopped out", "": "foreign"}
Key = tuple[Symbol, str]  # symbol, year


class Sign(msgspec.Struct):
    """The executions of one order in one bar. spent: quantity times price."""

    side: str
    leg: str
    utc: str
    qty: float = 0.0
    spent: float = 0.0


class Drawing:
    """One chart while it is gathered: bars first, then fills."""

    def __init__(self, splits: Sequence[Action]) -> None:
        self.splits = splits
        self.bars: list[Candle] = []
        self.times: list[int] = []
        self.signs: dict[tuple[int, str], Sign] = {}
        self.left_out = 0

    def take_bar(self, bar: Candle) -> None:
        self.bars.append(bar)
        self.times.append(bar.ts)

    def take_fill(self, fill: Execution) -> None:
        """One sign an order and bar; the first MARKS of them."""
        key = (min(bisect_left(self.times, fill.ts), len(self.times) - 1), fill.order_id or fill.exec_id)
        if key not in self.signs and len(self.signs) >= MARKS:
            self.left_out += 1
            return
        sign = self.signs.setdefault(key, Sign(fill.side, fill.leg, fill.utc))
        sign.qty += float(fill.qty) * _factor(fill.ts, self.splits, self.times[-1])
        sign.spent += float(fill.qty) * float(fill.price)

    def drawn(self, name: str) -> Html:
        now = [_as_now(bar, self.splits, self.times[-1]) for bar in self.bars]
        scaled = scale([value for bar in now for value in (bar.low, bar.high)], 240)
        more = f" (the first {MARKS} signs; {self.left_out:,} more fills are not drawn)" if self.left_out else ""
        tips = [(i, _words(bar)) for i, bar in enumerate(now)]
        return chart(
            name + more, scaled, _bodies(now, scaled, len(now)), [bar.utc[:10] for bar in now], said=price, tips=tips,
            marks=[_mark(at, sign, now, scaled) for (at, _), sign in self.signs.items()],
        )  # fmt: skip


def candles(directory: Path) -> Html:
    """Words instead when nothing was traded or no daily bar was seen. Memory is that of what is drawn."""
    traded: Counter[Symbol] = Counter()
    years: set[Key] = set()
    for fill in rows(directory, FILLS, Execution):
        traded[fill.symbol] += 1
        years.add((fill.symbol, fill.utc[:4]))
    most = [symbol for symbol, _ in traded.most_common(SYMBOLS)]
    drawings = _drawings(directory, {key for key in years if key[0] in most})
    if not drawings:
        words = "Nothing was traded." if not traded else "No daily bar was seen of what was traded."
        return panel("Trades on the chart", tag("p", words, class_="empty"), name="candles")
    shown = [symbol for symbol in most if any(key[0] == symbol for key in drawings)]
    parts: list[Html] = []
    for symbol in shown:
        charts = [drawing.drawn(" ".join(key)) for key, drawing in drawings.items() if key[0] == symbol]
        summary = tag("summary", f"{symbol}: {traded[symbol]:,} fills")
        parts.append(tag("details", summary, *charts, open="" if parts else "open"))
    left = len(traded) - len(shown)
    note = f"{left:,} more symbols were traded; fills.csv has them all." if left else ""
    legend = "\u25b2 bought, \u25bc sold: blue to enter, violet to close, red by a stop."
    return panel("Trades on the chart", tag("p", f"{legend} {note}".strip(), class_="dim"), *parts, name="candles")


def _drawings(directory: Path, wanted: set[Key]) -> dict[Key, Drawing]:
    """By symbol and year, at most CHARTS of them: the latest years."""
    splits = [action for action in rows(directory, ACTIONS, Action) if action.kind == "split"]
    seen = {(bar.symbol, bar.utc[:4]) for bar in rows(directory, BARS, Candle)} & wanted
    chosen = sorted(sorted(sorted(seen), key=lambda key: key[1], reverse=True)[:CHARTS])
    drawings = {key: Drawing([split for split in splits if split.symbol == key[0]]) for key in chosen}
    for bar in rows(directory, BARS, Candle):
        if drawing := drawings.get((bar.symbol, bar.utc[:4])):
            drawing.take_bar(bar)
    for fill in rows(directory, FILLS, Execution):
        if drawing := drawings.get((fill.symbol, fill.utc[:4])):
            drawing.take_fill(fill)
    return drawings


def _words(bar: Candle) -> str:
    prices = (("open", bar.open), ("high", bar.high), ("low", bar.low), ("close", bar.close))
    return "   ".join([bar.utc[:10], *(f"{name} {price(value)}" for name, value in prices)])


def _as_now(bar: Candle, splits: Sequence[Action], end: int) -> Candle:
    by = _factor(bar.ts, splits, end)
    if by == 1.0:
        return bar
    return msgspec.structs.replace(bar, open=bar.open / by, high=bar.high / by, low=bar.low / by, close=bar.close / by)


def _factor(ts: int, splits: Sequence[Action], end: int) -> float:
    """New shares for one of that moment."""
    by = 1.0
    for split in splits:
        if ts < split.ts <= end:
            by *= float(split.amount)
    return by


def _bodies(bars: Sequence[Candle], scaled: Scale, n: int) -> list[Html]:
    """Two paths of wicks and two of bodies, whatever the number of bars."""
    half = WIDE / n * 0.32
    found = []
    for kind, chosen in (("up", True), ("down", False)):
        wicks, bodies = [], []
        for i, bar in enumerate(bars):
            if (bar.close >= bar.open) is chosen:
                x, top, low = (
                    across(i, n) * WIDE / 100,
                    scaled.y(max(bar.open, bar.close)),
                    scaled.y(min(bar.open, bar.close)),
                )
                wicks.append(f"M{x:.0f} {scaled.y(bar.high)}V{scaled.y(bar.low)}")
                bodies.append(f"M{x - half:.0f} {top}h{2 * half:.0f}v{max(low - top, 1):.1f}h{-2 * half:.0f}z")
        found += [
            tag("path", d="".join(wicks), class_=f"wick {kind}"),
            tag("path", d="".join(bodies), class_=f"body {kind}"),
        ]
    return found


def _mark(at: int, sign: Sign, bars: Sequence[Candle], scaled: Scale) -> Html:
    y = scaled.y(bars[at].low) + 3 if sign.side == "buy" else scaled.y(bars[at].high) - 3
    words = (
        f"{sign.utc[:16]} {_WORDS.get(sign.leg, sign.leg)}: {sign.side} {sign.qty:g} at {price(sign.spent / sign.qty)}"
    )
    return mark("buy" if sign.side == "buy" else "sell", across(at, len(bars)), round(y, 1), words, sign.leg)
