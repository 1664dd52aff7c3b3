"""Stepping from one risk tier to another: judged after each close, or forced by an emergency; always journaled and told (E2)."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.facts import Alerted, TierChanged
from tradingd.core.gates import tiers
from tradingd.core.rules import Rules
from tradingd.core.types import TierName
from tradingd.core.views.performance import MONTH, recent_win_rate


def judge_tier(book: Book, drawdown: float, reserve_share: float, rules: Rules) -> None:
    """The daily evaluation: at most one step. drawdown, reserve_share: of the close, 0..1."""
    win_rate = recent_win_rate(book.booked.trades, book.now - MONTH)
    found = tiers.evaluate(book.booked.tier, win_rate, drawdown, reserve_share, rules.tier)
    if found is not None:
        change_tier(book, found[0], found[1], drawdown=drawdown, reserve_share=reserve_share)


def change_tier(book: Book, tier: TierName, why: str, *, drawdown: float, reserve_share: float) -> None:
    """Another tier from now on, with the figures of the moment; somebody is told."""
    previous = book.booked.tier
    book.emit(
        TierChanged(
            ts=book.now, account=book.account, previous=previous, tier=tier, why=why,
            win_rate=recent_win_rate(book.booked.trades, book.now - MONTH), drawdown=drawdown, reserve_share=reserve_share,
        )
    )  # fmt: skip
    text = f"{previous} -> {tier}: {why}"
    book.emit(Alerted(ts=book.now, account=book.account, level="tell", code="risk_tier_changed", text=text))
