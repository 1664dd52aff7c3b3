"""What a strategy that asks for quotes may declare: between which prices, and until when, quotes leave it as it is.

A declaration is asked for when something happened, never for each quote. It holds until the strategy's state, a position or
`View.in_window` is another, until anything but a quote happens, or until a quote lies outside of it. Up to then `decide` may be
shown any of the quotes inside, or none of them: it must answer each with the state it was given and no signal. `View.ts` and
`View.mid` go on meanwhile, so nothing may be declared by them that is not true later. Source: W1, T1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import msgspec

from tradingd.core.types import Symbol


class TriggersError(ValueError):
    """What a strategy declared cannot be used; the message names the strategy, and the symbol and field."""


class Between(msgspec.Struct, frozen=True):
    """Quotes of one symbol that change nothing: bid above `low` and ask below `high`, in its currency; where low >= high there are
    none. Refuses (ValueError) what is no number."""

    low: float = -inf
    high: float = inf

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
                raise ValueError(f"`{name}` must be a number, not {value!r}")

    def holds(self, bid: float, ask: float) -> bool:
        return self.low < bid <= ask < self.high


NOTHING = Between(inf, -inf)  # each quote may matter


class Triggers(msgspec.Struct, frozen=True):
    """of: by symbol.   others: of any symbol not named there; None: each of their quotes may matter.   until: quotes at or after
    that time may matter, ns; None: time alone changes nothing."""

    of: Mapping[Symbol, Between] = {}
    others: Between | None = None
    until: int | None = None

    def between(self, symbol: Symbol) -> Between | None:
        """None: each quote of that symbol may matter."""
        return self.of.get(symbol, self.others)


class Blank:
    """The view before anything happened."""

    ts = 0
    in_window = False

    def qty(self, _: Symbol) -> float:
        return 0.0

    def entry(self, _: Symbol) -> float | None:
        return None

    def mid(self, _: Symbol) -> float | None:
        return None


Declare = Callable[[Any, Any, Any], Triggers]  # settings, state, view


def declared(name: str, declare: Declare, settings: object, state: object, view: object) -> Triggers:
    """What the strategy of that name declares now. Raises TriggersError for whatever it raises, and for what is no `Triggers`."""
    try:
        found = declare(settings, state, view)
    except Exception as error:  # foreign code: whatever it raises is told with its name (G5)
        raise TriggersError(f"strategy {name}: triggers: {type(error).__name__}: {error}") from error
    if fault := _fault(found):
        raise TriggersError(f"strategy {name}: triggers: {fault}")
    return found


def _fault(found: object) -> str:
    if not isinstance(found, Triggers):
        return f"expected `Triggers`, got `{type(found).__name__}`"
    of: Any = found.of  # whatever their types say
    if not isinstance(of, Mapping):
        return f"`of`: expected symbols with `Between`, got `{type(of).__name__}`"
    for symbol, between in of.items():
        if not isinstance(symbol, str):
            return f"`of`: expected a symbol, got {symbol!r}"
        if not isinstance(between, Between):
            return f"`of` {symbol}: expected `Between`, got `{type(between).__name__}`"
    others: Any = found.others
    if others is not None and not isinstance(others, Between):
        return f"`others`: expected `Between` or None, got `{type(others).__name__}`"
    until: Any = found.until
    if until is not None and type(until) is not int:
        return f"`until`: expected whole nanoseconds or None, got {until!r}"
    return ""
