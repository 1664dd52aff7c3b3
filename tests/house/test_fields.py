"""A field that stands twice in a class: Python keeps the last one, in the place of the first, and no checker says so."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for root in ("tradingd", "adapters", "strategies") for path in sorted((ROOT / root).rglob("*.py"))]


def twice(source: str) -> list[str]:
    """Class.name of each name that is given a type or a value more than once in the body of one class."""
    return [
        f"{found.name}.{name}"
        for found in ast.walk(ast.parse(source))
        if isinstance(found, ast.ClassDef)
        for name, n in Counter(name for line in found.body for name in _names(line)).items()
        if n > 1
    ]


def _names(line: ast.stmt) -> list[str]:
    match line:
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return []


def test_no_class_declares_a_field_twice() -> None:
    assert len(SOURCES) > 150
    found = {path.relative_to(ROOT).as_posix(): twice(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class A(Struct):\n    ts: int\n    why: str\n    ts: int = 0\n", ["A.ts"]),
        ("@dataclass\nclass A:\n    a: int = 0\n    a = 1\n", ["A.a"]),
        ("def f():\n    class Inner:\n        x, y = 1, 2\n        y = 3\n", ["Inner.y"]),
        ("class A(Struct):\n    ts: int\n\nclass B(A):\n    ts: int\n", []),  # a child says it anew
        ("class A:\n    a: int\n    def f(self):\n        a: int = 0\n", []),
    ],
)
def test_what_stands_twice_is_found(source: str, found: list[str]) -> None:
    assert twice(source) == found
