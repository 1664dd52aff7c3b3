"""The reserve pool."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradingd.core.facts import Kind, Reason, ReserveKind
from tradingd.core.gates import reserve
from tradingd.core.gates.reserve import ReserveSettings
from tradingd.core.types import Money, TierName

S = ReserveSettings()
D = Decimal


@pytest.mark.parametrize(
    ("realised", "aside"), [("100", "25"), ("0.10", "0.02"), ("0.03", "0"), ("0", "0"), ("-50", "0"), ("33.33", "8.33")]
)
def test_a_share_of_profit_rounded_down_to_the_cent(realised, aside):
    """E5: a loss takes nothing out and puts nothing in."""
    assert reserve.siphon(Money(D(realised)), S) == D(aside)


def test_the_ledger_line_of_a_profit():
    """E5: kind, amount, and the balance after it."""
    entry = reserve.siphoned(Money(D("10.00")), Money(D("100")), S)
    assert (entry.kind, entry.amount, entry.balance) == (ReserveKind.PROFIT_SIPHON, D("25.00"), D("35.00"))
    assert reserve.siphoned(Money(D("10.00")), Money(D("-100")), S) is None


def test_yen_have_no_cents():
    assert reserve.siphon(Money(D("1001")), ReserveSettings(cent=D(1))) == D(250)


def test_the_emergency_releases_all_and_drops_the_tier():
    """E5."""
    out = reserve.emergency(Money(D("40")), 0.21, TierName.AGGRESSIVE, S)
    assert (out.entry.kind, out.entry.amount, out.entry.balance) == (ReserveKind.EMERGENCY_LIQUIDATION, D(-40), D(0))
    assert out.tier is TierName.CONSERVATIVE
    assert "21.00% is above 20.00%" in out.why


def test_the_emergency_happens_once():
    """E5: asked again after it, there is nothing left to do; with a bold tier and an empty reserve only the tier drops."""
    assert reserve.emergency(Money(D(0)), 0.5, TierName.CONSERVATIVE, S) is None
    only_tier = reserve.emergency(Money(D(0)), 0.5, TierName.MODERATE, S)
    assert only_tier.entry is None
    assert reserve.emergency(Money(D(40)), 0.20, TierName.MODERATE, S) is None


@pytest.mark.parametrize(
    ("amount", "reason"),
    [("0", Reason.INVALID), ("-1", Reason.INVALID), ("NaN", Reason.INVALID), ("40.01", Reason.RESERVE_SHORT)],
)
def test_a_release_that_cannot_be(amount, reason):
    assert reserve.release(Money(D(40)), Money(D(amount))) is reason


def test_a_release_by_hand():
    """E5: manual_adjustment."""
    entry = reserve.release(Money(D(40)), Money(D(40)))
    assert (entry.kind, entry.amount, entry.balance) == (ReserveKind.MANUAL_ADJUSTMENT, D(-40), D(0))


def test_the_first_line():
    entry = reserve.initial(Money(D(0)))
    assert (entry.kind, entry.amount, entry.balance) == (ReserveKind.INITIAL, D(0), D(0))


@pytest.mark.parametrize(
    ("balance", "equity", "high"), [("30", "100", False), ("30.01", "100", True), ("0", "0", False), ("1", "0", True)]
)
def test_the_high_water_signal(balance, equity, high):
    """E5: above 30 % of total."""
    assert reserve.is_high(Money(D(balance)), Money(D(equity)), S) is high


def test_the_reserve_is_not_spent():
    """E5: an entry fits into cash less reserve less what working entries claim."""
    fits = reserve.claim_check(Money(D("300")), Money(D("500")), Money(D("100")), Money(D("100")))
    short = reserve.claim_check(Money(D("300.01")), Money(D("500")), Money(D("100")), Money(D("100")))
    assert (fits.ok, fits.reason) == (True, None)
    assert (short.ok, short.reason, short.note) == (False, Reason.RESERVE_SHORT, "need 300.01, have 300")


def test_an_unknown_pool_allows_no_entry():
    """E3: nan fails the minimum, and is recorded as text, because JSON has no nan."""
    check = reserve.minimum_check(Kind.ENTRY, float("nan"), Money(D(100)))
    assert (check.ok, check.reason, check.value) == (False, Reason.ACTIVE_POOL_MINIMUM, "nan")


@pytest.mark.parametrize("field", ["siphon_share", "emergency_drawdown", "high_water_share"])
def test_settings_name_the_field(field):
    with pytest.raises(ValueError, match=rf"reserve\.{field} must be between 0 and 1"):
        ReserveSettings(**{field: 1.01})


def test_the_cent_must_be_something():
    with pytest.raises(ValueError, match=r"reserve\.cent must be above 0"):
        ReserveSettings(cent=D(0))
