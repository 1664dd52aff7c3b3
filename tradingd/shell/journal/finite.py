"""Finds numbers that JSON cannot carry. Only asked about facts whose bytes raise the suspicion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import msgspec


def unfit(value: object, where: str = "") -> str | None:
    """The path of the first NaN or infinity inside a fact, None when there is none."""
    match value:
        case float():
            return None if math.isfinite(value) else where
        case Decimal():
            return None if value.is_finite() else where
        case msgspec.Struct():
            parts = [(f"{where}.{name}".lstrip("."), getattr(value, name)) for name in value.__struct_fields__]
        case Mapping():
            parts = [(f"{where}[{key}]", item) for key, item in value.items()]
        case tuple() | list():
            parts = [(f"{where}[{i}]", item) for i, item in enumerate(value)]
        case _:
            return None
    for name, item in parts:
        found = unfit(item, name)
        if found is not None:
            return found
    return None
