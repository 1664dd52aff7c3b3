"""What a fact does to the tax lots: an execution closes the earliest acquired first, and opens a lot with what is left of it.

    buy 10 at 100, buy 10 at 110, sell 15 at 120      closes 10 (realised 200) and 5 (realised 50); 5 at 110 are left

Executions of others' orders count like ours. What an operator adopts is bought or closed at the adopted price, only as far as the
position differs, and marked; where it stands on the other side, or its multiplier is another, all is closed and opened there.
A split scales every lot; what was paid stays. By the ledger's rules of rounding the lots always come to the ledger's position, and
once the position is flat to its profit less fees. The fold calls this and nobody else. Source: E8, S2 property 22.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from sys import maxsize

import msgspec

from tradingd.core.book.ledger import EXACT, QTY_PLACES, money, rounded
from tradingd.core.book.lots import NIL, Holding, Lot, Lots, Part, carve, less, more, portion
from tradingd.core.book.wash import bought, sold, take_back, year_of
from tradingd.core.facts import Filled, PositionAdopted, SplitApplied
from tradingd.core.types import ZERO, Money, OrderId, Qty, Side, Symbol

AT_LAST = maxsize  # no execution is later


class _Deal(msgspec.Struct, kw_only=True):
    """One execution as the lots see it."""

    symbol: Symbol
    side: Side
    exec_id: str
    ts: int
    order_id: OrderId = OrderId("")
    adopted: bool = False


def filled(lots: Lots, f: Filled) -> None:
    """An execution: closes what stands against it, earliest first, and opens the rest. Source: S2 property 22."""
    holding = lots.held.setdefault(f.symbol, Holding())
    deal = _Deal(symbol=f.symbol, side=f.side, exec_id=f.exec_id, ts=f.ts, order_id=f.order_id)
    out = holding.against(f.side, f.qty)
    into = Qty(less(f.qty, out))
    if not holding.lots:
        holding.multiplier = f.multiplier
    fee_out = portion(f.fee, out, f.qty)
    sign, unit = Decimal(f.side.sign), holding.multiplier
    if out:
        _close(lots, holding, deal, out, less(money(-sign, out, f.price, unit, f.rate), fee_out))
    if into:
        _open(lots, holding, deal, into, more(money(sign, into, f.price, unit, f.rate), less(f.fee, fee_out)))


def adopted(lots: Lots, f: PositionAdopted) -> None:
    """The venue's position becomes ours: what differs was bought or closed at the mark, by somebody, without a fee (D24)."""
    holding = lots.held.setdefault(f.symbol, Holding())
    holding.adopted_ts = f.ts
    old, unit = holding.qty(), holding.multiplier
    worth_old, worth_new = money(old, f.price, unit, f.rate), money(f.qty, f.price, f.multiplier, f.rate)
    through = bool(old and f.qty) and (old.is_signed() != f.qty.is_signed() or unit != f.multiplier)
    moves: list[tuple[Decimal, Money]] = [(less(f.qty, old), less(worth_new, worth_old))]
    if through:
        moves = [(less(NIL, old), less(NIL, worth_old)), (f.qty, worth_new)]
    for qty, worth in moves:
        if not qty:
            continue
        side = Side.SELL if qty < 0 else Side.BUY
        size = Qty(qty.copy_abs())
        deal = _Deal(symbol=f.symbol, side=side, exec_id=f"adopted:{f.ts}", ts=f.ts, adopted=True)
        if holding.lots and holding.lots[0].side is not side:
            _close(lots, holding, deal, size, less(NIL, worth))
        else:
            holding.multiplier = f.multiplier
            _open(lots, holding, deal, size, worth)


def split(lots: Lots, f: SplitApplied) -> Qty:
    """ratio new shares for one old: the boundaries between lots are scaled and rounded as the ledger rounds, so that the sum is
    the ledger's. A lot that vanishes by it leaves its basis to its neighbour; a position that does is closed for nothing.

    The part (signed) that is in new shares already and stays: what was opened after it took effect, or all of it when an operator
    took the venue's position over since. What was sold after it as old shares is not made good: the venue holds more or less than
    we do then, which is told as drift.
    """
    holding, at = lots.held.get(f.symbol), f.at or AT_LAST
    if holding is None:
        return Qty(NIL)
    if holding.adopted_ts > at:
        return holding.qty()
    held = holding.lots
    stays = [lot for lot in held if lot.opened_ts > at]
    holding.lots = held[: len(held) - len(stays)]
    if holding.lots and not _scaled(holding.size(), f.ratio):
        side = holding.lots[0].side.opposite
        deal = _Deal(symbol=f.symbol, side=side, exec_id=f"split:{f.ts}", ts=f.ts)
        _close(lots, holding, deal, holding.size(), NIL)
    _scale_lots(holding, f.ratio)
    _scale_waiting(lots, holding, f.ratio, at)
    holding.lots, stays = stays, holding.lots
    since = holding.qty()
    holding.lots = stays + holding.lots
    return since


def _open(lots: Lots, holding: Holding, deal: _Deal, qty: Qty, basis: Money) -> None:
    lot = Lot(
        exec_id=deal.exec_id, purchase=deal.order_id or deal.exec_id, side=deal.side, qty=qty, opened=qty, basis=basis,
        opened_ts=deal.ts, acquired_ts=deal.ts, adopted=deal.adopted,
    )  # fmt: skip
    lots.opened += 1
    place = bisect_right(holding.lots, deal.ts, key=lambda held: held.opened_ts)  # a late report stands at its own time
    holding.lots.insert(place, lot)
    bought(lots, holding, place)


def _close(lots: Lots, holding: Holding, deal: _Deal, qty: Qty, proceeds: Money) -> None:
    """Close `qty` of what is held, no more than there is, for `proceeds` in all."""
    gone = 0
    parts: list[Part] = []
    back: dict[int, Part] = {}
    while qty:
        lot = holding.lots[gone]
        size = min(lot.qty, qty)
        piece = carve(lot, size)
        gone += not lot.qty
        take_back(lots, holding, piece, deal.order_id, back)
        share = portion(proceeds, size, qty)
        qty, proceeds = Qty(less(qty, size)), less(proceeds, share)
        parts.append(_part(lots, deal, piece, share))
    del holding.lots[:gone]
    sold(lots, holding, [*back.values(), *parts])


def _part(lots: Lots, deal: _Deal, piece: Lot, proceeds: Money) -> Part:
    lots.seq += 1
    part = Part(
        seq=lots.seq, lot=piece.lot_id, purchase=piece.purchase, symbol=deal.symbol, side=piece.side, qty=piece.qty,
        basis=piece.basis, wash=piece.wash, proceeds=proceeds, opened_ts=piece.opened_ts, acquired_ts=piece.acquired_ts,
        closed_ts=deal.ts, order_id=deal.order_id, adopted=piece.adopted or deal.adopted,
    )  # fmt: skip
    year = year_of(lots, part)
    year.realised = more(year.realised, part.realised)
    if part.realised < 0:
        part.open_qty, part.open_loss = part.qty, less(NIL, part.realised)
    return part


def _scale_lots(holding: Holding, ratio: Decimal) -> None:
    upto, before = ZERO, ZERO
    kept: list[Lot] = []
    orphan = NIL, NIL
    for lot in holding.lots:
        upto = EXACT.add(upto, lot.qty)
        after = _scaled(upto, ratio)
        lot.qty, before = Qty(less(after, before)), after
        lot.opened, lot.replaces = _scaled(lot.opened, ratio), 0  # what replaced before a split stays replaced
        if lot.qty:
            lot.basis, lot.wash, orphan = more(lot.basis, orphan[0]), more(lot.wash, orphan[1]), (NIL, NIL)
            kept.append(lot)
        elif kept:
            kept[-1].basis, kept[-1].wash = more(kept[-1].basis, lot.basis), more(kept[-1].wash, lot.wash)
        else:
            orphan = more(orphan[0], lot.basis), more(orphan[1], lot.wash)
    holding.lots = kept


def _scale_waiting(lots: Lots, holding: Holding, ratio: Decimal, at: int) -> None:
    """Losses of until then that wait for a replacement."""
    for side, waiting in holding.waiting.items():
        for part in waiting:
            if part.closed_ts <= at:
                part.open_qty = _scaled(part.open_qty, ratio)
            if not part.open_qty:  # too little to be replaced by anything
                lots.finish(part)
        holding.waiting[side] = [part for part in waiting if part.open_qty]


def _scaled(qty: Decimal, ratio: Decimal) -> Qty:
    return Qty(rounded(EXACT.multiply(qty, ratio), QTY_PLACES))
