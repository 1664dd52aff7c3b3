"""What a fill at the simulated venue costs: slippage, grids, sizes, gaps."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.sim.venue import AAPL, ACCOUNT
from tests.core.orders import order
from tradingd.core.book.ledger import market_value, post_fill
from tradingd.core.events import Event, FillSeen, OrderRejected, Quote, Split
from tradingd.core.types import DecisionId, Instrument, Leg, Money, Order, OrderId, OrderType, Price, Qty, Side, Tif
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.accounts import Fees
from tradingd_adapters.sim.carry import Carry
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings
from tradingd_adapters.sim.session import Session
from tradingd_adapters.sim.tape import Shown, Tape

SESSION = session_table("XNYS").session("2008-03-03")
assert SESSION is not None
OPEN, MINUTE = SESSION.open_ns, 60 * 10**9


class Desk:
    """A venue that shows what it is told, so many minutes apart but for what is skipped, to an account that trades at once."""

    def __init__(
        self, *shown: tuple[float, float, float], slippage: str = "0", tick: str = "0.01", lot: str = "1",
        split: float | None = None, multiplier: str = "1", fees: Fees | None = None, cash: str = "1000000",
        carry: Carry | None = None, start: str = "2008-03-03", apart: int = 1, skip: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        first = session_table("XNYS").session(start)
        assert first is not None
        begin = first.open_ns
        quotes = [
            Quote(AAPL, bid, ask, begin + i * apart * MINUTE, bid_size=size, ask_size=size, seq=i + 1)
            for i, (bid, ask, size) in enumerate(shown)
            if i not in skip
        ]
        told: list[Quote | Split] = [*quotes]
        if split is not None:  # between the first quote and the second
            told.insert(1, Split(ts=begin + apart * MINUTE - 1, symbol=AAPL, ratio=split, action_id="s"))
        instrument = Instrument(symbol=AAPL, tick=Decimal(tick), lot=Decimal(lot), multiplier=Decimal(multiplier))
        tape = Tape(told, [instrument], {AAPL: Shown("quotes", build=())}, start=0, table=session_table("XNYS"))
        settings = ExchangeSettings(
            latency_in_ns=0, latency_out_ns=0,
            floor=FloorSettings(slippage_bps=Decimal(slippage), fees=fees or Fees()),
            carry=carry or Carry(),
        )  # fmt: skip
        self.exchange = Exchange(tape, {ACCOUNT: Money(Decimal(cash))}, settings=settings)
        self.heard: list[Event] = []
        self.session: Session = self.exchange.login(ACCOUNT, "", self.heard.append, lambda _: None)
        self.show()

    def show(self) -> None:
        """The next quote, and what came of it."""
        self.exchange.advance_market(1)
        self.exchange.settle()

    def send(self, sent: Order) -> None:
        self.session.submit(sent)
        self.exchange.settle()

    @property
    def fills(self) -> list[tuple[Decimal, Decimal]]:
        return [(fill.qty, fill.price) for fill in self.heard if isinstance(fill, FillSeen)]


def market(side: Side, qty: str = "10") -> Order:
    return order(side, qty, account=ACCOUNT, symbol=AAPL)


def stop(price: str, *, limit: str | None = None) -> Order:
    kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    at = Price(Decimal(limit)) if limit is not None else None
    plain = market(Side.SELL)
    return Order(
        account=ACCOUNT, order_id=plain.order_id, decision_id=plain.decision_id, symbol=AAPL, side=Side.SELL, qty=Qty(Decimal(10)),
        type=kind, tif=Tif.GTC, stop=Price(Decimal(price)), limit=at, leg=plain.leg,
    )  # fmt: skip


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.15"), (Side.SELL, "99.90")])
def test_what_takes_a_price_pays_the_slippage(side: Side, price: str) -> None:
    """T2: 10 basis points of the shown price, rounded away from us to the grid: 100.04 becomes 100.14004, 100.00 becomes 99.90."""
    desk = Desk((100.0, 100.04, 1000), slippage="10")
    desk.send(market(side))
    assert desk.fills == [(Decimal(10), Decimal(price))]


def test_a_limit_holds_against_slippage_and_what_rested_fills_at_it() -> None:
    """T2: never worse than the limit."""
    desk = Desk((100.0, 100.04, 1000), (99.0, 99.02, 1000), slippage="10")
    desk.send(order(Side.BUY, "10", "100.08", account=ACCOUNT, symbol=AAPL))
    assert desk.fills == [(Decimal(10), Decimal("100.08"))]
    rests = Desk((100.0, 100.04, 1000), (99.0, 99.02, 1000), slippage="10")
    rests.send(order(Side.BUY, "10", "99.50", account=ACCOUNT, symbol=AAPL))
    rests.show()
    assert rests.fills == [(Decimal(10), Decimal("99.50"))]


def test_a_stop_over_which_the_price_leaps_fills_at_the_first_price_beyond() -> None:
    """T2: not at the stop, and with the slippage on top."""
    for slippage, price in (("0", "90.00"), ("10", "89.91")):
        desk = Desk((100.0, 100.04, 1000), (90.0, 90.04, 1000), slippage=slippage)
        desk.send(stop("95.00"))
        assert not desk.fills
        desk.show()
        assert desk.fills == [(Decimal(10), Decimal(price))]


def test_no_more_fills_than_is_shown_in_whole_lots() -> None:
    """T2: the rest goes on at the next quote; of a currency pair too, whose lots are small."""
    desk = Desk((100.0, 100.04, 4), (101.0, 101.04, 100))
    desk.send(market(Side.BUY))
    desk.show()
    assert desk.fills == [(Decimal(4), Decimal("100.04")), (Decimal(6), Decimal("101.04"))]
    small = Desk((1.23456, 1.23459, 0.257), (1.23457, 1.23460, 9.0), tick="0.00001", lot="0.01")
    small.send(market(Side.BUY, "0.3"))
    small.show()
    assert small.fills == [(Decimal("0.25"), Decimal("1.23459")), (Decimal("0.05"), Decimal("1.23460"))]


def test_a_price_off_the_instruments_own_grid_is_refused() -> None:
    """T2: the venue's grid is the instrument's."""
    desk = Desk((100.0, 100.25, 1000), tick="0.25")
    desk.send(order(Side.BUY, "10", "100.05", account=ACCOUNT, symbol=AAPL))
    assert [(e.code, e.text) for e in desk.heard if isinstance(e, OrderRejected)] == [
        ("BAD_PRICE", "limit 100.05 is not on the 0.25 grid")
    ]


@given(
    bps=st.integers(min_value=0, max_value=1000), cents=st.integers(min_value=1000, max_value=100_000), side=st.sampled_from(Side)
)  # fmt: skip
def test_slippage_is_never_a_gift(bps: int, cents: int, side: Side) -> None:
    """T2: at any price the fill is on the grid, at least so much worse, and less than a tick more."""
    bid = cents / 100
    desk = Desk((bid, round(bid + 0.02, 2), 1000), slippage=str(bps))
    desk.send(market(side))
    [(_, price)] = desk.fills
    shown = Decimal(repr(round(bid + 0.02, 2) if side is Side.BUY else bid))
    worse = (price - shown) * side.sign - shown * bps / 10_000
    assert price % Decimal("0.01") == 0
    assert 0 <= worse < Decimal("0.01")


def odd(kind: OrderType, qty: str, n: int) -> Order:
    """A sale that only reduces."""
    at = Price(Decimal(90)) if kind is OrderType.STOP else None
    return Order(
        account=ACCOUNT, order_id=OrderId(f"odd{n}"), decision_id=DecisionId("d"), symbol=AAPL, side=Side.SELL,
        qty=Qty(Decimal(qty)), type=kind, tif=Tif.DAY, stop=at, leg=Leg.EXIT, reduce_only=True,
    )  # fmt: skip


def held(desk: Desk) -> Decimal:
    return desk.exchange.positions(ACCOUNT).positions.get(AAPL, Qty(Decimal(0)))


def after_a_split() -> Desk:
    """15 shares become 15.75; ten are shown."""
    desk = Desk((100.0, 100.04, 1000), (66.6, 66.7, 10), (66.6, 66.7, 1000), (89.0, 89.1, 1000), split=1.05)
    desk.send(market(Side.BUY, "15"))
    desk.show()
    return desk


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.STOP])
def test_a_fraction_that_a_split_left_can_be_sold(kind: OrderType) -> None:
    """T2, F9: all of the position, off the lot grid, at the market and by a stop; it is named, and nothing is left."""
    desk = after_a_split()
    assert desk.exchange.fractions == [(AAPL, "2008-03-03", Decimal("0.75"))]
    assert held(desk) == Decimal("15.75")
    desk.send(odd(kind, "15.75", 1))
    desk.show()
    assert not [e for e in desk.heard if isinstance(e, OrderRejected)]
    assert held(desk) == 0


def test_part_of_an_odd_position_can_be_sold_and_nothing_else_is_off_the_grid() -> None:
    """T2: more than is held, and what opens a position, must be whole lots."""
    desk = after_a_split()
    desk.send(odd(OrderType.MARKET, "0.5", 1))
    assert held(desk) == Decimal("15.25")
    desk.send(odd(OrderType.MARKET, "15.5", 2))
    desk.send(odd(OrderType.MARKET, "15", 3))
    desk.show()
    assert held(desk) == Decimal("0.25")
    buy = order(Side.BUY, "0.5", account=ACCOUNT, symbol=AAPL, order_id=OrderId("buy"))
    desk.send(buy)
    assert [e.code for e in desk.heard if isinstance(e, OrderRejected)] == ["BAD_QTY", "BAD_QTY"]


def test_a_fraction_uses_up_a_lot_of_what_is_shown() -> None:
    """T2: the next order at the same quote trades whole lots."""
    desk = after_a_split()  # ten are shown
    desk.send(odd(OrderType.MARKET, "0.75", 1))
    desk.send(order(Side.SELL, "20", account=ACCOUNT, symbol=AAPL, order_id=OrderId("short")))
    assert [qty for qty, _ in desk.fills] == [15, Decimal("0.75"), 9]


def test_a_split_in_thirds_is_rounded_as_the_book_rounds_it() -> None:
    """F9: 15 thirds by a ratio that has no end are 5 whole shares on both sides."""
    desk = Desk((100.0, 100.04, 1000), (300.0, 300.1, 1000), split=1 / 3)
    desk.send(market(Side.BUY, "15"))
    desk.show()
    assert (held(desk), desk.exchange.fractions) == (Decimal(5), [])


money = st.integers(1, 500_000).map(lambda cents: Decimal(cents) / 100)
schedules = st.builds(
    Fees, per_share=st.sampled_from(["0", "0.005", "2"]).map(Decimal), minimum=st.sampled_from(["0", "1.00"]).map(Decimal),
    bps=st.sampled_from(["0", "0.3", "20"]).map(Decimal), maximum_bps=st.sampled_from(["0", "1", "100"]).map(Decimal),
)  # fmt: skip


@given(schedules, st.lists(st.tuples(st.integers(1, 900), money), min_size=1, max_size=6))
def test_a_fee_grows_as_an_order_fills_and_keeps_its_bounds(fees: Fees, parts: list[tuple[int, Decimal]]) -> None:
    """T2: never a refund, whole cents, the maximum above the minimum."""
    filled, value, last = Decimal(0), Decimal(0), Decimal(0)
    for qty, price in parts:
        filled, value = filled + qty, value + qty * price
        fee = fees.of(filled, value)
        assert fee >= last >= 0
        assert fee == fee.quantize(Decimal("0.01"))
        if fees.maximum_bps:
            assert fee <= value * fees.maximum_bps / 10_000 + Decimal("0.005")
        else:
            assert fee >= fees.minimum
        last = fee


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 40)), min_size=1, max_size=6),
    st.sampled_from(["0.1", "1", "10", "50"]), schedules, st.lists(st.integers(9_000, 11_000), min_size=6, max_size=6),
)  # fmt: skip
def test_contracts_conserve_every_cent(
    trades: list[tuple[Side, int]], multiplier: str, fees: Fees, cents: list[int]
) -> None:
    """O4, T2: long, short and through zero: cash is what there was less price x quantity x multiplier and fees, and the books of
    its owner, kept fill by fill, hold the same cash, the same position and the same equity at the same mark."""
    desk = Desk(*[(c / 100, c / 100, 25) for c in cents], multiplier=multiplier, fees=fees)
    unit, cash, kept = Decimal(multiplier), Decimal(1_000_000), None
    for i, (side, qty) in enumerate(trades):
        desk.send(order(side, str(qty), account=ACCOUNT, symbol=AAPL, order_id=OrderId(f"o{i}")))
        if i < len(cents) - 1:
            desk.show()
    owned = Decimal(1_000_000)
    for fill in [f for f in desk.heard if isinstance(f, FillSeen)]:
        cash -= fill.price * fill.qty * unit * fill.side.sign + fill.fee
        posting = post_fill(kept, AAPL, fill.side, fill.qty, fill.price, fill.fee, multiplier=unit)
        kept, owned = posting.position, owned + posting.cash
    mine = desk.exchange.floor.accounts[ACCOUNT]
    assert mine.cash == cash == owned
    assert held(desk) == (kept.qty if kept is not None else 0)
    worth = cash + (market_value(kept, desk.exchange.floor.mid(AAPL)) if kept is not None else 0)
    assert desk.exchange.floor.equity(mine) == worth.quantize(Decimal("0.01"))


def test_credit_counts_the_multiplier() -> None:
    """T2: twice the equity, of what contracts are worth."""
    desk = Desk((100.0, 100.0, 1000), multiplier="50", cash="10000")
    desk.send(order(Side.BUY, "5", account=ACCOUNT, symbol=AAPL, order_id=OrderId("five")))
    assert [(e.code, e.text) for e in desk.heard if isinstance(e, OrderRejected)] == [
        ("INSUFFICIENT_FUNDS", "need 25000.00, have 20000.00")
    ]
    desk.send(order(Side.BUY, "4", account=ACCOUNT, symbol=AAPL, order_id=OrderId("four")))
    assert held(desk) == 4
