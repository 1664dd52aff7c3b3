"""The random walks that all engines of the measurements replay: a million quotes of ten instruments, 200,000 bars of one.

One generator of one seed gives both, the quotes first, so their arrays are the same wherever they are made (`DIGEST`).
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20_240_607
INSTRUMENTS = 10
QUOTES = 1_000_000
BARS = 200_000
BEGIN = 1_704_067_200_000_000_000  # 2024-01-01, ns
MINUTE = 60_000_000_000
DIGEST = "0e0b19b42bf0e92f"  # the beginning of the SHA-256 of all columns at the counts above
TICK_COLUMNS = ("ts", "inst", "bid", "ask", "bsz", "asz")
BAR_COLUMNS = ("ts", "o", "h", "l", "c", "v")
Columns = dict[str, Any]


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(SEED))


def ticks(rng: np.random.Generator, count: int = QUOTES) -> Columns:
    """Quotes, 10 ms apart on average, on a cent grid; each instrument a walk of its own. ts: ns, rising."""
    inst = rng.integers(0, INSTRUMENTS, count).astype(np.int32)
    ts = BEGIN + np.cumsum(1 + rng.exponential(10_000, count).astype(np.int64)) * 1000
    bid, ask = np.empty(count), np.empty(count)
    for k in range(INSTRUMENTS):
        mine = inst == k
        n = int(mine.sum())
        mid = 1000.0 + 100 * k + np.cumsum(rng.normal(0, 0.05, n))
        half = rng.integers(1, 4, n) * 0.01
        bid[mine], ask[mine] = np.round(mid - half, 2), np.round(mid + half, 2)
    bsz, asz = rng.integers(10, 500, count), rng.integers(10, 500, count)
    return {"ts": ts, "inst": inst, "bid": bid, "ask": ask, "bsz": bsz, "asz": asz}


def bars(rng: np.random.Generator, count: int = BARS) -> Columns:
    """One-minute bars, one after another; to be made after the quotes of the same generator. ts: of the close, ns."""
    sub = 1000.0 + np.cumsum(rng.normal(0, 0.15, count * 10)).reshape(count, 10)
    return {
        "ts": BEGIN + (np.arange(count, dtype=np.int64) + 1) * MINUTE,
        "o": np.round(sub[:, 0], 2),
        "h": np.round(sub.max(1), 2),
        "l": np.round(sub.min(1), 2),
        "c": np.round(sub[:, -1], 2),
        "v": rng.integers(100, 10_000, count),
    }


def make(folder: Path, *, quotes: int = QUOTES, minutes: int = BARS) -> str:
    """Write `ticks.npz` and `bars.npz`; the digest of what is in them."""
    rng = generator()
    made = (("ticks.npz", ticks(rng, quotes)), ("bars.npz", bars(rng, minutes)))
    for name, columns in made:
        np.savez(folder / name, **columns)
    return digest(column for _, columns in made for column in columns.values())


def digest(columns: Iterable[Any]) -> str:
    found = hashlib.sha256()
    for column in columns:
        found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()[:16]
