"""What a daemon heard, as rows of a store: quotes, bars, splits and dividends of the market it traded in. Source: T1, J5.

A quote stands at the moment it reached the daemon (at the source's own time, where nobody noted the moment or both are more than an
hour apart), and never before the one that reached it before: what was not known is not shown. Days that the venue told of
afterwards, at a login, fill what was not recorded; they are told in the shares of that moment and are brought back to those of
their own. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from tradingd.config.model import ID
from tradingd.core.events import Bar, Dividend, DividendDue, Quote, Split
from tradingd.core.inputs import Adopted, Began, Ended, Input, Learned
from tradingd.core.types import NS, Instrument
from tradingd.lab.data.calendars import NONE, calendar
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import DAY_S, TEXT, Kind, kind_of
from tradingd.lab.data.rows import Block

APART_NS = 3_600 * NS
BLOCK = 8_192  # rows that are handed on together
AGAIN_MAX = 64  # quotes of a symbol that may lie between one and the same by another account
QUOTES, ACTIONS, DAYS = kind_of("quotes"), kind_of("actions"), kind_of(f"bars-{DAY_S}")
ELSEWHERE = {
    "Recommendation": "ideas from outside", "Command": "operators' commands", "EarningsSeen": "earnings dates",
    "MarketEvent": "market events", "InstrumentStatus": "halts and openings of one instrument",
}  # fmt: skip

Row = tuple[Any, ...]  # as the kind's columns, ts first


class Past:
    """A day as the venue told of it afterwards. told: ns, when."""

    __slots__ = ("bar", "told")

    def __init__(self, bar: Bar, told: int) -> None:
        self.bar = bar
        self.told = told


class Recording:
    """Takes what was heard, in order, from several tapes one after another. source: whose quotes count, "" where all are one's.
    key: calendar of symbols the tape does not describe, "" refuses them.

    instruments: as last described.   config: the rules last in force, as text, "" before any; changed: how often they changed.
    holes: ns, times that nobody recorded, from the last quote to the next.   left: what is no part of a market, by name.   bad:
    rows without a finite number, by symbol.   dividends: that a venue paid on what was held, by symbol: nobody knows what they
    were a share.
    """

    def __init__(self, source: str = "", key: str = "") -> None:
        self.instruments: dict[str, Instrument] = {}
        self.config = ""
        self.changed = 0
        self.holes: list[tuple[int, int]] = []
        self.left: Counter[str] = Counter()
        self.bad: Counter[str] = Counter()
        self.dividends: Counter[str] = Counter()
        self._source, self._key = source, key
        self._sources: dict[str, str] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._said: dict[str, deque[tuple[object, ...]]] = {}
        self._shown = 0  # the last quote of all, ns
        self._broken = False
        self._now = 0  # the last thing heard, ns
        self._new()

    def _new(self) -> None:
        self._rows: dict[Kind, dict[str, list[Row]]] = {}
        self._days: dict[str, dict[int, Bar]] = {}
        self._past: dict[str, dict[int, Past]] = {}
        self._actions: dict[str, dict[str, Split | DividendDue]] = {}
        self._waiting = 0

    # hearing --------------------------------------------------------------------------------------------------------------

    def take(self, heard: Input) -> None:
        """DataError for a symbol that two sources quote, and for one that nobody described."""
        if isinstance(heard, Quote):
            self._quote(heard)
            return
        self._now = max(self._now, heard.ts)
        if isinstance(heard, Bar):
            self._bar(heard)
        elif isinstance(heard, Split | DividendDue):
            self._actions.setdefault(heard.symbol, {}).setdefault(heard.action_id, heard)
        elif isinstance(heard, Dividend):
            self.dividends[heard.symbol] += 1
        elif isinstance(heard, Learned):
            self.instruments.update({each.symbol: each for each in heard.instruments})
        elif isinstance(heard, Began | Adopted):
            self._rules(heard)
        elif not isinstance(heard, Ended) and (name := ELSEWHERE.get(type(heard).__name__)):
            self.left[name] += 1

    def gap(self) -> None:
        """Something is missing between what was heard and what comes."""
        self._broken = True

    def _rules(self, heard: Began | Adopted) -> None:
        if isinstance(heard, Began):
            self.gap()
            self._sources.clear()
        self.changed += bool(self.config) and heard.config != self.config
        self.config = heard.config

    def _quote(self, quote: Quote) -> None:
        symbol, numbers = quote.symbol, (quote.bid, quote.ask, quote.bid_size, quote.ask_size)
        if self._source and quote.source != self._source:
            return
        if (other := self._sources.setdefault(symbol, quote.source)) != quote.source:
            raise DataError(
                f"{symbol} is quoted by {other!r} and {quote.source!r}: `data import --from-tape` with --source says which counts"
            )
        if not all(isfinite(number) for number in numbers):
            self.bad[symbol] += 1
            return
        what = quote.ts, quote.seq, *numbers
        if what in (said := self._said.setdefault(symbol, deque(maxlen=AGAIN_MAX))):
            return  # told to two accounts at one venue, or again: no daemon believes it twice
        said.append(what)
        at = quote.recv_ts if abs(quote.recv_ts - quote.ts) <= APART_NS else quote.ts
        ts = max(at, self._last.get((QUOTES.name, symbol), at))
        if self._broken and ts > self._shown:  # a login may tell again what was known
            if self._shown:
                self.holes.append((self._shown, ts))
            self._broken = False
        self._shown = max(self._shown, ts)
        self._add(QUOTES, symbol, (ts, *map(float, numbers)))

    def _bar(self, bar: Bar) -> None:
        if not all(isfinite(number) for number in (bar.open, bar.high, bar.low, bar.close, bar.volume)):
            self.bad[bar.symbol] += 1
        elif bar.span_s == DAY_S and bar.history:
            self._past.setdefault(bar.symbol, {}).setdefault(bar.ts, Past(bar, self._now))
        elif bar.span_s == DAY_S:
            self._days.setdefault(bar.symbol, {}).setdefault(bar.ts, bar)
        else:
            kind = kind_of(f"bars-{bar.span_s}")
            if bar.ts > self._last.get((kind.name, bar.symbol), -1):  # else it was told before
                self._add(kind, bar.symbol, _row(bar))

    def _add(self, kind: Kind, symbol: str, row: Row) -> None:
        self._last[kind.name, symbol] = row[0]
        self._rows.setdefault(kind, {}).setdefault(symbol, []).append(row)
        self._waiting += 1

    # handing on -----------------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        return self._waiting >= BLOCK

    def rows(self) -> dict[Kind, dict[str, Block]]:
        """What came since the last time, but days and actions."""
        found = {kind: {symbol: _block(kind, rows) for symbol, rows in of.items()} for kind, of in self._rows.items()}
        self._rows, self._waiting = {}, 0
        return found

    def rest(self, stored: Callable[[Kind, str], Iterable[Row]]) -> dict[Kind, dict[str, Block]]:
        """All actions and days, stored ones among them, of symbols this tape has new ones of; the next tape begins. stored: rows
        of a kind and symbol."""
        actions, days = {}, {}
        for symbol in sorted({*self._actions, *self._days, *self._past}):
            known, before = list(stored(ACTIONS, symbol)), list(stored(DAYS, symbol))
            fresh = self._fresh_actions(symbol, {row[4] for row in known}, {tuple(row[1:4]) for row in known})
            splits = [(row[0], float(row[3])) for row in (*known, *fresh) if row[2] == "split"]
            rows = self._fresh_days(symbol, {row[0] for row in before}, splits)
            if fresh:
                actions[symbol] = _block(ACTIONS, sorted([*known, *fresh]))
            if rows:
                days[symbol] = _block(DAYS, sorted([*before, *rows]))
        self._new()
        return {kind: blocks for kind, blocks in ((ACTIONS, actions), (DAYS, days)) if blocks}

    def known(self, symbols: Iterable[str]) -> None:
        """DataError for one that nobody described, without a calendar for it."""
        missing = [symbol for symbol in symbols if symbol not in self.instruments]
        if missing and not self._key:
            raise DataError(
                f"{missing[0]}: its description was on a tape that is gone: say --calendar, like --calendar XNYS"
            )

    @property
    def calendars(self) -> set[str]:
        """Keys of those that its symbols follow."""
        return {self._key} if self._key else {each.calendar for each in self.instruments.values()}

    def _fresh_actions(self, symbol: str, ids: set[str], told: set[Row]) -> list[Row]:
        """ids, told: what is stored; told: (date, kind, value), for the same action may be called otherwise by another."""
        found = []
        for action in self._actions.get(symbol, {}).values():
            split = isinstance(action, Split)
            ts = (action.at or action.ts) if isinstance(action, Split) else action.ts
            what = "split" if split else "dividend"
            value = Decimal(repr(action.ratio)) if isinstance(action, Split) else Decimal(action.per_share)
            date = self._date(symbol, ts)
            said = date, what, format(value.normalize(), "f")
            name = action.action_id if ID.match(action.action_id) else f"{what}-{date}"
            if name not in ids and said not in told:
                ids.add(name)
                told.add(said)
                found.append((ts, *said, name))
        return sorted(found)

    def _fresh_days(self, symbol: str, stored: set[int], splits: list[tuple[int, float]]) -> list[Row]:
        days = {ts: _row(bar) for ts, bar in self._days.get(symbol, {}).items()}
        for ts, past in self._past.get(symbol, {}).items():
            if ts not in days:
                ratio = 1.0
                for at, each in splits:
                    ratio *= each if ts < at <= past.told else 1.0
                days[ts] = _row(past.bar, ratio)
        return [days[ts] for ts in sorted(days) if ts not in stored]

    def _date(self, symbol: str, ts: int) -> str:
        known = self.instruments.get(symbol)
        table = calendar(self._key or (known.calendar if known is not None else NONE))
        return table.local_date(ts) if table is not None else datetime.fromtimestamp(ts // NS, UTC).date().isoformat()


def _row(bar: Bar, ratio: float = 1.0) -> Row:
    """ratio: new shares for one old since then, that its prices stand in."""
    prices = (float(price) * ratio for price in (bar.open, bar.high, bar.low, bar.close))
    return bar.ts, *prices, float(bar.volume) / ratio


def _block(kind: Kind, rows: list[Row]) -> Block:
    columns: Mapping[str, Any] = dict(zip(("ts", *kind.columns), zip(*rows, strict=True), strict=True))
    types = {name: object if name in TEXT else np.float64 for name in kind.columns} | {"ts": np.int64}
    found = {name: np.array(values, dtype=types[name]) for name, values in columns.items()}
    return found, np.arange(1, len(rows) + 1, dtype=np.int64)
