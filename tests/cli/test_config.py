"""The config verbs and the doctor: what they say, and the exit codes a script relies on. H6, H1."""

from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.fakes.daemon import Daemon
from tradingd.config import config_hash, describe, load, load_text

GOOD = 'mode = "paper"\n[risk]\nmax_daily_loss = "2%"\n[accounts.a1]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tradingd.toml"
    path.write_text(GOOD)
    return path


def test_check_of_a_good_file_says_what_it_means(cli: Cli, file: Path) -> None:
    ran = cli("config", "check")
    assert ran.code == 0
    assert f"good: mode paper, accounts a1 (sim, trade), from {file}, hash " in ran.out
    told = msgspec.json.decode(cli("config", "check", "--json").out)
    assert told["hash"] == config_hash(load(file, environ={}).config)


def test_check_of_a_bad_file_says_every_fault_and_ends_with_78(cli: Cli, file: Path) -> None:
    """H1, H6: file and line of each fault, on stderr."""
    file.write_text('mode = "paper"\n[risk]\nmax_dayly_loss = 1\norders_per_minute = "x"\n')
    ran = cli("config", "check")
    assert (ran.code, ran.out) == (78, "")
    assert (
        f"Error: {file}:3: risk.max_dayly_loss is not a known key; did you mean max_daily_loss?\n{file}:4: risk.orders_per_minute"
        in ran.err
    )


def test_without_a_file_it_says_where_it_looked(cli: Cli) -> None:
    ran = cli("config", "check")
    assert ran.code == 78
    assert "no tradingd.toml here" in ran.err


def test_overrides_are_listed_without_their_values(cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H6: what the environment changed is told; J14: its value may be anything, so it is not."""
    monkeypatch.setenv("TRADINGD__STATE__DIR", "c4nary")
    ran = cli("config", "check")
    assert "state.dir is set by environment variable TRADINGD__STATE__DIR" in ran.err
    assert "c4nary" not in ran.out + ran.err


def test_show_is_toml_that_loads_back(cli: Cli, file: Path) -> None:
    assert load_text(cli("config", "show").out).config == load(file, environ={}).config


def test_diff_compares_the_running_daemon_with_the_file(cli: Cli, file: Path, daemon: Daemon, tmp_path: Path) -> None:
    """H6: per key before, after and what it takes."""
    where = ("--dir", str(tmp_path / "tradingd-demo"))
    daemon.config = describe(load(file, environ={}).config)
    assert cli("config", "diff", *where).out == "no difference\n"
    file.write_text(GOOD.replace("2%", "1%") + "[web]\nport = 0\n")
    ran = cli("config", "diff", *where)
    assert [line.split() for line in ran.out.splitlines()[1:]] == [
        ["risk.max_daily_loss", "0.02", "0.01", "live"],
        ["web.port", "8787", "0", "restart"],
    ]
    assert len(msgspec.json.decode(cli("config", "diff", "--json", *where).out)) == 2


def test_diff_without_a_daemon_ends_with_3(cli: Cli, file: Path) -> None:
    assert cli("config", "diff").code == 3


# doctor ------------------------------------------------------------------------------------------------------------------


def marks(cli: Cli, *more: str) -> tuple[int, dict[str, dict[str, str]]]:
    ran = cli("doctor", "--json", *more)
    return ran.code, {row["check"]: row for row in msgspec.json.decode(ran.out)["checks"]}


def test_doctor_has_one_row_a_check_each_with_its_cure(cli: Cli, file: Path) -> None:
    code, rows = marks(cli)
    assert code == 0
    assert list(rows) == [
        "python",
        "configuration",
        "state directory",
        "disk free",
        "file system",
        "daemon",
        "journal",
        "clock",
        "session table",
    ]
    assert all(row["cure"] for row in rows.values() if row["mark"] != "ok")
    assert rows["daemon"]["mark"] == "warn"
    assert rows["session table"]["mark"] == "ok"


def test_doctor_ends_with_1_when_something_is_wrong(cli: Cli, file: Path) -> None:
    file.write_text("mode = 1")
    code, rows = marks(cli)
    assert code == 1
    assert rows["configuration"]["mark"] == "FAIL"
    assert "tradingd config check" in rows["configuration"]["cure"]
    assert "to mend: configuration" in cli("doctor").out


def test_doctor_sees_a_directory_that_cannot_be_one(cli: Cli, file: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    code, rows = marks(cli, "--dir", str(tmp_path / "plain" / "state"))
    assert code == 1
    assert rows["state directory"]["mark"] == "FAIL"


def test_doctor_sees_a_running_daemon(cli: Cli, daemon: Daemon) -> None:
    assert marks(cli)[1]["daemon"]["seen"].endswith("version 0.1.0, mode paper")
