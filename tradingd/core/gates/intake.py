"""Which recommendations are looked at at all, and in what order. Source: E1.

A recommendation is known by (source, id). Its key is remembered until a copy of it would be refused as stale anyway, so a
duplicate is refused for good while the memory stays small.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from math import isfinite

import msgspec

from tradingd.core.events import Mode, Recommendation
from tradingd.core.facts import OWN_SOURCES, Check, Reason
from tradingd.core.gates.checks import count, iso, shown
from tradingd.core.types import NS, Symbol

_HOUR = 3600 * NS
# at hand: on Python 3.11 a member looked up in its class costs ten times a name of the module
_DUPLICATE = Reason.DUPLICATE
_INVALID = Reason.INVALID
_STALE = Reason.STALE_RECOMMENDATION
_MODE = Reason.MODE_NOT_ELIGIBLE
_UNKNOWN = Reason.UNKNOWN_SYMBOL


class IntakeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """max_age_h: older recommendations are stale, hours, 1..36.   future_s: how far a source's clock may be ahead, seconds,
    0..3600.   id_max: longest id, characters."""

    max_age_h: int = 24
    future_s: int = 60
    id_max: int = 128

    def __post_init__(self) -> None:
        count("intake", "max_age_h", self.max_age_h, low=1, high=36)  # the book remembers what it decided for two days
        count("intake", "future_s", self.future_s, high=3600)
        count("intake", "id_max", self.id_max, low=1, high=1024)


def key(rec: Recommendation) -> str:
    """What makes two recommendations the same one."""
    return f"{rec.source}:{rec.id}"


def validate(
    rec: Recommendation,
    *,
    known: Container[Symbol],
    live: bool,
    now: int,
    seen: Container[str],
    settings: IntakeSettings,
) -> tuple[Check, ...]:
    """Every intake check of one recommendation; `checks.refusals` gives the reasons.

    known: symbols with an instrument.   live: real money is at stake, so the recommendation must be live_eligible.
    now: ns.   seen: keys remembered (see `remember_until`).
    Refuses DUPLICATE, INVALID (id, source, confidence, generated in the future), STALE_RECOMMENDATION, MODE_NOT_ELIGIBLE,
    UNKNOWN_SYMBOL.
    """
    named = 1 <= len(rec.id) <= settings.id_max and rec.id.isprintable()
    sourced = 1 <= len(rec.source) <= 64 and rec.source.isprintable() and rec.source not in OWN_SOURCES
    sane = isfinite(rec.confidence) and 0.0 <= rec.confidence <= 1.0
    latest = now + settings.future_s * NS
    oldest = now - settings.max_age_h * _HOUR
    generated = iso(rec.generated_at)
    return (
        _check("duplicate", rec.id[: settings.id_max], None, key(rec) not in seen, _DUPLICATE),
        _check("id", len(rec.id), settings.id_max, named, _INVALID, "1..limit printable characters"),
        _check(
            "source",
            len(rec.source),
            64,
            sourced,
            _INVALID,
            "1..limit printable characters, not a name of the house",
        ),
        _check("confidence_range", shown(rec.confidence), 1.0, sane, _INVALID, "a number from 0 to 1"),
        _check("generated_by_now", generated, iso(latest), rec.generated_at <= latest, _INVALID),
        _check("age", generated, iso(oldest), rec.generated_at >= oldest, _STALE),
        _check(
            "mode",
            rec.mode.value,
            "live" if live else "paper",
            not live or rec.mode is Mode.LIVE,
            _MODE,
        ),
        _check("symbol", rec.symbol, None, rec.symbol in known, _UNKNOWN),
    )


def remember_until(rec: Recommendation, now: int, settings: IntakeSettings) -> int:
    """Until when (ns) the key must be kept: as long as a copy could still be fresh enough, and at least `max_age_h` from
    now."""
    return max(rec.generated_at, now) + settings.max_age_h * _HOUR


def forgettable(seen: Mapping[str, int], now: int) -> tuple[str, ...]:
    """The keys whose time (`remember_until`) is over: a copy would be stale now. seen: key -> until, ns."""
    return tuple(name for name, until in seen.items() if now > until)


def by_confidence(recs: Iterable[Recommendation]) -> tuple[Recommendation, ...]:
    """Highest confidence first; equal ones in the order they came; those whose confidence is no number last."""
    return tuple(sorted(recs, key=lambda r: (0, -r.confidence) if isfinite(r.confidence) else (1, 0.0)))


def _check(
    name: str, value: float | str | None, limit: float | str | None, ok: bool, reason: Reason, note: str = ""
) -> Check:
    return Check(name, value, limit, ok, None if ok else reason, "" if ok else note)
