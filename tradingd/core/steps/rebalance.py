"""The weekly rebalance: once in the first session of each exchange week in which it can be done, by ordinary exits.

It waits for the trading window, an active account, its link and prices of this session, and never runs into a breaker or a
flatten. The week is marked as done with the last of its sells, in the same step: a restart between finds it undone, and what was
sold before it counts. What a gate refuses is told by its decision and looked at again next week. Source: E13.
"""

from __future__ import annotations

from datetime import date, timedelta

from tradingd.core.book.book import Book
from tradingd.core.book.rebalances import NAME
from tradingd.core.facts import ScheduleRan
from tradingd.core.gates.window import Session, SessionTable, in_window, week_of, week_of_date
from tradingd.core.plans import rebalance as plan
from tradingd.core.plans.rebalance import Holding, Limits, Sell
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import close, left_to_close
from tradingd.core.types import Symbol, TradingState

WEEK = timedelta(weeks=1)


def rebalance(book: Book, table: SessionTable, session: Session, rules: Rules) -> None:
    """Sell what is above the limits, if this week's turn has come and is not yet done."""
    week = week_of(session)
    if not rules.rebalance.enabled or _is_done(book, session):
        return
    if not in_window(table, book.now, rules.window) or _must_wait(book, session):
        return
    tier = rules.tiers[book.booked.tier]
    known = [symbol for symbol in _standard(book) if symbol in book.markets]
    limits = Limits(
        position_pct=tier.max_position_pct, sector_pct=tier.max_sector_pct,
        positions=max(0, rules.rebalance.max_positions - (len(_standard(book)) - len(known))),
    )  # fmt: skip
    holdings = [holding for symbol in known if (holding := _holding(book, symbol)) is not None]
    done = [_sold(book, sell, week, rules) for sell in plan.sells(holdings, book.active_pool(), limits)]
    if all(done):
        book.emit(ScheduleRan(ts=book.now, account=book.account, name=NAME, key=week))


def _is_done(book: Book, session: Session) -> bool:
    """Has the week had its turn? The next one counts as well, for a clock may step back; one further off was marked by a clock that
    was wrong, and would keep the account from it until then (E8)."""
    following = week_of_date((date.fromisoformat(session.date) + WEEK).isoformat())
    return week_of(session) <= book.booked.schedules.get(NAME, "") <= following


def _must_wait(book: Book, session: Session) -> bool:
    booked = book.booked
    if book.state() is not TradingState.ACTIVE or not booked.link_up or booked.flatten:
        return True
    if any(trip.symbol is None for trip in booked.trips.values()):  # a ticker's own cool-down stops its entries only
        return True
    if not (booked.day_is_open and booked.day == session.date):
        return True
    return any(_unpriced(book, symbol, session) for symbol in _standard(book))


def _standard(book: Book) -> list[Symbol]:
    """What is held, without the micro-trades: those end by themselves within hours."""
    return [symbol for symbol in book.held() if symbol not in book.booked.micro]


def _unpriced(book: Book, symbol: Symbol, session: Session) -> bool:
    """Has it no price of this session yet, though it trades?"""
    market = book.markets.get(symbol)
    return market is not None and market.ts < session.open_ns and symbol not in book.booked.untradable


def _holding(book: Book, symbol: Symbol) -> Holding | None:
    """What of a position no closing order works on yet."""
    market, levels, left = book.markets[symbol], book.booked.levels.get(symbol), left_to_close(book, symbol)
    if not left:
        return None
    price = market.mid or float(book.booked.positions[symbol].avg_price)
    return Holding(
        symbol=symbol, sector=market.instrument.sector, qty=left, lot=market.instrument.lot,
        value=float(left * book.rate(market.instrument)) * price, confidence=levels.confidence if levels else None,
    )  # fmt: skip


def _sold(book: Book, sell: Sell, week: str, rules: Rules) -> bool:
    """Is nothing of this sell still to be done? Not while it waits for the stop to be taken back or for another close to be over,
    nor when the largest order allowed took only a slice of it."""
    before, seq = left_to_close(book, sell.symbol), book.booked.decision_seq
    sent = close(
        book, sell.symbol, source=NAME, cause=f"{NAME}:{week}", rules=rules, thesis="; ".join(sell.why),
        qty=None if sell.whole else sell.qty,
    )  # fmt: skip
    if not sent:
        return book.booked.decision_seq > seq
    return before - left_to_close(book, sell.symbol) >= sell.qty
