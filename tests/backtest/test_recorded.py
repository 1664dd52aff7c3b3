"""Backtests over a store of recorded data: what is used of it, what it says is missing, what it refuses."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest

from tests.flow.child import tradingd
from tests.lab.data.rig import DAYS, NANOS, NYSE, bring, csv_of, store_in, text_of
from tradingd.backtest.options import Costs, Options
from tradingd.backtest.run import run_backtest
from tradingd.backtest.source import shown_by
from tradingd.backtest.tell import Told
from tradingd.core.facts import CashMoved, Decided, Filled, SplitApplied
from tradingd.core.types import NS
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.store import Store
from tradingd.lab.data.times import Reading
from tradingd.lab.results.result import read
from tradingd.ports import Misconfigured
from tradingd.shell.env import RealDisk
from tradingd.shell.identity import session_table
from tradingd.shell.journal import records

MONTH = {"begin": "2003-02-03", "end": "2003-02-28"}
NAMES = ("AAPL", "IBM", "MSFT")


def shipped(name: str) -> str:
    data = files("tradingd_adapters.sim").joinpath("data", name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The shipped days and actions of three shares around the start of 2003."""
    folder = tmp_path_factory.mktemp("days")
    store = store_in(folder)
    rows = [
        r
        for r in csv.DictReader(io.StringIO(shipped("us_equities_daily_wiki.csv.gz")))
        if "2002-06" < r["date"] < "2003-04"
    ]
    for name in NAMES:
        lines = [
            ",".join(r[c] for c in ("date", "open", "high", "low", "close", "volume"))
            for r in rows
            if r["ticker"] == name
        ]
        bring(
            store,
            text_of(folder / f"{name}.csv", "date,open,high,low,close,volume\n" + "\n".join(lines) + "\n"),
            DAYS,
            NYSE,
            symbol=name,
        )
    bring(
        store, text_of(folder / "actions.csv", shipped("us_equities_actions_implied.csv")), "actions", NYSE, symbol=""
    )
    return store


def run(store: Store, out: Path, **asked: object) -> Told:
    plain: dict[str, object] = {**MONTH, "strategies": ("breakout", "reversion:oversold=20.0"), "tier": "moderate"}
    return run_backtest(Options(data=str(store.root), out=out, **{**plain, **asked}))  # type: ignore[arg-type]


def test_days_and_actions_of_a_store_are_traded(days: Store, tmp_path: Path) -> None:
    """T2: ranges from the days before, paths within the days, a split at its time; the note says what is made up."""
    told = run(days, tmp_path / "out")
    facts = [fact for _, fact in records(RealDisk(), str(tmp_path / "out" / "journal"))]
    result = told.result
    assert (result.state, result.begin, result.end) == ("complete", MONTH["begin"], MONTH["end"])
    assert result.metrics is not None
    assert result.metrics.sessions == 19
    assert result.metrics.fills == len([f for f in facts if isinstance(f, Filled)]) > 10
    assert [f.symbol for f in facts if isinstance(f, SplitApplied)] == ["MSFT"]
    assert any(isinstance(f, Decided) for f in facts)
    assert "AAPL, IBM, MSFT: only days are recorded, what happens inside of them is made up by rule" in result.notes


def test_a_dividend_is_paid_on_what_is_held(days: Store, tmp_path: Path) -> None:
    """T2: shares times amount, on the ex-date."""
    told = run(days, tmp_path / "out", begin="2002-10-01", end="2003-03-31", strategies=("trend",))
    facts = [fact for _, fact in records(RealDisk(), str(tmp_path / "out" / "journal"))]
    paid = [f for f in facts if isinstance(f, CashMoved) and f.kind == "dividend"]
    assert told.result.metrics is not None
    assert told.result.metrics.dividends == sum((f.amount for f in paid), start=0)
    assert paid


def test_the_same_options_make_the_same_journal(days: Store, tmp_path: Path) -> None:
    """T1: its head is one."""
    heads = {run(days, tmp_path / name).result.journal.head for name in ("a", "b")}
    assert len(heads) == 1


def test_costs_are_felt(days: Store, tmp_path: Path) -> None:
    """T2: wider spreads and higher fees leave less, of the very same market."""

    cheap = run(days, tmp_path / "cheap", costs=Costs(spread_bps=0, fee_minimum=Decimal(0), fee_per_share=Decimal(0)))
    dear = run(days, tmp_path / "dear", costs=Costs(spread_bps=50, fee_minimum=Decimal(5)))
    assert cheap.result.metrics is not None
    assert dear.result.metrics is not None
    assert cheap.result.metrics.fees == 0
    assert dear.result.metrics.fees >= 5
    assert (dear.result.metrics.equity or 0) < (cheap.result.metrics.equity or 0)


def test_contracts_are_traded_with_their_multiplier(days: Store, tmp_path: Path) -> None:
    """O4, T2: what changed hands is price x quantity x multiplier, and the cash is all there is less that and the
    fees, with dividends and the interest of each night."""
    costs = Costs(fee_bps=3, fee_maximum_bps=50, credit_pct=4)
    told = run(days, tmp_path / "out", sets=("instruments.IBM.multiplier=5",), costs=costs)
    facts = [fact for _, fact in records(RealDisk(), str(tmp_path / "out" / "journal"))]
    fills = [f for f in facts if isinstance(f, Filled)]
    assert {f.multiplier for f in fills if f.symbol == "IBM"} == {5}
    assert {f.multiplier for f in fills if f.symbol != "IBM"} == {1}
    spent = sum((f.price * f.qty * f.multiplier * f.side.sign + f.fee for f in fills), start=Decimal(0))
    paid = sum((f.amount for f in facts if isinstance(f, CashMoved) and f.kind != "deposit"), start=Decimal(0))
    last = (tmp_path / "out" / "equity.csv").read_text().splitlines()[-1]
    assert Decimal(last.split(",")[4]) == 100_000 - spent + paid
    assert told.result.metrics is not None
    assert told.result.metrics.fees == sum((f.fee for f in fills), start=Decimal(0))
    assert told.result.metrics.interest + told.result.metrics.dividends == paid
    assert 100 < told.result.metrics.interest < 100_000 * Decimal("0.04") * 25 / 360


def test_what_is_missing_is_noted_and_the_rest_is_run(days: Store, tmp_path: Path) -> None:
    """T2: a span beyond the data, and a session without any price."""
    told = run(days, tmp_path / "out", begin="2003-03-03", end="2003-05-30")
    assert told.result.state == "complete"
    assert len([n for n in told.result.notes if "ends already at 2003-03-31" in n]) == len(NAMES)
    folder = tmp_path / "holes"
    folder.mkdir()
    holes = store_in(folder)
    rows = ["2003-02-03,10,11,9,10,100", "2003-02-06,10,11,9,10,100"]
    path = text_of(folder / "a.csv", "date,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    bring(holes, path, DAYS, NYSE, symbol="A")
    notes = run(holes, tmp_path / "out2", begin="2003-02-03", end="2003-02-07").result.notes
    assert "2 sessions without data were skipped: 2003-02-04, 2003-02-05" in notes


def test_quotes_go_before_bars_and_days_are_built_of_them(tmp_path: Path) -> None:
    """T2: recorded quotes are shown as they are, with what they warm up."""
    store, table = store_in(tmp_path), session_table("XNYS")
    day, rows = date(2008, 1, 2), []
    while day < date(2008, 2, 29):
        session = table.session(day.isoformat())
        if session is not None:
            for i, ts in enumerate(range(session.open_ns, session.close_ns + 1, 300 * NS)):
                mid = 100 + (day.day % 7) + 2 * (i % 13) / 13
                rows.append((ts, round(mid, 2), round(mid + 0.02, 2), 500.0, 500.0))
        day += timedelta(days=1)
    bring(store, csv_of(tmp_path / "q.csv", "ts,bid,ask,bid_size,ask_size", rows), "quotes", NANOS, symbol="A")
    told = run(store, tmp_path / "out", begin="2008-02-01", end="2008-02-28", sets=("instruments.A.calendar=XNYS",))
    assert told.result.metrics is not None
    assert told.result.metrics.sessions == 19
    assert told.result.sessions_a_year == 252
    candles = (tmp_path / "out" / "bars.csv").read_text().splitlines()
    assert len(candles) == 1 + 19  # what was learned from is not of the run
    facts = [fact for _, fact in records(RealDisk(), str(tmp_path / "out" / "journal"))]
    assert {f.symbol for f in facts if isinstance(f, Decided)} == {"A"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"symbols": ("XOM",)}, "there is no data of XOM"),
        ({"sets": ("instruments.IBM.currency=EUR",)}, "instruments.IBM.currency is EUR, the account's is USD"),
        (
            {"sets": ("instruments.IBM.calendar=none",)},
            "the venue keeps one calendar in a run, these follow XNYS, none",
        ),
        ({"begin": "1999-01-04", "end": "1999-02-01"}, "there is no data in between"),
        ({"strategies": ()}, "--strategy: none is switched on.*name one of breakout, .*trend"),
    ],
)
def test_what_cannot_be_run_is_refused(days: Store, tmp_path: Path, asked: dict[str, object], words: str) -> None:
    """T2: before anything is made."""
    with pytest.raises(Misconfigured, match=words):
        run(days, tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        (("bars-60",), ("bars", 60, (1800, 86400), 1800)),
        (("bars-60", "bars-1800", "bars-86400"), ("bars", 60, (), 1800)),
        (("bars-1200",), ("bars", 1200, (86400,), 1200)),
        (("bars-3600", "bars-7200"), ("bars", 3600, (86400,), 3600)),
        (("quotes", "bars-300"), ("quotes", 0, (1800, 86400), 1800)),
        (("bars-86400", "actions"), ("bars", 86400, (1800,), 1800)),
    ],
)
def test_how_a_symbol_is_shown_by_what_is_recorded(kinds: tuple[str, ...], shown: tuple[object, ...]) -> None:
    """T2: the finest kind; half-hours only of what fills them; bars of one span below a day are told."""
    how = shown_by({name: kind_of(name) for name in kinds})
    assert (how.source, how.span_s, how.build, how.inside) == shown


def test_a_market_that_never_closes_is_shown_and_not_entered(tmp_path: Path) -> None:
    """T2, E9: as in the daemon, no entry where there is no session table; the note says so, and a year has all its days."""
    store = store_in(tmp_path)
    begin = 1_204_329_600 * NS  # midnight of 2008-03-01, UTC
    rows = [(begin + i * 300 * NS, 100 + i % 7, 100.02 + i % 7) for i in range(3 * 288)]
    bring(store, csv_of(tmp_path / "q.csv", "ts,bid,ask", rows), "quotes", NANOS, symbol="A")
    told = run(store, tmp_path / "out", begin="", end="")
    assert (told.result.begin, told.result.end) == ("2008-03-01", "2008-03-03")
    assert told.result.sessions_a_year == 365
    assert any("entries are refused where the instrument has no session table" in note for note in told.result.notes)
    assert told.result.metrics is not None
    assert told.result.metrics.fills == 0


def test_days_without_sessions_are_run_by_their_own_dates(tmp_path: Path) -> None:
    """T2: a day ends at the next midnight, and is none of the next date for that; what is not said is all there is."""
    store = store_in(tmp_path)
    lines = "\n".join(f"2003-02-{n:02},100,{101 + n},99,100,1000" for n in range(1, 11))
    path = text_of(tmp_path / "d.csv", f"date,open,high,low,close,volume\n{lines}\n")
    bring(store, path, DAYS, Reading(calendar="none"), symbol="C")
    told = run(store, tmp_path / "all", begin="", end="")
    assert (told.result.begin, told.result.end) == ("2003-02-01", "2003-02-10")
    assert not [note for note in told.result.notes if note.startswith("C ") or "skipped" in note]
    told = run(store, tmp_path / "some", begin="2003-02-04", end="2003-02-06")
    assert told.result.metrics is not None
    assert told.result.metrics.sessions == 3
    assert not [note for note in told.result.notes if note.startswith("C ") or "skipped" in note]


def bars_from(folder: Path, store: Store, dates: tuple[str, ...], how: Reading = NYSE) -> None:
    """Days of A."""
    rows = [f"{day},10,11,9,10,100" for day in dates]
    path = text_of(folder / "days.csv", "date,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    bring(store, path, DAYS, how, symbol="A")


def actions_from(folder: Path, store: Store, rows: tuple[str, ...], how: Reading = NYSE) -> None:
    path = text_of(folder / "acts.csv", "date,ticker,kind,value,evidence\n" + "\n".join(rows) + "\n")
    bring(store, path, "actions", how, symbol="")


def test_a_run_goes_as_far_as_the_prices_go(tmp_path: Path) -> None:
    """T2: actions long before and after them are no beginning and no end."""
    store = store_in(tmp_path)
    bars_from(tmp_path, store, ("2003-02-03", "2003-02-04", "2003-02-05"))
    actions_from(tmp_path, store, ("1999-02-03,A,split,2,x", "2013-02-04,A,split,2,x"))
    told = run(store, tmp_path / "out", begin="", end="")
    assert (told.result.begin, told.result.end) == ("2003-02-03", "2003-02-05")


def test_hours_are_noted_as_too_coarse_and_too_long(tmp_path: Path) -> None:
    """T2: no half-hours are built of them, and the last one of a session reaches past its close."""
    store, table, rows = store_in(tmp_path), session_table("XNYS"), []
    for day in ("2003-02-03", "2003-02-04"):
        session = table.session(day)
        assert session is not None
        rows += [(session.open_ns + i * 3600 * NS, 10.0, 11.0, 9.0, 10.0, 100.0) for i in range(1, 8)]
    path = csv_of(tmp_path / "h.csv", "ts,open,high,low,close,volume", rows)
    bring(store, path, "bars-3600", Reading(unit="ns", calendar="XNYS", stamp="end"), symbol="A")
    notes = run(store, tmp_path / "out", begin="", end="").result.notes
    assert "A: no half-hours can be built of what is recorded; strategies see other bars below a day" in notes
    assert "A: 2 bars reach past the close; what they show was put into the session they begin in" in notes


def test_a_hole_in_the_data_of_one_symbol_is_noted(tmp_path: Path) -> None:
    """T2: what nobody has is skipped and told once, what lies before the run is not told."""
    store, table = store_in(tmp_path), session_table("XNYS")
    week = ("2003-02-03", "2003-02-04", "2003-02-05", "2003-02-06", "2003-02-07", "2003-02-10", "2003-02-11")
    held = {"A": week[:1] + week[2:4] + week[6:], "B": week[:4] + week[5:]}
    for name, dates in held.items():
        rows = []
        for day in dates:
            session = table.session(day)
            assert session is not None
            rows += [(session.open_ns + i * 1800 * NS, 10.0, 10.02) for i in range(13)]
        path = csv_of(tmp_path / f"{name}.csv", "ts,bid,ask", rows)
        bring(store, path, "quotes", NANOS, symbol=name)
    sets = ("instruments.A.calendar=XNYS", "instruments.B.calendar=XNYS")
    notes = run(store, tmp_path / "out", begin="2003-02-03", end="2003-02-11", sets=sets).result.notes
    assert "1 sessions without data were skipped: 2003-02-07" in notes
    assert "A: 2 sessions without data: 2003-02-04, 2003-02-10" in notes
    assert not [note for note in notes if note.startswith("B: ")]
    later = run(store, tmp_path / "later", begin="2003-02-05", end="2003-02-11", sets=sets).result.notes
    assert "A: 1 sessions without data: 2003-02-10" in later


def test_the_calendar_is_that_of_the_prices(tmp_path: Path) -> None:
    """T2: whatever the actions were imported with, the sessions are those the prices follow."""
    store = store_in(tmp_path)
    bars_from(tmp_path, store, ("2003-02-03", "2003-02-04", "2003-02-05"))
    actions_from(tmp_path, store, ("2003-02-04,A,dividend,1,x",), Reading(tz="UTC", calendar="none"))
    told = run(store, tmp_path / "out")
    assert told.result.sessions_a_year == 252
    assert not [note for note in told.result.notes if "no sessions" in note]


def test_a_place_without_a_store_is_refused(tmp_path: Path) -> None:
    """H6: a file is to be brought in first."""
    file = text_of(tmp_path / "a.csv", "date,close\n")
    for place, words in (
        (tmp_path / "none", "neither demo nor the folder"),
        (file, "tradingd data import"),
        (tmp_path, "no data"),
    ):
        folder = tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        with pytest.raises(Misconfigured, match=words):
            run_backtest(
                Options(data=str(folder if place == tmp_path else place), out=tmp_path / "out", strategies=("trend",))
            )


def test_no_bar_is_known_before_its_end(days: Store, tmp_path: Path) -> None:
    """T1: what a run has seen by a day does not change with what comes after it."""
    short, long = (run(days, tmp_path / end, end=end) for end in ("2003-02-14", "2003-02-28"))
    first, second = (
        [fact for _, fact in records(RealDisk(), f"{told.out}/journal")][1:-1] for told in (short, long)
    )  # fmt: skip
    until = session_table("XNYS").session("2003-02-14")
    assert until is not None
    seen = [[fact for fact in facts if fact.ts <= until.close_ns] for facts in (first, second)]
    assert seen[0] == seen[1]
    assert len(seen[0]) > 50
    bars = [(Path(told.out) / "bars.csv").read_text().splitlines() for told in (short, long)]
    assert bars[1][: len(bars[0])] == bars[0]


def test_a_store_that_turns_out_damaged_ends_with_what_was_done(days: Store, tmp_path: Path) -> None:
    """T2: exit 1, one line that says what is wrong and where the partial result is."""
    store = store_in(tmp_path)
    folder = tmp_path / "rows"
    folder.mkdir()
    table = session_table("XNYS")
    for name, dates in (("a", ("2003-02-03", "2003-02-04")), ("b", ("2003-02-05", "2003-02-06"))):
        found = [s for s in map(table.session, dates) if s is not None]
        rows = [(ts, 10.0, 10.02) for s in found for ts in range(s.open_ns, s.close_ns + 1, 300 * NS)]
        bring(store, csv_of(folder / f"{name}.csv", "ts,bid,ask", rows), "quotes", NANOS, symbol="A")
    last = max(store.root.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(last.read_bytes())
    data[8:200] = bytes(192)  # its first pages; the foot, which says what it holds, stays
    last.write_bytes(data)
    ran = tradingd(
        "backtest", "--data", str(store.root), "--set", "instruments.A.calendar=XNYS", "--strategy", "breakout",
        "--out", "out", cwd=tmp_path
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"Error: {last}: ")
    assert ran.stderr.endswith(f"what was done until then is in {tmp_path / 'out'}\n")
    result = read(tmp_path / "out")
    assert result.state == "partial"
    assert result.why.startswith(f"DataError: {last}: ")
    assert result.metrics is not None
    assert result.metrics.sessions == 1  # the second was not over


def test_looking_at_each_trade_makes_the_same_journal(tmp_path: Path) -> None:
    """T1: of data that has trades only, too."""
    rng, store, table = Random(5), store_in(tmp_path), session_table("XNYS")
    for name, start in (("A", 100.0), ("B", 40.0)):
        day, rows, mid = date(2008, 1, 2), [], start
        while day < date(2008, 2, 16):
            session = table.session(day.isoformat())
            if session is not None:
                for ts in range(session.open_ns, session.close_ns + 1, 60 * NS):
                    mid *= 1 + rng.gauss(0, 0.0006)
                    rows.append((ts, round(mid, 2), float(rng.randint(0, 900)) / 7))
            day += timedelta(days=1)
        bring(store, csv_of(tmp_path / f"{name}.csv", "ts,price,size", rows), "trades", NANOS, symbol=name)
    calm = ("house.timer_s=30m", "house.orders_s=30m", "house.positions_s=30m")
    sets = (*(f"instruments.{name}.calendar=XNYS" for name in "AB"), *calm)
    dense, sparse = (
        run(store, tmp_path / str(each), begin="2008-02-01", end="2008-02-15", sets=sets, dense=each, tier="aggressive")
        for each in (True, False)
    )
    assert sparse.result == dense.result
    assert sparse.result.metrics is not None
    assert sparse.result.metrics.fills > 0
    assert sparse.events == dense.events > 8_000


def test_looking_at_each_quote_makes_the_same_journal(tmp_path: Path) -> None:
    """T1: one head, sparse and dense; the counts of what happened are the same, too."""
    rng, store, table = Random(5), store_in(tmp_path), session_table("XNYS")
    for name, start in (("A", 100.0), ("B", 40.0)):
        day, rows, mid = date(2008, 1, 2), [], start
        while day < date(2008, 2, 16):
            session = table.session(day.isoformat())
            if session is not None:
                for ts in range(session.open_ns, session.close_ns + 1, 60 * NS):
                    mid *= 1 + rng.gauss(0, 0.0006)
                    rows.append((ts, round(mid, 2), round(mid + 0.02, 2), 500.0, 500.0))
            day += timedelta(days=1)
        path = csv_of(tmp_path / f"{name}.csv", "ts,bid,ask,bid_size,ask_size", rows)
        bring(store, path, "quotes", NANOS, symbol=name)
    sets = (*(f"instruments.{name}.calendar=XNYS" for name in "AB"), "house.timer_s=30m")
    dense, sparse = (
        run(store, tmp_path / str(each), begin="2008-02-01", end="2008-02-15", sets=sets, dense=each)
        for each in (True, False)
    )
    assert sparse.result == dense.result
    assert sparse.result.metrics is not None
    assert sparse.result.metrics.fills > 0
    assert sparse.events == dense.events > 8_000
