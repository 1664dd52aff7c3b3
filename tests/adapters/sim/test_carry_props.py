"""What nights cost: the formulas, and what no night may do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.sim.test_costs import Desk, held
from tests.adapters.sim.venue import AAPL, ACCOUNT
from tests.core.orders import order
from tradingd.core.events import Financed
from tradingd.core.types import OrderId, Side
from tradingd_adapters.sim.carry import Booked, Carry

D = Decimal
cents = st.integers(-10_000_000, 10_000_000).map(lambda n: D(n) / 100)
percent = st.integers(0, 10_000).map(lambda n: D(n) / 100)
carries = st.builds(Carry, debit_pct=percent, credit_pct=percent, borrow_pct=percent)
CARRY = Carry(debit_pct=D("3.75"), credit_pct=D("1.8"), borrow_pct=D("7.2"))


@pytest.mark.parametrize(
    ("nights", "cash", "short", "booked"),
    [
        (1, "-40000", "0", [("interest", "-4.17")]),  # 40,000 x 3.75 % / 360
        (3, "-40000", "0", [("interest", "-12.50")]),
        (1, "40000", "0", [("interest", "2.00")]),
        (1, "30000", "20000", [("interest", "0.50"), ("borrow", "-4.00")]),  # 10,000 of it is one's own
        (1, "20000", "40000", [("interest", "-2.08"), ("borrow", "-8.00")]),  # the short sale lost its proceeds
        (1, "-0.40", "0", []),
        (0, "-40000", "40000", []),
    ],
)
def test_what_nights_cost(nights: int, cash: str, short: str, booked: list[tuple[str, str]]) -> None:
    """T2: percent a year over 360 days, to the cent; nothing where it is less than half of one."""
    assert CARRY.over(nights, D(cash), D(short)) == [(kind, D(amount)) for kind, amount in booked]


def of(booked: list[Booked], kind: str) -> Decimal:
    return sum((one.amount for one in booked if one.kind == kind), D(0))


@given(carries, st.integers(1, 20), cents, cents.map(abs), st.integers(1, 20))
def test_nights_add_up_and_nothing_is_paid_the_wrong_way(
    carry: Carry, nights: int, cash: Decimal, short: Decimal, more: int
) -> None:
    """T2: interest has the sign of one's own money, borrowing is never earned, and two stays cost what one of both would, but for
    the rounding to cents."""
    once = carry.over(nights, cash, short)
    assert of(once, "borrow") <= 0
    assert of(once, "interest") * (cash - short) >= 0
    both, rest = carry.over(nights + more, cash, short), carry.over(more, cash, short)
    for kind in ("interest", "borrow"):
        assert abs(of(both, kind) - of(once, kind) - of(rest, kind)) <= D("0.015")


@given(cents, cents.map(abs), st.integers(0, 400))
def test_rates_of_nothing_cost_nothing(cash: Decimal, short: Decimal, nights: int) -> None:
    """T2: as without any."""
    assert Carry().over(nights, cash, short) == []


def test_it_is_booked_once_at_the_next_open_by_what_is_held() -> None:
    """T2: contracts sold short on a Friday, three nights to Monday; told again after a login with the same id."""
    week = [(100.0, 100.0, 1000.0)] * 3
    desk = Desk(*week, multiplier="10", apart=3 * 24 * 60, start="2008-02-29", carry=CARRY, cash="100000")
    desk.send(order(Side.SELL, "40", account=ACCOUNT, symbol=AAPL, order_id=OrderId("short")))
    cash = desk.exchange.account(ACCOUNT).cash
    assert (held(desk), cash) == (-40, 100_000 + 40_000 - 1)
    desk.show()
    told = [event for event in desk.heard if isinstance(event, Financed)]
    assert [(e.kind, e.amount, e.action_id) for e in told] == [
        ("interest", D("15.00"), "interest:2008-03-03"),
        ("borrow", D("-24.00"), "borrow:2008-03-03"),
    ]
    assert desk.exchange.account(ACCOUNT).cash == cash - 9
    desk.session = desk.exchange.login(ACCOUNT, "", desk.heard.append, lambda _: None)
    desk.exchange.settle()
    again = [event for event in desk.heard if isinstance(event, Financed)]
    assert again[2:] == told
    assert desk.exchange.account(ACCOUNT).cash == cash - 9


def test_each_night_is_booked_once() -> None:
    """T2: from the close before, not from the first one: a Friday, a Monday, a Tuesday and a Thursday, on which nothing was shown
    the day before."""
    days = ("2008-02-29", "2008-03-03", "2008-03-04", "2008-03-06")
    shown = [(100.0, 100.0, 1000.0)] * 7
    desk = Desk(*shown, apart=24 * 60, start=days[0], carry=CARRY, cash="100000", skip=(1, 2, 5))
    for _ in days[1:]:
        desk.show()
    told = [(event.action_id, event.amount) for event in desk.heard if isinstance(event, Financed)]
    assert told == [
        (f"interest:{day}", D(amount)) for day, amount in zip(days[1:], ("15.00", "5.00", "10.00"), strict=True)
    ]
    assert desk.exchange.account(ACCOUNT).cash == 100_030


def test_a_rate_out_of_range_is_refused() -> None:
    """The field is named."""
    with pytest.raises(ValueError, match="borrow_pct must be 0"):
        Carry(borrow_pct=D(101))
