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
from itertools import chain
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


def split(lots: Lots, f: SplitApplied) -> tuple[Qty, Qty]:
    """ratio new shares for one old: the boundaries between lots are scaled and rounded as the ledger rounds, so that the sum is
    the ledger's. A lot that vanishes by it leaves its basis to its neighbour; a position that does is closed for nothing.

    Of what was traded after it took effect, which is in new shares already: what was opened and is held (signed, it stays), and
    what those that were sold as old shares come to more or less (signed): it is opened or closed here for nothing, and marked,
    for a broker's own statement knows better. Where an operator took the venue's position over since, nothing is to be done.
    """
    holding, at = lots.held.get(f.symbol), f.at or AT_LAST
    if holding is None:
        return Qty(NIL), Qty(NIL)
    parts = [*chain.from_iterable(holding.waiting.values()), *(p for p in lots.closed.values() if p.symbol == f.symbol)]
    if any(lot.adopted and lot.opened_ts > at for lot in holding.lots) or any(
        p.adopted and p.closed_ts > at for p in parts
    ):
        return holding.qty(), Qty(NIL)
    gone = Qty(NIL)  # of what was held then, signed
    for part in parts:
        if part.opened_ts <= at < part.closed_ts:
            gone = Qty(EXACT.fma(part.qty, Decimal(part.side.sign), gone))
    old, since = holding.cut(at)
    whole = _scaled(EXACT.add(old, gone), f.ratio)
    owed = Qty(less(less(whole, _scaled(old, f.ratio)), gone))
    _scale(lots, holding, f, at)
    if owed:
        _settle(lots, holding, f, owed)
    return since, owed


def _scale(lots: Lots, holding: Holding, f: SplitApplied, at: int) -> None:
    """The lots that were open, and the losses that waited for a replacement, when the split took effect."""
    held = holding.lots
    kept = [lot for lot in held if lot.opened_ts > at]
    holding.lots = held[: len(held) - len(kept)]
    if holding.lots and not _scaled(holding.size(), f.ratio):
        side = holding.lots[0].side.opposite
        _close(lots, holding, _Deal(symbol=f.symbol, side=side, exec_id=f"split:{f.ts}", ts=f.ts), holding.size(), NIL)
    _scale_lots(holding, f.ratio)
    holding.lots += kept
    for side, waiting in holding.waiting.items():
        for part in waiting:
            if part.closed_ts <= at:
                part.open_qty = _scaled(part.open_qty, f.ratio)
            if not part.open_qty:  # too little to be replaced by anything
                lots.finish(part)
        holding.waiting[side] = [part for part in waiting if part.open_qty]


def _settle(lots: Lots, holding: Holding, f: SplitApplied, owed: Qty) -> None:
    """`owed`, signed, comes for nothing. It replaces no loss: nobody bought it."""
    side = Side.SELL if owed < 0 else Side.BUY
    deal = _Deal(symbol=f.symbol, side=side, exec_id=f"split:{f.ts}", ts=f.at, adopted=True)
    size = Qty(owed.copy_abs())
    out = holding.against(side, size)
    if out:
        _close(lots, holding, deal, out, NIL)
    if size != out:
        lot = _lot(deal, Qty(less(size, out)), NIL)
        lot.used = True
        _insert(lots, holding, lot)


def _open(lots: Lots, holding: Holding, deal: _Deal, qty: Qty, basis: Money) -> None:
    bought(lots, holding, _insert(lots, holding, _lot(deal, qty, basis)))


def _lot(deal: _Deal, qty: Qty, basis: Money) -> Lot:
    return Lot(
        exec_id=deal.exec_id, purchase=deal.order_id or deal.exec_id, side=deal.side, qty=qty, opened=qty, basis=basis,
        opened_ts=deal.ts, acquired_ts=deal.ts, adopted=deal.adopted,
    )  # fmt: skip


def _insert(lots: Lots, holding: Holding, lot: Lot) -> int:
    """Where it stands now: a late report at its own time."""
    lots.opened += 1
    place = bisect_right(holding.lots, lot.opened_ts, key=lambda held: held.opened_ts)
    holding.lots.insert(place, lot)
    return place


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


def _scaled(qty: Decimal, ratio: Decimal) -> Qty:
    return Qty(rounded(EXACT.multiply(qty, ratio), QTY_PLACES))
