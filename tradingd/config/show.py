"""A configuration as text, as a flat list of keys, as a hash of what matters to trading, and as a difference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import msgspec

from tradingd.config.secret import Secret
from tradingd.config.whole import Config

Effect = Literal["live", "restart"]
# the rules may change under a running daemon; everything that is connected, stored or opened at start may not
LIVE_SECTIONS = (
    "risk", "tiers", "intake", "stops", "sizer", "reserve", "breaker", "window", "entry", "correlation", "adaptive", "micro",
    "rebalance",
)  # fmt: skip
_NOT_TRADING = ("files", "ticks", "state", "journal", "web", "drop", "notify", "live_confirm")
_PLACE_WORDS = ("url", "host", "port", "path", "dir", "file")


class Change(msgspec.Struct, frozen=True):
    """One key that differs; None where it is not there. effect: does it take a restart."""

    key: str
    before: str | None
    after: str | None
    effect: Effect


def flatten(config: Config) -> dict[str, Any]:
    """Dotted key -> value, in order; empty tables and keys left at None are left out. References stay Secret."""
    flat: dict[str, Any] = {}
    _walk(config, (), flat)
    return {".".join(_quote(part) for part in parts): value for parts, value in flat.items()}


def _walk(value: Any, parts: tuple[str, ...], flat: dict[Any, Any]) -> None:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(type(value)):
            _walk(getattr(value, field.name), (*parts, field.encode_name), flat)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _walk(item, (*parts, str(key)), flat)
    elif value is not None:
        flat[parts] = value


def _quote(part: str) -> str:
    plain = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
    return part if plain else json.dumps(part)


def toml_value(value: Any) -> str:
    """One value as TOML; a secret as its reference."""
    match value:
        case Secret():
            return f"{{ {value.kind} = {json.dumps(value.name)} }}"
        case bool():
            return "true" if value else "false"
        case Enum():
            return toml_value(value.value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Decimal():
            return format(value, "f")
        case list() | tuple() | set() | frozenset():
            items = sorted(map(toml_value, value)) if isinstance(value, set | frozenset) else map(toml_value, value)
            return f"[{', '.join(items)}]"
        case _:
            return repr(value)


def describe(config: Config) -> str:
    """All of it as TOML that can be loaded again, defaults included, secrets as references."""
    lines: list[str] = []
    tables: dict[str, list[str]] = {}
    for key, value in flatten(config).items():
        table, name = _split(key)
        tables.setdefault(table, []).append(f"{name} = {toml_value(value)}")
    for section in sorted(tables, key=bool):
        lines += [*(["", f"[{section}]"] if section else []), *tables[section]]
    return "\n".join(lines) + "\n"


def _split(key: str) -> tuple[str, str]:
    """Table and last part of a dotted key, whose last part may be quoted."""
    if key.endswith('"'):
        at = key.rindex('"', 0, -1)
        return key[: at - 1] if at else "", key[at:]
    table, _, name = key.rpartition(".")
    return table, name


def config_hash(config: Config) -> str:
    """SHA-256 in hex over what trading decisions depend on: not over paths, ports, tokens and secrets. The same on any machine."""
    lines = sorted(
        f"{key}={_canonical(value)}"
        for key, value in flatten(config).items()
        if key.partition(".")[0] not in _NOT_TRADING and not isinstance(value, Secret) and not _is_place(key)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _is_place(key: str) -> bool:
    last = key.rpartition(".")[2]
    return key.startswith("accounts.") and any(last == word or last.endswith(f"_{word}") for word in _PLACE_WORDS)


def _canonical(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return toml_value(value)


def diff(old: Config, new: Config) -> tuple[Change, ...]:
    """Every key that differs, by name."""
    before, after = flatten(old), flatten(new)
    changes = []
    for key in sorted({**before, **after}):
        a, b = before.get(key), after.get(key)
        if a != b:
            effect: Effect = "live" if key.partition(".")[0] in LIVE_SECTIONS else "restart"
            before_text, after_text = (None if v is None else toml_value(v) for v in (a, b))
            changes.append(Change(key, before_text, after_text, effect))
    return tuple(changes)
