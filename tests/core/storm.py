"""Random days: small instructions that a world carries out, whatever state its orders and positions are in."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

from hypothesis import strategies as st

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, EURO, HOUR, World
from tradingd.core.book.orders import Working
from tradingd.core.events import (
    AccountSeen,
    Action,
    Bar,
    CancelRejected,
    Dividend,
    DividendDue,
    EarningsSeen,
    Financed,
    FxRate,
    InstrumentStatus,
    MarketEvent,
    OrderExpired,
    OrderReplaced,
    PositionsSeen,
    ReplaceRejected,
    Split,
    Verb,
)  # fmt: skip
from tradingd.core.facts import AnyFact
from tradingd.core.types import NS, ZERO, Leg, Money, Price, Qty, Severity, Side, Symbol

D = Decimal
SYMBOLS = (ACME, BOLT, CORN, EURO)
ANSWERS = (
    "accept", "accept", "reject", "lose", "never", "cancelled", "cancelled_less", "expired", "fill", "fill", "fill", "part", "part",
    "over", "again", "wrong_side", "replaced", "replace_rejected", "cancel_rejected",
)  # fmt: skip
VERBS = (
    Verb.PAUSE, Verb.HALT, Verb.FLATTEN, Verb.LOCKOUT, Verb.CANCEL, Verb.RESUME, Verb.RESUME, Verb.ADOPT, Verb.TRIP, Verb.RELEASE,
)  # fmt: skip

_small = st.integers(0, 3)
_order = st.integers(0, 40)
entering = st.tuples(st.just("enter"), _small, _small)
instructions = st.one_of(
    st.tuples(st.just("quote"), _small, st.integers(-12, 12)),
    st.tuples(st.just("bad_quote"), _small, st.integers(0, 6)),
    st.tuples(st.just("idea"), _small, st.integers(0, 7)),
    st.tuples(st.just("idea"), _small, st.just(0)),
    entering,
    st.tuples(st.just("answer"), _order, st.integers(0, len(ANSWERS) - 1)),
    st.tuples(st.just("answer"), _order, st.integers(0, len(ANSWERS) - 1)),
    st.tuples(st.just("newest"), _small, st.sampled_from([0, 0, 8, 8, 8, 11, 3])),
    st.tuples(st.just("time"), st.integers(1, 20), _small),
    st.tuples(st.just("hours"), st.integers(1, 30), _small),
    st.tuples(st.just("foreign"), _small, st.integers(-9, 9)),
    st.tuples(st.just("positions"), _small, st.integers(-1, 2)),
    st.tuples(st.just("command"), _small, st.integers(0, len(VERBS) - 1)),
    st.tuples(st.just("link"), _small, _small),
    st.tuples(st.just("split"), _small, st.integers(0, 2)),
    st.tuples(st.just("money"), _small, st.integers(-50, 50)),
    st.tuples(st.just("outside"), _small, st.integers(0, 14)),
    st.tuples(st.just("status"), _small, st.integers(0, 1)),
    st.tuples(st.just("bar"), _small, st.integers(0, 9)),
    st.tuples(st.just("restart"), _small, st.integers(0, 1)),
)
storms = st.lists(instructions, min_size=5, max_size=60)


def carry_out(world: World, what: tuple[str, int, int]) -> tuple[AnyFact, ...]:
    """One instruction; the facts it brought about."""
    kind, a, b = what
    before = len(world.facts)
    _DO[kind](world, a, b)
    return tuple(world.facts[before:])


def _quote(world: World, a: int, b: int) -> None:
    symbol = SYMBOLS[a]
    world.quote(symbol, round(max(1.0, world.mids[symbol] * (1 + b / 100)), 2))


def _bad_quote(world: World, a: int, b: int) -> None:
    bid, ask = [(nan, 1.0), (0.0, 1.0), (101.0, 99.0), (-5.0, 5.0), (1.0, inf), (9000.0, 9000.1), (1e308, 1e308)][b]
    world.raw(SYMBOLS[a], bid, ask)


def _idea(world: World, a: int, b: int) -> None:
    world.recommend(SYMBOLS[a], Action.SELL if b % 2 else Action.BUY, (0.9, 0.9, 0.8, 0.8, 0.99, 0.99, 0.3, nan)[b])


def _enter(world: World, a: int, b: int) -> None:
    """An entry that begins well: filled at once, and so is each part that goes within the next minutes."""
    world.quote(SYMBOLS[a], world.mids[SYMBOLS[a]])
    decided = world.recommend(SYMBOLS[a])
    for minute in range(b + 1):
        for w in world.book.open_orders(leg=Leg.ENTRY):
            if w.order.decision_id == decided.decision_id:
                _say(world, w, "fill")
        if minute < b:
            world.minutes(1, quotes=True)


def _answer(world: World, a: int, b: int) -> None:
    orders = list(world.book.booked.orders.values())
    if orders:
        _say(world, orders[a % len(orders)], ANSWERS[b])


def _newest(world: World, a: int, b: int) -> None:
    orders = list(world.book.booked.orders.values())
    if orders:
        _say(world, orders[-1 - a % min(2, len(orders))], ANSWERS[b])


def _say(world: World, w: Working, word: str) -> None:
    order_id, left = w.order.order_id, w.leaves()
    mid = D(str(round(world.mids[w.order.symbol], 2)))
    price = mid if w.limit is None else w.limit
    match word:
        case "accept":
            world.accept(order_id)
        case "reject":
            world.reject(order_id)
        case "lose":
            world.lose(order_id)
        case "never":
            world.never(order_id)
        case "cancelled":
            world.cancelled(order_id, str(w.cum_qty))
        case "cancelled_less":
            world.cancelled(order_id, "0")
        case "expired":
            world.step(OrderExpired(ts=world.now, account=ACCOUNT, order_id=order_id))
        case "fill":
            world.fill(order_id, left or D(1), price, fee="0.35")
        case "part":
            world.fill(order_id, max(D(1), left // 3), price, fee="0.005")
        case "over":
            world.fill(order_id, left + 2, price)
        case "again":
            if w.exec_ids:
                exec_id, execution = next(iter(w.exec_ids.items()))
                world.fill(order_id, execution.qty, execution.price, exec_id=exec_id, cursor=0)
                world.cursor -= 1
        case "wrong_side":
            world.fill(order_id, D(1), price, side=w.order.side.opposite)
        case "replaced":
            if w.pending:
                rev, asked = max(w.pending.items())
                world.step(
                    OrderReplaced(
                        ts=world.now, account=ACCOUNT, order_id=order_id, rev=rev, qty=asked.qty, limit=asked.limit,
                        stop=asked.stop,
                    )
                )  # fmt: skip
        case "replace_rejected":
            world.step(ReplaceRejected(ts=world.now, account=ACCOUNT, order_id=order_id, rev=w.rev_asked, code="no"))
        case "cancel_rejected":
            world.step(CancelRejected(ts=world.now, account=ACCOUNT, order_id=order_id, code="late"))


def _time(world: World, a: int, b: int) -> None:
    world.minutes(a, quotes=b > 0)


def _hours(world: World, a: int, b: int) -> None:
    world.now += a * HOUR
    world.minutes(1, quotes=b > 0)


def _foreign(world: World, a: int, b: int) -> None:
    if b:
        symbol = SYMBOLS[a]
        world.foreign_fill(symbol, Side.BUY if b > 0 else Side.SELL, str(abs(b)), f"{world.mids[symbol]:.2f}")


def _positions(world: World, a: int, b: int) -> None:
    seen = {symbol: world.book.qty(symbol) for symbol in world.book.held()}
    seen[SYMBOLS[a]] = Qty(seen.get(SYMBOLS[a], ZERO) + b)
    world.step(PositionsSeen(ts=world.now, account=ACCOUNT, positions=seen, cursor=world.book.booked.fill_cursor))


def _command(world: World, a: int, b: int) -> None:
    verb = VERBS[b]
    symbol = SYMBOLS[a] if verb in (Verb.ADOPT, Verb.CANCEL) or (verb is Verb.FLATTEN and a == 1) else None
    world.say(
        verb, symbol=symbol, until=world.now + HOUR if verb is Verb.LOCKOUT else None, flatten=a == 2, protective=a == 3,
        amount=Money(D(a)) if verb is Verb.RELEASE else None,
    )  # fmt: skip


def _link(world: World, a: int, b: int) -> None:
    if a == 0:
        world.disconnect()
    elif a == 1:
        world.connect(str(world.book.booked.cash))
    else:
        world.reconcile()


def _split(world: World, a: int, b: int) -> None:
    ratio = (2.0, 0.5, 4.0)[b]
    world._ids += 1
    symbol = SYMBOLS[a]
    world.step(Split(ts=world.now, symbol=symbol, ratio=ratio, action_id=f"s{world._ids}"))
    world.mids[symbol] = max(1.0, round(world.mids[symbol] / ratio, 2))
    world.quote(symbol, world.mids[symbol])


def _money(world: World, a: int, b: int) -> None:
    if a == 0:
        cash = Money(world.book.booked.cash + b)
        world.step(AccountSeen(ts=world.now, account=ACCOUNT, cash=cash, equity=cash, blocked=b > 45))
    elif a == 1:
        world.step(FxRate(ts=world.now, currency="EUR", rate=Price(D(1) + D(b) / 1000)))
    elif a == 2:
        world.step(
            Financed(
                ts=world.now, account=ACCOUNT, kind="interest" if b % 2 else "borrow", amount=Money(D(b - 25)), action_id=f"c{b}"
            )
        )  # fmt: skip
    else:
        world.step(Dividend(ts=world.now, account=ACCOUNT, symbol=SYMBOLS[a], amount=Money(D(b)), action_id=f"d{b}"))


def _status(world: World, a: int, b: int) -> None:
    world.step(InstrumentStatus(ts=world.now, symbol=SYMBOLS[a], tradable=bool(b), why="" if b else "halted"))


def _bar(world: World, a: int, b: int) -> None:
    mid = world.mids[SYMBOLS[a]]
    high, low = round(mid * (1 + b / 100), 2), round(mid * (1 - b / 100), 2)
    world.step(Bar(ts=world.now, symbol=SYMBOLS[a], span_s=86_400, open=mid, high=high, low=low, close=mid))


def _restart(world: World, a: int, b: int) -> None:
    world.restart(clean=bool(b))
    if a:
        world.connect(str(world.book.booked.cash))


def _happens(world: World, a: int, b: int) -> None:
    """An event that runs a while, or is over, or lasts too long, of one symbol or of all."""
    severity = (Severity.LOW, Severity.HIGH, Severity.HIGH)[b % 3]
    until = world.now + (60 * NS, HOUR, 0, 40 * 24 * HOUR)[a]
    symbols = (SYMBOLS[a], Symbol("NOBODY")) if b < 3 else ()
    world.step(MarketEvent(ts=world.now, id=f"e{b}", severity=severity, until=until, symbols=symbols, text="a storm"))


def _reports(world: World, a: int, b: int) -> None:
    dates = ((), ("2008-10-06",), ("2008-10-08", "2009-01-05"), ("2008-10-09",), ("soon",), ("2008-01-01",))[b]
    world.step(EarningsSeen(ts=world.now, symbol=SYMBOLS[a], dates=dates))


def _due(world: World, a: int, b: int) -> None:
    per_share = (D("0.25"), D("1.3333"), D("nan"))[b]
    world.step(DividendDue(ts=world.now, symbol=SYMBOLS[a], per_share=Price(per_share), action_id=f"due{a}{b}"))


def _outside(world: World, a: int, b: int) -> None:
    """What happens out there: an event, an earnings date, a dividend by file."""
    (_happens, _reports)[b % 2](world, a, b // 2 % 6) if b < 12 else _due(world, a, b - 12)


_DO = {
    "quote": _quote, "bad_quote": _bad_quote, "idea": _idea, "enter": _enter,
    "answer": _answer, "newest": _newest, "time": _time, "hours": _hours,
    "foreign": _foreign, "positions": _positions, "command": _command, "link": _link, "split": _split, "money": _money,
    "status": _status, "bar": _bar, "restart": _restart, "outside": _outside,
}  # fmt: skip
