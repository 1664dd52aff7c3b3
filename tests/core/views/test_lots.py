"""Tax lots as an operator sees them."""

from __future__ import annotations

import msgspec

from tests.core.book.deals import Account, X, ts_of
from tests.core.world import ACCOUNT
from tradingd.core.book.book import Book
from tradingd.core.views.lots import LotsView, lots_view


def seen(account: Account, day: int, symbol: str | None = None) -> LotsView:
    return lots_view(Book(ACCOUNT, booked=account.booked), ts_of(day), symbol)


def busy() -> Account:
    """100 lost in 2008, 40 of them replaced."""
    account = Account()
    account.buy(0, "100", "10")
    account.sell(50, "100", "9")
    account.buy(60, "40", "9")
    return account


def test_open_closed_and_the_year():
    """E8: plain digits, the replacement by name, and the basis with what was added to it."""
    view = seen(busy(), 61)
    [lot], [part] = view.lots, view.closed
    assert (lot.lot, lot.symbol, lot.side, lot.qty, float(lot.basis), float(lot.wash)) == (
        "x3",
        X,
        "long",
        "40",
        400,
        40,
    )
    assert lot.opened_ts - lot.acquired_ts == part.closed_ts - part.opened_ts
    assert (part.lot, part.realised, float(part.disallowed)) == ("x1", "-100", 40)
    assert [(t.lot, t.qty, float(t.amount)) for t in part.taken] == [("x3", "40", 40)]
    assert [(y.year, y.realised, float(y.disallowed), y.counts) for y in view.years] == [(2008, "-100", 40, "-60")]
    assert "E" not in msgspec.json.encode(view).decode().replace("USD", "")


def test_how_long_a_purchase_would_still_replace():
    """E8: 60 shares to the end of the thirtieth day in New York, then nothing, though nobody traded since."""
    [part] = seen(busy(), 80).closed
    midnight = ts_of(80) + 12 * 3_600 * 10**9
    assert (part.open_qty, part.open_until) == ("60", midnight)
    [part] = seen(busy(), 81).closed
    assert (part.open_qty, part.open_until) == ("0", None)


def test_one_symbol_or_none():
    """E8: a symbol that was never traded has no lots; the years are the account's."""
    assert len(seen(busy(), 61, X).lots) == 1
    view = seen(busy(), 61, "OTHER")
    assert (view.lots, view.closed, len(view.years)) == ((), (), 1)


def test_the_latest_is_first():
    """E8: finished or still open, by the time it was closed."""
    account = busy()
    account.sell(62, "10", "20")
    account.sell(63, "30", "1")
    assert [part.closed_ts for part in seen(account, 63).closed] == [ts_of(63, 5), ts_of(62, 4), ts_of(50, 2)]


def test_shorts_are_called_so():
    """E8."""
    account = Account()
    account.sell(0, "5", "10")
    [lot] = seen(account, 1).lots
    assert (lot.side, lot.qty, lot.basis) == ("short", "5", "-50")
