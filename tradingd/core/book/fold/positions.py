"""Folding executions: positions, tax lots, the levels a position stands on, and what ends with it."""

from __future__ import annotations

from tradingd.core.book import fifo
from tradingd.core.book.booked import Booked, Micro
from tradingd.core.book.fold.counts import count
from tradingd.core.book.fold.money import remember_action
from tradingd.core.book.fold.plans import forget_plan
from tradingd.core.book.ledger import adopt, post_fill, split
from tradingd.core.book.orders import Working
from tradingd.core.book.trades import record
from tradingd.core.facts import OWN_SOURCES, Filled, FillSkipped, PositionAdopted, SplitApplied, StopSet
from tradingd.core.types import Leg, Money, Symbol

KEEP_STRANGERS = 500


def filled(b: Booked, f: Filled) -> None:
    working = b.orders.get(f.order_id)
    if working is not None:
        working.filled(f)
        if working.order.leg is Leg.EXIT:
            b.exits_rejected.pop(f.symbol, None)
    before = b.positions.get(f.symbol)
    posting = post_fill(
        before, f.symbol, f.side, f.qty, f.price, f.fee, multiplier=f.multiplier, rate=f.rate, ts=f.ts
    )  # fmt: skip
    position = b.positions[f.symbol] = posting.position
    fifo.filled(b.lots, f)
    b.cash = Money(b.cash + posting.cash)
    b.fees = Money(b.fees + f.fee)
    b.realised = Money(b.realised + f.realised)
    count(b, "fills")
    _advance_cursor(b, f.cursor)
    _remember_fill(b, f, working)
    if posting.closed and before is not None:
        record(b, f, before, posting.closed, working)
    if not position.qty or posting.flipped:
        _closed(b, f, working)
    if position.qty and (posting.flipped or before is None or not before.qty):
        _opened(b, f, working)


def _remember_fill(b: Booked, f: Filled, working: Working | None) -> None:
    """What later decisions ask about executions: those of nobody's order, and day trades, one an order."""
    if not f.order_id:
        b.strangers.append(f.exec_id)
        del b.strangers[:-KEEP_STRANGERS]
    if f.day_trade and (working is None or not working.day_traded):
        b.day_trades.append(b.day)
        del b.day_trades[:-50]
        if working is not None:
            working.day_traded = True


def _opened(b: Booked, f: Filled, working: Working | None) -> None:
    """A position was opened: what it stands on is kept with it, however long it is held."""
    plan = b.plans.get(working.order.decision_id) if working is not None else None
    if working is None or plan is None or working.order.leg is not Leg.ENTRY:
        return
    b.causes[f.symbol] = plan.cause
    if plan.micro:
        b.micro[f.symbol] = Micro(working.order.decision_id, f.ts)


def _closed(b: Booked, f: Filled, working: Working | None) -> None:
    """The position is flat, or stands on the other side: its levels go, and a stop-out is remembered for the volatility
    breaker (E6)."""
    plan = b.plans.get(working.order.decision_id) if working is not None else None
    _forget_entry(b, f.symbol)
    b.exits_rejected.pop(f.symbol, None)
    for source in OWN_SOURCES:
        b.exits_refused.pop(f"{f.symbol}:{source}", None)
    if working is None:
        return
    if working.order.leg is Leg.PROTECT or (
        plan is not None and plan.source == "stop" and working.order.leg is Leg.EXIT
    ):
        b.stop_outs.append(f.ts)
        del b.stop_outs[:-20]
        count(b, "stop_outs")


def _forget_entry(b: Booked, symbol: Symbol) -> None:
    """What belonged to a position that is no more."""
    _drop_levels(b, symbol)
    b.causes.pop(symbol, None)
    b.micro.pop(symbol, None)


def _drop_levels(b: Booked, symbol: Symbol) -> None:
    gone = b.levels.pop(symbol, None)
    if gone is not None:
        forget_plan(b, gone.decision_id)


def _advance_cursor(b: Booked, cursor: int) -> None:
    if cursor == b.fill_cursor + 1:
        b.fill_cursor = cursor
        while b.fills_ahead and b.fills_ahead[0] == b.fill_cursor + 1:
            b.fill_cursor = b.fills_ahead.pop(0)
    elif cursor > b.fill_cursor:
        b.fills_ahead = sorted({*b.fills_ahead, cursor})


def fill_skipped(b: Booked, f: FillSkipped) -> None:
    _advance_cursor(b, f.cursor)


def stop_set(b: Booked, f: StopSet) -> None:
    old = b.levels.get(f.symbol)
    b.levels[f.symbol] = f
    if old is not None and old.decision_id != f.decision_id:
        forget_plan(b, old.decision_id)


def split_applied(b: Booked, f: SplitApplied) -> None:
    """What was held when the split took effect is scaled; what was bought after it is in new shares already."""
    since = fifo.split(b.lots, f)
    position = b.positions.get(f.symbol)
    if position is not None and position.qty:
        b.positions[f.symbol] = split(position, f.ratio, since)
    remember_action(b, f"{f.action_id}:{f.symbol}")


def adopted(b: Booked, f: PositionAdopted) -> None:
    """The venue's position becomes ours at the mark, without a change of the account's value there."""
    posting = adopt(b.positions.get(f.symbol), f.symbol, f.qty, f.price, multiplier=f.multiplier, rate=f.rate, ts=f.ts)
    b.positions[f.symbol] = posting.position
    fifo.adopted(b.lots, f)
    b.cash = Money(b.cash + posting.cash)
    b.realised = Money(b.realised + posting.realised)
    if not f.qty or posting.flipped:
        _forget_entry(b, f.symbol)
