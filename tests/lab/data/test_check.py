"""What a check finds beside planted defects: splits that are told, and what cannot be read; on real prices. T2."""

from pathlib import Path

import pytest

from tests.lab.data.rig import DAYS, NANOS, NYSE, bring, csv_of, store_in, text_of
from tradingd.core.types import NS
from tradingd.lab.data.calendars import calendar
from tradingd.lab.data.check.gaps import Distances, open_between
from tradingd.lab.data.check.run import Checked, Measure, check
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Store
from tradingd.lab.data.times import Reading, when

SHIPPED = (
    Path(__file__).resolve().parents[3] / "adapters" / "tradingd_adapters" / "sim" / "data"
)  # its ATTRIBUTION.md says whose
PRICES, ACTIONS = SHIPPED / "us_equities_daily_wiki.csv.gz", SHIPPED / "us_equities_actions_implied.csv"


def checked(store: Store, kind: str, symbol: str = "X", measure: Measure | None = None) -> Checked:
    [result] = check(store, [(kind_of(kind), symbol)], measure or Measure())
    return result


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Thirteen years of real sessions of five shares, unadjusted, nothing told of their splits."""
    store = store_in(tmp_path_factory.mktemp("real"))
    bring(store, PRICES, DAYS, NYSE, symbol="")
    return store


def test_real_splits_nobody_told_are_found(real: Store) -> None:
    """T2: all three of 2000 to 2013, and nothing else in 12,154 real sessions; not the halving of AAPL on 2000-09-29 either."""
    found = [f for _, symbol in real.holdings() for f in checked(real, DAYS, symbol).findings]
    assert [(f.check, f.symbol, f.why[:10]) for f in found] == [
        ("split-missing", "AAPL", "2000-06-21"), ("split-missing", "AAPL", "2005-02-28"),
        ("split-missing", "MSFT", "2003-02-18"),
    ]  # fmt: skip
    assert all("like a split of 2 for 1" in f.why for f in found)


def test_splits_that_are_told_are_no_finding(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, PRICES, DAYS, NYSE, symbol="")
    bring(store, ACTIONS, "actions", NYSE, symbol="")
    assert [result.counts for result in check(store, store.holdings(), Measure())] == [{}] * 8


BARS = "date,o,h,l,c,v\n" + "\n".join(
    f"2008-10-{d:02},{p},{p},{p},{p},1" for d, p in ((6, 10), (7, 10.5), (8, 10), (9, 9.8))
)


def test_a_split_the_prices_do_not_show_is_found(tmp_path: Path) -> None:
    """T2: prices that are adjusted already would be split a second time."""
    store = store_in(tmp_path)
    bring(store, text_of(tmp_path / "b", BARS), DAYS, NYSE)
    actions = "symbol,ex_date,kind,value\nX,2008-10-08,split,2\nX,2008-10-07,split,1.1\nX,2009-10-08,split,3\n"
    bring(store, text_of(tmp_path / "a", actions), "actions", NYSE, symbol="")
    [finding] = checked(store, DAYS).findings
    assert (finding.check, finding.since) == ("split-unseen", when("2008-10-08T13:00Z", ""))
    assert "adjusted already?" in finding.why


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """T2: the others are checked all the same."""
    store = store_in(tmp_path)
    rows = [(n * NS, 1.0, 1.0) for n in range(50_000)]
    for symbol in ("A", "B"):
        bring(store, csv_of(tmp_path / symbol, "ts,price,size", rows), "trades", NANOS, symbol=symbol)
    [part] = store.parts(kind_of("trades"), "A")
    data = bytearray(part.path.read_bytes())
    data[100:4000] = bytes(3900)
    part.path.write_bytes(data)
    results = list(check(store, store.holdings(), Measure()))
    assert [result.counts for result in results] == [{"damaged": 1}, {}]


def test_gaps_within_a_session_are_found_and_the_night_is_none(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    table = calendar("XNYS")
    assert table is not None
    ends = []
    for day in ("2008-11-26", "2008-11-28", "2008-12-01"):  # Thanksgiving between, then an early close
        session = table.session(day)
        assert session is not None
        ends += list(range(session.open_ns + 1800 * NS, session.close_ns + 1, 1800 * NS))
    rows = [(ts, 1.0, 1.0, 1.0, 1.0, 1.0) for ts in ends]
    how = Reading(unit="ns", stamp="end", calendar="XNYS")
    bring(store, csv_of(tmp_path / "all", "ts,o,h,l,c,v", rows), "bars-1800", how)
    bring(store, csv_of(tmp_path / "cut", "ts,o,h,l,c,v", [*rows[:15], *rows[16:]]), "bars-1800", how, symbol="Y")
    assert checked(store, "bars-1800").counts == {}
    [finding] = checked(store, "bars-1800", "Y").findings
    assert "60 minutes of sessions of XNYS" in finding.why
    assert checked(store, "bars-1800", "Y", Measure(gap=3)).counts == {}


def test_days_that_end_at_midnight_are_the_days_of_their_sessions(tmp_path: Path) -> None:
    """T2: a vendor's day may end after its session; only the session without a bar is a gap."""
    store = store_in(tmp_path)
    days = [f"2008-12-0{n}T00:00Z,1,1,1,1,1" for n in (2, 3, 4, 6)]
    how = Reading(stamp="end", calendar="XNYS")
    bring(store, text_of(tmp_path / "d", "\n".join(["ts,o,h,l,c,v", *days])), DAYS, how)
    assert [f.why for f in checked(store, DAYS).findings if f.check == "gap"] == [
        "1 session of XNYS missing: 2008-12-04"
    ]


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [
        ("2008-11-26T20:00Z", "2008-11-28T15:00Z", 90),  # an hour, a holiday, half an hour
        ("2008-11-28T18:00Z", "2008-12-01T14:30Z", 0),
        ("2008-11-28T15:00Z", "2008-11-28T16:00Z", 60),
    ],
)
def test_open_time_is_what_the_sessions_say(since: str, until: str, minutes: int) -> None:
    table = calendar("XNYS")
    assert table is not None
    assert open_between(table, when(since, ""), when(until, "")) == minutes * 60 * NS


def test_the_usual_distance_is_known_to_a_tenth() -> None:
    import numpy as np

    distances = Distances()
    assert distances.usual() == 0
    for block in np.array_split(np.cumsum(np.r_[0, np.full(900, 10), np.full(100, 10**9)]), 7):
        distances.see(block)
    assert 10 <= distances.usual() <= 11


@pytest.mark.parametrize(
    ("measure", "why"), [({"gap": 1.0}, "--gap"), ({"band": 0.0}, "--band"), ({"gap": float("nan")}, "--gap")]
)
def test_a_measure_that_makes_no_sense_is_refused(measure: dict[str, float], why: str) -> None:
    with pytest.raises(DataError, match=why):
        Measure(**measure)


def test_the_band_can_be_narrowed(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, text_of(tmp_path / "b", BARS), DAYS, NYSE)
    assert checked(store, DAYS, measure=Measure(band=0.04)).counts == {"jump": 1}
    assert checked(store, DAYS).counts == {}


def test_a_flood_is_counted_and_its_beginning_told(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    bring(store, csv_of(tmp_path / "q", "ts,bid,ask", [(n, 2.0, 1.0) for n in range(5_000)]), "quotes", NANOS)
    result = checked(store, "quotes")
    assert (result.rows, result.counts, len(result.findings)) == (5_000, {"crossed": 5_000}, 100)
