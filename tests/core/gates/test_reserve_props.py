"""Laws of the reserve pool."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.facts import Kind, Reason
from tradingd.core.gates import reserve
from tradingd.core.gates.reserve import ReserveSettings
from tradingd.core.gates.tiers import ORDER
from tradingd.core.types import Money, TierName

money = st.decimals(-(10**9), 10**9, places=2, allow_nan=False).map(Money)
positive = st.decimals(0, 10**9, places=2, allow_nan=False).map(Money)
shares = st.floats(0, 1)


@given(money, positive)
def test_active_is_total_less_reserve(equity, balance):
    """S2 property 5, E5: exactly, for every total and reserve."""
    assert reserve.active_pool(equity, balance) + balance == equity


@given(positive, money, shares)
def test_a_siphon_is_the_share_of_a_profit_to_the_cent(balance, realised, share):
    """S2 property 6, E5: realised x share rounded down by less than a cent, balance after = before + amount, losses nothing."""
    settings = ReserveSettings(siphon_share=share)
    amount = reserve.siphon(realised, settings)
    exact = max(Decimal(0), realised) * Decimal(repr(share))
    assert 0 <= exact - amount < Decimal("0.01")
    assert amount % Decimal("0.01") == 0
    entry = reserve.siphoned(balance, realised, settings)
    assert (entry is None) == (amount == 0)
    assert entry is None or (entry.amount == amount and entry.balance == balance + amount)


@given(st.floats(-1e6, 1e6), st.decimals(0, 10**6, places=2).map(Money), st.sampled_from(Kind))
def test_the_minimum_stops_entries_and_never_exits(active, minimum, kind):
    """E3, R3: below the minimum no entry, exits regardless."""
    check = reserve.minimum_check(kind, active, minimum)
    denied = kind is Kind.ENTRY and active < float(minimum)
    assert check.ok is not denied
    assert check.reason is (Reason.ACTIVE_POOL_MINIMUM if denied else None)


@given(positive, shares, st.sampled_from(ORDER), shares)
def test_above_the_threshold_everything_is_released_and_below_nothing(balance, drawdown, tier, threshold):
    """S2 property 8, E5: the whole reserve goes, the tier becomes conservative, and doing it twice is doing it once."""
    settings = ReserveSettings(emergency_drawdown=threshold)
    out = reserve.emergency(balance, drawdown, tier, settings)
    due = drawdown > threshold and (balance > 0 or tier is not TierName.CONSERVATIVE)
    assert (out is not None) == due
    if out is not None:
        assert out.tier is TierName.CONSERVATIVE
        after = balance + out.entry.amount if out.entry else balance
        assert after == 0
        assert reserve.emergency(Money(after), drawdown, out.tier, settings) is None


@given(positive, money)
def test_a_release_never_overdraws(balance, amount):
    """E5: what is released was there."""
    out = reserve.release(balance, amount)
    if isinstance(out, Reason):
        assert amount <= 0 or amount > balance
    else:
        assert out.balance == balance - amount >= 0
