"""Where and when the daemon dies in `tradingd demo --crash`: every kill point, every pair of them, in an order that is even at any
length.

A pair is a death at one point and the next life's death at another, soon after its start: what the first left behind is picked
up by a start that does not get to its end either (RELIABILITY A9). Between them come halts that must outlive several kills (G14)
and recoveries that are killed ten times in a row.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

# K10 to K12 (query store, outbox) come with the parts they are in
POINTS = ("K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9", "K13", "K14", "K15", "outside")
# which coming-by the first death of a pair waits for, round by round
FIRST = {
    "K0": (2, 5, 9), "K1": (4, 9, 2), "K2": (3, 6, 8), "K3": (1, 2, 3), "K4": (1, 2, 3), "K5": (1, 2, 3), "K6": (1, 2, 3),
    "K7": (1, 2, 3), "K8": (1, 2, 3), "K9": (1, 2, 3), "K13": (1, 2, 1), "K14": (1, 2, 1), "K15": (1, 2, 1), "outside": (1, 1, 1),
}  # fmt: skip
MENDED = frozenset({"K1", "K2", "outside"})  # after these a recovery has something to write anew: four steps, not two
RECOVERIES = (1, 2, 3, 1, 3, 2, 3, 1, 2, 4)  # ten in a row, each at one of the steps of a recovery (A9)
RECOVERIES_EVERY = 3  # blocks


class Life(msgspec.Struct, frozen=True):
    """One life up to its SIGKILL. nth: which coming-by of the point.   act: "halt": halted by the operator, then killed at once;
    "halt_on": the same, but it lives on for a while; "hold": nothing may be sent in it; "resume": the halt is lifted.
    pair: the point at which the life before died, when this is the second of a pair."""

    point: str
    nth: int = 1
    act: str = ""
    pair: str = ""


def lives() -> Iterator[Life]:
    """Without end. A block holds each point once as the first and once as the second of a pair, and one halt; after as many
    blocks as there are points (some 490 kills), each pair was there once."""
    block = 0
    while True:
        pairs = [_pair(i, block) for i in range(len(POINTS))]
        half = len(pairs) // 2
        for two in pairs[:half]:
            yield from two
        yield from _halt(block)
        for two in pairs[half:]:
            yield from two
        block += 1
        if block % RECOVERIES_EVERY == 0:
            yield Life("K1", 5)
            for step in RECOVERIES:
                yield Life("K15", step)


def _pair(i: int, block: int) -> tuple[Life, Life]:
    first, second = POINTS[i], POINTS[(i + block) % len(POINTS)]
    turn = block // len(POINTS) + block
    nth = 1
    if second == "K15":
        nth = 1 + turn % (4 if first in MENDED else 2)
    return Life(first, FIRST[first][turn % 3]), Life(second, nth, pair=first)


def _halt(block: int) -> tuple[Life, ...]:
    """A halt, deaths while it holds, and its end."""
    within = ("K15", "K2", "K1", "K0")[block % 4]
    halted = "halt" if block % 2 == 0 else "halt_on"
    return (
        Life("outside", act=halted), Life(within, 1 + block % 2, act="hold"), Life("outside", act="hold"),
        Life("outside", act="resume"),
    )  # fmt: skip
