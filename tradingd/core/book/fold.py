"""The fold: what each fact does to the booked half of an account. Total, and the only writer of `Booked`.

One function a fact, found by its class; a fact without a function changes nothing but the counts. Replaying a journal through
`fold` rebuilds the account exactly, so nothing here may look at a quote, a setting or a clock. Source: J1, I8.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import takewhile
from typing import Any

from tradingd.core.book import fifo, rebalances
from tradingd.core.book.booked import Booked, Mark, Micro, Notice, Plan, Seen, Sent, Start, Tranches
from tradingd.core.book.ledger import adopt, post_fill, split
from tradingd.core.book.orders import FINAL, Life, Working
from tradingd.core.book.trades import record
from tradingd.core.facts import (
    OWN_SOURCES,
    Alerted,
    AmendRefused,
    Anomaly,
    AnyFact,
    BreakerResumed,
    BreakerTripped,
    CancelIntended,
    CancelRefused,
    CashMoved,
    CommandSeen,
    DayClosed,
    DayMeasured,
    DayOpened,
    Decided,
    DriftCleared,
    DriftFound,
    EarningsNoted,
    EventNoted,
    Filled,
    FillSkipped,
    FlattenBegun,
    FlattenDone,
    ForeignSeen,
    Kind,
    LinkChanged,
    Notified,
    OrderAmended,
    OrderIntended,
    OrderMoved,
    Outcome,
    PositionAdopted,
    RateSet,
    Reason,
    ReplaceIntended,
    ReserveMoved,
    ScheduleRan,
    ShutDown,
    SplitApplied,
    StartedUp,
    StateChanged,
    StopSet,
    TierChanged,
    TradableChanged,
    TrancheJudged,
)  # fmt: skip
from tradingd.core.types import NS, DecisionId, Leg, Money, Order, Symbol, TradingState

HOUR = 3_600 * NS
DAY = 24 * HOUR
KEEP_SEEN = 2 * DAY  # intake refuses anything older than a day
KEEP_SENT = 600 * NS
KEEP_TOLD = 2 * DAY
KEEP_FINISHED = 400  # finished orders kept for the page, for late fills and for repeated reports
KEEP_FINISHED_FOR = 7 * DAY
KEEP_RECENT = 100
RATE_AGE = 55 * NS  # leaves five seconds of the minute that a refused close waits
KEEP_COMMANDS = 200
KEEP_STRANGERS = 500
KEEP_TIERS = 50
KEEP_DAYS = 260  # a year of sessions
KEEP_NOTICES = 500
KEEP_NOTICES_MAX = 5_000
_LIFE = (StartedUp, ShutDown)


def fold(b: Booked, fact: AnyFact) -> None:
    """Fold one fact in. Facts come in the journal's order."""
    handler = _HANDLERS.get(type(fact))
    if handler is not None:
        handler(b, fact)
    if type(fact) in _LIFE:
        b.stopped = type(fact) is ShutDown
    if fact.ts > b.last_ts or type(fact) is StartedUp:  # a start says what time it is, also after a wrong clock
        if fact.ts // HOUR != b.last_ts // HOUR:
            _forget_old(b, fact.ts)
        b.last_ts = fact.ts


def _forget_old(b: Booked, now: int) -> None:
    """Once an hour: recommendations nobody can send again, orders that ended long ago. Both stand in the order they came, and a
    front that is taken off one by one is slow."""
    for cause in list(takewhile(lambda cause: b.seen[cause].ts < now - KEEP_SEEN, b.seen)):
        del b.seen[cause]
    for code in [code for code, ts in b.told.items() if ts < now - KEEP_TOLD]:
        del b.told[code]
    gone = 0
    for order_id in b.finished[:-KEEP_FINISHED]:  # by count, but never while a late fill is likely (A14, D12)
        oldest = b.orders.get(order_id)
        if oldest is not None and oldest.life in FINAL:
            if now - oldest.updated_ts < KEEP_FINISHED_FOR:
                break
            _forget(b, oldest.order)
        gone += 1
    del b.finished[:gone]


def _count(b: Booked, name: str, n: int = 1) -> None:
    b.counts[name] = b.counts.get(name, 0) + n


# decisions --------------------------------------------------------------------------------------------------------------


def _decided(b: Booked, f: Decided) -> None:
    b.decision_seq = max(b.decision_seq, f.seq)
    _count(b, "decisions")
    if f.outcome is Outcome.ACT:
        _count(b, "acted")
        distance = abs(f.ref_price - float(f.stop)) if f.ref_price is not None and f.stop is not None else None
        b.plans[f.decision_id] = Plan(f.source, f.atr, f.confidence, list(f.orders), distance, f.cause, f.micro)
        if f.kind is Kind.ENTRY and f.micro:
            b.micro_count = b.micro_count + 1 if b.micro_day == b.day else 1
            b.micro_day = b.day
        if f.tranches:
            b.tranches[f.decision_id] = Tranches(
                f.decision_id,
                f.symbol,
                f.side,
                list(f.tranches[1:]),
                2,
                f.ts,
                f.confidence or 0.0,
                f.ref_price or 0.0,
                f.stop,
            )
    else:
        _count(b, "refused")
        for reason in f.reasons:
            b.refusals[reason.value] = b.refusals.get(reason.value, 0) + 1
        if f.kind is Kind.EXIT and f.source in OWN_SOURCES:
            soon = f.reasons == (Reason.ORDER_RATE,)  # passes by itself, and is remembered as if it were older
            b.exits_refused[f"{f.symbol}:{f.source}"] = f.ts - RATE_AGE if soon else f.ts
    if f.kind is Kind.ENTRY or f.source not in OWN_SOURCES:  # a recommendation's
        b.seen[f.cause] = Seen(f.decision_id, f.ts, f.outcome, f.reasons, f.orders)
    if f.source == rebalances.NAME:
        rebalances.decided(b.rebalances, f)
        _count(b, "rebalance_sells", int(f.outcome is Outcome.ACT))
    b.recent.append(f)
    if len(b.recent) > KEEP_RECENT:
        del b.recent[0]


# orders -----------------------------------------------------------------------------------------------------------------


def _intended(b: Booked, f: OrderIntended) -> None:
    order = f.order
    b.orders[order.order_id] = Working.of(order, f.ts)
    if order.leg is not Leg.PROTECT:
        entry = order.leg is Leg.ENTRY
        wanted = _plan_entry(b, order) if entry else order.qty
        b.sent.append(Sent(f.ts, order.symbol, order.side, wanted, entry, order.decision_id))
        while b.sent and b.sent[0].ts < f.ts - KEEP_SENT:
            del b.sent[0]
    _count(b, "orders")


def _plan_entry(b: Booked, order: Order) -> Decimal:
    """The decision knows each of its parts. What it wants at this moment: this part, and those still to go."""
    plan, pending = b.plans.get(order.decision_id), b.tranches.get(order.decision_id)
    if plan is not None and order.order_id not in plan.orders:
        plan.orders.append(order.order_id)
    wanted: Decimal = order.qty
    for part in pending.left if pending is not None else ():
        wanted += part
    return wanted


def _moved(b: Booked, f: OrderMoved) -> None:
    working = b.orders[f.order_id]
    working.move(f)
    symbol = working.order.symbol
    if f.to == Life.REJECTED:
        b.rejects[symbol] = b.rejects.get(symbol, 0) + 1
        if working.order.leg is Leg.EXIT:
            b.exits_rejected[symbol] = b.exits_rejected.get(symbol, 0) + 1
        _count(b, "rejected")
    elif f.to == Life.LIVE:
        b.rejects.pop(symbol, None)
    if working.life in FINAL:
        _finish(b, working)


def _finish(b: Booked, working: Working) -> None:
    """Finished orders stay a while (`_forget_old`)."""
    if working.order.order_id not in b.finished[-8:]:
        b.finished.append(working.order.order_id)


def _forget(b: Booked, order: Order) -> None:
    del b.orders[order.order_id]
    _forget_plan(b, order.decision_id)


def _forget_plan(b: Booked, decision_id: DecisionId | None) -> None:
    """A plan is kept while one of its orders is, and while its position stands."""
    plan = b.plans.get(decision_id) if decision_id is not None else None
    if plan is None or any(order_id in b.orders for order_id in plan.orders):
        return
    if not any(level.decision_id == decision_id for level in b.levels.values()):
        del b.plans[decision_id]  # type: ignore[arg-type]


def _drop_levels(b: Booked, symbol: Symbol) -> None:
    gone = b.levels.pop(symbol, None)
    if gone is not None:
        _forget_plan(b, gone.decision_id)


def _amended(b: Booked, f: OrderAmended) -> None:
    b.orders[f.order_id].amended(f)


def _amend_refused(b: Booked, f: AmendRefused) -> None:
    b.orders[f.order_id].amend_refused(f)


def _cancel_intended(b: Booked, f: CancelIntended) -> None:
    b.orders[f.order_id].cancel_intended(f)


def _cancel_refused(b: Booked, f: CancelRefused) -> None:
    b.orders[f.order_id].cancel_refused(f)


def _replace_intended(b: Booked, f: ReplaceIntended) -> None:
    b.orders[f.order_id].replace_intended(f)


def _foreign(b: Booked, f: ForeignSeen) -> None:
    if f.open:
        b.foreign[f.venue_order_id] = f
    else:
        b.foreign.pop(f.venue_order_id, None)


# fills and positions ----------------------------------------------------------------------------------------------------


def _filled(b: Booked, f: Filled) -> None:
    working = b.orders.get(f.order_id)
    if working is not None:
        working.filled(f)
        if working.order.leg is Leg.EXIT:
            b.exits_rejected.pop(f.symbol, None)
    before = b.positions.get(f.symbol)
    posting = post_fill(
        before,
        f.symbol,
        f.side,
        f.qty,
        f.price,
        f.fee,
        multiplier=f.multiplier,
        rate=f.rate,
        ts=f.ts,
    )
    position = b.positions[f.symbol] = posting.position
    fifo.filled(b.lots, f)
    b.cash = Money(b.cash + posting.cash)
    b.fees = Money(b.fees + f.fee)
    b.realised = Money(b.realised + f.realised)
    _count(b, "fills")
    _advance_cursor(b, f.cursor)
    if not f.order_id:
        b.strangers.append(f.exec_id)
        del b.strangers[:-KEEP_STRANGERS]
    if f.day_trade and (working is None or not working.day_traded):
        b.day_trades.append(b.day)
        del b.day_trades[:-50]
        if working is not None:
            working.day_traded = True
    if posting.closed and before is not None:
        record(b, f, before, posting.closed, working)
    if not position.qty or posting.flipped:
        _closed(b, f, working)
    if position.qty and (posting.flipped or before is None or not before.qty):
        _opened(b, f, working)


def _opened(b: Booked, f: Filled, working: Working | None) -> None:
    """A position was opened: what it stands on is kept with it, however long it is held."""
    plan = b.plans.get(working.order.decision_id) if working is not None else None
    if working is None or plan is None or working.order.leg is not Leg.ENTRY:
        return
    b.causes[f.symbol] = plan.cause
    if plan.micro:
        b.micro[f.symbol] = Micro(working.order.decision_id, f.ts)


def _closed(b: Booked, f: Filled, working: Working | None) -> None:
    """The position is flat, or stands on the other side: its levels go, and a stop-out is remembered for the volatility
    breaker (E6)."""
    plan = b.plans.get(working.order.decision_id) if working is not None else None
    _forget_entry(b, f.symbol)
    b.exits_rejected.pop(f.symbol, None)
    for source in OWN_SOURCES:
        b.exits_refused.pop(f"{f.symbol}:{source}", None)
    if working is None:
        return
    if working.order.leg is Leg.PROTECT or (
        plan is not None and plan.source == "stop" and working.order.leg is Leg.EXIT
    ):
        b.stop_outs.append(f.ts)
        del b.stop_outs[:-20]
        _count(b, "stop_outs")


def _forget_entry(b: Booked, symbol: Symbol) -> None:
    """What belonged to a position that is no more."""
    _drop_levels(b, symbol)
    b.causes.pop(symbol, None)
    b.micro.pop(symbol, None)


def _advance_cursor(b: Booked, cursor: int) -> None:
    if cursor == b.fill_cursor + 1:
        b.fill_cursor = cursor
        while b.fills_ahead and b.fills_ahead[0] == b.fill_cursor + 1:
            b.fill_cursor = b.fills_ahead.pop(0)
    elif cursor > b.fill_cursor:
        b.fills_ahead = sorted({*b.fills_ahead, cursor})


def _skipped(b: Booked, f: FillSkipped) -> None:
    _advance_cursor(b, f.cursor)


def _stop_set(b: Booked, f: StopSet) -> None:
    old = b.levels.get(f.symbol)
    b.levels[f.symbol] = f
    if old is not None and old.decision_id != f.decision_id:
        _forget_plan(b, old.decision_id)


def _cash(b: Booked, f: CashMoved) -> None:
    b.cash = Money(b.cash + f.amount)
    if f.kind in ("deposit", "adopted"):
        b.deposits = Money(b.deposits + f.amount)
    _remember_action(b, f.action_id)


def _remember_action(b: Booked, action_id: str) -> None:
    if action_id:
        b.actions.append(action_id)
        del b.actions[:-500]


def _split_applied(b: Booked, f: SplitApplied) -> None:
    position = b.positions.get(f.symbol)
    if position is not None and position.qty:
        b.positions[f.symbol] = split(position, f.ratio)
    fifo.split(b.lots, f)
    _remember_action(b, f"{f.action_id}:{f.symbol}")


def _adopted(b: Booked, f: PositionAdopted) -> None:
    """The venue's position becomes ours at the mark, without a change of the account's value there."""
    posting = adopt(b.positions.get(f.symbol), f.symbol, f.qty, f.price, multiplier=f.multiplier, rate=f.rate, ts=f.ts)
    b.positions[f.symbol] = posting.position
    fifo.adopted(b.lots, f)
    b.cash = Money(b.cash + posting.cash)
    b.realised = Money(b.realised + posting.realised)
    if not f.qty or posting.flipped:
        _forget_entry(b, f.symbol)


def _rate(b: Booked, f: RateSet) -> None:
    b.rates[f.currency] = Decimal(f.rate)


def _reserve(b: Booked, f: ReserveMoved) -> None:
    b.reserve = f.balance


def _tier(b: Booked, f: TierChanged) -> None:
    b.tier = f.tier
    if b.days:  # before the first session it is what was configured
        _count(b, "tier_changes")
    b.tier_history.append(f)
    del b.tier_history[:-KEEP_TIERS]


def _day_opened(b: Booked, f: DayOpened) -> None:
    b.day, b.day_open, b.day_is_open, b.day_loss_tripped = f.date, f.equity, True, False
    b.day_deposits = b.deposits
    b.days.append(f.date)
    del b.days[:-10]
    if not b.high_water:
        b.high_water = f.equity


def _day_closed(b: Booked, f: DayClosed) -> None:
    b.day_is_open = False
    b.high_water = f.high_water
    b.drawdown_max = max(b.drawdown_max, f.drawdown)
    _count(b, "days")


def _measured(b: Booked, f: DayMeasured) -> None:
    b.measured.append(f)
    del b.measured[:-KEEP_DAYS]


# what the world does, and what the calendar asks for ----------------------------------------------------------------------


def _tranche(b: Booked, f: TrancheJudged) -> None:
    pending = b.tranches.get(f.decision_id)
    if pending is None:
        return
    if f.outcome is Outcome.SKIP or len(pending.left) <= 1:
        del b.tranches[f.decision_id]
        return
    del pending.left[0]
    pending.n, pending.ts = f.n + 1, f.ts


def _earnings(b: Booked, f: EarningsNoted) -> None:
    if f.dates:
        b.earnings[f.symbol] = f.dates
    else:
        b.earnings.pop(f.symbol, None)


def _event(b: Booked, f: EventNoted) -> None:
    for event_id in [e.event_id for e in b.events.values() if e.until <= f.ts]:
        del b.events[event_id]
    b.events[f.event_id] = f


def _schedule(b: Booked, f: ScheduleRan) -> None:
    b.schedules[f.name] = f.key
    if f.name == rebalances.NAME:
        rebalances.ran(b.rebalances, f)
        _count(b, "rebalances")
    b.marks[f.name] = Mark(f.ts, dict(b.refusals), b.counts.get("breaker_trips", 0))


def _notified(b: Booked, f: Notified) -> None:
    """What was told within the hour counts for the limits and for folding, so it is kept beyond the usual number."""
    if f.upto:
        b.dealt_with[f.channel] = max(f.upto, b.dealt_with.get(f.channel, 0))
    if f.status == "noted":
        return
    b.notices.append(Notice(f.notice, f.channel, f.kind, f.status, f.ts, f.level))
    spare = b.notices[: max(0, len(b.notices) - KEEP_NOTICES)]
    old = len(list(takewhile(lambda notice: notice.ts < f.ts - HOUR, spare)))
    del b.notices[: max(old, len(b.notices) - KEEP_NOTICES_MAX)]


# states -----------------------------------------------------------------------------------------------------------------


def _tripped(b: Booked, f: BreakerTripped) -> None:
    b.trips[trip_key(f.kind.value, f.symbol)] = f
    _count(b, "breaker_trips")
    if f.kind == "daily_loss":
        b.day_loss_tripped = True
    if f.kind == "volatility":
        b.stop_outs.clear()


def _resumed(b: Booked, f: BreakerResumed) -> None:
    b.trips.pop(trip_key(f.kind.value, f.symbol), None)


def trip_key(kind: str, symbol: Symbol | None) -> str:
    return f"{kind}:{symbol}" if symbol else kind


def _state(b: Booked, f: StateChanged) -> None:
    if f.state is TradingState.ACTIVE:
        b.holds.pop(f.key, None)
    else:
        b.holds[f.key] = f


def _flatten_begun(b: Booked, f: FlattenBegun) -> None:
    b.flatten[f.command_id] = f


def _flatten_done(b: Booked, f: FlattenDone) -> None:
    b.flatten.pop(f.command_id, None)


def _drift(b: Booked, f: DriftFound) -> None:
    b.drift[f.symbol] = f


def _drift_cleared(b: Booked, f: DriftCleared) -> None:
    b.drift.pop(f.symbol, None)


def _link(b: Booked, f: LinkChanged) -> None:
    b.link_up, b.link_broker, b.link_why, b.link_ts = f.up, f.broker, f.why, f.ts


def _tradable(b: Booked, f: TradableChanged) -> None:
    if f.tradable:
        b.untradable.pop(f.symbol, None)
        for source in OWN_SOURCES:  # what was refused because of it may be asked again
            b.exits_refused.pop(f"{f.symbol}:{source}", None)
    else:
        b.untradable[f.symbol] = f.why or "not tradable"


def _command(b: Booked, f: CommandSeen) -> None:
    b.commands[f.command_id] = (f.answer, f.refused)
    if f.verb == "resume" and not f.refused:
        b.rejects.clear()
        b.exits_rejected.clear()
    while len(b.commands) > KEEP_COMMANDS:
        del b.commands[next(iter(b.commands))]


def _alert(b: Booked, f: Alerted) -> None:
    b.alerts.append(f)
    del b.alerts[:-KEEP_RECENT]
    b.told[f"{f.code}:{f.subject}"] = f.ts
    _count(b, f"alerts_{f.level}")


def _anomaly(b: Booked, f: Anomaly) -> None:
    _count(b, "anomalies")


def _started(b: Booked, f: StartedUp) -> None:
    """A new process: the link is not proven yet, whatever the last one had."""
    b.link_up, b.link_why = False, "starting"
    b.starts.append(Start(f.ts, f.clean))
    del b.starts[:-20]


_HANDLERS: dict[type, Callable[[Booked, Any], None]] = {
    Decided: _decided, OrderIntended: _intended, CancelIntended: _cancel_intended, ReplaceIntended: _replace_intended,
    OrderMoved: _moved, OrderAmended: _amended, AmendRefused: _amend_refused, CancelRefused: _cancel_refused, Filled: _filled,
    FillSkipped: _skipped,
    ForeignSeen: _foreign, Anomaly: _anomaly, StopSet: _stop_set, CashMoved: _cash, SplitApplied: _split_applied, RateSet: _rate,
    ReserveMoved: _reserve, TierChanged: _tier, DayOpened: _day_opened, DayClosed: _day_closed, BreakerTripped: _tripped,
    BreakerResumed: _resumed, StateChanged: _state, FlattenBegun: _flatten_begun, FlattenDone: _flatten_done, DriftFound: _drift,
    DriftCleared: _drift_cleared, PositionAdopted: _adopted, LinkChanged: _link, TradableChanged: _tradable, CommandSeen: _command,
    Alerted: _alert, StartedUp: _started, TrancheJudged: _tranche, DayMeasured: _measured, EarningsNoted: _earnings,
    EventNoted: _event, ScheduleRan: _schedule, Notified: _notified,
}  # fmt: skip
