"""The guide to results names every column, every figure and every key. T2."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tradingd.lab.results import figures
from tradingd.lab.results.figures import Fall, Metrics, Span
from tradingd.lab.results.groups import Group
from tradingd.lab.results.page import PAGE
from tradingd.lab.results.result import FILE, JournalEnd, Open, Result
from tradingd.lab.results.rows import Action, Candle, Day, Decision, Execution, Row, Trade
from tradingd.lab.results.sheet import CONFIG

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "results.md").read_text(encoding="utf-8")
TABLES: dict[str, type[Row]] = {
    figures.DAYS: Day, figures.TRADES: Trade, figures.FILLS: Execution, figures.DECISIONS: Decision, figures.ACTIONS: Action,
    figures.BARS: Candle,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_told(name: str) -> None:
    [part] = re.findall(rf"^\*\*{re.escape(name)}\*\*(.*?)(?=\n\n|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    told = [word for word in re.findall(r"`([a-z_]+)`", part) if word in TABLES[name].__struct_fields__]
    assert set(told) == set(TABLES[name].__struct_fields__)


@pytest.mark.parametrize("kind", [Metrics, Group, Fall, Span, Result, JournalEnd, Open])
def test_every_figure_and_key_is_told(kind: type[msgspec.Struct]) -> None:
    missing = [f.encode_name for f in msgspec.structs.fields(kind) if f"`{f.encode_name}`" not in GUIDE]
    assert missing == []


def test_every_file_is_told() -> None:
    for name in (FILE, CONFIG, PAGE, *TABLES):
        assert f"\n| `{name}` |" in GUIDE
