"""Stops and targets of what is held: set at the fill, trailed, re-evaluated; and the lines the quote path watches."""

from __future__ import annotations

from math import inf

from tradingd.core.book.book import Book
from tradingd.core.book.ledger import Position
from tradingd.core.book.market import Market
from tradingd.core.book.orders import Working
from tradingd.core.facts import Alerted, Reason, StopSet
from tradingd.core.gates import breaker, stops
from tradingd.core.gates.stops import Fired, Levels
from tradingd.core.gates.window import MINUTE
from tradingd.core.plans import adaptive
from tradingd.core.plans.entry import call_off
from tradingd.core.rules import Rules
from tradingd.core.steps import micro
from tradingd.core.steps.protect import ensure_protection
from tradingd.core.types import DecisionId, Leg, Price, Side, Symbol

_BUY, _SELL = Side.BUY, Side.SELL  # at hand: see types._BUY


def levels_of(fact: StopSet) -> Levels:
    return Levels(entry=fact.entry, stop=fact.stop, target=fact.target, trailing=fact.trailing)


def side_of(position: Position) -> Side:
    return _BUY if position.qty > 0 else _SELL


def redraw(book: Book, symbol: Symbol, rules: Rules) -> None:
    """Draw the lines of one market anew: the nearest of stop, target, trailing trigger and single-position loss; none while
    flat or while an exit is already working. Called after every fact that moved one of these."""
    market = book.markets.get(symbol)
    if market is None:
        return
    market.low_line, market.high_line = -inf, inf
    position, fact = book.booked.positions.get(symbol), book.booked.levels.get(symbol)
    if position is None or not position.qty or fact is None:
        market.breached_ts = 0
        return
    exits = book.working_exits(symbol)
    if exits and abs(position.qty) <= exits:
        return
    side = side_of(position)
    low, high = _lines(market, side, fact, rules)
    fell, rose = adaptive.swing_lines(market, rules.adaptive)
    if side is _BUY:
        worst = float(position.avg_price) * (1.0 - rules.breaker.position_loss)
        market.low_line, market.high_line = max(fell, low, worst), min(rose, high)
    else:
        worst = float(position.avg_price) * (1.0 + rules.breaker.position_loss)
        market.low_line, market.high_line = max(fell, low), min(rose, high, worst)


def _lines(market: Market, side: Side, fact: StopSet, rules: Rules) -> tuple[float, float]:
    """Of stop, target and trail; worked out again only when one of them is another."""
    drawn = market.drawn
    if drawn is None or drawn[0] is not fact or drawn[1] is not side or drawn[2] is not rules.stops:
        drawn = market.drawn = (fact, side, rules.stops, stops.lines(side, levels_of(fact), rules.stops))
    return drawn[3]


def note_price(book: Book, market: Market, rules: Rules) -> None:
    """Keep this moment's price of what is held, and draw the lines of a rapid move about the prices kept; not while a stop that was
    reached waits for the venue, whose line is another."""
    if not market.breached_ts and adaptive.sample(market, book.now, rules.adaptive):
        redraw(book, market.instrument.symbol, rules)


def rapid(book: Book, market: Market, rules: Rules) -> None:
    """More than `rapid_move` within `rapid_min` minutes: this position's stop is looked at now (E12); told once in that time."""
    symbol = market.instrument.symbol
    move = adaptive.rapid_move(market, rules.adaptive)
    if move is None:
        return
    since, named = book.now - int(rules.adaptive.rapid_min * MINUTE), f"{symbol} moved "
    if not any(
        a.code == "rapid_move" and since < a.ts <= book.now and a.text.startswith(named) for a in book.booked.alerts
    ):
        text = f"{named}{move:+.2%} within {rules.adaptive.rapid_min:g} min"
        book.emit(Alerted(ts=book.now, account=book.account, level="tell", code="rapid_move", text=text))
    re_evaluate(book, symbol, rules, urgent=True)


def trail(book: Book, market: Market, fact: StopSet, side: Side, rules: Rules) -> Fired | None:
    """What the price sets off. A trailing move is made at once; stop and target are told to the caller."""
    levels = levels_of(fact)
    fired = stops.fired(side, levels, market.bid, market.ask, rules.stops)
    if fired == "trail":
        set_levels(book, fact, stops.trailed(side, levels), "trailing", rules)
    return fired


def cool_down(book: Book, market: Market, position: Position, side: Side, rules: Rules) -> float | None:
    """Has one position lost more than its limit? Then its ticker cools down, whatever closes it (E6). The loss, 0..1."""
    symbol = market.instrument.symbol
    price = market.bid if side is Side.BUY else market.ask
    trip = breaker.position_loss(symbol, side, float(position.avg_price), price, book.now, rules.breaker)
    if trip is None:
        return None
    if f"single_position:{symbol}" not in book.booked.trips:
        book.emit(trip.fact(book.account))
        text = f"{symbol} lost {trip.actual:.2%}, above {trip.threshold:.2%}: closed, no entries in it"
        book.emit(
            Alerted(
                ts=book.now,
                account=book.account,
                level="tell",
                code="breaker_single_position",
                text=text,
                subject=symbol,
            )
        )
        call_off(book, "breaker: single position", symbol)
    return trip.actual


def set_levels(book: Book, old: StopSet, new: Levels, why: str, rules: Rules, *, atr: float | None = None) -> None:
    book.emit(
        StopSet(
            ts=book.now, account=book.account, symbol=old.symbol, stop=new.stop, target=new.target, entry=new.entry,
            atr=old.atr if atr is None else atr, multiplier=old.multiplier, reward_risk=old.reward_risk, trailing=new.trailing,
            why=why, confidence=old.confidence, decision_id=old.decision_id,
        )
    )  # fmt: skip
    ensure_protection(book, old.symbol, rules)


def after_fill(book: Book, symbol: Symbol, working: Working | None, rules: Rules) -> None:
    """An entry (or a foreign execution) changed the position: measure its stop and target from the average entry price."""
    position = book.booked.positions.get(symbol)
    if position is None or not position.qty:
        return
    fact = book.booked.levels.get(symbol)
    entered = working is None or working.order.leg is Leg.ENTRY
    if fact is not None and not entered:
        return
    plan = book.booked.plans.get(working.order.decision_id) if working is not None else None
    market = book.markets.get(symbol)
    if market is None:
        _unprotected(book, symbol, Reason.UNKNOWN_SYMBOL)
        return
    tier = rules.tiers[book.booked.tier]
    side = side_of(position)
    atr = (plan.atr if plan is not None else None) or market.atr or 0.0
    factor, _ = adaptive.tightening(book, symbol, rules.calendar(market.instrument), rules.stops)
    multiplier, reward_risk = micro.stop_and_target(tier, intraday=symbol in book.booked.micro, rules=rules)
    measured = stops.tightened_levels(
        float(position.avg_price), atr, side, multiplier, reward_risk, market.instrument, factor
    )  # fmt: skip
    if isinstance(measured, Reason):
        _unprotected(book, symbol, measured)
        return
    decision = working.order.decision_id if working is not None else DecisionId(f"d{max(1, book.booked.decision_seq)}")
    book.emit(
        StopSet(
            ts=book.now, account=book.account, symbol=symbol, stop=_kept(fact, measured.stop, side), target=measured.target,
            entry=measured.entry, atr=atr, multiplier=multiplier, reward_risk=reward_risk,
            trailing=False, why="entry", confidence=plan.confidence if plan is not None else None, decision_id=decision,
        )
    )  # fmt: skip


def _kept(fact: StopSet | None, stop: Price, side: Side) -> Price:
    """A stop already set for this position is never loosened by a further fill."""
    if fact is None:
        return stop
    return max(fact.stop, stop) if side is Side.BUY else min(fact.stop, stop)


def _unprotected(book: Book, symbol: Symbol, why: Reason) -> None:
    text = f"{symbol} is held without a stop: {why.value}"
    book.emit(Alerted(ts=book.now, account=book.account, level="page", code="unprotected_position", text=text))


def re_evaluate(book: Book, symbol: Symbol, rules: Rules, *, urgent: bool = False) -> None:
    """ATR moved, earnings are near or an event runs: tighten stop and target where that is closer (E4, E12). Never loosens.

    Not more often than the interval of the stops; urgent does not wait, a running event only for the interval of its own."""
    fact, market, position = book.booked.levels.get(symbol), book.markets[symbol], book.booked.positions[symbol]
    if fact is None or market.atr is None:
        return
    factor, _ = adaptive.tightening(book, symbol, rules.calendar(market.instrument), rules.stops)
    if book.booked.events and adaptive.severe(book.booked.events.values(), symbol, book.now):
        urgent = urgent or book.now - fact.ts >= rules.adaptive.event_interval_min * MINUTE
    if not stops.is_due(fact.atr, market.atr, fact.ts, book.now, rules.stops, factor, urgent=urgent):
        return
    new = stops.re_evaluate(
        side=side_of(position), levels=levels_of(fact), last_atr=fact.atr, atr=market.atr, last_ts=fact.ts, now=book.now,
        multiplier=fact.multiplier, reward_risk=fact.reward_risk, instrument=market.instrument, settings=rules.stops,
        factor=factor, urgent=urgent,
    )  # fmt: skip
    if new is not None:
        set_levels(book, fact, new, "re-evaluated", rules, atr=market.atr)
        redraw(book, symbol, rules)
