"""Units in text: "2%", "500 USD", "15m", "16 MiB". One reader for each kind; a bare number keeps its documented unit."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = r"[+-]?\d[\d_,]*(?:\.\d+)?"
_TEXT = re.compile(rf"^\s*({_NUMBER})\s*([A-Za-z%µ]+)\s*$")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")

SECONDS: dict[str, Decimal] = {
    "ms": Decimal("0.001"),
    "s": Decimal(1), "sec": Decimal(1),
    "m": Decimal(60), "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400), "day": Decimal(86400), "days": Decimal(86400),
}  # fmt: skip
BYTES: dict[str, int] = {
    "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}  # fmt: skip

# what a field's name says about its unit, longest first
_TIME_SUFFIXES: tuple[tuple[str, Decimal], ...] = (
    ("_minutes", Decimal(60)), ("_seconds", Decimal(1)), ("_hours", Decimal(3600)), ("_days", Decimal(86400)),
    ("_min", Decimal(60)), ("_ms", Decimal("0.001")), ("_ns", Decimal("0.000000001")), ("_s", Decimal(1)), ("_h", Decimal(3600)),
)  # fmt: skip


class UnitError(ValueError):
    """The text is not a quantity of the kind that is due; the message says what is."""


def _split(text: str) -> tuple[Decimal, str]:
    match = _TEXT.match(text)
    if match is None:
        raise UnitError(f"{text!r} is not a number with a unit")
    return Decimal(match[1].replace("_", "").replace(",", "")), match[2]


def ratio(text: str) -> Decimal:
    """ "2%" -> 0.02, exactly. Refuses any other unit."""
    number, unit = _split(text)
    if unit != "%":
        raise UnitError(f'{text!r}: a ratio is written as "2%" or as 0.02 without quotes')
    return number.scaleb(-2)


def money(text: str) -> tuple[Decimal, str]:
    """ "500 USD" -> (500, "USD"). The currency is three capital letters."""
    number, unit = _split(text)
    if len(unit) != 3 or not (unit.isascii() and unit.isupper()):
        raise UnitError(f'{text!r}: money is written as "500 USD" or as 500 without quotes')
    return number, unit


def duration_s(text: str) -> Decimal:
    """ "15m", "2h", "1h30m", "90 s", "250ms", "1 day" -> seconds, exactly. Never negative."""
    rest, total, seen = text.strip(), Decimal(0), False
    while rest:
        match = _PART.match(rest)
        if match is None or match[2] not in SECONDS:
            raise UnitError(f'{text!r}: a duration is written as "30s", "15m", "2h" or "1 day"')
        total += Decimal(match[1]) * SECONDS[match[2]]
        rest, seen = rest[match.end() :], True
    if not seen:
        raise UnitError(f'{text!r}: a duration is written as "30s", "15m", "2h" or "1 day"')
    return total


def size_bytes(text: str) -> int:
    """ "16 MiB" -> 16777216, "64 kB" -> 64000. Whole bytes only."""
    number, unit = _split(text)
    factor = BYTES.get(unit.lower())
    if factor is None:
        raise UnitError(f'{text!r}: a size is written as "16 MiB" or "64 kB"')
    count = number * factor
    if count != count.to_integral_value():
        raise UnitError(f"{text!r} is not a whole number of bytes")
    return int(count)


def time_unit_s(name: str) -> Decimal | None:
    """Seconds in one unit of a field, by its name: `price_max_age_s` 1, `cooldown_min` 60. None when it is no duration."""
    for suffix, seconds in _TIME_SUFFIXES:
        if name.endswith(suffix):
            return seconds
    return None


def duration_in(text: str, unit_s: Decimal) -> Decimal:
    """The duration in a field's own unit, exactly: "2h" for minutes is 120."""
    seconds = duration_s(text)
    return seconds / unit_s


def format_duration(seconds: int) -> str:
    """Whole seconds >= 0 as "1d2h3m4s", without the empty parts; 0 is "0s". `duration_s` reads it back."""
    parts: list[str] = []
    for unit, width in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, width)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
