"""Executions of one symbol for the tests of lots: facts by the day, folded into an account."""

from __future__ import annotations

from decimal import Decimal

from tests.core.world import ACCOUNT
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.lots import Holding, Lot, Lots, Part
from tradingd.core.facts import AnyFact, Filled, PositionAdopted, SplitApplied
from tradingd.core.types import NS, ExecId, Money, OrderId, Price, Qty, Side, Symbol

D = Decimal
X = Symbol("X")
DAY = 86_400 * NS
NOON = 17 * 3_600 * NS  # in New York, winter
FIRST = 14_000  # 2008-05-01


def ts_of(day: int, second: int = 0) -> int:
    """Noon in New York, so many days and seconds after the first."""
    return (FIRST + day) * DAY + NOON + second * NS


class Account:
    """One account that only trades X. Each execution is an order of its own unless one is named."""

    def __init__(self) -> None:
        self.booked = Booked(account=ACCOUNT)
        self.facts: list[AnyFact] = []
        self.vanished = False  # a split left nothing of something

    def book(self, fact: AnyFact) -> None:
        self.facts.append(fact)
        fold(self.booked, fact)

    def trade(
        self, day: int, side: Side, qty: str | Decimal, price: str | Decimal, *, fee: str | Decimal = "0", order: str | None = None,
        ts: int | None = None, multiplier: str | Decimal = "1", rate: str | Decimal = "1",
    ) -> None:  # fmt: skip
        n = len(self.facts) + 1
        self.book(
            Filled(
                ts=ts_of(day, n) if ts is None else ts, account=ACCOUNT, order_id=OrderId(f"o{n}" if order is None else order),
                exec_id=ExecId(f"x{n}"), symbol=X, side=side, qty=Qty(D(qty)), price=Price(D(price)), fee=Money(D(fee)),
                realised=Money(D(0)), multiplier=Qty(D(multiplier)), rate=Price(D(rate)),
            )
        )  # fmt: skip

    def buy(self, day: int, qty: str | Decimal, price: str | Decimal, **more: str) -> None:
        self.trade(day, Side.BUY, qty, price, **more)  # type: ignore[arg-type]

    def sell(self, day: int, qty: str | Decimal, price: str | Decimal, **more: str) -> None:
        self.trade(day, Side.SELL, qty, price, **more)  # type: ignore[arg-type]

    def split(self, day: int, ratio: str | Decimal, *, at: int = 0) -> None:
        n, before = len(self.facts) + 1, self.holding.qty()
        told = SplitApplied(
            ts=ts_of(day, n), account=ACCOUNT, symbol=X, ratio=Price(D(ratio)), action_id=f"s{n}", at=at
        )
        self.book(told)
        self.vanished |= bool(before) and not self.holding.qty()

    def adopt(self, day: int, qty: str | Decimal, price: str | Decimal, multiplier: str | Decimal = "1") -> None:
        n = len(self.facts) + 1
        self.book(
            PositionAdopted(
                ts=ts_of(day, n), account=ACCOUNT, symbol=X, qty=Qty(D(qty)), price=Price(D(price)), actor="ann",
                multiplier=Qty(D(multiplier)),
            )
        )  # fmt: skip

    @property
    def lots(self) -> Lots:
        return self.booked.lots

    @property
    def holding(self) -> Holding:
        return self.lots.held.get(X) or Holding()

    def held(self) -> list[Lot]:
        return self.holding.lots

    def parts(self) -> list[Part]:
        """All closed parts that are remembered, final or not, by number."""
        waiting = [part for parts in self.holding.waiting.values() for part in parts]
        return sorted([*self.lots.closed.values(), *waiting], key=lambda part: part.seq)

    def brief(self) -> list[tuple[str, Decimal, Decimal]]:
        """Open lots as (id, quantity, basis)."""
        return [(lot.lot_id, lot.qty, lot.basis) for lot in self.held()]
