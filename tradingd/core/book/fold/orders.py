"""Folding orders: what is intended, and what became of it."""

from __future__ import annotations

from tradingd.core.book.booked import Booked, Sent
from tradingd.core.book.fold.counts import count
from tradingd.core.book.fold.plans import forget_plan, plan_entry
from tradingd.core.book.orders import FINAL, Life, Working
from tradingd.core.book.recent import KEEP_SENT
from tradingd.core.facts import (
    AmendRefused,
    CancelIntended,
    CancelRefused,
    ForeignSeen,
    OrderAmended,
    OrderIntended,
    OrderMoved,
    ReplaceIntended,
)
from tradingd.core.types import NS, Leg, Order

KEEP_FINISHED = 400  # finished orders kept for the page, for late fills and for repeated reports
KEEP_FINISHED_FOR = 7 * 86_400 * NS


def intended(b: Booked, f: OrderIntended) -> None:
    order = f.order
    b.orders[order.order_id] = Working.of(order, f.ts)
    if order.leg is not Leg.PROTECT:
        entry = order.leg is Leg.ENTRY
        wanted = plan_entry(b, order) if entry else order.qty
        b.sent.append(Sent(f.ts, order.symbol, order.side, wanted, entry, order.decision_id))
        while b.sent and b.sent[0].ts < f.ts - KEEP_SENT:
            del b.sent[0]
    count(b, "orders")


def moved(b: Booked, f: OrderMoved) -> None:
    working = b.orders[f.order_id]
    working.move(f)
    symbol = working.order.symbol
    if f.to == Life.REJECTED:
        b.rejects[symbol] = b.rejects.get(symbol, 0) + 1
        if working.order.leg is Leg.EXIT:
            b.exits_rejected[symbol] = b.exits_rejected.get(symbol, 0) + 1
        count(b, "rejected")
    elif f.to == Life.LIVE:
        b.rejects.pop(symbol, None)
    if working.life in FINAL:
        _finish(b, working)


def _finish(b: Booked, working: Working) -> None:
    """Finished orders stay a while (`fold._forget_old`)."""
    if working.order.order_id not in b.finished[-8:]:
        b.finished.append(working.order.order_id)


def forget(b: Booked, order: Order) -> None:
    del b.orders[order.order_id]
    forget_plan(b, order.decision_id)


def amended(b: Booked, f: OrderAmended) -> None:
    b.orders[f.order_id].amended(f)


def amend_refused(b: Booked, f: AmendRefused) -> None:
    b.orders[f.order_id].amend_refused(f)


def cancel_intended(b: Booked, f: CancelIntended) -> None:
    b.orders[f.order_id].cancel_intended(f)


def cancel_refused(b: Booked, f: CancelRefused) -> None:
    b.orders[f.order_id].cancel_refused(f)


def replace_intended(b: Booked, f: ReplaceIntended) -> None:
    b.orders[f.order_id].replace_intended(f)


def foreign_seen(b: Booked, f: ForeignSeen) -> None:
    if f.open:
        b.foreign[f.venue_order_id] = f
    else:
        b.foreign.pop(f.venue_order_id, None)
