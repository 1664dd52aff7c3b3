"""What one trial came to, day by day, and its figures over any part of those days. Source: T4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import fsum
from typing import Literal

import msgspec

from tradingd.core.views.performance import YEAR, max_drawdown, sharpe
from tradingd.lab.results.figures import annual_return, grown, sortino, volatility


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One trial that is over. key: names data, rules and code.   why: what a failed one failed by.   days: ISO dates of the
    sessions, in order.   returns: of each of them, as `core/views/performance.py` has it.   closed: (ISO date, realised less fees)
    of each standard trade, in order.   attempts: workers it took, >= 1.   head: of the run's journal.   year: sessions in one."""

    key: str
    state: Literal["done", "failed"] = "done"
    why: str = ""
    days: tuple[str, ...] = ()
    returns: tuple[float, ...] = ()
    closed: tuple[tuple[str, float], ...] = ()
    attempts: int = 1
    head: str = ""
    year: int = YEAR

    def __post_init__(self) -> None:
        if len(self.days) != len(self.returns):
            raise ValueError(f"returns: {len(self.returns)} of them for {len(self.days)} days")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of some sessions, shares as 0.1 = 10 %; the formulas are those of `lab/results/figures.py`, trades are standard ones
    after fees. None: there is none."""

    sessions: int = 0
    first: str = ""
    last: str = ""
    total_return: float = 0.0
    annual_return: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    max_drawdown: float = 0.0
    trades: int = 0
    win_rate: float | None = None
    profit_factor: float | None = None


RANKS: Mapping[str, Callable[[Part], float | None]] = {
    "sharpe": lambda p: p.sharpe,
    "sortino": lambda p: p.sortino,
    "calmar": lambda p: p.calmar,
    "total_return": lambda p: p.total_return,
    "annual_return": lambda p: p.annual_return,
    "max_drawdown": lambda p: -p.max_drawdown,
    "profit_factor": lambda p: p.profit_factor,
    "win_rate": lambda p: p.win_rate,
}  # the larger, the better


def part(outcome: Outcome, since: str = "", until: str = "~") -> Part:
    """Of the sessions with since <= date < until."""
    year = outcome.year
    chosen = [i for i, day in enumerate(outcome.days) if since <= day < until]
    returns = [outcome.returns[i] for i in chosen]
    nets = [net for day, net in outcome.closed if since <= day < until]
    if not returns:
        return Part()
    growth = grown(returns)
    annual, fall = annual_return(growth[-1], len(returns), year), max_drawdown([1.0, *growth])
    won, lost = [net for net in nets if net > 0], [net for net in nets if net < 0]
    return Part(
        sessions=len(returns), first=outcome.days[chosen[0]], last=outcome.days[chosen[-1]], total_return=growth[-1] - 1.0,
        annual_return=annual, volatility=volatility(returns, year), sharpe=sharpe(returns, year), sortino=sortino(returns, year),
        calmar=annual / fall if annual is not None and fall > 0 else None, max_drawdown=fall, trades=len(nets),
        win_rate=len(won) / len(nets) if nets else None, profit_factor=fsum(won) / -fsum(lost) if lost else None,
    )  # fmt: skip


def split_day(outcomes: Sequence[Outcome], share: float) -> str:
    """The first of the last `share` (0 <= share < 1) of the days, of the outcome that has the most; "~", after all, when that is
    none of them."""
    days = max((one.days for one in outcomes), key=len, default=())
    kept = int(len(days) * share)
    return days[len(days) - kept] if kept else "~"
