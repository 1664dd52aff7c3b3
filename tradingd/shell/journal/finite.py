"""Finds numbers that JSON cannot carry. Only asked about facts whose bytes raise the suspicion, which every fact with an empty
field does: what cannot hold a number is let go at the first look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import astuple

_PLAIN = (str, int, type(None), bytes)  # enums of words and flags are among them


def unfit(value: object, where: str = "") -> str | None:
    """The path of the first NaN or infinity inside a fact, None when there is none."""
    if isinstance(value, _PLAIN):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else where
    if isinstance(value, Decimal):
        return None if value.is_finite() else where
    if isinstance(value, msgspec.Struct):
        return _inside(value, where)
    if isinstance(value, tuple | list):
        parts = [(f"[{i}]", item) for i, item in enumerate(value) if not isinstance(item, _PLAIN)]
    elif isinstance(value, Mapping):
        parts = [(f"[{key}]", item) for key, item in value.items() if not isinstance(item, _PLAIN)]
    else:
        return None
    for name, item in parts:
        found = unfit(item, where + name)
        if found is not None:
            return found
    return None


def _inside(struct: msgspec.Struct, where: str) -> str | None:
    for name, item in zip(struct.__struct_fields__, astuple(struct), strict=True):
        if not isinstance(item, _PLAIN):
            found = unfit(item, f"{where}.{name}" if where else name)
            if found is not None:
                return found
    return None
