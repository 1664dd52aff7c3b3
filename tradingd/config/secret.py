"""Secrets, by reference only: where one lies, never what it is. Source: H6, RELIABILITY 5.2, J14."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

_KINDS = ("credential", "file", "env")
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")
_SOUNDS_SECRET = re.compile(r"(^|_)(key|api_key|secret|password|passwd|passphrase|token|pin)$")
LITERAL = (
    'a secret is given by reference: { credential = "name" }, { file = "/path" } or { env = "NAME" }, never as text'
)


class SecretMissing(Exception):
    """The secret could not be read: names the reference and the cure, never the value. Source: RELIABILITY H12."""


class Secret:
    """A reference to a secret. It holds no value, so it can be shown, hashed and compared; `reveal` reads it anew.

    kind: "credential" (a file of that name in $CREDENTIALS_DIRECTORY), "file" (a path), "env" (a variable's name).
    """

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        return f"Secret({self.kind}={self.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.kind, self.name) == (other.kind, other.name)

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def reveal(self, environ: Mapping[str, str]) -> Revealed:
        """The value, for the one who must send it. Raises SecretMissing; trailing newlines are not part of it."""
        if self.kind == "env":
            value = environ.get(self.name, "")
            where = f"environment variable {self.name}"
        else:
            path = self._path(environ)
            value, where = _read(path, private=self.kind == "file"), str(path)
        value = value.rstrip("\r\n")
        if not value:
            raise SecretMissing(f"{where} is empty or not set")
        return Revealed(value)

    def _path(self, environ: Mapping[str, str]) -> Path:
        if self.kind == "file":
            return Path(self.name)
        base = environ.get("CREDENTIALS_DIRECTORY")
        if not base:
            raise SecretMissing(
                f"credential {self.name}: $CREDENTIALS_DIRECTORY is not set (LoadCredential= in the unit sets it)"
            )
        return Path(base) / self.name


class Revealed:
    """A secret's value that does not show itself: not in repr, str, format, pickle or JSON. `value()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def value(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Revealed(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def _read(path: Path, *, private: bool) -> str:
    try:
        if private and path.stat().st_mode & 0o077:
            raise SecretMissing(f"{path} can be read by others: chmod 600 {path}")
        return path.read_text(encoding="utf-8")  # sim-ok: a secret is read once, before the loop turns
    except (OSError, UnicodeDecodeError) as exc:
        raise SecretMissing(f"{path} cannot be read: {exc.__class__.__name__}") from None


def sounds_secret(name: str) -> bool:
    """Does a setting's name say that its value is a secret (`api_key`, `password`, `token`, ...)?"""
    return _SOUNDS_SECRET.search(name.lower()) is not None


def is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _KINDS


def parse_reference(value: Any) -> Secret:
    """A table of exactly one of the three keys. Raises ValueError with the cure; never repeats a literal."""
    if not is_reference(value):
        raise ValueError(LITERAL)
    kind, name = next(iter(value.items()))
    if not isinstance(name, str) or not name:
        raise ValueError(f"{kind} must be a name in quotes")
    if kind == "file" and not name.startswith("/"):
        raise ValueError("file must be an absolute path")
    if kind != "file" and _NAME.match(name) is None:
        raise ValueError(f"{kind} must be a plain name (letters, digits, - _ .)")
    return Secret(kind, name)
