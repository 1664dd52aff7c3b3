"""Laws of recorded data: what goes in comes out, merging loses and invents nothing, the feed is sorted and complete, and a
check finds what was planted and nothing else. T2, J5."""

import random
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.data.planted import DEFECTS, SIZE, clean_bars, clean_quotes, found_in
from tests.lab.data.rig import DAYS, NANOS, Row, bring, csv_of, rows_of, store_in
from tradingd.core.events import Bar, DividendDue, Quote, Split
from tradingd.lab.data import parquet
from tradingd.lab.data.feed import Happening, Trade, Want, merged
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.times import Reading

price = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)
moment = st.integers(min_value=-(10**18), max_value=4 * 10**18)
few = st.integers(min_value=0, max_value=30)  # moments that meet
quote = st.tuples(moment, price, price, price, price)
HEADERS = {
    "quotes": "ts,bid,ask,bid_size,ask_size",
    "trades": "ts,price,size",
    "bars-60": "ts,open,high,low,close,volume",
}
END = Reading(unit="ns", stamp="end")


def sized(kind: str, ts: int, x: float) -> Row:
    return (ts, *[x + i for i in range(len(kind_of(kind).columns))])


@settings(max_examples=50)
@given(st.lists(quote, min_size=1, max_size=60), st.integers(1, 40), st.integers(1, 20))
def test_what_is_imported_is_read_again(rows: list[Row], waiting: int, group: int) -> None:
    """J5: bit for bit, in order of time, rows of one moment in the order of the source; by whatever blocks it went."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP", group)
        store = store_in(Path(folder))
        ordered = sorted(rows, key=lambda row: int(str(row[0])))
        bring(store, csv_of(Path(folder) / "a.csv", HEADERS["quotes"], ordered), "quotes", NANOS, waiting_max=waiting)
        assert rows_of(store, "quotes") == ordered
        bring(store, csv_of(Path(folder) / "b.csv", HEADERS["quotes"], rows), "quotes", NANOS, symbol="Y")
        assert rows_of(store, "quotes", "Y") == ordered


@settings(max_examples=50)
@given(st.lists(quote, min_size=1, max_size=40), moment, moment)
def test_a_range_is_read_as_the_whole_cut(rows: list[Row], a: int, b: int) -> None:
    """J5: since belongs to a range, until does not."""
    since, until = sorted((a, b))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP", 3)
        store = store_in(Path(folder))
        bring(store, csv_of(Path(folder) / "a.csv", HEADERS["quotes"], rows), "quotes", NANOS)
        whole = rows_of(store, "quotes")
        assert rows_of(store, "quotes", since=since, until=until) == [
            r for r in whole if since <= int(str(r[0])) < until
        ]


@settings(max_examples=40)
@given(st.lists(few, min_size=1, max_size=25, unique=True), st.data())
def test_imports_of_pieces_are_the_import_of_the_whole(moments: list[int], data: st.DataObject) -> None:
    """T2: however the rows were cut into files, and however often they stand in them, merging gives the whole once."""
    rows = {ts: sized("bars-60", ts, float(ts)) for ts in moments}
    with TemporaryDirectory() as folder:
        store = store_in(Path(folder))
        seen: set[int] = set()
        for n in range(data.draw(st.integers(1, 5), label="files")):
            piece = data.draw(st.lists(st.sampled_from(moments), min_size=1, unique=True), label="piece")
            path = csv_of(Path(folder) / f"{n}.csv", HEADERS["bars-60"], [rows[ts] for ts in piece])
            [done] = bring(store, path, "bars-60", END, merge=True).loaded
            assert done.rows == (0 if done.outcome == "imported before" else len({*piece} - seen))
            seen |= {*piece}
        assert rows_of(store, "bars-60") == [rows[ts] for ts in sorted(seen)]


def key(happening: Happening) -> tuple[int, int, int, str]:
    rank = {Split: 0, DividendDue: 0, Bar: 1, Trade: 2, Quote: 3}[type(happening)]
    return happening.ts, rank, happening.span_s if isinstance(happening, Bar) else 0, happening.symbol


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["quotes", "trades", "bars-60", "bars-300"]), st.sampled_from(["A", "B", "C/D"])),
        st.lists(few, min_size=1, max_size=12, unique=True),
        min_size=1,
        max_size=6,
    ),
    few,
    st.integers(1, 4),
)
def test_the_feed_is_sorted_and_complete(held: dict[tuple[str, str], list[int]], until: int, group: int) -> None:
    """T2: by time, then action, bar, trade, quote, shorter bars first, then the symbol; every row once, whatever the blocks."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP", group)
        store = store_in(Path(folder))
        for n, ((kind, symbol), moments) in enumerate(held.items()):
            header = HEADERS["bars-60" if kind.startswith("bars") else kind]
            rows = [sized(kind, ts, 1.0) for ts in moments]
            bring(store, csv_of(Path(folder) / f"{n}.csv", header, rows), kind, END, symbol=symbol)
        got = list(merged(store, [Want(kind_of(kind), symbol) for kind, symbol in held], until=until))
        assert all(key(a) < key(b) for a, b in pairwise(got))
        due = {(ts, kind_of(kind).order, symbol) for (kind, symbol), m in held.items() for ts in m if ts < until}
        assert {(ts, (rank, span), symbol) for ts, rank, span, symbol in map(key, got)} == due
        assert len(got) == len(due)


# the check ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_clean_data_is_found_clean(seed: int, group: int) -> None:
    """T2: a check that cries wolf is not read."""
    for rows, kind in ((clean_bars(random.Random(seed)), DAYS), (clean_quotes(random.Random(seed)), "quotes")):
        assert found_in(rows, kind, group) == {}


@pytest.mark.parametrize("name", sorted(DEFECTS))
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32), group=st.integers(1, 80), at=st.integers(8, SIZE - 12))
def test_a_planted_defect_is_found_and_nothing_else(name: str, seed: int, group: int, at: int) -> None:
    """T2: each kind of defect, wherever it stands, at whatever edge of a block."""
    kind, plant, expected = DEFECTS[name]
    rows = clean_bars(random.Random(seed)) if kind == DAYS else clean_quotes(random.Random(seed))
    assert found_in(plant(rows, at), kind, group) == expected


def test_every_check_has_a_defect_that_shows_it() -> None:
    """T2: a check nobody plants anything for may never find anything."""
    checks = {check for _, _, expected in DEFECTS.values() for check in expected}
    assert checks == {
        "gap", "out-of-order", "duplicate", "no-price", "crossed", "high-low", "jump", "split-missing", "zero-volume",
    }  # fmt: skip
