"""How an account has done: the figures of E14, one formula each, none of them guessed when there is too little to say.

    win rate       wins / trades; a trade that ended at nothing is neither won nor lost, and counts
    average win    gross profit / wins; average loss likewise, both >= 0; fees are left out of trades and stand in the equity
    profit factor  gross profit / gross loss; None without a loss (infinite, in words)
    daily return   (equity - last close's equity - money put in since) / (last close's equity + money put in since); money taken out
                   since counts as taken out at the end of the day. The first day's base is the starting capital.
    Sharpe         mean / sample deviation (n - 1) of the last daily returns x sqrt(252); None with fewer than two, or when all are
                   equal
    drawdown       share of the highest closing equity, the starting capital one of them; the largest: of all closes and of now
    heat           what would be lost at the stops, share of the active pool

Trades are those of the account's whole life. Micro-trades are counted apart and are in none of the trade figures (E15).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import fsum, sqrt

from tradingd.core.book.book import Book
from tradingd.core.book.booked import ClosedTrade, Tally
from tradingd.core.facts import DayMeasured, Measures
from tradingd.core.gates.standing import heat_now
from tradingd.core.rules import Rules
from tradingd.core.types import NS, Money

YEAR = 252  # sessions
MONTH = 30 * 86_400 * NS  # what the tier is judged by


def tallies(trades: Iterable[ClosedTrade]) -> tuple[Tally, Tally]:
    """The same trades counted at once: (standard, micro)."""
    standard, micro = Tally(), Tally()
    for trade in trades:
        (micro if trade.micro else standard).count(trade.pnl)
    return standard, micro


def win_rate(t: Tally) -> float | None:
    """Wins over trades, 0..1; None without trades."""
    return t.wins / t.trades if t.trades else None


def average_win(t: Tally) -> float | None:
    """Account currency, > 0; None without a win."""
    return float(t.gross_profit / t.wins) if t.wins else None


def average_loss(t: Tally) -> float | None:
    """Account currency, > 0; None without a loss."""
    return float(t.gross_loss / t.losses) if t.losses else None


def profit_factor(t: Tally) -> float | None:
    """Gross profit over gross loss, >= 0; None without a loss."""
    return float(t.gross_profit / t.gross_loss) if t.losses else None


@lru_cache(maxsize=64)
def _averages(
    wins: int, losses: int, gross_profit: Money, gross_loss: Money
) -> tuple[float | None, float | None, float | None]:
    """Average win and loss and the profit factor: asked for each minute, they change with a trade."""
    t = Tally(wins=wins, losses=losses, gross_profit=gross_profit, gross_loss=gross_loss)
    return average_win(t), average_loss(t), profit_factor(t)


def recent_win_rate(trades: Iterable[ClosedTrade], since: int) -> float | None:
    """Share of wins among the standard trades closed since then (ns), None without any: what the tier is judged by. Micro-trades
    are left out of it, as they are of all trade figures."""
    return win_rate(tallies(trade for trade in trades if trade.ts >= since and not trade.micro)[0])


def sharpe(returns: Sequence[float], year: int = YEAR) -> float | None:
    """Annualised, of daily returns; None with fewer than two or without variation. year: sessions in one. Source: E14."""
    n = len(returns)
    if n < 2 or min(returns) == max(returns):
        return None
    mean = fsum(returns) / n
    deviation = sqrt(fsum([(r - mean) ** 2 for r in returns]) / (n - 1))
    return mean / deviation * sqrt(year) if deviation > 0 else None


def max_drawdown(values: Iterable[float]) -> float:
    """The largest fall from a highest value before it, share of that, 0..1 (more when a value is below nothing). values: > 0 to
    begin with, the starting capital first."""
    top = worst = 0.0
    for value in values:
        top = max(top, value)
        if top > 0:
            worst = max(worst, (top - value) / top)
    return worst


def daily_return(before: DayMeasured | None, equity: float, capital: float) -> float:
    """Of the day that ends at `equity` with `capital` put in so far; 0 when there was nothing to earn it with."""
    last, put_in = (before.measures.value, float(before.capital)) if before is not None else (0.0, 0.0)
    return period_return(last, put_in, equity, capital)


def period_return(last: float, put_in: float, equity: float, capital: float) -> float:
    """From an equity of `last` with `put_in` put in so far to one of `equity` with `capital`; both 0 before the first."""
    moved = capital - put_in
    base = last + max(moved, 0.0)
    return (equity - last - moved) / base if base > 0 else 0.0


def cumulative_return(equity: float, capital: float) -> float:
    """On all capital put in; 0 when nothing of it is left in the account's name."""
    return (equity - capital) / capital if capital > 0 else 0.0


def measure(book: Book, rules: Rules, *, today: tuple[float, ...] = (), heat: float | None = None) -> Measures:
    """The figures at this moment, from the book as it is marked now. today: the return of a day that is not on the book yet.
    heat: when it is known already. Source: E14."""
    booked = book.booked
    t, micro = booked.tally, booked.micro_tally
    invested = [float(p.basis) for p in booked.positions.values() if p.qty]
    flows = float(booked.deposits - booked.day_deposits)
    drawdown = book.drawdown()
    won, lost, factor = _averages(t.wins, t.losses, t.gross_profit, t.gross_loss)
    return Measures(
        value=book.equity, active=book.active_pool(), reserve=float(booked.reserve), realised=float(booked.realised),
        unrealised=fsum([book.equity, -float(booked.cash), *[-basis for basis in invested]]),
        day_pnl=book.equity - float(booked.day_open) - flows if booked.day_open else 0.0,
        trades=t.trades, wins=t.wins, losses=t.losses, win_rate=win_rate(t), average_win=won, average_loss=lost,
        profit_factor=factor, sharpe=_sharpe_now(book, rules.performance.days, today),
        max_drawdown=max(booked.drawdown_max, drawdown), drawdown=drawdown, heat=heat_now(book) if heat is None else heat,
        micro_trades=micro.trades, micro_wins=micro.wins, micro_pnl=float(micro.pnl),
    )  # fmt: skip


def _sharpe_now(book: Book, days: int, today: tuple[float, ...]) -> float | None:
    """Of the last days; it stays as it is until the next one is measured."""
    measured = book.booked.measured
    since = (measured[-1].ts if measured else 0, days)
    if today or book.sharpe is None or book.sharpe[0] != since:
        found = sharpe([*[day.daily_return for day in measured[-days:]], *today][-days:])
        if today:
            return found
        book.sharpe = (since, found)
    return book.sharpe[1]


def factor_word(m: Measures) -> str:
    """The profit factor in words: a number, "infinite" with wins and no loss, "none yet" without either."""
    if m.profit_factor is not None:
        return f"{m.profit_factor:.2f}"
    return "infinite" if m.wins else "none yet"
