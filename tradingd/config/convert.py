"""From a TOML table to a Settings struct, field by field, so that all faults are found at once and each names its field."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from tradingd.config.secret import LITERAL, Secret, is_reference, parse_reference, sounds_secret
from tradingd.config.units import UnitError, duration_in, money, ratio, size_bytes, time_unit_s
from tradingd.core.types import Money

S = TypeVar("S", bound=msgspec.Struct)
_MONEY_NAME = re.compile(r"(^|_)(notional|equity|capital|cash|amount|usd|money|value)(_|$)")
_BAD = object()


class Problem(msgspec.Struct, frozen=True):
    """One fault. path: dotted name of the key; message: what is wrong and what would be right."""

    path: str
    message: str


class Faults:
    """Collects what is wrong, and which currencies were written beside amounts."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.currencies: list[tuple[str, str]] = []  # path, currency

    def add(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def build(cls: type[S], table: Any, where: str, faults: Faults, base: msgspec.Struct | None = None) -> S | None:
    """The struct, or None when anything in it is wrong (then `faults` says all of it). Unknown keys are errors (H6).

    base: where it stands, its values hold for the keys that are not given, instead of the struct's defaults.
    """
    if not isinstance(table, Mapping):
        faults.add(where, f"must be a table ([{where}]), not {_kind(table)}")
        return None
    before = len(faults.problems)
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    for key in table:
        if key not in fields:
            faults.add(join(where, key), "is not a known key" + _hint(key, fields))
    unknown = len(faults.problems)
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in table:
            values[field.name] = _value(table[key], field.type, key, join(where, key), faults, field.default)
        elif base is not None:
            values[field.name] = getattr(base, field.name)
        elif field.required:
            faults.add(join(where, key), "is missing")
    if len(faults.problems) > unknown:
        return None
    try:
        built = cls(**values)
    except (ValueError, TypeError) as exc:
        faults.add(*_blame(where, str(exc), fields))
        return None
    return built if len(faults.problems) == before else None


def settings(cls: type[S], table: Mapping[str, Any], where: str) -> S:
    """An adapter's or a strategy's own Settings from its table in the configuration.

    where: the table's name for messages, like "strategies.trend.settings". Raises ValueError listing every fault.
    """
    faults = Faults()
    built = build(cls, table, where, faults)
    if built is None:
        raise ValueError("; ".join(f"{p.path} {p.message}" for p in faults.problems))
    return built


def _blame(where: str, message: str, fields: Mapping[str, Any]) -> tuple[str, str]:
    """A struct's own check begins its message with the field's name, perhaps behind its section: then the fault is that
    field's, and the name need not be said twice."""
    first, _, rest = message.partition(" ")
    name = first.rpartition(".")[2].rstrip(":")
    return (join(where, name), rest) if name in fields else (where, message)


def _hint(key: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _value(value: Any, hint: Any, key: str, path: str, faults: Faults, default: Any = None) -> Any:
    """One value as its field wants it; on a fault it is recorded and a filler comes back."""
    options = _options(hint)
    if Secret in options:
        return _secret(value, path, faults)
    for option in options:
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return build(option, value, path, faults, default if isinstance(default, option) else None)
    if get_origin(hint) is dict:
        return _table(value, get_args(hint)[1], path, faults)
    try:
        if isinstance(value, str):
            value = _with_unit(value, options, key, path, faults)
        elif _not_finite(value):
            faults.add(path, "must be a finite number")
            return _BAD
        return msgspec.convert(value, hint)
    except UnitError as exc:
        faults.add(path, str(exc))
    except msgspec.ValidationError as exc:
        faults.add(path, _plain(str(exc), value, hint))
    return _BAD


def _options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a hint, without None and without Annotated's wrapping."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in {Union, types.UnionType}:
        return tuple(option for arg in get_args(hint) for option in _options(arg) if arg is not type(None))
    return (hint,)


def _secret(value: Any, path: str, faults: Faults) -> Any:
    if isinstance(value, Secret):  # read before, as part of a table that was handed on
        return value
    try:
        return parse_reference(value)
    except ValueError as exc:
        faults.add(path, str(exc))
        return _BAD


def _table(value: Any, inner: Any, path: str, faults: Faults) -> Any:
    if not isinstance(value, Mapping):
        faults.add(path, f"must be a table ([{path}]), not {_kind(value)}")
        return _BAD
    if inner is Any:
        return {key: free(item, key, join(path, key), faults) for key, item in value.items()}
    return {key: _value(item, inner, key, join(path, key), faults) for key, item in value.items()}


def free(value: Any, key: str, path: str, faults: Faults) -> Any:
    """A value of a table another room reads: references become Secret, text where a secret is due is refused."""
    if is_reference(value):
        return _secret(value, path, faults)
    if isinstance(value, str) and sounds_secret(key):
        faults.add(path, LITERAL)
        return _BAD
    if isinstance(value, Mapping):
        return {k: free(v, k, join(path, k), faults) for k, v in value.items()}
    if isinstance(value, list):
        return [free(item, key, path, faults) for item in value]
    if _not_finite(value):
        faults.add(path, "must be a finite number")
        return _BAD
    if not isinstance(value, str | bool | int | Decimal):
        faults.add(path, f"must be text, a number or true/false, not {_kind(value)}")
        return _BAD
    return value


def _with_unit(text: str, options: tuple[Any, ...], key: str, path: str, faults: Faults) -> Any:
    """Text for a number: read by the unit its field has. Text for text stays."""
    numeric = [
        option
        for option in options
        if option in {int, float, Decimal} or getattr(option, "__supertype__", None) is Decimal
    ]
    if not numeric:
        return text
    if key.endswith("_bytes"):
        return size_bytes(text)
    unit_s = time_unit_s(key)
    if unit_s is not None:
        number = duration_in(text, unit_s)
        if int not in numeric:
            return number
        if number != number.to_integral_value():
            raise UnitError(f"{text!r} is not a whole number of the unit that {key} is in")
        return int(number)
    if Money in numeric or _MONEY_NAME.search(key):
        amount, currency = money(text)
        faults.currencies.append((path, currency))
        return amount
    if int in numeric:
        raise UnitError(f"{text!r}: must be a whole number, without quotes")
    return ratio(text)


def _not_finite(value: Any) -> bool:
    return isinstance(value, float | Decimal) and not math.isfinite(value)


def _kind(value: Any) -> str:
    names = {
        bool: "true/false",
        int: "a number",
        Decimal: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def _plain(message: str, value: Any, hint: Any) -> str:
    """msgspec's words in the operator's; the value itself is repeated only when it is a plain word of a choice."""
    if message.startswith("Invalid enum value"):
        choices = _choices(hint)
        close = get_close_matches(str(value), choices, n=1)
        return f"must be one of {', '.join(choices)}" + (f"; did you mean {close[0]}?" if close else f", not {value!r}")
    wants = {"int": "a whole number", "float": "a number", "decimal": "a number", "bool": "true or false", "str": "text in quotes",
             "array": "a list"}  # fmt: skip
    match = re.match(r"Expected `([a-z]+)[^`]*`(?: (\S+ \S+))?(?:, got `([a-z]+)`)?", message)
    if match is None:
        return message
    bound = f" {match[2]}" if match[2] else ""
    return f"must be {wants.get(match[1], match[1])}{bound}" + (f", not {_kind(value)}" if match[3] else "")


def _choices(hint: Any) -> list[str]:
    found: list[str] = []
    for option in _options(hint):
        if isinstance(option, type) and hasattr(option, "__members__"):
            found += [str(member.value) for member in option.__members__.values()]
        elif get_args(option):
            found += [str(arg) for arg in get_args(option)]
    return found
