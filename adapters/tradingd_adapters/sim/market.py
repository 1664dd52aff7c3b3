"""The market of the simulated venue: real daily bars of 2000-2013 turned into intraday quotes by a stated rule.

What is real: each session's open, high, low, close and volume (unadjusted, `data/ATTRIBUTION.md`), splits and dividends.
What is SYNTHESISED: everything inside the day. The rule, in whole numbers of 1/10000 dollar, so that it is bit-identical on
every machine and Python version:

- One quote every 5 minutes from the open to the close, both included: 79 in a full session, fewer on an early close.
- The path starts at the real open and ends at the real close. A rising day (close >= open) visits its low first and then its
  high, a falling day its high first and then its low. The two turning slots vary by a hash of symbol and date; between the four
  anchors the path is a straight line plus a ripple of at most 1/40 of the day's range that never leaves [low, high].
- The quote: spread = max(1 cent, 2 bp of the path rounded up to a cent); the bid is the path less half the spread, rounded down to
  the cent, so bid <= path <= ask. Displayed size: volume / 790 times 0.5..1.5 by hash, at least 100, in whole shares.
- Bars of 30 minutes carry the path, not the quotes; the daily bar is the real one and is published 1 s after the close.
- Actions come 30 minutes before the open of the ex-date: a split first, then a dividend.
"""

from __future__ import annotations

import csv
import gzip
import io
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from tradingd.core.events import Bar, Quote
from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS, Instrument, Symbol

if TYPE_CHECKING:
    from tradingd_adapters.sim.block import Block

PIPS = 10_000  # path units in one dollar
CENT = PIPS // 100
SLOT_NS = 300 * NS
BAR_SLOTS = 6  # 30 minutes
BEFORE_OPEN_NS = 1800 * NS
DAILY_AFTER_NS = NS
_MASK = (1 << 64) - 1
_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a
_PRIME_8 = pow(_PRIME, 8, 1 << 64)
_FINISH_1, _FINISH_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # splitmix64

SYMBOLS: tuple[Symbol, ...] = tuple(Symbol(s) for s in ("AAPL", "FB", "GOOG", "IBM", "MSFT"))
SECTORS = {
    "AAPL": "technology",
    "IBM": "technology",
    "MSFT": "technology",
    "GOOG": "communication",
    "FB": "communication",
}
FIRST, LAST = "2000-03-01", "2013-03-01"

Hours = Callable[[str], tuple[int, int] | None]  # ISO date -> (open, close) in ns since the epoch, None on a closed day


class Day(NamedTuple):
    """One real session of one symbol. Prices in pips (1/10000 dollar), volume in shares."""

    date: str
    open: int
    high: int
    low: int
    close: int
    volume: int


class CorporateAction(NamedTuple):
    """kind "split" (value = new shares for one old) or "dividend" (value = dollars a share). id: unique."""

    symbol: Symbol
    date: str
    kind: str
    value: Decimal
    id: str


class SessionOpen(NamedTuple):
    date: str
    close: int


class SessionClose(NamedTuple):
    date: str


Paths = list[tuple[Symbol, Day, list[int]]]


class Item(msgspec.Struct, frozen=True):
    """One happening of the market. ts: when it is published, ns since the epoch; of a block, its first quote."""

    ts: int
    what: Quote | Block | Bar | CorporateAction | SessionOpen | SessionClose


class Feed(Protocol):
    """What an exchange shows: this market, or recorded data (`tape.Tape`)."""

    def instruments(self) -> Sequence[Instrument]:
        """What can be traded."""

    def items(self) -> Iterator[Item]:
        """Everything that happens, once, in order of time."""

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        """The last n daily bars closed by `asof` (ns), oldest first, adjusted for the splits in effect then."""


def mix(*parts: int | str) -> int:
    """A 64-bit hash of whole numbers and ASCII text, the same everywhere (FNV-1a, then the splitmix64 finish)."""
    return _finish(_stir(_BASIS, parts))


def _stir(h: int, parts: Iterable[int | str]) -> int:
    for part in parts:
        for byte in part.encode() if isinstance(part, str) else part.to_bytes(8, "little"):
            h = ((h ^ byte) * _PRIME) & _MASK
    return h


def _finish(h: int) -> int:
    h = ((h ^ (h >> 30)) * _FINISH_1) & _MASK
    h = ((h ^ (h >> 27)) * _FINISH_2) & _MASK
    return h ^ (h >> 31)


def mixes(n: int, *parts: int | str) -> list[int]:
    """`mix` of the parts and each of 0 .. n - 1, n at most 2**63; the parts are mixed once."""
    out, stirred = [], _stir(_BASIS, parts)
    for last in range(min(n, 256)):  # one byte, and seven zeros that only multiply
        h = (stirred ^ last) * _PRIME_8 & _MASK
        h = (h ^ (h >> 30)) * _FINISH_1 & _MASK
        h = (h ^ (h >> 27)) * _FINISH_2 & _MASK
        out.append(h ^ (h >> 31))
    out.extend(_finish(_stir(stirred, (last,))) for last in range(256, n))
    return out


def path(symbol: str, day: Day, slots: int) -> list[int]:
    """The day's path in pips, one value a slot; slots >= 12. See the rule at the top."""
    key = mix(symbol, day.date)
    first, second = (day.low, day.high) if day.close >= day.open else (day.high, day.low)
    i1 = slots // 6 + key % (slots // 4)
    i2 = slots // 2 + (key >> 20) % (slots // 3)
    anchors = ((0, day.open), (i1, first), (i2, second), (slots - 1, day.close))
    amp = (day.high - day.low) // 40
    ripples = mixes(slots, key)
    out: list[int] = []
    for (a, pa), (b, pb) in pairwise(anchors):
        out.append(pa)
        for i in range(a + 1, b):
            straight = pa + (pb - pa) * (i - a) // (b - a)
            rippled = straight + ripples[i] % (2 * amp + 1) - amp
            out.append(min(max(rippled, day.low), day.high))
    out.append(day.close)
    return out


def bid_ask(pips: int) -> tuple[int, int]:
    """Bid and ask in cents around a path value."""
    spread = max(1, -(-pips * 2 // (PIPS * CENT)))  # 2 bp in cents, rounded up
    bid = (pips - (spread - 1) * CENT // 2) // CENT
    return bid, bid + spread


def _pips(text: str) -> int:
    whole = Decimal(text) * PIPS
    if whole != whole.to_integral_value() or whole <= 0:
        raise ValueError(f"price {text} is not a positive multiple of 1/{PIPS}")
    return int(whole)


def _resource(name: str) -> bytes:
    return (resources.files("tradingd_adapters.sim") / "data" / name).read_bytes()  # sim-ok: package data


@cache
def load_days() -> dict[Symbol, tuple[Day, ...]]:
    """The real sessions by symbol, oldest first. ValueError for a bar whose prices contradict each other."""
    text = gzip.decompress(_resource("us_equities_daily_wiki.csv.gz")).decode()
    days: dict[Symbol, list[Day]] = {symbol: [] for symbol in SYMBOLS}
    for row in csv.DictReader(io.StringIO(text)):
        o, h, lo, c = (_pips(row[k]) for k in ("open", "high", "low", "close"))
        if not lo <= min(o, c) <= max(o, c) <= h:
            raise ValueError(f"bad bar of {row['ticker']} on {row['date']}")
        days[Symbol(row["ticker"])].append(Day(row["date"], o, h, lo, c, int(row["volume"])))
    return {symbol: tuple(sorted(rows)) for symbol, rows in days.items()}


@cache
def load_actions() -> tuple[CorporateAction, ...]:
    """Splits and dividends, by date; on one day the split comes first."""
    out = []
    for row in csv.DictReader(io.StringIO(_resource("us_equities_actions_implied.csv").decode())):
        symbol, date, kind = row["ticker"], row["ex_date"], row["kind"]
        value = Decimal(row["value"]).normalize()
        out.append(CorporateAction(Symbol(symbol), date, kind, value, f"{kind}-{symbol}-{date}"))
    return tuple(sorted(out, key=lambda a: (a.date, a.kind != "split", a.symbol)))


@cache
def xnys_hours() -> Hours:
    """Opening times by the house's session table."""
    text = (resources.files("tradingd") / "data" / "sessions_XNYS.csv").read_text()  # sim-ok: package data
    table = SessionTable.parse(text, "XNYS")

    def hours(date: str) -> tuple[int, int] | None:
        session = table.session(date)
        return None if session is None else (session.open_ns, session.close_ns)

    return hours


class Market:
    """A stream of happenings and the history behind it.

    hours: opening times of a session, by default the XNYS table of the house.   start, end: first and last session shown, ISO
    dates, both included.   symbols: which.
    A session without opening times is left out and named in `skipped`.
    """

    def __init__(
        self, *, hours: Hours | None = None, start: str = FIRST, end: str = LAST, symbols: Sequence[Symbol] = SYMBOLS
    ) -> None:
        unknown = [s for s in symbols if s not in SYMBOLS]
        if unknown:
            raise ValueError(f"no data for {', '.join(unknown)}")
        self.symbols = tuple(sorted(symbols))
        self.start, self.end = start, end
        self.skipped: list[str] = []
        self._hours = hours or xnys_hours()
        self._days = load_days()
        self._dates = {symbol: [day.date for day in rows] for symbol, rows in self._days.items()}
        self._actions = [a for a in load_actions() if a.symbol in self.symbols]
        self._seq = 0

    def instruments(self) -> list[Instrument]:
        """What can be traded here, on a cent and whole-share grid."""
        return [Instrument(symbol=s, sector=SECTORS[s]) for s in self.symbols]

    def items(self) -> Iterator[Item]:
        """Everything that happens, in order of time."""
        by_date: dict[str, list[tuple[Symbol, Day]]] = {}
        for symbol in self.symbols:
            for day in self._days[symbol]:
                if self.start <= day.date <= self.end:
                    by_date.setdefault(day.date, []).append((symbol, day))
        for date in sorted(by_date):
            hours = self._hours(date)
            if hours is None:
                self.skipped.append(date)
                continue
            yield from self._session(date, hours, by_date[date])

    def _session(self, date: str, hours: tuple[int, int], days: list[tuple[Symbol, Day]]) -> Iterator[Item]:
        start, close = hours
        slots = (close - start) // SLOT_NS + 1
        paths = [(symbol, day, path(symbol, day, slots)) for symbol, day in days]
        rows = self._quotes(paths, start)
        for action in self._actions:
            if action.date == date:
                yield Item(start - BEFORE_OPEN_NS, action)
        yield Item(start, SessionOpen(date, close))
        for i, row in enumerate(rows):
            if i and i % BAR_SLOTS == 0 and i < slots - 1:
                yield from self._bars(paths, i - BAR_SLOTS, i, start + i * SLOT_NS)
            yield from row
        last = slots - 1
        yield from self._bars(paths, (last - 1) // BAR_SLOTS * BAR_SLOTS, slots, close)
        yield Item(close, SessionClose(date))
        for symbol, day, _ in paths:
            yield Item(close + DAILY_AFTER_NS, daily_bar(symbol, day, close))

    def _quotes(self, paths: Paths, start: int) -> list[list[Item]]:
        """The day's quotes, a row a slot. They are numbered as they come."""
        columns = []
        for n, (symbol, day, line) in enumerate(paths, self._seq + 1):
            base, each = day.volume // 790, len(paths)
            column = []
            for i, (pips, h) in enumerate(zip(line, mixes(len(line), symbol, day.date), strict=True)):
                (bid, ask), ts = bid_ask(pips), start + i * SLOT_NS
                bid_size, ask_size = base * (500 + h % 1001) // 1000, base * (500 + (h >> 32) % 1001) // 1000
                quote = Quote(
                    symbol, bid / 100, ask / 100, ts, seq=n + i * each, source="sim",
                    bid_size=float(max(100, bid_size)), ask_size=float(max(100, ask_size)),
                )  # fmt: skip
                column.append(Item(ts, quote))
            columns.append(column)
        self._seq += sum(map(len, columns))
        return [list(row) for row in zip(*columns, strict=True)]

    def _bars(self, paths: Paths, a: int, b: int, ts: int) -> Iterator[Item]:
        for symbol, day, line in paths:
            part = line[a:b]
            volume = day.volume * len(part) // len(line)
            yield Item(ts, _bar(symbol, 1800, ts, (part[0], max(part), min(part), part[-1]), volume))

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        """The last n daily bars of sessions that closed by `asof` (ns), oldest first, marked `history`.

        Prices and volumes are adjusted for the splits in effect at `asof` and for no other, so that ranges are continuous.
        """
        found: list[Bar] = []
        ratios = self._splits(symbol, asof)
        rows = self._days.get(symbol, ())
        for day in reversed(rows):
            hours = self._hours(day.date)
            if hours is None or hours[1] > asof:
                continue
            ratio = 1.0
            for date, r in ratios:
                ratio = ratio * r if day.date < date else ratio
            found.append(daily_bar(symbol, day, hours[1], ratio=ratio, history=True))
            if len(found) >= n:
                break
        return found[::-1]

    def _splits(self, symbol: Symbol, asof: int) -> list[tuple[str, float]]:
        out = []
        for action in self._actions:
            hours = self._hours(action.date)
            if action.symbol == symbol and action.kind == "split" and hours and hours[0] - BEFORE_OPEN_NS <= asof:
                out.append((action.date, float(action.value)))
        return out

    def day(self, symbol: Symbol, date: str) -> Day | None:
        """The real session of that date, None when there was none."""
        i = bisect_right(self._dates[symbol], date) - 1
        return self._days[symbol][i] if i >= 0 and self._dates[symbol][i] == date else None


def daily_bar(symbol: Symbol, day: Day, close: int, *, ratio: float = 1.0, history: bool = False) -> Bar:
    """The real day as a bar ending at `close`; prices divided and volume multiplied by `ratio`."""
    return _bar(symbol, 86400, close, (day.open, day.high, day.low, day.close), day.volume, ratio, history=history)


def _bar(
    symbol: Symbol,
    span_s: int,
    ts: int,
    ohlc: tuple[int, int, int, int],
    volume: int,
    ratio: float = 1.0,
    *,
    history: bool = False,
) -> Bar:
    o, h, lo, c = (p / PIPS / ratio for p in ohlc)
    return Bar(
        ts=ts, symbol=symbol, span_s=span_s, open=o, high=h, low=lo, close=c, volume=volume * ratio, history=history
    )
