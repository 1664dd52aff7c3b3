"""Any value of a type, read off its annotations: a new field of a fact is in the laws without a word here.

Only what JSON can carry: finite numbers, text without lone surrogates (the journal refuses the rest, `FactRefused`).
"""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from hypothesis import strategies as st

BILLION = 10**9
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    Decimal: st.sampled_from([0, 2, 8]).flatmap(lambda places: st.decimals(-BILLION, BILLION, places=places)),
    type(None): st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """kind: a plain type, enum, Struct, NewType, Literal, or a union, tuple, list or dict of these; else TypeError."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, typing.NewType):
        return anything(kind.__supertype__)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(parts)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([anything(part) for part in parts])
    if origin in (tuple, list, dict):
        return _several(origin, parts)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{name: anything(hints[name]) for name in kind.__struct_fields__})
    raise TypeError(f"nothing is known about {kind}")


def _several(origin: type, parts: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is dict:
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=2)
    if origin is tuple and parts[-1] is not Ellipsis:
        return st.tuples(*(anything(part) for part in parts))
    found = st.lists(anything(parts[0]), max_size=2)
    return found if origin is list else found.map(tuple)
