"""The workload as a market of the simulated venue: read from its files as it is needed, its times moved into sessions.

The walks go on day and night from 2024-01-01; entries are made in windows of sessions only. So the quotes (2 h 47 min of them) are
moved, together, into one window of 2008, and the bars, 360 or 180 at a time, into the windows of the sessions that follow. Nothing
else about them is changed.
"""

import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bench.walks import BEGIN, INSTRUMENTS, MINUTE
from tradingd.core.events import Bar
from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS, Instrument, Symbol
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.market import Item, SessionClose, SessionOpen
from tradingd_adapters.sim.tape import Shown, Tape

SYMBOLS = [Symbol(f"K{i}") for i in range(INSTRUMENTS)]
DAY, DAY_S = "2008-06-02", 86_400
ROWS = 16_384  # read at once
DAYS = 60  # of daily bars before
EDGE = 15 * MINUTE  # the entry window begins and ends that far within the session


def parts(path: Path, names: tuple[str, ...], cut: int = 0) -> Iterator[tuple[Any, ...]]:
    """Columns of an npz file, ROWS at a time, the first `cut` rows only (0: all). ValueError: a column of another form."""
    with zipfile.ZipFile(path) as archive:
        streams = [archive.open(f"{name}.npy") for name in names]
        forms = [_form(stream) for stream in streams]
        left = min(count for count, _ in forms)
        left = min(left, cut) if cut else left
        while left:
            n = min(ROWS, left)
            left -= n
            yield tuple(
                np.frombuffer(stream.read(n * kind.itemsize), kind)
                for stream, (_, kind) in zip(streams, forms, strict=True)
            )


def _form(stream: Any) -> tuple[int, Any]:
    """(rows, type) of a column, the stream standing at its first row."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{stream.name}: not an array of format 1.0")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    if len(shape) != 1:
        raise ValueError(f"{stream.name}: {len(shape)} dimensions, not a column")
    return shape[0], kind


def instruments(count: int) -> list[Instrument]:
    return [Instrument(symbol=symbol, sector=f"sector {symbol}") for symbol in SYMBOLS[:count]]


def past(symbol: Symbol, before: int) -> list[Bar]:
    """Daily bars that end a day before, with a range such that the house's own stops are far from all that happens."""
    i = SYMBOLS.index(symbol)
    rng, price, found = np.random.default_rng(i), 1000.0 + 100 * i, []
    for k in range(DAYS, 0, -1):
        close = price * (1 + rng.normal(0, 0.002))
        found.append(
            Bar(
                ts=before - k * DAY_S * NS,
                symbol=symbol,
                span_s=DAY_S,
                open=close,
                high=close * 1.01,
                low=close * 0.99,
                close=close,
                history=True,
            )
        )
    return found


class TickMarket:
    """All quotes of one session, as columns; the venue opens before and closes after them.

    turn: 0, or after every so many quotes a bar of half an hour of one instrument after another.   shown: quotes so far.   last: of
    them, ns.
    """

    def __init__(self, path: Path, cut: int = 0, *, turn: int = 0) -> None:
        self._path, self._cut, self._turn = path, cut, turn
        self.turns = self.last = 0
        self.shown = 0
        session = session_table("XNYS").session(DAY)
        assert session is not None
        self._session = session
        self.begin = session.open_ns + EDGE + MINUTE

    def instruments(self) -> list[Instrument]:
        return instruments(INSTRUMENTS)

    def items(self) -> Iterator[Item]:
        yield Item(self._session.open_ns, SessionOpen(DAY, self._session.close_ns))
        for ts, inst, bid, ask, bsz, asz in parts(self._path, ("ts", "inst", "bid", "ask", "bsz", "asz"), self._cut):
            when = ts + (self.begin - BEGIN)
            columns = (
                inst.astype(np.int16), when, bid, ask, bsz.astype(np.float64), asz.astype(np.float64),
                np.arange(self.shown + 1, self.shown + 1 + len(when)),
            )  # fmt: skip
            yield from self._with_turns(columns, len(when))
        yield Item(self._session.close_ns, SessionClose(DAY))

    def _with_turns(self, columns: tuple[Any, ...], count: int) -> Iterator[Item]:
        at = 0
        while at < count:
            left = self._turn - self.shown % self._turn if self._turn else count
            end = min(count, at + left)
            part = tuple(column[at:end] for column in columns)
            self.shown += end - at
            self.last = int(part[1][-1])
            yield Item(int(part[1][0]), Block(SYMBOLS, *part))
            if self._turn and self.shown % self._turn == 0:
                yield Item(self.last, self._bar())
            at = end

    def _bar(self) -> Bar:
        symbol = SYMBOLS[self.turns % INSTRUMENTS]
        self.turns += 1
        p = 1000.0 + 100 * SYMBOLS.index(symbol)
        return Bar(ts=self.last, symbol=symbol, span_s=1800, open=p, high=p, low=p, close=p)

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        return past(symbol, self._session.open_ns)[-n:]


class BarMarket(Tape):
    """The bars, each shown as the house shows a bar (a path of quotes, then the bar), and days built of them. shown: bars so far.
    last: of them, ns."""

    def __init__(self, path: Path, cut: int = 0) -> None:
        table = session_table("XNYS")
        first = table.session(DAY)
        assert first is not None
        self.shown = self.last = 0
        super().__init__(
            self._minutes(path, cut, table),
            instruments(1),
            {SYMBOLS[0]: Shown("bars", 60, (DAY_S,), 60)},
            start=first.open_ns,
            table=table,
        )

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        first = session_table("XNYS").session(DAY)
        assert first is not None
        return [*past(symbol, first.open_ns), *super().history(symbol, n, asof)][-n:]

    def _minutes(self, path: Path, cut: int, table: SessionTable) -> Iterator[Bar]:
        symbol, moments = SYMBOLS[0], _moments(table)
        for columns in parts(path, ("o", "h", "l", "c", "v"), cut):
            for o, h, low, c, v in zip(*(column.tolist() for column in columns), strict=True):
                self.shown += 1
                self.last = next(moments)
                yield Bar(ts=self.last, symbol=symbol, span_s=60, open=o, high=h, low=low, close=c, volume=float(v))


def _moments(table: SessionTable) -> Iterator[int]:
    """When the bars end: each minute of each entry window, one session after another."""
    session = table.session(DAY)
    while session is not None:
        yield from range(session.open_ns + EDGE + MINUTE, session.close_ns - EDGE + 1, MINUTE)
        session = table.next_after(session.open_ns)


CAPITAL = Decimal(100_000_000)
