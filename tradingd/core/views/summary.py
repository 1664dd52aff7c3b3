"""The day and the week in a few lines of text: what the daily summary and the weekly digest say (E16).

A line a subject, plain text, money in account currency. Trades are those closed between the last occasion of that name and
this one, so that none is told twice or left out; refusals and trips are those since the last one was told.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.booked import Mark, Tally
from tradingd.core.facts import DayMeasured
from tradingd.core.rules import Rules
from tradingd.core.views.performance import factor_word, measure, tallies

REASONS_SHOWN = 8


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What a summary is about. dates: its sessions, in order.   begins < trades' times <= due, ns."""

    dates: list[str]
    begins: int
    due: int


def daily_summary(book: Book, rules: Rules, span: Span, since: Mark | None) -> str:
    """Of the one session of the span; its closing figures when it has been closed, else those of now."""
    days = _measured(book, span)
    return "\n".join([_money_line(book, span.dates[-1], span, days), *_body(book, rules, span, since)])


def weekly_digest(book: Book, rules: Rules, span: Span, since: Mark | None, week: str) -> str:
    """Of all sessions of the span together."""
    days = _measured(book, span)
    lines = [_money_line(book, f"{week}, {len(days)} of {len(span.dates)} sessions", span, days)]
    lines += [f"  {day.date}: {day.measures.day_pnl:+,.2f} ({day.daily_return:+.2%})" for day in days]
    return "\n".join([*lines, *_body(book, rules, span, since)])


def _measured(book: Book, span: Span) -> list[DayMeasured]:
    return [day for day in book.booked.measured if day.date in span.dates]


def _money_line(book: Book, name: str, span: Span, days: list[DayMeasured]) -> str:
    booked = book.booked
    if not days:
        own = book.equity - float(booked.day_open) if span.dates[-1] == booked.day and booked.day_open else None
        today = f", today {own:+,.2f}" if own is not None else ", no session was traded"
        return f"{name}: equity {book.equity:,.2f} {booked.currency}{today}"
    growth, pnl = 1.0, 0.0
    for day in days:
        growth *= 1.0 + day.daily_return
        pnl += day.measures.day_pnl
    return f"{name}: equity {days[-1].measures.value:,.2f} {booked.currency}, PnL {pnl:+,.2f} ({growth - 1.0:+.2%})"


def _body(book: Book, rules: Rules, span: Span, since: Mark | None) -> list[str]:
    booked, m = book.booked, measure(book, rules)
    standard, micro = tallies(trade for trade in booked.trades if span.begins < trade.ts <= span.due)
    rate = "none yet" if m.win_rate is None else f"{m.win_rate:.1%}"
    sharpe = "not yet" if m.sharpe is None else f"{m.sharpe:.2f}"
    lines = [
        f"trades: {_trades(standard)}" + (f"; micro {_trades(micro)}" if micro.trades else ""),
        f"since the start: win rate {rate} of {m.trades}, profit factor {factor_word(m)}, Sharpe {sharpe}",
        f"pools: active {m.active:,.2f}, reserve {m.reserve:,.2f}, cash {booked.cash:,.2f}",
        f"risk: tier {booked.tier}, state {book.state()}, heat {m.heat:.2%}, drawdown {m.drawdown:.2%}",
        f"breaker: {_trips(book, since)}",
        f"positions: {_positions(book)}",
        f"refusals: {_refusals(booked.refusals, since)}",
    ]
    unpriced = [s for s in book.held() if s not in book.markets or not book.markets[s].mid]
    return (
        [*lines, f"no price yet for {', '.join(sorted(unpriced))}: last close or cost instead"] if unpriced else lines
    )


def _trades(t: Tally) -> str:
    return f"{t.trades} closed, {t.wins} won, {t.losses} lost, {t.pnl:+,.2f}" if t.trades else "none closed"


def _trips(book: Book, since: Mark | None) -> str:
    booked = book.booked
    new = booked.counts.get("breaker_trips", 0) - (since.trips if since is not None else 0)
    return f"{new} trips since the last summary, standing: {book.breaker_word() or 'none'}"


def _positions(book: Book) -> str:
    found = []
    for symbol in sorted(book.held()):
        position, market = book.booked.positions[symbol], book.markets.get(symbol)
        gain = ""
        if market is not None and market.mid:
            gain = f" ({market.exposure * market.mid - float(position.basis):+,.2f})"
        found.append(f"{symbol} {position.qty}{gain}")
    return ", ".join(found) or "none"


def _refusals(now: dict[str, int], since: Mark | None) -> str:
    before = since.refusals if since is not None else {}
    new = {reason: n - before.get(reason, 0) for reason, n in now.items()}
    return _listed(sorted(((n, reason) for reason, n in new.items() if n > 0), key=lambda one: (-one[0], one[1])))


def _listed(found: Iterable[tuple[int, str]]) -> str:
    words = [f"{n} {reason.replace('_', ' ')}" for n, reason in found]
    more = f" and {len(words) - REASONS_SHOWN} more" if len(words) > REASONS_SHOWN else ""
    return ", ".join(words[:REASONS_SHOWN]) + more or "none"
