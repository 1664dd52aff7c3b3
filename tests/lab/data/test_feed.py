"""The feed: events in order of time, what is missing noted, memory bounded. T2, J5."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.lab.data.rig import DAYS, NANOS, NYSE, bring, csv_of, rows_of, store_in, text_of
from tradingd.core.events import Bar, DividendDue, Quote, Split
from tradingd.core.types import NS, Price, Symbol
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.days import date_of
from tradingd.lab.data.direct import direct
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.feed import Trade, Want, columns, merged
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.report import Request
from tradingd.lab.data.times import Reading, when
from tradingd.shell.env import RealDisk

AT = when("2008-10-06T13:00Z", "")
X = Symbol("X")
MONDAY, LAST = "2008-10-06T20:00:00Z", "2008-10-08T20:00:00Z"
END = Reading(unit="ns", stamp="end", calendar="XNYS")


def test_at_one_moment_actions_come_first_then_bars_trades_and_quotes(tmp_path: Path) -> None:
    """T2: a split is in force before anything is priced after it; a bar is known before the quote that follows it."""
    store = store_in(tmp_path)
    ns = Reading(unit="ns", calendar="XNYS")
    bring(store, csv_of(tmp_path / "q", "ts,bid,ask", [(AT, 1.0, 2.0), (AT, 1.5, 2.0)]), "quotes", ns)
    bring(store, csv_of(tmp_path / "t", "ts,price,size", [(AT, 1.5, 9.0)]), "trades", ns)
    for span in (300, 60):
        bring(store, csv_of(tmp_path / f"{span}", "ts,o,h,l,c,v", [(AT, 1.0, 2.0, 1.0, 2.0, 3.0)]), f"bars-{span}", END)
    actions = "symbol,ex_date,kind,value,action_id\nX,2008-10-06,dividend,0.10,d\nX,2008-10-06,split,2,s\n"
    bring(store, text_of(tmp_path / "a", actions), "actions", NYSE, symbol="")
    wants = [Want(*held) for held in store.holdings()]
    split, dividend, short, long, trade, *quotes = merged(store, [*reversed(wants), *wants])
    assert split == Split(ts=AT, symbol=X, ratio=2.0, action_id="data:X:s")
    assert dividend == DividendDue(ts=AT, symbol=X, per_share=Price(Decimal("0.1")), action_id="data:X:d")
    assert short == Bar(ts=AT, symbol=X, span_s=60, open=1.0, high=2.0, low=1.0, close=2.0, volume=3.0)
    assert isinstance(long, Bar)
    assert long.span_s == 300
    assert trade == Trade(AT, X, 1.5, 9.0)
    assert all(isinstance(quote, Quote) for quote in quotes)
    assert [(q.bid, q.seq, q.source) for q in quotes if isinstance(q, Quote)] == [(1.0, 1, "data"), (1.5, 2, "data")]


def test_quotes_are_numbered_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradingd.lab.data.parquet.GROUP", 2)
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "q", "ts,bid,ask", [(n, 1.0, 2.0) for n in range(5)]), "quotes", NANOS)
    feed = merged(store, [Want(kind_of("quotes"), "X")])
    assert [quote.seq for quote in feed if isinstance(quote, Quote)] == [1, 2, 3, 4, 5]


def test_the_feed_can_be_read_again(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "t", "ts,price,size", [(1, 1.5, 9.0)]), "trades", NANOS)
    feed = merged(store, [Want(kind_of("trades"), "X")])
    assert list(feed) == list(feed) == [Trade(1, X, 1.5, 9.0)]


@pytest.mark.parametrize(
    ("symbol", "since", "until", "notes"),
    [
        ("Y", "2008-10-01", "2008-10-09", [("no data", "2008-10-01", "2008-10-09")]),
        ("X", "2008-10-06", "2008-10-09", []),
        ("X", "2008-10-04", "2008-10-09", []),  # a weekend is not missing
        ("X", "2008-10-02", "2008-10-09", [(f"begins only at {MONDAY}", "2008-10-02", MONDAY)]),
        ("X", "2008-10-06", "2008-10-11", [(f"ends already at {LAST}", "2008-10-08T20:00:00.000000001Z", "2008-10-11")]),
        ("X", "2010-01-01", "2010-02-01", [(f"no data in this range, only from {MONDAY} to {LAST}", "2010-01-01", "2010-02-01")]),
    ],
)  # fmt: skip
def test_what_is_missing_is_noted_and_not_raised(
    tmp_path: Path, symbol: str, since: str, until: str, notes: list[tuple[str, str, str]]
) -> None:
    """T2: missing data noted and skipped."""
    store = store_in(tmp_path)
    days = "\n".join(f"2008-10-0{n},1,1,1,1,1" for n in (6, 7, 8))
    bring(store, text_of(tmp_path / "d", f"date,o,h,l,c,v\n{days}\n"), DAYS, NYSE)
    wants = [Want(kind_of(DAYS), symbol), Want(kind_of("actions"), symbol)]  # most shares have no actions
    feed = merged(store, wants, when(since, ""), when(until, ""))
    assert [(n.why, n.since, n.until) for n in feed.notes] == [(why, when(a, ""), when(b, "")) for why, a, b in notes]
    assert {(n.kind, n.symbol) for n in feed.notes} <= {(DAYS, symbol)}
    assert len(list(feed)) == (3 if symbol == "X" and since < "2010" else 0)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", Reading(calendar="none")),
        ("", Reading(calendar="none", tz="Europe/Berlin")),
        ("", Reading(calendar="none", tz="America/New_York")),
        ("", Reading(calendar="none", tz="Pacific/Auckland")),
        ("", NYSE),
        ("T00:00:00Z", Reading(calendar="none", stamp="start")),
        ("T00:00:00Z", Reading(calendar="XNYS", stamp="start")),
        ("T17:00:00", Reading(calendar="none", stamp="end", tz="America/New_York")),
    ],
)
def test_days_are_chosen_by_the_day_they_belong_to(tmp_path: Path, text: str, how: Reading) -> None:
    """T2: from Tuesday to Wednesday are Tuesday and Wednesday, wherever midnight is; nothing of it is missing."""
    store = store_in(tmp_path)
    rows = "\n".join(f"2008-10-{n:02}{text},1,9,1,{n}" for n in (6, 7, 8, 9))
    bring(store, text_of(tmp_path / "d", f"ts,o,h,l,c\n{rows}\n"), DAYS, how)
    since, until = when("2008-10-07", ""), when("2008-10-09", "")
    feed = merged(store, [Want(kind_of(DAYS), "X")], since, until)
    assert [bar.close for bar in feed if isinstance(bar, Bar)] == [7.0, 8.0]
    assert feed.notes == []
    assert [row[4] for row in rows_of(store, DAYS, since=since, until=until)] == [7.0, 8.0]
    [part] = store.parts(kind_of(DAYS), "X")
    edges = [date_of(kind_of(DAYS), part.meta, ts) for ts in (part.meta.first, part.meta.last)]
    assert edges == ["2008-10-06", "2008-10-09"]


def days_without(folder: Path, gone: Sequence[str], how: Reading = NYSE) -> list[str]:
    """Bars of the sessions of autumn 2008 but these, imported; and what the feed of all of it notes."""
    table, store = calendar("XNYS"), store_in(folder)
    assert table is not None
    session, lines = table.session("2008-09-02"), ["date,o,h,l,c,v"]
    while session is not None and session.date < "2008-12-01":
        if session.date not in gone:
            lines.append(f"{session.date}{'T00:00Z' if how.stamp else ''},1,1,1,1,1")
        session = table.following(session.date)
    bring(store, text_of(folder / "d", "\n".join(lines)), DAYS, how)
    return [note.why for note in merged(store, [Want(kind_of(DAYS), "X")]).notes]


@pytest.mark.parametrize("how", [NYSE, Reading(stamp="start", calendar="XNYS")])
def test_sessions_missing_within_are_noted(tmp_path: Path, how: Reading) -> None:
    """T2: a backtest must be able to say which sessions it never saw, also where days end at midnight."""
    assert days_without(tmp_path, ["2008-10-08", "2008-10-30", "2008-10-31", "2008-11-03"], how) == [
        "1 session of XNYS missing: 2008-10-08",
        "3 sessions of XNYS missing: 2008-10-30 to 2008-11-03",
    ]


def test_no_session_missing_is_no_note(tmp_path: Path) -> None:
    assert days_without(tmp_path, []) == []


def test_many_gaps_are_told_in_part_and_counted(tmp_path: Path) -> None:
    gone = [
        f"2008-{month}-{day}"
        for month, days in ((9, (4, 9, 11, 16, 18, 23, 25, 30)), (10, (2, 7, 9, 14, 15)))
        for day in days
    ]
    told = days_without(tmp_path, [str(date(*map(int, day.split("-")))) for day in gone])
    assert told[:10] == [f"1 session of XNYS missing: {date(*map(int, day.split('-')))}" for day in gone[:10]]
    assert told[10:] == ["and 2 more such gaps, 3 sessions"]


@pytest.mark.parametrize("kind", ["quotes", "bars-1800"])
def test_rows_outside_of_sessions_do_not_fill_one(tmp_path: Path, kind: str) -> None:
    """T2: a quote of the evening is none of the session that is missing."""
    store, header = store_in(tmp_path), "ts,bid,ask" if kind == "quotes" else "ts,o,h,l,c"
    times = ["2008-10-06T15:00Z", "2008-10-07T23:00Z", "2008-10-08T20:00Z", "2008-10-09T13:30:01Z"]
    rows = [(when(text, ""), *[1.0] * (header.count(","))) for text in times]
    bring(store, csv_of(tmp_path / "q", header, rows), kind, END)
    [note] = merged(store, [Want(kind_of(kind), "X")]).notes
    assert note.why == "1 session of XNYS missing: 2008-10-07"
    assert (note.since, note.until) == (when("2008-10-07T13:30Z", ""), when("2008-10-07T20:00Z", ""))


def test_stored_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    """T2: two parts that overlap, copied together by hand, would turn time back."""
    store, other = store_in(tmp_path), store_in(tmp_path / "other")
    (tmp_path / "other").mkdir()
    bring(store, csv_of(tmp_path / "a", "ts,price,size", [(1, 1.0, 1.0), (5, 1.0, 1.0)]), "trades", NANOS)
    bring(other, csv_of(tmp_path / "b", "ts,price,size", [(3, 1.0, 1.0)]), "trades", NANOS)
    [part] = other.parts(kind_of("trades"), "X")
    part.path.rename(store.folder(kind_of("trades"), "X") / part.path.name)
    with pytest.raises(DataError, match="out of order; `tradingd data check`"):
        list(columns(store, kind_of("trades"), "X"))


def test_a_file_can_be_read_without_an_import(tmp_path: Path) -> None:
    """J5: judged as an import judges it, and nothing is left behind."""
    path = csv_of(tmp_path / "t.csv", "ts,price,size", [(2, 1.0, 1.0), (1, 1.0, 1.0)])
    request = Request(kind=kind_of("trades"), reading=NANOS, symbol="X")
    with direct([(path, request)], RealDisk()) as (store, [report]):
        assert [row[0] for row in rows_of(store, "trades")] == [1, 2]
        assert report.loaded[0].late == 1
    assert not store.root.exists()
    with (
        pytest.raises(DataError, match="no column"),
        direct([(path, Request(kind=kind_of("quotes"), symbol="X"))], RealDisk()),
    ):
        pass


MILLION = """
import re, sys
from pathlib import Path
import numpy as np
from tests.lab.data.rig import store_in
from tradingd.lab.data import parquet
from tradingd.lab.data.feed import Want, merged
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Meta, Origin
from tradingd.lab.data.times import Reading
store, kind, n = store_in(Path(sys.argv[1])), kind_of("quotes"), int(sys.argv[2])
for symbol in ("A", "B"):
    written = Path(sys.argv[1]) / "new"
    writer = parquet.Writer(written, kind)
    for start in range(0, n, 50_000):
        ts = np.arange(start, start + 50_000)
        bid = 1 + np.sin(ts) / 100
        writer.write({"ts": ts, "bid": bid, "ask": bid + 0.01, "bid_size": bid, "ask_size": bid})
    meta = Meta(kind="quotes", symbol=symbol, rows=n, first=0, last=n - 1, calendar="none",
                origins=(Origin(source="x", sha256="0" * 64, reading=Reading()),))
    writer.close(meta)
    store.publish(written, meta)
count = sum(1 for _ in merged(store, [Want(kind, "A"), Want(kind, "B")]))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]  # ru_maxrss would count the parent
print(count, peak, "pandas" in sys.modules)
"""


def test_a_million_ticks_fit_in_150_megabytes(tmp_path: Path) -> None:
    """J5: of the whole process, interpreter and libraries included."""
    ran = subprocess.run(
        [sys.executable, "-c", MILLION, str(tmp_path), "500000"], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    count, kib, pandas = ran.stdout.split()
    assert (count, pandas) == ("1000000", "False")
    assert int(kib) < 150 * 1024


def test_a_moment_is_a_nanosecond(tmp_path: Path) -> None:
    """J5: no time goes through a float."""
    store = store_in(tmp_path)
    bring(
        store,
        csv_of(tmp_path / "t", "ts,price,size", [(1_399_420_807 * NS + n, 1.0, 1.0) for n in (1, 2)]),
        "trades",
        NANOS,
    )
    assert [row[0] % NS for row in rows_of(store, "trades")] == [1, 2]
