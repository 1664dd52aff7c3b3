"""What a run was and what came of it: `result.json`, the one file a reader of a result folder opens first. Source: T2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from tradingd.core.types import Money, Price, Qty, TierName
from tradingd.lab.results.faults import NoResult, ResultFault
from tradingd.lab.results.figures import Metrics, reckon

SCHEMA = 1
FILE = "result.json"
State = Literal["running", "complete", "partial"]


class About(msgspec.Struct, frozen=True, kw_only=True, rename={"begin": "from", "end": "to"}):
    """What is run, said before it begins. begin, end: ISO dates, both included.   capital: account currency, > 0.
    strategies: as they were asked for, settings included.   config_hash, build: name the rules and the code.
    sessions_a_year: what figures are annualised by, >= 1: 252 for exchanges, 365 for markets that never close."""

    kind: str = "backtest"
    data: str
    begin: str
    end: str
    capital: Money
    currency: str = "USD"
    tier: TierName
    strategies: tuple[str, ...]
    config_hash: str
    build: str
    sessions_a_year: int = 252

    def __post_init__(self) -> None:
        if not self.capital > 0:
            raise ValueError("capital must be > 0")
        if self.sessions_a_year < 1:
            raise ValueError("sessions_a_year must be >= 1")
        if self.begin > self.end:
            raise ValueError(f"from ({self.begin}) must not be after to ({self.end})")


class JournalEnd(msgspec.Struct, frozen=True):
    """records: facts the sheet was given.   head: hash of the journal's last record, "" without a journal."""

    records: int = 0
    head: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Held when the run ended. qty: signed.   entry: average price."""

    symbol: str
    qty: Qty
    entry: Price
    opened: str


class Result(About, frozen=True, kw_only=True, rename={"begin": "from", "end": "to"}):
    """The whole of `result.json`. state: "running" until the run ends, and for good when it was killed; "partial" ended early,
    `why` says by what.   counts: of the account's life, by name.   notes: what was missing or left out, one a line.
    metrics: None until the run ends; `figures.reckon` makes them of the rows at any time."""

    schema: int = SCHEMA
    state: State
    why: str = ""
    journal: JournalEnd = JournalEnd()
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = {}
    held: tuple[Open, ...] = ()
    metrics: Metrics | None = None


def write(directory: Path, result: Result) -> None:
    """Replaces the file as one: a reader sees the old one or the new one."""
    fresh = directory / f"{FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    fresh.replace(directory / FILE)


def read(directory: Path) -> Result:
    """Raises NoResult when none is there, ResultFault naming the field when it is none of ours."""
    path = directory / FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NoResult(f"there is no {FILE} in {directory}") from None
    except OSError as exc:
        raise ResultFault(f"{path}: cannot be read: {exc.strerror}") from None
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema != SCHEMA:
            raise ResultFault(f"{path}: schema {schema} is not known here, only {SCHEMA}")
        return msgspec.json.decode(data, type=Result)
    except msgspec.DecodeError as exc:
        raise ResultFault(f"{path}: {exc}") from None


def metrics_of(directory: Path, result: Result) -> Metrics:
    """Those of the file; of a run that was killed, of the rows it left. Raises ResultFault."""
    return result.metrics or reckon(directory, result.sessions_a_year)


class _Schema(msgspec.Struct):
    schema: int
