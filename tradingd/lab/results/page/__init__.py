"""The HTML report of a result folder: one file that needs nothing else, neither a network nor, but for the pointer, a script."""

from __future__ import annotations

from pathlib import Path

from tradingd.lab.results.figures import DAYS
from tradingd.lab.results.page import candles, curves, head, tables
from tradingd.lab.results.page.document import document
from tradingd.lab.results.page.html import join
from tradingd.lab.results.result import metrics_of, read
from tradingd.lab.results.rows import Day, rows

PAGE = "report.html"


def render(directory: Path) -> str:
    """The page of what is in the folder; a run that was killed is shown as far as it came. Raises ResultFault."""
    result = read(directory)
    m = metrics_of(directory, result)
    days = list(rows(directory, DAYS, Day))
    body = join([
        head.banner(result), head.header(result), head.tiles(result, m), head.notes(result),
        curves.all_of_them(days, result.currency), candles.candles(directory), head.spans(m), head.costs(result, m),
        tables.groups(m), tables.trades(directory), tables.decisions(directory), head.run(result),
    ])  # fmt: skip
    return document(head.title(result), body)


def make(directory: Path, out: Path) -> None:
    """Writes the page; a reader sees the old one or the new one. Raises ResultFault, OSError."""
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder")
    page = render(directory)
    fresh = out.with_name(out.name + ".new")
    fresh.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    fresh.replace(out)
