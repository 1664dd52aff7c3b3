"""What is tried: grids, ranges, draws."""

from __future__ import annotations

import pytest

from tradingd.lab.sweep.faults import SweepFault
from tradingd.lab.sweep.space import MOST, Axis, Range, axis, points, span


def test_a_grid_is_every_combination_in_the_order_it_was_asked_for() -> None:
    """T4: the last axis runs fastest."""
    found = points([axis("a=1, 2"), axis("b.c=x,y%")], [], trials=9, seed=0)
    assert found == [
        (("a", "1"), ("b.c", "x")), (("a", "1"), ("b.c", "y%")), (("a", "2"), ("b.c", "x")), (("a", "2"), ("b.c", "y%")),
    ]  # fmt: skip


def test_a_range_is_read_with_its_unit_and_its_marks() -> None:
    """T4: both ends alike."""
    assert span("risk.x=1%..2.5%") == Range("risk.x", 1.0, 2.5, "%")
    assert span("n=2..400:int:log") == Range("n", 2.0, 400.0, "", whole=True, logarithmic=True)
    assert span("x=-1e-3..1") == Range("x", -0.001, 1.0)


def test_each_draw_goes_with_each_point_of_the_grid() -> None:
    """T4: trials counts the draws."""
    found = points([axis("a=1,2")], [span("b=0..1")], trials=3, seed=7)
    assert len(found) == 6
    assert [dict(point)["a"] for point in found] == ["1", "2"] * 3
    assert len({dict(point)["b"] for point in found}) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "--grid 'a': is written KEY=v1,v2"),
        ("=1", "is written KEY=v1,v2"),
        ("a=", "is written KEY=v1,v2"),
        ("a=1,,2", "a value is missing between two commas"),
        ("a=1,2,1", "1 stands there twice"),
    ],
)
def test_a_bad_grid_is_refused(text: str, words: str) -> None:
    """T4: the option and its text are named."""
    with pytest.raises(SweepFault) as raised:
        axis(text)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=1,2", "--random 'a=1,2': a range is written lo..hi"),
        ("a=2..1", "the first end must be below the second"),
        ("a=1..1", "the first end must be below the second"),
        ("a=1..2%", "both ends are written alike, not plain and %"),
        ("a=x..2", "'x' is no number"),
        ("a=1..nan", "'nan' is no number"),
        ("a=0..2:log", "a logarithmic range must be above 0"),
        ("a=1..2.5:int", "both ends of an :int range must be whole numbers"),
        ("a=1..2:even", "behind the range stands :int or :log, not :even"),
    ],
)
def test_a_bad_range_is_refused(text: str, words: str) -> None:
    """T4: the option and its text are named."""
    with pytest.raises(SweepFault) as raised:
        span(text)
    assert words in str(raised.value)


def test_what_varies_nothing_twice_or_too_much_is_refused() -> None:
    """T4: before anything runs."""
    with pytest.raises(SweepFault, match="nothing is varied"):
        points([], [], trials=1, seed=0)
    with pytest.raises(SweepFault, match="a is named twice"):
        points([axis("a=1,2")], [span("a=0..1")], trials=1, seed=0)
    many = Axis("a", tuple(map(str, range(1000))))
    with pytest.raises(SweepFault, match="100,100 trials are more than 100,000"):
        points([Axis("b", tuple(map(str, range(1001)))), Axis("c", tuple(map(str, range(100))))], [], trials=1, seed=0)
    assert len(points([many, Axis("b", tuple(map(str, range(100))))], [], trials=1, seed=0)) == MOST
