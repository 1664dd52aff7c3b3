"""One account as an operator sees it: a pure picture of a book at a moment."""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book
from tradingd.core.book.orders import FINAL, OPEN, Working
from tradingd.core.gates.reserve import reserve_share
from tradingd.core.gates.standing import heat_now
from tradingd.core.rules import Rules
from tradingd.core.types import Leg, Money, Symbol, TradingState
from tradingd.core.views.lots import lots_view
from tradingd.core.views.page import (
    AccountView,
    BrokerView,
    HoldView,
    LimitView,
    OrderView,
    PositionView,
    TierView,
    TripView,
)  # fmt: skip
from tradingd.core.views.performance import MONTH, measure, recent_win_rate
from tradingd.core.views.rebalance import rebalance_view

FINISHED_SHOWN = 40
DECISIONS_SHOWN = 50
ALERTS_SHOWN = 20
LOTS_SHOWN = 40
PARTS_SHOWN = 12
_LEG = {Leg.ENTRY: "entry", Leg.EXIT: "exit", Leg.PROTECT: "protect"}


def account_view(book: Book, rules: Rules, now: int | None = None) -> AccountView:
    """now: ns, the house's time; None: that of the last event."""
    booked, now = book.booked, book.now if now is None else now
    return AccountView(
        account=book.account, currency=booked.currency, state=shown_state(book), holds=_holds(book), tier=booked.tier.value,
        breaker=tuple(
            TripView(
                kind=t.kind.value, symbol=t.symbol, threshold=t.threshold, actual=t.actual, ts=t.ts, until=t.until
            )
            for t in booked.trips.values()
        ),
        equity=book.equity, active=book.active_pool(), reserve=str(booked.reserve), cash=str(booked.cash), heat=heat_now(book),
        day_pnl=book.equity - float(booked.day_open) if booked.day_open else 0.0, day_pnl_ratio=-book.day_loss(),
        drawdown=book.drawdown(), realised=str(booked.realised), fees=str(booked.fees), broker=_broker(book),
        positions=tuple(_position(book, symbol) for symbol in sorted(book.held())), orders=_orders(book),
        decisions=tuple(reversed(booked.recent[-DECISIONS_SHOWN:])), limits=limits(book, rules),
        alerts=tuple((a.ts, a.level, a.code, a.text) for a in reversed(booked.alerts[-ALERTS_SHOWN:])),
        counts={**booked.counts, "quotes": book.quotes, "quarantined": _quarantined(book)}, refusals=dict(booked.refusals),
        measures=book.measures or measure(book, rules), measured_ts=book.measured_ts or book.now, risk_tier=_risk_tier(book, rules),
        tax=lots_view(book, now, most=LOTS_SHOWN, parts=PARTS_SHOWN), rebalance=rebalance_view(book, rules, now),
    )  # fmt: skip


def _risk_tier(book: Book, rules: Rules) -> TierView:
    booked = book.booked
    return TierView(
        name=booked.tier.value, since=booked.tier_history[-1].ts if booked.tier_history else 0, numbers=rules.tiers[booked.tier],
        win_rate=recent_win_rate(booked.trades, book.now - MONTH), drawdown=book.drawdown(),
        reserve_share=reserve_share(booked.reserve, Money(Decimal(repr(book.equity)))),
        history=tuple(reversed(booked.tier_history)),
    )  # fmt: skip


def shown_state(book: Book) -> str:
    """active, reducing (paused, soft breaker, link not ready), halted or locked."""
    state = book.state()
    if state is TradingState.ACTIVE and (_entry_breaker(book) or not book.booked.link_up or book.unknown_orders()):
        return TradingState.REDUCING.value
    return state.value


def _entry_breaker(book: Book) -> bool:
    return any(t.symbol is None for t in book.booked.trips.values())


def _holds(book: Book) -> tuple[HoldView, ...]:
    return tuple(
        HoldView(key=h.key, verb=h.verb, state=h.state.value, actor=h.actor, reason=h.reason, ts=h.ts, until=h.until)
        for h in book.booked.holds.values()
    )


def _broker(book: Book) -> BrokerView:
    booked = book.booked
    return BrokerView(
        name=booked.link_broker or "none", up=booked.link_up, why=booked.link_why, last_event_ts=book.last_event_ts or None,
        last_reconcile_ts=book.last_reconcile_ts or None, unknown_orders=len(book.unknown_orders()),
    )  # fmt: skip


def _position(book: Book, symbol: Symbol) -> PositionView:
    position, market, levels = book.booked.positions[symbol], book.markets.get(symbol), book.booked.levels.get(symbol)
    mark = market.mid if market is not None and market.mid else None
    rate = float(book.rate(market.instrument)) if market is not None else 1.0
    value = float(position.qty) * (mark or float(position.avg_price)) * rate
    drift, resting = book.booked.drift.get(symbol), book.protection(symbol)
    return PositionView(
        symbol=symbol, qty=str(position.qty), avg_price=str(position.avg_price), mark=mark, mark_ts=market.ts if market else None,
        value=value, unrealised=value - float(position.basis), realised=str(position.realised),
        sector=market.instrument.sector if market else "unclassified", stop=str(levels.stop) if levels else None,
        target=str(levels.target) if levels else None, trailing=levels.trailing if levels else False,
        protective=resting.life.value if resting is not None else None, drift=str(drift.venue) if drift else None,
        confidence=levels.confidence if levels else None, opened_ts=position.opened_ts, micro=symbol in book.booked.micro,
    )  # fmt: skip


def _orders(book: Book) -> tuple[OrderView, ...]:
    working = [w for w in book.booked.orders.values() if w.life in OPEN]
    done = [w for w in book.booked.orders.values() if w.life in FINAL][-FINISHED_SHOWN:]
    return tuple(_order(w) for w in (*reversed(working), *reversed(done)))


def _order(w: Working) -> OrderView:
    average = w.avg_price()
    return OrderView(
        order_id=w.order.order_id, decision_id=w.order.decision_id, symbol=w.order.symbol, side=w.order.side.value,
        type=w.order.type.value, tif=w.order.tif.value, leg=_LEG[w.order.leg],
        qty=str(w.qty), cum_qty=str(w.cum_qty), avg_price=str(average) if average is not None else None,
        limit=str(w.limit) if w.limit is not None else None, stop=str(w.stop) if w.stop is not None else None, state=w.life.value,
        open=w.life in OPEN, ts=w.opened_ts, updated_ts=w.updated_ts, why=w.why,
    )  # fmt: skip


def limits(book: Book, rules: Rules) -> tuple[LimitView, ...]:
    """Headroom before a breach, each limit with what is used of it."""
    gate, tier = rules.gate, rules.tiers[book.booked.tier]
    equity = book.equity if book.equity > 0 else 1.0
    largest = max((book.symbol_value(s) for s in book.markets), default=0.0)
    sector = max(book.values().values(), default=0.0)
    return (
        LimitView(name="day loss", used=max(0.0, book.day_loss()), limit=gate.max_daily_loss),
        LimitView(name="breaker day loss", used=max(0.0, book.day_loss()), limit=rules.breaker.daily_loss),
        LimitView(name="drawdown", used=book.drawdown(), limit=gate.max_drawdown),
        LimitView(name="heat", used=heat_now(book), limit=tier.max_portfolio_heat),
        LimitView(name="largest position", used=largest / equity, limit=gate.max_position_pct),
        LimitView(name="largest sector", used=sector / equity, limit=min(gate.max_sector_pct, tier.max_sector_pct)),
        LimitView(
            name="open positions",
            used=float(len(book.held())),
            limit=float(min(gate.max_open_positions, rules.positions_max)),
        ),
    )


def _quarantined(book: Book) -> int:
    total = 0
    for market in book.markets.values():
        for count in market.quarantined.values():
            total += count
    return total
