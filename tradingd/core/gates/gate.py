"""The gate: pre-trade controls on every order from every source, and the only maker of `Order`.

R1 are entry guards; R2 are sanity controls. An exit (reduce-only, clipped to the position) meets only the sanity controls, so no
entry guard can block an exit (R3, I5). Every check runs and is recorded; a limit that is missing or not finite refuses (FIA).
Approval is a type: nothing else in the house constructs an Order (ADR-0002).
"""

from __future__ import annotations

from math import inf, isfinite

import msgspec

from tradingd.core.facts import Check, Reason
from tradingd.core.gates.checks import refusals
from tradingd.core.types import (
    NS,
    AccountId,
    DecisionId,
    Instrument,
    Leg,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
    TradingState,
)  # fmt: skip


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of R1 and R2. Ratios are shares (0.10 = 10 %), money is account currency, times are seconds."""

    max_position_pct: float = 0.10
    max_sector_pct: float = 0.30
    max_daily_loss: float = 0.03
    max_drawdown: float = 0.25
    max_open_positions: int = 20
    max_open_trades: int = 20
    max_order_qty: float = 100_000.0
    max_order_notional: float = 250_000.0
    price_collar: float = 0.02
    orders_per_minute: int = 60
    exits_per_minute: int = 120
    repeated_executions: int = 3
    repeated_window_s: float = 60.0
    duplicate_window_s: float = 5.0
    rejects_in_row: int = 3
    price_max_age_s: float = 5.0
    buying_power_multiplier: float = 1.0
    pdt: bool = True
    pdt_equity: float = 25_000.0
    pdt_day_trades: int = 3

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name != "pdt" and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be > 0 and finite (a limit is written as a positive amount)")
        for name in ("max_position_pct", "max_sector_pct", "max_daily_loss", "max_drawdown", "price_collar"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is a share and must be <= 1 (write 10% or 0.10)")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the account holds at this moment, as the gate needs it. Money in account currency; counts include working and
    unknown orders, whose exposure stays reserved (I6)."""

    equity: float
    buying_power: float
    day_loss: float  # share of the day's opening equity, positive = loss
    drawdown: float  # share of the high water
    position_value: float  # of the order's symbol, with working entries
    sector_value: float  # of the order's sector, with working entries
    open_positions: int  # symbols held or being entered
    open_trades: int  # entries working + positions
    opposite_resting: bool  # an own order on the other side could trade with this one
    day_trades: int  # in the last five sessions
    orders_last_minute: int
    same_recently: int  # same symbol and side executed within repeated_window_s
    identical_recently: bool  # same symbol, side and quantity intended within duplicate_window_s
    rejects_in_row: int


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What the sizer (entry) or the stops (exit) want to do; not yet allowed to."""

    account: AccountId
    decision_id: DecisionId
    seq: int
    symbol: Symbol
    side: Side
    qty: Qty
    leg: Leg
    type: OrderType
    tif: Tif
    ref_price: float
    ref_ts: int
    limit: Price | None = None
    stop: Price | None = None
    protective: bool = False
    maker: str = ""  # what ids begin with: the account, and which journal it is
    suffix: str = ""  # tells several orders of one leg of one decision apart


class Verdict(msgspec.Struct, frozen=True):
    """All checks; `order` only when none failed."""

    order: Order | None
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]


# at hand: on Python 3.11 a member looked up in its class costs ten times a name of the module
_STALE_PRICE = Reason.STALE_PRICE
_BUYING_POWER = Reason.BUYING_POWER
_POSITION_LIMIT = Reason.POSITION_LIMIT
_SECTOR_LIMIT = Reason.SECTOR_LIMIT
_DAILY_LOSS = Reason.DAILY_LOSS
_DRAWDOWN = Reason.DRAWDOWN
_OPEN_POSITIONS = Reason.OPEN_POSITIONS
_OPEN_TRADES = Reason.OPEN_TRADES
_WASH_TRADE = Reason.WASH_TRADE
_ORDER_RATE = Reason.ORDER_RATE
_REPEATED_EXECUTION = Reason.REPEATED_EXECUTION
_DUPLICATE_ORDER = Reason.DUPLICATE_ORDER
_REJECT_LOOP = Reason.REJECT_LOOP
_INVALID = Reason.INVALID
_MAX_QTY = Reason.MAX_QTY
_MAX_NOTIONAL = Reason.MAX_NOTIONAL
_PRICE_COLLAR = Reason.PRICE_COLLAR

_UNSIZED = Check("order_sized", 0.0, None, None, None, "nothing was sized, so nothing can be sent")


def _at_most(name: str, value: float, limit: float, reason: Reason, note: str = "") -> Check:
    ok = value <= limit
    return Check(name, value if isfinite(value) else repr(value), limit, ok, None if ok else reason, note)


def _flag(name: str, bad: bool, reason: Reason, note: str = "") -> Check:
    return Check(name, "yes" if bad else "no", "no", not bad, reason if bad else None, note)


def guards(
    intent: Intent, notional: float, st: Standing, s: GateSettings, fresh: int, positions_max: float = inf
) -> tuple[Check, ...]:
    """R1: the entry guards. fresh: age of the reference price in ns at the moment of decision.   positions_max: another limit on
    open positions; the smaller one holds."""
    equity = st.equity if st.equity > 0 else float("nan")  # NaN fails every comparison: closed
    pdt_bad = s.pdt and st.equity < s.pdt_equity and st.day_trades >= s.pdt_day_trades
    return (
        _at_most("price_age_s", fresh / NS, s.price_max_age_s, _STALE_PRICE),
        _at_most("buying_power", notional, st.buying_power, _BUYING_POWER),
        _at_most("position_share", (st.position_value + notional) / equity, s.max_position_pct, _POSITION_LIMIT),
        _at_most("sector_share", (st.sector_value + notional) / equity, s.max_sector_pct, _SECTOR_LIMIT),
        _at_most("day_loss", st.day_loss, s.max_daily_loss, _DAILY_LOSS),
        _at_most("drawdown", st.drawdown, s.max_drawdown, _DRAWDOWN),
        _at_most("open_positions", st.open_positions + 1, min(s.max_open_positions, positions_max), _OPEN_POSITIONS),
        _at_most("open_trades", st.open_trades + 1, s.max_open_trades, _OPEN_TRADES),
        _flag("own_opposite_order", st.opposite_resting, _WASH_TRADE),
        Check("day_trades", st.day_trades, s.pdt_day_trades, not pdt_bad, Reason.PDT if pdt_bad else None),
        _at_most("orders_per_minute", st.orders_last_minute + 1, s.orders_per_minute, _ORDER_RATE),
        _at_most("repeated_executions", st.same_recently + 1, s.repeated_executions, _REPEATED_EXECUTION),
        _flag("identical_order", st.identical_recently, _DUPLICATE_ORDER),
        _at_most("rejects_in_row", st.rejects_in_row, s.rejects_in_row - 1, _REJECT_LOOP),
    )


def sanity(intent: Intent, notional: float, instrument: Instrument, s: GateSettings) -> tuple[Check, ...]:
    """R2: what holds for every order, exits too."""
    price = float(intent.limit) if intent.limit is not None else intent.ref_price
    off = abs(price - intent.ref_price) / intent.ref_price if intent.ref_price > 0 else float("nan")
    on_grid = not intent.qty % instrument.lot and _on_tick(intent, instrument)
    return (
        _flag("off_grid", not on_grid, _INVALID),
        _at_most("order_qty", float(intent.qty), s.max_order_qty, _MAX_QTY),
        _at_most("order_notional", notional, s.max_order_notional, _MAX_NOTIONAL),
        _at_most("price_collar", off, s.price_collar, _PRICE_COLLAR),
    )


def _on_tick(intent: Intent, instrument: Instrument) -> bool:
    return _is_price(intent.limit, instrument) and _is_price(intent.stop, instrument)


def _is_price(p: Price | None, instrument: Instrument) -> bool:
    return p is None or (p > 0 and not p % instrument.tick)


def approve_entry(
    intent: Intent,
    instrument: Instrument,
    rate: float,
    st: Standing,
    s: GateSettings,
    now: int,
    before: tuple[Check, ...] = (),
    *,
    positions_max: float = inf,
) -> Verdict:
    """R1 + R2 over an entry. before: checks of earlier gates; one failure anywhere refuses.

    rate: account value of one price point of one unit (multiplier x fx).   positions_max: as in `guards`.
    """
    notional = float(intent.qty) * intent.ref_price * rate
    sized = intent.qty > 0
    before = before if sized else (*before, _UNSIZED)
    checks = (
        *before,
        *guards(intent, notional, st, s, now - intent.ref_ts, positions_max),
        *sanity(intent, notional, instrument, s),
    )
    verdict = _verdict(intent, checks, reduce_only=False)
    assert sized or verdict.order is None, "the sizer gives a quantity or a reason"
    return verdict


def reduces(position: Qty, side: Side) -> bool:
    """Would an order on that side shrink the position?"""
    return position != 0 and (position > 0) == (side is Side.SELL)


def approve_exit(
    intent: Intent, instrument: Instrument, rate: float, position: Qty, working_exits: Qty, lately: int, s: GateSettings
) -> Verdict:
    """R2 over an exit, which must shrink the position: its size is at most what is left to close (G11).

    The notional limit does not apply to an exit (a position may have grown in value past it); its quantity is sliced by the
    caller to `max_order_qty`, so that no limit can hold a position captive, nor can the lot: a fraction that a split left behind
    may go. lately: exits intended within the last minute.
    """
    shrinks = reduces(position, intent.side)
    left = abs(position) - working_exits
    checks = (
        _flag("does_not_reduce", not shrinks or left <= 0 or intent.qty <= 0, Reason.NOTHING_TO_REDUCE),
        _at_most("exit_qty", float(intent.qty), float(left), Reason.NOTHING_TO_REDUCE),
        _at_most("exits_per_minute", lately + 1, _exits_allowed(intent, s), Reason.ORDER_RATE),
        _flag("off_grid", left > 0 and intent.qty % instrument.lot != 0 and intent.qty != left, Reason.INVALID),
        _at_most("order_qty", float(intent.qty), s.max_order_qty, Reason.MAX_QTY),
    )
    return _verdict(intent, checks, reduce_only=True)


def approve_protection(intent: Intent, instrument: Instrument, position: Qty) -> Verdict:
    """A protective stop: reduce-only, exactly as large as the position, on the losing side of nothing but its own grid."""
    shrinks = reduces(position, intent.side) and intent.qty <= abs(position)
    checks = (
        _flag("does_not_reduce", not shrinks, Reason.NOTHING_TO_REDUCE),
        _flag(
            "off_grid",
            not (intent.stop is not None and _on_tick(intent, instrument) and intent.qty > 0),
            Reason.INVALID,
        ),
    )
    return _verdict(intent, checks, reduce_only=True)


def _exits_allowed(intent: Intent, s: GateSettings) -> int:
    """A quarter of the budget is kept for what guards the account: ideas of selling must not use up the stops' turn (D16)."""
    return s.exits_per_minute if intent.protective else max(1, s.exits_per_minute * 3 // 4)


def observes(observe: bool) -> Check:
    """An account in `observe` mode decides everything and sends nothing (B4)."""
    return _flag("observe_only", observe, Reason.ACCOUNT_BLOCKED)


def _verdict(intent: Intent, checks: tuple[Check, ...], *, reduce_only: bool) -> Verdict:
    reasons = refusals(checks)
    if reasons:
        return Verdict(None, checks, reasons)
    order = Order(
        account=intent.account, order_id=order_id(intent), decision_id=intent.decision_id, symbol=intent.symbol, side=intent.side,
        qty=intent.qty, type=intent.type, tif=intent.tif, leg=intent.leg, limit=intent.limit, stop=intent.stop,
        reduce_only=reduce_only, protective=intent.protective, ref_price=intent.ref_price, ref_ts=intent.ref_ts,
    )  # fmt: skip
    return Verdict(order, checks, ())


def part_of(order: Order, qty: Qty) -> Order:
    """A part of an approved entry: the same order, not larger. qty: > 0 and at most the order's (E10)."""
    assert 0 < qty <= order.qty, "a part is no larger than the whole that was approved"
    return msgspec.structs.replace(order, qty=qty)


def order_id(intent: Intent) -> OrderId:
    """Derived from (account, journal, decision sequence, leg): a replay makes the same id, a resend is harmless (O2),
    and a daemon with another journal makes other ids for the same account (H4)."""
    return OrderId(f"{intent.maker or intent.account}.{intent.seq}.{intent.leg.value}{intent.suffix}")


def may_send(
    order: Order, state: TradingState, *, now: int, price_ts: int, link_up: bool, s: GateSettings
) -> Reason | None:
    """The send gate, asked again after the durability wait and right before the bytes leave (I7, I12, B10).

    An exit always passes, under a halt only when it is protective (stops, breaker, flatten).
    """
    if order.reduce_only:
        return Reason.HALTED if state is TradingState.HALTED and not order.protective else None
    if state is TradingState.HALTED:
        return Reason.HALTED
    if state is TradingState.LOCKED:
        return Reason.LOCKED
    if state is TradingState.REDUCING:
        return Reason.REDUCING
    if not link_up:
        return Reason.LINK_NOT_READY
    if not now - price_ts <= s.price_max_age_s * NS:
        return Reason.STALE_PRICE
    return None
