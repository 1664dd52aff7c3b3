"""tradingd lots: what it shows, for people and machines. E8, H3."""

import msgspec

from tests.cli.conftest import Cli
from tests.core.book.deals import Account, ts_of
from tests.core.world import ACCOUNT
from tests.fakes.daemon import Daemon
from tradingd.core.book.book import Book
from tradingd.core.views.lots import LotsView, lots_view


def view_of(account: Account, day: int) -> LotsView:
    return lots_view(Book(ACCOUNT, booked=account.booked), ts_of(day))


def busy() -> Account:
    account = Account()
    account.buy(0, "100", "10")
    account.sell(50, "100", "9")
    account.buy(60, "40", "9")
    account.adopt(61, "45", "9")
    return account


def test_open_lots_and_the_years(cli: Cli, daemon: Daemon) -> None:
    """E8: one line a lot, its note, and the year below; what was closed only when asked for."""
    daemon.lots = [view_of(busy(), 61)]
    ran = cli("lots", "X")
    assert daemon.queries == [{"symbol": "X"}]
    head, first, second, *_ = ran.out.splitlines()[1:]
    assert " ".join(head.split()) == "lot symbol side qty of basis of it wash opened held since note"
    assert first.split()[:7] == ["x3", "X", "long", "40", "40", "400.00", "40.00"]
    assert second.endswith("adopted")
    assert "2008: -55.00 counts (realised -100.00, of its losses 45.00 disallowed and moved to later lots)" in ran.out
    assert "proceeds" not in ran.out


def test_closed_ones_say_what_replaced_them_and_until_when_more_can(cli: Cli, daemon: Daemon) -> None:
    """E8: before the next purchase, not after."""
    daemon.lots = [view_of(busy(), 61)]
    out = cli("lots", "--closed").out
    assert daemon.queries == [{}]
    assert "replaced by x3, adopted:" in out
    assert "; a purchase before 2008-07-21 05:00:00Z replaces 55" in out
    daemon.lots = [view_of(Account(), 0)]
    assert cli("lots", "--closed").out == "a1  USD\nno open lots\n\nnothing closed\n"


def test_an_adopted_close_and_a_short_are_said_in_words(cli: Cli, daemon: Daemon) -> None:
    """E8."""
    account = Account()
    account.sell(0, "10", "9")
    account.adopt(1, "0", "10")
    daemon.lots = [view_of(account, 1)]
    assert "a short before 2008-06-02 05:00:00Z replaces 10; adopted" in cli("lots", "--closed").out


def test_json_is_the_daemons_word(cli: Cli, daemon: Daemon) -> None:
    """H3: with what was closed, always."""
    daemon.lots = [view_of(busy(), 61)]
    assert msgspec.json.decode(cli("lots", "--json").out, type=list[LotsView]) == daemon.lots
    assert msgspec.json.decode(cli("lots", "--json", "--account", "a1").out, type=list[LotsView]) == daemon.lots


def test_an_unknown_account_is_not_found(cli: Cli, daemon: Daemon) -> None:
    """H3."""
    daemon.lots = [view_of(Account(), 0)]
    ran = cli("lots", "--account", "nobody")
    assert (ran.code, ran.out) == (6, "")
    assert "there are: a1" in ran.err
