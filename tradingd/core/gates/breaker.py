"""The circuit breaker: what trips it, how long it stays, what it stops; and the guardian's warn and act levels.

Source: E6, R5. Trips are values with their own end; nothing is reset by hand here. A single-position trip cools down only its
ticker, every other trip stops all entries of the account. Exits are never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import isfinite
from typing import Protocol, TypeVar

import msgspec

from tradingd.core.facts import BreakerKind, BreakerTripped, Check, Reason
from tradingd.core.gates.checks import count, iso, ratio
from tradingd.core.gates.window import MINUTE
from tradingd.core.types import AccountId, Side, Symbol


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """daily_loss: of the equity at the session's open, 0..1.   position_loss: of a position's entry value, 0..1.
    stop_outs within stop_out_window_min minutes trip the volatility breaker.
    cooldown_*_min: minutes each kind stays tripped (1440 = a day).
    warn_at: share of a limit at which the guardian warns.
    """

    daily_loss: float = 0.02
    position_loss: float = 0.08
    stop_outs: int = 3
    stop_out_window_min: int = 30
    cooldown_daily_min: int = 1440
    cooldown_ticker_min: int = 1440
    cooldown_volatility_min: int = 120
    cooldown_manual_min: int = 1440
    warn_at: float = 0.8

    def __post_init__(self) -> None:
        for name in ("daily_loss", "position_loss"):
            ratio("breaker", name, getattr(self, name))
            if getattr(self, name) == 0:
                raise ValueError(f"breaker.{name} must be above 0 (a loss limit is written as a positive share)")
        ratio("breaker", "warn_at", self.warn_at)
        count("breaker", "stop_outs", self.stop_outs, low=1, high=1000)
        count("breaker", "stop_out_window_min", self.stop_out_window_min, low=1, high=525_600)
        for name in ("cooldown_daily_min", "cooldown_ticker_min", "cooldown_volatility_min", "cooldown_manual_min"):
            count("breaker", name, getattr(self, name), low=1, high=525_600)

    def cooldown_ns(self, kind: BreakerKind) -> int:
        """How long that kind stays tripped."""
        match kind:
            case BreakerKind.DAILY_LOSS:
                return self.cooldown_daily_min * MINUTE
            case BreakerKind.SINGLE_POSITION:
                return self.cooldown_ticker_min * MINUTE
            case BreakerKind.VOLATILITY:
                return self.cooldown_volatility_min * MINUTE
            case BreakerKind.MANUAL:
                return self.cooldown_manual_min * MINUTE


class Standing(Protocol):
    """What a trip is to a check: a `Trip`, or the fact of one."""

    @property
    def kind(self) -> BreakerKind: ...
    @property
    def until(self) -> int: ...
    @property
    def symbol(self) -> Symbol | None: ...


T = TypeVar("T", bound=Standing)


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """One trip. threshold, actual: in the kind's own unit (shares; a count for volatility).   ts: when, ns.
    until: the last ns at which it stands.   symbol: set for a ticker cool-down.   actor: who, for a manual trip."""

    kind: BreakerKind
    threshold: float
    actual: float
    ts: int
    until: int
    symbol: Symbol | None = None
    actor: str = ""

    def fact(self, account: AccountId) -> BreakerTripped:
        return BreakerTripped(
            ts=self.ts, account=account, kind=self.kind, threshold=self.threshold, actual=self.actual, until=self.until,
            symbol=self.symbol, actor=self.actor,
        )  # fmt: skip


def daily_loss(equity_open: float, equity_now: float, now: int, settings: BreakerSettings) -> Trip | None:
    """Trips when more than `daily_loss` of the equity at the open is gone. A day's open of 0 or less trips nothing (there is
    nothing to trade with either)."""
    if not equity_open > 0:
        return None
    loss = (equity_open - equity_now) / equity_open
    return (
        _trip(BreakerKind.DAILY_LOSS, settings.daily_loss, loss, now, settings) if loss > settings.daily_loss else None
    )


def position_loss(
    symbol: Symbol, side: Side, entry: float, price: float, now: int, settings: BreakerSettings
) -> Trip | None:
    """Trips for this ticker when the position lost more than `position_loss` of its entry value: close it. side: of the
    position.   price: where it could be closed; one that is missing (0 or not a number) trips nothing."""
    if not (entry > 0 and price > 0 and isfinite(price)):
        return None
    loss = side.sign * (entry - price) / entry
    if not loss > settings.position_loss:
        return None
    return _trip(BreakerKind.SINGLE_POSITION, settings.position_loss, loss, now, settings, symbol=symbol)


def volatility(stop_outs: Sequence[int], now: int, settings: BreakerSettings, *, since: int = -1) -> Trip | None:
    """Trips when `stop_outs` or more positions were stopped out in the window that ends now (both ends belong to it).

    stop_outs: times, ns, any order.   since: count only what came after it (the last trip), so that one burst trips once.
    """
    begins = now - settings.stop_out_window_min * MINUTE
    hits = len([ts for ts in stop_outs if begins <= ts <= now and ts > since])
    if hits < settings.stop_outs:
        return None
    return _trip(BreakerKind.VOLATILITY, float(settings.stop_outs), float(hits), now, settings)


def manual(actor: str, now: int, settings: BreakerSettings, *, until: int | None = None) -> Trip:
    """A trip by hand, to `until` when the operator says so, else for the manual cool-down."""
    trip = _trip(BreakerKind.MANUAL, 0.0, 0.0, now, settings, actor=actor)
    return trip if until is None else msgspec.structs.replace(trip, until=until)


def active(trips: Iterable[T], now: int) -> tuple[T, ...]:
    """The trips that stand: through their whole cool-down, its last nanosecond included."""
    return tuple(trip for trip in trips if now <= trip.until)


def expired(trips: Iterable[T], now: int) -> tuple[T, ...]:
    """The trips that are over: strictly after trigger + cool-down."""
    return tuple(trip for trip in trips if now > trip.until)


def entry_checks(trips: Iterable[Standing], now: int, symbol: Symbol) -> tuple[Check, Check]:
    """May an entry in symbol go? Two checks, account and ticker; limit says until when. Refuses BREAKER_ACTIVE,
    TICKER_COOLDOWN."""
    standing = active(trips, now)
    if not standing:
        when = iso(now)
        return Check("breaker", when, None, True), Check("ticker_cooldown", when, None, True)
    account = [trip for trip in standing if trip.symbol is None]
    ticker = [trip for trip in standing if trip.symbol == symbol]
    return _check("breaker", account, now, Reason.BREAKER_ACTIVE), _check(
        "ticker_cooldown", ticker, now, Reason.TICKER_COOLDOWN
    )


class Level(StrEnum):
    """How near a measured exposure is to its limit."""

    OK = "ok"
    WARN = "warn"
    ACT = "act"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One limit under the guardian's eye; used and limit in the unit of the name."""

    name: str
    used: float
    limit: float
    level: Level


def watch(name: str, used: float, limit: float, settings: BreakerSettings) -> Watch:
    """The guardian's verdict on one limit: act at or above it, warn from `warn_at` of it. A use that is not a number is
    acted on, because nobody knows what it is. Source: R5."""
    if not used < limit:
        level = Level.ACT
    else:
        level = Level.WARN if used >= settings.warn_at * limit else Level.OK
    return Watch(name=name, used=used, limit=limit, level=level)


def _trip(
    kind: BreakerKind, threshold: float, actual: float, now: int, s: BreakerSettings, *, symbol: Symbol | None = None,
    actor: str = "",
) -> Trip:  # fmt: skip
    until = now + s.cooldown_ns(kind)
    return Trip(kind=kind, threshold=threshold, actual=actual, ts=now, until=until, symbol=symbol, actor=actor)


def _check(name: str, trips: Sequence[Standing], now: int, reason: Reason) -> Check:
    if not trips:
        return Check(name, iso(now), None, True)
    kinds = ", ".join(trip.kind.value for trip in trips)
    return Check(name, iso(now), iso(max(trip.until for trip in trips)), False, reason, kinds)
