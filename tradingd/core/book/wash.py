"""Wash sales: a loss is not allowed as far as the same shares were bought again within 30 days before or after; it moves into them.

The rule as published by the Internal Revenue Service (Publication 550, wash sales; Treasury Regulation 1.1091-1):

- Share by share. The earliest loss is matched first, with the earliest purchase in its window first; a share replaces once.
- A replacement is a lot bought up to 30 days before and still held after the sale, or bought up to 30 days after it.
- To sell a part of one purchase is no wash: what is left of that order replaces nothing of it (Revenue Ruling 56-602).
- Nor do shares that the same order sells too: a match that a later execution of that order proves wrong is taken back.
- What is disallowed is added to the replacement's basis, and its holding period begins earlier by that of the sold shares.

    buy 100 for 1000, sell them for 750, buy 100 for 800 within 30 days: the loss of 250 is disallowed, the new basis is 1050

Substantially identical means the same symbol here. Options, other accounts and other brokers are not looked at: it is an estimate,
the brokers' statements rule. Shorts are the mirror: a loss in closing a short is replaced by a short opened in the window; a plain
sale of longs replaces nothing. It is figured for every symbol alike; the rule itself is for shares, not for currencies or futures.

Days are dates in Eastern standard time all year: the exchange's own date for everything that trades from 4:00 to 20:00 in New York.
A fact knows no calendar, and none is needed. Source: E8, S2 property 23.
"""

from __future__ import annotations

from bisect import bisect_left, insort
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


def date_of(ts: int) -> date:
    """The date at that ns, by Eastern standard time."""
    return date.fromordinal(day(ts) + _EPOCH)


def last_day(part: Part) -> int:
    """ns at which the window after this part closes."""
    return (day(part.closed_ts) + WINDOW + 1) * _DAY + _EASTERN


def year_of(lots: Lots, part: Part) -> Year:
    """The calendar year in which the part was closed."""
    return lots.years.setdefault(date_of(part.closed_ts).year, Year())


def sold(lots: Lots, holding: Holding, parts: list[Part]) -> None:
    """One execution closed these parts, or took them back, and the rest is what is still held: a loss moves into it or waits."""
    for part in sorted(parts, key=_when):
        while part.open_qty and (i := _held(holding, part)) is not None:
            _replace(lots, holding, i, part)
        if part.open_qty:
            insort(holding.waiting.setdefault(part.side, []), part, key=_when)
        else:
            lots.finish(part)


def bought(lots: Lots, holding: Holding, place: int) -> None:
    """An execution opened the lot at that place: the earliest losses of its window move into it."""
    first, opened = holding.lots[place], day(holding.lots[place].opened_ts)
    waiting = holding.waiting.get(first.side, [])
    while waiting and day(waiting[0].closed_ts) < opened - WINDOW:
        lots.finish(waiting.pop(0))
    i: int | None = place
    n = 0
    while i is not None and n < len(waiting) and day(waiting[n].closed_ts) <= opened + WINDOW:
        if _same_purchase(holding.lots[i], waiting[n]):
            n += 1
            continue
        i = _replace(lots, holding, i, waiting[n])
        if not waiting[n].open_qty:
            lots.finish(waiting.pop(n))


def take_back(lots: Lots, holding: Holding, piece: Lot, order_id: OrderId, back: dict[int, Part]) -> None:
    """The order whose loss this piece replaced sells the piece itself: it replaces nothing, and the loss is open again.

    back: parts that are open again; one that is in there is neither waiting nor final until it is given to `sold`.
    """
    if not piece.replaces or not order_id:
        return
    seq, waiting = piece.replaces, holding.waiting.get(piece.side, [])
    part = back.get(seq) or lots.closed.get(seq) or next((p for p in waiting if p.seq == seq), None)
    if part is None or part.order_id != order_id:
        return
    if seq not in back:
        back[seq] = part
        if lots.closed.pop(seq, None) is None:
            waiting.remove(part)
    taken = next(t for t in part.taken if t.lot == piece.lot_id)
    taken.qty, taken.amount = Qty(less(taken.qty, piece.qty)), less(taken.amount, piece.wash)
    part.taken = [t for t in part.taken if t.qty]
    part.open_qty, part.open_loss = Qty(more(part.open_qty, piece.qty)), more(part.open_loss, piece.wash)
    _disallow(lots, part, less(NIL, piece.wash))
    piece.basis, piece.wash, piece.acquired_ts = less(piece.basis, piece.wash), NIL, piece.opened_ts


def _when(part: Part) -> tuple[int, int]:
    return part.closed_ts, part.seq


def _same_purchase(lot: Lot, part: Part) -> bool:
    """Whether the part was sold from the same purchase, held at that time."""
    return lot.purchase == part.purchase and lot.opened_ts <= part.closed_ts


def _held(holding: Holding, part: Part) -> int | None:
    """Where the earliest lot stands that may replace what was sold."""
    lots, then = holding.lots, day(part.closed_ts)
    for i in range(bisect_left(lots, (then - WINDOW) * _DAY + _EASTERN, key=lambda lot: lot.opened_ts), len(lots)):
        if day(lots[i].opened_ts) > then + WINDOW:
            return None
        if not lots[i].used and not _same_purchase(lots[i], part):
            return i
    return None


def _replace(lots: Lots, holding: Holding, i: int, part: Part) -> int | None:
    """As many shares of that lot as there are to replace take the loss up; where the rest of the lot stands, None without one."""
    lot = holding.lots[i]
    qty = min(part.open_qty, lot.qty)
    amount = portion(part.open_loss, qty, part.open_qty)
    into, rest = _cut(holding, i, qty)
    acquired = into.opened_ts - max(0, part.closed_ts - part.acquired_ts)
    if into.used:  # put together: the shortest holding period counts
        into.acquired_ts, into.replaces = max(into.acquired_ts, acquired), 0
    else:
        into.acquired_ts, into.replaces = acquired, part.seq if into.opened_ts <= part.closed_ts else 0
    into.used = True
    into.basis, into.wash = more(into.basis, amount), more(into.wash, amount)
    part.open_qty, part.open_loss = Qty(less(part.open_qty, qty)), less(part.open_loss, amount)
    part.taken.append(Taken(into.lot_id, qty, amount))
    _disallow(lots, part, amount)
    return rest


def _cut(holding: Holding, i: int, qty: Qty) -> tuple[Lot, int | None]:
    """The piece of the lot at i that is used from now on, and where the rest of it stands."""
    lots, lot = holding.lots, holding.lots[i]
    before = lots[i - 1] if i else None
    if lot.piece > PIECES and before is not None and before.exec_id == lot.exec_id and before.used:
        piece = carve(lot, qty)
        lot.opened = Qty(less(lot.opened, qty))
        before.qty, before.opened = Qty(more(before.qty, qty)), Qty(more(before.opened, qty))
        before.basis, before.wash = more(before.basis, piece.basis), more(before.wash, piece.wash)
        if lot.qty:
            return before, i
        del lots[i]
        return before, None
    if qty == lot.qty:
        return lot, None
    piece = carve(lot, qty)
    lot.opened, lot.piece = Qty(less(lot.opened, qty)), lot.piece + 1
    lots.insert(i, piece)
    return piece, i + 1


def _disallow(lots: Lots, part: Part, amount: Decimal) -> None:
    year, before = year_of(lots, part), part.disallowed
    part.disallowed, year.disallowed = more(part.disallowed, amount), more(year.disallowed, amount)
    lots.washed += bool(part.disallowed) - bool(before)
