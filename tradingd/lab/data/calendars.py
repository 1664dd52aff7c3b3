"""The session tables that come with the package, by key."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from tradingd.core.gates.window import Session, SessionTable
from tradingd.lab.data.faults import DataError

NONE = "none"


@cache
def calendar(key: str) -> SessionTable | None:
    """The table of that key; None for "none": data that follows no sessions. DataError when it does not come with the package."""
    if key == NONE:
        return None
    shipped = sorted(
        name[len("sessions_") : -len(".csv")]
        for name in (entry.name for entry in (files("tradingd") / "data").iterdir())
        if name.startswith("sessions_") and name.endswith(".csv")
    )
    if key not in shipped:
        raise DataError(f"--calendar {key!r} is not known: {', '.join([*shipped, NONE])}")
    text = (files("tradingd") / "data" / f"sessions_{key}.csv").read_text(encoding="ascii")
    return SessionTable.parse(text, key)


def day_session(table: SessionTable, end: int) -> Session | None:
    """The session a bar of days belongs to that ends then, ns: the one that is running or was the last to close; its day may end
    at midnight. None before the table."""
    return table.at(end) or table.previous_before(end)
