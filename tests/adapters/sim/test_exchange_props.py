"""Laws of the venue's accounting, under every order and every fault."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.sim.venue import AAPL, ACCOUNT, exchange
from tradingd.core.events import Event, FillSeen, OrderAccepted, OrderRejected
from tradingd.core.types import DecisionId, Leg, Order, OrderId, OrderType, Price, Qty, Side, Tif
from tradingd.ports import LinkDown
from tradingd_adapters.sim.accounts import Arrival, Execution
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.faults import Fault, Faults

TRUE_TRADES = [f for f in Fault if f is not Fault.OVERFILL]
orders = st.fixed_dictionaries(
    {
        "n": st.integers(1, 12),  # few ids, so that many are sent twice
        "side": st.sampled_from(Side),
        "qty": st.integers(1, 90_000),
        "type": st.sampled_from(OrderType),
        "tif": st.sampled_from(Tif),
        "off": st.integers(-300, 300),
        "reduce_only": st.booleans(),
    }
)
actions = st.lists(
    st.one_of(
        orders, st.integers(1, 12), st.sampled_from(["quote", "login", "leave", "cancel all"]),
    ), min_size=1, max_size=30,
)  # fmt: skip
faults = st.dictionaries(st.sampled_from(TRUE_TRADES), st.sampled_from([0.1, 0.5]), max_size=4)


def make(spec: dict[str, object], price: float) -> Order:
    kind = spec["type"]
    near = Price((Decimal(repr(price)) + Decimal(str(spec["off"])) / 100).quantize(Decimal("0.01")))
    return Order(
        account=ACCOUNT, order_id=OrderId(f"demo.{spec['n']}.e"), decision_id=DecisionId("d1"), symbol=AAPL,
        side=Side(spec["side"]), qty=Qty(Decimal(spec["qty"])), type=OrderType(kind), tif=Tif(spec["tif"]), leg=Leg.ENTRY,
        limit=near if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
        stop=near if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
        trail=Price(Decimal("0.50")) if kind is OrderType.TRAILING else None, reduce_only=bool(spec["reduce_only"]),
    )  # fmt: skip


def play(venue: Exchange, script: list[object]) -> list[Event]:
    heard: list[Event] = []
    session = venue.login(ACCOUNT, "", heard.append, lambda _: None)
    venue.advance_market(3)
    for act in script:
        try:
            if isinstance(act, dict):
                session.submit(make(act, float(venue.floor.mid(AAPL))))
            elif isinstance(act, int):
                session.cancel(OrderId(f"demo.{act}.e"))
            elif act == "quote":
                venue.advance_market(2)
            elif act == "login":
                session = venue.login(ACCOUNT, "", heard.append, lambda _: None)
            elif act == "leave":
                session.end("left")
            else:
                for o in venue.open_orders(ACCOUNT):
                    session.cancel(o.order_id)
        except LinkDown:
            session = venue.login(ACCOUNT, "", heard.append, lambda _: None)
    venue.run_until(venue.now + 1_000_000_000)
    return heard


@settings(max_examples=60)
@given(actions, faults, st.integers(0, 999))
def test_cash_and_position_are_the_sum_of_executions(
    script: list[object], rates: dict[Fault, float], seed: int
) -> None:
    """O4: whatever is lost, doubled or reordered on the way, the venue's own books balance to the cent."""
    venue = exchange(faults=Faults(seed, rates))
    play(venue, script)
    mine = venue.floor.accounts[ACCOUNT]
    done = [r for r in venue.records if isinstance(r, Execution)]
    assert mine.fills == done
    assert mine.position(AAPL) == sum((x.qty * x.side.sign for x in done), Decimal(0))
    assert mine.cash == Decimal(1_000_000) - sum((x.qty * x.price * x.side.sign + x.fee for x in done), Decimal(0))


@settings(max_examples=60)
@given(actions, faults, st.integers(0, 999))
def test_cursors_are_dense_and_execution_ids_unique(script: list[object], rates: dict[Fault, float], seed: int) -> None:
    """D11."""
    venue = exchange(faults=Faults(seed, rates))
    play(venue, script)
    fills = venue.fills(ACCOUNT)
    assert [f.cursor for f in fills] == list(range(1, len(fills) + 1))
    assert len({f.exec_id for f in fills}) == len(fills)


@settings(max_examples=60)
@given(actions, faults, st.integers(0, 999))
def test_a_client_id_is_one_order_that_never_fills_beyond_its_quantity(
    script: list[object], rates: dict[Fault, float], seed: int
) -> None:
    """O2, A10, A12: every arrival after the first is a resend."""
    venue = exchange(faults=Faults(seed, rates))
    play(venue, script)
    mine = venue.floor.accounts[ACCOUNT]
    first = [
        r.order_id for r in venue.records
        if isinstance(r, Arrival) and r.kind == "submit" and r.outcome not in {"resend", "fenced"}
    ]  # fmt: skip
    assert len(first) == len(set(first)) == len(mine.orders)
    for order_id, order in mine.orders.items():
        filled = sum((f.qty for f in mine.fills if f.order_id == order_id), Decimal(0))
        assert filled == order.cum <= order.qty
        assert (order.status == "filled") == (order.cum == order.qty and order.status != "rejected")


@settings(max_examples=60)
@given(actions, st.integers(0, 999))
def test_without_faults_all_that_happened_to_a_connected_client_was_told(script: list[object], seed: int) -> None:
    """B4: each execution once, each order accepted or rejected."""
    script = [a for a in script if a not in ("login", "leave")]
    venue = exchange(faults=Faults(seed))
    heard = play(venue, script)
    assert [e for e in heard if isinstance(e, FillSeen)] == venue.fills(ACCOUNT)
    judged = {e.order_id for e in heard if isinstance(e, OrderAccepted | OrderRejected)}
    assert judged == set(venue.floor.accounts[ACCOUNT].orders)


@settings(max_examples=40)
@given(actions, faults, st.integers(0, 999))
def test_the_same_seed_and_script_give_the_same_records(
    script: list[object], rates: dict[Fault, float], seed: int
) -> None:
    """A run repeats exactly."""
    one, two = (exchange(faults=Faults(seed, rates)) for _ in range(2))
    play(one, script)
    play(two, script)
    assert one.records == two.records
