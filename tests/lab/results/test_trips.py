"""What a sheet says of fills that a demo rarely makes: flips, several sessions, cash without orders, micro-trades."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, DAY, HOUR, NS, T0, World
from tests.lab.results.stories import about
from tradingd.core.events import FillSeen
from tradingd.core.facts import CashMoved
from tradingd.core.types import ExecId, Money, OrderId, Price, Qty, Side, Symbol
from tradingd.core.views.reasons import utc
from tradingd.lab.results import figures
from tradingd.lab.results.figures import reckon
from tradingd.lab.results.rows import Day, Table, Trade, rows
from tradingd.lab.results.sheet import Sheet

D = Decimal


class Venue:
    """Foreign executions in a world, and a sheet that is given all facts at each close."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.sheet = Sheet(folder, about())
        self.given = 0
        self.n = 0

    def fill(self, side: Side, qty: str, price: str, fee: str = "0", symbol: Symbol = ACME) -> None:
        self.n += 1
        self.world.step(
            FillSeen(
                ts=self.world.now, account=ACCOUNT, order_id=OrderId(""), exec_id=ExecId(f"f{self.n}"), symbol=symbol, side=side,
                qty=Qty(D(qty)), price=Price(D(price)), fee=Money(D(fee)), cursor=self.n,
            )
        )  # fmt: skip

    def cash(self, kind: str, amount: str) -> None:
        self.world.book.emit(CashMoved(ts=self.world.now, account=ACCOUNT, kind=kind, amount=Money(D(amount))))

    def close(self) -> None:
        self.world.timer()
        self.sheet.take(self.world.facts[self.given :])
        self.given = len(self.world.facts)
        self.sheet.close(self.world.now, self.world.book)


def test_a_flip_ends_one_trade_and_begins_another(tmp_path: Path) -> None:
    """T2: its fee is shared by quantity; the new side was opened then, and pays only for itself."""
    venue = Venue(tmp_path / "r")
    with venue.sheet:
        venue.fill(Side.BUY, "4", "100", "4")
        venue.world.wait(60)
        flipped = venue.world.now
        venue.fill(Side.SELL, "10", "110", "5")
        venue.world.wait(120)
        venue.fill(Side.BUY, "6", "100", "1")
        venue.close()
        long, short = rows(tmp_path / "r", figures.TRADES, Trade)
    assert (long.side, long.qty, long.entry_fees, long.exit_fees, long.realised) == ("long", 4, 4, 2, 40)
    assert (short.side, short.qty, short.entry_fees, short.exit_fees, short.realised) == ("short", 6, 3, 1, 60)
    assert (short.opened, short.hold_s) == (utc(flipped), 120.0)
    assert short.gain == pytest.approx(56 / 660)


def test_a_part_takes_its_share_of_the_fees_and_the_rest_waits(tmp_path: Path) -> None:
    """T2: what is still held keeps its own."""
    venue = Venue(tmp_path / "r")
    with venue.sheet:
        venue.fill(Side.BUY, "6", "100", "6")
        venue.fill(Side.BUY, "2", "104", "2")
        venue.fill(Side.SELL, "2", "105")
        venue.fill(Side.SELL, "6", "99")
        venue.close()
        first, last = rows(tmp_path / "r", figures.TRADES, Trade)
    assert (first.entry, first.entry_fees, first.realised) == (101.0, 2, 8)
    assert (last.entry, last.entry_fees, last.realised) == (101.0, 6, -12)


def test_time_in_the_market_is_counted_while_anything_is_held(tmp_path: Path) -> None:
    """T2: two positions at once count once, nothing counts between; a trade knows how many closes it was held over."""
    venue = Venue(tmp_path / "r")
    with venue.sheet:
        venue.fill(Side.BUY, "1", "100")
        venue.world.wait(100)
        venue.fill(Side.BUY, "1", "100", symbol=BOLT)
        venue.world.wait(50)
        venue.fill(Side.SELL, "1", "100")
        venue.world.wait(30)
        venue.fill(Side.SELL, "1", "100", symbol=BOLT)
        venue.world.wait(1_000)
        venue.fill(Side.BUY, "2", "100")
        venue.world.wait(20)
        venue.close()
        for _ in range(2):
            venue.world.wait(DAY / NS)
            venue.close()
        venue.fill(Side.SELL, "2", "100")
        venue.world.wait(500)
        venue.close()
        days = list(rows(tmp_path / "r", figures.DAYS, Day))
        trades = list(rows(tmp_path / "r", figures.TRADES, Trade))
    assert [day.held_s for day in days] == [200.0, 86_400.0, 86_400.0, 0.0]
    assert [day.span_s for day in days[1:]] == [86_400.0, 86_400.0, 500.0]
    assert [(t.symbol, t.hold_s, t.sessions) for t in trades] == [
        (ACME, 150.0, 0),
        (BOLT, 80.0, 0),
        (ACME, 172_820.0, 3),
    ]


def test_cash_without_an_order_is_cost_dividend_or_neither(tmp_path: Path) -> None:
    """T2: a fee that is no fill's is a cost; a dividend is told apart; a deposit is neither."""
    venue = Venue(tmp_path / "r")
    with venue.sheet:
        venue.fill(Side.BUY, "1", "100", "0.50")
        for kind, amount in (("fee", "-3"), ("dividend", "7"), ("dividend", "-2"), ("deposit", "1000")):
            venue.cash(kind, amount)
        venue.close()
        m = venue.sheet.finish("complete", page=False).metrics
    assert m is not None
    assert (m.fees, m.dividends, m.fills) == (D("3.50"), D(5), 1)


def test_micro_trades_are_in_no_other_figure(tmp_path: Path) -> None:
    """T2, E15: of a table with both."""
    plain = Trade(
        ts=T0, utc=utc(T0), symbol=ACME, side="long", opened=utc(T0 - HOUR), qty=Qty(D(1)), entry=1.0, exit=2.0,
        entry_fees=Money(D(0)), exit_fees=Money(D(0)), realised=Money(D(5)), hold_s=1.0, sessions=0, strategy="s", reason="r",
    )  # fmt: skip
    table = Table(tmp_path, figures.TRADES, Trade)
    for row in (plain, msgspec.structs.replace(plain, realised=Money(D(-9)), micro=True), plain):
        table.add(row)
    table.close()
    m = reckon(tmp_path)
    assert (m.trades.trades, m.trades.realised, m.trades.win_rate) == (2, 10, 1.0)
    assert (m.micro.trades, m.micro.realised, m.micro.win_rate) == (1, -9, 0.0)
    assert [{name: g.trades for name, g in groups.items()} for groups in (m.by_symbol, m.by_strategy, m.by_exit)] == [
        {"ACME": 2}, {"s": 2}, {"r": 2},
    ]  # fmt: skip
