"""The tax lots of an account as an operator sees them: open lots, what was closed lately, sums by calendar year. Values only."""

from __future__ import annotations

from decimal import Decimal

from tradingd.core.book.book import Book
from tradingd.core.book.lots import Lot, Part
from tradingd.core.book.wash import last_day
from tradingd.core.types import Side, Symbol
from tradingd.core.views.page import View

_SIDE = {Side.BUY: "long", Side.SELL: "short"}


class LotView(View):
    """An open lot. opened_qty: when it was opened or cut, in today's shares.

    basis: what it took out of the cash, `wash` (disallowed elsewhere, added here) included; a short's is negative.
    acquired_ts: earlier than opened_ts where a wash sale handed a holding period on; ns."""

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


class YearView(View):
    """realised: of all parts closed in that year, before wash sales; what a wash sale moved to a later lot is in it once more when
    that one closes.   disallowed: >= 0, of its losses.   counts: both together, the year's gain or loss."""

    year: int
    realised: str
    disallowed: str
    counts: str


class LotsView(View):
    """One account. lots: oldest first by symbol.   closed: latest first; finished ones are kept by number.
    years: of the whole account, whatever symbol was asked for."""

    account: str
    currency: str
    lots: tuple[LotView, ...]
    closed: tuple[PartView, ...]
    years: tuple[YearView, ...]


def lots_view(book: Book, now: int, symbol: str | None = None) -> LotsView:
    """The lots of all symbols, or of one. now: ns, decides which losses a purchase would still replace. Source: E8."""
    booked = book.booked
    wanted = sorted(booked.lots.held) if symbol is None else [s for s in (Symbol(symbol),) if s in booked.lots.held]
    waiting = [part for s in wanted for parts in booked.lots.held[s].waiting.values() for part in parts]
    closed = [part for part in booked.lots.closed.values() if symbol in (None, part.symbol)]
    latest = sorted([*closed, *waiting], key=lambda part: (part.closed_ts, part.seq), reverse=True)
    years = sorted(booked.lots.years.items())
    return LotsView(
        account=book.account, currency=booked.currency,
        lots=tuple(_lot(s, lot) for s in wanted for lot in booked.lots.held[s].lots),
        closed=tuple(_part(part, now) for part in latest),
        years=tuple(
            YearView(
                year=y, realised=_text(t.realised), disallowed=_text(t.disallowed), counts=_text(t.realised + t.disallowed)
            )
            for y, t in years
        ),
    )  # fmt: skip


def _text(amount: Decimal) -> str:
    return format(amount, "f")


def _lot(symbol: Symbol, lot: Lot) -> LotView:
    return LotView(
        lot=lot.lot_id, symbol=symbol, side=_SIDE[lot.side], qty=_text(lot.qty),
        opened_qty=_text(lot.opened), basis=_text(lot.basis), wash=_text(lot.wash),
        opened_ts=lot.opened_ts, acquired_ts=lot.acquired_ts, adopted=lot.adopted,
    )  # fmt: skip


def _part(part: Part, now: int) -> PartView:
    until = last_day(part)
    waits = bool(part.open_qty) and now < until
    return PartView(
        lot=part.lot, symbol=part.symbol, side=_SIDE[part.side], qty=_text(part.qty), basis=_text(part.basis),
        proceeds=_text(part.proceeds), realised=_text(part.realised), disallowed=_text(part.disallowed),
        taken=tuple(TakenView(lot=t.lot, qty=_text(t.qty), amount=_text(t.amount)) for t in part.taken),
        open_qty=_text(part.open_qty) if waits else "0", open_until=until if waits else None, opened_ts=part.opened_ts,
        acquired_ts=part.acquired_ts, closed_ts=part.closed_ts, adopted=part.adopted,
    )  # fmt: skip
