"""The operator's words: pause, halt, flatten, lockout, cancel, resume, settle, adopt, trip, release. Source: FEATURES 5.9, O2, R2.

Stopping is never refused. Loosening needs evidence: a lockout ends only by its time, a halt only when the link is reconciled and
no order is unknown. Each word is answered once; the same command id again has no second effect (J19).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.fold.states import trip_key
from tradingd.core.book.orders import Life, Working
from tradingd.core.events import Command, Verb
from tradingd.core.facts import (
    Alerted,
    CancelIntended,
    CommandSeen,
    DriftCleared,
    FlattenBegun,
    FlattenDone,
    OrderMoved,
    PositionAdopted,
    ReserveKind,
    ReserveMoved,
    StateChanged,
)  # fmt: skip
from tradingd.core.gates import breaker
from tradingd.core.plans.entry import call_off
from tradingd.core.rules import Rules
from tradingd.core.steps.exits import cancel_entries, close
from tradingd.core.steps.levels import after_fill, redraw
from tradingd.core.steps.limits import resume_trip
from tradingd.core.steps.protect import ensure_protection
from tradingd.core.types import ZERO, Leg, Money, Price, Qty, Symbol, TradingState

OPERATOR = "operator"


def on_command(book: Book, command: Command, rules: Rules) -> None:
    if command.id in book.booked.commands:
        return
    match command.verb:
        case Verb.PAUSE:
            _hold(book, command, TradingState.REDUCING)
            _answer(book, command, "paused: no new risk; exits go on; undo with resume --reason")
        case Verb.HALT:
            _hold(book, command, TradingState.HALTED)
            _answer(book, command, "halted: only protective orders and flatten; undo with resume --reason")
        case Verb.LOCKOUT:
            _lockout(book, command, rules)
        case Verb.FLATTEN:
            begin_flatten(book, command, rules)
        case Verb.CANCEL:
            _cancel(book, command)
        case Verb.RESUME:
            _resume(book, command)
        case Verb.ADOPT:
            _adopt(book, command, rules)
        case Verb.TRIP:
            _trip(book, command, rules)
        case Verb.SETTLE:
            _settle(book, command, rules)
        case Verb.RELEASE:
            _release(book, command)


def _answer(book: Book, command: Command, text: str, *, refused: bool = False) -> None:
    book.emit(
        CommandSeen(
            ts=book.now, account=book.account, command_id=command.id, verb=command.verb.value, actor=command.actor,
            reason=command.reason, answer=text, refused=refused,
        )
    )  # fmt: skip


def _hold(book: Book, command: Command, state: TradingState, *, key: str = OPERATOR, until: int | None = None) -> None:
    """Put a hold on and take working entries back. A looser hold never replaces a stricter one of the same key."""
    standing = book.booked.holds.get(key)
    order = list(TradingState)
    if standing is None or order.index(state) >= order.index(standing.state):
        book.emit(
            StateChanged(
                ts=book.now, account=book.account, key=key, verb=command.verb.value, state=state, actor=command.actor,
                reason=command.reason, command_id=command.id, until=until,
            )
        )  # fmt: skip
        if command.actor.startswith("rule:"):  # nobody asked for it, so somebody must hear of it (I14)
            code = command.actor.removeprefix("rule:")
            book.emit(Alerted(ts=book.now, account=book.account, level="page", code=code, text=command.reason))
    cancel_entries(book, command.verb.value)


def _lockout(book: Book, command: Command, rules: Rules) -> None:
    if command.until is None or command.until <= book.now:
        _answer(book, command, "refused: lockout needs --until with a time in the future", refused=True)
        return
    standing = book.booked.holds.get("lockout")
    until = max(command.until, standing.until or 0) if standing else command.until
    _hold(book, command, TradingState.LOCKED, key="lockout", until=until)
    if command.flatten:
        begin_flatten(book, command, rules, answer=False)
    _answer(book, command, "locked until its time; nothing lifts it before")


def begin_flatten(book: Book, command: Command, rules: Rules, *, answer: bool = True) -> None:
    """Cancel entries, close what is held, end in halt once the venue agrees that nothing is left."""
    book.emit(
        FlattenBegun(
            ts=book.now, account=book.account, command_id=command.id, actor=command.actor, symbol=command.symbol
        )
    )
    cancel_entries(book, "flatten", command.symbol)
    if command.symbol is None:
        _hold(book, command, TradingState.HALTED)
    sent = push_flatten(book, rules, at_once=True)
    if answer:
        held = [s for s in book.held() if command.symbol in (None, s)]
        text = f"flatten begun: {len(held)} positions, {sent} closing orders" if held else "nothing is held"
        _answer(book, command, text)


def push_flatten(book: Book, rules: Rules, *, at_once: bool = False) -> int:
    """Close what is still held under a running flatten. The orders intended."""
    sent = 0
    for command_id, begun in book.booked.flatten.items():
        symbols = [s for s in book.held() if begun.symbol in (None, s)]
        for symbol in symbols:
            sent += close(
                book,
                symbol,
                source="operator",
                cause=command_id,
                rules=rules,
                thesis=f"flatten by {begun.actor}",
                at_once=at_once,
            )
    return sent


def finish_flatten(book: Book, venue: Mapping[Symbol, Qty]) -> None:
    """A flatten ends by the venue's word: flat there and here, with no order of its symbols left, stops included."""
    for command_id, begun in list(book.booked.flatten.items()):
        left = sorted({*[s for s, qty in venue.items() if qty], *book.held()})
        left = [s for s in left if begun.symbol in (None, s)]
        beyond = [s for s in left if s not in book.markets]  # not listed or not configured: nobody here can close it
        if len(left) > len(beyond) or book.open_orders(begun.symbol):
            continue
        if beyond:
            text = f"flatten ends with {', '.join(beyond)} still held: not listed here, close it at the venue"
            book.emit(Alerted(ts=book.now, account=book.account, level="page", code="flatten_incomplete", text=text))
        book.emit(FlattenDone(ts=book.now, account=book.account, command_id=command_id))


def _named(book: Book, command: Command) -> list[Working]:
    chosen = book.open_orders(command.symbol)
    if command.order_id is not None:
        chosen = [w for w in chosen if w.order.order_id == command.order_id]
    return [w for w in chosen if command.protective or w.order.leg is not Leg.PROTECT]


def _cancel(book: Book, command: Command) -> None:
    chosen, named = _named(book, command), book.order(command.order_id) if command.order_id is not None else None
    ended = 0
    if command.order_id is None or named is not None:
        decision_id = named.order.decision_id if named is not None else None
        ended = call_off(book, f"operator {command.actor}", command.symbol, decision_id)
    if not chosen and not ended:
        skipped = command.order_id is not None and any(w.order.order_id == command.order_id for w in book.open_orders())
        text = "refused: that is a protective stop; say --protective" if skipped else "nothing to cancel"
        _answer(book, command, text, refused=skipped)
        return
    for working in chosen:
        book.emit(
            CancelIntended(
                ts=book.now, account=book.account, order_id=working.order.order_id, why=f"operator {command.actor}"
            )
        )
    rest = f", the rest of {ended} entries called off" if ended else ""
    _answer(book, command, f"cancel asked for {len(chosen)} orders{rest}")


def _trip(book: Book, command: Command, rules: Rules) -> None:
    """The breaker by hand, for the account or one ticker, to the operator's time or the configured cool-down (E6). One that stands
    longer already is not shortened: only resume loosens."""
    if command.until is not None and command.until <= book.now:
        _answer(book, command, "refused: --until is in the past", refused=True)
        return
    trip = msgspec.structs.replace(
        breaker.manual(command.actor, book.now, rules.breaker, until=command.until), symbol=command.symbol
    )
    standing = book.booked.trips.get(trip_key(trip.kind.value, trip.symbol))
    if standing is not None and standing.until > trip.until:
        trip = msgspec.structs.replace(trip, until=standing.until)
    book.emit(trip.fact(book.account))
    cancel_entries(book, "breaker: by hand", command.symbol)
    what = command.symbol or "the account"
    text = f"tripped by hand for {what} by {command.actor}: no entries"
    book.emit(Alerted(ts=book.now, account=book.account, level="tell", code="breaker_manual", text=text))
    _answer(book, command, f"breaker tripped by hand for {what}: no entries until its cool-down is over or resume")


def _settle(book: Book, command: Command, rules: Rules) -> None:
    """An order whose outcome cannot be proven any more (the venue has forgotten it) ends by a named operator's word, so that it
    does not hold entries off for ever (I2). A fill of it that comes all the same is booked."""
    working = book.order(command.order_id) if command.order_id is not None else None
    if working is None or working.life is not Life.UNKNOWN or not command.reason.strip() or not book.booked.link_up:
        why = (
            "settle needs --reason"
            if working is not None and not command.reason.strip()
            else "no unknown order of that id"
        )
        if not book.booked.link_up:
            why = "the venue is not reconciled"
        _answer(book, command, f"refused: {why}", refused=True)
        return
    to = Life.CANCELLED if working.arrived else Life.NEVER
    book.emit(
        OrderMoved(
            ts=book.now, account=book.account, order_id=working.order.order_id, frm=working.life.value, to=to.value,
            why=f"settled by {command.actor}: {command.reason}",
        )
    )  # fmt: skip
    ensure_protection(book, working.order.symbol, rules)
    redraw(book, working.order.symbol, rules)
    _answer(book, command, f"{working.order.order_id} settled as {to.value}")


def _resume(book: Book, command: Command) -> None:
    refusal = _why_not_resume(book, command)
    if refusal is not None:
        _answer(book, command, f"refused: {refusal}", refused=True)
        return
    lifted = [key for key, hold in book.booked.holds.items() if hold.state is not TradingState.LOCKED]
    for key in lifted:
        book.emit(
            StateChanged(
                ts=book.now, account=book.account, key=key, verb="resume", state=TradingState.ACTIVE, actor=command.actor,
                reason=command.reason, command_id=command.id,
            )
        )  # fmt: skip
    for trip in list(book.booked.trips.values()):
        resume_trip(book, trip, f"resumed by {command.actor}")
    _answer(book, command, f"resumed: {len(lifted)} holds lifted; state {book.state().value}")


def _why_not_resume(book: Book, command: Command) -> str | None:
    if not command.reason.strip():
        return "resume needs --reason"
    for hold in book.booked.holds.values():
        if hold.state is TradingState.LOCKED and (hold.until or 0) > book.now:
            return "locked out until its time is over"
    if book.booked.flatten:
        return "a flatten is still running"
    if book.halted():
        if not book.booked.link_up:
            return "the venue is not reconciled"
        if book.unknown_orders():
            return f"{len(book.unknown_orders())} orders are unknown"
    return None


def _adopt(book: Book, command: Command, rules: Rules) -> None:
    """The venue's position becomes ours at the mark, with a stop of its own; refused without a price to book it at."""
    drift = book.booked.drift.get(command.symbol) if command.symbol else None
    if drift is None or not command.reason.strip():
        text = "refused: adopt needs --reason" if drift else "refused: that symbol does not drift"
        _answer(book, command, text, refused=True)
        return
    market, position = book.markets.get(drift.symbol), book.booked.positions.get(drift.symbol)
    mark = position.avg_price if position is not None and position.qty else Price(ZERO)
    if market is not None and market.mid:
        mark = market.instrument.price(market.mid)
    if market is None or not mark > 0:
        why = "it has no price yet" if market is not None else "it is not configured"
        _answer(book, command, f"refused: {drift.symbol} cannot be adopted, {why}", refused=True)
        return
    book.emit(
        PositionAdopted(
            ts=book.now,
            account=book.account,
            symbol=drift.symbol,
            qty=drift.venue,
            price=mark,
            actor=command.actor,
            multiplier=Qty(market.instrument.multiplier),
            rate=Price(book.rate(market.instrument) / market.instrument.multiplier),
        )
    )
    book.remark()
    book.emit(DriftCleared(ts=book.now, account=book.account, symbol=drift.symbol, how=f"adopted by {command.actor}"))
    after_fill(book, drift.symbol, None, rules)
    ensure_protection(book, drift.symbol, rules)
    redraw(book, drift.symbol, rules)
    _answer(book, command, f"adopted {drift.venue} {drift.symbol} (ours was {drift.ours})")


def _release(book: Book, command: Command) -> None:
    amount = command.amount if command.amount is not None else book.booked.reserve
    if not ZERO < amount <= book.booked.reserve or not command.reason.strip():
        text = "refused: release needs --reason and an amount within the reserve"
        _answer(book, command, text, refused=True)
        return
    book.emit(
        ReserveMoved(
            ts=book.now, account=book.account, kind=ReserveKind.MANUAL_ADJUSTMENT, amount=Money(-amount),
            balance=Money(book.booked.reserve - amount), reference=command.id,
        )
    )  # fmt: skip
    _answer(book, command, f"released {amount} from the reserve")
