"""Where the account stands at this moment, as the gate and the decision record need it."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.facts import Pools
from tradingd.core.gates.gate import GateSettings, Standing
from tradingd.core.gates.sizer import AtRisk, at_stop, share_at_risk
from tradingd.core.types import NS, Leg, Side, Symbol

MINUTE = 60 * NS


def standing(book: Book, symbol: Symbol, side: Side, qty: object, now: int, s: GateSettings) -> Standing:
    """All figures of R1 and R2 for an order of `qty` on `side` of `symbol`. Amortised small: lists of the last minute only."""
    booked = book.booked
    market = book.markets[symbol]
    held = book.held()
    entries = book.open_orders(leg=Leg.ENTRY)
    busy = {*held, *(w.order.symbol for w in entries)}
    entered = [sent for sent in booked.sent if sent.entry]
    same = [sent for sent in entered if sent.symbol == symbol and sent.side is side]
    equity = book.equity
    return Standing(
        equity=equity,
        buying_power=float(booked.cash) * s.buying_power_multiplier - claimed_cash(book) - float(booked.reserve),
        day_loss=book.day_loss(),
        drawdown=book.drawdown(),
        position_value=book.symbol_value(symbol),
        sector_value=book.sector_value(market.instrument.sector),
        open_positions=len(busy - {symbol}),
        open_trades=len(held) + len(entries),
        opposite_resting=any(
            w.order.side is not side and w.order.leg is not Leg.PROTECT for w in book.open_orders(symbol)
        ),
        day_trades=_recent_day_trades(book),
        orders_last_minute=len([1 for sent in entered if now - sent.ts < MINUTE]),
        same_recently=len([1 for sent in same if now - sent.ts < s.repeated_window_s * NS]),
        identical_recently=any(sent.qty == qty and now - sent.ts < s.duplicate_window_s * NS for sent in same),
        rejects_in_row=booked.rejects.get(symbol, 0),
    )


def exits_last_minute(book: Book) -> int:
    """Exits intended within the last minute."""
    return len([1 for sent in book.booked.sent if not sent.entry and book.now - sent.ts < MINUTE])


def claimed_cash(book: Book) -> float:
    """Cash that working and unknown entries may still take (I6)."""
    total = 0.0
    for w in book.open_orders(leg=Leg.ENTRY):
        market = book.markets[w.order.symbol]
        price = float(w.order.limit) if w.order.limit is not None else w.order.ref_price
        total += float(w.leaves() * book.rate(market.instrument)) * price
    return total


def _recent_day_trades(book: Book) -> int:
    """Round trips opened and closed within one session, in the last five sessions."""
    recent = set(book.booked.days[-5:])
    return len([1 for day in book.booked.day_trades if day in recent])


def at_risk(book: Book) -> list[AtRisk]:
    found = []
    for symbol in book.held():
        market, levels = book.markets.get(symbol), book.booked.levels.get(symbol)
        position = book.booked.positions[symbol]
        if market is None or levels is None:
            continue
        side = Side.BUY if position.qty > 0 else Side.SELL
        value = abs(market.exposure) * (market.mid or float(position.avg_price))
        found.append(
            AtRisk(
                symbol=symbol, side=side, value=value, entry=float(position.avg_price), stop=float(levels.stop),
                confidence=levels.confidence,
            )
        )  # fmt: skip
    return found


def heat_now(book: Book) -> float:
    """Money at risk down to the stops, share of the active pool: `heat(at_risk(book), ...)` without the values in between."""
    risks = []
    markets, levels, positions = book.markets, book.booked.levels, book.booked.positions
    for symbol in book.held():
        market, fact, position = markets.get(symbol), levels.get(symbol), positions[symbol]
        if market is None or fact is None:
            continue
        entry = float(position.avg_price)
        value = market.exposure * (market.mid or entry)
        risks.append(at_stop(value, 1 if position.qty > 0 else -1, entry, float(fact.stop)))
    return share_at_risk(risks, book.active_pool())


def pools(book: Book) -> Pools:
    reserve = float(book.booked.reserve)
    return Pools(equity=book.equity, active=book.equity - reserve, reserve=reserve, cash=float(book.booked.cash))
