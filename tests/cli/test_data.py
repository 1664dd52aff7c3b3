"""tradingd data, through the real command. T2, J5, H3."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.backtest.test_tapes import session, tape
from tests.cli.conftest import Cli
from tests.lab.data.heard import CLOSE, began, learned, quote
from tradingd.core.types import NS

BARS = "Date,Open,High,Low,Close,Volume,Adj Close\n2008-10-06,10,11,9,10,5,1\n2008-10-07,10,11,9,10,5,1\n2008-10-09,5,5,5,5,5,1\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "bad.csv").write_text("ts,price,size\n2008-10-06T14:00Z,1,1\nx,2,2\n2008-10-06T14:01Z,\x1b[2J,2\n")
    return tmp_path


IMPORT = ("data", "import", "bars.csv", "--kind", "bars-86400", "--symbol", "X", "--calendar", "XNYS", "--store", "s")


def test_in_listed_checked(cli: Cli, files: Path) -> None:
    """T2, J5: the three verbs on one file; the check ends with 1, for there is something."""
    ran = cli(*IMPORT)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "bars.csv: bars-86400 X: 3 rows, 2008-10-06 20:00:00Z to 2008-10-09 20:00:00Z",
        "bars.csv: columns not used: Adj Close",
    ]
    assert (
        cli(*IMPORT).out.splitlines()[0]
        == "bars.csv: bars-86400 X: this very file was imported before; nothing changed"
    )
    listed = cli("data", "list", "--store", "s").out.splitlines()
    assert listed[0].split() == ["kind", "symbol", "rows", "first", "last", "source"]
    assert listed[1].split() == [
        "bars-86400",
        "X",
        "3",
        "2008-10-06",
        "20:00:00Z",
        "2008-10-09",
        "20:00:00Z",
        "bars.csv",
    ]
    ran = cli("data", "check", "--store", "s")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "bars-86400 X: 3 rows, 1 gap, 1 split-missing",
        "  gap: 1 session of XNYS missing: 2008-10-08",
        "  split-missing: 2008-10-09T20:00:00Z: 0.5 of the price before, like a split of 2 for 1, which no action tells",
    ]


def decoded(ran: Any) -> Any:
    return msgspec.json.decode(ran.out)


def test_json_of_every_verb(cli: Cli, files: Path) -> None:
    """H3: one value each."""
    [report] = decoded(cli(*IMPORT, "--json"))
    assert (report["loaded"][0]["outcome"], report["loaded"][0]["rows"], report["unused"]) == (
        "imported",
        3,
        ["Adj Close"],
    )
    [held] = decoded(cli("data", "list", "--store", "s", "--json"))
    assert (held["kind"], held["rows"], held["calendar"], held["sources"]) == ("bars-86400", 3, "XNYS", ["bars.csv"])
    ran = cli("data", "check", "--store", "s", "--json")
    [result] = decoded(ran)
    assert (ran.code, result["counts"], result["findings"][0]["check"]) == (1, {"gap": 1, "split-missing": 1}, "gap")


def test_clean_data_ends_with_0(cli: Cli, files: Path) -> None:
    (files / "bars.csv").write_text("\n".join(BARS.splitlines()[:3]) + "\n")
    cli(*IMPORT)
    ran = cli("data", "check", "X", "--store", "s")
    assert (ran.code, ran.out) == (0, "bars-86400 X: 2 rows, clean\n")


def test_bad_lines_refuse_the_file_or_are_left_out(cli: Cli, files: Path) -> None:
    """T2: named by file, line and field, and harmless to the terminal (J13)."""
    command = ("data", "import", "bad.csv", "-k", "trades", "-s", "X", "--store", "s")
    ran = cli(*command)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[:2] == [
        "Error: 2 bad lines, nothing was imported (--skip-bad imports the rest):",
        "  bad.csv:3: ts: 'x' is no time like 2008-10-06T14:30:00Z",
    ]
    assert "\x1b" not in ran.err
    assert cli("data", "list", "--store", "s").out == "there is no data\n"
    ran = cli(*command, "--skip-bad")
    assert ran.code == 0
    assert ran.out.splitlines()[1:3] == [
        "bad.csv: 2 bad lines left out",
        "  bad.csv:3: ts: 'x' is no time like 2008-10-06T14:30:00Z",
    ]
    assert "\x1b" not in ran.out


def test_a_second_file_that_is_refused_leaves_the_first(cli: Cli, files: Path) -> None:
    ran = cli("data", "import", "bars.csv", "none.csv", *IMPORT[3:])
    assert (ran.code, ran.out.count("3 rows")) == (1, 1)
    assert "none.csv: No such file" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("import", "bars.csv", "-k", "ticks", "--store", "s"), 1, "--kind 'ticks' is not known"),
        (("import", "bars.csv", "-k", "quotes", "--store", "s", "--tz", "Mars"), 1, "--tz 'Mars'"),
        (("import", "bars.csv", "-k", "quotes", "--store", "s", "--unit", "h"), 2, "--unit s, ms, us or ns"),
        (("import", "bars.csv", "-k", "quotes", "--store", "s", "--column", "ts"), 2, "FIELD=NAME"),
        (("import", "bars.csv", "-k", "quotes"), 3, "or name the store with --store"),
        (("check", "--store", "s"), 2, "no data in"),
        (("check", "Y", "--store", "s"), 2, "no data of Y in"),
    ],
)
def test_what_cannot_be_asked_ends_with_its_code(
    cli: Cli, files: Path, arguments: tuple[str, ...], code: int, why: str
) -> None:
    ran = cli("data", *arguments)
    assert ran.code == code
    assert why in ran.err


def test_the_store_lies_in_the_state_directory(cli: Cli, files: Path) -> None:
    assert cli(*IMPORT[:-2], "--dir", "state").code == 0
    assert (files / "state" / "data" / "bars-86400" / "X").is_dir()


def test_without_the_libraries_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """J5: they are an optional extra."""
    monkeypatch.setattr("tradingd.lab.data.extra.LIBRARIES", ("numpy", "no_such_library"))
    ran = cli("data", "list", "--store", "s")
    assert (ran.code, ran.err) == (
        1, "Error: recorded data needs no_such_library, not installed here: pip install 'tradingd[lab]'\n"
    )  # fmt: skip
    assert cli("data", "check", "--store", "s").code == 2


def test_numbers_of_another_unit_are_told_on_stderr(cli: Cli, files: Path) -> None:
    (files / "q.csv").write_text("ts,bid,ask\n1399420807,1,2\n")
    ran = cli("data", "import", "q.csv", "-k", "quotes", "-s", "X", "--store", "s", "--unit", "ms")
    assert (ran.code, ran.err) == (
        0, "q.csv: quotes X: begins at 1970-01-17T04:43:40.807Z: is --unit ms right?\n"
    )  # fmt: skip


@pytest.fixture
def state(files: Path) -> Path:
    """A state directory with one tape: a session, and the daemon's own word on what it traded."""
    tape(files / "state", 2, [[began(), learned()], session(), [began(CLOSE + 60 * NS), quote(CLOSE + 90 * NS)]])
    return files / "state"


def test_a_tape_is_brought_in(cli: Cli, state: Path) -> None:
    """J5, T1: told like a file; what nobody recorded too."""
    ran = cli("data", "import", "--from-tape", "state", "--store", "s")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "quotes A: 80 new rows, 2008-09-02 13:30:00Z to 2008-09-02 20:01:30Z",
        "nothing was recorded from 2008-09-02T20:00:00Z to 2008-09-02T20:01:30Z",
    ]
    assert cli("data", "import", "--from-tape", "state", "--store", "s").out.splitlines()[0] == "quotes A: 0 new rows"
    taped = decoded(cli("data", "import", "--from-tape", "state", "--store", "s", "--json"))
    assert taped["reports"][0]["loaded"][0]["outcome"] == "imported before"
    assert decoded(cli("data", "list", "--store", "s", "--json"))[0]["calendar"] == "XNYS"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (
            ("bars.csv", "--from-tape", "state"),
            2,
            "FILE bars.csv: says how files are read, and --from-tape brings none",
        ),
        (("--from-tape", "state", "--tz", "UTC"), 2, "--tz: says how files are read"),
        (("bars.csv",), 2, "name files and their --kind, or --from-tape STATE_DIR"),
        (("bars.csv", "-k", "quotes", "--source", "x"), 2, "--source: goes with --from-tape"),
        (("--from-tape", "nowhere"), 1, "there is no tape; [ticks] record = true keeps one"),
        (("--from-tape", "state", "--source", "x"), 1, "--source 'x': quotes nothing on these tapes"),
    ],
)
def test_what_does_not_go_with_a_tape(cli: Cli, state: Path, arguments: tuple[str, ...], code: int, why: str) -> None:
    ran = cli("data", "import", *arguments, "--store", "s")
    assert (ran.code, why in ran.err) == (code, True), ran.err
