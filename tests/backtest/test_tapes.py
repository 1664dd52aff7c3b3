"""The tapes of a state directory as a market: what of them is stored, what is said to be missing, whose rules a run goes by."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.lab.data.heard import ACCOUNT, CLOSE, DAY, OPEN, bar, began, learned, quote, split
from tests.lab.data.rig import bring, csv_of, rows_of, store_in, text_of, tree
from tradingd.backtest.files import Named, at_hand
from tradingd.backtest.options import Options
from tradingd.backtest.run import run_backtest
from tradingd.backtest.tapes import record
from tradingd.config import describe
from tradingd.core.inputs import Ended, Input, Learned
from tradingd.core.types import NS, Instrument, Symbol
from tradingd.demo.config import demo_config
from tradingd.lab.data.faults import DataError
from tradingd.lab.data.kinds import kind_of
from tradingd.lab.data.times import Reading
from tradingd.lab.results.result import Result
from tradingd.ports import Misconfigured
from tradingd.shell.env import RealDisk
from tradingd.shell.ticks.frames import Head, block_bytes, file_name, head_bytes

RULES = describe(demo_config())
SLOT = 300 * NS


def tape(state: Path, number: int, blocks: Sequence[Sequence[Input]], *, life: int = 1, at: int = 1) -> Path:
    """A file of a life's tape; at: place of its first entry."""
    path = state / "ticks" / file_name(number, f"2008-09-{number:02}")
    path.parent.mkdir(parents=True, exist_ok=True)
    data = head_bytes(Head(life, "i"))
    for block in blocks:
        data += block_bytes(at, at, block)
        at += len(block)
    path.write_bytes(data)
    return path


def session(begin: int = OPEN, slots: int = 79, symbol: str = "A") -> list[Input]:
    return [quote(begin + n * SLOT, 10.0 + n % 7 / 100, symbol) for n in range(slots)]


def brought(store: Any, state: Path, **more: Any) -> Any:
    return record(store, state, RealDisk(), **more)


def run(state: Path, out: Path, *data: str, named: dict[str, Any] | None = None, **asked: Any) -> Result:
    what = Named(data=(str(state), *data), **(named or {}))
    with at_hand(Options(out=out, **asked), what, RealDisk()) as options:
        return run_backtest(options).result


def test_tapes_are_stored_file_by_file_and_once(tmp_path: Path) -> None:
    """J5: the same tapes again change nothing; a new one adds what is new; a part says what it was recorded of."""
    store, state = store_in(tmp_path), tmp_path / "state"
    days = [bar(CLOSE - n * DAY, history=True) for n in (2, 1)]
    tape(state, 2, [[began(), learned(), *days], session(), [bar(CLOSE)]])
    taped = brought(store, state)
    assert [(r.kind, [(s.symbol, s.rows) for s in r.loaded]) for r in taped.reports] == [
        ("bars-86400", [("A", 3)]), ("quotes", [("A", 79)])
    ]  # fmt: skip
    assert (taped.notes, taped.holes, taped.config) == ((), (), "x = 1")
    before = tree(store.root)
    assert {s.outcome for r in brought(store, state).reports for s in r.loaded} <= {"imported before"}
    assert tree(store.root) == before
    tape(state, 3, [[*session(OPEN + DAY), split(OPEN + DAY)], [bar(CLOSE + DAY)]], at=5 + 79)
    tape(state, 4, [[began(OPEN + 2 * DAY), learned(), bar(CLOSE + DAY, history=True)]], life=4)
    brought(store, state)
    assert len(rows_of(store, "quotes", "A")) == 2 * 79
    assert [row[0] for row in rows_of(store, "bars-86400", "A")] == [CLOSE + n * DAY for n in (-2, -1, 0, 1)]
    assert [row[2:4] for row in rows_of(store, "actions", "A")] == [("split", "2")]
    [first, _] = store.parts(kind_of("quotes"), "A")
    assert first.meta.instrument is not None
    assert (first.meta.calendar, first.meta.instrument.symbol, first.meta.origins[0].source) == (
        "XNYS", "A", "tape-000002-2008-09-02.bin of i"
    )  # fmt: skip


def test_a_tape_that_is_being_written_grows(tmp_path: Path) -> None:
    """J5: what is whole so far counts; the rest comes the next time, and nothing counts twice."""
    store, state = store_in(tmp_path), tmp_path / "state"
    path = tape(state, 2, [[began(), learned()], session(slots=40), session(OPEN + 40 * SLOT, 39)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert brought(store, state).notes == ("tape-000002-2008-09-02.bin: it ends inside a block",)
    assert len(rows_of(store, "quotes", "A")) == 40
    path.write_bytes(whole)
    assert brought(store, state).notes == ()
    assert [row[0] for row in rows_of(store, "quotes", "A")] == [OPEN + n * SLOT for n in range(79)]


def test_tapes_that_meet_at_one_moment_follow_one_another(tmp_path: Path) -> None:
    """T1: what a venue says again at a login stands behind what it said before, and is no contradiction."""
    store, state = store_in(tmp_path), tmp_path / "state"
    tape(state, 2, [[began(), learned(), quote(OPEN, 1.0), quote(OPEN + 9, 2.0)]])
    tape(state, 3, [[began(OPEN + 9), learned(), quote(OPEN + 9, 3.0)]], life=3)
    tape(state, 4, [[began(OPEN + 9), quote(OPEN + 5, 4.0), quote(OPEN + 10, 5.0)]], life=4)
    for _ in range(2):
        brought(store, state)
        assert [(row[0] - OPEN, row[1]) for row in rows_of(store, "quotes", "A")] == [
            (0, 1.0), (9, 2.0), (9, 3.0), (9, 4.0), (10, 5.0)
        ]  # fmt: skip


def test_a_tape_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    """J5: one that shrank, and one of another daemon of the same days; the store stays as it was."""
    store, state = store_in(tmp_path), tmp_path / "state"
    tape(state, 2, [[began(), learned()], session(), [bar(CLOSE)]])
    brought(store, state)
    before = tree(store.root)
    tape(state, 2, [[began(), learned()], session(slots=30)])
    with pytest.raises(
        DataError, match=r"quotes of A from .* do not go with what is stored from .*: bring them into another"
    ):
        brought(store, state)
    other = tmp_path / "other"
    tape(other, 3, [[began(), learned()], session(OPEN + 1)])
    with pytest.raises(DataError, match=r"tape-000003-2008-09-03\.bin of i: quotes of A"):
        brought(store, other)
    assert tree(store.root) == before


def test_what_is_missing_is_a_hole_in_the_notes_of_a_run(tmp_path: Path) -> None:
    """T2: the daemon was down, a block was lost, a file was altered; what stands behind it counts."""
    state = tmp_path / "state"
    head = [began(config=RULES), learned()]
    tape(state, 2, [head, session(slots=10)])
    tape(state, 3, [session(OPEN + 20 * SLOT, 10)], at=100)
    broken = tape(state, 4, [session(OPEN + 30 * SLOT, 10), session(OPEN + 40 * SLOT, 10)], at=110)
    data = broken.read_bytes()
    broken.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    tape(state, 5, [[began(OPEN + 50 * SLOT, RULES), learned(), *session(OPEN + 50 * SLOT, 29)]], life=5)
    holes = [
        "nothing was recorded from 2008-09-02T14:15:00Z to 2008-09-02T15:10:00Z",
        "nothing was recorded from 2008-09-02T16:45:00Z to 2008-09-02T17:40:00Z",
    ]
    taped = brought(store_in(tmp_path), state)
    assert (list(taped.holes), list(taped.notes)) == (holes, ["tape-000004-2008-09-04.bin: a block was altered"])
    notes = run(state, tmp_path / "out").notes
    assert [note for note in notes if "recorded from" in note] == holes
    assert notes[0] == "tape-000004-2008-09-04.bin: a block was altered"
    stored = run(tmp_path / "store", tmp_path / "out2", strategies=("trend",), account="backtest").notes
    assert [note for note in stored if "recorded from" in note] == holes


def test_a_run_goes_by_the_recorded_rules_and_instruments(tmp_path: Path) -> None:
    """T1: those last in force, changed by the options; days that reach further back do not begin it."""
    state = tmp_path / "state"
    days = [bar(CLOSE - n * DAY, history=True) for n in range(60, 0, -1)]
    tape(
        state, 2, [[began(config="not loaded"), learned()], [began(config=RULES), *days], session(), [Ended(ts=CLOSE)]]
    )
    result = run(state, tmp_path / "out", sets=("risk.max_open_positions=3",))
    assert (result.begin, result.end, result.data) == ("2008-09-02", "2008-09-02", str(state))
    assert "the rules changed 1 times while it was recorded" in result.notes
    kept = (tmp_path / "out" / "config.toml").read_text()
    assert "[accounts.demo]" in kept
    assert "max_open_positions = 3" in kept
    other = run(
        state,
        tmp_path / "out2",
        config=text_of(
            tmp_path / "own.toml",
            'mode = "paper"\n[accounts.own]\nbroker = "sim"\ncapital = "5000 USD"\n[strategies.trend]\n',
        ),
    )
    assert (other.capital, other.strategies) == (5000, ("trend",))


def test_what_an_instrument_is_stays_with_its_rows(tmp_path: Path) -> None:
    """T2: a contract's multiplier is money: not lost where a file adds rows, nor where a part is named itself."""
    store, state = store_in(tmp_path), tmp_path / "state"
    contract = Instrument(symbol=Symbol("A"), multiplier=Decimal(50), tick=Decimal("0.25"))
    tape(state, 2, [[began(), Learned(ts=OPEN, account=ACCOUNT, instruments=(contract,))], session()])
    brought(store, state)
    [part] = store.parts(kind_of("quotes"), "A")
    named = Named(data=(str(part.path),))
    with at_hand(Options(strategies=("trend",)), named, RealDisk()) as options:
        [copy] = _store(options.data).parts(kind_of("quotes"), "A")
        assert copy.meta.instrument == contract
    rows = csv_of(tmp_path / "more.csv", "ts,bid,ask", [(OPEN + 7, 10.0, 10.5)])
    bring(store, rows, "quotes", Reading(unit="ns", calendar="XNYS"), symbol="A", merge=True)
    [merged] = store.parts(kind_of("quotes"), "A")
    assert (merged.meta.rows, merged.meta.instrument) == (80, contract)


def test_the_operators_file_of_actions_goes_with_a_tape(tmp_path: Path) -> None:
    """T2: dividends, which a venue tells in cash, come from a file; a split in both counts once."""
    state = tmp_path / "state"
    tape(
        state,
        2,
        [
            [began(config=RULES), learned()],
            session(),
            [split(OPEN + DAY - 1800 * NS, name="theirs")],
            session(OPEN + DAY),
        ],
    )
    actions = text_of(
        tmp_path / "actions.csv", "symbol,ex_date,kind,value\nA,2008-09-03,split,2\nA,2008-09-03,dividend,0.1\n"
    )
    named = Named(data=(str(state), str(actions)), kinds=("actions",), reading=Reading(calendar="XNYS"))
    with at_hand(Options(), named, RealDisk()) as options:
        rows = rows_of(_store(options.data), "actions", "A")
    assert [row[2:] for row in rows] == [("split", "2", "split-2008-09-03"), ("dividend", "0.1", "dividend-2008-09-03")]


def test_an_action_of_the_tape_is_not_brought_again_by_another_name(tmp_path: Path) -> None:
    """T2: the venue told the split at its own moment, a file has it by its date: a position would be doubled twice."""
    store, state = store_in(tmp_path), tmp_path / "state"
    tape(state, 2, [[began(), learned()], session(), [split(OPEN + DAY, name="theirs")], session(OPEN + DAY)])
    brought(store, state)
    before = tree(store.root)
    header = "symbol,ex_date,kind,value,action_id\n"
    how = Reading(calendar="XNYS")
    twice = text_of(tmp_path / "twice.csv", f"{header}A,2008-09-02,dividend,0.1,d\nA,2008-09-03,split,2.0,ours\n")
    for merge in (False, True):
        with pytest.raises(
            DataError, match=r"the split of 2 of A on 2008-09-03 is stored as 'theirs', here it is 'ours'"
        ):
            bring(store, twice, "actions", how, symbol="", merge=merge)
    assert tree(store.root) == before
    other = text_of(tmp_path / "other.csv", f"{header}A,2008-09-02,dividend,0.1,d\n")
    bring(store, other, "actions", how, symbol="")
    brought(store, state)
    assert [row[1:3] for row in rows_of(store, "actions", "A")] == [("2008-09-02", "dividend"), ("2008-09-03", "split")]


def _store(folder: str) -> Any:
    from tradingd.lab.data.store import Store

    return Store(Path(folder), RealDisk())


def test_a_tape_whose_beginning_was_dropped_needs_its_calendar(tmp_path: Path) -> None:
    """T2: it is still a record of prices; nothing is guessed."""
    store, state = store_in(tmp_path), tmp_path / "state"
    tape(state, 3, [session()], at=500)
    with pytest.raises(DataError, match="say --calendar"):
        brought(store, state)
    assert store.holdings() == []
    with pytest.raises(DataError, match="--calendar 'XMARS' is not known"):
        brought(store, state, key="XMARS")
    brought(store, state, key="XNYS")
    assert [part.meta.calendar for part in store.parts(kind_of("quotes"), "A")] == ["XNYS"]


def test_a_source_that_quotes_nothing_is_refused(tmp_path: Path) -> None:
    """T2: a name with a typo is no empty market."""
    state = tmp_path / "state"
    tape(state, 2, [[began(), learned()], session()])
    with pytest.raises(DataError, match="--source 'sum': quotes nothing"):
        brought(store_in(tmp_path), state, source="sum")
    with pytest.raises(DataError, match="there is no tape"):
        brought(store_in(tmp_path), tmp_path / "none")


@pytest.mark.parametrize("made", ["tapes", "a file"])
def test_demo_is_what_is_shipped_whatever_stands_here_by_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """T2: without --data too; a demo's own directory may well be called so, and is named by its path."""
    monkeypatch.chdir(tmp_path)
    if made == "tapes":
        tape(Path("demo"), 2, [[began(config=RULES), learned()], session()])
    else:
        text_of(Path("demo"), "date,open,high,low,close,volume\n")
    with at_hand(Options(), Named(), RealDisk()) as options:
        assert (options.data, options.named, options.rules) == ("demo", "demo", "")
    if made == "tapes":
        with at_hand(Options(), Named(data=("./demo",)), RealDisk()) as options:
            assert (options.named, options.rules) == ("./demo", RULES)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"kinds": ("quotes",)}, "--kind: says how files are read, and --data .* names tapes"),
        ({"reading": Reading(tz="UTC")}, "--tz: says how files are read"),
        ({"data": ("demo",)}, "--data 'demo': only files and tapes may be named together"),
    ],
)
def test_what_does_not_go_with_a_tape_is_refused(tmp_path: Path, named: dict[str, Any], words: str) -> None:
    """T2: naming the option."""
    state = tmp_path / "state"
    tape(state, 2, [[began(), learned()], session()])
    asked = Named(**{**named, "data": (str(state), *named.get("data", ()))})
    with pytest.raises(Misconfigured, match=words), at_hand(Options(), asked, RealDisk()):
        pass


def test_a_state_directory_without_tapes_is_told_how_it_gets_them(tmp_path: Path) -> None:
    """J5: it is no store, and its folders are not gone through for one."""
    (tmp_path / "state" / "journal").mkdir(parents=True)
    with pytest.raises(DataError, match=r"there is no tape; \[ticks\] record = true keeps one"):
        run(tmp_path / "state", tmp_path / "out")
    assert not (tmp_path / "out").exists()
