"""Tax lots: what one execution opened, kept apart from all others until it is closed, and what each close made of it.

The ledger carries a position by its average cost; the tax return asks which shares were sold. A lot is what one execution opened;
part of it is closed at a time, first in, first out (`fifo.py`), and a loss may be moved into the lot that replaced it (`wash.py`).

Signs are those of cash, so one line of arithmetic does for longs and shorts: a lot's `basis` is what opening it took out of the
cash (a short's is negative: it brought money in), its share of the fee included; a part's `proceeds` are what closing it brought
(a short's are negative). Realised is proceeds less basis in all cases. Account currency, multiplier and rate of the day included.

A share of an amount is rounded once to the ledger's MONEY_PLACES, half to even, and the rest keeps what was not taken, so sums
are exact. Source: E8.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradingd.core.book.ledger import EXACT, MONEY_PLACES, ONE, rounded
from tradingd.core.types import ZERO, Money, OrderId, Qty, Side, Symbol

KEEP_CLOSED = 200  # finished parts kept for the page; what was realised and disallowed stays in the years
NIL = Money(ZERO)


class Lot(msgspec.Struct, kw_only=True):
    """What is left of one execution's opening, or of a piece of it: a lot that replaces sold shares is cut where they end.

    purchase: the order that opened it, the execution itself where it is nobody's of ours.   side: buy is long, sell is short.
    qty: left, > 0.   opened: when it was opened or cut, in today's shares.
    basis: with `wash` in it, what was disallowed elsewhere and added here.   opened_ts: of the execution, which is the order of
    FIFO.   acquired_ts: the same, or earlier when a wash sale handed the sold shares' holding period on.
    used: it has replaced shares already, each share may only once.   replaces: number of the part it replaces, 0 for none or when
    bought after that part was closed.   adopted: an operator took the venue's position over; a broker's own statement knows better.
    """

    exec_id: str
    purchase: str
    side: Side
    qty: Qty
    opened: Qty
    basis: Money
    opened_ts: int
    acquired_ts: int
    piece: int = 1
    wash: Money = NIL
    used: bool = False
    replaces: int = 0
    adopted: bool = False

    @property
    def lot_id(self) -> str:
        """The execution's id, with a number from the second piece on. Unique among the lots of one symbol."""
        return self.exec_id if self.piece == 1 else f"{self.exec_id}/{self.piece}"


class Taken(msgspec.Struct, array_like=True):
    """A lot that replaced sold shares: so many, and what was added to its basis for them."""

    lot: str
    qty: Qty
    amount: Money


class Part(msgspec.Struct, kw_only=True):
    """Shares of one lot that were closed by one execution.

    seq: its number in the account, from 1.   side: the lot's.   basis: `wash` included.   order_id: that closed it, "" of others'.
    disallowed: >= 0, of its loss.   taken: the lots that got it.   open_qty, open_loss: still without a replacement while one
    bought in time would count; in today's shares. 0 once that is over.
    """

    seq: int
    lot: str
    purchase: str
    symbol: Symbol
    side: Side
    qty: Qty
    basis: Money
    wash: Money
    proceeds: Money
    opened_ts: int
    acquired_ts: int
    closed_ts: int
    order_id: OrderId
    adopted: bool = False
    disallowed: Money = NIL
    taken: list[Taken] = []
    open_qty: Qty = Qty(ZERO)
    open_loss: Money = NIL

    @property
    def realised(self) -> Money:
        """Profit after fees, before a wash sale takes some of a loss away."""
        return Money(EXACT.subtract(self.proceeds, self.basis))


class Holding(msgspec.Struct, kw_only=True):
    """The lots of one symbol, oldest first, all on one side.

    multiplier: of the position, as the ledger keeps it.   waiting: losses that a purchase may still replace, oldest first, by side.
    adopted_ts: when an operator last took the venue's position over, ns, 0 for never.
    """

    multiplier: Decimal = ONE
    lots: list[Lot] = []
    waiting: dict[Side, list[Part]] = {}
    adopted_ts: int = 0

    def against(self, side: Side, qty: Qty) -> Qty:
        """How much of an execution of `qty` closes lots, 0 to qty."""
        total = Qty(ZERO)
        for lot in self.lots:
            if lot.side is side or total >= qty:
                break
            total = Qty(EXACT.add(total, lot.qty))
        return min(total, qty)

    def size(self) -> Qty:
        """What all lots come to, >= 0."""
        total = ZERO
        for lot in self.lots:
            total = EXACT.add(total, lot.qty)
        return Qty(total)

    def qty(self) -> Qty:
        """Signed; always the ledger's position."""
        size = self.size()
        return Qty(size.copy_negate()) if self.lots and self.lots[0].side is Side.SELL else size


class Year(msgspec.Struct, array_like=True):
    """What was closed in a calendar year. realised: before wash sales.   disallowed: >= 0, of that year's losses."""

    realised: Money = NIL
    disallowed: Money = NIL


class Lots(msgspec.Struct, kw_only=True):
    """The tax lots of one account. closed: the last parts that are final, by number.   seq: of the newest part.

    opened: executions and adoptions that opened a lot.   washed: parts whose loss is disallowed. Both since the beginning."""

    held: dict[Symbol, Holding] = {}
    closed: dict[int, Part] = {}
    years: dict[int, Year] = {}
    seq: int = 0
    opened: int = 0
    washed: int = 0

    def finish(self, part: Part) -> None:
        """Nothing can change this part any more."""
        part.open_qty, part.open_loss = Qty(ZERO), NIL
        self.closed[part.seq] = part
        while len(self.closed) > KEEP_CLOSED:
            del self.closed[next(iter(self.closed))]


def portion(amount: Decimal, part: Decimal, whole: Decimal) -> Money:
    """The share of an amount that falls on `part` of `whole` (> 0): all of it for the whole, else rounded once."""
    if part == whole:
        return Money(amount)
    return Money(rounded(EXACT.divide(EXACT.multiply(amount, part), whole), MONEY_PLACES))


def carve(lot: Lot, qty: Qty) -> Lot:
    """Takes 0 < qty <= lot.qty out of a lot, with its share of the basis; the lot keeps the rest, which may be nothing."""
    piece = msgspec.structs.replace(
        lot, qty=qty, opened=qty, basis=portion(lot.basis, qty, lot.qty), wash=portion(lot.wash, qty, lot.qty)
    )
    lot.qty = Qty(EXACT.subtract(lot.qty, qty))
    lot.basis = less(lot.basis, piece.basis)
    lot.wash = less(lot.wash, piece.wash)
    return piece


def more(a: Decimal, b: Decimal) -> Money:
    return Money(EXACT.add(a, b))


def less(a: Decimal, b: Decimal) -> Money:
    return Money(EXACT.subtract(a, b))
