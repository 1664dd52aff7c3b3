"""Tax lots as an operator sees them."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from tests.core.book.deals import FIRST, Account, X, ts_of
from tests.core.world import ACCOUNT, ACME, World
from tradingd.core.book.book import Book
from tradingd.core.types import Side
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


def test_the_term_turns_the_day_after_a_year():
    """E8: bought on 2008-05-01 it is long from 2009-05-02 on, as the day of the purchase does not count; a short never is."""
    account = Account()
    account.buy(0, "5", "10")
    assert [seen(account, day).lots[0].term for day in (364, 365, 366)] == ["short", "short", "long"]
    account.sell(366, "5", "10")
    assert seen(account, 900).closed[0].term == "long"
    short = Account()
    short.sell(0, "5", "10")
    assert seen(short, 900).lots[0].term == "short"


@pytest.mark.parametrize(
    ("bought", "turns"),
    [("2007-02-28", "2008-03-01"), ("2008-02-28", "2009-03-01"), ("2008-02-29", "2009-03-01"), ("2007-12-31", "2009-01-01")],
)  # fmt: skip
def test_the_term_at_the_ends_of_february_and_of_the_year(bought, turns):
    """E8: the year begins on the day after the purchase, which may be the first of a month or a 29th of February."""
    day, due = (date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal() - FIRST for text in (bought, turns))
    account = Account()
    account.buy(day, "5", "10")
    assert [seen(account, at).lots[0].term for at in (due - 1, due)] == ["short", "long"]


def test_a_wash_sale_hands_the_term_on():
    """E8: held for 300 days, sold at a loss, bought again: 100 days later it is long."""
    account = Account()
    account.buy(0, "5", "10")
    account.sell(300, "5", "9")
    account.buy(301, "5", "9")
    assert [seen(account, day).lots[0].term for day in (366, 367)] == ["short", "long"]


@pytest.mark.parametrize(("side", "gain"), [(Side.BUY, 50.0), (Side.SELL, -50.0)])
def test_what_a_lot_would_bring_now(side, gain):
    """E8: at the mark, in the account's money, its wash adjustment included; nothing is said without a price."""
    world = World()
    world.foreign_fill(ACME, side, "10", "100")
    [lot] = lots_view(world.book, world.now).lots
    assert lot.unrealised == pytest.approx(0.0)
    world.quote(ACME, 105.0)
    [lot] = lots_view(world.book, world.now).lots
    assert lot.unrealised == pytest.approx(gain)
    assert seen(busy(), 61).lots[0].unrealised is None


def test_the_page_shows_some_and_counts_all():
    """H2: the latest parts, the first open lots, and how many there are of each."""
    account = busy()
    account.buy(70, "10", "9")
    account.sell(62, "10", "20")
    view = lots_view(Book(ACCOUNT, booked=account.booked), ts_of(71), most=1, parts=1)
    assert (len(view.lots), view.open_lots, len(view.closed)) == (1, 2, 1)
    assert (view.opened, view.parts, view.washed) == (3, 2, 1)
    assert view.closed[0].closed_ts == ts_of(62, 5)
