"""Trades counted together: in all, and by what they have in common. A trade is what one order closed; fees stand apart (E14)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tradingd.core.book.booked import Tally
from tradingd.core.book.lots import NIL
from tradingd.core.types import ZERO, Money
from tradingd.core.views.performance import average_loss, average_win, profit_factor, win_rate
from tradingd.lab.results.rows import Trade


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Trades that belong together. Rates 0..1, money in account currency, fees apart; None where there is too little to say.
    net: realised less the fees of these trades.   best, worst: by what was realised.   hold_s: mean."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    win_rate: float | None = None
    average_win: float | None = None
    average_loss: float | None = None
    profit_factor: float | None = None
    expectancy: float | None = None
    realised: Money = NIL
    net: Money = NIL
    best: Money | None = None
    worst: Money | None = None
    hold_s: float | None = None


class Gathered:
    """Trades that are counted as they come."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.net = ZERO
        self.hold_s = 0.0
        self.best: Money | None = None
        self.worst: Money | None = None

    def take(self, trade: Trade) -> None:
        self.tally.count(trade.realised)
        self.net += trade.net
        self.hold_s += trade.hold_s
        self.best = trade.realised if self.best is None else max(self.best, trade.realised)
        self.worst = trade.realised if self.worst is None else min(self.worst, trade.realised)

    def group(self) -> Group:
        t = self.tally
        return Group(
            trades=t.trades, wins=t.wins, losses=t.losses, win_rate=win_rate(t), average_win=average_win(t),
            average_loss=average_loss(t), profit_factor=profit_factor(t),
            expectancy=float(t.pnl / t.trades) if t.trades else None, realised=t.pnl, net=Money(self.net), best=self.best,
            worst=self.worst, hold_s=self.hold_s / t.trades if t.trades else None,
        )  # fmt: skip


class Sorted:
    """The same trades in all, and by what they have in common."""

    def __init__(self) -> None:
        self.all = Gathered()
        self.by_symbol: dict[str, Gathered] = {}
        self.by_strategy: dict[str, Gathered] = {}
        self.by_exit: dict[str, Gathered] = {}

    def take(self, trade: Trade) -> None:
        self.all.take(trade)
        for groups, name in (
            (self.by_symbol, trade.symbol),
            (self.by_strategy, trade.strategy),
            (self.by_exit, trade.reason),
        ):
            groups.setdefault(name, Gathered()).take(trade)


def grouped(found: Mapping[str, Gathered]) -> dict[str, Group]:
    return {name: found[name].group() for name in sorted(found)}
