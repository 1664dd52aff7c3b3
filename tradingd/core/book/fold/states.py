"""Folding what entries depend on: breakers, holds, drift, the link, and the tier."""

from __future__ import annotations

from tradingd.core.book.booked import Booked, Start
from tradingd.core.book.fold.counts import count
from tradingd.core.facts import (
    OWN_SOURCES,
    BreakerResumed,
    BreakerTripped,
    DriftCleared,
    DriftFound,
    FlattenBegun,
    FlattenDone,
    LinkChanged,
    StartedUp,
    StateChanged,
    TierChanged,
    TradableChanged,
)
from tradingd.core.types import Symbol, TradingState

KEEP_TIERS = 50


def tripped(b: Booked, f: BreakerTripped) -> None:
    b.trips[trip_key(f.kind.value, f.symbol)] = f
    count(b, "breaker_trips")
    if f.kind == "daily_loss":
        b.day_loss_tripped = True
    if f.kind == "volatility":
        b.stop_outs.clear()


def resumed(b: Booked, f: BreakerResumed) -> None:
    b.trips.pop(trip_key(f.kind.value, f.symbol), None)


def trip_key(kind: str, symbol: Symbol | None) -> str:
    return f"{kind}:{symbol}" if symbol else kind


def state_changed(b: Booked, f: StateChanged) -> None:
    if f.state is TradingState.ACTIVE:
        b.holds.pop(f.key, None)
    else:
        b.holds[f.key] = f


def flatten_begun(b: Booked, f: FlattenBegun) -> None:
    b.flatten[f.command_id] = f


def flatten_done(b: Booked, f: FlattenDone) -> None:
    b.flatten.pop(f.command_id, None)


def drift_found(b: Booked, f: DriftFound) -> None:
    b.drift[f.symbol] = f


def drift_cleared(b: Booked, f: DriftCleared) -> None:
    b.drift.pop(f.symbol, None)


def link_changed(b: Booked, f: LinkChanged) -> None:
    b.link_up, b.link_broker, b.link_why, b.link_ts = f.up, f.broker, f.why, f.ts


def tradable_changed(b: Booked, f: TradableChanged) -> None:
    if f.tradable:
        b.untradable.pop(f.symbol, None)
        for source in OWN_SOURCES:  # what was refused because of it may be asked again
            b.exits_refused.pop(f"{f.symbol}:{source}", None)
    else:
        b.untradable[f.symbol] = f.why or "not tradable"


def started(b: Booked, f: StartedUp) -> None:
    """A new process: the link is not proven yet, whatever the last one had."""
    b.link_up, b.link_why = False, "starting"
    b.starts.append(Start(f.ts, f.clean))
    del b.starts[:-20]


def tier_changed(b: Booked, f: TierChanged) -> None:
    b.tier = f.tier
    if b.days:  # before the first session it is what was configured
        count(b, "tier_changes")
    b.tier_history.append(f)
    del b.tier_history[:-KEEP_TIERS]
