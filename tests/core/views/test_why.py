"""Why: the chain of a decision in words; each reason has its sentence; what blocks a symbol now. E11, H3."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.orders import order as order_of
from tradingd.core.facts import (
    Anomaly,
    AnyFact,
    CancelIntended,
    Check,
    Decided,
    Fact,
    Filled,
    Kind,
    OrderIntended,
    OrderMoved,
    Outcome,
    Pools,
    Reason,
    ReserveKind,
    ReserveMoved,
    StopSet,
)
from tradingd.core.types import (
    NS,
    AccountId,
    DecisionId,
    ExecId,
    Leg,
    Money,
    OrderId,
    Price,
    Qty,
    Side,
    Symbol,
    TierName,
    TradingState,
    VenueOrderId,
)
from tradingd.core.views.blocks import blocks, left
from tradingd.core.views.page import AccountView, BrokerView, HoldView, PositionView, SessionView, TripView
from tradingd.core.views.reasons import WORDS, measure, number, remedy, sentence, utc
from tradingd.core.views.why import explain, needles

A = AccountId("demo-1")
IBM = Symbol("IBM")
T0 = 1_223_303_700 * NS  # 2008-10-06 14:35:00Z


def decided(seq: int, *, at: int = 0, **changes: object) -> Decided:
    base = Decided(
        ts=T0 + at * NS,
        account=A,
        decision_id=DecisionId(f"d{seq}"),
        seq=seq,
        kind=Kind.ENTRY,
        symbol=IBM,
        side=Side.BUY,
        outcome=Outcome.ACT,
        source="strategy:trend",
        cause="trend:IBM:1",
        headline=None,
        reasons=(),
        checks=(Check("position_share", 0.04, 0.1, True), Check("order_qty", 10.0, 1000.0, True)),
        pools=Pools(100_000.0, 90_000.0, 10_000.0, 80_000.0),
        tier=TierName.MODERATE,
        heat=0.012,
        breaker="closed",
        state=TradingState.ACTIVE,
        confidence=0.71,
        thesis="above the 20-day high",
        qty=Qty(Decimal(10)),
        notional=Money(Decimal("1001.00")),
        ref_price=100.1,
        stop=Price(Decimal("96.00")),
        target=Price(Decimal("108.20")),
        atr=2.05,
        orders=(OrderId(f"demo-1.{seq}.e"),),
    )
    return msgspec.structs.replace(base, **changes)


def intended(seq: int, leg: Leg, side: Side, at: int) -> OrderIntended:
    order = order_of(
        side,
        account=A,
        order_id=OrderId(f"demo-1.{seq}.{leg.value}"),
        decision_id=DecisionId(f"d{seq}"),
        symbol=IBM,
        leg=leg,
    )
    return OrderIntended(ts=T0 + at * NS, account=A, order=order)


def filled(order: str, side: Side, price: str, at: int, realised: str = "0", qty: int = 10) -> Filled:
    return Filled(
        ts=T0 + at * NS,
        account=A,
        order_id=OrderId(order),
        exec_id=ExecId(f"x-{order}-{at}"),
        symbol=IBM,
        side=side,
        qty=Qty(Decimal(qty)),
        price=Price(Decimal(price)),
        fee=Money(Decimal("1.00")),
        realised=Money(Decimal(realised)),
    )


LIFE: tuple[Fact, ...] = (
    decided(12),
    intended(12, Leg.ENTRY, Side.BUY, 0),
    OrderMoved(
        ts=T0 + NS,
        account=A,
        order_id=OrderId("demo-1.12.e"),
        frm="intended",
        to="live",
        venue_order_id=VenueOrderId("V-000007"),
    ),
    filled("demo-1.12.e", Side.BUY, "100.12", 2),
    StopSet(
        ts=T0 + 2 * NS,
        account=A,
        symbol=IBM,
        stop=Price(Decimal("96.00")),
        target=Price(Decimal("108.20")),
        entry=Price(Decimal("100.12")),
        atr=2.05,
        multiplier=2.0,
        reward_risk=2.0,
        trailing=False,
        why="entry",
    ),
    intended(12, Leg.PROTECT, Side.SELL, 3),
    CancelIntended(ts=T0 + 900 * NS, account=A, order_id=OrderId("demo-1.12.p"), why="target reached"),
    decided(
        15,
        at=900,
        kind=Kind.EXIT,
        side=Side.SELL,
        source="target",
        cause="demo-1.12.e",
        orders=(OrderId("demo-1.15.x"),),
        confidence=None,
        thesis="",
    ),
    intended(15, Leg.EXIT, Side.SELL, 900),
    filled("demo-1.15.x", Side.SELL, "108.25", 901, realised="81.30"),
    ReserveMoved(
        ts=T0 + 901 * NS,
        account=A,
        kind=ReserveKind.PROFIT_SIPHON,
        amount=Money(Decimal("20.32")),
        balance=Money(Decimal("10020.32")),
        reference="x-demo-1.15.x-901",
    ),
    decided(19, at=2000),
    filled("demo-1.19.e", Side.BUY, "107.00", 2001),
)


def text(key: str, facts: tuple[Fact, ...] = LIFE, **more: object) -> str:
    return "\n".join(explain(key, facts, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_plain_sentence_and_a_remedy(reason: Reason) -> None:
    """E11: a new reason without words fails here."""
    for words in (sentence(reason), remedy(reason)):
        assert len(words) > 8
        assert words[0].islower()
        assert not words.endswith(".")
        assert (
            "_" not in words.replace("max_", "").replace("_pct", "").replace("_loss", "").replace("_drawdown", "")
            or "risk." in words
        )
    assert len({meaning for meaning, _ in WORDS.values()}) == len(WORDS)


def test_the_steps_from_the_allocation_to_the_order_are_told() -> None:
    """E11, E15: shares of the pool, money, and a step nobody has words for yet; of a micro-trade it is said that it is one."""
    steps = (("micro_cap", 0.0486, 0.03), ("sector", 2700.0, 1500.5), ("some_other", 0.03, 0.015))
    told = text("d12", (decided(12, micro=True, adjustments=steps),))
    assert "micro-trade, entry buy 10 IBM: acted" in told
    assert "from the raw allocation to the order:" in told
    assert "the ceiling of a micro-trade: 4.86 % -> 3.00 %" in told
    assert "room left in the sector: 2,700.00 -> 1,500.50" in told
    assert "some other: 3.00 % -> 1.50 %" in told
    assert "from the raw" not in text("d12", (decided(12),))


@pytest.mark.parametrize("key", ["demo-1.12.e", "demo-1.12.p", "d12", "trend:IBM:1"])
def test_the_whole_chain_of_an_entry_is_told(key: str) -> None:
    """E11, E5: cause, checks with value and limit, size, order, fill, stop, exit, realised, reserve; by any of its ids."""
    told = text(key, LIFE if key != "trend:IBM:1" else LIFE[:-2])
    steps = [
        "d12  2008-10-06 14:35:00Z  demo-1  entry buy 10 IBM: acted",
        "because of strategy:trend (trend:IBM:1), confidence 0.71",
        "thesis: above the 20-day high",
        "tier moderate, breaker closed, heat 1.20 %, equity 100,000.00 (active 90,000.00",
        "passed   position share: 4.00 % against 10.00 %",
        "passed   order qty: 10 against 1,000",
        "size: 10 at about 100.1 = 1,001.00",
        "planned: stop 96.00, target 108.20",
        "order demo-1.12.e: market buy 10, to be sent",
        "intended -> live, venue id V-000007",
        "filled buy 10 at 100.12, fee 1.00",
        "order demo-1.12.p: cancel asked (target reached)",
        "stop 96.00, target 108.20 (entry)",
        "exit d15 by target: acted",
        "order demo-1.15.x: filled sell 10 at 108.25, fee 1.00, realised 81.30",
        "flat again: realised 81.30, fees 2.00, net 79.30",
        "reserve profit_siphon 20.32, balance 10020.32",
    ]
    at = 0
    for step in steps:
        assert step in told[at:], f"{step!r} missing or out of order in:\n{told}"
        at = told.index(step, at)


def test_a_breaker_that_is_not_tripped_is_said_to_be_closed() -> None:
    """E11: the core writes no word for it."""
    [line] = [told for told in explain("d1", [decided(1, breaker="")]) if "at that moment" in told]
    assert ", breaker closed, heat 1.20 %" in line


def test_what_happens_after_the_position_is_flat_is_another_story() -> None:
    assert "107.00" not in text("d12")


def test_an_open_position_is_said_to_be_open() -> None:
    assert "still open: 10 IBM" in text("d12", LIFE[:6])


def test_an_exit_tells_its_own_chain_with_the_reserve() -> None:
    """E5: the siphon belongs to the fill that realised the profit."""
    told = text("d15")
    assert "exit sell 10 IBM: acted" in told
    assert "because of target (demo-1.12.e)" in told
    assert "reserve profit_siphon 20.32" in told


def test_a_refusal_lists_every_failed_check_with_its_numbers_and_what_would_have_to_change() -> None:
    """E11, R1: all reasons, not only the first."""
    refusal = decided(
        13,
        outcome=Outcome.SKIP,
        headline=Reason.LOW_CONFIDENCE,
        reasons=(Reason.LOW_CONFIDENCE, Reason.POSITION_LIMIT, Reason.STALE_PRICE),
        checks=(
            Check("confidence", 0.61, 0.65, False, Reason.LOW_CONFIDENCE),
            Check("position_share", 0.123, 0.1, False, Reason.POSITION_LIMIT),
            Check("price_age_s", 12.5, 5.0, False, Reason.STALE_PRICE),
            Check("sector_share", None, 0.3, None),
        ),
        orders=(),
    )
    told = text("d13", (refusal,))
    assert "entry buy IBM: REFUSED" in told
    assert "refused: the confidence is below the tier's bar (low_confidence) [confidence: 0.61 against 0.65]" in told
    assert "position share: 12.30 % against 10.00 %" in told
    assert "[price age s: 12.5 against 5]" in told
    assert told.count("would have to change:") == 3
    assert "not made sector share: not known against 30.00 %" in told


def test_an_anomaly_of_the_order_is_not_kept_quiet() -> None:
    fact = Anomaly(ts=T0, account=A, kind="overfill", subject="demo-1.12.e", detail="11 of 10")
    assert "ANOMALY overfill: 11 of 10" in text("d12", (*LIFE, fact))


def test_accounts_are_not_mixed_up() -> None:
    """d12 of another account is another decision, told apart by its account."""
    other = [msgspec.structs.replace(f, account=AccountId("demo-2")) for f in LIFE[:1]]
    told = explain("d12", [*LIFE, *other])
    assert [line.split("  ")[2] for line in told if line.startswith("d12")] == ["demo-1", "demo-2"]
    assert "\n".join(told).count("flat again") == 1


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    """J13: escapes and line ends in a thesis, source or broker text are gone; one fact stays one line."""
    evil = "\x1b[2J\nd99  fake: acted\r\x9b31m"
    told = explain("d12", [decided(12, thesis=evil, source=evil, cause=evil, symbol=Symbol(evil), breaker=evil)])
    assert not any(c in line for line in told for c in "\x1b\n\r\x9b")
    assert not any(line.startswith("d99") for line in told)


def test_nothing_is_said_about_what_is_not_known() -> None:
    assert explain("d77", LIFE) == []
    assert explain("MSFT", LIFE) == []
    assert explain("demo-1.77.e", LIFE) == []


# a symbol -------------------------------------------------------------------------------------------------------------


def account(**changes: object) -> AccountView:
    broker = BrokerView(name="sim", up=True, why="", last_event_ts=None, last_reconcile_ts=None, unknown_orders=0)
    base = AccountView(
        account="demo-1",
        currency="USD",
        state="active",
        holds=(),
        tier="moderate",
        breaker=(),
        equity=1.0,
        active=1.0,
        reserve="0",
        cash="1",
        heat=0.0,
        day_pnl=0.0,
        day_pnl_ratio=0.0,
        drawdown=0.0,
        realised="0",
        fees="0",
        broker=broker,
        positions=(),
        orders=(),
        decisions=(),
        limits=(),
        alerts=(),
        counts={},
        refusals={},
    )
    return msgspec.structs.replace(base, **changes)


POSITION = PositionView(
    symbol="IBM",
    qty="10",
    avg_price="100.12",
    mark=101.0,
    mark_ts=T0,
    value=1010.0,
    unrealised=8.8,
    realised="0",
    sector="tech",
    stop="96.00",
    target="108.20",
    trailing=False,
    protective="live",
    drift="7",
    confidence=0.7,
    opened_ts=T0,
)


def test_a_symbol_tells_its_last_decisions_newest_first_and_what_it_waits_for() -> None:
    """H3: the answer to "why did nothing happen?"."""
    told = explain("IBM", LIFE, account())
    assert told[0] == "IBM: 3 decisions"
    assert [line.split()[2] for line in told[1:4]] == ["d19", "d15", "d12"]
    assert told[-2:] == ["  now:", "    nothing blocks it: no recommendation for it has come (no signal)"]


HOLD = HoldView(key="operator", verb="pause", state="reducing", actor="uid:7(ann)", reason="lunch", ts=T0)
TRIP = TripView(kind="daily_loss", symbol=None, threshold=0.02, actual=0.021, ts=T0, until=T0 + 135 * 60 * NS)
DOWN = BrokerView(name="sim", up=False, why="silence", last_event_ts=None, last_reconcile_ts=None, unknown_orders=2)
SHUT = SessionView(calendar="XNYS", open=False, in_window=False, next_window=T0 + 60 * NS)
BLOCKS = [
    ({"holds": (HOLD,), "state": "reducing"}, None, "reducing since 2008-10-06 14:35:00Z by uid:7(ann) (pause: lunch)"),
    ({"holds": (msgspec.structs.replace(HOLD, until=T0 + NS),)}, None, ", until 2008-10-06 14:35:01Z"),
    ({"breaker": (TRIP,)}, None, "circuit breaker (daily loss) until 2008-10-06 16:50:00Z (2 h 15 min left)"),
    ({"breaker": (msgspec.structs.replace(TRIP, symbol="IBM"),)}, None, "cool-down of the symbol"),
    ({"broker": DOWN}, None, "link to sim not ready: silence"),
    ({"broker": DOWN}, None, "2 orders with an outcome that is not proven"),
    ({"positions": (POSITION,)}, None, "position drift: broker holds 7, book 10"),
    ({}, SHUT, "the market is closed, next window 2008-10-06 14:36:00Z (1 min left)"),
    ({}, msgspec.structs.replace(SHUT, open=True, next_window=None), "outside the trading window"),
    ({"state": "halted"}, None, "the account is halted"),
]


@pytest.mark.parametrize(("changes", "session", "line"), BLOCKS)
def test_each_thing_in_the_way_is_named(changes: dict[str, object], session: SessionView | None, line: str) -> None:
    """H3, E6, E9: one row per thing that can block."""
    told = blocks("IBM", account(**changes), session=session, now=T0)
    assert any(line in one for one in told), told
    assert not any("nothing blocks" in one for one in told)


def test_another_symbols_cooldown_and_an_old_trip_do_not_block() -> None:
    trips = (msgspec.structs.replace(TRIP, symbol="MSFT"), msgspec.structs.replace(TRIP, until=T0 - 1))
    assert "nothing blocks" in blocks("IBM", account(breaker=trips), now=T0)[0]


def test_a_held_symbol_without_decisions_is_told_from_the_account() -> None:
    assert "  held: 10 at 100.12, stop 96.00, target 108.20" in explain("IBM", [], account(positions=(POSITION,)))


# needles and words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["demo-1.12.e", "demo-1.12.p", "d12", "trend:IBM:1", "IBM", "demo-1.15.x", "d15"])
def test_needles_find_every_fact_the_answer_needs(key: str) -> None:
    """Two looks by bytes give the same answer as the whole journal."""
    encoded = [msgspec.json.encode(fact) for fact in LIFE]

    def look(marks: list[bytes]) -> set[int]:
        return {i for i, line in enumerate(encoded) if any(mark in line for mark in marks)}

    first = look(needles(key))
    second = look(needles(key, [LIFE[i] for i in sorted(first)]))
    found = [msgspec.json.decode(encoded[i], type=AnyFact) for i in sorted(first | second)]
    assert explain(key, found) == explain(key, LIFE)
    assert explain(key, LIFE)


@given(st.integers(min_value=0, max_value=4_102_444_800))
def test_utc_is_the_calendar(second: int) -> None:
    """The house's own calendar agrees with the standard library for 1970 to 2100."""
    assert utc(second * NS) == datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@given(st.floats() | st.text() | st.none(), st.sampled_from(["position_share", "qty", "age_s"]))
def test_any_value_has_words(value: float | str | None, name: str) -> None:
    """A check with whatever value is one printable line."""
    told = measure(Check(name, value, value, None))
    assert told.isprintable()
    assert number(value, name).isprintable()


def test_time_left_is_rounded_up() -> None:
    assert left(T0 + 1, T0) == " (1 min left)"
    assert left(T0 + 61 * 60 * NS, T0) == " (1 h 1 min left)"
    assert left(T0, T0) == left(T0 + NS, None) == ""
