"""What may leave right now: the last questions about an order and a cancel, for whoever writes to a venue.

They are asked after the intent is recorded and right before the bytes go, by the daemon's dispatch and by the lab alike (I7, I12,
T1).
"""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.orders import FINAL, Life
from tradingd.core.gates.gate import may_send, reduces
from tradingd.core.rules import Rules
from tradingd.core.types import Order, OrderId, TradingState

ENDED = FINAL - {Life.NEVER, Life.REJECTED}  # of those two the venue may think otherwise


def refusal(
    book: Book, order: Order, rules: Rules, *, now: int, up: bool, halted: bool = False, leaving: bool = False
) -> str | None:
    """Why an order must not be written, None when it may. now: ns.   up: the link can carry orders.   halted: a kill switch that
    the book may not know of yet.   leaving: the process will stop, nothing is opened any more."""
    working = book.order(order.order_id)
    if working is None or working.life is not Life.INTENDED:
        return "settled meanwhile"
    if not up or not book.booked.link_up:  # after a (re)connect nothing leaves before the venue's fills are known
        return "the link is down or not reconciled"
    if order.reduce_only and not reduces(book.qty(order.symbol), order.side):
        return "nothing to reduce any more"
    state = TradingState.HALTED if halted or book.halted() else book.state()
    market = book.markets.get(order.symbol)
    price_ts = market.ts if market else 0
    reason = may_send(order, state, now=now, price_ts=price_ts, link_up=book.booked.link_up, s=rules.gate)
    if reason is not None:
        return reason.value
    if working.cancel_asked:
        return f"taken back meanwhile: {working.why}"
    return "the daemon stops" if leaving and not order.reduce_only else None


def is_moot(book: Book, order_id: OrderId, *, written: bool) -> bool:
    """Is there nothing to take back: the order was never written, or has ended? written: on the connection that is open now; of
    what an earlier one wrote the resync asks."""
    working = book.order(order_id)
    if working is None:
        return False
    return (working.life is Life.INTENDED and not written) or working.life in ENDED
