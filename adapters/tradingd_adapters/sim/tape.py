"""Recorded data as the market of the simulated venue: quotes as they are, prints and bars by the rules of `quoting`, sessions from
the instruments' table, bars that the data lacks built from what it has. Source: T2.

Nothing is shown before its time: a bar's path is shown while it lasts, the bar itself at its end, a day's bar a second after the
close. What is asked for and not there is skipped and named in `skipped`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from math import inf

import msgspec
from msgspec.structs import replace

from tradingd.core.events import Bar, DividendDue, Quote, Split
from tradingd.core.gates.window import Session, SessionTable
from tradingd.core.signals.bars import is_usable
from tradingd.core.types import NS, Instrument, Symbol
from tradingd_adapters.sim.bars import DAILY_AFTER_NS, DAY_S, FAR, Builders, Prices, adjusted
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.market import CorporateAction, Item, SessionClose, SessionOpen
from tradingd_adapters.sim.quoting import UNKNOWN_SIZE, Print, Quoting, QuotingSettings

HISTORY_MAX = 400
DAY = DAY_S * NS


What = Quote | Block | Bar | CorporateAction
Happening = Quote | Bar | Split | DividendDue | Print


class Shown(msgspec.Struct, frozen=True):
    """How a symbol is shown. source: "quotes", "trades", or "bars" of `span_s` seconds.   build: spans of bars that are made of it,
    because the data has none.   inside: the one span below a day whose recorded bars are told of, 0 for all; those built are."""

    source: str
    span_s: int = 0
    build: tuple[int, ...] = (1800, DAY_S)
    inside: int = 0


class Tape:
    """happenings: in order of time; those before `start` (ns) are only learned from.   shown: by symbol.   table: whose sessions
    the venue keeps; None: days from midnight to midnight, UTC.

    skipped: sessions without any data between the first and the last one shown, ISO dates.   holes: the same by symbol.
    bad: rows by symbol that nobody could have traded at (no positive finite price, crossed, high below low): they are left out.
    cut: bars by symbol that reach past the close; they are shown, and count, within the session they begin in.
    """

    def __init__(
        self, happenings: Iterable[Happening], instruments: Sequence[Instrument], shown: Mapping[Symbol, Shown], *, start: int,
        table: SessionTable | None, quoting: QuotingSettings | None = None,
    ) -> None:  # fmt: skip
        settings = quoting or QuotingSettings()
        self.skipped: list[str] = []
        self.holes: dict[Symbol, list[str]] = {}
        self.bad: Counter[Symbol] = Counter()
        self.cut: Counter[Symbol] = Counter()
        self._happenings = happenings
        self._instruments = list(instruments)
        self._shown = shown
        self._start = start
        self._table = table
        self._quoting = {i.symbol: Quoting(i, settings) for i in instruments}
        late = {symbol: each.span_s * NS for symbol, each in shown.items() if each.source == "bars"}
        self._builders = Builders({symbol: each.build for symbol, each in shown.items()}, late, self._put)
        self._heap: list[tuple[int, int, What]] = []
        self._n = count(1)
        self._session: Session | None = None  # the venue's, the last one it opened
        self._open = False
        self._last: Session | None = None  # one that a moment was found in
        self._met: dict[Symbol, Session] = {}  # the last one with a price of it
        self._history: dict[Symbol, deque[Bar]] = {i.symbol: deque(maxlen=HISTORY_MAX) for i in instruments}
        self._splits: dict[Symbol, list[tuple[int, float]]] = {}
        self._horizon = max(late.values(), default=0)

    def instruments(self) -> list[Instrument]:
        """What can be traded here."""
        return list(self._instruments)

    def items(self) -> Iterator[Item]:
        """Everything that happens from `start` on, once, in order of time."""
        for ts, what in self._in_order():
            if ts < self._start:
                self._learn(what)
                continue
            yield from self._sessions_before(ts, opens=isinstance(what, Quote | Block))
            yield Item(ts, what)
            self._learn(what)
        if self._open and self._session is not None:
            yield Item(self._session.close_ns, SessionClose(self._session.date))

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        """The last n daily bars published by asof, oldest first, marked `history`, adjusted for the splits in effect then."""
        found: list[Bar] = []
        for bar in self._history.get(symbol, ()):
            if bar.ts > asof:
                break
            ratio = 1.0
            for ts, each in self._splits.get(symbol, ()):
                ratio *= each if bar.ts < ts <= asof else 1.0
            found.append(adjusted(bar, ratio))
        return found[-n:]

    # order ----------------------------------------------------------------------------------------------------------------

    def _in_order(self) -> Iterator[tuple[int, What]]:
        """What is known too late, a bar's path, is put where it belongs: nothing leaves before the longest bar was read."""
        for happening in self._happenings:
            ts = happening.ts
            if ts >= self._builders.due:
                self._builders.close(ts)
            self._take(happening)
            yield from self._waiting_before(ts - self._horizon)
        self._builders.close(None)
        yield from self._waiting_before(FAR)

    def _waiting_before(self, ts: int) -> Iterator[tuple[int, What]]:
        heap = self._heap
        while heap and heap[0][0] < ts:
            due, _, what = heappop(heap)
            yield due, what

    def _take(self, happening: Happening) -> None:
        if isinstance(happening, Quote):
            self._take_quote(happening)
        elif isinstance(happening, Bar):
            self._take_bar(happening)
        elif isinstance(happening, Split):
            self._act(happening, "split", Decimal(repr(happening.ratio)))
            self._splits.setdefault(happening.symbol, []).append((happening.ts, happening.ratio))
        elif isinstance(happening, DividendDue):
            self._act(happening, "dividend", happening.per_share)
        else:
            self._take_print(happening)

    def _take_quote(self, quote: Quote) -> None:
        if not (0.0 < quote.bid <= quote.ask < inf and 0.0 <= quote.bid_size < inf and 0.0 <= quote.ask_size < inf):
            self.bad[quote.symbol] += 1
            return
        if not quote.bid_size and not quote.ask_size:  # the data does not say
            quote.bid_size = quote.ask_size = UNKNOWN_SIZE
        self._put(quote.ts, quote)
        self._build(quote.symbol, quote.ts, _flat((quote.bid + quote.ask) / 2), 0.0)

    def _take_print(self, trade: Print) -> None:
        if not (0.0 < trade.price < inf and 0.0 <= trade.size < inf):
            self.bad[trade.symbol] += 1
            return
        bid, ask, size = self._quoting[trade.symbol].of_print(trade.price, trade.size)
        self._quote(trade.symbol, trade.ts, bid, ask, size)
        self._build(trade.symbol, trade.ts, _flat(trade.price), trade.size)

    def _take_bar(self, bar: Bar) -> None:
        if not (is_usable(bar) and 0.0 <= bar.volume < inf):
            self.bad[bar.symbol] += 1
            return
        shown = self._shown[bar.symbol]
        if shown.source == "bars" and shown.span_s == bar.span_s:
            self._show_bar(bar)
        if bar.span_s == DAY_S:
            self._put(bar.ts + DAILY_AFTER_NS, bar)
        elif shown.inside in (0, bar.span_s):
            self._put(bar.ts, bar)

    def _show_bar(self, bar: Bar) -> None:
        """Its path; shorter bars are made of a day's path, longer ones of the bar itself."""
        begin = self._begin(bar)
        end = self._end(bar, begin)
        within = bar if end == bar.ts else replace(bar, ts=end)
        points = list(self._quoting[bar.symbol].of_bar(within, begin))
        for ts, price, bid, ask, size in points:
            if bar.span_s == DAY_S:
                self._build(bar.symbol, ts, _flat(price), bar.volume / len(points))
            self._quote(bar.symbol, ts, bid, ask, size)
        if bar.span_s != DAY_S:
            self._build(bar.symbol, end - 1, (bar.open, bar.high, bar.low, bar.close), bar.volume)

    def _build(self, symbol: Symbol, ts: int, ohlc: Prices, volume: float) -> None:
        session = self._session_at(ts)
        if session is not None:
            if session is not self._met.get(symbol):
                self._meet(symbol, session)
            self._builders.add(symbol, session, ts, ohlc, volume)

    def _begin(self, bar: Bar) -> int:
        """A day's bar begins with the session that it closes."""
        begin = bar.ts - bar.span_s * NS
        if bar.span_s == DAY_S:
            session = self._session_at(bar.ts - 1)
            if session is not None:
                return max(begin, session.open_ns)
        return begin

    def _end(self, bar: Bar, begin: int) -> int:
        """A bar that reaches past the close ends with the session, as the trading it tells of did."""
        if self._session_at(bar.ts - 1) is None and (session := self._session_at(begin)) is not None:
            self.cut[bar.symbol] += 1
            return session.close_ns
        return bar.ts

    def _quote(self, symbol: Symbol, ts: int, bid: float, ask: float, size: float) -> None:
        self._put(ts, Quote(symbol, bid, ask, ts, bid_size=size, ask_size=size, seq=next(self._n), source="tape"))

    def _put(self, ts: int, what: What) -> None:
        heappush(self._heap, (ts, next(self._n), what))

    def _act(self, told: Split | DividendDue, kind: str, value: Decimal) -> None:
        date = self._table.local_date(told.ts) if self._table is not None else _date(told.ts)
        self._put(told.ts, CorporateAction(told.symbol, date, kind, value, told.action_id))

    # sessions -------------------------------------------------------------------------------------------------------------

    def _session_at(self, ts: int) -> Session | None:
        last = self._last
        if last is not None and last.open_ns <= ts <= last.close_ns:
            return last
        self._last = _day(ts) if self._table is None else self._table.at(ts)
        return self._last

    def _sessions_before(self, ts: int, *, opens: bool) -> Iterator[Item]:
        """The end of the venue's session and the beginning of the next, as far as they lie before what happens at ts. opens: a
        price is shown, so the venue was open."""
        now = self._session
        if self._open and now is not None and ts > now.close_ns:
            self._open = False
            yield Item(now.close_ns, SessionClose(now.date))
        if self._open:
            return
        fresh = self._session_at(ts) if opens else None
        if fresh is not None:
            self._note_skipped(now, fresh)
            self._session, self._open = fresh, True
            yield Item(fresh.open_ns, SessionOpen(fresh.date, fresh.close_ns))

    def _note_skipped(self, last: Session | None, fresh: Session) -> None:
        if last is not None:
            self.skipped += self._between(last, fresh)

    def _meet(self, symbol: Symbol, fresh: Session) -> None:
        last = self._met.get(symbol)
        if last is not None and (missed := self._between(last, fresh)):
            self.holes.setdefault(symbol, []).extend(missed)
        self._met[symbol] = fresh

    def _between(self, last: Session | None, fresh: Session) -> list[str]:
        """Days of the sessions between two of them, from `start` on."""
        days: list[str] = []
        while self._table is not None and last is not None:
            last = self._table.next_after(last.open_ns)
            if last is None or last.open_ns >= fresh.open_ns:
                break
            if last.open_ns >= self._start:
                days.append(last.date)
        return days

    def _learn(self, what: What) -> None:
        if isinstance(what, Bar) and what.span_s == DAY_S:
            self._history[what.symbol].append(what)


def _day(ts: int) -> Session:
    """The day, UTC, as a session: data without sessions is always open."""
    begin = ts // DAY * DAY
    return Session(_date(ts), begin, begin + DAY - 1)


def _date(ts: int) -> str:
    return datetime.fromtimestamp(ts // NS, UTC).date().isoformat()


def _flat(price: float) -> Prices:
    return price, price, price, price
