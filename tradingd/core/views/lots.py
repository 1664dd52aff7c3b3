"""The tax lots of an account as an operator sees them: open lots, what was closed lately, sums by calendar year. Values only."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tradingd.core.book.book import Book
from tradingd.core.book.lots import Lot, Part
from tradingd.core.book.wash import date_of, last_day
from tradingd.core.types import Side, Symbol
from tradingd.core.views.view import View

_SIDE = {Side.BUY: "long", Side.SELL: "short"}
SHORT, LONG = "short", "long"  # terms


class LotView(View):
    """An open lot. opened_qty: when it was opened or cut, in today's shares.

    basis: what it took out of the cash, `wash` (disallowed elsewhere, added here) included; a short's is negative.
    acquired_ts: earlier than opened_ts where a wash sale handed a holding period on; ns.
    unrealised: at the symbol's mark, None without one.   term: long when it has been held for more than a year, else short."""

    lot: str
    symbol: str
    side: str  # long, short
    qty: str
    opened_qty: str
    basis: str
    wash: str
    opened_ts: int
    acquired_ts: int
    adopted: bool
    term: str = SHORT
    unrealised: float | None = None


class TakenView(View):
    """A lot that replaced sold shares, and what was added to its basis."""

    lot: str
    qty: str
    amount: str


class PartView(View):
    """Shares of one lot that were closed. realised: proceeds less basis, after fees.   disallowed: of a loss, >= 0.

    open_qty: so many would still be replaced by shares bought before `open_until` (ns) is over; "0" and None when none would."""

    lot: str
    symbol: str
    side: str
    qty: str
    basis: str
    proceeds: str
    realised: str
    disallowed: str
    taken: tuple[TakenView, ...]
    open_qty: str
    open_until: int | None
    opened_ts: int
    acquired_ts: int
    closed_ts: int
    adopted: bool
    term: str = SHORT


class YearView(View):
    """realised: of all parts closed in that year, before wash sales; what a wash sale moved to a later lot is in it once more when
    that one closes.   disallowed: >= 0, of its losses.   counts: both together, the year's gain or loss."""

    year: int
    realised: str
    disallowed: str
    counts: str


class LotsView(View):
    """One account. lots: oldest first by symbol.   closed: latest first; finished ones are kept by number.
    years: of the whole account, whatever symbol was asked for.   open_lots: how many there are, shown or not.
    opened, parts, washed: since the beginning, of the whole account: executions that opened a lot; parts closed; those of them
    whose loss is disallowed."""

    account: str
    currency: str
    lots: tuple[LotView, ...]
    closed: tuple[PartView, ...]
    years: tuple[YearView, ...]
    open_lots: int = 0
    opened: int = 0
    parts: int = 0
    washed: int = 0


def lots_view(
    book: Book, now: int, symbol: str | None = None, *, most: int | None = None, parts: int | None = None
) -> LotsView:
    """The lots of all symbols, or of one. now: ns, decides terms, and which losses a purchase would still replace.
    most, parts: so many open lots, the oldest of the first symbols; so many closed parts, the latest; None for all. Source: E8."""
    booked = book.booked
    wanted = sorted(booked.lots.held) if symbol is None else [s for s in (Symbol(symbol),) if s in booked.lots.held]
    waiting = [part for s in wanted for some in booked.lots.held[s].waiting.values() for part in some]
    closed = [part for part in booked.lots.closed.values() if symbol in (None, part.symbol)]
    latest = sorted([*closed, *waiting], key=lambda part: (part.closed_ts, part.seq), reverse=True)[:parts]
    held = [(s, lot) for s in wanted for lot in booked.lots.held[s].lots]
    years = sorted(booked.lots.years.items())
    return LotsView(
        account=book.account, currency=booked.currency,
        lots=tuple(_lot(book, s, lot, now) for s, lot in held[:most]), open_lots=len(held),
        closed=tuple(_part(part, now) for part in latest),
        years=tuple(
            YearView(
                year=y, realised=_text(t.realised), disallowed=_text(t.disallowed), counts=_text(t.realised + t.disallowed)
            )
            for y, t in years
        ),
        opened=booked.lots.opened, parts=booked.lots.seq, washed=booked.lots.washed,
    )  # fmt: skip


def _text(amount: Decimal) -> str:
    return format(amount, "f")


def _lot(book: Book, symbol: Symbol, lot: Lot, now: int) -> LotView:
    return LotView(
        lot=lot.lot_id, symbol=symbol, side=_SIDE[lot.side], qty=_text(lot.qty),
        opened_qty=_text(lot.opened), basis=_text(lot.basis), wash=_text(lot.wash),
        opened_ts=lot.opened_ts, acquired_ts=lot.acquired_ts, adopted=lot.adopted,
        term=_term(lot.side, lot.acquired_ts, now), unrealised=_unrealised(book, symbol, lot),
    )  # fmt: skip


def _unrealised(book: Book, symbol: Symbol, lot: Lot) -> float | None:
    market = book.markets.get(symbol)
    if market is None or not market.mid:
        return None
    return lot.side.sign * float(lot.qty * book.rate(market.instrument)) * market.mid - float(lot.basis)


def _term(side: Side, acquired_ts: int, until: int) -> str:
    """Held for more than a year: the day of the purchase does not count, that of the sale does. What was sold short has no holding
    period of its own."""
    begins, ends = date.fromordinal(date_of(acquired_ts).toordinal() + 1), date_of(until)
    years = ends.year - begins.year - ((ends.month, ends.day) < (begins.month, begins.day))
    return LONG if side is Side.BUY and years >= 1 else SHORT


def _part(part: Part, now: int) -> PartView:
    until = last_day(part)
    waits = bool(part.open_qty) and now < until
    return PartView(
        lot=part.lot, symbol=part.symbol, side=_SIDE[part.side], qty=_text(part.qty), basis=_text(part.basis),
        proceeds=_text(part.proceeds), realised=_text(part.realised), disallowed=_text(part.disallowed),
        taken=tuple(TakenView(lot=t.lot, qty=_text(t.qty), amount=_text(t.amount)) for t in part.taken),
        open_qty=_text(part.open_qty) if waits else "0", open_until=until if waits else None, opened_ts=part.opened_ts,
        acquired_ts=part.acquired_ts, closed_ts=part.closed_ts, adopted=part.adopted,
        term=_term(part.side, part.acquired_ts, part.closed_ts),
    )  # fmt: skip
