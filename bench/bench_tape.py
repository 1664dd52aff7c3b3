"""What the tape costs a quote: what the engine pays to be heard, and what the tape's thread then pays to pack it."""

import gc
import statistics
import time
from tempfile import TemporaryDirectory

from bench.scene import Scene, quotes
from tradingd.config.model import TicksSettings
from tradingd.core.events import Quote
from tradingd.core.pipeline import step
from tradingd.shell.env import RealClock, RealEnv
from tradingd.shell.ticks.reel import Reel
from tradingd.shell.ticks.tape import Tape

QUOTES = 100_000
BURST = 100
REPEATS = 5
Row = tuple[str, float, str]


def run(count: int = QUOTES, repeats: int = REPEATS) -> list[Row]:
    """CPU time of this process, medians of interleaved repeats."""
    deaf, heard, packed, size = [], [], [], []
    for _ in range(repeats):
        deaf.append(_through(count, None) / count * 1e9)
        with TemporaryDirectory() as directory:
            reel = Reel(RealEnv(clock=RealClock()), directory, TicksSettings(), instance="bench", free_min=0)
            tape = Tape(RealEnv(clock=RealClock()), reel)  # its thread is not started: what it does is measured apart
            heard.append(_through(count, tape) / count * 1e9)
            began = time.process_time()
            tape.drain()
            reel.close()
            packed.append((time.process_time() - began) / count * 1e9)
            size.append(reel.bytes / count)
            assert (reel.kept, reel.lost) == (count, 0)
    return [
        ("a quote through step() in bursts of 100", statistics.median(deaf), "ns/quote"),
        ("the same, heard by the tape", statistics.median(heard), "ns/quote"),
        ("what hearing costs", statistics.median(b - a for a, b in zip(deaf, heard, strict=True)), "ns/quote"),
        ("packing and writing, on the tape's thread", statistics.median(packed), "ns/quote"),
        ("on the disk", statistics.median(size), "bytes/quote"),
    ]


def _through(count: int, tape: Tape | None) -> float:
    scene = Scene()
    stream: list[Quote] = quotes(scene, count)
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for first in range(0, count, BURST):
        hear = tape.ear() if tape is not None else None
        for quote in stream[first : first + BURST]:
            if hear is not None:
                hear(quote)
            step(scene.book, quote, scene.rules)
    spent = time.process_time() - began
    gc.unfreeze()
    return spent
