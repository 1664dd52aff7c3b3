"""What is learned of the account itself: link, reconciliation, positions by the venue's word, corporate actions, rates, starts."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.events import (
    AccountSeen,
    ClockSeen,
    ConfigLoaded,
    Dividend,
    Financed,
    FxRate,
    InstrumentStatus,
    Leaving,
    LinkLost,
    LinkUp,
    PositionsSeen,
    Reconciled,
    Split,
    Started,
    Stopping,
)  # fmt: skip
from tradingd.core.facts import (
    Alerted,
    CashMoved,
    ConfigChanged,
    DriftCleared,
    DriftFound,
    LinkChanged,
    RateSet,
    ReserveKind,
    ReserveMoved,
    ShutDown,
    SplitApplied,
    StartedUp,
    StateChanged,
    StopSet,
    TierChanged,
    TradableChanged,
)  # fmt: skip
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import cancel_entries, unwanted
from tradingd.core.steps.levels import after_fill, redraw
from tradingd.core.steps.limits import anomaly, draw_loss_line, hold_and_page, second_daemon
from tradingd.core.steps.operator import finish_flatten, push_flatten
from tradingd.core.steps.protect import ensure_protection
from tradingd.core.types import NS, ZERO, Instrument, Money, Price, Qty, TradingState

BACK_NS = 5 * NS  # what clocks differ by
CASH_TOLERANCE = Money(ZERO + 1)  # account currency; fees rounded by the venue stay below this


def on_started(book: Book, event: Started, rules: Rules) -> None:
    """A process took over. Three unclean starts in a quarter of an hour, this one among them, end in a halt (H6).

    A journal that is ahead of this machine's clock was written while one of the two was wrong. The account's time begins anew at
    the clock, else sessions would end too early and stops would wait for it to catch up; no new risk until somebody looked (E1).
    """
    ahead = max(book.now, book.booked.last_ts) - event.ts
    if ahead > BACK_NS:
        book.now = event.ts
    book.emit(
        StartedUp(
            ts=book.now,
            account=book.account,
            mode=event.mode,
            build=event.build,
            config=event.config,
            clean=event.clean,
        )
    )
    if ahead > BACK_NS:
        hold_and_page(
            book,
            "clock_behind",
            f"the journal is {ahead / NS:.1f} s ahead of this machine's clock: look at both, then resume",
        )
    window = rules.crash_loop_window_s * NS
    crashes = [s for s in book.booked.starts if not s.clean and 0 <= book.now - s.ts <= window]
    if rules.crash_loop_starts and len(crashes) >= rules.crash_loop_starts:
        why = f"{len(crashes)} unclean starts in {rules.crash_loop_window_s:.0f} s"
        hold_and_page(book, "crash_loop", why, state=TradingState.HALTED)
    for symbol in list(book.booked.positions):
        if symbol in rules.instruments:
            book.watch(rules.instruments[symbol], band=rules.quotes.band, atr_bars=rules.quotes.atr_bars)
    book.remark()
    draw_loss_line(book, rules)


def on_config(book: Book, event: ConfigLoaded, rules: Rules) -> None:
    """New rules: recorded with before and after, and every line that depends on them is drawn anew (H6)."""
    book.emit(
        ConfigChanged(ts=book.now, account=book.account, actor=event.actor, config=event.config, changes=event.changes)
    )
    draw_loss_line(book, rules)
    for symbol in book.held():
        redraw(book, symbol, rules)


def on_clock(book: Book, event: ClockSeen, rules: Rules) -> None:
    """The machine's clock was set: nobody knows which of the two is right, so no new risk until they agree again (E1)."""
    key, hold = "rule:wall_clock", book.booked.holds.get("rule:wall_clock")
    off = bool(event.off_s)
    if off == (hold is not None):
        return
    reason = f"the machine's clock is off by {event.off_s:+.1f} s" if off else "the machine's clock is right again"
    book.emit(
        StateChanged(
            ts=book.now, account=book.account, key=key, verb="pause" if off else "expired",
            state=TradingState.REDUCING if off else TradingState.ACTIVE, actor=key, reason=reason,
        )
    )  # fmt: skip
    level = "page" if off else "tell"
    book.emit(Alerted(ts=book.now, account=book.account, level=level, code="wall_clock", text=reason))
    if off:
        cancel_entries(book, "the clock was set")


def on_leaving(book: Book, event: Leaving, rules: Rules) -> None:
    cancel_entries(book, "the daemon stops")


def on_stopping(book: Book, event: Stopping, rules: Rules) -> None:
    book.emit(ShutDown(ts=book.now, account=book.account, reason=event.reason))


def open_account(book: Book, cash: Money, rules: Rules) -> None:
    """The first facts of an account: its starting capital, its tier, and the reserve's first line (E5)."""
    if book.booked.tier is not rules.tier_at_start:
        book.emit(
            TierChanged(
                ts=book.now,
                account=book.account,
                previous=book.booked.tier,
                tier=rules.tier_at_start,
                why="configured start",
            )
        )
    book.emit(CashMoved(ts=book.now, account=book.account, kind="deposit", amount=cash))
    book.emit(
        ReserveMoved(
            ts=book.now, account=book.account, kind=ReserveKind.INITIAL, amount=Money(ZERO), balance=Money(ZERO)
        )
    )


def on_link(book: Book, event: LinkUp | LinkLost | Reconciled, rules: Rules) -> None:
    """Only a reconciled link is up; a session that has just opened is not (B1)."""
    booked = book.booked
    match event:
        case LinkUp():
            if booked.link_up or booked.link_broker != event.broker:
                book.emit(
                    LinkChanged(
                        ts=book.now, account=book.account, up=False, broker=event.broker, why="connected, reconciling"
                    )
                )
        case LinkLost():
            if booked.link_up:
                level = "page" if book.held() else "tell"
                book.emit(LinkChanged(ts=book.now, account=book.account, up=False, broker=event.broker, why=event.why))
                book.emit(
                    Alerted(ts=book.now, account=book.account, level=level, code="broker_disconnected", text=event.why)
                )
            if event.taken:
                second_daemon(book, f"second login? {event.why}")
        case Reconciled():
            if not booked.link_up:
                why = f"reconciled: {event.orders} orders asked, {event.fills} fills fetched"
                book.emit(LinkChanged(ts=book.now, account=book.account, up=True, broker=booked.link_broker, why=why))
            for symbol in book.held():
                if symbol not in book.booked.levels:  # foreign, or its last step was cut off by a crash
                    after_fill(book, symbol, None, rules)
                ensure_protection(book, symbol, rules)
                redraw(book, symbol, rules)
            unwanted(book)
            if book.booked.flatten:
                push_flatten(book, rules)


def on_positions(book: Book, event: PositionsSeen, rules: Rules) -> None:
    """The venue's word against ours, at the same count of fills. A difference is drift: told with both figures, entries of the
    symbol off, never overwritten (B6, D24). Agreement is the evidence that clears it."""
    if event.cursor != book.booked.fill_cursor or book.booked.fills_ahead:
        return  # of another moment: fills that one side has counted are missing on the other
    if event.ends is not None and event.ends != book.ends:
        return  # of before an order ended with executions still on their way: they would count as seen
    book.all_seen()
    symbols = sorted({*event.positions, *book.held(), *book.booked.drift})
    for symbol in symbols:
        venue, ours = event.positions.get(symbol, Qty(ZERO)), book.qty(symbol)
        known = book.booked.drift.get(symbol)
        if venue == ours:
            if known is not None:
                book.emit(DriftCleared(ts=book.now, account=book.account, symbol=symbol, how="the venue agrees again"))
        elif known is None or (known.ours, known.venue) != (ours, venue):
            book.emit(DriftFound(ts=book.now, account=book.account, symbol=symbol, ours=ours, venue=venue))
            book.emit(
                Alerted(
                    ts=book.now, account=book.account, level="page", code="position_drift",
                    text=f"{symbol}: ours {ours}, the venue's {venue}; entries off until they agree or adopt --reason",
                )
            )  # fmt: skip
    finish_flatten(book, event.positions)


def on_account(book: Book, event: AccountSeen, rules: Rules) -> None:
    """Balances by the venue's word. A first sight of an empty book takes the venue's cash as the starting capital."""
    booked = book.booked
    if not booked.deposits and not booked.orders and not booked.positions:
        open_account(book, event.cash, rules)
        book.remark()
        return
    off = event.cash - booked.cash
    if (
        abs(off) > CASH_TOLERANCE
        and not book.open_orders()
        and "cash_drift" not in {a.code for a in booked.alerts[-20:]}
    ):
        book.emit(
            Alerted(
                ts=book.now, account=book.account, level="tell", code="cash_drift",
                text=f"cash: ours {booked.cash}, the venue's {event.cash}",
            )
        )  # fmt: skip
    if event.blocked and "rule:account_blocked" not in booked.holds:
        hold_and_page(book, "account_blocked", "the venue blocked the account")


def on_dividend(book: Book, event: Dividend, rules: Rules) -> None:
    if event.action_id in book.booked.actions:
        return
    book.emit(
        CashMoved(
            ts=book.now, account=book.account, kind="dividend", amount=event.amount, symbol=event.symbol,
            action_id=event.action_id,
        )
    )  # fmt: skip
    book.remark()


def on_financed(book: Book, event: Financed, rules: Rules) -> None:
    """Interest and fees for borrowing, once an action_id (T2)."""
    if event.action_id in book.booked.actions:
        return
    book.emit(
        CashMoved(
            ts=book.now, account=book.account, kind=event.kind, amount=event.amount, action_id=event.action_id,
        )
    )  # fmt: skip
    book.remark()


def on_split(book: Book, event: Split, rules: Rules) -> None:
    """Shares times ratio, prices by ratio: the position, its stop and target, and everything observed before (F9). Told again by a
    venue after a login, it counts once; what was traded after it is in new shares already, and stays."""
    symbol = event.symbol
    market, levels = book.markets.get(symbol), book.booked.levels.get(symbol)
    if f"{event.action_id}:{symbol}" in book.booked.actions or (market is None and not book.qty(symbol)):
        return
    if not (isfinite(event.ratio) and event.ratio > 0):
        anomaly(book, "bad_split", symbol, f"{event.ratio} new shares for one: not applied, positions may drift")
        return
    ratio = Price(_decimal(event.ratio))
    position, at = book.booked.positions.get(symbol), event.at or event.ts
    later = position is not None and position.opened_ts > at  # what it stands on was set at new prices
    book.emit(
        SplitApplied(ts=book.now, account=book.account, symbol=symbol, ratio=ratio, action_id=event.action_id, at=at)
    )
    if market is not None and not event.adjusted:
        market.rescale(event.ratio, at)
    cancel_entries(book, "split", symbol)  # priced and sized before it (F9)
    if levels is not None and symbol in book.booked.levels and not later:
        instrument = (
            market.instrument if market is not None else rules.instruments.get(symbol, Instrument(symbol=symbol))
        )
        book.emit(_split_levels(levels, event.ratio, instrument, long=book.qty(symbol) > 0, ts=book.now))
    book.remark()
    ensure_protection(book, symbol, rules)
    redraw(book, symbol, rules)


def _split_levels(old: StopSet, ratio: float, instrument: Instrument, *, long: bool, ts: int) -> StopSet:
    """Stop and target in new prices; the stop is rounded away from the price, so that the split sets nothing off."""
    return msgspec.structs.replace(
        old, ts=ts, stop=instrument.price(float(old.stop) / ratio, to="down" if long else "up"),
        target=instrument.price(float(old.target) / ratio), entry=instrument.price(float(old.entry) / ratio), atr=old.atr / ratio,
        why="split",
    )  # fmt: skip


def _decimal(x: float) -> Decimal:
    return Decimal(repr(x))


def on_status(book: Book, event: InstrumentStatus, rules: Rules) -> None:
    if (event.symbol not in book.booked.untradable) != event.tradable:
        book.emit(
            TradableChanged(
                ts=book.now, account=book.account, symbol=event.symbol, tradable=event.tradable, why=event.why
            )
        )
        if event.tradable:
            push_flatten(book, rules)


def on_rate(book: Book, event: FxRate, rules: Rules) -> None:
    """What one unit of a currency is worth; a rate that is none would make every figure of the account one (F3)."""
    if not (event.rate.is_finite() and event.rate > 0):
        anomaly(book, "bad_rate", event.currency, f"{event.rate} is no rate; the old one stays")
        return
    if book.booked.rates.get(event.currency) != event.rate:
        book.emit(RateSet(ts=book.now, account=book.account, currency=event.currency, rate=event.rate))
        book.remark()
        draw_loss_line(book, rules)
