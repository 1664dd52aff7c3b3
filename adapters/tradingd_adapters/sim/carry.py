"""What it costs to hold over night: interest on cash, fees for borrowed shares. Source: T2.

Money of one's own is cash less what was sold short, at its marks: the proceeds of a short sale lie with the lender. Below zero it
pays `debit_pct` a year, above it earns `credit_pct`; what is sold short pays `borrow_pct`. A year has 360 days as in US margin
loans, nights are counted by the calendar, amounts are rounded to the cent.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, NamedTuple

import msgspec

CENT = Decimal("0.01")
YEAR = 100 * 360


class Booked(NamedTuple):
    """amount: signed, account currency."""

    kind: Literal["interest", "borrow"]
    amount: Decimal


class Carry(msgspec.Struct, frozen=True, kw_only=True):
    """Percent a year, 0 .. 100 each."""

    debit_pct: Decimal = Decimal(0)
    credit_pct: Decimal = Decimal(0)
    borrow_pct: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"{name} must be 0 .. 100")

    def over(self, nights: int, cash: Decimal, short: Decimal) -> list[Booked]:
        """What so many nights cost or earn; nothing that is less than half a cent. short: value of what was sold, >= 0."""
        own = cash - short
        rate = self.credit_pct if own > 0 else self.debit_pct
        amounts = (Booked("interest", own * rate), Booked("borrow", -short * self.borrow_pct))
        cents = [Booked(kind, (x * nights / YEAR).quantize(CENT, ROUND_HALF_EVEN)) for kind, x in amounts]
        return [booked for booked in cents if booked.amount]
