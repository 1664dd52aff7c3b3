"""Where the account stands at this moment, as the gate and the decision record need it."""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.orders import Working
from tradingd.core.facts import Pools
from tradingd.core.gates.gate import GateSettings, Standing
from tradingd.core.gates.sizer import AtRisk, at_stop, share_at_risk
from tradingd.core.types import NS, DecisionId, Leg, Qty, Side, Symbol

MINUTE = 60 * NS
_ENTRY = Leg.ENTRY  # at hand: see types._BUY


def standing(
    book: Book,
    symbol: Symbol,
    side: Side,
    qty: object,
    now: int,
    s: GateSettings,
    *,
    sector_value: float,
    claimed: float,
    position_value: float | None = None,
    own: DecisionId | None = None,
) -> Standing:
    """All figures of R1 and R2 for an order of `qty` on `side` of `symbol`; the lists it walks are of the last minutes only.

    sector_value: of the symbol's sector, from `Book.values`.   claimed: `claimed_cash`.   Both as of this moment.
    own: the decision a later part belongs to: it is no trade of its own beside the parts before it, nor their duplicate (E10).
    position_value: of the symbol, where it is not all that `Book.symbol_value` counts.
    """
    booked = book.booked
    held = book.held()
    trades = [*held, *[w.order.symbol for w in book.open_orders(leg=Leg.ENTRY)]]
    trades.extend(t.symbol for t in booked.tranches.values() if t.symbol not in trades)
    busy = set(trades)
    busy.discard(symbol)
    repeated, twin = int(s.repeated_window_s * NS), int(s.duplicate_window_s * NS)
    lately = book.recent.entries_of(symbol, side, now, max(repeated, twin))
    same = [x for x in lately if own is None or x.decision_id != own]
    return Standing(
        equity=book.equity,
        buying_power=float(booked.cash) * s.buying_power_multiplier - claimed - float(booked.reserve),
        day_loss=book.day_loss(),
        drawdown=book.drawdown(),
        position_value=book.symbol_value(symbol) if position_value is None else position_value,
        sector_value=sector_value,
        open_positions=len(busy),
        open_trades=len(trades) if own is None else len([s for s in trades if s != symbol]),
        opposite_resting=_opposite_resting(book.open_orders(symbol), side),
        day_trades=_recent_day_trades(book),
        orders_last_minute=book.recent.entries(now, MINUTE),
        same_recently=len([1 for x in same if now - x.ts < repeated]),
        identical_recently=bool([1 for x in same if x.qty == qty and now - x.ts < twin]),
        rejects_in_row=booked.rejects.get(symbol, 0),
    )


def _opposite_resting(resting: list[Working], side: Side) -> bool:
    return bool([w for w in resting if w.order.side is not side and w.order.leg is not Leg.PROTECT])


def exits_last_minute(book: Book) -> int:
    """Exits intended within the last minute."""
    return book.recent.exits(book.now, MINUTE)


def claimed_cash(book: Book) -> float:
    """Cash that working, unknown and pending entries may still take (I6)."""
    total = 0.0
    for w in book.open_orders(leg=_ENTRY):
        price = float(w.order.limit) if w.order.limit is not None else w.order.ref_price
        total += float(w.leaves() * book.unit(w.order.symbol)) * price
    for pending in book.booked.tranches.values():
        total += value_of(book, pending.symbol, book.pending_entries(pending.symbol), pending.ref_price)
    return total + book.owed_cash()


def value_of(book: Book, symbol: Symbol, qty: Qty, price: float) -> float:
    """Account currency."""
    return float(qty * book.unit(symbol)) * price


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


def heat_now(book: Book, *, but: Symbol | None = None) -> float:
    """Money at risk down to the stops, share of the active pool. Working and pending entries count as if they had filled (I6); a
    position without a stop risks all of its value. but: a symbol that is left out."""
    risks = []
    markets, levels, positions = book.markets, book.booked.levels, book.booked.positions
    for symbol, position in positions.items():
        if not position.qty or symbol == but:
            continue
        market, fact = markets.get(symbol), levels.get(symbol)
        entry = float(position.avg_price)
        if market is None:
            risks.append(abs(float(position.basis)))
            continue
        value = market.exposure * (market.mid or entry)
        risks.append(
            at_stop(value, 1 if position.qty > 0 else -1, entry, float(fact.stop)) if fact is not None else abs(value)
        )
    if entries := book.open_orders(leg=_ENTRY):
        risks.extend(
            _risk_of_entry(book, w.order.decision_id, w.order.symbol, w.leaves(), w.order.ref_price)
            for w in entries
            if w.order.symbol != but
        )
    if tranches := book.booked.tranches:
        risks.extend(
            _risk_of_entry(book, t.decision_id, t.symbol, book.pending_entries(t.symbol), t.ref_price)
            for t in tranches.values()
            if t.symbol != but
        )
    return share_at_risk(risks, book.active_pool())


def _risk_of_entry(book: Book, decision_id: DecisionId, symbol: Symbol, qty: Qty, ref_price: float) -> float:
    """What an entry would lose down to its stop once it has filled."""
    plan = book.booked.plans.get(decision_id)
    distance = plan.distance if plan is not None and plan.distance is not None else ref_price
    return value_of(book, symbol, qty, distance)


def pools(book: Book) -> Pools:
    reserve = float(book.booked.reserve)
    return Pools(equity=book.equity, active=book.equity - reserve, reserve=reserve, cash=float(book.booked.cash))
