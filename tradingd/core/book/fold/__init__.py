"""The fold: what each fact does to the booked half of an account. Total, and the only writer of `Booked`.

One function a fact, found by its class; a fact without a function changes nothing but the counts. Replaying a journal through
`fold` rebuilds the account exactly, so nothing here may look at a quote, a setting or a clock. The functions stand by their noun:
`plans`, `orders`, `positions`, `money`, `states`, `operator`, `calendar`. Source: J1, I8.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import calendar, money, operator, orders, plans, positions, states
from tradingd.core.book.orders import FINAL
from tradingd.core.facts import (
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
    LinkChanged,
    Notified,
    OrderAmended,
    OrderIntended,
    OrderMoved,
    PositionAdopted,
    RateSet,
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
from tradingd.core.types import NS

HOUR = 3_600 * NS
DAY = 24 * HOUR
KEEP_SEEN = 2 * DAY  # intake refuses anything older than a day
KEEP_TOLD = 2 * DAY
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
    for order_id in b.finished[: -orders.KEEP_FINISHED]:  # by count, but never while a late fill is likely (A14, D12)
        oldest = b.orders.get(order_id)
        if oldest is not None and oldest.life in FINAL:
            if now - oldest.updated_ts < orders.KEEP_FINISHED_FOR:
                break
            orders.forget(b, oldest.order)
        gone += 1
    del b.finished[:gone]


_HANDLERS: dict[type, Callable[[Booked, Any], None]] = {
    Decided: plans.decided, TrancheJudged: plans.part_judged,
    OrderIntended: orders.intended, CancelIntended: orders.cancel_intended, ReplaceIntended: orders.replace_intended,
    OrderMoved: orders.moved, OrderAmended: orders.amended, AmendRefused: orders.amend_refused,
    CancelRefused: orders.cancel_refused, ForeignSeen: orders.foreign_seen,
    Filled: positions.filled, FillSkipped: positions.fill_skipped, StopSet: positions.stop_set,
    SplitApplied: positions.split_applied, PositionAdopted: positions.adopted,
    CashMoved: money.cash_moved, RateSet: money.rate_set, ReserveMoved: money.reserve_moved, DayOpened: money.day_opened,
    DayClosed: money.day_closed, DayMeasured: money.day_measured,
    TierChanged: states.tier_changed, BreakerTripped: states.tripped, BreakerResumed: states.resumed,
    StateChanged: states.state_changed, FlattenBegun: states.flatten_begun, FlattenDone: states.flatten_done,
    DriftFound: states.drift_found, DriftCleared: states.drift_cleared, LinkChanged: states.link_changed,
    TradableChanged: states.tradable_changed, StartedUp: states.started,
    Anomaly: operator.anomaly, CommandSeen: operator.command_seen, Alerted: operator.alerted, Notified: operator.notified,
    EarningsNoted: calendar.earnings_noted, EventNoted: calendar.event_noted, ScheduleRan: calendar.schedule_ran,
}  # fmt: skip
