"""Stories of the one-account world, given to a sheet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.core.world import ACCOUNT, ACME, DAY, World
from tradingd.core.facts import CashMoved
from tradingd.core.types import Money, TierName
from tradingd.lab.results.result import About
from tradingd.lab.results.sheet import Sheet

D = Decimal


def about(**changes: Any) -> About:
    plain: dict[str, Any] = {
        "data": "a world of tests", "begin": "2008-10-06", "end": "2008-12-31", "capital": Money(D(100_000)),
        "tier": TierName.CONSERVATIVE, "strategies": ("trend",), "config_hash": "c" * 64, "build": "b" * 64,
    }  # fmt: skip
    return About(**{**plain, **changes})


def sheet_of(directory: Path, world: World, **changes: Any) -> Sheet:
    """All facts of a world so far, and one close."""
    sheet = Sheet(directory, about(**changes))
    sheet.take(world.facts)
    sheet.close(max(world.now, world.facts[0].ts), world.book)
    return sheet


def days_of(sheet: Sheet, moves: list[tuple[int, int]]) -> list[float]:
    """A holding whose price moves by so many thousandths a day, and money that is put in or taken out; the growth of each day by
    what the equity was before and after."""
    world = World()
    world.buy(ACME)
    price, growth, grown = 100.0, 1.0, []
    last = 100_000.0
    given = 0
    for thousandths, put_in in moves:
        price *= 1.0 + thousandths / 1000
        world.wait(DAY / 1e9)
        world.quote(ACME, round(price, 2))
        if put_in:
            world.book.emit(CashMoved(ts=world.now, account=ACCOUNT, kind="deposit", amount=Money(D(put_in))))
        world.book.remark()
        world.timer()
        equity = world.book.equity
        taken_out = min(put_in, 0) if grown else 0  # on the first day all that is left in is the starting capital
        growth *= (equity - taken_out) / (last + put_in - taken_out)
        last = equity
        grown.append(growth)
        sheet.take(world.facts[given:])
        given = len(world.facts)
        sheet.close(world.now, world.book)
    return grown
