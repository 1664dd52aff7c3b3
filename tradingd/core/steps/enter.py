"""The last gate of an entry, its record, and its first order: all of the quantity, or the first of its parts (E10, E11).

The gate judges the whole quantity, whatever leaves of it at once.
"""

from __future__ import annotations

from math import isfinite

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.events import Recommendation
from tradingd.core.facts import Check, Decided, Kind, OrderIntended, Outcome
from tradingd.core.gates import intake
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.gate import Intent, Verdict, approve_entry, part_of
from tradingd.core.gates.sizer import Sized
from tradingd.core.gates.standing import pools, standing
from tradingd.core.gates.stops import Levels
from tradingd.core.plans.entry import is_gradual, split
from tradingd.core.rules import Rules
from tradingd.core.types import DecisionId, Leg, OrderType, Qty, Side, Symbol


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way through the gates."""

    rec: Recommendation
    side: Side
    price: float | None  # the touch it would take: ask for a buy, bid for a sell
    levels: Levels | None
    sized: Sized | None
    heat: float  # of what is held already
    sector_value: float  # of its sector, with working entries
    claimed: float  # cash that working entries may still take
    checks: tuple[Check, ...]


def enter(book: Book, draft: Draft, rules: Rules) -> None:
    """The last gate, and the record."""
    rec, seq = draft.rec, book.booked.decision_seq + 1
    market = book.markets.get(rec.symbol)
    if market is not None and draft.price is not None and draft.sized is not None:
        intent = intent_of(book, market, draft.side, draft.sized.qty, draft.price, DecisionId(f"d{seq}"), rules)
        before = standing(
            book, rec.symbol, draft.side, intent.qty, book.now, rules.gate,
            sector_value=draft.sector_value, claimed=draft.claimed,
        )  # fmt: skip
        verdict = approve_entry(
            intent, market.instrument, float(book.rate(market.instrument)), before, rules.gate,
            max(book.now, market.recv_ts), draft.checks, positions_max=rules.positions_max,
        )  # fmt: skip
    else:
        verdict = Verdict(None, draft.checks, refusals(draft.checks))
    parts = _parts(book, draft, verdict, market, rules)
    book.emit(_record(book, draft, verdict, seq, market, parts))
    if verdict.order is not None:
        order = part_of(verdict.order, parts[0]) if parts else verdict.order
        book.emit(OrderIntended(ts=book.now, account=book.account, order=order))


def intent_of(
    book: Book, market: Market, side: Side, qty: Qty, price: float, decision_id: DecisionId, rules: Rules, *, n: int = 1
) -> Intent:
    """What an entry wants. By default a marketable limit: it takes the touch, and never more than the slip beyond it.

    price: the touch.   n: which part of the decision it is, 1 the first.
    """
    slip = 1.0 + side.sign * rules.entry.limit_slip
    limited = rules.entry.order == "limit"
    limit = market.instrument.price(price * slip, to="up" if side is Side.BUY else "down") if limited else None
    return Intent(
        account=book.account, maker=book.maker, decision_id=decision_id, seq=int(decision_id[1:]),
        symbol=Symbol(market.instrument.symbol), side=side, qty=qty, leg=Leg.ENTRY, tif=rules.entry.tif,
        type=OrderType.LIMIT if limited else OrderType.MARKET, limit=limit, ref_price=price, ref_ts=market.ts,
        suffix=str(n) if n > 1 else "",
    )  # fmt: skip


def _parts(book: Book, draft: Draft, verdict: Verdict, market: Market | None, rules: Rules) -> tuple[Qty, ...]:
    """The parts the order goes in, () when it goes whole: a small one, one of a single lot, and one for hours only (E10, E15)."""
    if verdict.order is None or market is None or draft.sized is None or draft.rec.intraday:
        return ()
    s = rules.entry
    if not is_gradual(draft.sized.notional, book.active_pool(), above=s.gradual_above, above_pct=s.gradual_above_pct):
        return ()
    parts = split(verdict.order.qty, market.instrument, s.tranches)
    return parts if len(parts) > 1 else ()


def _record(
    book: Book, draft: Draft, verdict: Verdict, seq: int, market: Market | None, parts: tuple[Qty, ...]
) -> Decided:
    rec, sized, levels = draft.rec, draft.sized, draft.levels
    return Decided(
        ts=book.now, account=book.account, decision_id=DecisionId(f"d{seq}"), seq=seq, kind=Kind.ENTRY, symbol=rec.symbol,
        side=draft.side, outcome=Outcome.ACT if verdict.order else Outcome.SKIP, source=rec.source, cause=intake.key(rec),
        headline=verdict.reasons[0] if verdict.reasons else None, reasons=verdict.reasons, checks=verdict.checks,
        pools=pools(book), tier=book.booked.tier, heat=draft.heat, breaker=book.breaker_word(), state=book.state(),
        confidence=_finite(rec.confidence), thesis=rec.thesis[:500], qty=sized.qty if sized else None,
        notional=sized.notional if sized else None, ref_price=draft.price, stop=levels.stop if levels else None,
        target=levels.target if levels else None, atr=market.atr if market else None,
        orders=(verdict.order.order_id,) if verdict.order else (), micro=rec.intraday,
        adjustments=_adjustments(sized), tranches=parts,
    )  # fmt: skip


def _adjustments(sized: Sized | None) -> tuple[tuple[str, float, float], ...]:
    """What can be written of them: of an idea with an absurd confidence a step may be no number, and it is refused for that."""
    steps = sized.adjustments if sized is not None else ()
    return tuple([(a.name, a.before, a.after) for a in steps if isfinite(a.before) and isfinite(a.after)])


def _finite(x: float) -> float | None:
    """The journal holds no NaN; the check of the confidence shows what came."""
    return x if x == x and abs(x) != float("inf") else None
