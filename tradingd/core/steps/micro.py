"""Micro-trades on their way in and out: their own switch, number, size and levels, and the end of their time. Source: E15."""

from __future__ import annotations

from math import inf

from tradingd.core.book.book import Book
from tradingd.core.events import Recommendation
from tradingd.core.facts import Check
from tradingd.core.gates.tiers import Tier
from tradingd.core.plans import micro
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import close


def entry_checks(book: Book, rec: Recommendation, rules: Rules) -> tuple[Check, ...]:
    """What an idea for hours must pass besides everything else; () for any other."""
    if not rec.intraday:
        return ()
    return micro.checks(enabled=rules.micro.enabled, taken=micro.taken(book.booked), per_day=rules.micro.per_day)


def ceiling(*, intraday: bool, rules: Rules) -> float:
    """The most of the active pool it may take besides the tier's own ceiling, 0..1; inf when there is no other."""
    return rules.micro.allocation_pct if intraday else inf


def stop_and_target(tier: Tier, *, intraday: bool, rules: Rules) -> tuple[float, float]:
    """The stop's distance in ATRs, and the target's in stop distances."""
    if intraday:
        return rules.micro.atr_multiplier, rules.micro.reward_risk
    return tier.stop_loss_atr_multiplier, tier.reward_risk_ratio


def close_due(book: Book, rules: Rules) -> None:
    """Close what was held for its time, and all of them before the session ends. Under an operator's halt they wait for its end,
    as all ideas of selling do; their stops do not."""
    if not book.booked.micro or book.halted():
        return
    for symbol, held in list(book.booked.micro.items()):
        market = book.markets.get(symbol)
        table = rules.calendar(market.instrument) if market is not None else None
        session = table.at(book.now) if table is not None else None
        if session is None:
            continue
        why = micro.why_close(
            held.opened_ts, book.now, session.close_ns, hold_min=rules.micro.hold_min,
            before_close_min=rules.window.before_close_min,
        )  # fmt: skip
        if why:
            close(book, symbol, source="micro", cause=f"micro:{held.decision_id}", rules=rules, thesis=why)
