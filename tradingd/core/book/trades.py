"""Closed trades: one an order that closes, in however many executions, and the counts of all there ever were.

The trades of the last 45 days are kept one by one; the tallies never forget. An order that goes on closing changes its trade: what
was a loss after the first execution and is a win after the second counts once, as what it ended as. What an operator adopts from
the venue, and what a venue pays or takes without an execution, is no trade. Source: E14, E2.
"""

from __future__ import annotations

from tradingd.core.book.booked import Booked, ClosedTrade, Tally
from tradingd.core.book.ledger import Position
from tradingd.core.book.orders import Working
from tradingd.core.facts import Filled
from tradingd.core.types import NS, ZERO, ExecId, Money, OrderId, Qty

KEEP = 45 * 86_400 * NS


def record(b: Booked, f: Filled, before: Position, closed: Qty, working: Working | None) -> None:
    """An execution closed `closed` (> 0) of the position `before`. working: its order, the execution already counted in it."""
    trade = _begun(b, f, working)
    if trade is None:
        trade = _begin(b, f, before)
    else:
        tally(b, trade).count(trade.pnl, -1)
    part = float(closed) / float(trade.qty + closed)
    trade.entry += (float(before.avg_price) - trade.entry) * part
    trade.exit += (float(f.price) - trade.exit) * part
    trade.qty = Qty(trade.qty + closed)
    trade.pnl = Money(trade.pnl + f.realised)
    tally(b, trade).count(trade.pnl)


def tally(b: Booked, trade: ClosedTrade) -> Tally:
    """Where this trade is counted: micro-trades stand apart (E15)."""
    return b.micro_tally if trade.micro else b.tally


def trade_of(b: Booked, order_id: OrderId, exec_id: ExecId) -> ClosedTrade | None:
    """The trade that an order of ours made so far, or an execution that was no order of ours."""
    key = order_id or exec_id
    return next((trade for trade in reversed(b.trades) if trade.order_id == key), None)


def _begun(b: Booked, f: Filled, working: Working | None) -> ClosedTrade | None:
    if working is None or working.cum_qty == f.qty:  # the first of its order
        return None
    return trade_of(b, f.order_id, f.exec_id)


def _begin(b: Booked, f: Filled, before: Position) -> ClosedTrade:
    """A trade that has closed nothing yet. What stands behind the position stands behind the trade."""
    trade = ClosedTrade(
        f.ts, f.symbol, Money(ZERO), f.order_id or OrderId(f.exec_id), opened_ts=before.opened_ts,
        cause=b.causes.get(f.symbol, ""), micro=f.symbol in b.micro,
    )  # fmt: skip
    b.trades.append(trade)
    while b.trades[0].ts < f.ts - KEEP:
        del b.trades[0]
    return trade
