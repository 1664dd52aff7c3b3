"""Account-wide limits that act on their own: the day's loss, the volatility breaker, the emergency release of the reserve (E5, E6).

The quote path compares equity with one line (`Book.loss_line`); only below it is anything worked out.
"""

from __future__ import annotations

from math import inf

from tradingd.core.book.book import Book
from tradingd.core.facts import Alerted, Anomaly, BreakerResumed, BreakerTripped, ReserveMoved, StateChanged
from tradingd.core.gates import breaker, reserve
from tradingd.core.plans.entry import call_off
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import cancel_entries, money
from tradingd.core.steps.tier import change_tier
from tradingd.core.types import TradingState

SLACK = 1e-6  # of the day's opening equity: a running sum of a billion marks is less than that away from the exact one
SECOND = "rule:second_daemon"


def draw_loss_line(book: Book, rules: Rules) -> None:
    """The equity below which a limit may act, -inf when none is armed."""
    booked = book.booked
    lines = [-inf]
    if booked.day_is_open and not booked.day_loss_tripped and booked.day_open > 0:
        lines.append(float(booked.day_open) * (1.0 - rules.breaker.daily_loss))
    if booked.reserve > 0 and booked.high_water > 0:
        lines.append(float(booked.high_water) * (1.0 - rules.reserve.emergency_drawdown))
    book.loss_line = line = max(lines)
    book.watch_line = line + max(abs(line), float(booked.day_open)) * SLACK if line > -inf else line


def watch_equity(book: Book, rules: Rules) -> None:
    """Equity may stand below the line: trip the daily loss breaker, release the reserve in an emergency; then redraw."""
    book.remark()  # the running sum of marks may have drifted in its last digits
    if not book.equity < book.loss_line:
        return
    booked = book.booked
    if booked.day_is_open and not booked.day_loss_tripped:
        trip = breaker.daily_loss(float(booked.day_open), book.equity, book.now, rules.breaker)
        if trip is not None:
            book.emit(trip.fact(book.account))
            cancel_entries(book, "breaker: daily loss")
            _page(book, "breaker_daily_loss", f"day loss {trip.actual:.2%} above {trip.threshold:.2%}: no entries")
    _emergency(book, rules)
    draw_loss_line(book, rules)


def _emergency(book: Book, rules: Rules) -> None:
    booked = book.booked
    found = reserve.emergency(booked.reserve, book.drawdown(), booked.tier, rules.reserve)
    if found is None:
        return
    share = reserve.reserve_share(booked.reserve, money(book.equity))
    if found.entry is not None:
        book.emit(
            ReserveMoved(
                ts=book.now, account=book.account, kind=found.entry.kind, amount=found.entry.amount,
                balance=found.entry.balance, reference=found.why,
            )
        )  # fmt: skip
    if found.tier is not booked.tier:
        change_tier(book, found.tier, found.why, drawdown=book.drawdown(), reserve_share=share)
    _page(book, "emergency_liquidation", found.why)


def anomaly(book: Book, kind: str, subject: str, detail: str) -> None:
    """What should not happen did: recorded and told."""
    book.emit(Anomaly(ts=book.now, account=book.account, kind=kind, subject=subject, detail=detail))
    _page(book, kind, f"{subject}: {detail}")


def stop_new_risk(book: Book, rule: str, reason: str, *, state: TradingState = TradingState.REDUCING) -> None:
    """Faults move down by themselves; only a named operator moves up. What is still to go of an entry is new risk."""
    verb = "halt" if state is TradingState.HALTED else "pause"
    book.emit(
        StateChanged(
            ts=book.now, account=book.account, key=f"rule:{rule}", verb=verb, state=state, actor=f"rule:{rule}", reason=reason,
        )
    )  # fmt: skip
    call_off(book, rule)


def second_daemon(book: Book, why: str) -> None:
    """Somebody else trades this account under our name: two that do not know of each other must not both take risk (D6, H4)."""
    if SECOND not in book.booked.holds:
        stop_new_risk(book, SECOND.removeprefix("rule:"), why)
    cancel_entries(book, "a second daemon")
    _page(book, "second_daemon", why)


def hold_and_page(book: Book, rule: str, reason: str, *, state: TradingState = TradingState.REDUCING) -> None:
    """A rule stops new risk: working entries are withdrawn and somebody is told (I14)."""
    stop_new_risk(book, rule, reason, state=state)
    cancel_entries(book, rule)
    _page(book, rule, reason)


def resume_trip(book: Book, trip: BreakerTripped, why: str) -> None:
    """A trip is over, by time or by an operator's word; somebody is told (E6, E16)."""
    book.emit(BreakerResumed(ts=book.now, account=book.account, kind=trip.kind, symbol=trip.symbol, why=why))
    text = f"{trip.kind.replace('_', ' ')}{f' of {trip.symbol}' if trip.symbol else ''}: {why}"
    _alert(book, "tell", "breaker_resumed", text)


def watch_stop_outs(book: Book, rules: Rules) -> None:
    """Three stop-outs within half an hour: the market is not what the strategies think; no entries for a while (E6)."""
    trip = breaker.volatility(book.booked.stop_outs, book.now, rules.breaker)
    if trip is not None and "volatility" not in book.booked.trips:
        book.emit(trip.fact(book.account))
        cancel_entries(book, "breaker: volatility")
        _page(
            book,
            "breaker_volatility",
            f"{trip.actual:.0f} stop-outs in {rules.breaker.stop_out_window_min} min: no entries",
        )


def _page(book: Book, code: str, text: str) -> None:
    _alert(book, "page", code, text)


def _alert(book: Book, level: str, code: str, text: str) -> None:
    book.emit(Alerted(ts=book.now, account=book.account, level=level, code=code, text=text))
