"""The quote path: believe or quarantine, mark, and act only when a line is crossed.

`on_quote` runs for every quote, so it does nothing but comparisons and the mark; what a crossing means is decided in `_crossed`.
The lines are redrawn whenever a fact moves a position, a stop or an order. Source: B7, E4, ARCHITECTURE "speed by design".
"""

from __future__ import annotations

from math import inf

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.events import Quote
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import close
from tradingd.core.steps.levels import lapse, redraw, trail
from tradingd.core.steps.limits import watch_equity
from tradingd.core.types import NS, Side


def on_quote(book: Book, quote: Quote, rules: Rules) -> None:
    """One quote. Most change the mark and nothing else."""
    market = book.markets.get(quote.symbol)
    if market is None:
        return
    bid, ask, ts = quote.bid, quote.ask, quote.ts
    if not (market.lo < bid <= ask < market.hi and ts > market.ts):
        if not _believable(market, quote, rules):
            return
        market.suspects = 0
    if ts > book.now:  # sources differ in delay; the account's time does not step back
        book.now = ts
    book.quotes += 1
    mid = (bid + ask) * 0.5
    if market.exposure:
        book.equity += market.exposure * (mid - market.mid)
    market.bid = bid
    market.ask = ask
    market.mid = mid
    market.ts = ts
    market.seq = quote.seq
    band = market.band
    market.lo = mid - mid * band
    market.hi = mid + mid * band
    if bid <= market.low_line or ask >= market.high_line:
        _crossed(book, market, rules)
    if book.equity < book.loss_line:
        watch_equity(book, rules)


def _believable(market: Market, quote: Quote, rules: Rules) -> bool:
    """The slow look at a quote that failed the quick one: a real move, or the same instant with a new sequence, may pass."""
    if market.lo < quote.bid <= quote.ask < market.hi and quote.ts == market.ts and quote.seq > market.seq:
        return True
    return market.doubt(quote, rules.quotes.confirmations) is None


def _crossed(book: Book, market: Market, rules: Rules) -> None:
    """A price stands where something of this position may act: stop, target, trailing trigger, single-position loss."""
    symbol = market.instrument.symbol
    levels, position = book.booked.levels.get(symbol), book.booked.positions.get(symbol)
    if levels is None or position is None or not position.qty:
        market.low_line, market.high_line = -inf, inf
        return
    side = Side.BUY if position.qty > 0 else Side.SELL
    what = trail(book, market, levels, side, rules)
    if what == "stop" and _venue_may_act(book, market, rules):
        return
    if what in ("stop", "target"):
        close(book, symbol, source=what, cause=f"stop:{symbol}", rules=rules, thesis=_words(what, market, levels))
    elif what is None:
        lapse(book, market, position, side, rules)
    redraw(book, symbol, rules)


def _venue_may_act(book: Book, market: Market, rules: Rules) -> bool:
    """The stop resting at the venue stands at the same price: give it its moment before closing ourselves (no double exit)."""
    resting = book.protection(market.instrument.symbol)
    if resting is None or resting.life.value not in ("live", "partial"):
        return False
    if not market.breached_ts:
        market.breached_ts = market.ts
    return market.ts - market.breached_ts < rules.quotes.breach_grace_s * NS


def _words(what: str, market: Market, levels: object) -> str:
    level = getattr(levels, what)
    return f"{what} {level} reached: bid {market.bid:.10g}, ask {market.ask:.10g}"
