"""What is tried: keys of the configuration with the values they take, all of a grid or drawn by a seed. Source: T4.

A draw is a hash of seed, number and key and nothing else: the same on any machine and interpreter, and the n-th stays what it is
when more are asked for or another key is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from itertools import product
from math import exp, floor, log
from typing import TypeAlias

import msgspec

from tradingd.lab.sweep.faults import Mistaken

Point: TypeAlias = tuple[tuple[str, str], ...]  # (key, value as text), in the order they were asked for
_END = re.compile(r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[^\d.\s]*)$")
MOST = 100_000  # trials of one sweep


class Axis(msgspec.Struct, frozen=True):
    """key: of the configuration.   values: as they would be written there, each once, in the order they were asked for."""

    key: str
    values: tuple[str, ...]


class Range(msgspec.Struct, frozen=True):
    """low < high.   unit: what stands behind the number, like %.   whole: whole numbers only, both ends included.
    logarithmic: drawn evenly between the ends' logarithms."""

    key: str
    low: float
    high: float
    unit: str = ""
    whole: bool = False
    logarithmic: bool = False

    def at(self, part: float) -> str:
        """The value at a share of the way, 0 <= part < 1, to six digits."""
        low, high = self.low, self.high + (1.0 if self.whole else 0.0)
        x = exp(log(low) + part * (log(high) - log(low))) if self.logarithmic else low + part * (high - low)
        if self.whole:
            return f"{min(max(floor(x), int(low)), int(self.high))}{self.unit}"
        near = Decimal(f"{x:.6g}")
        return f"{min(max(near, Decimal(repr(low))), Decimal(repr(self.high))):f}{self.unit}"


def axis(text: str) -> Axis:
    """KEY=v1,v2,... Mistaken for anything else, and for a value given twice."""
    key, values = _split(text, "--grid", "KEY=v1,v2,...")
    found = tuple(value.strip() for value in values.split(","))
    if not all(found):
        raise Mistaken(f"--grid {text!r}: a value is missing between two commas")
    twice = [value for value in found if found.count(value) > 1]
    if twice:
        raise Mistaken(f"--grid {text!r}: {twice[0]} stands there twice")
    return Axis(key, found)


def span(text: str) -> Range:
    """KEY=lo..hi, then :int, :log or both. Mistaken for anything else."""
    key, rest = _split(text, "--random", "KEY=lo..hi[:int][:log]")
    ends, *marks = rest.split(":")
    unknown = [mark for mark in marks if mark not in ("int", "log")]
    if unknown:
        raise Mistaken(f"--random {text!r}: behind the range stands :int or :log, not :{unknown[0]}")
    low, dots, high = ends.partition("..")
    if not dots:
        raise Mistaken(f"--random {text!r}: a range is written lo..hi")
    (a, unit), (b, other) = _end(low, text), _end(high, text)
    if unit != other:
        raise Mistaken(f"--random {text!r}: both ends are written alike, not {unit or 'plain'} and {other or 'plain'}")
    if not a < b:
        raise Mistaken(f"--random {text!r}: the first end must be below the second")
    if "log" in marks and a <= 0:
        raise Mistaken(f"--random {text!r}: a logarithmic range must be above 0")
    if "int" in marks and (a % 1 or b % 1):
        raise Mistaken(f"--random {text!r}: both ends of an :int range must be whole numbers")
    return Range(key, a, b, unit, whole="int" in marks, logarithmic="log" in marks)


def points(axes: Sequence[Axis], ranges: Sequence[Range], trials: int, seed: int) -> list[Point]:
    """Every point of the grid; with ranges, each of them with each of `trials` draws. Mistaken for a key named twice, for nothing
    to vary and for more than MOST."""
    keys = [*(one.key for one in axes), *(one.key for one in ranges)]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise Mistaken(f"--grid, --random: {twice[0]} is named twice")
    if not keys:
        raise Mistaken(
            "--grid, --random: nothing is varied; name a key of the configuration, like risk.max_open_positions=2,4,8"
        )
    size = trials if ranges else 1
    for one in axes:
        size *= len(one.values)
    if size > MOST:
        raise Mistaken(f"--grid, --trials: {size:,} trials are more than {MOST:,}")
    return [(*grid, *drawn) for drawn in draws(ranges, trials, seed) for grid in _grid(axes)]


def draws(ranges: Sequence[Range], trials: int, seed: int) -> Iterator[Point]:
    """So many points of the ranges; the one empty point without any."""
    if not ranges:
        yield ()
        return
    for n in range(trials):
        yield tuple((one.key, one.at(part(seed, n, one.key))) for one in ranges)


def part(seed: int, n: int, key: str) -> float:
    """A number in [0, 1) that only its arguments decide."""
    digest = sha256(f"{seed}/{n}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * (1 - 2**-53)


def _grid(axes: Sequence[Axis]) -> Iterator[Point]:
    for values in product(*(one.values for one in axes)):
        yield tuple((one.key, value) for one, value in zip(axes, values, strict=True))


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    key, equals, rest = text.partition("=")
    if not equals or not key.strip() or not rest.strip():
        raise Mistaken(f"{option} {text!r}: is written {form}")
    return key.strip(), rest.strip()


def _end(text: str, whole: str) -> tuple[float, str]:
    found = _END.match(text.strip())
    if found is None:
        raise Mistaken(f"--random {whole!r}: {text.strip()!r} is no number")
    try:
        return float(Decimal(found["number"])), found["unit"]
    except (InvalidOperation, OverflowError):
        raise Mistaken(f"--random {whole!r}: {text.strip()!r} is no number") from None
