"""`step`: one event through the core. Read this file first.

    quote           believe or quarantine, mark, stops and targets, daily loss          steps/quotes.py
    bar             learn the range (ATR), show it to the strategies                    steps/strategies.py
    recommendation  intake, state, window, price, stops, sizer, reserve, breaker, gate  steps/ideas.py
    order events    the order's life, fills, protection, reserve, volatility breaker    steps/orders.py
    commands        the operator's words                                                steps/operator.py
    notices         what became of telling somebody; the house's own alarms             steps/notices.py
    timer           sessions, cool-downs, old entries, missing prices                   steps/clockwork.py
    account events  link, reconciliation, positions, corporate actions                  steps/account.py
    world events    earnings, market events, dividends by file                          steps/outside.py

A step never waits, reads a clock, draws a number or touches a file. It returns the facts it folded into the book; the same book
and the same event always give the same facts (T1). Nobody acts on a fact before the journal has it (O2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradingd.core.book.book import Book
from tradingd.core.events import (
    AccountSeen,
    Alarm,
    Bar,
    CancelRejected,
    ClockSeen,
    Command,
    ConfigLoaded,
    Dividend,
    DividendDue,
    EarningsSeen,
    Event,
    FillSeen,
    Financed,
    ForeignOrder,
    FxRate,
    InstrumentStatus,
    Leaving,
    LinkLost,
    LinkUp,
    MarketEvent,
    NoticeSent,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNever,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    PositionsSeen,
    Quote,
    Recommendation,
    Reconciled,
    ReplaceRejected,
    Split,
    Started,
    Stopping,
    Timer,
)  # fmt: skip
from tradingd.core.facts import AnyFact
from tradingd.core.rules import Rules
from tradingd.core.steps import account, clockwork, ideas, notices, operator, orders, outside, strategies
from tradingd.core.steps.quotes import on_quote

Handler = Callable[[Book, Any, Rules], None]

_HANDLERS: dict[type, Handler] = {
    Recommendation: ideas.on_recommendation, OrderAccepted: orders.on_order_event, OrderRejected: orders.on_order_event,
    OrderUnknown: orders.on_order_event, OrderNever: orders.on_order_event, OrderCancelled: orders.on_order_event,
    OrderExpired: orders.on_order_event, OrderReplaced: orders.on_replaced, ReplaceRejected: orders.on_replace_rejected,
    CancelRejected: orders.on_cancel_rejected, FillSeen: orders.on_fill, ForeignOrder: orders.on_foreign,
    PositionsSeen: account.on_positions, AccountSeen: account.on_account, LinkUp: account.on_link, LinkLost: account.on_link,
    Reconciled: account.on_link, Dividend: account.on_dividend, Financed: account.on_financed, Split: account.on_split,
    InstrumentStatus: account.on_status, FxRate: account.on_rate, Command: operator.on_command, Timer: clockwork.on_timer,
    Started: account.on_started, Stopping: account.on_stopping,
    ConfigLoaded: account.on_config, ClockSeen: account.on_clock, Leaving: account.on_leaving,
    EarningsSeen: outside.on_earnings, MarketEvent: outside.on_event, DividendDue: outside.on_dividend_due,
    NoticeSent: notices.on_notice, Alarm: notices.on_alarm,
}  # fmt: skip

_FROM_VENUE = (
    FillSeen,
    OrderAccepted,
    OrderRejected,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    PositionsSeen,
    AccountSeen,
)


def step(book: Book, event: Event, rules: Rules) -> tuple[AnyFact, ...]:
    """The facts this event brings about, in order, already folded into the book; () for most quotes."""
    kind = event.__class__
    if kind is Quote:
        on_quote(book, event, rules)  # type: ignore[arg-type]
        if rules.quote_strategies:
            strategies.show(book, event, rules)
        return book.take_facts() if book.facts else ()
    book.now = max(book.now, event.ts)
    if kind is not Timer:  # which sets the marks right itself
        book.settle_marks()
    if kind is Bar:
        _learn(book, event)  # type: ignore[arg-type]
    else:
        if kind in _FROM_VENUE:
            book.last_event_ts = book.now
        handler = _HANDLERS.get(kind)
        assert handler is not None, f"no step for {kind.__name__}"
        handler(book, event, rules)
    if rules.strategies:
        strategies.show(book, event, rules)
    return book.take_facts() if book.facts else ()


def _learn(book: Book, bar: Bar) -> None:
    market = book.markets.get(bar.symbol)
    if market is not None:
        market.learn(bar)
