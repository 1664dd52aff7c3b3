"""What all finished values have in common."""

from __future__ import annotations

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all page values. Money and prices are text, exactly as booked; ratios are floats (0.10 = 10 %)."""
