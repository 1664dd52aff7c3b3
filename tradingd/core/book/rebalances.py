"""The weekly rebalances of an account: what each week's turn decided to sell and why, and whether it is done.

Folded from the decisions that come under the name "rebalance" and from the mark of the week. What a week sold stands in its orders'
fills like any other sale; here is what was asked for. Kept by number, so memory is bounded. Source: E13.
"""

from __future__ import annotations

import msgspec

from tradingd.core.facts import Decided, Outcome, Reason, ScheduleRan
from tradingd.core.types import ZERO, DecisionId, Qty, Symbol

NAME = "rebalance"  # the source of its decisions and the name of its schedule
KEEP_WEEKS = 12
KEEP_SALES = 40  # of one week: a slice at a time, or refused and asked again, they could be many


class Sale(msgspec.Struct, array_like=True):
    """One decision. qty: asked for, > 0; 0 when refused.   reasons: () when it went.   why: the limits it serves."""

    decision_id: DecisionId
    symbol: Symbol
    qty: Qty
    why: str
    reasons: tuple[Reason, ...] = ()


class Rebalance(msgspec.Struct, array_like=True):
    """One week's turn. week: like 2008-W12.   ts: of its last word, ns.   done: all was sold that should be, or nothing had to."""

    week: str
    ts: int
    done: bool = False
    sales: list[Sale] = []


def decided(weeks: list[Rebalance], f: Decided) -> None:
    """A sale, or the refusal of one, joins its week."""
    found = _week(weeks, f.cause.partition(":")[2], f.ts)
    acted = f.outcome is Outcome.ACT
    qty = f.qty if acted and f.qty is not None else Qty(ZERO)
    found.sales.append(Sale(f.decision_id, f.symbol, qty, f.thesis, () if acted else f.reasons))
    del found.sales[:-KEEP_SALES]


def ran(weeks: list[Rebalance], f: ScheduleRan) -> None:
    """The week is done."""
    _week(weeks, f.key, f.ts).done = True


def _week(weeks: list[Rebalance], week: str, ts: int) -> Rebalance:
    if not weeks or weeks[-1].week != week:
        weeks.append(Rebalance(week, ts))
        del weeks[:-KEEP_WEEKS]
    weeks[-1].ts = ts
    return weeks[-1]
