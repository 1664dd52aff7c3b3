"""What goes to the terminal: tables, colour where it is wanted, nothing from outside that could steer the terminal (J13)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tradingd.core.types import NS
from tradingd.core.views.reasons import clean, utc

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
STATE_COLOURS = {"active": "green", "reducing": "yellow", "halted": "red", "locked": "red"}


def colours() -> bool:
    """Colour only on a terminal, and never against NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str | None) -> str:
    if colour is None or not colours():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """A line of result. The text is ours; what came from outside was cleaned where it was put in."""
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """Machine output: one JSON document, or one line of a stream. JSON escapes every control character."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def complain(text: str) -> None:
    """A line of diagnostics, to stderr."""
    sys.stderr.write("\n".join(clean(line) for line in text.split("\n")) + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "") -> str:
    """Aligned columns. right: one letter a column, "r" for right-aligned, anything else left. Cells are cleaned."""
    cells = [list(head), *([("" if cell is None else clean(str(cell))) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for n, row in enumerate(cells):
        parts = [
            cell.rjust(w) if right[i : i + 1] == "r" else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(parts).rstrip()
        lines.append(paint(line, "dim") if n == 0 else line)
    return "\n".join(lines)


def money(value: float | str) -> str:
    """An amount with thousands and cents; booked text keeps its own digits when it is no number."""
    try:
        return f"{float(value):,.2f}"
    except ValueError:
        return clean(str(value))


def share(value: float) -> str:
    return f"{value * 100:.2f} %"


def when(ts: int | None) -> str:
    return "" if ts is None else utc(ts)


def age(ts: int | None, now: int) -> str:
    """How long ago, coarse: 12 s, 5 min, 3 h, 2 d."""
    if ts is None:
        return "never"
    seconds = max(0, now - ts) // NS
    for unit, width in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * width:
            return f"{seconds // width} {unit}"
    return f"{seconds} s"
