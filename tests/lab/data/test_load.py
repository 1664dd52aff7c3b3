"""An import is all or nothing, names what it cannot use, and never takes the same rows twice. T2, J5."""

import gzip
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.lab.data.rig import DAYS, NANOS, NYSE, UTC, bring, csv_of, rows_of, store_in, text_of, tree
from tradingd.core.types import NS
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.report import Refused
from tradingd.lab.data.store import origins
from tradingd.lab.data.times import Reading

QUOTES = "ts,bid,ask"
TWO = [(NS, 1.0, 1.5), (2 * NS, 1.25, 1.5)]
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    report = bring(
        store, csv_of(tmp_path / "q.csv", f"{QUOTES},bid_size,ask_size", [(NS, 1.1, 1.2, 5.0, 7.0)]), "quotes", NANOS
    )
    assert rows_of(store, "quotes") == [(NS, 1.1, 1.2, 5.0, 7.0)]
    assert [(each.symbol, each.outcome, each.rows, each.first, each.last) for each in report.loaded] == [
        ("X", "imported", 1, NS, NS)
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Time,Bid Price,Offer,BidSize,ask_qty", "1970-01-01T00:00:01Z,1,2,3,4"),
        ("timestamp;bid;ask;bid_volume;ask_volume", "1970-01-01T00:00:01Z;1;2;3;4"),
        ("ask\tts_utc\tbid\task_size\tbid_size\tx", "2\t1970-01-01T00:00:01Z\t1\t4\t3\tignored"),
        ('"ts","bid","ask","bid_size","ask_size"', '"1970-01-01T00:00:01Z","1","2","3","4"'),
        ("\ufeffts , bid,ask,bid_size,ask_size", " 1970-01-01T00:00:01Z ,1, 2,3,4"),
        ("# made by hand\n\nts,bid,ask,bid_size,ask_size", "# none here\n\n1970-01-01T00:00:01Z,1,2,3,4\n\n"),
    ],
)
def test_common_headers_and_delimiters_are_recognised(tmp_path: Path, header: str, row: str) -> None:
    store = store_in(tmp_path)
    bring(store, text_of(tmp_path / "q.csv", f"{header}\n{row}\n"), "quotes")
    assert rows_of(store, "quotes") == [(NS, 1.0, 2.0, 3.0, 4.0)]


def test_what_a_source_does_not_say_is_zero(tmp_path: Path) -> None:
    """Sizes and volumes may be missing, as a column or in a cell; prices may not."""
    store = store_in(tmp_path)
    bring(store, text_of(tmp_path / "b.csv", "date,o,h,l,c,v\n2008-10-06,1,2,1,2,\n"), DAYS, NYSE)
    bring(store, csv_of(tmp_path / "q.csv", QUOTES, TWO), "quotes", NANOS)
    assert rows_of(store, DAYS)[0][-1] == 0.0
    assert [row[3:] for row in rows_of(store, "quotes")] == [(0.0, 0.0)] * 2


def test_columns_can_be_named_and_joined(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    path = text_of(tmp_path / "t.csv", "Date,Time,Px,Vol\n2014-05-07,00:00:07,1.5,3\n")
    bring(store, path, "trades", columns={"ts": "Date+Time", "price": "Px"})
    assert rows_of(store, "trades") == [(1_399_420_807 * NS, 1.5, 3.0)]


def test_a_file_of_many_symbols_goes_to_each_of_them(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    path = text_of(
        tmp_path / "b.csv",
        "ticker,date,open,high,low,close,adj\nB,2008-10-07,1,1,1,1,9\nA,2008-10-06,2,2,2,2,9\nB,2008-10-06,3,3,3,3,9\n",
    )
    report = bring(store, path, DAYS, NYSE, symbol="")
    assert [kind.name + symbol for kind, symbol in store.holdings()] == [f"{DAYS}A", f"{DAYS}B"]
    assert [row[1] for row in rows_of(store, DAYS, "B")] == [3.0, 1.0]
    assert [each.late for each in report.loaded] == [0, 1]
    assert report.unused == ("adj",)


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """The process may open that many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("waiting", [1, 100_000])
def test_a_file_of_very_many_symbols_needs_few_open_files(tmp_path: Path, waiting: int) -> None:
    """J5: 300 symbols where a process may open 100 files; each has its own rows, in their order, across blocks."""
    store = store_in(tmp_path)
    rows: list[tuple[object, ...]] = [(n * NS, f"S{n % 300}", float(n), n + 0.5) for n in range(12_000)]
    path = csv_of(tmp_path / "q.csv", "ts,symbol,bid,ask", rows)
    with few_files(100):
        report = bring(store, path, "quotes", NANOS, symbol="", waiting_max=waiting)
    assert [each.rows for each in report.loaded] == [40] * 300
    for n in (0, 63, 64, 65, 299):
        own = rows_of(store, "quotes", f"S{n}")
        assert [(row[0], row[1]) for row in own] == [(row[0], row[2]) for row in rows[n::300]]
    assert not list((store.root / ".incoming").iterdir())


def test_actions_of_very_many_symbols_keep_their_texts(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    lines = [f"S{n},2008-10-06,dividend,0.{n + 1},dividend-of-{n}" for n in range(300)]
    with few_files(100):
        bring(store, text_of(tmp_path / "a.csv", "\n".join([ACTIONS.strip(), *lines])), "actions", NYSE, symbol="")
    assert [rows_of(store, "actions", f"S{n}")[0][3:] for n in (3, 298)] == [
        ("0.4", "dividend-of-3"), ("0.299", "dividend-of-298")
    ]  # fmt: skip


def test_gzip_and_parquet_are_read_by_what_they_are(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    plain = csv_of(tmp_path / "q.csv", QUOTES, TWO)
    (tmp_path / "packed").write_bytes(gzip.compress(plain.read_bytes()))
    bring(store, tmp_path / "packed", "quotes", NANOS, symbol="GZ")
    pq.write_table(
        pa.table({"time": pa.array([NS, 2 * NS], pa.timestamp("ns", "UTC")), "bid": [1.0, 1.25], "ask": [1.5, 1.5]}),
        tmp_path / "p",
    )
    bring(store, tmp_path / "p", "quotes", symbol="PQ")
    pq.write_table(
        pa.table({"date": pa.array([14_158], pa.date32()), **{n: [1] for n in ("open", "high", "low", "close")}}),
        tmp_path / "d",
    )
    bring(store, tmp_path / "d", DAYS, NYSE, symbol="PQ")
    assert rows_of(store, "quotes", "GZ") == rows_of(store, "quotes", "PQ") == [(*row, 0.0, 0.0) for row in TWO]
    assert rows_of(store, DAYS, "PQ") == [(1_223_323_200 * NS, 1.0, 1.0, 1.0, 1.0, 0.0)]  # the close of 2008-10-06


def test_an_empty_cell_of_parquet_is_named_by_its_row(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"ts": pa.array([NS, None], pa.timestamp("ns", "UTC")), "bid": [None, 1.0], "ask": [1.5, 1.5]}),
        tmp_path / "p",
    )
    with pytest.raises(Refused) as refused:
        bring(store_in(tmp_path), tmp_path / "p", "quotes")
    assert [str(fault) for fault in refused.value.faults] == [
        "p:1: bid: '' is no number",
        "p:2: ts: '' is no time like 2008-10-06T14:30:00Z",
    ]


BAD = [
    ("1970-01-01T00:00:01,1,2", "ts"),
    ("1970-01-01T00:00:01Z,x,2", "bid"),
    ("1970-01-01T00:00:01Z,1,nan", "ask"),
    ("1970-01-01T00:00:01Z,1,inf", "ask"),
    ("1970-01-01T00:00:01Z,1_0,2", "bid"),
    ("1970-01-01T00:00:01Z,1e999,2", "bid"),
    ("1970-01-01T00:00:01Z,,2", "bid"),
    ("1970-01-01T00:00:01Z,1", ""),
    ("1970-01-01T00:00:01Z,1,2,3", ""),
    ('1970-01-01T00:00:01Z,1,"2"x', ""),
]


@pytest.mark.parametrize(("line", "field"), BAD)
def test_each_bad_line_is_named_and_nothing_is_imported(tmp_path: Path, line: str, field: str) -> None:
    """T2: file, line and field; the default refuses the whole file."""
    store = store_in(tmp_path)
    path = text_of(tmp_path / "q.csv", f"{QUOTES}\n1970-01-01T00:00:00Z,1,2\n{line}\n")
    with pytest.raises(Refused) as refused:
        bring(store, path, "quotes", Reading())
    assert [(fault.file, fault.line, fault.field) for fault in refused.value.faults] == [("q.csv", 3, field)]
    assert tree(store.root) == {}


def test_bad_lines_can_be_left_out_and_are_listed(tmp_path: Path) -> None:
    """T2: nothing is swallowed: what is left out is counted and named, the rest is there."""
    store = store_in(tmp_path)
    lines = "\n".join(f"{line}\n1970-01-01T00:00:0{n}Z,{n},9" for n, (line, _) in enumerate(BAD))
    report = bring(store, text_of(tmp_path / "q.csv", f"{QUOTES}\n{lines}\n"), "quotes", Reading(), skip_bad=True)
    assert report.bad == len(BAD)
    assert [(fault.line, fault.field) for fault in report.faults] == [
        (2 + 2 * n, field) for n, (_, field) in enumerate(BAD)
    ]
    assert [row[1] for row in rows_of(store, "quotes")] == [float(n) for n in range(len(BAD))]


@pytest.mark.parametrize("at", [0, 2_500, 4_999])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stray_quote_spoils_its_own_line_only(tmp_path: Path, at: int, end: str) -> None:
    """T2: nothing is swallowed, neither in the middle nor where the file ends before another quote."""
    lines = [f"{n},{n}.5,9" for n in range(5_000)]
    lines[at] = f'{at},"{at}.5,9'
    path = tmp_path / "q.csv"
    path.write_bytes((end.join([QUOTES, *lines]) + end).encode())
    store = store_in(tmp_path)
    report = bring(store, path, "quotes", NANOS, skip_bad=True)
    assert [str(fault) for fault in report.faults] == [f"q.csv:{at + 2}: a quote that is not closed on its line"]
    assert [row[0] for row in rows_of(store, "quotes")] == [n for n in range(5_000) if n != at]


def test_a_stray_quote_in_a_comment_is_passed_over(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    path = text_of(tmp_path / "q.csv", f'{QUOTES}\n1,1,2\n  # 5" of rain, a late feed\n2,1,2\n')
    assert bring(store, path, "quotes", NANOS).bad == 0
    assert len(rows_of(store, "quotes")) == 2


def test_all_bad_lines_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    path = text_of(tmp_path / "q.csv", f"{QUOTES}\n" + "x,1,2\n" * 20_000)
    with pytest.raises(Refused) as refused:
        bring(store_in(tmp_path), path, "quotes")
    assert (refused.value.bad, len(refused.value.faults)) == (20_000, 100)
    assert "... and 19980 more" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kind", "symbol", "why"),
    [
        ("", "quotes", "X", "no header"),
        ("ts,bid,ask\n", "quotes", "X", "no row"),
        ("ts,bid\n1,2\n", "quotes", "X", "no column for ask among ts, bid: say --column ask=NAME"),
        ("ts,bid,ask\n1,2,3\n", "quotes", "", "no column for symbol .* or --symbol"),
        ("ts,bid,ask,ticker\n1,2,3,B\n", "quotes", "X", "names its symbols itself, in ticker"),
        ("date,time,bid,ask\n1,2,3,4\n", "quotes", "X", "date, time could all be ts: .*ts=date.time"),
        ("ts,bid,bid,ask\n1,2,3,4\n", "quotes", "X", "'bid' stands twice"),
        ("ts,bid,ask\n1,2,3\n", "quotes", "no good", "--symbol 'no good' is no symbol"),
    ],
)
def test_what_cannot_be_understood_is_refused_before_a_row_is_read(
    tmp_path: Path, text: str, kind: str, symbol: str, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        bring(store_in(tmp_path), text_of(tmp_path / "s.csv", text), kind, NANOS, symbol=symbol)


@pytest.mark.parametrize("columns", [{"bid": "Nix"}, {"price": "bid"}])
def test_a_column_that_is_not_there_is_refused(tmp_path: Path, columns: dict[str, str]) -> None:
    with pytest.raises(DataError, match=f"--column {next(iter(columns))}="):
        bring(store_in(tmp_path), csv_of(tmp_path / "q.csv", QUOTES, TWO), "quotes", NANOS, columns=columns)


@pytest.mark.parametrize("name", ["bars", "bars-0", "bars-x", "ticks", "Quotes"])
def test_a_kind_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="--kind"):
        kind_of(name)


@pytest.mark.parametrize("cut", [3, -9])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    data = gzip.compress(csv_of(tmp_path / "q.csv", QUOTES, TWO * 500).read_bytes())
    (tmp_path / "cut.gz").write_bytes(data[:cut])
    store = store_in(tmp_path)
    with pytest.raises(DataError, match=r"cut\.gz"):
        bring(store, tmp_path / "cut.gz", "quotes", NANOS, skip_bad=True)
    assert tree(store.root) == {}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        bring(store_in(tmp_path), tmp_path / "none.csv", "quotes")


@pytest.mark.parametrize(
    ("text", "how", "doubts"),
    [
        ("1399420807", Reading(unit="ms"), ("A (and 1 more symbols): begins at 1970-01-17T04:43:40.807Z: is --unit ms right?",)),
        ("1399420807", Reading(unit="s"), ()),
        ("631152000", Reading(unit="s"), ()),
        ("1970-01-17T04:43:40Z", Reading(), ()),
    ],
)  # fmt: skip
def test_numbers_that_are_hardly_of_that_unit_are_told(
    tmp_path: Path, text: str, how: Reading, doubts: tuple[str, ...]
) -> None:
    """T2: 1970 is what seconds look like when they are read as milliseconds. A time that was written out is meant."""
    store, path = store_in(tmp_path), text_of(tmp_path / "q.csv", f"symbol,{QUOTES}\nA,{text},1,2\nB,{text},1,2\n")
    assert bring(store, path, "quotes", how, symbol="").doubts == doubts
    assert bring(store, path, "quotes", how, symbol="").doubts == ()  # nothing came in


# the same again ---------------------------------------------------------------------------------------------------------------


def test_the_same_source_twice_changes_nothing(tmp_path: Path) -> None:
    store, path = store_in(tmp_path), csv_of(tmp_path / "q.csv", QUOTES, TWO)
    bring(store, path, "quotes", NANOS)
    before = tree(store.root)
    assert [each.outcome for each in bring(store, path.rename(tmp_path / "other.csv"), "quotes", NANOS).loaded] == [
        "imported before"
    ]
    assert tree(store.root) == before


def test_the_same_source_read_otherwise_is_refused(tmp_path: Path) -> None:
    """T2: a wrong --tz is not mended by importing once more on top."""
    store, path = store_in(tmp_path), text_of(tmp_path / "q.csv", f"{QUOTES}\n2014-05-07 00:00,1,2\n")
    bring(store, path, "quotes", UTC)
    with pytest.raises(DataError, match="were imported from it with --tz UTC, now it is --tz Europe/Berlin: remove"):
        bring(store, path, "quotes", Reading(tz="Europe/Berlin"))


@pytest.mark.parametrize("merge", [False, True])
def test_the_same_source_with_other_columns_is_refused(tmp_path: Path, merge: bool) -> None:
    """T2: prices of the wrong column are not mended by importing once more; what is meant the same way is the same."""
    store = store_in(tmp_path)
    path = text_of(tmp_path / "d.csv", "Date,Open,High,Low,Close,Adj Close\n2008-10-06,1,2,1,2,1.5\n")
    bring(store, path, DAYS, NYSE)
    before = tree(store.root)
    with pytest.raises(DataError, match="with close=Close, now it is close=Adj Close: remove"):
        bring(store, path, DAYS, NYSE, columns={"close": "Adj Close"}, merge=merge)
    with pytest.raises(DataError, match="with fewer columns, now it is volume=Adj Close: remove"):
        bring(store, path, DAYS, NYSE, columns={"volume": "Adj Close"}, merge=merge)
    [done] = bring(store, path, DAYS, NYSE, columns={"close": "Close"}, merge=merge).loaded
    assert done.outcome == "imported before"
    assert tree(store.root) == before


def test_what_overlaps_is_refused_and_what_follows_is_not(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", QUOTES, TWO), "quotes", NANOS)
    bring(store, csv_of(tmp_path / "b.csv", QUOTES, [(3 * NS, 1.0, 1.5)]), "quotes", NANOS)
    before = tree(store.root)
    with pytest.raises(DataError, match=r"overlap what is stored .*\(a\.csv\): --merge"):
        bring(store, csv_of(tmp_path / "c.csv", QUOTES, [(2 * NS, 1.0, 1.5)]), "quotes", NANOS)
    assert tree(store.root) == before
    assert len(before) == 2


def test_a_merge_takes_what_is_new(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", QUOTES, TWO), "quotes", NANOS)
    bring(store, csv_of(tmp_path / "b.csv", QUOTES, [(9 * NS, 5.0, 5.5)]), "quotes", NANOS)
    bring(store, csv_of(tmp_path / "z.csv", QUOTES, [(99 * NS, 5.0, 5.5)]), "quotes", NANOS)
    path = csv_of(tmp_path / "c.csv", QUOTES, [(NS // 2, 0.5, 1.0), TWO[1], (5 * NS, 4.0, 4.5), (9 * NS, 5.0, 5.5)])
    [done] = bring(store, path, "quotes", NANOS, merge=True).loaded
    assert (done.outcome, done.rows, done.same) == ("merged", 2, 2)
    assert [row[0] for row in rows_of(store, "quotes")] == [NS // 2, NS, 2 * NS, 5 * NS, 9 * NS, 99 * NS]
    parts = store.parts(kind_of("quotes"), "X")
    assert [part.meta.rows for part in parts] == [5, 1]
    assert [origin.source for origin in origins(parts)] == ["a.csv", "b.csv", "c.csv", "z.csv"]
    assert len(tree(store.root)) == 2
    assert bring(store, path, "quotes", NANOS, merge=True).loaded[0].outcome == "imported before"


def test_a_merge_without_anything_new_changes_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", QUOTES, TWO), "quotes", NANOS)
    before = tree(store.root)
    [done] = bring(store, csv_of(tmp_path / "b.csv", QUOTES, TWO[:1]), "quotes", NANOS, merge=True).loaded
    assert (done.outcome, done.rows, done.same) == ("nothing new", 0, 1)
    assert tree(store.root) == before


@pytest.mark.parametrize(
    ("rows", "line", "row"),
    [
        ([(0, 1.0, 1.5), (2 * NS, 1.25, 1.75)], 3, 2),  # another price
        ([(NS, 1.0, 1.5), (NS, 1.0, 1.5)], 2, 1),  # two of them at a moment that has one
    ],
)
def test_a_contradiction_is_named_by_both_rows(
    tmp_path: Path, rows: list[tuple[object, ...]], line: int, row: int
) -> None:
    """T2: which of two sources is right nobody knows here."""
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", QUOTES, TWO), "quotes", NANOS)
    before = tree(store.root)
    with pytest.raises(DataError, match=rf"b\.csv:{line}: row {row} of the stored ones says otherwise"):
        bring(store, csv_of(tmp_path / "b.csv", QUOTES, rows), "quotes", NANOS, merge=True)
    assert tree(store.root) == before


def test_another_calendar_is_refused(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "a.csv", QUOTES, TWO), "quotes", NANOS)
    with pytest.raises(DataError, match="stored with --calendar none, not XNYS"):
        bring(
            store,
            csv_of(tmp_path / "b.csv", QUOTES, [(3 * NS, 1.0, 1.5)]),
            "quotes",
            Reading(unit="ns", calendar="XNYS"),
        )


# order ------------------------------------------------------------------------------------------------------------------------


def test_two_bars_of_one_moment_are_a_bad_line(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    path = text_of(tmp_path / "b.csv", "ts,o,h,l,c\n60,1,1,1,1\n120,2,2,2,2\n60,3,3,3,3\n")
    how = Reading(unit="s", stamp="end")
    with pytest.raises(Refused, match=r"b\.csv:4: ts: line 2 is a bar of the same moment"):
        bring(store, path, "bars-60", how)
    assert bring(store, path, "bars-60", how, skip_bad=True).bad == 1
    assert [row[1] for row in rows_of(store, "bars-60")] == [1.0, 2.0]


def test_two_bars_of_one_moment_are_seen_across_blocks(tmp_path: Path) -> None:
    rows = [(n, 1.0, 1.0, 1.0, 1.0) for n in [*range(8_192), 8_191, 8_192]]
    path = csv_of(tmp_path / "b.csv", "ts,o,h,l,c", rows)
    with pytest.raises(Refused, match=r"b\.csv:8194: ts: line 8193 is a bar of the same moment"):
        bring(store_in(tmp_path), path, "bars-60", Reading(unit="s", stamp="end"), waiting_max=1)


@pytest.mark.parametrize("waiting", [1, 3, 1_000_000])
def test_ticks_of_one_moment_stay_in_their_order(tmp_path: Path, waiting: int) -> None:
    store = store_in(tmp_path)
    rows = [(NS, float(n), 1.0) for n in range(20_000, 0, -1)]
    bring(store, csv_of(tmp_path / "t.csv", "ts,price,size", rows), "trades", NANOS, waiting_max=waiting)
    assert rows_of(store, "trades") == rows


def test_disorder_beyond_what_is_held_is_refused(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    rows = [*((n * NS, 1.0, 1.0) for n in range(1, 9_000)), (0, 1.0, 1.0)]
    path = csv_of(tmp_path / "t.csv", "ts,price,size", rows)
    with pytest.raises(DataError, match=r"t\.csv:9001: ts: too far behind"):
        bring(store, path, "trades", NANOS, waiting_max=1)
    assert tree(store.root) == {}
    assert bring(store, path, "trades", NANOS).loaded[0].late == 1


# actions ----------------------------------------------------------------------------------------------------------------------

ACTIONS = "symbol,ex_date,kind,value,action_id\n"


def test_actions_keep_their_digits_and_a_split_comes_first(tmp_path: Path) -> None:
    """F9, T2: a dividend is booked, so it is no float; a name is made where the source has none."""
    store = store_in(tmp_path)
    text = ACTIONS + "X,2008-10-06,dividend,0.10,d1\nX,2008-10-06,Split,2.0,\n"
    bring(store, text_of(tmp_path / "a.csv", text), "actions", NYSE, symbol="")
    at = 1_223_298_000 * NS  # 13:00 UTC, half an hour before the open
    assert rows_of(store, "actions") == [
        (at, "2008-10-06", "split", "2", "split-2008-10-06"), (at, "2008-10-06", "dividend", "0.1", "d1")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("X,2008-10-06,merger,2,a", "kind"),
        ("X,2008-10-06,split,1,a", "value"),
        ("X,2008-10-06,split,-2,a", "value"),
        ("X,2008-10-06,split,1e9,a", "value"),
        ("X,2008-10-06,dividend,0,a", "value"),
        ("X,2008-10-06,dividend,1e-999999999,a", "value"),
        ("X,2008-10-06,dividend,NaN,a", "value"),
        ("X,2008-10-06,dividend,sNaN,a", "value"),
        ("X,2008-10-06,dividend,x,a", "value"),
        ("X,2008-10-06,dividend,1,a b", "action_id"),
        ("X Y,2008-10-06,dividend,1,a", "symbol"),
        ("X,10/06/2008,dividend,1,a", "ex_date"),
        ("X,2008-10-07,dividend,1,first", "action_id"),
    ],
)
def test_each_bad_action_is_named(tmp_path: Path, line: str, field: str) -> None:
    path = text_of(tmp_path / "a.csv", f"{ACTIONS}X,2008-10-06,split,2,first\n{line}\n")
    with pytest.raises(Refused) as refused:
        bring(store_in(tmp_path), path, "actions", NYSE, symbol="")
    assert [(fault.line, fault.field) for fault in refused.value.faults] == [(3, field)]


def test_an_action_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """F9: an id counts once for ever, so the second action of that name would be lost in silence."""
    store = store_in(tmp_path)
    bring(store, text_of(tmp_path / "a.csv", f"{ACTIONS}X,2008-10-06,dividend,1,no1\n"), "actions", NYSE, symbol="")
    with pytest.raises(DataError, match="'no1' of X is stored at 2008-10-06T13:00:00Z, here 2009-10-06"):
        bring(store, text_of(tmp_path / "b.csv", f"{ACTIONS}X,2009-10-06,dividend,1,no1\n"), "actions", NYSE, symbol="")
