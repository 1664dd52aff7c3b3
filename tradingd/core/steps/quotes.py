"""The quote path: believe or quarantine, mark, and act only when a line is crossed.

`on_quote` runs for every quote, so it does nothing but comparisons and the mark; what a crossing means is decided in `_crossed`.
The lines are redrawn whenever a fact moves a position, a stop or an order. Source: B7, E4, ARCHITECTURE "speed by design".
"""

from __future__ import annotations

from math import inf

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.events import Quote
from tradingd.core.facts import StopSet
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import close
from tradingd.core.steps.levels import cool_down, rapid, redraw, trail
from tradingd.core.steps.limits import watch_equity
from tradingd.core.types import NS, Side

AHEAD_NS = 5 * NS  # a quote from further in the future than that would end cool-downs and blind stops (E8)


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
    if quote.recv_ts and ts > quote.recv_ts + AHEAD_NS and rules.mode != "demo":  # there the clock follows the quotes
        market.quarantined["future"] = market.quarantined.get("future", 0) + 1
        return
    if ts > book.now:  # noqa: PLR1730  a comparison, not a call, on the quote path; sources differ in delay; the account's time does not step back
        book.now = ts
    book.quotes += 1
    mid = (bid + ask) * 0.5
    before = market.mid
    market.bid = bid
    market.ask = ask
    market.mid = mid
    market.ts = ts
    market.recv_ts = quote.recv_ts
    market.seq = quote.seq
    band = market.band
    market.lo = mid - mid * band
    market.hi = mid + mid * band
    if market.exposure:
        if before:
            book.equity += market.exposure * (mid - before)
        else:  # the first price since the start: until now the entry price stood in for it
            book.remark()
    if bid <= market.low_line or ask >= market.high_line:
        _crossed(book, market, rules)
    if book.equity < book.watch_line:
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
    book.settle_marks()
    side = Side.BUY if position.qty > 0 else Side.SELL
    what = trail(book, market, levels, side, rules)
    lost = cool_down(book, market, position, side, rules)
    if what == "stop" and _venue_may_act(book, market, rules):
        _await_recovery(market, levels, side)
        return
    if what != "stop":
        market.breached_ts = 0
    if what in ("stop", "target"):
        close(book, symbol, source=what, cause=f"stop:{symbol}", rules=rules, thesis=_words(what, market, levels))
    elif lost is not None:
        close(
            book, symbol, source="breaker", cause=f"single_position:{symbol}", rules=rules, thesis=f"lost {lost:.2%}",
        )  # fmt: skip
    else:
        rapid(book, market, rules)
    redraw(book, symbol, rules)


def _venue_may_act(book: Book, market: Market, rules: Rules) -> bool:
    """The stop resting at the venue stands at the same price: give it its moment before closing ourselves (no double exit)."""
    resting = book.protection(market.instrument.symbol)
    if resting is None or resting.cancel_asked or resting.life.value not in ("live", "partial"):
        return False
    if not market.breached_ts:
        market.breached_ts = market.ts
    return market.ts - market.breached_ts < rules.quotes.breach_grace_s * NS


def _await_recovery(market: Market, levels: StopSet, side: Side) -> None:
    """A price back inside the stop is looked at too, so that the next breach has a moment of its own."""
    if side is Side.BUY:
        market.high_line = float(levels.stop)
    else:
        market.low_line = float(levels.stop)


def _words(what: str, market: Market, levels: StopSet) -> str:
    level = getattr(levels, what)
    return f"{what} {level} reached: bid {market.bid:.10g}, ask {market.ask:.10g}"
