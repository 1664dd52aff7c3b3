"""Splitting an entry: the cases at the edge, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradingd.core.plans.entry import is_gradual, split
from tradingd.core.types import Instrument, Money, Qty, Symbol

D = Decimal
SHARE = Instrument(symbol=Symbol("X"))


@pytest.mark.parametrize(
    ("qty", "parts", "found"),
    [("10", 3, ("4", "3", "3")), ("11", 3, ("4", "4", "3")), ("9", 3, ("3", "3", "3")), ("2", 3, ("1", "1")), ("1", 3, ("1",)),
     ("7", 1, ("7",))],
)  # fmt: skip
def test_parts_of_whole_shares(qty, parts, found):
    """E10: fewer parts when there are too few lots, never one of nothing."""
    assert split(Qty(D(qty)), SHARE, parts) == tuple(Qty(D(part)) for part in found)


@pytest.mark.parametrize(
    ("qty", "parts", "says"),
    [("0", 3, "qty"), ("-3", 3, "qty"), ("1.5", 3, "lot"), ("NaN", 3, "qty"), ("3", 0, "parts")],
)
def test_what_cannot_be_split_is_refused_by_name(qty, parts, says):
    """STYLE: a clear error that names the field."""
    with pytest.raises(ValueError, match=says):
        split(Qty(D(qty)), SHARE, parts)


@pytest.mark.parametrize(
    ("notional", "pool", "gradual"), [("30", 1e5, False), ("30.01", 1e5, True), ("26", 500.0, True)]
)
def test_the_defaults_of_the_threshold(notional, pool, gradual):
    """E10: the smaller of 30 in money and 5 % of the active pool."""
    assert is_gradual(Money(D(notional)), pool, above=Money(D(30)), above_pct=0.05) is gradual
