"""Writes docs/guide/keys.md from the Settings themselves: `python -m tests.house.keys_guide`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from tradingd.config.show import toml_value
from tradingd.config.whole import Config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "keys.md"
HEAD = """# Every key

All sections of the configuration with their keys and defaults; a key in a comment has none: it is required, or not set. How a value
may be written, where the file is looked for and what a change takes: [configuration.md](configuration.md). What a strategy's or an
adapter's own `settings` may hold, it says itself.

The page is written by `python -m tests.house.keys_guide`, from the definitions that read the file.
"""


def page() -> str:
    return "\n".join([HEAD, *(section(name, kind, given) for name, kind, given in sections("", Config, None))])


def sections(name: str, kind: type[msgspec.Struct], given: Any) -> Iterator[tuple[str, type[msgspec.Struct], Any]]:
    """(its name in the file, its definition, what it holds by default or None), each table before those inside it."""
    yield name, kind, given
    for field in msgspec.structs.fields(kind):
        inside, table = _table(field.type)
        if table is not None:
            where = f"{name}.{field.encode_name}".lstrip(".")
            default = None if inside else (field.default if given is None else getattr(given, field.name))
            yield from sections(f"{where}.<name>" if inside else where, table, default)


def _table(kind: Any) -> tuple[bool, type[msgspec.Struct] | None]:
    """(several by name, the definition) of a table, (False, None) of a plain value."""
    several = get_origin(kind) is dict
    found = get_args(kind)[1] if several else kind
    is_table = isinstance(found, type) and issubclass(found, msgspec.Struct)
    return several, found if is_table else None


def section(name: str, kind: type[msgspec.Struct], given: Any) -> str:
    keys = [_key(field, given) for field in msgspec.structs.fields(kind) if _table(field.type)[1] is None]
    about = " ".join(inspect.cleandoc(kind.__doc__ or "").split()) if name else ""
    block = ["```toml", *([f"[{name}]"] if name else []), *keys, "```", ""]
    return "\n".join([f"## `[{name}]`" if name else "## At the top", "", *([about, ""] if about else []), *block])


def _key(field: msgspec.structs.FieldInfo, given: Any) -> str:
    if given is not None:
        value = getattr(given, field.name)
    elif field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        value = field.default
    if value is None or value is msgspec.NODEFAULT:
        return f"# {field.encode_name} ="
    return f"{field.encode_name} = {'{}' if value == {} else toml_value(value)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
