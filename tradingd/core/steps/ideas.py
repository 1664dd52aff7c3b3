"""From an idea to an order or a refusal: the gates in their order, one journaled decision whatever comes of it (E11).

`intake -> state -> window -> price -> stops -> sizer -> reserve -> breaker -> gate`. Every check that can be made is made, so a
refusal shows all its reasons, not only the first; what cannot be measured because something before it failed is shown as such.
A SELL of something held is an exit: it meets intake and the sanity controls and no entry guard (R3).
"""

from __future__ import annotations

from tradingd.core.book.book import Book
from tradingd.core.book.market import Market
from tradingd.core.events import Action, Recommendation
from tradingd.core.facts import Check, Reason
from tradingd.core.gates import breaker, correlation, intake, stops
from tradingd.core.gates.checks import refusals
from tradingd.core.gates.gate import observes
from tradingd.core.gates.reserve import claim_check
from tradingd.core.gates.sizer import Sized, size
from tradingd.core.gates.standing import claimed_cash, heat_now
from tradingd.core.gates.stops import Levels
from tradingd.core.gates.window import window_check
from tradingd.core.plans.adaptive import declining_check, tightening
from tradingd.core.plans.earnings import days_to_next
from tradingd.core.plans.entry import call_off
from tradingd.core.rules import Rules
from tradingd.core.steps import micro
from tradingd.core.steps.enter import Draft, enter
from tradingd.core.steps.exits import close, money
from tradingd.core.types import Side, Symbol, TradingState

_STATE_REASON = {
    TradingState.ACTIVE: None, TradingState.REDUCING: Reason.REDUCING, TradingState.HALTED: Reason.HALTED,
    TradingState.LOCKED: Reason.LOCKED,
}  # fmt: skip

_NO_MONEY = money(0.0)


def on_recommendations(book: Book, recs: tuple[Recommendation, ...], rules: Rules) -> None:
    """Decide what came together, highest confidence first."""
    for rec in intake.by_confidence(recs):
        on_recommendation(book, rec, rules)


def on_recommendation(book: Book, rec: Recommendation, rules: Rules) -> None:
    """One idea, one decision. A twin of a decided one is answered by the first decision and makes no second (E1)."""
    if intake.key(rec) in book.booked.seen or _waits(book, rec):
        book.twins += 1
        return
    checks = intake.validate(
        rec,
        known=rules.instruments,
        live=rules.mode == "live",
        now=book.now,
        seen=book.booked.seen,
        settings=rules.intake,
    )
    side = Side.BUY if rec.action is Action.BUY else Side.SELL
    position = book.qty(rec.symbol)
    if book.booked.tranches and not refusals(checks):
        _contradict(book, rec.symbol, side)
    if not refusals(checks) and position and (position > 0) == (side is Side.SELL):
        close(
            book, rec.symbol, source=rec.source, cause=intake.key(rec), rules=rules, thesis=rec.thesis,
            confidence=rec.confidence, asked=True,
        )  # fmt: skip
        return
    enter(book, draft_of(book, rec, side, checks, rules), rules)


def _waits(book: Book, rec: Recommendation) -> bool:
    """Its close waits for the stop to be gone, and is decided then."""
    wanted = book.closing.get(rec.symbol)
    return wanted is not None and wanted.asked and wanted.cause == intake.key(rec)


def _contradict(book: Book, symbol: Symbol, side: Side) -> None:
    """An idea of the other side ends what is still to go of an entry (E10)."""
    for pending in list(book.booked.tranches.values()):
        if pending.symbol == symbol and pending.side is not side:
            call_off(book, f"an idea to {side.value}", symbol)


def draft_of(book: Book, rec: Recommendation, side: Side, checks: tuple[Check, ...], rules: Rules) -> Draft:
    """All gates before the last, for an idea of its own."""
    heat = heat_now(book)
    checks = (*checks, *micro.entry_checks(book, rec, rules))
    market = book.markets.get(rec.symbol) if rec.symbol in rules.instruments else None
    if market is None:
        return Draft(
            rec=rec, side=side, price=None, levels=None, sized=None, heat=heat, sector_value=0.0, claimed=0.0, checks=checks
        )  # fmt: skip
    price = (market.ask if side is Side.BUY else market.bid) or None
    levels, stop_check = levels_check(book, rec, market, price, side, rules)
    exposures, claimed = book.values(), claimed_cash(book)
    sized = sized_now(book, rec, market, price, side, levels, heat, exposures, rules)
    checks = (
        *checks,
        *state_checks(book, market, side, rules),
        *market_checks(book, market, rules),
        stop_check,
        *sized.checks,
        _reserve(book, sized, claimed),
        *breaker.entry_checks(book.booked.trips.values(), book.now, rec.symbol),
    )
    return Draft(
        rec=rec, side=side, price=price, levels=levels, sized=sized, heat=heat, claimed=claimed,
        sector_value=exposures.get(market.instrument.sector, 0.0), checks=checks,
    )  # fmt: skip


def state_checks(book: Book, market: Market, side: Side, rules: Rules) -> tuple[Check, ...]:
    """May the account take new risk in the symbol at all?"""
    booked, symbol, state = book.booked, market.instrument.symbol, book.state()
    unknown, drift = len(book.unknown_orders()), booked.drift.get(symbol)
    held = book.qty(symbol) or book.working_entries(symbol) or book.pending_entries(symbol)
    short_bad = side is Side.SELL and not rules.entry.allow_short
    return (
        Check("state", state.value, "active", state is TradingState.ACTIVE, _STATE_REASON[state], _who(book)),
        _no("link", not booked.link_up, booked.link_why, "ready", Reason.LINK_NOT_READY),
        _no("unknown_orders", unknown > 0, unknown, 0, Reason.ORDER_UNKNOWN),
        _no("flatten", _flattening(book, symbol), "running", "none", Reason.REDUCING),
        _no(
            "drift",
            drift is not None,
            f"ours {drift.ours}, venue {drift.venue}" if drift else "none",
            "none",
            Reason.DRIFT,
        ),
        _no("already_held", bool(held) and not short_bad, str(held), "0", Reason.ALREADY_HELD),
        _no("short_allowed", short_bad, side.value, "buy", Reason.NOT_SHORTABLE),
        observes(rules.observe),
    )


def _flattening(book: Book, symbol: Symbol) -> bool:
    """While a flatten runs, nothing is bought that it would sell at once."""
    return any(begun.symbol in (None, symbol) for begun in book.booked.flatten.values())


def _who(book: Book) -> str:
    return "; ".join([f"{h.verb} by {h.actor}: {h.reason}" for h in book.booked.holds.values()])


def market_checks(book: Book, market: Market, rules: Rules) -> tuple[Check, ...]:
    """May the symbol be traded at this hour?"""
    symbol = market.instrument.symbol
    why = book.booked.untradable.get(symbol) or ("" if market.instrument.tradable else "not tradable by configuration")
    return (
        window_check(rules.calendar(market.instrument), book.now, rules.window),
        _no("tradable", bool(why), why or "yes", "yes", Reason.NOT_TRADABLE),
        declining_check(book, rules.adaptive),
    )


def _no(name: str, bad: bool, value: float | str, limit: float | str, reason: Reason) -> Check:
    return Check(name, value, limit, not bad, reason if bad else None)


def levels_check(
    book: Book, rec: Recommendation, market: Market, price: float | None, side: Side, rules: Rules
) -> tuple[Levels | None, Check]:
    """Stop and target an entry at this price would have, None with the reason."""
    tier = rules.tiers[book.booked.tier]
    if price is None or market.atr is None:
        return None, Check(
            "stop_distance", market.atr, "ATR and a price", False, Reason.NO_RANGE, "not enough daily bars yet"
        )
    symbol, table = market.instrument.symbol, rules.calendar(market.instrument)
    factor, why = tightening(book, symbol, table, rules.stops, events=False)
    multiplier, reward_risk = micro.stop_and_target(tier, intraday=rec.intraday, rules=rules)
    found = stops.tightened_levels(price, market.atr, side, multiplier, reward_risk, market.instrument, factor)
    if isinstance(found, Reason):
        return None, Check("stop_distance", market.atr, float(market.instrument.tick), False, found)
    return found, Check("stop_distance", found.distance, float(market.instrument.tick), True, None, why)


def sized_now(
    book: Book,
    rec: Recommendation,
    market: Market,
    price: float | None,
    side: Side,
    levels: Levels | None,
    heat: float,
    exposures: dict[str, float],
    rules: Rules,
    *,
    held: float | None = None,
) -> Sized:
    """The sizer's answer at this moment. held: value of the symbol that counts against its limit, None for all there is."""
    symbol, table = market.instrument.symbol, rules.calendar(market.instrument)
    alike = correlation.with_portfolio(book, symbol, side, rules.calendars, rules.correlation)
    return size(
        confidence=rec.confidence, price=price if price is not None else 0.0, side=side, tier=rules.tiers[book.booked.tier],
        settings=rules.sizer, active_pool=book.active_pool(), exposures=exposures, sectors_held=len(exposures),
        sector=market.instrument.sector, correlation=alike.average, alike=alike.note,
        earnings_in_days=days_to_next(book.booked.earnings.get(symbol, ()), table, book.now), heat_now=heat,
        stop_distance=levels.distance if levels is not None else None, multiplier=1.0, instrument=market.instrument,
        rate=book.fx(market.instrument), most=_most(book, market, rules, held),
        micro_cap=micro.ceiling(intraday=rec.intraday, rules=rules),
    )  # fmt: skip


def _most(book: Book, market: Market, rules: Rules, held: float | None) -> float:
    """How much more of the symbol the gate will let the account hold, a hair below its limit: a tier's own may be above."""
    held = book.symbol_value(market.instrument.symbol) if held is None else held
    return max(0.0, rules.gate.max_position_pct * book.equity - held) * (1.0 - 1e-12)


def _reserve(book: Book, sized: Sized, claimed: float) -> Check:
    return claim_check(sized.notional, book.booked.cash, book.booked.reserve, money(claimed) if claimed else _NO_MONEY)
