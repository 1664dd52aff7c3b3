"""The life of an order: one table, and what an order that works (or worked) remembers.

Three rules explain the table.

1.  *Only proof moves an order.* `intended` is durable and has perhaps been sent. An answer that did not come, a 5xx or a lost link
    makes it `unknown`, never `rejected`: refused means that the venue said so with a code that proves it (A10, A11), and `never`
    means that it is proven never to have arrived and never will (A13). `unknown` keeps all of its exposure, and leads to
    whatever is proven next.
2.  *Fills win.* An execution is money that moved. It may come before the acknowledgement, while the order is unknown, and after it
    was cancelled or expired (A14, A16); it is applied each time. A cancel or an expiry that arrives after the last fill is late and
    normal: the order stays `filled`. A partial fill of a cancelled order leaves it cancelled, for no more will fill. A refusal
    after an acceptance is real (a broker takes, its exchange refuses) as long as nothing was filled.
3.  *Final stays final.* Nothing leads from a final state to an open one. What contradicts a proof (an acceptance of an order that
    was proven never to have arrived, a refusal after a fill) is not in the table: `advance` says None, the caller records and
    alerts, the state is kept. An execution is booked all the same, and counts as exposure (`reserved_qty`).

Some repeats are in the table as steps that change nothing: messages come twice and late, and that is no alarm.

The table knows a state and a word. What the order itself has proven since (it once was accepted, something was filled) narrows it
further: `Working.step`. Ask that one; `advance` is the table alone.

Quantities that can be amended have three values: what is confirmed (`qty`), what is asked and not answered (`pending`), and the
largest of them (`ceiling`), which exposure is counted by: in no order of messages is it too small (A15). Amended quantities are
totals, what is filled included. Source: O3, RELIABILITY 2.0 and A10-A17, STYLE B8.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from tradingd.core.book.ledger import EXACT
from tradingd.core.events import FillSeen
from tradingd.core.facts import (
    AmendRefused,
    CancelIntended,
    CancelRefused,
    Filled,
    OrderAmended,
    OrderMoved,
    ReplaceIntended,
)  # fmt: skip
from tradingd.core.types import ZERO, ExecId, Order, Price, Qty, Side, VenueOrderId


class Life(StrEnum):
    INTENDED = "intended"  # durable, perhaps sent
    LIVE = "live"  # the venue has it
    PARTIAL = "partial"  # some of it is filled
    UNKNOWN = "unknown"  # outcome not proven: the venue is asked
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"  # proven refused
    NEVER = "never"  # proven never arrived


class What(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    FILL = "fill"  # some
    FILL_ALL = "fill_all"  # the last of it
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"  # outcome not proven
    NEVER = "find_never"  # proven that it never arrived


_L, _W = Life, What

TABLE: dict[Life, dict[What, Life]] = {
    Life.INTENDED: {
        _W.ACCEPT: _L.LIVE, _W.REJECT: _L.REJECTED, _W.FILL: _L.PARTIAL, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.CANCELLED,
        _W.EXPIRE: _L.EXPIRED, _W.LOSE: _L.UNKNOWN, _W.NEVER: _L.NEVER,
    },
    Life.LIVE: {
        _W.ACCEPT: _L.LIVE, _W.REJECT: _L.REJECTED, _W.FILL: _L.PARTIAL, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.CANCELLED,
        _W.EXPIRE: _L.EXPIRED, _W.LOSE: _L.UNKNOWN,
    },
    Life.PARTIAL: {
        _W.ACCEPT: _L.PARTIAL, _W.FILL: _L.PARTIAL, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.CANCELLED, _W.EXPIRE: _L.EXPIRED,
        _W.LOSE: _L.UNKNOWN,
    },
    Life.UNKNOWN: {
        _W.ACCEPT: _L.LIVE, _W.REJECT: _L.REJECTED, _W.FILL: _L.PARTIAL, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.CANCELLED,
        _W.EXPIRE: _L.EXPIRED, _W.LOSE: _L.UNKNOWN, _W.NEVER: _L.NEVER,
    },
    Life.FILLED: {
        _W.ACCEPT: _L.FILLED, _W.FILL: _L.FILLED, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.FILLED, _W.EXPIRE: _L.FILLED,
        _W.LOSE: _L.FILLED,
    },
    Life.CANCELLED: {
        _W.ACCEPT: _L.CANCELLED, _W.FILL: _L.CANCELLED, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.CANCELLED, _W.EXPIRE: _L.CANCELLED,
        _W.LOSE: _L.CANCELLED,
    },
    Life.EXPIRED: {
        _W.ACCEPT: _L.EXPIRED, _W.FILL: _L.EXPIRED, _W.FILL_ALL: _L.FILLED, _W.CANCEL: _L.EXPIRED, _W.EXPIRE: _L.EXPIRED,
        _W.LOSE: _L.EXPIRED,
    },
    # a venue that keeps no refused orders answers "not found" when asked: that contradicts nothing
    Life.REJECTED: {_W.REJECT: _L.REJECTED, _W.LOSE: _L.REJECTED, _W.NEVER: _L.REJECTED},
    Life.NEVER: {_W.LOSE: _L.NEVER, _W.NEVER: _L.NEVER},
}  # fmt: skip

OPEN = frozenset({Life.INTENDED, Life.LIVE, Life.PARTIAL, Life.UNKNOWN})
FINAL = frozenset(Life) - OPEN


def advance(life: Life, what: What) -> Life | None:
    """The next state by the table; None when that cannot be (the caller records, alerts and keeps the state)."""
    return TABLE[life].get(what)


AMENDS_MAX = 3  # refused in a row: another will not help
NOT_WRITTEN = frozenset({"link_down", "lost"})  # refusals of our own making: the amend never arrived


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """An amend that was asked for and not answered. qty: total, what is filled included."""

    qty: Qty
    limit: Price | None = None
    stop: Price | None = None


class Execution(msgspec.Struct, frozen=True, array_like=True):
    qty: Qty
    price: Price


class Judged(msgspec.Struct, frozen=True):
    """Whether an execution is booked, and what is wrong with it: kind is an `Anomaly.kind`, "" when nothing is."""

    book: bool
    kind: str = ""
    detail: str = ""


class Working(msgspec.Struct, kw_only=True):
    """One order as it works. Changes only by folding facts, through its methods named like them.

    qty, limit, stop: what the venue has confirmed.   pending: asked and not answered, by revision.   rev: the newest confirmed.
    rev_asked: the newest open question, `rev` when there is none.   rev_last: the highest number ever used, so that none is used
    twice.   cum_qty, notional, fees: filled so far, sum of qty x price (quote currency), account currency.
    venue_cum: filled by the venue's word when it ended the order.   exec_ids: executions booked, by id (A6).
    widest: the least favourable limit ever asked for, what a fill's price is judged by.
    former_ids: ids the venue gave before a replace changed them (A15).   amends_refused: in a row, by the venue.
    day_traded: it closed what was opened on the same day.   ..._ts: ns.
    """

    order: Order
    life: Life = Life.INTENDED
    qty: Qty
    limit: Price | None = None
    stop: Price | None = None
    widest: Price | None = None
    rev: int = 0
    rev_asked: int = 0
    rev_last: int = 0
    pending: dict[int, Asked] = {}
    cum_qty: Qty = Qty(ZERO)
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    venue_cum: Qty | None = None
    exec_ids: dict[ExecId, Execution] = {}
    venue_order_id: VenueOrderId | None = None
    former_ids: list[VenueOrderId] = []
    cancel_asked: bool = False
    amends_refused: int = 0
    day_traded: bool = False
    opened_ts: int = 0
    updated_ts: int = 0
    why: str = ""

    @classmethod
    def of(cls, order: Order, ts: int) -> Working:
        """An order whose intent has just become durable."""
        return cls(
            order=order,
            qty=order.qty,
            limit=order.limit,
            stop=order.stop,
            widest=order.limit,
            opened_ts=ts,
            updated_ts=ts,
        )

    # questions ------------------------------------------------------------------------------------------------------------

    @property
    def arrived(self) -> bool:
        """Is it proven that the venue had this order? Then it cannot be `never` any more."""
        return self.venue_order_id is not None or self.cum_qty > 0 or self.rev > 0

    def next_rev(self) -> int:
        """The number of the next amend, above all that were used: a late answer to an old one can then not be taken for its own."""
        return self.rev_last + 1

    def ceiling(self) -> Qty:
        """The largest total quantity that may be working at the venue now, whichever amend it has taken."""
        return max([self.qty, *(asked.qty for asked in self.pending.values())])

    def leaves(self) -> Qty:
        """What may still fill, >= 0; an unknown order keeps all of it, a final one has none."""
        return _above_zero(self.ceiling() - self.cum_qty) if self.life in OPEN else Qty(ZERO)

    def avg_price(self) -> Price | None:
        """Average price of what was filled, quote currency; None when nothing was."""
        return Price(EXACT.divide(self.notional, self.cum_qty)) if self.cum_qty else None

    def step(self, what: What) -> Life | None:
        """The next state: the table, narrowed by what this order has proven. None when that cannot be."""
        to = advance(self.life, what)
        if (to is Life.NEVER and self.arrived) or (what is What.REJECT and self.cum_qty > 0):
            return None
        return Life.PARTIAL if to is Life.LIVE and self.cum_qty > 0 else to

    def given_back(self) -> bool:
        """Did the venue refuse it, or end it without a fill and without being asked?"""
        if self.life in (Life.CANCELLED, Life.EXPIRED):
            return not self.cum_qty and not self.cancel_asked
        return self.life in (Life.REJECTED, Life.NEVER)

    def fill_word(self) -> What:
        """FILL_ALL when nothing of it can be left at the venue, else FILL. Ask after the execution was folded in, and after an
        amend was refused or took effect: the last fill may have come before the answer."""
        return What.FILL_ALL if self.cum_qty >= self.ceiling() else What.FILL

    def judge(self, fill: FillSeen) -> Judged:
        """Is this execution booked, and is anything wrong with it? It is real, so nearly always yes; not booked are a repeat (by
        id), and a twin: same content under another id that would take the order beyond its quantity (D9: ask the venue), unless the
        venue numbers its fills and counted both. Source: A6, A16, A17, D9."""
        known = self.exec_ids.get(fill.exec_id)
        content = Execution(fill.qty, fill.price)
        if known is not None:
            if known == content:
                return Judged(False)
            return Judged(False, "duplicate_execution", f"{fill.exec_id} came with other content")
        if not (fill.qty.is_finite() and fill.price.is_finite() and fill.qty > 0):
            return Judged(False, "fill_mismatch", f"quantity {fill.qty} at {fill.price} is no execution")
        order = self.order
        if fill.symbol != order.symbol or fill.side is not order.side:
            return Judged(True, "fill_mismatch", f"{fill.side} {fill.symbol} for an order {order.side} {order.symbol}")
        if self.cum_qty + fill.qty > self.ceiling():
            beyond = f"{self.cum_qty} + {fill.qty} of {self.ceiling()}"
            if content in self.exec_ids.values() and not fill.cursor:
                return Judged(False, "duplicate_execution", f"same content under another id: {beyond}")
            return Judged(True, "overfill", beyond)
        if self._beyond_limit(fill.price):
            return Judged(True, "fill_mismatch", f"price {fill.price} beyond the limit {self.widest}")
        if self.life in (Life.REJECTED, Life.NEVER):
            return Judged(True, "impossible_transition", f"filled while {self.life}")
        return Judged(True)

    def _beyond_limit(self, price: Price) -> bool:
        return self.widest is not None and (price - self.widest) * self.order.side.sign > 0

    # folds ------------------------------------------------------------------------------------------------------------------

    def move(self, f: OrderMoved) -> None:
        self.life = Life(f.to)
        self.why = f.why or self.why
        self.updated_ts = f.ts
        if f.cum_qty is not None:
            self.venue_cum = f.cum_qty
        if f.venue_order_id is not None and f.venue_order_id != self.venue_order_id:
            if self.venue_order_id is not None:
                self.former_ids.append(self.venue_order_id)
            self.venue_order_id = f.venue_order_id

    def filled(self, f: Filled) -> None:
        """Book an execution on the order, once by id. One of another symbol or side fills nothing of this order: what is left of it
        still counts as exposure."""
        if f.exec_id in self.exec_ids:
            return
        self.exec_ids[f.exec_id] = Execution(f.qty, f.price)
        self.updated_ts = f.ts
        self.fees = EXACT.add(self.fees, f.fee)
        if f.symbol == self.order.symbol and f.side is self.order.side:
            self.cum_qty = Qty(EXACT.add(self.cum_qty, f.qty))
            self.notional = EXACT.fma(f.qty, f.price, self.notional)

    def amended(self, f: OrderAmended) -> None:
        """What works at the venue changed. Amends take effect in the order of their revisions, so older questions are answered too,
        and an older answer that comes late changes nothing."""
        self.pending = {rev: asked for rev, asked in self.pending.items() if rev > f.rev}
        if f.rev <= self.rev:
            return
        self.rev = f.rev
        self.amends_refused = 0
        self.rev_asked = max([f.rev, *self.pending])
        self.rev_last = max(self.rev_last, f.rev)
        self.qty, self.limit, self.stop = f.qty, f.limit, f.stop
        self._widen(f.limit)
        self.updated_ts = f.ts

    def amend_refused(self, f: AmendRefused) -> None:
        """What works stays, and the question is no longer open."""
        self.pending.pop(f.rev, None)
        self.amends_refused += f.code not in NOT_WRITTEN
        self.rev_asked = max([self.rev, *self.pending])
        self.why = f"amend refused: {f.code} {f.text}".strip()
        self.updated_ts = f.ts

    def replace_intended(self, f: ReplaceIntended) -> None:
        self.pending[f.rev] = Asked(f.qty, f.limit, f.stop)
        self.rev_asked = max(self.rev_asked, f.rev)
        self.rev_last = max(self.rev_last, f.rev)
        self._widen(f.limit)
        self.updated_ts = f.ts

    def cancel_intended(self, f: CancelIntended) -> None:
        self.cancel_asked = True
        self.why = f.why
        self.updated_ts = f.ts

    def cancel_refused(self, f: CancelRefused) -> None:
        """It may be asked again: "too late" is followed by the fill that made it so (A14)."""
        self.cancel_asked = False
        self.why = f"cancel refused: {f.code} {f.text}".strip()
        self.updated_ts = f.ts

    def _widen(self, limit: Price | None) -> None:
        if limit is not None and self.widest is not None:
            self.widest = max(self.widest, limit) if self.order.side is Side.BUY else min(self.widest, limit)


def reserved_qty(w: Working) -> Qty:
    """What of an order counts as exposure beyond the fills already booked, >= 0.

    Open: all that may still fill. Cancelled or expired: executions the venue counted and we have not seen yet. Filled: up to the
    venue's word or the whole. Refused or never: nothing, unless a fill has shown that word to be wrong. Source: I6, A14-A16.
    """
    if w.life in OPEN:
        return w.leaves()
    if w.life in (Life.REJECTED, Life.NEVER):
        return _above_zero(w.ceiling() - w.cum_qty) if w.cum_qty else Qty(ZERO)
    counted = w.venue_cum if w.venue_cum is not None else w.ceiling() if w.life is Life.FILLED else w.cum_qty
    return _above_zero(counted - w.cum_qty)


def _above_zero(x: Decimal) -> Qty:
    return Qty(max(ZERO, x))
