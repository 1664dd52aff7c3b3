"""One quote through `step()`: ten positions with stops and targets in ten markets, nothing fires. And its floor."""

import gc
import statistics
import time
from collections.abc import Callable

from bench.scene import HELD, Scene, quotes
from tradingd.core.events import Quote
from tradingd.core.pipeline import step

QUOTES = 200_000
REPEATS = 5
Row = tuple[str, float, str]


class Cell:
    """What the loop without a house keeps of one market."""

    __slots__ = ("ask", "bid", "exposure", "hi", "high_line", "lo", "low_line", "mid", "seq", "ts")


def floor_loop(cells: dict[str, Cell], stream: list[Quote], equity: float, loss_line: float) -> float:
    """The same comparisons and the same mark in one plain loop: what Python itself costs here."""
    crossed = 0
    for quote in stream:
        cell = cells.get(quote.symbol)
        if cell is None:
            continue
        bid, ask, ts = quote.bid, quote.ask, quote.ts
        if not (cell.lo < bid <= ask < cell.hi and ts > cell.ts):
            continue
        mid = (bid + ask) * 0.5
        equity += cell.exposure * (mid - cell.mid)
        cell.bid = bid
        cell.ask = ask
        cell.mid = mid
        cell.ts = ts
        cell.seq = quote.seq
        cell.lo = mid - mid * 0.25
        cell.hi = mid + mid * 0.25
        if bid <= cell.low_line or ask >= cell.high_line or equity < loss_line:
            crossed += 1
    assert not crossed
    return equity


def run(count: int = QUOTES, repeats: int = REPEATS) -> list[Row]:
    """CPU time of this process, medians of interleaved repeats, each on an account of its own."""
    house, plain, slow = [], [], []
    for _ in range(repeats):
        scene = Scene()
        stream = quotes(scene, count)
        gc.collect()
        gc.freeze()
        cells = {symbol: _cell(scene, symbol) for symbol in HELD}
        plain.append(count / _seconds(floor_loop, cells, stream, scene.book.equity, scene.book.loss_line))
        before = scene.book.quotes
        house.append(count / _seconds(_through, scene, stream))
        assert scene.book.quotes - before == count
        assert all(scene.book.markets[symbol].mid == cells[symbol].mid for symbol in HELD)
        slow.append(house[-1] / plain[-1])
        gc.unfreeze()
    return [
        ("quotes through step(), 10 positions, nothing fires", statistics.median(house), "quotes/s"),
        ("the same comparisons in a plain loop", statistics.median(plain), "quotes/s"),
        ("step() over the plain loop", statistics.median(slow), "ratio"),
    ]


def _through(scene: Scene, stream: list[Quote]) -> None:
    book, rules = scene.book, scene.rules
    for quote in stream:
        facts = step(book, quote, rules)
        if facts:
            raise AssertionError(facts)


def _cell(scene: Scene, symbol: str) -> Cell:
    cell = Cell()
    market = scene.book.markets[symbol]  # type: ignore[index]
    for name in Cell.__slots__:
        setattr(cell, name, getattr(market, name))
    assert market.exposure
    assert market.low_line > 0
    return cell


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    began = time.process_time_ns()
    work(*arguments)
    return (time.process_time_ns() - began) / 1e9
