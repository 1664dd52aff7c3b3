"""An action counts once: by its name, and by what it is. Source: T2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from tradingd.lab.data import parquet
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Part, stamp

_Told = tuple[str, str, Decimal]  # ex_date, kind, value


def refuse_twice(source: Path, symbol: str, fresh: Path, stored: Sequence[Part]) -> None:
    """DataError when an action in `fresh`, the part about to be published, has the name of a stored one of another moment, for it
    would never take effect, or is a stored one by another name, for it would take effect twice."""
    names: dict[str, int] = {}
    known: dict[_Told, str] = {}
    for part in stored:
        for ts, name, told in _actions(part.path):
            names[name], known[told] = ts, name
    for ts, name, told in _actions(fresh):
        if names.get(name, ts) != ts:
            raise DataError(
                f"{source}: action_id: {name!r} of {symbol} is stored at {stamp(names[name])}, here {stamp(ts)}"
            )
        if name not in names and told in known:
            ex_date, kind, value = told
            raise DataError(
                f"{source}: action_id: the {kind} of {value} of {symbol} on {ex_date} is stored as {known[told]!r}, here it is "
                f"{name!r}, and would count twice: remove {stored[0].path.parent} and bring a file of actions before a tape"
            )


def _actions(path: Path) -> Iterator[tuple[int, str, _Told]]:
    for block in parquet.blocks(path, kind_of("actions"), *parquet.ALWAYS):
        columns = (block[name].tolist() for name in ("ts", "action_id", "ex_date", "kind", "value"))
        for ts, name, ex_date, kind, value in zip(*columns, strict=True):
            yield int(ts), str(name), (str(ex_date), str(kind), Decimal(value))
