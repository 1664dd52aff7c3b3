"""The parts of a gradual entry in words: what was planned, and what became of each (E10, E11)."""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.facts import Decided, Outcome, TrancheJudged
from tradingd.core.types import Side
from tradingd.core.views.reasons import measure, sentence, utc


def planned(decided: Decided) -> list[str]:
    """The parts it goes in; nothing when it goes whole."""
    if not decided.tranches:
        return []
    return [
        f"  in {len(decided.tranches)} parts: {' + '.join(str(part) for part in decided.tranches)}, each judged anew"
    ]


def judged(decided: Decided, fact: TrancheJudged) -> list[str]:
    """What became of a later part: its order, or the end of the rest with every failed check."""
    head = f"  {utc(fact.ts)}  part {fact.n} of {len(decided.tranches)}: {fact.qty}"
    if fact.outcome is Outcome.ACT:
        return [f"{head} goes, as order {fact.order_id}"]
    rest = Decimal(0)
    for part in decided.tranches[fact.n - 1 :]:
        rest += part
    why = ", ".join(f"{sentence(reason)} ({reason.value})" for reason in fact.reasons)
    done = "bought" if decided.side is Side.BUY else "sold"
    return [
        f"{head} REFUSED, {rest} of {decided.qty} not {done}: {why}",
        *(f"    {measure(check)}" for check in fact.checks if check.ok is False),
    ]
