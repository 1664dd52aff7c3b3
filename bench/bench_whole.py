"""One quote through `step()` with everything on, over one with ten plain positions.

Everything: twenty positions, ninety days of bars, micro-trading, both strategies, and the house's timer every five seconds of the
quotes' own time.
"""

import gc
import statistics
import time
from itertools import islice

from bench.scene import ALL_ON, SYMBOLS, Scene, quotes
from tradingd.core.events import Event, Timer
from tradingd.core.pipeline import step
from tradingd.core.types import NS

QUOTES = 200_000
REPEATS = 5
WARM = 1_000  # of them not timed
TIMER = 5 * NS
Row = tuple[str, float, str]


def whole() -> Scene:
    scene = Scene(config=ALL_ON, held=SYMBOLS, days=95, wobble=0.01)
    assert len(scene.book.held()) == len(SYMBOLS)
    assert all(scene.book.booked.levels[symbol].stop for symbol in SYMBOLS)
    return scene


def events(scene: Scene, count: int) -> list[Event]:
    """The quotes, with the timers between them where the house's clock would put them."""
    found: list[Event] = []
    due = scene.now + TIMER
    for quote in quotes(scene, count):
        if quote.ts >= due:
            found.append(Timer(ts=due))
            due += TIMER
        found.append(quote)
    return found


def run(count: int = QUOTES, repeats: int = REPEATS) -> list[Row]:
    """CPU time of this process, medians of interleaved repeats, each on an account of its own."""
    plain, full = [], []
    for _ in range(repeats):
        plain.append((count - WARM) / _seconds(Scene(), count))
        full.append((count - WARM) / _seconds(whole(), count))
    ratios = [a / b for a, b in zip(full, plain, strict=True)]
    return [
        ("quotes through step(), 20 positions, everything on", statistics.median(full), "quotes/s"),
        ("the same with 10 positions and the plain settings", statistics.median(plain), "quotes/s"),
        ("everything on over plain", statistics.median(ratios), "ratio"),
    ]


def _seconds(scene: Scene, count: int) -> float:
    stream = events(scene, count)
    book, rules = scene.book, scene.rules
    for event in islice(stream, WARM):
        step(book, event, rules)
    gc.collect()
    gc.freeze()
    began = time.process_time_ns()
    for event in stream[WARM:]:
        step(book, event, rules)
    spent = (time.process_time_ns() - began) / 1e9
    gc.unfreeze()
    assert len(book.held()) == len(scene.held), "a position went away: nothing may fire"
    return spent
