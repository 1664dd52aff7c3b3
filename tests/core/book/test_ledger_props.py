"""Laws of the ledger, for any fills. Equalities are exact: there is no tolerance in this file."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradingd.core.book.ledger import (
    EXACT,
    ONE,
    Position,
    Posting,
    adopt,
    market_value,
    post_fill,
    postings,
    split,
    unrealised,
)  # fmt: skip
from tradingd.core.types import ZERO, Money, Price, Qty, Side, Symbol

S = Symbol("ES")
Deal = tuple[Side, Qty, Price, Money, Decimal]

sides = st.sampled_from(Side)
qtys = st.decimals("0.000001", "5000", places=6).map(Qty)
prices = st.decimals("-50", "70000", places=5).map(Price)
fees = st.decimals("-2", "20", places=4).map(Money)
rates = st.one_of(st.just(ONE), st.decimals("0.005", "160", places=7))
multipliers = st.sampled_from([ONE, Decimal(50), Decimal("0.1"), Decimal(100_000)])
deals = st.tuples(sides, qtys, prices, fees, rates)
histories = st.lists(deals, max_size=12)


def total(amounts: list[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def play(history: list[Deal], multiplier: Decimal, before: Position | None = None) -> tuple[Position, list[Posting]]:
    position = before or Position(symbol=S)
    done = []
    for ts, (side, qty, price, fee, rate) in enumerate(history, 1):
        done.append(post_fill(position, S, side, qty, price, fee, multiplier=multiplier, rate=rate, ts=ts))
        position = done[-1].position
    return position, done


@given(histories, multipliers)
def test_postings_sum_to_zero(history: list[Deal], multiplier: Decimal) -> None:
    """O4: double entry, each execution by itself."""
    for posting in play(history, multiplier)[1]:
        assert total([amount for _, amount in postings(S, posting)]) == 0


@given(histories, multipliers)
def test_position_is_the_sum_of_signed_quantities(history: list[Deal], multiplier: Decimal) -> None:
    """I4, O4: and each fill is closed and opened parts, no more, no less."""
    position, done = play(history, multiplier)
    assert position.qty == total([qty * side.sign for side, qty, *_ in history])
    assert [p.closed + p.opened for p in done] == [qty for _, qty, *_ in history]


@given(histories, multipliers)
def test_cash_and_basis_are_profit_less_fees(history: list[Deal], multiplier: Decimal) -> None:
    """O4: nothing is lost between two roundings, whatever the rates."""
    position, done = play(history, multiplier)
    cash = total([p.cash for p in done])
    assert EXACT.add(cash, position.basis) == EXACT.subtract(position.realised, position.fees)
    assert position.realised == total([p.realised for p in done])
    assert position.fees == total([fee for *_, fee, _ in history])


@given(histories, multipliers, prices, rates)
def test_realised_and_unrealised_are_the_cash_flows_at_the_mark(
    history: list[Deal], multiplier: Decimal, mark: Price, rate: Decimal
) -> None:
    """O4: profit is what came in, what went out and what the rest would bring now."""
    position, done = play(history, multiplier)
    flows = total([*(p.cash for p in done), market_value(position, mark, rate)])
    assert flows == total([position.realised, unrealised(position, mark, rate), -position.fees])


@given(histories, multipliers)
def test_flat_carries_nothing(history: list[Deal], multiplier: Decimal) -> None:
    """O4: after the last share is gone no cent of cost is left behind."""
    position, _ = play(history, multiplier)
    if position.qty:
        side = Side.SELL if position.qty > 0 else Side.BUY
        position = post_fill(position, S, side, Qty(abs(position.qty)), Price(Decimal(7)), Money(ZERO)).position
    assert (position.qty, position.cost, position.basis, position.avg_price) == (0, 0, 0, 0)


@given(histories, multipliers, prices, rates, qtys)
def test_a_flip_is_a_close_and_an_open(
    history: list[Deal], multiplier: Decimal, price: Price, rate: Decimal, rest: Qty
) -> None:
    """O4: through zero at once or in two steps comes to the same."""
    position, _ = play(history, multiplier)
    side = Side.SELL if position.qty > 0 else Side.BUY
    whole = Qty(abs(position.qty) + rest)
    flip = post_fill(position, S, side, whole, price, Money(ZERO), multiplier=multiplier, rate=rate, ts=99)
    steps: list[Deal] = [(side, Qty(abs(position.qty)), price, Money(ZERO), rate)] if position.qty else []
    after, done = play([*steps, (side, rest, price, Money(ZERO), rate)], multiplier, position)
    assert flip.flipped is bool(position.qty)
    assert flip.cash == total([p.cash for p in done])
    assert flip.realised == total([p.realised for p in done])
    assert (flip.position.qty, flip.position.cost, flip.position.basis) == (after.qty, after.cost, after.basis)
    assert flip.position.opened_ts == 99


@given(histories, multipliers)
def test_long_and_short_are_mirrors(history: list[Deal], multiplier: Decimal) -> None:
    """O4: the other side with the same prices has every amount with the other sign, rounding included."""
    free = [(side, qty, price, Money(ZERO), rate) for side, qty, price, _, rate in history]
    here, done = play(free, multiplier)
    there, mirrored = play([(deal[0].opposite, *deal[1:]) for deal in free], multiplier)
    assert (there.qty, there.cost, there.basis, there.realised) == (-here.qty, -here.cost, -here.basis, -here.realised)
    assert there.avg_price == here.avg_price
    assert [p.cash for p in mirrored] == [-p.cash for p in done]


@given(histories, multipliers, st.integers(1, 20), prices, rates)
def test_a_split_is_neutral_in_value(
    history: list[Deal], multiplier: Decimal, ratio: int, mark: Price, rate: Decimal
) -> None:
    """Value at the mark and profit are what they were when the mark is split too."""
    position, _ = play(history, multiplier)
    after = split(position, Decimal(ratio))
    assert (after.basis, after.cost, after.realised) == (position.basis, position.cost, position.realised)
    before = unrealised(position, Price(mark * ratio), rate)
    assert unrealised(after, mark, rate) == before


@given(histories, multipliers, st.decimals("-3000", "3000", places=4).map(Qty), prices, rates)
def test_adopting_changes_no_value(
    history: list[Deal], multiplier: Decimal, qty: Qty, price: Price, rate: Decimal
) -> None:
    """D24: cash plus position at the adopted price stays, and the books still balance."""
    position, _ = play(history, multiplier)
    unit = position.multiplier if position.qty else multiplier
    taken = adopt(position, S, qty, price, multiplier=unit, rate=rate, ts=5)
    assert taken.position.qty == qty
    assert total([amount for _, amount in postings(S, taken)]) == 0
    assert EXACT.add(taken.cash, market_value(taken.position, price, rate)) == market_value(position, price, rate)


@given(histories, multipliers)
def test_average_price_is_cost_over_quantity(history: list[Deal], multiplier: Decimal) -> None:
    """O4: a reading of the cost, right to its last place and never the other way round."""
    position, _ = play(history, multiplier)
    if position.qty:
        off = EXACT.subtract(EXACT.multiply(position.avg_price, position.qty), position.cost)
        assert abs(off) <= abs(position.qty) * Decimal("1e-12") / 2
