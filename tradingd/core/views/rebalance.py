"""The weekly rebalance as an operator sees it: when its next turn is, and what the last ones asked to sell and why. Values only."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.rebalances import NAME, Rebalance
from tradingd.core.gates.window import in_window, next_window_open, week_of
from tradingd.core.rules import Rules
from tradingd.core.views.view import View


class SaleView(View):
    """One decision of a week's turn. qty: asked for, "0" when refused.   reasons: why it was.   why: the limits it serves."""

    decision_id: str
    symbol: str
    qty: str
    why: str
    reasons: tuple[str, ...]


class WeekView(View):
    """week: like 2008-W12.   ts: of its last word, ns.   done: nothing is left to sell; without sales, nothing had to be."""

    week: str
    ts: int
    done: bool
    sales: tuple[SaleView, ...]


class RebalanceView(View):
    """enabled: `[rebalance] enabled`.   next_due: ns, None when the calendar knows of none or it is switched off; what is not after
    the moment of the page is due and waits (for an active account, prices of this session, the breaker).   weeks: latest first."""

    enabled: bool
    next_due: int | None
    weeks: tuple[WeekView, ...]


def rebalance_view(book: Book, rules: Rules, now: int) -> RebalanceView:
    """now: ns, decides what is due next. Source: E13."""
    enabled = rules.rebalance.enabled
    return RebalanceView(
        enabled=enabled, next_due=_next_due(book, rules, now) if enabled else None,
        weeks=tuple(_week(week) for week in reversed(book.booked.rebalances)),
    )  # fmt: skip


def _next_due(book: Book, rules: Rules, now: int) -> int | None:
    """The first moment from now on that lies in the trading window of a week which is not done."""
    table = next(iter(rules.calendars.values()), None)
    if table is None:
        return None
    done, at = book.booked.schedules.get(NAME, ""), now if in_window(table, now, rules.window) else None
    if at is None:
        at = next_window_open(table, now, rules.window)
    while at is not None:
        session = table.at(at)
        if session is None or week_of(session) > done:
            return at
        at = next_window_open(table, session.close_ns, rules.window)
    return None


def _week(week: Rebalance) -> WeekView:
    return WeekView(
        week=week.week, ts=week.ts, done=week.done,
        sales=tuple(
            SaleView(decision_id=s.decision_id, symbol=s.symbol, qty=format(s.qty, "f"), why=s.why, reasons=tuple(s.reasons))
            for s in week.sales
        ),
    )  # fmt: skip
