"""Rows of a source as text, whatever format they came in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tradingd.lab.data.faults import Fault


class Cells(msgspec.Struct):
    """Some rows of a source. lines: where each stands.   faults: lines that are no rows at all."""

    lines: list[int]
    rows: list[Sequence[str]]
    faults: list[Fault]
