"""The market of a run: the shipped days, or a store of recorded data. Source: T2."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tradingd.app import instrument_of
from tradingd.backtest.options import DEMO, Options
from tradingd.config import Config
from tradingd.core.gates.window import SessionTable
from tradingd.core.types import NS, AccountId, Instrument, Symbol
from tradingd.core.views.performance import YEAR
from tradingd.ports import Disk, Misconfigured
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.columns import ColumnTape
from tradingd_adapters.sim.market import FIRST, LAST, SYMBOLS, Feed, Market
from tradingd_adapters.sim.quoting import SLOT_NS, QuotingSettings
from tradingd_adapters.sim.tape import DAY, Happening, Shown, Tape

if TYPE_CHECKING:
    from tradingd.lab.data.feed import Note, Want
    from tradingd.lab.data.kinds import Kind
    from tradingd.lab.data.store import Part, Store

DAY_S = 86_400
HALF_HOUR_S = 1800
BUILT = (HALF_HOUR_S, DAY_S)  # bars that strategies and ranges are shown, made where the data has none


class Source(msgspec.Struct, frozen=True):
    """market: for the exchange.   begin, end: ISO days, both included.   since, until: the same in ns.   notes: what is missing, as
    far as it is known before the run.   sessions_a_year: what figures are annualised by."""

    market: Feed
    begin: str
    end: str
    since: int
    until: int
    notes: tuple[str, ...] = ()
    sessions_a_year: int = YEAR

    def found(self) -> list[str]:
        """What was skipped, known after the run."""
        notes = []
        skipped = getattr(self.market, "skipped", [])
        if skipped:
            notes.append(f"{len(skipped)} sessions without data were skipped: {_listed(skipped)}")
        if isinstance(self.market, Tape):
            told = set(skipped)
            gaps = {
                symbol: [day for day in days if day not in told] for symbol, days in sorted(self.market.holes.items())
            }
            notes += [
                f"{symbol}: {len(days)} sessions without data: {_listed(days)}" for symbol, days in gaps.items() if days
            ]
            notes += [
                f"{symbol}: {n} rows nobody could have traded at were left out"
                for symbol, n in sorted(self.market.bad.items())
            ]
            notes += [
                f"{symbol}: {n} bars reach past the close; what they show was put into the session they begin in"
                for symbol, n in sorted(self.market.cut.items())
            ]
        return notes


def source_of(options: Options, config: Config, account: AccountId, disk: Disk) -> Source:
    """Raises Misconfigured naming the option, DataError for data that cannot be read, Missing without the lab's libraries."""
    if options.data == DEMO:
        return _demo(options, config, account)
    from tradingd.lab.data.extra import need

    need()
    root = Path(options.data)
    if not root.is_dir():
        hint = "; bring a file into a store first: tradingd data import" if root.is_file() else ", and no file"
        raise Misconfigured(f"--data {options.data!r}: neither demo nor the folder of a store{hint}")
    from tradingd.lab.data.store import Store

    return _Recorded(Store(root, disk), options, config, account).source()


def _demo(options: Options, config: Config, account: AccountId) -> Source:
    begin, end = options.begin or "2008-01-02", options.end or "2008-12-31"
    symbols = tuple(Symbol(s) for s in options.symbols) or SYMBOLS
    unknown = sorted(set(symbols) - set(SYMBOLS))
    if unknown:
        raise Misconfigured(f"--symbol {unknown[0]!r}: the shipped data has {', '.join(SYMBOLS)}")
    if end < FIRST or begin > LAST:
        raise Misconfigured(f"--from {begin} --to {end}: the shipped data covers {FIRST} to {LAST}")
    market = Market(start=begin, end=end, symbols=symbols)
    for plain in market.instruments():
        instrument = instrument_of(config)(plain)
        if instrument.multiplier != plain.multiplier:
            raise Misconfigured(
                f"instruments.{plain.symbol}.multiplier is {instrument.multiplier}: the shipped data is of shares, 1 each"
            )
        _check_currency(instrument, config.accounts[account].currency)
    return Source(market, begin, end, _midnight(begin), _midnight(end) + DAY)


def _check_currency(instrument: Instrument, currency: str) -> None:
    if instrument.currency != currency:
        raise Misconfigured(
            f"instruments.{instrument.symbol}.currency is {instrument.currency}, the account's is {currency}: no rates are recorded"
        )


class _Recorded:
    """What of a store is used for one run."""

    def __init__(self, store: Store, options: Options, config: Config, account: AccountId) -> None:
        self.store, self.options, self.config = store, options, config
        self.currency = config.accounts[account].currency
        kinds: dict[Symbol, dict[str, Kind]] = {}
        for kind, symbol in store.holdings():
            kinds.setdefault(Symbol(symbol), {})[kind.name] = kind
        self.kinds = {s: found for s, found in kinds.items() if set(found) != {"actions"}}
        asked = options.symbols or tuple(sorted(self.kinds))
        missing = sorted(set(asked) - set(self.kinds))
        if missing or not asked:
            raise Misconfigured(
                f"--data {options.named}: there is no data{' of ' + ', '.join(missing) if missing else ''}"
            )
        self.symbols = [Symbol(s) for s in sorted(asked)]
        self.shown = {symbol: shown_by(self.kinds[symbol]) for symbol in self.symbols}

    def source(self) -> Source:
        from tradingd.lab.data.unrecorded import in_parts

        instruments = [self._instrument(symbol) for symbol in self.symbols]
        table = self._table(instruments)
        begin, end = self.options.begin or self._edge(first=True), self.options.end or self._edge(first=False)
        since, until = _midnight(begin), _midnight(end) + DAY
        notes = [*self.options.notes, *(_words(note) for note in self._missing(since, until))]
        notes += in_parts([part for symbol in self.symbols for part in self._parts(symbol)], since, until)
        notes += self._doubts(table)
        costs = self.options.costs
        from tradingd.backtest.prints import PrintTape

        quoting = QuotingSettings(spread_bps=costs.spread_bps, size_share=costs.size_share)
        kinds = {shown.source for shown in self.shown.values()}
        if kinds in ({"quotes"}, {"trades"}):
            (kind,) = kinds
            market: Tape = (ColumnTape if kind == "quotes" else PrintTape)(
                self._blocks(kind, since, until), self._happenings(since, until, but=kind), instruments, self.shown, start=since,
                table=table, quoting=quoting,
            )  # fmt: skip
        else:
            market = Tape(
                self._happenings(since, until), instruments, self.shown, start=since, table=table, quoting=quoting
            )
        return Source(market, begin, end, since, until, tuple(notes), YEAR if table is not None else 365)

    def _instrument(self, symbol: Symbol) -> Instrument:
        from tradingd.lab.data.store import described

        calendar = self._calendar(symbol)
        plain = described(self._parts(symbol)) or Instrument(symbol=symbol, currency=self.currency)
        instrument = instrument_of(self.config)(msgspec.structs.replace(plain, calendar=calendar))
        _check_currency(instrument, self.currency)
        return instrument

    def _calendar(self, symbol: Symbol) -> str:
        """Of the prices; those imported without one follow those with one. Actions may have been imported without."""
        from tradingd.lab.data.calendars import NONE

        keys = {part.meta.calendar for part in self._parts(symbol)}
        return min(keys - {NONE}, default=NONE)

    def _table(self, instruments: list[Instrument]) -> SessionTable | None:
        keys = sorted({i.calendar for i in instruments})
        if len(keys) > 1:
            raise Misconfigured(f"--symbol: the venue keeps one calendar in a run, these follow {', '.join(keys)}")
        try:
            return session_table(keys[0])
        except FileNotFoundError:
            return None

    def _prices(self, symbol: Symbol) -> list[Kind]:
        return [kind for name, kind in self.kinds[symbol].items() if name != "actions"]

    def _parts(self, symbol: Symbol) -> list[Part]:
        return [part for kind in self._prices(symbol) for part in self.store.parts(kind, symbol)]

    def _edge(self, *, first: bool) -> str:
        """Of what is shown: days that reach further back are only learned from."""
        from tradingd.lab.data.days import date_of

        kinds = [(s, self.kinds[s][name_shown(self.shown[s])]) for s in self.symbols]
        held = [(kind, part.meta) for symbol, kind in kinds for part in self.store.parts(kind, symbol)]
        dates = [date_of(kind, meta, meta.first if first else meta.last) for kind, meta in held]
        return min(dates) if first else max(dates)

    def _blocks(self, kind: str, since: int, until: int) -> Iterator[Block]:
        """All quotes, or trades, as columns; of symbols without days from long before."""
        from tradingd.lab.data.columns import quote_rows

        early = since - self.options.warm_up_days * DAY
        begins = {symbol: since if f"bars-{DAY_S}" in self.kinds[symbol] else early for symbol in self.symbols}
        for rows in quote_rows(self.store, begins, until, kind):
            yield Block(self.symbols, *rows)

    def _happenings(self, since: int, until: int, *, but: str = "") -> Iterator[Happening]:
        """Days and actions from long before, to learn from; what is shown from `since` on, or as early where there are no days."""
        from tradingd.lab.data.feed import merged

        early = since - self.options.warm_up_days * DAY
        learned, late, soon = self._wants()
        if but:
            late, soon = ([want for want in wants if want.kind.name != but] for wants in (late, soon))
        streams = (
            merged(self.store, learned, early, until),
            merged(self.store, soon, early, until),
            merged(self.store, late, since, until),
        )
        return heapq.merge(*streams, key=lambda happening: happening.ts)

    def _wants(self) -> tuple[list[Want], list[Want], list[Want]]:
        """(days and actions; the rest of symbols with days; the rest of symbols without)."""
        from tradingd.lab.data.feed import Want

        learned: list[Want] = []
        late: list[Want] = []
        soon: list[Want] = []
        for symbol in self.symbols:
            has_days = f"bars-{DAY_S}" in self.kinds[symbol]
            for kind in self.kinds[symbol].values():
                want = Want(kind, symbol)
                if kind.name in ("actions", f"bars-{DAY_S}"):
                    learned.append(want)
                elif kind.span_s or kind.name == self.shown[symbol].source:
                    (late if has_days else soon).append(want)
        return learned, late, soon

    def _missing(self, since: int, until: int) -> list[Note]:
        from tradingd.lab.data.feed import merged

        learned, late, soon = self._wants()
        return merged(self.store, [*learned, *late, *soon], since, until).notes

    def _doubts(self, table: SessionTable | None) -> list[str]:
        notes = []
        if table is None:
            notes.append("the data follows no sessions: entries are refused where the instrument has no session table")
        days = [symbol for symbol, shown in self.shown.items() if shown.span_s == DAY_S]
        if days:
            notes.append(f"{', '.join(days)}: only days are recorded, what happens inside of them is made up by rule")
        coarse = [s for s, shown in self.shown.items() if shown.inside not in (0, HALF_HOUR_S)]
        if coarse:
            notes.append(
                f"{', '.join(coarse)}: no half-hours can be built of what is recorded; strategies see other bars below a day"
            )
        apart = max((min(s.span_s * NS, SLOT_NS) for s in self.shown.values() if s.source == "bars"), default=0) / NS
        if apart > self.config.risk.price_max_age_s:
            notes.append(
                f"bars show a price every {apart:.0f} s, and risk.price_max_age_s is {self.config.risk.price_max_age_s:g}: "
                "entries between two of them are refused as stale"
            )
        return notes


def shown_by(kinds: dict[str, Kind]) -> Shown:
    """Quotes before trades before the shortest bars. Bars of BUILT spans are made where the data has none and is finer, half-hours
    only of bars that fill them, and of the path that days are shown by. Bars of one span below a day are told of: half-hours, else
    the shortest recorded; two would count the same time twice."""
    bars = sorted(kind.span_s for kind in kinds.values() if kind.span_s)
    if "quotes" in kinds or "trades" in kinds:
        source, span = "quotes" if "quotes" in kinds else "trades", 0
    else:
        source, span = "bars", bars[0]
    build = tuple(
        each for each in BUILT if each not in bars and (DAY_S in (each, span) or not span or each % span == 0)
    )
    within = [each for each in bars if each < DAY_S]
    inside = HALF_HOUR_S if HALF_HOUR_S in (*build, *bars) else min(within, default=0)
    return Shown(source, span, build, inside)


def name_shown(shown: Shown) -> str:
    """The kind of data that a symbol is shown by."""
    return f"bars-{shown.span_s}" if shown.source == "bars" else shown.source


def _listed(days: list[str]) -> str:
    return ", ".join(days[:10]) + (", ..." if len(days) > 10 else "")


def _midnight(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)) // timedelta(days=1) * DAY


def _words(note: Note) -> str:
    return f"{note.symbol} {note.kind}: {note.why}"
