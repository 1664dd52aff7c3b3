"""The operator's CSV files: good lines count, each bad one is named by its number and field."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingd.shell.almanac import rows
from tradingd.shell.almanac.rows import Action, Day, Earning, Fault

D = Decimal
EARNINGS = "symbol,date,confirmed,source\n"
ACTIONS = "symbol,ex_date,kind,value,action_id\n"
HISTORY = "date,open,high,low,close,volume\n"


def test_earnings():
    """E3: columns in any order, spaces, quotes, comments, a mark at the beginning and another system's line ends are no matter."""
    text = (
        '\ufeffdate,symbol,source,confirmed\r\n\r\n# the third quarter\r\n2008-10-22, AMZN ,"wires, early",yes\r\n'
        "2008-10-21,BRK/B,,0\r\n"
    )
    found, faults = rows.earnings(text.encode())
    assert found == [
        Earning("AMZN", "2008-10-22", True, "wires, early"),
        Earning("BRK/B", "2008-10-21", False, ""),
    ]
    assert faults == []


def test_actions():
    """F9: a ratio of new shares for one old, or cash per share; exact."""
    found, faults = rows.actions(
        f"{ACTIONS}AAPL,2005-02-28,split,2,a1\nAAPL,2005-02-28,dividend,0.105,a2\nC,2011-05-09,split,0.1,a1\n".encode()
    )
    assert found == [
        Action("AAPL", "2005-02-28", "split", D(2), "a1"),
        Action("AAPL", "2005-02-28", "dividend", D("0.105"), "a2"),
        Action("C", "2011-05-09", "split", D("0.1"), "a1"),
    ]
    assert faults == []


def test_history():
    """E7: a line a session; a volume may be missing."""
    found, faults = rows.history(f"{HISTORY}2008-10-06,10,11,9,10.5,1000\n2008-10-07,10,11,9.5,10,\n".encode())
    assert found == [
        Day("2008-10-06", 10.0, 11.0, 9.0, 10.5, 1000.0, 2),
        Day("2008-10-07", 10.0, 11.0, 9.5, 10.0, 0.0, 3),
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("line", "field", "why"),
    [
        ("A B,2008-10-22,yes,x", "symbol", "'A B' is no symbol"),
        ("AMZN,22.10.2008,yes,x", "date", "'22.10.2008' is no date"),
        ("AMZN,2008-02-30,yes,x", "date", "is no date"),
        ("AMZN,2008-10-22,perhaps,x", "confirmed", "'perhaps' is neither yes nor no"),
        ("AMZN,2008-10-22,yes", "", "3 fields, 4 are due"),
        ('AMZN,2008-10-22,yes,"x', "", ""),
    ],
)
def test_a_bad_earnings_line(line, field, why):
    """E3: the lines about it still count."""
    found, [fault] = rows.earnings(f"{EARNINGS}A,2008-10-20,no,\n{line}\nB,2008-10-21,no,\n".encode())
    assert [e.symbol for e in found] == ["A", "B"]
    assert (fault.line, fault.field) == (3, field)
    assert why in fault.why


@pytest.mark.parametrize(
    ("line", "field", "why"),
    [
        ("A,2008-10-22,split,1,x", "value", "1 is no ratio"),
        ("A,2008-10-22,split,0,x", "value", "0 is no ratio"),
        ("A,2008-10-22,split,20000,x", "value", "no ratio"),
        ("A,2008-10-22,dividend,-1,x", "value", "-1 is no amount"),
        ("A,2008-10-22,dividend,nan,x", "value", "'nan' is no number"),
        ("A,2008-10-22,dividend,1e999999,x", "value", "no amount"),
        ("A,2008-10-22,spinoff,1,x", "kind", "'spinoff' is neither"),
        ("A,2008-10-22,dividend,1,", "action_id", "letters"),
        ("A,2008-10-22,dividend,1,first", "action_id", "stands in a line of A before"),
    ],
)
def test_a_bad_action_line(line, field, why):
    """F9."""
    found, [fault] = rows.actions(
        f"{ACTIONS}A,2008-10-20,dividend,1,first\n{line}\nB,2008-10-20,dividend,1,first\n".encode()
    )
    assert [a.symbol for a in found] == ["A", "B"]
    assert (fault.line, fault.field) == (3, field)
    assert why in fault.why


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("2008-10-06,10,11,9,10,1", "date"),
        ("2008-10-07,0,11,9,10,1", "open"),
        ("2008-10-07,10,9,11,10,1", "open"),
        ("2008-10-07,10,11,9,12,1", "close"),
        ("2008-10-07,10,1e13,9,10,1", "high"),
        ("2008-10-07,10,11,x,10,1", "low"),
        ("2008-10-07,10,11,9,10,-1", "volume"),
        ("2008-10-07,10,11,9,10,1e400", "volume"),
    ],
)
def test_a_bad_day(line, field):
    """E7, B7."""
    found, [fault] = rows.history(f"{HISTORY}2008-10-06,10,11,9,10,1\n{line}\n2008-10-08,10,11,9,10,1\n".encode())
    assert [day.date for day in found] == ["2008-10-06", "2008-10-08"]
    assert (fault.line, fault.field) == (3, field)


@pytest.mark.parametrize("data", [b"", b"symbol;date\n", b"symbol,date,confirmed\nA,2008-10-22,yes\n"])
def test_without_the_header_nothing_counts(data):
    """E3: perhaps another file."""
    assert rows.earnings(data) == ([], [Fault(1, "", "the header must be symbol,date,confirmed,source")])


@given(st.binary(max_size=300), st.sampled_from([rows.earnings, rows.actions, rows.history]), st.booleans())
def test_no_bytes_make_it_raise(data, parse, headed):
    """J13: whatever stands in the file, each line is a row or a fault."""
    header = {rows.earnings: EARNINGS, rows.actions: ACTIONS, rows.history: HISTORY}[parse]
    found, faults = parse(header.encode() + data if headed else data)
    lines = [
        line for line in data.decode(errors="replace").split("\n") if line.strip() and not line.strip().startswith("#")
    ]
    if headed:
        assert len(found) + len(faults) == len(lines)
