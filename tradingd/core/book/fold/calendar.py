"""Folding what the world does and what the calendar asks for: earnings, events, schedules."""

from __future__ import annotations

from tradingd.core.book import rebalances
from tradingd.core.book.booked import Booked, Mark
from tradingd.core.book.fold.counts import count
from tradingd.core.facts import EarningsNoted, EventNoted, ScheduleRan


def earnings_noted(b: Booked, f: EarningsNoted) -> None:
    if f.dates:
        b.earnings[f.symbol] = f.dates
    else:
        b.earnings.pop(f.symbol, None)


def event_noted(b: Booked, f: EventNoted) -> None:
    for event_id in [e.event_id for e in b.events.values() if e.until <= f.ts]:
        del b.events[event_id]
    b.events[f.event_id] = f


def schedule_ran(b: Booked, f: ScheduleRan) -> None:
    b.schedules[f.name] = f.key
    if f.name == rebalances.NAME:
        rebalances.ran(b.rebalances, f)
        count(b, "rebalances")
    b.marks[f.name] = Mark(f.ts, dict(b.refusals), b.counts.get("breaker_trips", 0))
