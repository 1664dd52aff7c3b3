"""Wash sales: a loss is not allowed as far as the same shares were bought again within 30 days before or after; it moves into them.

The rule as published by the Internal Revenue Service (Publication 550, wash sales; Treasury Regulation 1.1091-1):

- Share by share. The earliest loss is matched first, with the earliest purchase in its window first; a share replaces once.
- A replacement is a lot bought up to 30 days before and still held after the sale, or bought up to 30 days after it.
- Shares sold by the same order replace nothing: a match that a later execution of that order proves wrong is taken back.
- What is disallowed is added to the replacement's basis, and its holding period begins earlier by that of the sold shares.

    buy 100 for 1000, sell them for 750, buy 100 for 800 within 30 days: the loss of 250 is disallowed, the new basis is 1050

Substantially identical means the same symbol here. Options, other accounts and other brokers are not looked at: it is an estimate,
the brokers' statements rule. Shorts are the mirror: a loss in closing a short is replaced by a short opened in the window; a plain
sale of longs replaces nothing. It is figured for every symbol alike; the rule itself is for shares, not for currencies or futures.

Days are dates in Eastern standard time all year: the exchange's own date for everything that trades from 4:00 to 20:00 in New York.
A fact knows no calendar, and none is needed. Source: E8, S2 property 23.
"""

from __future__ import annotations

from bisect import insort
from datetime import date
from decimal import Decimal

from tradingd.core.book.lots import NIL, Holding, Lot, Lots, Part, Taken, Year, carve, less, more, portion
from tradingd.core.types import NS, OrderId, Qty

WINDOW = 30  # days either side
PIECES = 64  # one execution's lot is cut in so many pieces; what comes then goes to the last, so that memory is bounded
_DAY = 86_400 * NS
_EASTERN = 5 * 3_600 * NS
_EPOCH = date(1970, 1, 1).toordinal()


def day(ts: int) -> int:
    """Days since 1970-01-01 at that ns, by Eastern standard time."""
    return (ts - _EASTERN) // _DAY


def year_of(lots: Lots, part: Part) -> Year:
    """The calendar year in which the part was closed."""
    return lots.years.setdefault(date.fromordinal(day(part.closed_ts) + _EPOCH).year, Year())


def closed(lots: Lots, holding: Holding, part: Part) -> None:
    """A part was closed: a loss waits for its replacement, anything else is final."""
    year = year_of(lots, part)
    year.realised = more(year.realised, part.realised)
    if part.realised < 0:
        part.open_qty, part.open_loss = part.qty, less(NIL, part.realised)
        _wait(holding, part)
    else:
        lots.finish(part)


def settle(lots: Lots, holding: Holding, ts: int) -> None:
    """Match what waits with what is held, after an execution was booked whole. ts: of that execution."""
    today = day(ts)
    if today < holding.day:  # a late report: what was too old for later sales may be young enough
        holding.fresh = 0
    holding.day = max(holding.day, today)
    side = holding.lots[0].side if holding.lots else None
    for waiting_side, waiting in holding.waiting.items():
        while waiting and day(waiting[0].closed_ts) + WINDOW < today:
            lots.finish(waiting.pop(0))
        if waiting and waiting_side is side:
            holding.waiting[waiting_side] = _matched(lots, holding, waiting)


def _matched(lots: Lots, holding: Holding, waiting: list[Part]) -> list[Part]:
    """Matches in order; what is left to wait."""
    done = 0
    for part in waiting:
        while part.open_qty and (lot := _next(holding, day(part.closed_ts))) is not None:
            _replace(lots, holding, lot, part)
        if holding.fresh >= len(holding.lots) and part.open_qty:
            break
        done += not part.open_qty
    if not done:
        return waiting
    for part in waiting:
        if not part.open_qty:
            lots.finish(part)
    return [part for part in waiting if part.open_qty]


def _next(holding: Holding, sold: int) -> Lot | None:
    """The earliest lot that may replace what was sold on that day. It stands at holding.fresh."""
    lots, i = holding.lots, holding.fresh
    while i < len(lots) and (lots[i].used or day(lots[i].opened_ts) < sold - WINDOW):
        i += 1
    holding.fresh = i
    return lots[i] if i < len(lots) and day(lots[i].opened_ts) <= sold + WINDOW else None


def _replace(lots: Lots, holding: Holding, lot: Lot, part: Part) -> None:
    """As many shares of the lot as there are to replace take the loss up."""
    qty = min(part.open_qty, lot.qty)
    amount = portion(part.open_loss, qty, part.open_qty)
    into = _cut(holding, lot, qty)
    into.basis, into.wash = more(into.basis, amount), more(into.wash, amount)
    into.acquired_ts = _merge_acquired(into, lot.opened_ts - max(0, part.closed_ts - part.acquired_ts))
    into.replaces = part.seq if lot.opened_ts <= part.closed_ts and not into.used else 0
    into.used = True
    part.open_qty = Qty(less(part.open_qty, qty))
    part.open_loss = less(part.open_loss, amount)
    part.taken.append(Taken(into.lot_id, qty, amount))
    _disallow(lots, part, amount)


def _cut(holding: Holding, lot: Lot, qty: Qty) -> Lot:
    """The piece of the lot at holding.fresh that is used now; fresh stands behind it afterwards."""
    i, lots = holding.fresh, holding.lots
    before = lots[i - 1] if i else None
    if lot.piece > PIECES and before is not None and before.exec_id == lot.exec_id and before.used:
        piece = carve(lot, qty)
        lot.opened = Qty(less(lot.opened, qty))
        before.qty, before.opened = Qty(more(before.qty, qty)), Qty(more(before.opened, qty))
        before.basis, before.wash = more(before.basis, piece.basis), more(before.wash, piece.wash)
        if not lot.qty:
            del lots[i]
        return before
    holding.fresh = i + 1
    if qty == lot.qty:
        return lot
    piece = carve(lot, qty)
    lot.opened, lot.piece = Qty(less(lot.opened, qty)), lot.piece + 1
    lots.insert(i, piece)
    return piece


def _merge_acquired(into: Lot, acquired_ts: int) -> int:
    """Of pieces put together the shortest holding period counts."""
    return max(into.acquired_ts, acquired_ts) if into.used else acquired_ts


def take_back(lots: Lots, holding: Holding, piece: Lot, order_id: OrderId) -> None:
    """The order whose loss this piece replaced sells the piece itself: it replaces nothing, and the loss waits again."""
    if not piece.replaces or not order_id:
        return
    waiting = holding.waiting.get(piece.side, [])
    part = lots.closed.get(piece.replaces) or next((p for p in reversed(waiting) if p.seq == piece.replaces), None)
    if part is None or part.order_id != order_id:
        return
    part.open_qty, part.open_loss = Qty(more(part.open_qty, piece.qty)), more(part.open_loss, piece.wash)
    _untake(part, piece)
    _disallow(lots, part, less(NIL, piece.wash))
    if lots.closed.pop(part.seq, None) is not None:
        _wait(holding, part)
    piece.basis, piece.wash, piece.acquired_ts = less(piece.basis, piece.wash), NIL, piece.opened_ts
    piece.used, piece.replaces = False, 0


def _untake(part: Part, piece: Lot) -> None:
    taken = next(t for t in part.taken if t.lot == piece.lot_id)
    taken.qty, taken.amount = Qty(less(taken.qty, piece.qty)), less(taken.amount, piece.wash)
    if not taken.qty:
        part.taken.remove(taken)


def _disallow(lots: Lots, part: Part, amount: Decimal) -> None:
    year = year_of(lots, part)
    part.disallowed, year.disallowed = more(part.disallowed, amount), more(year.disallowed, amount)


def _wait(holding: Holding, part: Part) -> None:
    insort(holding.waiting.setdefault(part.side, []), part, key=lambda p: (p.closed_ts, p.seq))


def forget_order(holding: Holding) -> None:
    """After a split: what replaced before it stays replaced."""
    for lot in holding.lots:
        lot.replaces = 0
