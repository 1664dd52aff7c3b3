"""The ledger: what an execution does to a position and to cash, exactly, by average cost and in double entry.

A position is carried by what was paid for it, never by an average price: a quotient such as 100/3 cannot be written down, a sum
of amounts can. So `cost` (signed quantity x price, quote currency, multiplier left out) and `basis` (the same in account
currency at the rates of the day it was bought, multiplier included) are the truth, and `avg_price` is a reading of it.

    open 10 at 100           cash -1000   position +1000
    close 4 at 110           cash  +440   position  -400   realised +40
    close 16 at 90 (a flip)  cash +1440   position  -600 (the old 6 out), -900 (10 short in)   realised -60

A partial close takes its share of cost and basis out, rounded once; a full close takes all that is left. The rest keeps what was
not taken, so nothing is ever lost between two roundings and every posting sums to zero exactly.

Rounding: money to MONEY_PLACES places, half to even, when a rate or a share of the basis makes more; prices on any venue's grid
never do. Half to even treats longs and shorts alike. Arithmetic runs in EXACT, whatever the caller's decimal context is.
Buying in another currency than the account's books cash at the rate of the moment, so realised profit holds the currency's move
too. Source: O4, STYLE B6, ADR-0001.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, FloatOperation, InvalidOperation, Overflow

import msgspec

from tradingd.core.types import ZERO, Money, Price, Qty, Side, Symbol

MONEY_PLACES = 8
_AGAINST = {
    "dividend": "income:dividends", "interest": "income:interest", "borrow": "expenses:borrow", "fee": "expenses:fees",
}  # fmt: skip
COST_PLACES = 18
QTY_PLACES = 9
NO_QTY = Qty(ZERO)
AVG_PLACES = 12
ONE = Decimal(1)

# 100 digits: a product of four booked numbers of 25 digits each is exact before its one rounding
EXACT = Context(
    prec=100, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)  # fmt: skip


class Position(msgspec.Struct, kw_only=True):
    """One instrument of one account. A value: `post_fill`, `split` and `adopt` return a new one.

    qty: signed, negative is short.   avg_price: cost per unit, rounded to 12 places, for readers; 0 when flat.
    cost: signed qty x price, quote currency, without the multiplier.   basis: signed, account currency: what the books carry.
    multiplier: of the contract, as when the position was opened.   realised, fees: since the account began, account currency.
    opened_ts: when it last left flat (or flipped).   entry_qty, exit_qty, round_realised: of the present round trip.
    Built from qty and avg_price alone, it carries qty x avg_price x multiplier at a rate of 1.
    """

    symbol: Symbol
    qty: Qty = Qty(ZERO)
    avg_price: Price = Price(ZERO)
    cost: Decimal = ZERO
    basis: Money = Money(ZERO)
    multiplier: Decimal = ONE
    realised: Money = Money(ZERO)
    fees: Money = Money(ZERO)
    opened_ts: int = 0
    updated_ts: int = 0
    entry_qty: Qty = Qty(ZERO)
    exit_qty: Qty = Qty(ZERO)
    round_realised: Money = Money(ZERO)

    def __post_init__(self) -> None:
        if self.qty and self.avg_price and not self.cost:
            self.cost = EXACT.multiply(self.qty, self.avg_price)
            self.basis = money(self.cost, self.multiplier)
            self.entry_qty = Qty(self.qty.copy_abs())


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What one execution did. Amounts in account currency.

    position: after it.   cash: change, the fee taken off.   realised: profit of the closed part, fees apart.
    carried: change of the position's basis.   closed, opened: quantities >= 0, together the fill's.   flipped: through zero.
    """

    position: Position
    cash: Money
    realised: Money
    carried: Money
    fee: Money
    closed: Qty
    opened: Qty
    flipped: bool


def money(*factors: Decimal) -> Money:
    """The product as money: computed exactly, rounded once to MONEY_PLACES, half to even."""
    product = ONE
    for factor in factors:
        product = EXACT.multiply(product, factor)
    return Money(rounded(product, MONEY_PLACES))


def post_fill(
    before: Position | None, symbol: Symbol, side: Side, qty: Qty, price: Price, fee: Money, *, multiplier: Decimal = ONE,
    rate: Decimal = ONE, ts: int = 0,
) -> Posting:  # fmt: skip
    """One execution against a position, by average cost.

    qty: > 0.   price: quote currency per unit, may be negative.   fee: account currency, a cost is positive.
    multiplier: account value of a point of a unit; an open position keeps its own.   rate: account currency for one of the quote
    currency, > 0.   ts: ns.   Nothing is refused: a real execution is always booked (A17).   Source: O4.
    """
    old = before if before is not None else Position(symbol=symbol)
    assert old.symbol == symbol, "a fill is posted to the position of its own symbol"
    assert qty > 0, "parse promised a quantity above zero"
    unit = old.multiplier if old.qty else multiplier
    sign = Decimal(side.sign)
    against = bool(old.qty) and old.qty.is_signed() == (sign > 0)
    closed = min(old.qty.copy_abs(), qty) if against else ZERO
    opened = EXACT.subtract(qty, closed)
    out_cost, out_basis = _share(old, closed)
    proceeds = money(
        sign, closed, price, unit, rate
    )  # what the closing part pays (buy: positive) or brings (sell: negative)
    realised = Money(EXACT.minus(EXACT.add(proceeds, out_basis)))
    in_cost = EXACT.multiply(EXACT.multiply(opened, sign), price)
    in_basis = money(sign, opened, price, unit, rate)
    carried = Money(EXACT.subtract(in_basis, out_basis))
    cash = Money(EXACT.minus(EXACT.add(EXACT.add(proceeds, in_basis), fee)))
    cost = EXACT.add(EXACT.subtract(old.cost, out_cost), in_cost)
    after = Qty(EXACT.fma(qty, sign, old.qty))
    fresh = bool(opened) and (not old.qty or closed > 0)
    position = Position(
        symbol=symbol,
        qty=after,
        avg_price=_average(cost, after),
        cost=cost,
        basis=Money(EXACT.add(old.basis, carried)),
        multiplier=unit,
        realised=Money(EXACT.add(old.realised, realised)),
        fees=Money(EXACT.add(old.fees, fee)),
        opened_ts=ts if fresh else old.opened_ts,
        updated_ts=ts,
        entry_qty=Qty(opened if fresh else EXACT.add(old.entry_qty, opened)),
        exit_qty=Qty(ZERO if fresh else EXACT.add(old.exit_qty, closed)),
        round_realised=Money(ZERO if fresh else EXACT.add(old.round_realised, realised)),
    )
    return Posting(
        position=position, cash=cash, realised=realised, carried=carried, fee=fee, closed=Qty(closed), opened=Qty(opened),
        flipped=bool(closed and opened),
    )  # fmt: skip


def adopt(
    before: Position | None,
    symbol: Symbol,
    qty: Qty,
    price: Price,
    *,
    multiplier: Decimal = ONE,
    rate: Decimal = ONE,
    ts: int = 0,
) -> Posting:
    """The venue's position becomes ours: the old one is closed at `price`, the new one opened there, without a fee.

    qty: signed, 0 is flat.   The value of the account at that price is the same before and after.   Source: D24.
    """
    now = before if before is not None else Position(symbol=symbol, multiplier=multiplier)
    cash, realised, carried = Money(ZERO), Money(ZERO), Money(ZERO)
    closed = opened = Qty(ZERO)
    for part in (Qty(EXACT.minus(now.qty)), qty):
        if not part:
            continue
        side = Side.BUY if part > 0 else Side.SELL
        p = post_fill(
            now, symbol, side, Qty(part.copy_abs()), price, Money(ZERO), multiplier=multiplier, rate=rate, ts=ts
        )
        now = p.position
        cash, realised = Money(EXACT.add(cash, p.cash)), Money(EXACT.add(realised, p.realised))
        carried = Money(EXACT.add(carried, p.carried))
        closed, opened = Qty(EXACT.add(closed, p.closed)), Qty(EXACT.add(opened, p.opened))
    return Posting(
        position=now, cash=cash, realised=realised, carried=carried, fee=Money(ZERO), closed=closed, opened=opened,
        flipped=bool(before is not None and before.qty and qty and before.qty.is_signed() != qty.is_signed()),
    )  # fmt: skip


def split(position: Position, ratio: Decimal, since: Qty = NO_QTY) -> Position:
    """ratio new shares for one old, > 0: the quantity changes, what was paid does not.

    since: signed, the part of it that was bought (a short: sold) after the split, in new shares already: it stays.
    The new quantity is rounded to QTY_PLACES, half to even, so that 300 x 0.3333333333333333 is 100; what the venue pays for
    fractions comes as cash. Source: F-rows of RELIABILITY, events.Split.
    """
    assert ratio > 0, "parse promised a ratio above zero"

    def scaled(qty: Qty, stays: Decimal = ZERO) -> Qty:
        return Qty(EXACT.add(rounded(EXACT.multiply(EXACT.subtract(qty, stays), ratio), QTY_PLACES), stays))

    if position.qty == since:
        return position
    qty = scaled(position.qty, since)
    return msgspec.structs.replace(
        position, qty=qty, avg_price=_average(position.cost, qty), entry_qty=scaled(position.entry_qty, since.copy_abs()),
        exit_qty=scaled(position.exit_qty),
    )  # fmt: skip


def market_value(position: Position, mark: Decimal, rate: Decimal = ONE) -> Money:
    """What the position would bring at `mark` (quote currency), account currency; negative for a short."""
    return money(position.qty, mark, position.multiplier, rate)


def unrealised(position: Position, mark: Decimal, rate: Decimal = ONE) -> Money:
    """Profit not yet taken at `mark`, account currency, the currency's own move included."""
    return Money(EXACT.subtract(market_value(position, mark, rate), position.basis))


def postings(symbol: Symbol, p: Posting) -> tuple[tuple[str, Money], ...]:
    """The same execution in double entry: (account, amount), debits positive; sums to zero exactly."""
    lines = (
        ("assets:cash", p.cash),
        (f"assets:position:{symbol}", p.carried),
        ("income:realised", Money(EXACT.minus(p.realised))),
        ("expenses:fees", p.fee),
    )
    return tuple(line for line in lines if line[1])


def cash_postings(kind: str, amount: Money) -> tuple[tuple[str, Money], ...]:
    """Cash that is no fill (dividend, interest, borrow, fee, deposit, adopted) in double entry; sums to zero exactly."""
    against = _AGAINST.get(kind, f"equity:{kind}")
    return (("assets:cash", amount), (against, Money(EXACT.minus(amount))))


def _share(old: Position, closed: Decimal) -> tuple[Decimal, Money]:
    """Cost and basis of the closed part: all of it when all is closed, else its share, rounded once."""
    if not closed:
        return ZERO, Money(ZERO)
    part = old.qty.copy_abs()
    if closed == part:
        return old.cost, old.basis
    cost = EXACT.divide(EXACT.multiply(old.cost, closed), part)
    basis = EXACT.divide(EXACT.multiply(old.basis, closed), part)
    return rounded(cost, COST_PLACES), Money(rounded(basis, MONEY_PLACES))


def _average(cost: Decimal, qty: Decimal) -> Price:
    return Price(rounded(EXACT.divide(cost, qty), AVG_PLACES).normalize(EXACT)) if qty else Price(ZERO)


def rounded(x: Decimal, places: int) -> Decimal:
    """Rounded to so many places where it has more; left as it is written where it has not."""
    exponent = x.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -places:
        return x
    return x.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT)
