"""What a strategy is, what it may see, and how one is loaded and kept over a restart.

A strategy is a module: `Settings`, `State`, `WANTS`, `initial` and `decide`, no more. It is a pure function of the events it
asked for, so a replay makes the same signals, and it learns about the world only through those events and a `View`. What it
says is a `Signal`; `Loaded.recommendation` makes of it the recommendation that enters the same intake as any other idea.

`decide` raises nothing for anything the market can say: NaN, gaps and symbols it has never heard of included. One that raises
is broken, and the pipeline takes it out of service without touching the others. Source: W1, E1.

One that asks for quotes may have a sixth part, `triggers(settings, state, view)`: which of them leave it as it is
(`signals/triggers.py`). A backtest passes over those; without it, it is shown each.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from tradingd.core.events import Action, Mode, Quote, Recommendation
from tradingd.core.signals.triggers import Blank, Declare, Triggers, TriggersError, declared
from tradingd.core.types import Symbol

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,48}")
_NEEDS = ("Settings", "State", "WANTS", "initial", "decide")


class SettingsError(ValueError):
    """A strategy cannot be loaded as asked; the message names the strategy and the field."""


class View(Protocol):
    """What a strategy may see of the house besides events, read only.

    ts: the time of the event being decided, ns.   in_window: entries are allowed now (E9).
    """

    @property
    def ts(self) -> int: ...

    @property
    def in_window(self) -> bool: ...

    def qty(self, symbol: Symbol) -> float:
        """Units held, signed; 0.0 when flat or not known."""

    def entry(self, symbol: Symbol) -> float | None:
        """Average entry price of what is held, None when flat."""

    def mid(self, symbol: Symbol) -> float | None:
        """Middle of the last good quote, None before the first."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy would do. A SELL means: leave the long position.

    confidence: 0..1, dimensionless, how good the idea looks among its own kind.   thesis: why, in words, for the operator.
    key: 1..48 of letters, digits and `._-`, made from the time of an event: with the strategy's name and the symbol it is the
    recommendation's id, so the same idea seen again (replay, restart) is one recommendation.
    intraday: an idea for hours, traded by the rules of micro-trading (E15).
    """

    symbol: Symbol
    action: Action
    confidence: float
    thesis: str
    key: str
    intraday: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence of a signal must be within 0..1, not {self.confidence!r}")
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"key of a signal must be 1 to 48 letters, digits, '.', '_' or '-', not {self.key!r}")


class Strategy(Protocol):
    """A strategy module. `Settings` and `State` are its own frozen structs; msgspec can write and read both.

    WANTS: the event types it is shown (Bar, Quote, Split, Timer ...); of the others it hears nothing.
    """

    @property
    def WANTS(self) -> frozenset[type]: ...  # noqa: N802  a module's constant

    @property
    def Settings(self) -> type[msgspec.Struct]: ...  # noqa: N802  a module's class

    @property
    def State(self) -> Any: ...  # noqa: N802  a module's class

    def initial(self, settings: Any, /) -> Any:
        """The state before the first event."""

    def decide(self, settings: Any, state: Any, view: View, event: Any, /) -> tuple[Any, tuple[Signal, ...]]:
        """The next state and what to do now. Raises nothing; changes nothing it was given."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One running strategy. The same module may run several times, under different names and settings.

    name: unique in the house, lower case, begins each recommendation id.
    """

    name: str
    module: Strategy
    settings: msgspec.Struct

    def wants(self, event: object) -> bool:
        """Whether an event of this kind is shown to it."""
        return type(event) in self.module.WANTS

    def initial(self) -> Any:
        return self.module.initial(self.settings)

    def decide(self, state: Any, view: View, event: object) -> tuple[Any, tuple[Signal, ...]]:
        return self.module.decide(self.settings, state, view, event)

    @property
    def declares(self) -> bool:
        """Does it say which quotes leave it as it is?"""
        return _declare(self.module) is not None

    def triggers(self, state: Any, view: View) -> Triggers | None:
        """Which quotes leave it as it is now; None: each may matter. Raises TriggersError for what cannot be used."""
        declare = _declare(self.module)
        return None if declare is None else declared(self.name, declare, self.settings, state, view)

    def recommendation(self, signal: Signal, ts: int, mode: Mode = Mode.PAPER) -> Recommendation:
        """The signal as intake takes it: id "<name>:<symbol>:<key>", source "strategy:<name>", made at `ts` (ns)."""
        return Recommendation(
            ts=ts, id=f"{self.name}:{signal.symbol}:{signal.key}", symbol=signal.symbol, action=signal.action,
            confidence=signal.confidence, generated_at=ts, mode=mode, thesis=signal.thesis, source=f"strategy:{self.name}",
            intraday=signal.intraday,
        )  # fmt: skip

    def dump(self, state: Any) -> bytes:
        """The state for a snapshot, as JSON with the settings it grew under. Source: W4."""
        return msgspec.json.encode({"settings": self.settings, "state": state})

    def restore(self, data: bytes) -> Any | None:
        """The state out of a snapshot, or None when it grew under other settings or does not read: warm up again then."""
        try:
            saved = msgspec.json.decode(data, type=_Saved)
            if bytes(saved.settings) != msgspec.json.encode(self.settings):
                return None
            return msgspec.json.decode(saved.state, type=self.module.State)
        except (msgspec.DecodeError, UnicodeDecodeError):  # ValidationError is a DecodeError
            return None


class _Saved(msgspec.Struct, frozen=True):
    settings: msgspec.Raw
    state: msgspec.Raw


def load(name: str, module: Any, mapping: Mapping[str, object]) -> Loaded:
    """A strategy with its settings, ready to run.

    Refuses (SettingsError): a name that is not 1 to 32 of [a-z0-9_-] beginning with a letter, a module that lacks a part,
    `triggers` that cannot be used, and whatever `load_settings` refuses.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(f"strategy name {name!r}: use 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter")
    missing = ", ".join(part for part in _NEEDS if not hasattr(module, part))
    if missing:
        raise SettingsError(f"strategy {name}: {_module_name(module)} lacks {missing}")
    if not isinstance(module.WANTS, frozenset) or not module.WANTS:
        raise SettingsError(
            f"strategy {name}: WANTS of {_module_name(module)} must be a frozenset that names event types"
        )
    try:
        settings = load_settings(module, mapping)
    except SettingsError as e:
        raise SettingsError(f"strategy {name}: {e}") from e
    loaded = Loaded(name=name, module=module, settings=settings)
    _check_triggers(loaded)
    return loaded


def _check_triggers(loaded: Loaded) -> None:
    declare, words = _declare(loaded.module), f"strategy {loaded.name}: triggers of {_module_name(loaded.module)}"
    if declare is None:
        return
    if not callable(declare):
        raise SettingsError(f"{words} must be a function of settings, state and view")
    if Quote not in loaded.module.WANTS:
        raise SettingsError(f"{words} would never be asked: Quote is not in WANTS")
    try:
        loaded.triggers(loaded.initial(), Blank())
    except TriggersError as e:
        raise SettingsError(str(e)) from e


def _declare(module: Any) -> Declare | None:
    found: Declare | None = getattr(module, "triggers", None)
    return found


def load_settings(module: Any, mapping: Mapping[str, object]) -> msgspec.Struct:
    """The module's `Settings` from a table of the configuration (numbers may be int, float or Decimal).

    Refuses (SettingsError): keys it does not know (all of them are named, each with the nearest known one), values of another
    type, values out of range.
    """
    known: tuple[str, ...] = module.Settings.__struct_fields__
    strange = [_with_hint(key, known) for key in mapping if key not in known]
    if strange:
        raise SettingsError(f"no such setting: {', '.join(strange)}")
    try:
        settings: msgspec.Struct = msgspec.convert(dict(mapping), module.Settings)
    except msgspec.ValidationError as e:
        raise SettingsError(_plain(str(e))) from e
    return settings


def _with_hint(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"`{key}` (did you mean `{near[0]}`?)" if near else f"`{key}`"


def _plain(text: str) -> str:
    """ "Expected `int`, got `str` - at `$.fast`" -> "`fast`: expected `int`, got `str`"."""
    message, at, path = text.rpartition(" - at `$")
    if not at:
        return text
    field = path.rstrip("`").lstrip(".")
    return f"`{field}`: {message[:1].lower()}{message[1:]}" if field else message


def _module_name(module: Any) -> str:
    return str(getattr(module, "__name__", module))
