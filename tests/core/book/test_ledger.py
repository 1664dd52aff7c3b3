"""The ledger by worked examples, the arithmetic done by hand."""

from decimal import Decimal, localcontext

import msgspec
import pytest

from tradingd.core.book.ledger import (
    Position,
    Posting,
    adopt,
    cash_postings,
    market_value,
    money,
    post_fill,
    postings,
    split,
    unrealised,
)  # fmt: skip
from tradingd.core.types import Money, Price, Qty, Side, Symbol

S = Symbol("AAPL")
D = Decimal


def fill(
    before: Position | None, side: Side, qty: str, price: str, *, fee: str = "0", multiplier: str = "1", rate: str = "1",
    ts: int = 1,
) -> Posting:  # fmt: skip
    return post_fill(
        before, S, side, Qty(D(qty)), Price(D(price)), Money(D(fee)), multiplier=D(multiplier), rate=D(rate), ts=ts
    )


def test_open_add_and_close_part() -> None:
    """O4: average cost. 10 at 100 and 10 at 110 cost 105 each; 5 sold at 120 bring 75 of profit."""
    p = fill(None, Side.BUY, "10", "100", fee="1", ts=3).position
    p = fill(p, Side.BUY, "10", "110", fee="1").position
    assert (p.qty, p.avg_price, p.basis, p.opened_ts) == (20, 105, 2100, 3)
    sold = fill(p, Side.SELL, "5", "120", fee="1")
    assert (sold.realised, sold.cash, sold.closed, sold.opened, sold.flipped) == (75, 599, 5, 0, False)
    after = sold.position
    assert (after.qty, after.avg_price, after.realised, after.fees) == (15, 105, 75, 3)
    assert (after.entry_qty, after.exit_qty, after.round_realised) == (20, 5, 75)


def test_short_and_cover() -> None:
    """O4: a short brings cash and is carried as a debt."""
    opened = fill(None, Side.SELL, "10", "50")
    assert (opened.cash, opened.position.qty, opened.position.basis) == (500, -10, -500)
    covered = fill(opened.position, Side.BUY, "10", "40")
    assert (covered.realised, covered.cash, covered.position.qty, covered.position.basis) == (100, -400, 0, 0)
    assert covered.position.avg_price == 0


def test_flip_through_zero() -> None:
    """O4: the example of the module's docstring: the old part realises, the rest opens at the fill's price."""
    long = fill(fill(None, Side.BUY, "10", "100").position, Side.SELL, "4", "110").position
    flip = fill(long, Side.SELL, "16", "90", ts=8)
    assert (flip.realised, flip.cash, flip.closed, flip.opened, flip.flipped) == (-60, 1440, 6, 10, True)
    p = flip.position
    assert (p.qty, p.avg_price, p.basis, p.realised, p.opened_ts) == (-10, 90, -900, -20, 8)
    assert (p.entry_qty, p.exit_qty, p.round_realised) == (10, 0, 0)


def test_future_with_a_multiplier() -> None:
    """O4: one ES point of one contract is 50."""
    p = fill(None, Side.BUY, "2", "5000", multiplier="50").position
    assert (p.avg_price, p.basis) == (5000, 500_000)
    assert unrealised(p, D("5001.25")) == 125
    assert fill(p, Side.SELL, "2", "5001.25", multiplier="50").realised == 125


def test_an_open_position_keeps_its_multiplier() -> None:
    """O4: a changed configuration does not rewrite what was bought."""
    p = fill(None, Side.BUY, "1", "100", multiplier="50").position
    closed = fill(p, Side.SELL, "2", "101", multiplier="5")
    assert (closed.realised, closed.position.multiplier) == (50, 50)
    flat = fill(p, Side.SELL, "1", "101", multiplier="5").position
    assert fill(flat, Side.BUY, "1", "100", multiplier="5").cash == -500


def test_another_currency() -> None:
    """O4: bought at 1.10, sold at 1.20 of the account's currency for one of the quote's: the profit holds both moves."""
    p = fill(None, Side.BUY, "100", "10", rate="1.10").position
    assert (p.avg_price, p.cost, p.basis) == (10, 1000, 1100)
    assert unrealised(p, D("10"), D("1.2")) == 100
    sold = fill(p, Side.SELL, "100", "11", rate="1.2", fee="2")
    assert (sold.realised, sold.cash) == (220, 1318)


def test_a_negative_price() -> None:
    """O4: oil has traded below zero; buying then brings cash."""
    p = fill(None, Side.BUY, "1", "-37.63", multiplier="1000")
    assert p.cash == 37_630
    assert fill(p.position, Side.SELL, "1", "10").realised == 47_630


def test_a_rebate_is_cash() -> None:
    assert fill(None, Side.BUY, "1", "10", fee="-0.25").cash == D("-9.75")


def test_thirds_lose_nothing() -> None:
    """O4: a basis of 100 in three parts is rounded twice, and the last part takes exactly the rest."""
    p = Position(symbol=S, qty=Qty(D(3)), avg_price=Price(D("33.333333333333")), cost=D(100), basis=Money(D(100)))
    realised = []
    for _ in range(3):
        posting = fill(p, Side.SELL, "1", "40")
        realised.append(posting.realised)
        p = posting.position
    assert realised[0] == D("6.66666667")
    assert realised[0] + realised[1] + realised[2] == 20
    assert (p.qty, p.cost, p.basis) == (0, 0, 0)


def test_the_callers_decimal_context_does_not_matter() -> None:
    """O4: results are the same whatever a library did to the context."""
    wide = fill(fill(None, Side.BUY, "3.000000001", "12345.67890123").position, Side.SELL, "1.5", "12345.7")
    with localcontext() as ctx:
        ctx.prec = 5
        narrow = fill(fill(None, Side.BUY, "3.000000001", "12345.67890123").position, Side.SELL, "1.5", "12345.7")
        assert msgspec.json.encode(narrow) == msgspec.json.encode(wide)


@pytest.mark.parametrize(
    ("x", "rounded"), [("0.000000005", "0"), ("0.000000015", "0.00000002"), ("-0.000000015", "-0.00000002")]
)
def test_money_rounds_half_to_even(x: str, rounded: str) -> None:
    """STYLE B6: one rule, the same for both signs."""
    assert money(D(x)) == D(rounded)


def test_split_changes_the_count_and_not_the_value() -> None:
    """Four for one."""
    p = split(fill(None, Side.BUY, "10", "400").position, D(4))
    assert (p.qty, p.avg_price, p.basis, p.entry_qty) == (40, 100, 4000, 40)
    assert market_value(p, D(100)) == 4000


def test_reverse_split_by_a_rounded_ratio() -> None:
    """One for three arrives as 0.3333333333333333: 300 become 100, not 99.99."""
    p = split(fill(None, Side.SELL, "300", "2").position, D("0.3333333333333333"))
    assert (p.qty, p.avg_price, p.basis) == (-100, 6, -600)


def test_adopt_keeps_the_account_worth_the_same_at_that_price() -> None:
    """D24: 10 bought at 100, the venue says 4 and the price is 110: 6 went for 110, the profit of all is taken."""
    p = fill(None, Side.BUY, "10", "100").position
    taken = adopt(p, S, Qty(D(4)), Price(D(110)), ts=7)
    assert (taken.realised, taken.cash, taken.position.qty, taken.position.avg_price) == (100, 660, 4, 110)
    assert taken.position.opened_ts == 7
    flat = adopt(p, S, Qty(D(0)), Price(D(110)))
    assert (flat.position.qty, flat.cash, flat.closed) == (0, 1100, 10)


def test_a_position_from_an_average_price_carries_its_cost() -> None:
    """A position known only by quantity and average is carried at their product."""
    p = Position(symbol=S, qty=Qty(D(-3)), avg_price=Price(D(20)))
    assert (p.cost, p.basis) == (-60, -60)
    assert fill(p, Side.BUY, "3", "15").realised == 15


def test_a_snapshot_brings_a_position_back() -> None:
    """J1, I8: the decode does not compute anything anew."""
    p = fill(fill(None, Side.BUY, "3", "33.33").position, Side.SELL, "1", "40").position
    data = msgspec.json.encode(p)
    assert msgspec.json.decode(data, type=Position) == p
    assert msgspec.json.encode(msgspec.json.decode(data, type=Position)) == data


def test_double_entry_names_its_accounts() -> None:
    """O4: what an auditor reads."""
    p = fill(None, Side.BUY, "10", "100").position
    assert postings(S, fill(p, Side.SELL, "4", "110", fee="1")) == (
        ("assets:cash", 439), ("assets:position:AAPL", -400), ("income:realised", -40), ("expenses:fees", 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "against"),
    [
        ("dividend", "income:dividends"),
        ("interest", "income:interest"),
        ("borrow", "expenses:borrow"),
        ("fee", "expenses:fees"),
        ("deposit", "equity:deposit"),
    ],
)
def test_cash_without_a_fill(kind: str, against: str) -> None:
    assert cash_postings(kind, Money(D(5))) == (("assets:cash", 5), (against, -5))
