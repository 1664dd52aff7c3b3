"""Laws of the gate."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.core.gates.test_gate import ENTRY, EXIT, NOW, STOCK, S
from tradingd.core.facts import PRECEDENCE
from tradingd.core.gates.gate import Standing, approve_entry, approve_exit
from tradingd.core.types import Qty, Side

D = Decimal
any_float = st.floats()
any_count = st.integers(0, 10**6)
standings = st.builds(
    Standing, equity=any_float, buying_power=any_float, day_loss=any_float, drawdown=any_float, position_value=any_float,
    sector_value=any_float, open_positions=any_count, open_trades=any_count, opposite_resting=st.booleans(), day_trades=any_count,
    orders_last_minute=any_count, same_recently=any_count,
    identical_recently=st.booleans(), rejects_in_row=any_count,
)  # fmt: skip
quantities = st.integers(1, 100_000).map(lambda n: Qty(D(n)))
sides = st.sampled_from(Side)


@given(st.integers(0, 119), quantities, quantities, sides)
def test_an_exit_within_the_position_passes_and_one_beyond_it_never_does(lately, held, qty, side):
    """I5, R3, G10: no figure of the entry guards is even asked for; its own budget and its size are all."""
    intent = msgspec.structs.replace(EXIT, side=side.opposite, qty=qty, protective=True)
    position = Qty(side.sign * held)
    verdict = approve_exit(intent, STOCK, 1.0, position, Qty(D(0)), lately, S)
    assert (verdict.order is not None) == (qty <= held)


@given(quantities, quantities, st.integers(0, 100_000), sides)
def test_exits_together_never_flip_a_position(held, qty, working, side):
    """G11: what works already and what is approved are at most what is held."""
    intent = msgspec.structs.replace(EXIT, side=side.opposite, qty=qty)
    verdict = approve_exit(intent, STOCK, 1.0, Qty(side.sign * held), Qty(D(working)), 0, S)
    if verdict.order is not None:
        assert verdict.order.qty + working <= held
        assert verdict.order.reduce_only


@given(standings, quantities)
def test_an_approved_entry_keeps_every_limit(standing, qty):
    """R1, R2, I6: recomputed from the figures, not from the checks."""
    verdict = approve_entry(msgspec.structs.replace(ENTRY, qty=qty), STOCK, 1.0, standing, S, NOW)
    if verdict.order is None:
        assert verdict.reasons
        return
    notional = float(qty) * ENTRY.ref_price
    assert notional <= min(standing.buying_power, S.max_order_notional)
    assert standing.equity > 0
    assert (standing.position_value + notional) / standing.equity <= S.max_position_pct
    assert (standing.sector_value + notional) / standing.equity <= S.max_sector_pct
    assert standing.day_loss <= S.max_daily_loss
    assert standing.drawdown <= S.max_drawdown
    assert not standing.opposite_resting


@given(standings, quantities)
def test_reasons_stand_in_order_of_precedence_and_match_the_checks(standing, qty):
    """E11: each failed check gives its reason, once."""
    verdict = approve_entry(msgspec.structs.replace(ENTRY, qty=qty), STOCK, 1.0, standing, S, NOW)
    assert list(verdict.reasons) == sorted(verdict.reasons, key=PRECEDENCE.__getitem__)
    assert set(verdict.reasons) == {c.reason for c in verdict.checks if c.ok is False}
    assert (verdict.order is None) == bool(verdict.reasons)
