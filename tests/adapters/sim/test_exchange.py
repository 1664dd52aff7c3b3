"""The venue's own behaviour beyond what every adapter must answer: faults, corporate actions, time, records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.sim.venue import AAPL, ACCOUNT, exchange
from tradingd.core.events import (
    Dividend,
    Event,
    FillSeen,
    InstrumentStatus,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    Quote,
    Split,
)  # fmt: skip
from tradingd.core.types import (
    NS,
    AccountId,
    DecisionId,
    Leg,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
)
from tradingd.ports import LinkDown, VenueRefused
from tradingd_adapters.sim.accounts import Adjusted, Arrival, Record
from tradingd_adapters.sim.exchange import MEMORY_NS, Exchange, ExchangeSettings
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.floor import FloorSettings
from tradingd_adapters.sim.market import Market
from tradingd_adapters.sim.session import Session


class Client:
    def __init__(self, venue: Exchange) -> None:
        self.venue = venue
        self.heard: list[Event] = []
        self.ended: list[str] = []
        self.session = self.login()

    def login(self, key: str = "") -> Session:
        self.session = self.venue.login(ACCOUNT, key, self.heard.append, self.ended.append)
        return self.session

    def send(self, n: int, side: Side = Side.BUY, qty: int = 100, **over: Any) -> OrderId:
        fields: dict[str, Any] = {"type": OrderType.MARKET, "tif": Tif.DAY, "symbol": AAPL}
        order_id = OrderId(f"demo.{n}.e")
        self.session.submit(Order(
            account=ACCOUNT, order_id=order_id, decision_id=DecisionId(f"d{n}"), side=side, qty=Qty(Decimal(qty)),
            leg=Leg.ENTRY, **{**fields, **over}))  # fmt: skip
        return order_id

    def settle(self) -> None:
        self.venue.run_until(self.venue.now + 100_000_000)

    def all(self, kind: type) -> list[Any]:
        return [e for e in self.heard if isinstance(e, kind)]


def trading(**over: Any) -> Client:
    client = Client(exchange(**over))
    client.venue.advance_market(2)
    return client


def truth(client: Client, symbol: Symbol = AAPL) -> Decimal:
    return client.venue.floor.accounts[ACCOUNT].position(symbol)


def test_messages_take_their_time_and_next_ts_says_when() -> None:
    """2 ms there, 2 ms back; run_next makes one thing happen at a time."""
    client = trading()
    start = client.venue.now
    client.send(1)
    assert client.venue.next_ts() == start + 2_000_000
    client.venue.run_next()
    assert truth(client) == 100
    assert client.all(FillSeen) == []
    assert client.venue.next_ts() == start + 4_000_000
    client.venue.run_next()
    client.venue.run_next()
    assert len(client.all(FillSeen)) == 1


def test_the_market_goes_on_with_nobody_connected() -> None:
    venue = exchange()
    assert venue.advance_market(79) == 79
    assert venue.advance_market(10_000) == 79 * 2
    assert venue.next_ts() is None


def test_in_flight_messages_of_a_fenced_session_never_arrive_those_of_an_ended_one_do() -> None:
    """A13, A20: a session that merely ended is not fenced; a new login is the fence."""
    client = trading()
    client.send(1)
    client.session.end("gone")
    client.settle()
    assert truth(client) == 100
    client.login()
    client.send(2)
    client.login()
    client.settle()
    assert truth(client) == 100
    assert [r.outcome for r in client.venue.records if isinstance(r, Arrival) and r.kind == "submit"] == [
        "accepted",
        "fenced",
    ]


def test_a_wrong_key_is_refused() -> None:
    """D7."""
    venue = exchange()
    venue.keys[ACCOUNT] = "right"
    with pytest.raises(VenueRefused):
        venue.login(ACCOUNT, "wrong", lambda _: None, lambda _: None)
    with pytest.raises(VenueRefused):
        venue.login(AccountId("nobody"), "right", lambda _: None, lambda _: None)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"symbol": Symbol("NOSUCH")}, "UNKNOWN_SYMBOL"),
        ({"qty": 0}, "BAD_QTY"),
        ({"type": OrderType.LIMIT}, "BAD_PRICE"),
        ({"type": OrderType.LIMIT, "limit": Price(Decimal("10.005"))}, "BAD_PRICE"),
        ({"type": OrderType.STOP}, "BAD_PRICE"),
        ({"type": OrderType.TRAILING}, "BAD_PRICE"),
        ({"qty": 100_000_000}, "INSUFFICIENT_FUNDS"),
        ({"reduce_only": True}, "REDUCE_ONLY"),
    ],
)
def test_refusals(over: dict[str, Any], code: str) -> None:
    """O8."""
    client = trading()
    client.send(1, **over)
    client.settle()
    assert [e.code for e in client.all(OrderRejected)] == [code]
    assert client.venue.query(ACCOUNT, OrderId("demo.1.e")).status == "rejected"  # type: ignore[union-attr]


def test_outside_the_session_a_market_order_waits_or_is_refused_by_setting() -> None:
    """O8: MARKET_CLOSED, queue or reject."""
    for closed, outcome in (("queue", 1), ("reject", 0)):
        settings = ExchangeSettings(floor=FloorSettings(closed=closed))
        venue = Exchange(
            Market(start="2005-03-07", end="2005-03-07"), {ACCOUNT: Money(Decimal(100_000))}, settings=settings
        )
        client = Client(venue)
        client.send(1)
        client.settle()
        assert [e.code for e in client.all(OrderRejected)] == ["MARKET_CLOSED"] * (1 - outcome)
        venue.advance_market(8)
        client.settle()
        assert len(client.all(FillSeen)) == outcome


def test_a_trailing_stop_follows_the_market_and_never_moves_back() -> None:
    """O1."""
    client = trading()
    client.send(1)
    client.settle()
    client.send(2, Side.SELL, type=OrderType.TRAILING, trail=Price(Decimal("1.00")), tif=Tif.GTC)
    client.settle()
    for bid in ("50.00", "52.00", "51.50", "51.01"):
        show(client, bid)
    assert client.venue.query(ACCOUNT, OrderId("demo.2.e")).stop == Decimal("51.00")  # type: ignore[union-attr]
    assert truth(client) == 100
    show(client, "50.90")
    assert truth(client) == 0
    assert client.venue.fills(ACCOUNT)[-1].price == Decimal("50.90")


def show(client: Client, bid: str) -> None:
    client.venue.show(Quote(AAPL, float(bid), float(bid) + 0.02, client.venue.now, bid_size=9999, ask_size=9999))
    client.settle()


def test_a_stop_limit_does_not_fill_beyond_its_limit() -> None:
    """O1: the gap passes the limit; the order rests there and fills when the price comes back, at its limit."""
    client = trading()
    client.send(1)
    client.settle()
    show(client, "60.00")
    limit = Price(Decimal("58.00"))
    client.send(2, Side.SELL, type=OrderType.STOP_LIMIT, stop=Price(Decimal("59.00")), limit=limit)
    client.settle()
    show(client, "55.00")
    assert truth(client) == 100
    show(client, "58.30")
    assert (truth(client), client.venue.fills(ACCOUNT)[-1].price) == (0, limit)


def test_a_split_doubles_the_position_cancels_what_works_and_is_told_again_after_login() -> None:
    """F9, D12: AAPL 2005-02-28; action_id counts once."""
    client = Client(exchange(start="2005-02-25", end="2005-02-28"))
    client.venue.advance_market(2)
    client.send(1)
    client.send(2, Side.SELL, type=OrderType.STOP, stop=Price(Decimal("40.00")), tif=Tif.GTC)
    client.settle()
    cash = client.venue.account(ACCOUNT).cash
    client.venue.advance_market(78)
    client.settle()
    assert truth(client) == 200
    assert client.venue.account(ACCOUNT).cash == cash
    assert [e.order_id for e in client.all(OrderCancelled)] == ["demo.2.e"]
    client.login()
    client.settle()
    ids = [e.action_id for e in client.all(Split)]
    assert ids == ["split-AAPL-2005-02-28"] * 2


def test_a_dividend_is_credited_to_the_true_holder_before_the_open() -> None:
    """T2: AAPL 2012-08-09, 2.635 a share."""
    client = Client(exchange(start="2012-08-08", end="2012-08-09"))
    client.venue.advance_market(2)
    client.send(1)
    client.settle()
    cash = client.venue.account(ACCOUNT).cash
    client.venue.advance_market(78)
    assert [e.amount for e in client.all(Dividend)] == [Decimal("263.50")]
    assert client.venue.account(ACCOUNT).cash == cash + Decimal("263.50")


def test_double_execution_and_overfill_differ_in_what_is_true() -> None:
    """D9, A17: the first is only told twice, the second really happened."""
    client = trading()
    client.venue.faults.arm(Fault.DOUBLE_EXECUTION)
    client.send(1)
    client.settle()
    told = client.all(FillSeen)
    assert [f.exec_id for f in told] == ["X-000001", "X-000001-again"]
    assert truth(client) == 100
    client.venue.faults.arm(Fault.OVERFILL)
    client.send(2, Side.SELL)
    client.settle()
    assert truth(client) == -1
    assert client.venue.fills(ACCOUNT)[-1].qty == 101


def test_a_halted_symbol_takes_no_orders_and_fills_nothing_until_resumed() -> None:
    """F7: cancels still go."""
    client = trading()
    client.send(1, type=OrderType.LIMIT, limit=Price(Decimal("1.00")))
    client.settle()
    client.venue.halt(AAPL, "LULD")
    client.send(2)
    client.settle()
    shown = len(client.all(Quote))
    client.venue.advance_market(5)
    client.session.cancel(OrderId("demo.1.e"))
    client.settle()
    assert [e.code for e in client.all(OrderRejected)] == ["SYMBOL_NOT_TRADABLE"]
    assert len(client.all(Quote)) == shown
    assert len(client.all(OrderCancelled)) == 1
    client.venue.resume(AAPL)
    client.venue.advance_market(1)
    assert [e.tradable for e in client.all(InstrumentStatus)] == [False, True]
    assert len(client.all(Quote)) == shown + 1


def test_drift_moves_the_position_without_a_fill_and_is_on_record() -> None:
    """D24."""
    client = trading()
    client.venue.drift(ACCOUNT, AAPL, Qty(Decimal(-7)))
    assert truth(client) == -7
    assert client.venue.positions(ACCOUNT).cursor == 0
    assert [(r.why, r.qty) for r in client.venue.records if isinstance(r, Adjusted)] == [("drift", -7)]


def test_delayed_visibility_hides_a_new_order_from_queries_only() -> None:
    """A13."""
    client = Client(exchange(faults=Faults(visibility_ns=20 * NS)))
    client.venue.advance_market(2)
    order = client.send(1, type=OrderType.LIMIT, limit=Price(Decimal("1.00")))
    client.settle()
    assert client.venue.query(ACCOUNT, order) is None
    assert client.all(OrderAccepted)
    client.venue.run_until(client.venue.now + 20 * NS)
    assert client.venue.query(ACCOUNT, order) is not None


def test_silence_that_ends_in_time_does_not_end_the_session() -> None:
    """D2: given up after 10 s without a word, counted anew each time."""
    client = trading()
    client.venue.faults.silence = True
    client.send(1)
    client.venue.run_until(client.venue.now + 5 * NS)
    client.venue.faults.silence = False
    client.send(2)
    client.venue.run_until(client.venue.now + 20 * NS)
    assert client.ended == []
    client.venue.faults.silence = True
    client.send(3)
    client.venue.run_until(client.venue.now + 11 * NS)
    assert client.ended == ["silence for 10 s"]
    with pytest.raises(LinkDown):
        client.send(4)


def test_faults_repeat_exactly_from_their_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed, {Fault.LOSE_ACK: 0.3})
        return [faults.hit(Fault.LOSE_ACK) for _ in range(500)]

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert 100 < sum(run(7)) < 200


def test_a_crossed_quote_is_shown_but_nothing_trades_on_it() -> None:
    """F2."""
    client = trading()
    client.venue.faults.arm(Fault.CROSSED)
    client.venue.advance_market(1)
    quote = client.all(Quote)[-1]
    assert quote.bid > quote.ask


def test_a_venue_that_keeps_no_records_still_writes_them() -> None:
    """Years of a demo need not stay in memory; a log file gets each record all the same."""
    written: list[Record] = []
    market = Market(start="2008-01-02", end="2008-01-03")
    venue = Exchange(market, {ACCOUNT: Money(Decimal(100_000))}, record=written.append, keep=False)
    client = Client(venue)
    venue.advance_market(3)
    client.send(1)
    client.settle()
    assert venue.records == []
    assert {"login", "submit"} <= {r.kind for r in written if isinstance(r, Arrival)}


def _traded_for_months(*, keep: bool) -> Client:
    """Orders 1 and 2 trade at the beginning, 3 is refused, 4 rests for good; 5 trades when all that is long ago."""
    market = Market(start="2005-03-07", end="2005-07-29", symbols=[AAPL])
    client = Client(Exchange(market, {ACCOUNT: Money(Decimal(1_000_000))}, keep=keep))
    client.venue.advance_market(3)
    for n in (1, 2):
        client.send(n)
    client.send(3, qty=0)
    client.send(4, Side.SELL, type=OrderType.STOP, tif=Tif.GTC, stop=Price(Decimal("0.01")))
    client.settle()
    client.venue.run_until(client.venue.now + MEMORY_NS + 4 * 86_400 * NS)
    while not client.venue.floor.open:
        client.venue.run_next()
    client.send(5)
    client.settle()
    return client


def test_what_ended_long_ago_is_forgotten_where_no_records_are_kept() -> None:
    """Years of a demo must not stay in memory: beyond MEMORY_NS the venue says so, and its numbers go on as they were."""
    client = _traded_for_months(keep=False)
    venue = client.venue
    assert [f.cursor for f in client.all(FillSeen)] == [1, 2, 3]
    assert [f.cursor for f in venue.fills(ACCOUNT, 2)] == [3]
    for since in (0, 1):
        with pytest.raises(VenueRefused, match=f"HISTORY: executions {since + 1} to 2 are kept no longer"):
            venue.fills(ACCOUNT, since)
    assert venue.positions(ACCOUNT).cursor == 3
    assert venue.positions(ACCOUNT).positions == {AAPL: 300}
    known = {n: venue.query(ACCOUNT, OrderId(f"demo.{n}.e")) for n in range(1, 6)}
    assert [n for n, report in known.items() if report is not None] == [4, 5]
    assert [o.order_id for o in venue.open_orders(ACCOUNT)] == ["demo.4.e"]


def test_a_venue_that_keeps_its_records_forgets_nothing() -> None:
    """The same months with everything kept."""
    venue = _traded_for_months(keep=True).venue
    assert [f.cursor for f in venue.fills(ACCOUNT)] == [1, 2, 3]
    known = {n: venue.query(ACCOUNT, OrderId(f"demo.{n}.e")) for n in range(1, 6)}
    assert None not in known.values()


def test_what_ended_within_memory_is_still_told() -> None:
    """The day on which it is forgotten is the first one after MEMORY_NS."""
    market = Market(start="2005-03-07", end="2005-07-29", symbols=[AAPL])
    client = Client(Exchange(market, {ACCOUNT: Money(Decimal(1_000_000))}, keep=False))
    client.venue.advance_market(3)
    client.send(1)
    client.settle()
    done = client.venue.fills(ACCOUNT)[0].ts
    client.venue.run_until(done + MEMORY_NS)
    assert [f.cursor for f in client.venue.fills(ACCOUNT)] == [1]
    client.venue.run_until(done + MEMORY_NS + 4 * 86_400 * NS)
    with pytest.raises(VenueRefused, match="HISTORY"):
        client.venue.fills(ACCOUNT)
