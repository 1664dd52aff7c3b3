"""The market of the simulated venue shows the real days, and the same ones everywhere."""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from tradingd.core.events import Bar, Quote
from tradingd.core.types import NS, Symbol
from tradingd_adapters.sim.market import (
    PIPS,
    SYMBOLS,
    CorporateAction,
    Day,
    Market,
    SessionClose,
    SessionOpen,
    bid_ask,
    load_actions,
    load_days,
    mix,
    mixes,
    path,
    xnys_hours,
)  # fmt: skip

AAPL = Symbol("AAPL")


def quotes(market: Market) -> list[Quote]:
    return [i.what for i in market.items() if isinstance(i.what, Quote)]


def test_the_whole_file_has_no_bad_bar_and_every_session_has_its_hours() -> None:
    """T2: load_days refuses contradictions; the XNYS table knows every date of the data."""
    days = load_days()
    hours = xnys_hours()
    assert sum(len(rows) for rows in days.values()) == 12154
    assert [d.date for rows in days.values() for d in rows if hours(d.date) is None] == []


def test_every_path_touches_the_real_open_high_low_and_close_and_nothing_beyond() -> None:
    """T2: all 12,154 real days, full and short sessions."""
    for symbol, rows in load_days().items():
        for day in rows:
            for slots in (79, 43):
                line = path(symbol, day, slots)
                assert len(line) == slots
                assert (line[0], max(line), min(line), line[-1]) == (day.open, day.high, day.low, day.close)


def test_a_rising_day_sees_its_low_first() -> None:
    rising, falling = Day("2000-01-03", 100, 200, 50, 150, 1), Day("2000-01-03", 150, 200, 50, 100, 1)
    up, down = (path("AAPL", d, 79) for d in (rising, falling))
    assert up.index(50) < up.index(200)
    assert down.index(200) < down.index(50)


def test_a_quote_stands_around_the_path_with_the_stated_spread() -> None:
    for pips in range(5000, 9_000_000, 7919):
        bid, ask = bid_ask(pips)
        assert bid * 100 <= pips <= ask * 100
        assert ask - bid == max(1, -(-pips * 2 // (PIPS * 100)))


def test_a_full_session_has_79_quotes_and_a_short_one_fewer() -> None:
    """E6 of RELIABILITY: 2004-11-26 closed at 13:00; 43 quotes, the last at the close."""
    market = Market(start="2004-11-24", end="2004-11-26", symbols=[AAPL])
    hours = xnys_hours()
    seen = quotes(market)
    full, short = hours("2004-11-24"), hours("2004-11-26")
    assert full is not None
    assert short is not None
    first = [q.ts for q in seen if q.ts <= full[1]]
    assert (len(first), first[0], first[-1]) == (79, full[0], full[1])
    rest = [q.ts for q in seen if q.ts > full[1]]
    assert (len(rest), rest[0], rest[-1]) == (43, short[0], short[1])


def test_quotes_are_the_same_on_every_machine() -> None:
    """The synthesised path is whole-number arithmetic: a pinned checksum over 2012 of all five symbols."""
    digest = hashlib.sha256()
    for q in quotes(Market(start="2012-01-01", end="2012-12-31")):
        digest.update(f"{q.symbol},{q.ts},{q.bid!r},{q.ask!r},{q.bid_size!r},{q.ask_size!r},{q.seq}\n".encode())
    assert digest.hexdigest() == "75aa94c6b20b46804a70e533b1ee4ec28ea4ef3f1559926bbabd46249970610e"


def test_the_hash_is_pinned() -> None:
    assert mix("AAPL", "2005-03-07", 3) == 5303773084308861448
    assert mixes(4, "AAPL", "2005-03-07")[3] == 5303773084308861448
    for n in (0, 1, 79, 256, 300):
        assert mixes(n, "AAPL", 7) == [mix("AAPL", 7, last) for last in range(n)]


def test_items_come_in_order_of_time_and_sessions_open_before_their_quotes() -> None:
    is_open = False
    last = 0
    for item in Market(start="2012-12-20", end="2013-01-04").items():
        assert item.ts >= last
        last = item.ts
        if isinstance(item.what, SessionOpen | SessionClose):
            is_open = isinstance(item.what, SessionOpen)
        elif isinstance(item.what, Quote):
            assert is_open


def test_thirty_minute_bars_and_the_real_daily_bar() -> None:
    """13 bars of the path whose extremes are the day's; the daily bar is the real one, published 1 s after the close."""
    market = Market(start="2005-03-07", end="2005-03-07", symbols=[AAPL])
    bars = [(i.ts, i.what) for i in market.items() if isinstance(i.what, Bar)]
    half = [b for _, b in bars if b.span_s == 1800]
    ts, daily = bars[-1]
    day = market.day(AAPL, "2005-03-07")
    assert day is not None
    assert len(half) == 13
    assert [b.ts - a.ts for a, b in pairwise(half)] == [1800 * NS] * 12
    assert (daily.span_s, daily.ts + NS) == (86400, ts)
    assert (daily.open, daily.high, daily.low, daily.close) == tuple(p / PIPS for p in day[1:5])
    assert max(b.high for b in half) == daily.high
    assert min(b.low for b in half) == daily.low
    assert (half[0].open, half[-1].close) == (daily.open, daily.close)


def test_actions_come_before_the_open_of_their_day() -> None:
    """F9: split of 2005-02-28; prices halve at that open."""
    items = list(Market(start="2005-02-25", end="2005-02-28", symbols=[AAPL]).items())
    at = next(i for i, item in enumerate(items) if isinstance(item.what, CorporateAction))
    before = [i.what for i in items[:at] if isinstance(i.what, Quote)]
    after = [i.what for i in items[at:] if isinstance(i.what, Quote)]
    assert items[at].ts < after[0].ts
    assert 0.45 < after[0].bid / before[-1].bid < 0.55
    assert Counter(a.kind for a in load_actions()) == {"dividend": 92, "split": 3}


def test_history_is_continuous_over_a_split_and_knows_no_future() -> None:
    """E3: as of the day before the split nothing is adjusted; after it all earlier bars are, and no day jumps by half."""
    market = Market()
    hours = xnys_hours()
    before, after = hours("2005-02-25"), hours("2005-02-28")
    assert before is not None
    assert after is not None
    old = market.history(AAPL, 5, before[1])
    new = market.history(AAPL, 5, after[1])
    assert old[-1].ts == before[1]
    assert old[-1].close == 88.99
    assert new[-2].close == 88.99 / 2
    assert new[-2].volume == old[-1].volume * 2
    assert all(0.8 < b.close / a.close < 1.25 for a, b in pairwise(new))
    assert market.history(AAPL, 1, before[1] - 1)[-1].ts < before[1]


def test_a_session_without_hours_is_left_out_and_named() -> None:
    """T2: missing data is noted and skipped."""
    known = xnys_hours()
    market = Market(hours=lambda d: None if d == "2005-03-08" else known(d), start="2005-03-07", end="2005-03-09")
    dates = [i.what.date for i in market.items() if isinstance(i.what, SessionOpen)]
    assert dates == ["2005-03-07", "2005-03-09"]
    assert market.skipped == ["2005-03-08"]


def test_a_symbol_without_data_is_refused() -> None:
    with pytest.raises(ValueError, match="TSLA"):
        Market(symbols=[Symbol("TSLA")])


def test_instruments_are_on_the_grid_of_the_quotes() -> None:
    market = Market()
    assert {i.symbol for i in market.instruments()} == set(SYMBOLS)
    assert {(i.tick, i.lot) for i in market.instruments()} == {(Decimal("0.01"), Decimal(1))}
