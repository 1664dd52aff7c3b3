"""Recorded data as a market: what is shown when, what is built, what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

import pytest

from tradingd.core.events import Bar, DividendDue, Quote, Split
from tradingd.core.types import NS, Instrument, Price, Symbol
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.market import CorporateAction, Item, Market, SessionClose, SessionOpen
from tradingd_adapters.sim.quoting import UNKNOWN_SIZE, QuotingSettings
from tradingd_adapters.sim.tape import Happening, Shown, Tape

A, B = Symbol("A"), Symbol("B")
TABLE = session_table("XNYS")
DAY_S = 86_400


class Trade(NamedTuple):
    ts: int
    symbol: Symbol
    price: float
    size: float


def session(date: str) -> tuple[int, int]:
    found = TABLE.session(date)
    assert found is not None
    return found.open_ns, found.close_ns


OPEN, CLOSE = session("2008-03-03")
NEXT, NEXT_CLOSE = session("2008-03-04")


def quote(ts: int, bid: float, ask: float, size: float = 100.0, symbol: Symbol = A) -> Quote:
    return Quote(symbol, bid, ask, ts, bid_size=size, ask_size=size, seq=ts, source="data")


def bar(
    ts: int, span_s: int, o: float, h: float, lo: float, c: float, volume: float = 1000.0, symbol: Symbol = A
) -> Bar:
    return Bar(ts=ts, symbol=symbol, span_s=span_s, open=o, high=h, low=lo, close=c, volume=volume)


def tape(happenings: Iterable[Happening], *, start: int = 0, shown: Shown | None = None, sessions: bool = True) -> Tape:
    instruments = [Instrument(symbol=A), Instrument(symbol=B)]
    how = shown or Shown("quotes")
    table = TABLE if sessions else None
    return Tape(
        happenings, instruments, {A: how, B: how}, start=start, table=table, quoting=QuotingSettings(spread_bps=0)
    )


def told(items: Iterable[Item], kind: type) -> list[Item]:
    return [item for item in items if isinstance(item.what, kind)]


def content(item: Item) -> tuple[object, ...]:
    what = item.what
    if isinstance(what, Quote):
        return (item.ts, *(getattr(what, name) for name in Quote.__slots__))
    return (item.ts, what)


def recorded(market: Market) -> Iterator[Happening]:
    """The shipped days as somebody would have recorded them."""
    for item in market.items():
        ts, what = item.ts, item.what
        if isinstance(what, Quote | Bar):
            yield what
        elif isinstance(what, CorporateAction) and what.kind == "split":
            yield Split(ts=ts, symbol=what.symbol, ratio=float(what.value), action_id=what.id)
        elif isinstance(what, CorporateAction):
            yield DividendDue(ts=ts, symbol=what.symbol, per_share=Price(what.value), action_id=what.id)


@pytest.mark.parametrize(
    "span", [("2005-02-22", "2005-03-08"), ("2007-11-19", "2007-11-27"), ("2012-05-17", "2012-05-22")]
)
def test_what_the_shipped_market_shows_a_tape_of_it_shows_again(span: tuple[str, str]) -> None:
    """T2: quotes, bars, sessions, short days, splits and dividends, item by item and moment by moment."""
    first, again = Market(start=span[0], end=span[1]), Market(start=span[0], end=span[1])
    shown = dict.fromkeys(first.symbols, Shown("quotes", build=()))
    copy = Tape(recorded(again), again.instruments(), shown, start=0, table=TABLE)
    assert [content(item) for item in copy.items()] == [content(item) for item in first.items()]


def test_bars_are_built_of_quotes_by_session() -> None:
    """T2: half-hours counted from the open, the last one ends with the session and holds its close; the day a second after it."""
    half = 1800 * NS
    made = tape([
        quote(OPEN, 10.0, 10.2), quote(OPEN + half - 1, 11.0, 11.2), quote(OPEN + half, 9.0, 9.2), quote(CLOSE - 1, 9.4, 9.6),
        quote(CLOSE, 9.6, 9.8), quote(NEXT, 9.0, 9.0),
    ])  # fmt: skip
    bars = [
        (i.ts, i.what.span_s, i.what.ts, i.what.open, i.what.high, i.what.low, i.what.close)
        for i in told(made.items(), Bar)
    ]
    assert bars == [
        (OPEN + half, 1800, OPEN + half, 10.1, 11.1, 10.1, 11.1),
        (OPEN + 2 * half, 1800, OPEN + 2 * half, 9.1, 9.1, 9.1, 9.1),
        (CLOSE, 1800, CLOSE, 9.5, 9.7, 9.5, 9.7),
        (CLOSE + NS, DAY_S, CLOSE, 10.1, 11.1, 9.1, 9.7),
        (NEXT + half, 1800, NEXT + half, 9.0, 9.0, 9.0, 9.0),
        (NEXT_CLOSE + NS, DAY_S, NEXT_CLOSE, 9.0, 9.0, 9.0, 9.0),
    ]


@pytest.mark.parametrize("span", [60, 300, 900])
@pytest.mark.parametrize("symbols", [(A,), (A, B)])
def test_a_built_bar_holds_all_the_shorter_ones_that_end_with_it(span: int, symbols: tuple[Symbol, ...]) -> None:
    """T2: one half-hour each, published once and whole, whoever else has a bar at the same moment; the day is whole as well."""
    ends = range(OPEN + span * NS, CLOSE + 1, span * NS)
    rows = [
        bar(end, span, 10.0 + i, 11.0 + i, 9.0 + i, 10.5 + i, 100.0, symbol)
        for i, end in enumerate(ends)
        for symbol in symbols
    ]
    items = list(tape(rows, shown=Shown("bars", span, inside=1800)).items())
    n = 1800 // span
    for symbol in symbols:
        built = [item.what for item in told(items, Bar) if item.what.symbol == symbol]
        assert [(b.ts, b.span_s) for b in built] == [
            *((OPEN + i * 1800 * NS, 1800) for i in range(1, 14)), (CLOSE, DAY_S),
        ]  # fmt: skip
        for i, each in enumerate(built[:-1]):
            first, last = i * n, i * n + n - 1
            assert (each.open, each.high, each.low, each.close) == (10.0 + first, 11.0 + last, 9.0 + first, 10.5 + last)
            assert each.volume == 100.0 * n
        assert built[-1].volume == 100.0 * len(ends)


def test_a_bar_that_reaches_past_the_close_belongs_to_the_session_it_begins_in() -> None:
    """T2: hours from the half hour on: the last one is shown until the close and counts in its day."""
    hour = 3600 * NS
    rows = [bar(OPEN + i * hour, 3600, 10.0, 11.0 + i, 9.0, 10.5 + i, 100.0) for i in range(1, 8)]
    rows += [bar(NEXT + hour, 3600, 20.0, 21.0, 19.0, 20.5, 100.0)]
    assert rows[6].ts > CLOSE
    made = tape(rows, shown=Shown("bars", 3600, build=(DAY_S,), inside=3600))
    items = list(made.items())
    assert [item.ts for item in items] == sorted(item.ts for item in items)
    first, _ = [item.what for item in told(items, Bar) if item.what.span_s == DAY_S]
    assert (first.ts, first.high, first.close, first.volume) == (CLOSE, 18.0, 17.5, 700.0)
    quotes = [item.ts for item in told(items, Quote) if item.ts < NEXT]
    assert max(quotes) == CLOSE
    assert made.cut == {A: 1}


def test_recorded_bars_of_one_span_below_a_day_are_told() -> None:
    """T2: the others make the path, and no time counts twice."""
    half = 1800 * NS
    rows = [
        bar(OPEN + half // 2, 900, 10, 11, 9, 10),
        bar(OPEN + half, 900, 10, 11, 9, 10),
        bar(OPEN + half, 1800, 10, 12, 9, 10),
    ]
    for inside, spans in ((0, [900, 900, 1800]), (1800, [1800]), (900, [900, 900])):
        items = tape(rows, shown=Shown("bars", 900, build=(), inside=inside)).items()
        assert [item.what.span_s for item in told(items, Bar)] == spans


def test_items_are_in_order_and_nothing_of_a_bar_is_shown_before_its_time() -> None:
    """T2: of two symbols with bars read at their ends, paths are shown within them, and each bar after all of its path."""
    minute = 60 * NS
    rows: list[Happening] = []
    for i in range(1, 30):
        rows += [bar(OPEN + i * minute, 60, 10 + i, 12 + i, 9 + i, 11 + i, symbol=each) for each in (A, B)]
    items = list(tape(rows, shown=Shown("bars", 60)).items())
    assert [item.ts for item in items] == sorted(item.ts for item in items)
    for symbol in (A, B):
        for i in range(1, 30):
            begin, end = OPEN + (i - 1) * minute, OPEN + i * minute
            mine = [(x.ts, x.what) for x in items if getattr(x.what, "symbol", "") == symbol]
            where = mine.index((end, bar(end, 60, 10 + i, 12 + i, 9 + i, 11 + i, symbol=symbol)))
            quotes = [what for _, what in mine[:where] if isinstance(what, Quote)]
            mids = [(q.bid + q.ask) / 2 for q in quotes if begin <= q.ts <= end][-4:]
            assert [round(mid - i, 1) for mid in mids] == [
                10.0,
                9.0,
                12.0,
                11.0,
            ]  # a bar that rose: open, low, high, close
            assert max(q.ts for q in quotes) == end


def test_a_day_is_a_path_through_its_session() -> None:
    """T2: from the open to the close of the exchange, every five minutes, half-hours made of it, its own bar a second late."""
    items = list(
        tape([bar(CLOSE, DAY_S, 10.0, 12.0, 9.0, 11.0, 7900.0)], shown=Shown("bars", DAY_S, build=(1800,))).items()
    )
    quotes = [item.what for item in told(items, Quote)]
    assert [q.ts for q in quotes] == [OPEN + i * 300 * NS for i in range(79)]
    assert {q.bid_size for q in quotes} == {10.0}
    halves = [item.what for item in told(items, Bar) if item.what.span_s == 1800]
    assert [b.ts for b in halves] == [OPEN + i * 1800 * NS for i in range(1, 14)]
    assert (halves[0].open, halves[-1].close) == (10.0, 11.0)
    assert (min(b.low for b in halves), max(b.high for b in halves)) == (9.0, 12.0)
    assert items[-1].ts == CLOSE + NS
    assert items[-1].what == bar(CLOSE, DAY_S, 10.0, 12.0, 9.0, 11.0, 7900.0)


def test_a_trade_is_a_quote_of_its_size() -> None:
    """T2: a size that the data does not know bounds nothing."""
    items = tape([Trade(OPEN, A, 10.0, 300.0), Trade(OPEN + 1, A, 10.05, 0.0)], shown=Shown("trades", build=())).items()
    shown = [(q.bid, q.ask, q.bid_size, q.ask_size) for q in (item.what for item in told(items, Quote))]
    assert shown == [(10.0, 10.01, 300.0, 300.0), (10.05, 10.06, UNKNOWN_SIZE, UNKNOWN_SIZE)]


def test_what_nobody_could_have_traded_at_is_left_out_and_counted() -> None:
    """T2: crossed, not finite, not positive, high below low; the rest is shown."""
    nan, inf = float("nan"), float("inf")
    rows: list[Happening] = [
        quote(OPEN, 10.0, 9.0), quote(OPEN, nan, 9.0), quote(OPEN, 0.0, 1.0), quote(OPEN, 1.0, inf), quote(OPEN, 1.0, 2.0, nan),
        bar(OPEN, 60, 10.0, 9.0, 11.0, 10.0), bar(OPEN, 60, 1.0, 2.0, 1.0, 1.0, -1.0), Trade(OPEN, A, -1.0, 1.0),
        Trade(OPEN, A, nan, 1.0),
        quote(OPEN, 10.0, 10.1),
    ]  # fmt: skip
    made = tape(rows)
    quotes = told(made.items(), Quote)
    assert [(item.what.bid, item.what.ask) for item in quotes] == [(10.0, 10.1)]
    assert made.bad == {A: 9}


def test_sessions_open_and_close_with_the_table_and_holes_are_named() -> None:
    """T2: what is seen before the open does not open it; a session without data is skipped and told."""
    early = quote(OPEN - 3600 * NS, 9.0, 9.1)
    later, _ = session("2008-03-06")
    made = tape([early, quote(OPEN + NS, 10.0, 10.1), quote(CLOSE + NS, 10.0, 10.1), quote(later, 11.0, 11.1)])
    seen = [(item.ts, type(item.what).__name__) for item in made.items() if not isinstance(item.what, Bar)]
    assert seen == [
        (early.ts, "Quote"), (OPEN, "SessionOpen"), (OPEN + NS, "Quote"), (CLOSE, "SessionClose"), (CLOSE + NS, "Quote"),
        (later, "SessionOpen"), (later, "Quote"), (session("2008-03-06")[1], "SessionClose"),
    ]  # fmt: skip
    assert made.skipped == ["2008-03-04", "2008-03-05"]


@pytest.mark.parametrize("span", [DAY_S, 1800])
def test_a_hole_of_one_symbol_is_named(span: int) -> None:
    """T2: B has a price each day, A not."""
    dates = ["2008-03-03", "2008-03-04", "2008-03-05", "2008-03-06"]
    closes = [session(day)[1] for day in dates]
    rows = [
        bar(close, span, 10, 11, 9, 10, symbol=each)
        for i, close in enumerate(closes)
        for each in (A, B)
        if each == B or i in (0, 3)
    ]
    made = tape(rows, shown=Shown("bars", span, build=()))
    assert len(told(made.items(), Bar)) == 6
    assert (made.holes, made.skipped) == ({A: dates[1:3]}, [])


def test_without_a_table_days_go_from_midnight_to_midnight() -> None:
    """T2: the venue is open whenever there is data."""
    midnight = OPEN // (DAY_S * NS) * (DAY_S * NS)
    made = tape([quote(midnight - NS, 1.0, 1.1), quote(midnight, 1.0, 1.1)], sessions=False)
    seen = [
        (item.ts, type(item.what).__name__)
        for item in made.items()
        if isinstance(item.what, SessionOpen | SessionClose)
    ]
    day = DAY_S * NS
    assert seen == [
        (midnight - day, "SessionOpen"), (midnight - 1, "SessionClose"), (midnight, "SessionOpen"),
        (midnight + day - 1, "SessionClose"),
    ]  # fmt: skip


def test_history_is_what_had_closed_adjusted_for_the_splits_by_then() -> None:
    """T2, F9: days before the start are learned from and not shown; a split to come changes nothing yet."""
    rows: list[Happening] = [
        bar(CLOSE, DAY_S, 10.0, 12.0, 9.0, 11.0), Split(ts=NEXT - 1800 * NS, symbol=A, ratio=2.0, action_id="s"),
        bar(NEXT_CLOSE, DAY_S, 5.0, 6.0, 4.5, 5.5), quote(session("2008-03-05")[0], 5.5, 5.6),
    ]  # fmt: skip
    made = tape(rows, start=session("2008-03-05")[0] - NS, shown=Shown("quotes", build=()))
    items = list(made.items())
    assert not told(items, Bar)
    assert not told(items, CorporateAction)
    before, after = made.history(A, 5, CLOSE), made.history(A, 5, NEXT_CLOSE)
    assert [(b.open, b.volume, b.history) for b in before] == [(10.0, 1000.0, True)]
    assert [(b.open, b.volume) for b in after] == [(5.0, 2000.0), (5.0, 1000.0)]
    assert made.history(A, 1, NEXT_CLOSE) == after[-1:]
    assert made.history(B, 5, NEXT_CLOSE) == []


def test_the_price_grid_is_the_instruments_own() -> None:
    """T2: a currency pair is quoted to the fifth place."""
    pair = Instrument(symbol=A, tick=Decimal("0.00001"))
    made = Tape([Trade(OPEN, A, 1.234567, 5.0)], [pair], {A: Shown("trades", build=())}, start=0, table=None)
    (shown,) = told(made.items(), Quote)
    assert (shown.what.bid, shown.what.ask) == (1.23444, 1.23469)  # 2 bp of it are 24.7 ticks, rounded up
