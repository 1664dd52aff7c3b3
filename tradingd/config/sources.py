"""Where the configuration comes from: file, conf.d, environment, flags; merged in that order, with the line of each key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tradingd.config.convert import Faults

ENV_PREFIX = "TRADINGD__"
_HEADER = re.compile(r"^\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*(?P<key>(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)""")


class Override(msgspec.Struct, frozen=True):
    """One environment variable that changed a key. Its value is not kept: it may be what it should not (J14)."""

    variable: str
    key: str


class Sources:
    """The merged table, and for each key the place that set it last."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}
        self.places: dict[str, str] = {}  # dotted key -> "file:line" or the variable or flag
        self.overrides: list[Override] = []
        self.files: list[Path] = []

    def place(self, path: str) -> str:
        """The place of a key, or of the nearest table around it; "" when nobody wrote it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path.rpartition(".")[0]
        return str(self.files[0]) if len(self.files) == 1 else ""

    def add_text(self, text: str, name: str, faults: Faults) -> None:
        """One TOML text. name: what messages call it."""
        try:
            table = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as exc:
            line = re.search(r"line (\d+)", str(exc))
            faults.add("", f"{name}:{line[1] if line else '?'}: is not TOML: {exc}")
            return
        _merge(self.table, table)
        for path, line_no in lines(text):
            self.places[path] = f"{name}:{line_no}"

    def add_file(self, path: Path, faults: Faults) -> None:
        try:
            text = path.read_text(encoding="utf-8")  # sim-ok: read before the loop turns
        except FileNotFoundError:
            faults.add("", f"{path} does not exist")
        except (OSError, UnicodeDecodeError) as exc:
            faults.add("", f"{path} cannot be read: {exc}")
        else:
            self.files.append(path)
            self.add_text(text, str(path), faults)

    def add_environment(self, environ: Mapping[str, str], faults: Faults) -> None:
        """TRADINGD__SECTION__KEY=value, in order of names. The value is a TOML scalar, or plain text where it is none."""
        for variable in sorted(environ):
            if not variable.startswith(ENV_PREFIX):
                continue
            parts = variable[len(ENV_PREFIX) :].split("__")
            if not all(parts):
                faults.add("", f"environment variable {variable}: is written TRADINGD__SECTION__KEY")
                continue
            path = self._set(parts, scalar(environ[variable]), faults, variable)
            if path is not None:
                self.overrides.append(Override(variable, path))
                self.places[path] = f"environment variable {variable}"

    def add_flags(self, flags: Mapping[str, Any], faults: Faults) -> None:
        """Dotted key -> value, from the command line, in the letters of the key."""
        for key, value in flags.items():
            path = self._set(key.split("."), value, faults, f"option for {key}", as_written=True)
            if path is not None:
                self.places[path] = "command line"

    def _set(self, parts: list[str], value: Any, faults: Faults, who: str, *, as_written: bool = False) -> str | None:
        table, path = self.table, []
        for i, part in enumerate(parts):
            name = part if as_written else _known(table, part)
            path.append(name)
            if i == len(parts) - 1:
                if isinstance(table.get(name), dict):
                    faults.add("", f"{who}: {'.'.join(path)} is a table, not a value")
                    return None
                table[name] = value
                return ".".join(path)
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                faults.add("", f"{who}: {'.'.join(path)} is a value, not a table")
                return None
        return None


def _known(table: Mapping[str, Any], part: str) -> str:
    """A variable's part is in capitals; a key that is already there in another case is meant, else its small letters."""
    if part in table:
        return part
    for key in table:
        if key.lower() == part.lower():
            return key
    return part.lower() if part.isupper() else part


def scalar(text: str) -> Any:
    """A TOML number, boolean or quoted text; anything else is the text itself (so 2% needs no quotes)."""
    try:
        parsed = tomllib.loads(f"v = {text}", parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        return text
    value = parsed.get("v")
    return value if len(parsed) == 1 and isinstance(value, str | bool | int | Decimal) else text


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _parts(dotted: str) -> list[str]:
    return [a or b or c for a, b, c in _PART.findall(dotted)]


def lines(text: str) -> Iterator[tuple[str, int]]:
    """(dotted key, line) of each table and key. Lines inside multi-line strings may be taken for keys: a place is a hint."""
    section: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            section = _parts(header["name"])
            yield ".".join(section), number
            continue
        key = _KEY.match(line)
        if key:
            yield ".".join([*section, *_parts(key["key"])]), number
