"""How long a close waits after one like it was refused, failed or never left: no loop, and no stop that is forgotten. F7, G4."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Life
from tradingd.core.rules import Rules
from tradingd.core.types import NS, Leg, Symbol

RETRY_NS = 60 * NS  # after a refused close or stop, ask again no sooner
FIRST_RETRY_NS = 5 * NS  # after the first refusal of a close
AGAIN_NS = 2 * NS  # after a close that never left


def too_soon(book: Book, symbol: Symbol, source: str) -> bool:
    """A close by the same cause was refused a moment ago, or one was sent and did not work: no loop (F7, G4)."""
    refused = book.booked.exits_refused.get(f"{symbol}:{source}", -RETRY_NS)
    if 0 <= book.now - refused < RETRY_NS:  # not one of a wrong future
        return True
    if book.open_orders(symbol, Leg.EXIT):
        return False
    position = book.booked.positions.get(symbol)
    since = max(book.now - RETRY_NS, position.opened_ts - 1 if position is not None else 0)  # of this position
    for working in reversed(book.booked.orders.values()):
        if working.opened_ts <= since:
            return False
        if working.order.leg is Leg.EXIT and working.order.symbol == symbol and working.opened_ts <= book.now:
            pause = _pause_after(working.life, book.booked.exits_rejected.get(symbol, 0))
            return 0 <= book.now - working.updated_ts < pause
    return False


def _pause_after(life: Life, rejects: int) -> int:
    """ns to wait after a close that ended so. What was filled was a slice; what never left may go as soon as the link is back; what
    the venue refused is asked again after 5, 15, 45 s, then each minute."""
    if life is Life.FILLED:
        return 0
    if life is Life.NEVER:
        return AGAIN_NS
    return min(RETRY_NS, int(FIRST_RETRY_NS * 3 ** max(0, rejects - 1)))


def waits_for_session(book: Book, market: Market, source: str, rules: Rules) -> bool:
    """It was refused in this very pause between sessions: the next word is due when the market opens, not each minute."""
    table = rules.calendar(market.instrument)
    refused = book.booked.exits_refused.get(f"{market.instrument.symbol}:{source}")
    if table is None or refused is None or table.at(book.now) is not None:
        return False
    before = table.previous_before(book.now)
    return before is None or refused > before.close_ns
