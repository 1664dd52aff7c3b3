"""Trades on the market's candles: a chart a symbol and calendar year in which it was traded.

Only what can be looked at is drawn: the SYMBOLS traded most, at most CHARTS charts and MARKS signs in each; the page says what was
left out. Prices before a split inside a chart are shown as of after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from tradingd.core.types import Symbol
from tradingd.lab.results.figures import ACTIONS, BARS, FILLS
from tradingd.lab.results.page.html import Html, panel, price, tag
from tradingd.lab.results.page.svg import WIDE, Scale, across, chart, mark, scale
from tradingd.lab.results.rows import Action, Candle, Execution, rows

SYMBOLS = 12
CHARTS = 40
MARKS = 400
R = TypeVar("R", Candle, Execution)
_WORDS = {"entry": "entered", "exit": "closed", "stop": "stopped out", "": "foreign"}


class Sign(msgspec.Struct):
    """The executions of one order in one bar. spent: quantity times price."""

    side: str
    leg: str
    utc: str
    qty: float = 0.0
    spent: float = 0.0


def candles(directory: Path) -> Html:
    """Empty words when nothing was traded or no daily bar was seen."""
    traded = Counter(fill.symbol for fill in rows(directory, FILLS, Execution))
    chosen = {symbol for symbol, _ in traded.most_common(SYMBOLS)}
    bars = _by_year(candle for candle in rows(directory, BARS, Candle) if candle.symbol in chosen)
    fills = _by_year(fill for fill in rows(directory, FILLS, Execution) if fill.symbol in chosen)
    splits = [action for action in rows(directory, ACTIONS, Action) if action.kind == "split"]
    keys = sorted((key for key in fills if key in bars), key=lambda key: (key[0], key[1]))
    if not keys:
        words = "Nothing was traded." if not traded else "No daily bar was seen of what was traded."
        return panel("Trades on the chart", tag("p", words, class_="empty"), name="candles")
    parts: list[Html] = []
    for symbol in dict.fromkeys(symbol for symbol, _ in keys[:CHARTS]):
        mine = [split for split in splits if split.symbol == symbol]
        charts = [
            _drawn(f"{symbol} {year}", bars[symbol, year], fills[symbol, year], mine)
            for name, year in keys[:CHARTS]
            if name == symbol
        ]
        summary = tag("summary", f"{symbol}: {traded[symbol]:,} fills")
        parts.append(tag("details", summary, *charts, open="" if parts else "open"))
    left = len(traded) - len({symbol for symbol, _ in keys[:CHARTS]})
    note = f"{left:,} more symbols were traded; fills.csv has them all." if left > 0 else ""
    legend = "\u25b2 bought, \u25bc sold: blue to enter, violet to close, red by a stop."
    return panel("Trades on the chart", tag("p", f"{legend} {note}".strip(), class_="dim"), *parts, name="candles")


def _by_year(found: Iterable[R]) -> dict[tuple[Symbol, str], list[R]]:
    grouped: dict[tuple[Symbol, str], list[R]] = {}
    for one in found:
        grouped.setdefault((one.symbol, one.utc[:4]), []).append(one)
    return grouped


def _drawn(name: str, bars: Sequence[Candle], fills: Sequence[Execution], splits: Sequence[Action]) -> Html:
    n, times = len(bars), [bar.ts for bar in bars]
    now = [_as_now(bar, splits, times[-1]) for bar in bars]
    signs = _signs(fills, times, splits)
    scaled = scale([value for bar in now for value in (bar.low, bar.high)], 240)
    marks = [_mark(at, sign, now, scaled) for at, sign in signs[:MARKS]]
    more = f" (the first {MARKS} of {len(signs):,} signs)" if len(signs) > MARKS else ""
    tips = [
        (
            i,
            f"{bar.utc[:10]}   open {price(bar.open)}   high {price(bar.high)}   low {price(bar.low)}   close {price(bar.close)}",
        )
        for i, bar in enumerate(now)
    ]
    return chart(
        name + more, scaled, _bodies(now, scaled, n), [bar.utc[:10] for bar in bars], said=price, marks=marks, tips=tips,
    )  # fmt: skip


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


def _signs(fills: Sequence[Execution], times: Sequence[int], splits: Sequence[Action]) -> list[tuple[int, Sign]]:
    """One an order and bar, in order."""
    found: dict[tuple[int, str], Sign] = {}
    for fill in fills:
        at = min(bisect_left(times, fill.ts), len(times) - 1)
        by = _factor(fill.ts, splits, times[-1])
        sign = found.setdefault((at, fill.order_id or fill.exec_id), Sign(fill.side, fill.leg, fill.utc))
        sign.qty += float(fill.qty) * by
        sign.spent += float(fill.qty) * float(fill.price)
    return [(at, sign) for (at, _), sign in found.items()]


def _mark(at: int, sign: Sign, bars: Sequence[Candle], scaled: Scale) -> Html:
    y = scaled.y(bars[at].low) + 3 if sign.side == "buy" else scaled.y(bars[at].high) - 3
    words = (
        f"{sign.utc[:16]} {_WORDS.get(sign.leg, sign.leg)}: {sign.side} {sign.qty:g} at {price(sign.spent / sign.qty)}"
    )
    return mark("buy" if sign.side == "buy" else "sell", across(at, len(bars)), round(y, 1), words, sign.leg)
