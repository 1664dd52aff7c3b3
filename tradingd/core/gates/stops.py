"""Where a position ends: stop and target, how they move, and the two price lines inside which no quote can matter.

Source: E4. A level only ever comes closer: no function here loosens a stop or moves a target away. Long exits are judged at
the bid, short exits at the ask, because that is where they would be filled. Levels are booked (Decimal, on the tick grid);
quotes are observed (float). A decimal of at most 15 digits keeps its order as a float, so comparing in float decides exactly
as Decimal would.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Literal

import msgspec

from tradingd.core.facts import Reason
from tradingd.core.gates.checks import count, ratio
from tradingd.core.gates.sizer import AtRisk, heat
from tradingd.core.gates.window import MINUTE, Session
from tradingd.core.types import Instrument, Price, Side, Symbol

Fired = Literal["stop", "target", "trail"]


class StopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """trail_at: share of the way to target beyond which the stop moves to entry, 0..1.
    atr_change: relative move of ATR that is worth a re-evaluation.   interval_min: not more often than this, minutes.
    no_price_min: minutes without a price in market hours after which the position is closed.
    earnings_days, earnings_factor: stop distance factor that near to earnings (trading days).
    event_factor: stop distance factor during a high-severity event.
    heat_at: share of the heat limit above which stops are tightened, lowest confidence first, by `heat_factor`.
    """

    trail_at: float = 0.5
    atr_change: float = 0.10
    interval_min: int = 5
    no_price_min: int = 15
    earnings_days: int = 3
    earnings_factor: float = 0.7
    event_factor: float = 0.5
    heat_at: float = 0.8
    heat_factor: float = 0.7

    def __post_init__(self) -> None:
        for name in ("trail_at", "atr_change", "heat_at"):
            ratio("stops", name, getattr(self, name))
        for name in ("earnings_factor", "event_factor", "heat_factor"):
            ratio("stops", name, getattr(self, name), low=0.01)
        count("stops", "interval_min", self.interval_min, high=1440)
        count("stops", "no_price_min", self.no_price_min, low=1, high=1440)
        count("stops", "earnings_days", self.earnings_days, high=60)


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """Stop and target of one position. entry: the price they were measured from, on the grid.
    trailing: the stop has been moved to entry."""

    entry: Price
    stop: Price
    target: Price
    trailing: bool = False

    @property
    def distance(self) -> float:
        """From entry to stop, price units, >= 0; what the sizer takes for the heat."""
        return float(abs(self.entry - self.stop))


def initial_levels(
    entry: float, atr: float, side: Side, multiplier: float, reward_risk: float, instrument: Instrument
) -> Levels | Reason:
    """Stop and target of a new position, both rounded on the grid away from entry: never closer than asked. Source: E4.

    entry: quote currency, > 0.   atr: same unit.   multiplier, reward_risk: the tier's (or a micro-trade's), > 0.
    Rejects: NO_RANGE when the stop distance is below one tick or not a number, or when a level would not be above zero.
    """
    distance = atr * multiplier
    if not (isfinite(entry) and entry > 0 and isfinite(distance) and isfinite(reward_risk) and reward_risk > 0):
        return Reason.NO_RANGE
    tick = float(instrument.tick)
    if not (atr >= tick and distance >= tick):
        return Reason.NO_RANGE
    levels = Levels(
        entry=instrument.price(entry),
        stop=_away(entry, -side.sign * distance, instrument),
        target=_away(entry, side.sign * distance * reward_risk, instrument),
    )
    return levels if levels.stop > 0 and levels.target > 0 else Reason.NO_RANGE


def tightened_levels(
    entry: float, atr: float, side: Side, multiplier: float, reward_risk: float, instrument: Instrument, factor: float
) -> Levels | Reason:
    """`initial_levels` with the stop at `factor` of its distance (0..1) and the target where it is on an ordinary day. A range
    that would come below a tick is not tightened: a stop that is less near protects, none does not. Source: E4."""
    normal = initial_levels(entry, atr, side, multiplier, reward_risk, instrument)
    if factor >= 1.0 or isinstance(normal, Reason):
        return normal
    near = initial_levels(entry, atr * factor, side, multiplier, reward_risk, instrument)
    return normal if isinstance(near, Reason) else msgspec.structs.replace(normal, stop=near.stop)


def lines(side: Side, levels: Levels, settings: StopSettings) -> tuple[float, float]:
    """(low, high): while low < price < high, `fired` says None. Compare the bid for a long, the ask for a short."""
    stop = float(levels.stop)
    far = float(levels.target if levels.trailing else trail_price(levels, settings))
    return (stop, far) if side is Side.BUY else (far, stop)


def fired(side: Side, levels: Levels, bid: float, ask: float, settings: StopSettings) -> Fired | None:
    """What this quote sets off: the stop at or beyond it, the target at or beyond it, or the move of the stop to entry
    strictly beyond `trail_at` of the way. A side that is missing (0 or not a number) sets off nothing."""
    price = bid if side is Side.BUY else ask
    if not (price > 0 and isfinite(price)):
        return None
    sign = side.sign
    if sign * price <= sign * float(levels.stop):
        return "stop"
    if sign * price >= sign * float(levels.target):
        return "target"
    if not levels.trailing and sign * price > sign * float(trail_price(levels, settings)):
        return "trail"
    return None


def trail_price(levels: Levels, settings: StopSettings) -> Price:
    """The price beyond which the stop moves to entry."""
    return Price(levels.entry + (levels.target - levels.entry) * Decimal(repr(settings.trail_at)))


def trailed(side: Side, levels: Levels) -> Levels:
    """The levels once the trail fired: stop at entry, or where it is if that is already better."""
    return msgspec.structs.replace(levels, stop=_tighter(side, levels.stop, levels.entry), trailing=True)


def tighten_factor(earnings_in_days: int | None, high_severity: bool, settings: StopSettings) -> tuple[float, str]:
    """How much of the normal stop distance stands now and why; the strictest wins. (1.0, "") on an ordinary day."""
    found = [(1.0, "")]
    if earnings_in_days is not None and 0 <= earnings_in_days <= settings.earnings_days:
        found.append((settings.earnings_factor, f"earnings in {earnings_in_days} trading days"))
    if high_severity:
        found.append((settings.event_factor, "high-severity event"))
    return min(found, key=lambda pair: pair[0])


def re_evaluate(
    *, side: Side, levels: Levels, last_atr: float, atr: float, last_ts: int, now: int, multiplier: float,
    reward_risk: float, instrument: Instrument, settings: StopSettings, factor: float = 1.0, urgent: bool = False,
) -> Levels | None:  # fmt: skip
    """The new levels, or None when nothing moves. Source: E4, E12.

    Looked at when ATR is more than `atr_change` away from last_atr or the factor is below 1, and `interval_min` have passed
    since last_ts; urgent (a high-severity event) does not wait. last_atr, last_ts: of the evaluation that last moved it.
    The stop stands atr x multiplier x factor from entry, the target atr x multiplier x reward_risk; each moves only when that
    is closer than where it is. A price already beyond the new stop sets it off with the next quote: that is meant.
    """
    if not is_due(last_atr, atr, last_ts, now, settings, factor, urgent=urgent):
        return None
    moved = _has_moved(last_atr, atr, settings)
    entry = float(levels.entry)
    asked = initial_levels(entry, atr * factor, side, multiplier, reward_risk / factor, instrument)
    if isinstance(asked, Reason):
        return None
    stop = _tighter(side, levels.stop, asked.stop)
    target = _tighter(side.opposite, levels.target, asked.target) if moved else levels.target
    new = msgspec.structs.replace(levels, stop=stop, target=target)
    return None if new == levels else new


def is_due(
    last_atr: float, atr: float, last_ts: int, now: int, settings: StopSettings, factor: float, *, urgent: bool
) -> bool:
    """Would `re_evaluate` look at the levels at all?"""
    if not urgent and 0 <= now - last_ts < settings.interval_min * MINUTE:
        return False
    return factor < 1.0 or _has_moved(last_atr, atr, settings)


def _has_moved(last_atr: float, atr: float, settings: StopSettings) -> bool:
    return last_atr > 0 and abs(atr / last_atr - 1.0) > settings.atr_change


def ease_heat(
    positions: Sequence[AtRisk], active_pool: float, max_heat: float, instruments: dict[Symbol, Instrument],
    settings: StopSettings,
) -> tuple[tuple[Symbol, Price], ...]:  # fmt: skip
    """New stops that bring the heat back to `heat_at` of its limit, lowest confidence first (unknown = lowest); only as many
    as it takes, so the heat may stay above when all have moved. Empty while the heat is below. Source: E4 (S2 property 25).
    """
    now = list(positions)
    moved: list[tuple[Symbol, Price]] = []
    weakest = sorted(range(len(now)), key=lambda i: (-1.0 if (c := now[i].confidence) is None else c, now[i].symbol))
    for i in weakest:
        if heat(now, active_pool) <= settings.heat_at * max_heat:
            break
        p = now[i]
        distance = p.side.sign * (p.entry - p.stop) * settings.heat_factor
        if not distance > 0:
            continue
        stop = _away(p.entry, -p.side.sign * distance, instruments[p.symbol])
        if p.side.sign * float(stop) > p.side.sign * p.stop:
            now[i] = msgspec.structs.replace(p, stop=float(stop))
            moved.append((p.symbol, stop))
    return tuple(moved)


def no_price_too_long(last_ts: int | None, now: int, session: Session | None, settings: StopSettings) -> bool:
    """Has there been no price for `no_price_min` minutes of this session? Counted from the open at the earliest; never
    outside a session. last_ts: of the last price, None when there was none yet."""
    if session is None or not session.open_ns <= now <= session.close_ns:
        return False
    since = session.open_ns if last_ts is None else max(last_ts, session.open_ns)
    return now - since >= settings.no_price_min * MINUTE


def _away(entry: float, offset: float, instrument: Instrument) -> Price:
    """entry + offset on the grid, rounded in the direction of the offset."""
    return instrument.price(entry + offset, to="up" if offset > 0 else "down")


def _tighter(side: Side, a: Price, b: Price) -> Price:
    """Of two stops of a position on that side, the one hit first."""
    return max(a, b) if side is Side.BUY else min(a, b)
