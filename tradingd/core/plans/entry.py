"""Gradual entry: into how many parts an entry goes, and what ends those that did not go yet. Source: E10, S2 property 21.

The parts of one decision add up to its quantity, exactly. The first leaves with the decision; each later one is judged anew
(`steps/tranches.py`), and until then it counts as exposure like an order that works (I6).
"""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book
from tradingd.core.book.booked import Tranches
from tradingd.core.facts import Check, Outcome, Reason, TrancheJudged
from tradingd.core.types import DecisionId, Instrument, Money, Qty, Symbol


def is_gradual(notional: Money, active_pool: float, *, above: Money, above_pct: float) -> bool:
    """Is an entry of that notional large enough to go in parts? Above the smaller of `above` and `above_pct` x active pool; all
    money in account currency, above_pct 0..1. Source: E10."""
    return float(notional) > min(float(above), above_pct * active_pool)


def split(qty: Qty, instrument: Instrument, parts: int) -> tuple[Qty, ...]:
    """`qty` in at most `parts` near-equal parts on the lot grid, the largest first, none more than one lot above another; fewer
    parts when there are fewer lots.

    qty: > 0 and on the lot grid, parts: >= 1; else ValueError. Source: E10, S2 property 21.
    """
    if parts < 1:
        raise ValueError(f"parts must be >= 1, not {parts}")
    if not (qty.is_finite() and qty > 0) or qty % instrument.lot:
        raise ValueError(f"qty must be above 0 and a multiple of the lot {instrument.lot}, not {qty}")
    lots = int(qty / instrument.lot)
    n = min(parts, lots)
    each, larger = divmod(lots, n)
    return tuple(Qty(Decimal(each + (i < larger)) * instrument.lot) for i in range(n))


def call_off(book: Book, why: str, symbol: Symbol | None = None, decision_id: DecisionId | None = None) -> int:
    """End the parts that did not go yet, at once: of one symbol, of one decision, or all. The number of entries it ended.

    why: in words, for the record. Refuses them CALLED_OFF. Source: E10.
    """
    if not book.booked.tranches:
        return 0
    ended = [
        pending
        for pending in book.booked.tranches.values()
        if symbol in (None, pending.symbol) and decision_id in (None, pending.decision_id)
    ]
    for pending in ended:
        refuse(book, pending, (Check("called_off", why, None, False, Reason.CALLED_OFF),), (Reason.CALLED_OFF,))
    return len(ended)


def refuse(book: Book, pending: Tranches, checks: tuple[Check, ...], reasons: tuple[Reason, ...]) -> None:
    """The next part does not go, nor do those after it."""
    book.emit(
        TrancheJudged(
            ts=book.now, account=book.account, decision_id=pending.decision_id, symbol=pending.symbol, n=pending.n,
            qty=pending.left[0], outcome=Outcome.SKIP, reasons=reasons, checks=checks,
        )
    )  # fmt: skip
