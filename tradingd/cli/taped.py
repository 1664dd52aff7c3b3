"""tradingd data import --from-tape: what a daemon recorded, brought into a store and told in sums. Source: T1, J5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.show import say, say_json, when
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.lab.data.report import Loaded, Report
    from tradingd.lab.data.store import Store


def check_tape(said: list[str]) -> None:
    """CliError for what only files need. said: the options that were given."""
    if said:
        raise CliError(f"{said[0]}: says how files are read, and --from-tape brings none", Exit.USAGE)


def bring_tape(store: Store, state: Path, source: str, key: str, *, as_json: bool) -> None:
    """The tapes of a state directory, and what of them is missing or left out. DataError when there are none or they are no use."""
    from tradingd.backtest.tapes import record
    from tradingd.shell.env import RealDisk

    taped = record(store, state, RealDisk(), source=source, key=key)
    if as_json:
        say_json(taped)
        return
    for line in _sums(taped.reports):
        say(line)
    for note in (*taped.holes, *taped.notes):
        say(clean(note))


def _sums(reports: Sequence[Report]) -> Iterator[str]:
    """What became of all tapes, a line for each kind and symbol."""
    each: dict[tuple[str, str], list[Loaded]] = {}
    for report in reports:
        for loaded in report.loaded:
            each.setdefault((report.kind, loaded.symbol), []).append(loaded)
    for (kind, symbol), found in sorted(each.items()):
        fresh = [loaded for loaded in found if loaded.rows]
        rows = 0
        for loaded in fresh:
            rows += loaded.rows
        span = f", {when(min(e.first for e in fresh))} to {when(max(e.last for e in fresh))}" if fresh else ""
        yield f"{kind} {symbol}: {rows} new rows{span}"
