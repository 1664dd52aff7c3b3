"""What the calendar asks for by name: the summary of each session, the digest of each week; and a word on each large trade (E16).

An occurrence is due at `performance.summary_at`, exchange time, on the session's date (the digest: on that of the last session of
the exchange's week). The latest one that is due and not taken care of is told at the next timer, whatever happened in between: a
restart, a suspend, a change of the clocks. Several missed ones are one, the latest, marked late. An account that did not exist yet
when one was due is told nothing of it.
"""

from __future__ import annotations

from datetime import date

from tradingd.core.book.book import Book
from tradingd.core.book.orders import OPEN, Working
from tradingd.core.book.trades import trade_of
from tradingd.core.events import FillSeen
from tradingd.core.facts import Alerted, ScheduleRan
from tradingd.core.gates.window import Session, SessionTable, week_of, week_of_date
from tradingd.core.rules import Rules
from tradingd.core.types import NS, OrderId
from tradingd.core.views.summary import Span, daily_summary, weekly_digest

DAILY, WEEKLY = "daily_summary", "weekly_digest"
LATE = 900 * NS


def run_agenda(book: Book, table: SessionTable, rules: Rules) -> None:
    """Tell what is due, once each."""
    at, booked = rules.performance.summary_at, book.booked
    if book.now < book.agenda.get(at, 0):
        return
    day = due_day(table, book.now, at)
    if day is None:
        return
    following = table.following(day.date)
    if following is not None:  # until then nothing falls due
        book.agenda = {at: table.moment(following.date, at)}
    today = table.local_date(book.now)
    if _is_new(book, DAILY, day.date, today, day):
        before = table.latest_by(_day_before(day.date))
        span = _span(table, [day], before, at)
        _run(book, DAILY, day.date, daily_summary(book, rules, span, booked.marks.get(DAILY)), span.due)
    week = due_week(table, day)
    if week and _is_new(book, WEEKLY, week_of(week[-1]), week_of_date(today), week[-1]):
        before = table.latest_by(_day_before(week[0].date))
        span = _span(table, week, before, at)
        text = weekly_digest(book, rules, span, booked.marks.get(WEEKLY), week_of(week[-1]))
        _run(book, WEEKLY, week_of(week[-1]), text, span.due)


def due_day(table: SessionTable, now: int, at: int) -> Session | None:
    """The latest session whose summary is due by now; at: minutes after midnight."""
    today = table.latest_by(table.local_date(now))
    if today is None or now >= table.moment(today.date, at):
        return today
    return table.latest_by(_day_before(today.date))


def due_week(table: SessionTable, day: Session) -> list[Session]:
    """All sessions of the latest week that is over once `day` is due, in order; [] when the table begins after."""
    last: Session | None = day
    following = table.following(day.date)
    if following is not None and week_of(following) == week_of(day):  # this week goes on
        while last is not None and week_of(last) == week_of(day):
            last = table.latest_by(_day_before(last.date))
    if last is None:
        return []
    found = [last]
    before = table.latest_by(_day_before(last.date))
    while before is not None and week_of(before) == week_of(last):
        found.insert(0, before)
        before = table.latest_by(_day_before(before.date))
    return found


def tell_large_trade(book: Book, working: Working | None, fill: FillSeen, rules: Rules) -> None:
    """A closed trade won or lost more than `performance.large_trade_pnl`: told once an order."""
    booked = book.booked
    trade = trade_of(booked, fill.order_id if working is not None else OrderId(""), fill.exec_id)
    if trade is None or abs(trade.pnl) <= rules.performance.large_trade_pnl:
        return
    if f"large_trade_pnl:{trade.order_id}" in booked.told:
        return
    more = ", and the order works on" if working is not None and working.life in OPEN else ""
    prices = f"entry {trade.entry:,.4f}, exit {trade.exit:,.4f}"
    text = f"{trade.symbol}: {trade.pnl:+,.2f} {booked.currency} on {trade.qty}, {prices}{more}"
    _alert(book, "large_trade_pnl", text, trade.order_id)


def _is_new(book: Book, name: str, key: str, latest: str, last: Session) -> bool:
    """Not taken care of, and after the account began. Keys of one name rise with time; one after the `latest` there can be by now
    was made by a clock that was wrong."""
    booked = book.booked
    done = booked.schedules.get(name)
    if done is not None and done <= latest:
        return key > done
    return bool(booked.days) and last.date >= booked.days[0]


def _span(table: SessionTable, sessions: list[Session], before: Session | None, at: int) -> Span:
    begins = table.moment(before.date, at) if before is not None else 0
    return Span(dates=[s.date for s in sessions], begins=begins, due=table.moment(sessions[-1].date, at))


def _run(book: Book, name: str, key: str, text: str, due: int) -> None:
    if book.now - due > LATE:
        text = f"late by {(book.now - due) // (60 * NS)} min\n{text}"
    _alert(book, name, text, key)
    book.emit(ScheduleRan(ts=book.now, account=book.account, name=name, key=key))


def _day_before(date_iso: str) -> str:
    return date.fromordinal(date.fromisoformat(date_iso).toordinal() - 1).isoformat()


def _alert(book: Book, code: str, text: str, subject: str) -> None:
    book.emit(Alerted(ts=book.now, account=book.account, level="tell", code=code, text=text, subject=subject))
