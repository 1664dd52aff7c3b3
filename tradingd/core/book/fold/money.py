"""Folding money that moved without an execution, and the accounts of each day."""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold.counts import count
from tradingd.core.facts import CashMoved, DayClosed, DayMeasured, DayOpened, RateSet, ReserveMoved
from tradingd.core.types import Money

KEEP_DAYS = 260  # a year of sessions


def cash_moved(b: Booked, f: CashMoved) -> None:
    b.cash = Money(b.cash + f.amount)
    if f.kind in ("deposit", "adopted"):
        b.deposits = Money(b.deposits + f.amount)
    remember_action(b, f.action_id)


def remember_action(b: Booked, action_id: str) -> None:
    if action_id:
        b.actions.append(action_id)
        del b.actions[:-500]


def rate_set(b: Booked, f: RateSet) -> None:
    b.rates[f.currency] = Decimal(f.rate)


def reserve_moved(b: Booked, f: ReserveMoved) -> None:
    b.reserve = f.balance


def day_opened(b: Booked, f: DayOpened) -> None:
    b.day, b.day_open, b.day_is_open, b.day_loss_tripped = f.date, f.equity, True, False
    b.day_deposits = b.deposits
    b.days.append(f.date)
    del b.days[:-10]
    if not b.high_water:
        b.high_water = f.equity


def day_closed(b: Booked, f: DayClosed) -> None:
    b.day_is_open = False
    b.high_water = f.high_water
    b.drawdown_max = max(b.drawdown_max, f.drawdown)
    count(b, "days")


def day_measured(b: Booked, f: DayMeasured) -> None:
    b.measured.append(f)
    del b.measured[:-KEEP_DAYS]
