"""When worlds begin: instants inside New York sessions, most of them within the trading window for the whole world."""

from __future__ import annotations

from functools import cache
from random import Random

from tradingd.core.gates.window import MINUTE, Session, SessionTable
from tradingd.core.types import NS
from tradingd.shell.identity import session_table

FIRST, LAST = "2016-01-04", "2027-12-30"
EDGE = 15 * MINUTE  # the default window begins so long after the open and ends so long before the close
_FULL = 6 * 60 * MINUTE


@cache
def _table() -> SessionTable:
    return session_table("XNYS")


@cache
def _sessions() -> tuple[tuple[Session, ...], tuple[Session, ...]]:
    """Full days and early closes."""
    table, full, early = _table(), [], []
    session = table.session(FIRST)
    while session is not None and session.date < LAST:
        (early if session.close_ns - session.open_ns < _FULL else full).append(session)
        session = table.next_after(session.open_ns)
    return tuple(full), tuple(early)


def moment(rng: Random) -> int:
    """Wall time of a world's first second, ns. One in six begins where a session or its window opens or ends meanwhile; one in
    twelve is of a day that closes early."""
    full, early = _sessions()
    session = rng.choice(early if rng.random() < 1 / 12 else full)
    where = rng.choices(("inside", "window_ends", "close", "open"), (83, 6, 7, 4))[0]
    before = int(rng.uniform(20.0, 70.0) * NS)
    if where == "window_ends":
        return session.close_ns - EDGE - before
    if where == "close":
        return session.close_ns - before
    if where == "open":
        return session.open_ns - int(rng.uniform(2.0, 20.0) * NS)
    return rng.randrange(session.open_ns + EDGE + NS, session.close_ns - EDGE - 100 * NS)


def near_edge(ts: int) -> bool:
    """Does a session open or close within a world that begins at ts? Then a window of its whole length lets something happen."""
    session = _table().at(ts)
    return session is None or session.close_ns - ts < 2 * MINUTE


def closes_before(ts: int, n: int) -> list[int]:
    """When the last n sessions before ts ended (those that ended before it), ns, the newest first."""
    table, found = _table(), []
    session = table.previous_before(ts)
    while session is not None and len(found) < n:
        found.append(session.close_ns + NS)
        session = table.previous_before(session.open_ns)
    return found


def closes_within(ts: int, seconds: float) -> float | None:
    """Seconds from ts to the close of its session, when it comes within that time."""
    session = _table().at(ts)
    left = (session.close_ns - ts) / NS if session is not None else seconds + 1
    return left if left <= seconds else None
