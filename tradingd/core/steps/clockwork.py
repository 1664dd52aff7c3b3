"""Time passing: sessions open and close, cool-downs and lockouts end, entries grow old, prices go missing.

One Timer ("minute") drives all of it, so a replay needs no clock; each rule compares times in events and in the book. Rules that
a decision depends on (cool-down over? window open?) are also judged at the decision itself, never only here.
"""

from __future__ import annotations

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Life
from tradingd.core.events import Timer
from tradingd.core.facts import Alerted, DayClosed, DayOpened, StateChanged
from tradingd.core.gates import reserve, stops
from tradingd.core.gates.standing import at_risk, heat_now
from tradingd.core.gates.window import Session, SessionTable
from tradingd.core.rules import Rules
from tradingd.core.steps import micro, tranches
from tradingd.core.steps.agenda import run_agenda
from tradingd.core.steps.exits import cancel, close, money, unwanted
from tradingd.core.steps.guardian import guard
from tradingd.core.steps.levels import after_fill, levels_of, note_price, re_evaluate, redraw, set_levels
from tradingd.core.steps.limits import draw_loss_line, resume_trip, watch_equity
from tradingd.core.steps.measure import measure_day, take_measures
from tradingd.core.steps.operator import push_flatten
from tradingd.core.steps.protect import ensure_protection
from tradingd.core.steps.rebalance import rebalance
from tradingd.core.steps.tier import judge_tier
from tradingd.core.types import NS, Leg, Money, TradingState

LINK_MISSING = 60 * NS


def on_timer(book: Book, event: Timer, rules: Rules) -> None:
    """Everything that time alone brings about, in this order."""
    table = main_calendar(rules)
    session = table.at(book.now) if table is not None else None
    if session is not None:
        book.remark()
    else:
        book.settle_marks()
    _cooldowns(book)
    _lockouts(book)
    if table is not None:
        _days(book, table, session, rules)
        run_agenda(book, table, rules)
    _old_entries(book, rules)
    unwanted(book)
    if book.booked.flatten:
        push_flatten(book, rules)
    tranches.go_on(book, rules)
    if session is None:
        if table is not None:
            take_measures(book, rules)
        return
    _missing_link(book)
    for symbol in book.held():
        _position(book, symbol, session, rules)
    heat = _ease(book, rules, heat_now(book))
    if book.equity < book.loss_line:
        watch_equity(book, rules)
    guard(book, session, rules, heat)
    take_measures(book, rules, heat=heat)
    micro.close_due(book, rules)
    if table is not None:
        rebalance(book, table, session, rules)


def main_calendar(rules: Rules) -> SessionTable | None:
    """The calendar whose sessions make the account's days: the first one configured."""
    return next(iter(rules.calendars.values()), None)


def _cooldowns(book: Book) -> None:
    for trip in [t for t in book.booked.trips.values() if book.now > t.until]:
        resume_trip(book, trip, "cool-down over")


def _lockouts(book: Book) -> None:
    for key, hold in list(book.booked.holds.items()):
        if hold.until is not None and book.now >= hold.until:
            book.emit(
                StateChanged(
                    ts=book.now, account=book.account, key=key, verb="expired", state=TradingState.ACTIVE, actor="clock",
                    reason="its time is over",
                )
            )  # fmt: skip


def _missing_link(book: Book) -> None:
    """In market hours a link that does not come back, or never came, is somebody's business: said once an outage."""
    booked = book.booked
    started = booked.starts[-1].ts if booked.starts else 0
    since = booked.link_ts if started < booked.link_ts <= book.now else started
    if booked.link_up or book.now - since < LINK_MISSING:
        return
    if any(alert.code == "link_missing" and since < alert.ts <= book.now for alert in reversed(booked.alerts)):
        return
    text = f"no venue for {LINK_MISSING // NS} s: {booked.link_why}"
    book.emit(Alerted(ts=book.now, account=book.account, level="page", code="link_missing", text=text))


# sessions ---------------------------------------------------------------------------------------------------------------


def _days(book: Book, table: SessionTable, session: Session | None, rules: Rules) -> None:
    booked = book.booked
    over = booked.day_is_open and (session is None or session.date != booked.day)
    if over:
        _close_day(book, rules)
    if (
        session is not None and session.date != booked.day and booked.deposits
    ):  # without its capital no loss can be measured
        book.remark()
        book.emit(DayOpened(ts=book.now, account=book.account, date=session.date, equity=money(book.equity)))
        draw_loss_line(book, rules)


def _close_day(book: Book, rules: Rules) -> None:
    """The day's last word: equity, high water (the starting capital counts as one), drawdown; its measures; then the tier (E2)."""
    book.remark()
    equity = money(book.equity)
    high = Money(max(book.booked.high_water, equity))
    drawdown = float((high - equity) / high) if high > 0 else 0.0
    book.emit(
        DayClosed(
            ts=book.now, account=book.account, date=book.booked.day, equity=equity, high_water=high, drawdown=drawdown
        )
    )
    measure_day(book, rules)
    share = reserve.reserve_share(book.booked.reserve, equity)
    judge_tier(book, drawdown, share, rules)
    if reserve.is_high(book.booked.reserve, equity, rules.reserve):
        text = f"reserve is {share:.1%} of equity, above {rules.reserve.high_water_share:.1%}"
        book.emit(Alerted(ts=book.now, account=book.account, level="tell", code="reserve_high_water", text=text))
    draw_loss_line(book, rules)


# orders and positions -----------------------------------------------------------------------------------------------------


def _old_entries(book: Book, rules: Rules) -> None:
    for working in book.open_orders(leg=Leg.ENTRY):
        if book.now - working.opened_ts >= rules.entry.ttl_s * NS and working.life in (Life.LIVE, Life.PARTIAL):
            cancel(book, working, f"older than {rules.entry.ttl_s:.0f} s")


def _ease(book: Book, rules: Rules, heat: float) -> float:
    """Heat above its mark: tighten stops, lowest confidence first (E4). The heat, with entries, before and after."""
    limit = rules.tiers[book.booked.tier].max_portfolio_heat
    if heat <= rules.stops.heat_at * limit:  # what is held risks no more than that and the entries together
        return heat
    eased = stops.ease_heat(at_risk(book), book.active_pool(), limit, rules.instruments, rules.stops)
    for symbol, stop in eased:
        fact = book.booked.levels[symbol]
        set_levels(book, fact, msgspec.structs.replace(levels_of(fact), stop=stop), "heat", rules)
        redraw(book, symbol, rules)
    return heat_now(book) if eased else heat


def _last_price(book: Book, market: Market) -> int | None:
    """When a price was last seen; after a start nobody could see one before it, so its time counts too."""
    started = book.booked.starts[-1].ts if book.booked.starts else 0
    return max(market.ts, started) or None


def _position(book: Book, symbol: str, session: Session, rules: Rules) -> None:
    market = book.markets.get(symbol)  # type: ignore[call-overload]
    if market is None:
        return
    if stops.no_price_too_long(_last_price(book, market), book.now, session, rules.stops):
        close(
            book, market.instrument.symbol, source="no_price", cause=f"no_price:{symbol}", rules=rules,
            thesis=f"no price for {rules.stops.no_price_min} min in market hours",
        )  # fmt: skip
        return
    if symbol not in book.booked.levels and market.atr is not None:
        after_fill(book, market.instrument.symbol, None, rules)
        redraw(book, market.instrument.symbol, rules)
    note_price(book, market, rules)
    re_evaluate(book, market.instrument.symbol, rules)
    ensure_protection(book, market.instrument.symbol, rules)
