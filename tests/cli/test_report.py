"""The report verb, on a result folder alone. T2."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.lab.results.stories import sheet_of
from tests.lab.results.test_sheet import traded
from tradingd.lab.results.figures import Metrics
from tradingd.lab.results.result import FILE, read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sheet_of(tmp_path / "r", traded()) as sheet:
        sheet.finish("complete", page=False)
    return tmp_path / "r"


def test_it_makes_the_page_again_beside_the_result_or_where_it_is_told(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """T2: the path on stdout, the same page each time."""
    ran = cli("report", str(folder))
    assert (ran.code, ran.out, ran.err) == (0, f"{folder}/report.html\n", "")
    ran = cli("report", str(folder), "--out", "elsewhere.html")
    assert (ran.code, ran.out) == (0, "elsewhere.html\n")
    assert (tmp_path / "elsewhere.html").read_bytes() == (folder / "report.html").read_bytes()


def test_json_is_the_metrics_and_writes_no_page_unasked(cli: Cli, folder: Path) -> None:
    """T2: one document; of a run that was killed too."""
    ran = cli("report", str(folder), "--json")
    found = msgspec.json.decode(ran.out, type=Metrics)
    assert (ran.code, found) == (0, read(folder).metrics)
    assert not (folder / "report.html").exists()
    killed = msgspec.structs.replace(read(folder), state="running", metrics=None)
    (folder / FILE).write_bytes(msgspec.json.encode(killed))
    ran = cli("report", str(folder), "--json", "--out", str(folder / "page.html"))
    assert msgspec.json.decode(ran.out, type=Metrics) == found
    assert "did not come to its end" in (folder / "page.html").read_text()


def test_what_cannot_be_shown_is_said_with_its_exit_code(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """T2: 6 without a result, 1 for a damaged one, naming file and field, and when the page cannot be written; 2 for usage."""
    ran = cli("report", str(tmp_path / "nothing"))
    assert (ran.code, ran.out) == (6, "")
    assert "there is no result.json in" in ran.err
    ran = cli("report", str(folder), "--out", str(tmp_path / "not" / "there.html"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: --out: the page cannot be written: ")
    assert cli("report").code == 2
    trades = folder / "trades.csv"
    trades.write_text(trades.read_text().replace(",100.0,", ",a lot,", 1))
    ran = cli("report", str(folder))
    assert (ran.code, ran.out) == (1, "")
    assert "trades.csv:2: " in ran.err
    assert "$.entry" in ran.err
    (folder / FILE).write_text("{}")
    ran = cli("report", str(folder), "--json")
    assert (ran.code, ran.out) == (1, "")
    assert FILE in ran.err
