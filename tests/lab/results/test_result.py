"""Reading a result folder again: whole, and what is said when it is not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.anything import anything
from tests.lab.results.stories import sheet_of
from tests.lab.results.test_sheet import traded
from tradingd.lab.results import figures
from tradingd.lab.results.faults import NoResult, ResultFault
from tradingd.lab.results.result import FILE, metrics_of, read, write
from tradingd.lab.results.rows import Action, Day, Table, Trade, rows

D = Decimal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sheet_of(tmp_path / "r", traded()) as sheet:
        sheet.finish("complete", page=False)
    return tmp_path / "r"


def test_what_was_written_is_read_again(folder: Path) -> None:
    """T2: names as the guide has them, and the same value."""
    found = read(folder)
    write(folder, found)
    assert read(folder) == found
    assert (folder / FILE).read_text().startswith('{\n  "kind": "backtest",')
    assert '"from": "2008-10-06"' in (folder / FILE).read_text()
    assert not (folder / f"{FILE}.new").exists()


def test_the_metrics_of_a_killed_run_are_those_of_its_rows(folder: Path) -> None:
    """T2: as the run itself would have reckoned them."""
    import msgspec

    whole = read(folder)
    assert whole.metrics is not None
    assert metrics_of(folder, msgspec.structs.replace(whole, state="running", metrics=None)) == whole.metrics


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"schema": 1', '"schema": 2', "schema 2 is not known here"),
        ('"schema": 1', '"schema": "x"', r"schema"),
        ('"capital": "100000"', '"capital": "-5"', "capital must be > 0"),
        ('"state": "complete"', '"state": "done"', r"\$\.state"),
        ('"kind"', "kind", "malformed"),
    ],
)
def test_a_result_that_is_none_names_its_field(folder: Path, old: str, new: str, words: str) -> None:
    """T2."""
    text = (folder / FILE).read_text()
    assert old in text
    (folder / FILE).write_text(text.replace(old, new))
    with pytest.raises(ResultFault, match=words):
        read(folder)


def test_no_result_is_told_apart(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "not" / "there"):
        with pytest.raises(NoResult, match=r"there is no result\.json"):
            read(where)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",entry,", ",entrance,", r"trades\.csv:1: there is no column entry"),
        (",long,", ",long,more,", r"trades\.csv:2: \d+ cells where the header has \d+"),
        (",100.0,", ",a lot,", r"trades\.csv:2: .*\$\.entry"),
        ("ACME", '"ACME', r"trades\.csv:2: "),
        ("ACME", "\udcff", r"trades\.csv:2: no UTF-8 text"),
    ],
)
def test_a_row_that_is_none_names_file_line_and_field(folder: Path, old: str, new: str, words: str) -> None:
    """T2."""
    path = folder / figures.TRADES
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1), errors="surrogateescape")
    with pytest.raises(ResultFault, match=words):
        figures.reckon(folder)


def test_a_file_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert list(rows(tmp_path, figures.DAYS, Day)) == []


@given(st.lists(anything(Trade), max_size=4), st.lists(anything(Action), max_size=4))
def test_any_row_reads_back_as_it_was(tmp_path_factory, trades, actions):
    """T2: digits of Decimals, floats to the bit, text with quotes, commas and whatever is printable."""
    folder = tmp_path_factory.mktemp("rows")
    for name, kind, made in ((figures.TRADES, Trade, trades), (figures.ACTIONS, Action, actions)):
        table = Table(folder, name, kind)
        for row in made:
            table.add(row)
        table.close()
        again = list(rows(folder, name, kind))
        assert len(again) == len(made)
        for found, row in zip(again, made, strict=True):
            for column in row.__struct_fields__:
                before, after = getattr(row, column), getattr(found, column)
                if isinstance(before, str):
                    assert after == "".join(c if c.isprintable() else " " for c in before)
                else:
                    assert (after == before and str(after) == str(before)) or before != before
