"""Following the facts of one account from entry to exit: what each closing order made, by whom it was opened, why it was closed.

A book of our own is folded from the same facts, so what a position is, costs and makes is the house's word and not a second one.
Memory is that of a book and of what is held. Source: T2, E14.
"""

from __future__ import annotations

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.ledger import Position, money
from tradingd.core.book.lots import NIL, less, more, portion
from tradingd.core.book.orders import FINAL
from tradingd.core.facts import AnyFact, Filled, PositionAdopted, SplitApplied
from tradingd.core.types import NS, ZERO, Leg, Money, OrderId, Qty, Side, Symbol
from tradingd.core.views.reasons import utc
from tradingd.lab.results.rows import Execution, Trade

_LEG = {Leg.ENTRY: "entry", Leg.EXIT: "exit", Leg.PROTECT: "stop"}
STRANGE = "foreign"  # of no order of ours
ADOPTED = "adopted"  # an operator took it over


class Held(msgspec.Struct):
    """A position since it was opened. fees: of opening, those of closed parts taken out.   closes: sessions over by then."""

    opened_ts: int
    closes: int
    strategy: str
    cause: str
    fees: Money = NIL


class Going(msgspec.Struct):
    """What one order has closed so far and is not written yet. paid: cost of what it closed, > 0, account currency."""

    symbol: Symbol
    long: bool
    held: Held
    reason: str
    micro: bool
    ts: int = 0
    qty: Qty = Qty(ZERO)
    entry: float = 0.0
    exit: float = 0.0
    paid: float = 0.0
    entry_fees: Money = NIL
    exit_fees: Money = NIL
    realised: Money = NIL


class Trips:
    """take: facts in the journal's order.   booked: the account as they made it.   held: symbol -> what is open."""

    def __init__(self, booked: Booked) -> None:
        self.booked = booked
        self.held: dict[Symbol, Held] = {}
        self.closes = 0
        self._going: dict[str, Going] = {}
        self._held_ns = 0
        self._since = 0

    def take(self, fact: AnyFact) -> Execution | None:
        """Fold a fact; the row of the fill it was."""
        moved, booked = self._symbol(fact), self.booked
        if moved is None:
            fold(booked, fact)
            return None
        before, flat = booked.positions.get(moved), not self.held
        row = self._fill(fact, before) if isinstance(fact, Filled) else None
        if row is None:
            fold(booked, fact)
            self._moved(moved, before, fact.ts, Held(fact.ts, self.closes, ADOPTED, ""))
        if flat and self.held:
            self._since = fact.ts
        elif not flat and not self.held:
            self._held_ns += max(0, fact.ts - self._since)
        return row

    @staticmethod
    def _symbol(fact: AnyFact) -> Symbol | None:
        return fact.symbol if isinstance(fact, Filled | SplitApplied | PositionAdopted) else None

    def done(self, *, all_of_them: bool = False) -> list[Trade]:
        """The trades of orders that ended since they were asked for last; at the end of a run, of those that still work too."""
        found = []
        for key in list(self._going):
            working = self.booked.orders.get(OrderId(key))
            if all_of_them or working is None or working.life in FINAL:
                found.append(self._trade(key, self._going.pop(key)))
        return found

    def held_for(self, ts: int) -> float:
        """Seconds in which anything was held, since this was asked last; ts: now."""
        if self.held:
            self._held_ns += max(0, ts - self._since)
            self._since = ts
        seconds, self._held_ns = self._held_ns / NS, 0
        return seconds

    # fills ----------------------------------------------------------------------------------------------------------------

    def _fill(self, f: Filled, before: Position | None) -> Execution:
        booked = self.booked
        working = booked.orders.get(f.order_id)
        plan = booked.plans.get(working.order.decision_id) if working is not None else None
        leg = _LEG[working.order.leg] if working is not None else ""
        source, cause = (plan.source, plan.cause) if plan is not None else (STRANGE, "")
        closed = _closed(before, f)
        opening = less(f.fee, portion(f.fee, closed, f.qty))
        if closed:
            assert before is not None
            self._close(f, before, closed, "stop" if leg == "stop" else source)
        fold(booked, f)
        self._moved(f.symbol, before, f.ts, Held(f.ts, self.closes, source, cause))
        if f.symbol in self.held:
            held = self.held[f.symbol]
            held.fees = more(held.fees, opening)
        unit = booked.positions[f.symbol].multiplier
        return Execution(
            ts=f.ts, utc=utc(f.ts), symbol=f.symbol, side=f.side.value, qty=f.qty, price=f.price,
            value=Money(money(f.qty, f.price, unit, f.rate).copy_abs()), fee=f.fee, realised=f.realised, leg=leg,
            order_id=f.order_id, exec_id=f.exec_id,
        )  # fmt: skip

    def _close(self, f: Filled, before: Position, closed: Qty, reason: str) -> None:
        held, size = self.held[f.symbol], Qty(before.qty.copy_abs())
        going = self._going.setdefault(
            f.order_id or f.exec_id,
            Going(f.symbol, before.qty > 0, held, reason, f.symbol in self.booked.micro),
        )
        part = float(closed) / float(going.qty + closed)
        going.entry += (float(before.avg_price) - going.entry) * part
        going.exit += (float(f.price) - going.exit) * part
        going.paid += abs(float(before.basis)) * float(closed) / float(size)
        taken = portion(held.fees, closed, size)
        held.fees = less(held.fees, taken)
        going.ts, going.qty = f.ts, Qty(going.qty + closed)
        going.entry_fees = more(going.entry_fees, taken)
        going.exit_fees = more(going.exit_fees, portion(f.fee, closed, f.qty))
        going.realised = more(going.realised, f.realised)

    def _moved(self, symbol: Symbol, before: Position | None, ts: int, fresh: Held) -> None:
        """The position is another: flat, new, on the other side, or only larger or smaller."""
        position = self.booked.positions.get(symbol)
        if position is None or not position.qty:
            self.held.pop(symbol, None)
        elif before is None or not before.qty or before.qty.is_signed() != position.qty.is_signed():
            self.held[symbol] = fresh

    def _trade(self, key: str, g: Going) -> Trade:
        net = g.realised - g.entry_fees - g.exit_fees
        return Trade(
            ts=g.ts, utc=utc(g.ts), symbol=g.symbol, side="long" if g.long else "short", opened=utc(g.held.opened_ts), qty=g.qty,
            entry=g.entry, exit=g.exit, entry_fees=g.entry_fees, exit_fees=g.exit_fees, realised=g.realised,
            gain=float(net) / g.paid if g.paid else None, hold_s=max(0, g.ts - g.held.opened_ts) / NS,
            sessions=self.closes - g.held.closes, strategy=g.held.strategy, cause=g.held.cause, reason=g.reason, order_id=key,
            micro=g.micro,
        )  # fmt: skip


def _closed(before: Position | None, f: Filled) -> Qty:
    """How much of an execution closes what is held."""
    if before is None or not before.qty or before.qty.is_signed() is not (f.side is Side.BUY):
        return Qty(ZERO)
    return min(Qty(before.qty.copy_abs()), f.qty)
