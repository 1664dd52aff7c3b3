"""What happens out there: earnings dates, events in the world, dividends by the operator's file. Source: E3, E4, E12, T2."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.ledger import ONE, money
from tradingd.core.events import DividendDue, EarningsSeen, MarketEvent
from tradingd.core.facts import Alerted, CashMoved, EarningsNoted, EventNoted
from tradingd.core.plans.earnings import DATES_MAX, bad_dates
from tradingd.core.rules import Rules
from tradingd.core.steps.levels import re_evaluate
from tradingd.core.steps.limits import anomaly
from tradingd.core.types import NS, Severity, Symbol

EVENT_MAX = 30 * 86_400 * NS
EVENTS_MAX = 100  # of one severity at a time: a flood of small ones leaves room for what matters
TEXT_MAX = 500
SYMBOLS_MAX = 500
PER_SHARE_MAX = 10**9  # beyond any price of anything: garbage


def on_earnings(book: Book, event: EarningsSeen, rules: Rules) -> None:
    """The known dates of one symbol replace what was known; the same again changes nothing. Refused with a word in the log: a
    symbol this account does not trade, a date that is none, more dates than anybody knows."""
    symbol, bad = event.symbol, bad_dates(event.dates)
    if not _known(book, symbol, rules):
        _log(book, "earnings_refused", f"{symbol!r} is not traded on this account")
    elif bad:
        _log(book, "earnings_refused", f"{symbol}: {bad[0]!r} is no date like 2008-10-06; the dates known before stay")
    elif len(event.dates) > DATES_MAX:
        _log(book, "earnings_refused", f"{symbol}: {len(event.dates)} dates, at most {DATES_MAX} are taken")
    elif (dates := tuple(sorted(set(event.dates)))) != book.booked.earnings.get(symbol, ()):
        book.emit(
            EarningsNoted(ts=book.now, account=book.account, symbol=symbol, dates=dates, source=event.source[:TEXT_MAX])
        )
        if symbol in book.held() and symbol in book.markets:
            re_evaluate(book, symbol, rules)


def on_event(book: Book, event: MarketEvent, rules: Rules) -> None:
    """Something happened: noted while it runs, for this account's symbols. High severity is told and looks at every stop it
    concerns at once (E12). Refused with a word in the log: one without an id, over already, or said to last more than 30 days."""
    symbols = tuple(s for s in event.symbols[:SYMBOLS_MAX] if not rules.instruments or _known(book, s, rules))
    if event.symbols and not symbols:
        return
    why = _wrong(book, event)
    if why:
        _log(book, "market_event_refused", f"{event.id[:TEXT_MAX]!r}: {why}")
        return
    old = book.booked.events.get(event.id)
    noted = EventNoted(
        ts=book.now, account=book.account, event_id=event.id, severity=event.severity, until=event.until, symbols=symbols,
        text=event.text[:TEXT_MAX], source=event.source[:TEXT_MAX],
    )  # fmt: skip
    if old is not None and _same(old, noted):
        return
    book.emit(noted)
    if event.severity is not Severity.HIGH:
        return
    if old is None or old.severity is not Severity.HIGH:
        whom = ", ".join(symbols[:20]) if symbols else "all symbols"
        text = f"high-severity event for {whom}: {noted.text or event.id}"
        book.emit(Alerted(ts=book.now, account=book.account, level="tell", code="market_event", text=text))
    for symbol in book.held():
        if symbol in book.markets and (not symbols or symbol in symbols):
            re_evaluate(book, symbol, rules, urgent=True)


def _wrong(book: Book, event: MarketEvent) -> str:
    if not 0 < len(event.id) <= 200:
        return "id must have 1 to 200 characters"
    if event.until <= book.now:
        return "until is not in the future"
    if event.until - book.now > EVENT_MAX:
        return "until is more than 30 days away"
    running = [e for e in book.booked.events.values() if e.severity is event.severity and e.until > book.now]
    if event.id not in book.booked.events and len(running) >= EVENTS_MAX:
        return f"{EVENTS_MAX} events of severity {event.severity.value} are running already"
    return ""


def _same(a: EventNoted, b: EventNoted) -> bool:
    return (a.severity, a.until, a.symbols, a.text) == (b.severity, b.until, b.symbols, b.text)


def on_dividend_due(book: Book, event: DividendDue, rules: Rules) -> None:
    """A dividend by the operator's file: what is held at this moment times the amount per share, the contract's multiplier and the
    rate of the moment; a short pays it. Once an action_id; nothing while flat."""
    symbol, position = event.symbol, book.booked.positions.get(event.symbol)
    if event.action_id in book.booked.actions or position is None or not position.qty:
        return
    if not (event.per_share.is_finite() and 0 <= event.per_share <= PER_SHARE_MAX):
        anomaly(book, "bad_dividend", symbol, f"{event.per_share} per share: not booked, cash may be off")
        return
    market = book.markets.get(symbol)
    currency = market.instrument.currency if market is not None else book.booked.currency
    rate = ONE if currency == book.booked.currency else book.booked.rates.get(currency, ONE)
    amount = money(position.qty, event.per_share, position.multiplier, rate)
    book.emit(
        CashMoved(
            ts=book.now, account=book.account, kind="dividend", amount=amount, symbol=symbol, action_id=event.action_id
        )
    )
    book.remark()


def _known(book: Book, symbol: Symbol, rules: Rules) -> bool:
    return symbol in rules.instruments or symbol in book.booked.positions


def _log(book: Book, code: str, text: str) -> None:
    book.emit(Alerted(ts=book.now, account=book.account, level="log", code=code, text=text))
