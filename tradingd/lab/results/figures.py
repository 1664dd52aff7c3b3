"""The metrics of a run, worked out of the rows of its result folder: the same for a run that ended and for one that was killed.

Where the house has a convention it is the house's (`core/views/performance.py`); what is added here:

    growth         product of (1 + daily return); money put in or taken out is no return. The starting capital is 1
    total return   growth - 1
    annual return  growth ** (sessions a year / sessions) - 1; None with fewer than two sessions, or when nothing is left
    volatility     sample deviation (n - 1) of the daily returns x sqrt(sessions a year)
    Sortino        mean / sqrt(mean of min(return, 0) squared) x sqrt(sessions a year); None without a day that lost
    Calmar         annual return / largest drawdown; None without a drawdown
    expectancy     realised / trades
    exposure       share of all time in which anything was held
    turnover       half of what changed hands, by the mean equity of the closes, a year

A trade is what one order closed, fees left out, as on the page and in the journal; micro-trades are counted apart. Source: T2, E14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import fsum, sqrt
from pathlib import Path

import msgspec

from tradingd.core.book.lots import NIL
from tradingd.core.types import Money
from tradingd.core.views.performance import YEAR, sharpe
from tradingd.lab.results.groups import Gathered, Group, Sorted, grouped
from tradingd.lab.results.rows import Action, Day, Execution, Trade, rows

DAYS, TRADES, FILLS, DECISIONS, ACTIONS, BARS = (
    f"{name}.csv" for name in ("equity", "trades", "fills", "decisions", "actions", "bars")
)


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """The largest drawdown. top: date of the close it fell from, "" the start.   bottom: of the lowest close.   over: of the first
    close that was as high again, "" while there is none.   sessions: from the top to `over`, or to the end."""

    share: float = 0.0
    top: str = ""
    bottom: str = ""
    over: str = ""
    sessions: int = 0


class Span(msgspec.Struct, frozen=True):
    """What one day or month made. name: its date, or "2008-10"."""

    name: str
    gained: float


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Money in account currency, shares as 0.1 = 10 %. by_symbol, by_strategy, by_exit: standard trades. The formulas stand at the
    top of this module."""

    sessions: int = 0
    first: str = ""
    last: str = ""
    equity: float | None = None
    reserve: Money = NIL
    total_return: float = 0.0
    annual_return: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    max_drawdown: Fall = Fall()
    exposure: float | None = None
    gross_mean: float | None = None
    gross_max: float | None = None
    turnover: float | None = None
    fills: int = 0
    fees: Money = NIL
    dividends: Money = NIL
    interest: Money = NIL
    borrow: Money = NIL
    best_day: Span | None = None
    worst_day: Span | None = None
    best_month: Span | None = None
    worst_month: Span | None = None
    trades: Group = Group()
    micro: Group = Group()
    by_symbol: Mapping[str, Group] = {}
    by_strategy: Mapping[str, Group] = {}
    by_exit: Mapping[str, Group] = {}


def reckon(directory: Path, year: int = YEAR) -> Metrics:
    """Of the rows that are there. year: sessions in one. Memory grows by some numbers a session and a kind of trade. Raises
    ResultFault for a row that is none."""
    standard, micro = Sorted(), Gathered()
    for trade in rows(directory, TRADES, Trade):
        if trade.micro:
            micro.take(trade)
        else:
            standard.take(trade)
    flow = _Flow()
    flow.take(rows(directory, FILLS, Execution), rows(directory, ACTIONS, Action))
    return of_days(
        list(rows(directory, DAYS, Day)), year, fills=flow.fills, fees=flow.fees, dividends=flow.dividends, interest=flow.interest,
        borrow=flow.borrow, moved=flow.moved,
        trades=standard.all.group(), micro=micro.group(), by_symbol=grouped(standard.by_symbol),
        by_strategy=grouped(standard.by_strategy), by_exit=grouped(standard.by_exit),
    )  # fmt: skip


def of_days(days: Sequence[Day], year: int = YEAR, *, moved: Money = NIL, **known: object) -> Metrics:
    """days: in order.   moved: the value of all fills.   known: fields of Metrics that are no matter of days."""
    if not days:
        return msgspec.structs.replace(Metrics(), **known)
    returns = [day.daily_return for day in days]
    growth = grown(returns)
    annual = annual_return(growth[-1], len(days), year)
    fall = largest_fall(days, growth)
    gross = [abs(day.gross) / day.equity for day in days if day.equity > 0]
    mean = fsum(day.equity for day in days) / len(days)
    span = fsum(day.span_s for day in days)
    daily = [Span(day.date, day.daily_return) for day in days]
    monthly = months(days)
    figures = Metrics(
        sessions=len(days), first=days[0].date, last=days[-1].date, equity=days[-1].equity, reserve=days[-1].reserve,
        total_return=growth[-1] - 1.0, annual_return=annual, volatility=volatility(returns, year), sharpe=sharpe(returns, year),
        sortino=sortino(returns, year), calmar=annual / fall.share if annual is not None and fall.share > 0 else None,
        max_drawdown=fall, exposure=fsum(day.held_s for day in days) / span if span > 0 else None,
        gross_mean=fsum(gross) / len(gross) if gross else None, gross_max=max(gross, default=None),
        turnover=float(moved) / 2 / mean * year / len(days) if mean > 0 else None,
        best_day=_best(daily), worst_day=_worst(daily), best_month=_best(monthly), worst_month=_worst(monthly),
    )  # fmt: skip
    return msgspec.structs.replace(figures, **known)


# days -------------------------------------------------------------------------------------------------------------------


def grown(returns: Iterable[float]) -> list[float]:
    """Growth after each day, of 1 put in before the first."""
    growth, found = 1.0, []
    for gained in returns:
        growth *= 1.0 + gained
        found.append(growth)
    return found


def annual_return(growth: float, sessions: int, year: int) -> float | None:
    """The same growth a year; None with fewer than two sessions, when nothing is left, and when it is beyond all numbers."""
    if sessions < 2 or growth <= 0.0:
        return None
    try:
        return float(growth ** (year / sessions)) - 1.0
    except OverflowError:
        return None


def volatility(returns: Sequence[float], year: int) -> float | None:
    """Annualised sample deviation; None with fewer than two."""
    n = len(returns)
    if n < 2:
        return None
    mean = fsum(returns) / n
    return sqrt(fsum([(r - mean) ** 2 for r in returns]) / (n - 1)) * sqrt(year)


def sortino(returns: Sequence[float], year: int) -> float | None:
    """Annualised; None with fewer than two or without a loss."""
    n = len(returns)
    if n < 2:
        return None
    down = sqrt(fsum([min(r, 0.0) ** 2 for r in returns]) / n)
    return fsum(returns) / n / down * sqrt(year) if down > 0 else None


def largest_fall(days: Sequence[Day], growth: Sequence[float]) -> Fall:
    """The first of the deepest, the starting capital a top as any other. growth: after each of the days."""
    top, top_at, share, worst_top, worst_at = 1.0, -1, 0.0, -1, -1
    for i, value in enumerate(growth):
        if value >= top:
            top, top_at = value, i
        elif (top - value) / top > share:
            share, worst_top, worst_at = (top - value) / top, top_at, i
    if not share:
        return Fall()
    high = growth[worst_top] if worst_top >= 0 else 1.0
    over = next((i for i in range(worst_at, len(growth)) if growth[i] >= high), None)
    end = len(growth) - 1 if over is None else over
    return Fall(
        share=share, top=days[worst_top].date if worst_top >= 0 else "", bottom=days[worst_at].date,
        over="" if over is None else days[over].date, sessions=end - worst_top,
    )  # fmt: skip


def months(days: Iterable[Day]) -> list[Span]:
    """What each calendar month made, in order; name "2008-10"."""
    return [
        Span(month, grown(day.daily_return for day in group)[-1] - 1.0)
        for month, group in groupby(days, key=lambda day: day.date[:7])
    ]


def _best(spans: Sequence[Span]) -> Span | None:
    return max(spans, key=lambda span: span.gained, default=None)


def _worst(spans: Sequence[Span]) -> Span | None:
    return min(spans, key=lambda span: span.gained, default=None)


class _Flow:
    """What changed hands and what it cost."""

    def __init__(self) -> None:
        self.fills = 0
        self.moved = self.fees = self.dividends = self.interest = self.borrow = NIL

    def take(self, fills: Iterable[Execution], actions: Iterable[Action]) -> None:
        for fill in fills:
            self.fills += 1
            self.moved, self.fees = Money(self.moved + fill.value), Money(self.fees + fill.fee)
        for action in actions:
            if action.kind == "dividend":
                self.dividends = Money(self.dividends + action.amount)
            elif action.kind == "interest":
                self.interest = Money(self.interest + action.amount)
            elif action.kind == "borrow":
                self.borrow = Money(self.borrow - action.amount)
            elif action.kind == "fee":
                self.fees = Money(self.fees - action.amount)
