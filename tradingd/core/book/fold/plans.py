"""Folding decisions: what each one planned, what of an entry is still to go, and how long a plan is kept."""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book import rebalances
from tradingd.core.book.booked import Booked, Plan, Seen, Tranches
from tradingd.core.book.fold.counts import count
from tradingd.core.facts import OWN_SOURCES, Decided, Kind, Outcome, Reason, TrancheJudged
from tradingd.core.types import NS, DecisionId, Order

KEEP_RECENT = 100
RATE_AGE = 55 * NS  # leaves five seconds of the minute that a refused close waits


def decided(b: Booked, f: Decided) -> None:
    b.decision_seq = max(b.decision_seq, f.seq)
    count(b, "decisions")
    if f.outcome is Outcome.ACT:
        _acted(b, f)
    else:
        _refused(b, f)
    if f.kind is Kind.ENTRY or f.source not in OWN_SOURCES:  # a recommendation's
        b.seen[f.cause] = Seen(f.decision_id, f.ts, f.outcome, f.reasons, f.orders)
    if f.source == rebalances.NAME:
        rebalances.decided(b.rebalances, f)
        count(b, "rebalance_sells", int(f.outcome is Outcome.ACT))
    b.recent.append(f)
    if len(b.recent) > KEEP_RECENT:
        del b.recent[0]


def _acted(b: Booked, f: Decided) -> None:
    count(b, "acted")
    distance = abs(f.ref_price - float(f.stop)) if f.ref_price is not None and f.stop is not None else None
    b.plans[f.decision_id] = Plan(f.source, f.atr, f.confidence, list(f.orders), distance, f.cause, f.micro)
    if f.kind is Kind.ENTRY and f.micro:
        b.micro_count = b.micro_count + 1 if b.micro_day == b.day else 1
        b.micro_day = b.day
    if f.tranches:
        b.tranches[f.decision_id] = Tranches(
            f.decision_id, f.symbol, f.side, list(f.tranches[1:]), 2, f.ts, f.confidence or 0.0, f.ref_price or 0.0, f.stop,
        )  # fmt: skip


def _refused(b: Booked, f: Decided) -> None:
    count(b, "refused")
    for reason in f.reasons:
        b.refusals[reason.value] = b.refusals.get(reason.value, 0) + 1
    if f.kind is Kind.EXIT and f.source in OWN_SOURCES:
        soon = f.reasons == (Reason.ORDER_RATE,)  # passes by itself, and is remembered as if it were older
        b.exits_refused[f"{f.symbol}:{f.source}"] = f.ts - RATE_AGE if soon else f.ts


def plan_entry(b: Booked, order: Order) -> Decimal:
    """The decision knows each of its parts. What it wants at this moment: this part, and those still to go."""
    plan, pending = b.plans.get(order.decision_id), b.tranches.get(order.decision_id)
    if plan is not None and order.order_id not in plan.orders:
        plan.orders.append(order.order_id)
    wanted: Decimal = order.qty
    for part in pending.left if pending is not None else ():
        wanted += part
    return wanted


def part_judged(b: Booked, f: TrancheJudged) -> None:
    pending = b.tranches.get(f.decision_id)
    if pending is None:
        return
    if f.outcome is Outcome.SKIP or len(pending.left) <= 1:
        del b.tranches[f.decision_id]
        return
    del pending.left[0]
    pending.n, pending.ts = f.n + 1, f.ts


def forget_plan(b: Booked, decision_id: DecisionId | None) -> None:
    """A plan is kept while one of its orders is, and while its position stands."""
    plan = b.plans.get(decision_id) if decision_id is not None else None
    if plan is None or any(order_id in b.orders for order_id in plan.orders):
        return
    if not any(level.decision_id == decision_id for level in b.levels.values()):
        del b.plans[decision_id]  # type: ignore[arg-type]
