"""What speaks against the best of many, and pages and tables of it."""

from __future__ import annotations

import csv
import math
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tradingd.lab.sweep.faults import SweepFault
from tradingd.lab.sweep.forward import forward_page
from tradingd.lab.sweep.ledger import FILE, Ledger
from tradingd.lab.sweep.luck import Shape, deflated, expected_best, luck
from tradingd.lab.sweep.outcome import Outcome, part
from tradingd.lab.sweep.page import sweep_page
from tradingd.lab.sweep.space import Axis, Range, points
from tradingd.lab.sweep.table import write_results
from tradingd.lab.sweep.verdict import Verdict, judge, neighbours
from tradingd.lab.sweep.windows import Window, length, steadiness, windows
from tradingd.shell.env import RealDisk

AXES = [Axis("a", ("1", "2", "3")), Axis("b.c", ("10", "20", "30"))]


def outcome(mean: float, *, trades: int = 40, n: int = 100, late: float | None = None, key: str = "k") -> Outcome:
    """Days that swing around a mean; another one in the last 30 %."""
    days = tuple((date(2020, 1, 1) + timedelta(days=i)).isoformat() for i in range(n))
    means = [mean if late is None or i < 0.7 * n else late for i in range(n)]
    returns = tuple(m + (0.01 if i % 2 else -0.01) * (1 + i % 3) for i, m in enumerate(means))
    return Outcome(key=key, days=days, returns=returns, closed=tuple((days[i], 1.0) for i in range(trades)))


def judged(means: dict[tuple[str, str], float], **kinds: object) -> Verdict:
    grid = points(AXES, [], 0, 0)
    found = [
        (n, point, outcome(means.get((point[0][1], point[1][1]), 0.0), key=str(n), **kinds))  # type: ignore[arg-type]
        for n, point in enumerate(grid, 1)
    ]
    return judge(found, AXES, [], rank="sharpe", share=0.3)


def said(verdict: Verdict) -> str:
    return "\n".join(verdict.warnings)


def test_the_published_example_of_a_deflated_ratio() -> None:
    """T4: the paper's numbers: 100 trials, variance 1/2 a year, 1,250 days, ratio 2.5 a year, skewness -3, kurtosis 10."""
    expected = expected_best(100, 0.5 / 250)
    assert math.isclose(expected, 0.1132, abs_tol=5e-5)
    found = deflated(Shape(1250, 2.5 / math.sqrt(250), -3.0, 10.0), expected)
    assert found is not None
    assert math.isclose(found, 0.9004, abs_tol=5e-5)


def test_a_smooth_hill_in_the_middle_is_believed() -> None:
    """T4: good neighbours, enough trades, as good out of sample: nothing is said against it."""
    hill = {(a, b): 0.012 for a in "123" for b in ("10", "20", "30")} | {("2", "20"): 0.0125}
    verdict = judged(hill)
    assert verdict.best is not None
    assert dict(verdict.best.point) == {"a": "2", "b.c": "20"}
    assert verdict.warnings == ()
    assert {trial.n for trial in neighbours(verdict.best, verdict.trials, AXES)} == {2, 4, 6, 8}


def test_each_doubt_is_said() -> None:
    """T4: a lonely peak at the edge with few trades that falls out of sample, and luck."""
    verdict = judged({("1", "20"): 0.004}, trades=5, late=-0.01)
    assert verdict.best is not None
    assert dict(verdict.best.point) == {"a": "1", "b.c": "20"}
    words = said(verdict)
    assert "the best a, 1, is at the edge of its grid: look beyond" in words
    assert "b.c, 20, is at the edge" not in words
    assert "the best stands alone" in words
    assert "5 trades in sample, fewer than 30" in words
    assert "out of sample the best's Sharpe ratio falls from" in words
    assert "the deflated Sharpe ratio is 0." in words


def test_what_varies_nothing_is_said() -> None:
    """T4: all trials alike."""
    assert "all 9 trials came to the same" in said(judged({}))


def test_the_edge_of_a_range_is_said() -> None:
    """T4: within a twentieth of an end."""
    ranges = [Range("r", 1.0, 101.0, "%")]
    for value, warned in (("5%", True), ("7%", False), ("95%", False), ("97%", True)):
        verdict = judge([(1, (("r", value),), outcome(0.01))], [], ranges, rank="sharpe", share=0.0)
        assert ("is at the edge of its range" in said(verdict)) is warned, value


def test_failed_trials_are_shown_and_neither_ranked_nor_counted(tmp_path: Path) -> None:
    """T4: a row with its reason; nothing else of it."""
    bad = Outcome(key="bad", state="failed", why="Broken: no <data>")
    found = [(1, (("a", "1"),), bad), (2, (("a", "2"),), outcome(0.01)), (3, (("a", "3"),), outcome(0.0))]
    verdict = judge(found, [Axis("a", ("1", "2", "3"))], [], rank="total_return", share=0.0)
    assert verdict.ranked == (2, 3)
    assert verdict.split == ""
    assert verdict.luck is not None
    assert verdict.luck.trials == 2
    write_results(tmp_path / "r.csv", verdict)
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["place"], row["state"], row["a"]) for row in rows] == [
        ("1", "", "failed", "1"), ("2", "1", "done", "2"), ("3", "2", "done", "3"),
    ]  # fmt: skip
    assert rows[0]["why"] == "Broken: no <data>"
    assert float(rows[1]["in_total_return"]) == part(found[1][2]).total_return
    page = sweep_page("t", verdict, [Axis("a", ("1", "2", "3"))], [])
    assert "Broken: no &lt;data&gt;" in page


def test_a_trial_that_never_traded_is_no_try_at_luck() -> None:
    """T4: without a ratio it is neither among the trials nor in their variance."""
    idle = Outcome(key="idle", days=("2020-01-01", "2020-01-02"), returns=(0.0, 0.0))
    returns = outcome(0.01).returns
    assert luck(returns, [returns, idle.returns]) == luck(returns, [returns])
    assert luck(idle.returns, [idle.returns, returns]) is None


def test_the_page_is_whole_and_its_map_has_every_point() -> None:
    """T4: one file that loads nothing; the heat map only for two parameters."""
    verdict = judged({("2", "20"): 0.01})
    page = sweep_page("a <sweep>", verdict, AXES, ["a note"])
    assert "a &lt;sweep&gt;" in page
    assert "a note" in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    (drawn,) = re.findall(r'data-panel="heat map".*?</section>', page, re.DOTALL)
    assert drawn.count("<rect") == 9
    assert drawn.count('stroke-width="2"') == 1
    assert "heat map" not in sweep_page(
        "x", judge([(1, (("a", "1"),), outcome(0.01))], AXES[:1], [], rank="sharpe", share=0), AXES[:1], []
    )


def test_a_folder_is_held_by_one_sweep_and_a_strange_line_is_named(tmp_path: Path) -> None:
    """T4: in one line, with file and line."""
    ledger = Ledger(tmp_path, RealDisk())
    with pytest.raises(SweepFault, match="another sweep is at work there"):
        Ledger(tmp_path, RealDisk())
    ledger.add(outcome(0.0))
    ledger.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"state": 5}\n')
    with pytest.raises(SweepFault, match=r"trials\.jsonl:2: "):
        Ledger(tmp_path, RealDisk())


def test_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    """T4: a trial that failed and then ran is done, once."""
    ledger = Ledger(tmp_path, RealDisk())
    ledger.add(Outcome(key="k", state="failed", why="x"))
    assert not ledger.done("k")
    ledger.add(outcome(0.0))
    ledger.close()
    again = Ledger(tmp_path, RealDisk())
    assert again.outcomes == {"k": outcome(0.0)}
    assert again.done("k")
    again.close()


def test_windows_by_the_calendar() -> None:
    """T4: months and years end where the calendar has it; anchored trainings grow."""
    train, test = length("1y", "--train"), length("6m", "--test")
    assert windows("2000-03-01", "2002-03-01", train, test) == [
        Window("2000-03-01", "2001-02-28", "2001-03-01", "2001-08-31"),
        Window("2000-09-01", "2001-08-31", "2001-09-01", "2002-02-28"),
    ]  # fmt: skip
    assert [window.train_from for window in windows("2000-03-01", "2002-03-01", train, test, anchored=True)] == [
        "2000-03-01"
    ] * 2
    with pytest.raises(SweepFault, match="too short for one training and one test"):
        windows("2000-03-01", "2001-08-30", train, test)
    for text in ("0d", "6", "m", "1.5y", "6 m"):
        with pytest.raises(SweepFault, match="is written 30d, 4w, 6m or 2y"):
            length(text, "--train")


def test_how_steady_winners_are() -> None:
    """T4: counted window by window."""
    (a, b) = steadiness([{"a": "1", "b": "x"}, {"a": "2", "b": "x"}, {"a": "2", "b": "x"}, {"a": "1", "b": "x"}])
    assert (a.chosen, a.share, a.changes) == ({"1": 2, "2": 2}, 0.5, 2)
    assert (b.chosen, b.share, b.changes) == ({"x": 4}, 1.0, 0)


def test_the_page_of_a_walk_has_its_curve_and_its_winners() -> None:
    """T4: also before the first test is over."""
    one = outcome(0.01)
    row = (Window("2020-01-01", "2020-02-01", "2020-02-02", "2020-03-01"), {"a": "7"}, part(one), part(one))
    page = forward_page(
        "w", [row], one, steady=steadiness([{"a": "7"}]), rank="sharpe", efficiency=0.5, warnings=["beware"], notes=[]
    )
    assert "beware" in page
    assert "2020-02-02 to 2020-03-01" in page
    assert "line equity" in page
    empty = forward_page(
        "w", [(*row[:3], None)], Outcome(key="s"), steady=[], rank="sharpe", efficiency=None, warnings=[], notes=[]
    )
    assert "there is no curve" in empty
