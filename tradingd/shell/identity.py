"""What code and data this is: the build hash that stands in the journal's genesis, in each start and on the page (H10)."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec

from tradingd.core.gates.window import SessionTable

PACKAGES = ("tradingd", "tradingd_adapters", "tradingd_strategies")


def build_hash() -> str:
    """SHA-256 over every Python source of the product, by name, in order: the same code gives the same hash on any machine."""
    digest = sha256()
    for package in PACKAGES:
        for name, source in sorted(_sources(files(package), package)):
            digest.update(name.encode() + b"\0" + sha256(source).digest())
    return digest.hexdigest()


def is_compiled() -> bool:
    """Does this process run the compiled build (docs/adr/0009-compiled.md)? Its build hash is the same."""
    spec = find_spec("tradingd.core.pipeline")
    return spec is not None and (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES))


def _sources(root: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in root.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            if item.name != "__pycache__":
                found += _sources(item, path)
        elif item.name.endswith(".py"):
            found.append((path, item.read_bytes()))
    return found


@cache
def session_table(key: str) -> SessionTable:
    """The shipped session table of one calendar. FileNotFoundError when there is none of that name."""
    text = files("tradingd").joinpath("data", f"sessions_{key}.csv").read_text(encoding="ascii")
    return SessionTable.parse(text, key)
