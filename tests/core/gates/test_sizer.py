"""The size of an entry: each rule on its own, then together."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import pytest

from tradingd.core.facts import Reason
from tradingd.core.gates.sizer import (
    AtRisk,
    SizerSettings,
    correlation_factor,
    earnings_factor,
    heat,
    risk,
    size,
)  # fmt: skip
from tradingd.core.gates.tiers import TIERS
from tradingd.core.types import Instrument, Money, Side, Symbol, TierName

D = Decimal
S = SizerSettings()
STOCK = Instrument(symbol=Symbol("ACME"), sector="tech")


def sized(**change):
    """A plain entry of 100,000 at 100.00: conviction exactly at the bar, three sectors held, this one too."""
    plain = {
        "confidence": 0.65, "price": 100.0, "side": Side.BUY, "tier": TIERS[TierName.MODERATE], "settings": S,
        "active_pool": 100_000.0, "exposures": {"tech": 1000.0}, "sectors_held": 3, "sector": "tech", "correlation": None,
        "earnings_in_days": None, "heat_now": 0.0, "stop_distance": 2.0, "multiplier": 1.0, "instrument": STOCK,
    }  # fmt: skip
    return size(**(plain | change))


def test_at_the_bar_a_signal_gets_the_base_allocation():
    """E3: 4 % of 100,000 is 40 shares at 100."""
    out = sized()
    assert (out.qty, out.notional, out.allocation) == (D(40), D("4000.00"), 0.04)
    assert (out.reasons, out.adjustments) == ((), ())
    assert out.heat == pytest.approx(0.0008)
    assert all(check.ok for check in out.checks)


@pytest.mark.parametrize(
    ("change", "qty", "steps"),
    [
        ({"confidence": 0.975}, 60, []),
        ({"multiplier": 1.5}, 60, []),
        ({"multiplier": 5.0}, 80, ["max_position"]),
        ({"exposures": {}, "sectors_held": 2}, 48, ["new_sector_bonus"]),
        ({"exposures": {}, "sectors_held": 3}, 40, []),
        ({"sectors_held": 2}, 40, []),
        ({"exposures": {}, "sectors_held": 0, "multiplier": 5.0}, 80, ["new_sector_bonus", "max_position"]),
        ({"correlation": 0.5}, 40, []),
        ({"correlation": -0.9}, 40, []),
        ({"correlation": 0.65, "price": 99.0}, 28, ["correlation"]),
        ({"correlation": 0.8, "price": 99.0}, 16, ["correlation"]),
        ({"earnings_in_days": 4}, 40, []),
        ({"earnings_in_days": 3}, 20, ["earnings"]),
        ({"earnings_in_days": 2}, 20, ["earnings"]),
        ({"earnings_in_days": -1}, 40, []),
        ({"exposures": {"tech": 29_000.0}}, 10, ["sector"]),
        ({"exposures": {"tech": -29_000.0}}, 10, ["sector"]),
        ({"active_pool": 1_000_000.0}, 100, ["absolute_cap"]),
        ({"price": 99.99}, 40, []),
        ({"price": 100.001}, 39, []),
        ({"rate": 2.0}, 20, []),
        ({"instrument": Instrument(symbol=Symbol("FUT"), multiplier=D(50))}, 0, []),
        ({"instrument": Instrument(symbol=Symbol("FRAC"), lot=D("0.001")), "price": 333.33}, D("12.000"), []),
        ({"instrument": Instrument(symbol=Symbol("FRAC"), lot=D("0.001")), "price": 333.34}, D("11.999"), []),
        ({"side": Side.SELL}, 40, []),
    ],
)  # fmt: skip
def test_each_rule_alone(change, qty, steps):
    """E3: what enlarges, what reduces, what caps; the adjustments name each step that changed the size."""
    out = sized(**change)
    assert out.qty == qty
    assert [a.name for a in out.adjustments] == steps


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"confidence": 0.6499}, [Reason.LOW_CONFIDENCE]),
        ({"confidence": nan}, [Reason.LOW_CONFIDENCE]),
        ({"confidence": inf}, [Reason.LOW_CONFIDENCE]),
        ({"correlation": 0.801}, [Reason.CORRELATION]),
        ({"correlation": nan}, [Reason.CORRELATION]),
        ({"earnings_in_days": 1}, [Reason.EARNINGS]),
        ({"earnings_in_days": 0}, [Reason.EARNINGS]),
        ({"active_pool": 99.99}, [Reason.ACTIVE_POOL_MINIMUM, Reason.SECTOR_LIMIT]),
        ({"active_pool": 99.99, "exposures": {}}, [Reason.ACTIVE_POOL_MINIMUM]),
        ({"active_pool": nan, "exposures": {}}, [Reason.ACTIVE_POOL_MINIMUM]),
        ({"active_pool": -5.0}, [Reason.ACTIVE_POOL_MINIMUM]),
        ({"active_pool": inf}, [Reason.SECTOR_LIMIT]),
        ({"exposures": {"tech": 30_000.0}}, [Reason.SECTOR_LIMIT]),
        ({"exposures": {"tech": nan}}, [Reason.SECTOR_LIMIT]),
        ({"price": 4001.0}, [Reason.SIZE_ZERO]),
        ({"multiplier": 0.0}, [Reason.SIZE_ZERO]),
        ({"multiplier": nan}, [Reason.SIZE_ZERO]),
        ({"price": 0.0}, [Reason.NO_PRICE]),
        ({"price": nan}, [Reason.NO_PRICE]),
        ({"rate": 0.0}, [Reason.NO_PRICE]),
        ({"heat_now": 0.0793}, [Reason.HEAT]),
        ({"heat_now": nan}, [Reason.HEAT]),
        ({"stop_distance": None}, [Reason.NO_RANGE]),
        ({"stop_distance": 0.0}, [Reason.NO_RANGE]),
        ({"stop_distance": nan}, [Reason.NO_RANGE]),
        ({"side": Side.SELL, "instrument": Instrument(symbol=Symbol("HTB"), shortable=False)}, [Reason.NOT_SHORTABLE]),
    ],
)
def test_each_refusal_alone(change, reasons):
    """E3: the reason is named, nothing is bought, and no number that cannot be written to JSON is in a check."""
    out = sized(**change)
    assert list(out.reasons) == reasons
    assert (out.qty, out.notional) == (0, 0)
    assert not any(
        isinstance(x, float) and (x != x or abs(x) == inf) for check in out.checks for x in (check.value, check.limit)
    )


def test_all_failing_reasons_are_listed_in_order_of_precedence():
    """E3, E11: not only the first."""
    out = sized(
        confidence=0.1, correlation=0.9, earnings_in_days=0, active_pool=50.0, price=nan, heat_now=0.5, side=Side.SELL,
        exposures={"tech": 100.0}, instrument=Instrument(symbol=Symbol("HTB"), shortable=False),
    )  # fmt: skip
    assert list(out.reasons) == [
        Reason.NO_PRICE, Reason.LOW_CONFIDENCE, Reason.NOT_SHORTABLE, Reason.CORRELATION, Reason.EARNINGS, Reason.HEAT,
        Reason.ACTIVE_POOL_MINIMUM, Reason.SECTOR_LIMIT,
    ]  # fmt: skip
    assert [c.name for c in out.checks] == [
        "confidence", "shortable", "correlation", "earnings_days", "active_pool", "price", "sector", "size", "heat",
    ]  # fmt: skip
    assert {c.name: c.ok for c in out.checks}["size"] is None


def test_heat_at_the_limit_is_allowed():
    """E3: rejected above max, not at it."""
    assert sized(heat_now=0.079, stop_distance=2.5).heat == pytest.approx(0.08)
    assert sized(heat_now=0.0791, stop_distance=2.5).reasons == (Reason.HEAT,)


def test_the_correlation_formula():
    """E3: (1 - c) / (1 - 0.5) between the marks, unknown is 0."""
    assert [correlation_factor(c, S) for c in (None, 0.5, 0.75, 0.81, nan)] == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_the_earnings_steps():
    assert [earnings_factor(d, S) for d in (None, -1, 0, 1, 2, 3, 4)] == [1.0, 1.0, 0.0, 0.0, 0.5, 0.5, 1.0]


def held(**change):
    plain = {"symbol": Symbol("A"), "side": Side.BUY, "value": 1000.0, "entry": 100.0, "stop": 95.0}
    return AtRisk(**(plain | change))


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({}, 50.0),
        ({"stop": 100.0}, 0.0),
        ({"stop": 105.0}, 0.0),
        ({"side": Side.SELL, "stop": 105.0}, 50.0),
        ({"side": Side.SELL, "stop": 95.0}, 0.0),
        ({"side": Side.SELL, "stop": 105.0, "value": -1000.0}, 50.0),
        ({"entry": 0.0}, 1000.0),
        ({"stop": nan}, 1000.0),
    ],
)
def test_the_risk_of_one_position(change, lost):
    """E3: mirrored for shorts, never negative, everything when the levels are no prices."""
    assert risk(held(**change)) == pytest.approx(lost)


def test_heat_is_a_share_of_the_active_pool():
    assert heat([held(), held(value=3000.0)], 10_000.0) == pytest.approx(0.02)
    assert heat([], 0.0) == 0.0
    assert heat([held()], 0.0) == 1.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"correlation_reduce": 1.0}, "correlation_reduce must be between 0 and 0.99"),
        ({"correlation_reject": 0.4}, "correlation_reject must be between 0.5 and 1"),
        ({"new_sector_bonus": 0.9}, "new_sector_bonus must be between 1 and 2"),
        ({"earnings_factor": nan}, "earnings_factor"),
        ({"few_sectors": -1}, "few_sectors must be between 0 and 100"),
        ({"earnings_none_days": 61}, "earnings_none_days"),
        ({"earnings_half_days": 0}, "earnings_half_days must be between 1 and 60"),
        ({"absolute_cap": Money(D(0))}, "absolute_cap must be above 0"),
        ({"active_pool_minimum": Money(D(-1))}, "active_pool_minimum must not be below 0"),
    ],
)
def test_settings_name_the_field(change, says):
    with pytest.raises(ValueError, match=f"sizer.{says}"):
        SizerSettings(**change)
