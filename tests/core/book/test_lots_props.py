"""Laws of the tax lots, for any history of executions, splits and adopted positions. Amounts are exact: no tolerance here.

The oracle of the wash sale rule is the rule as it is told: single shares in a row, each with its own basis, looked at once a sale
or purchase is over. It shares no line with the lots.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.core.book.deals import NS, Account, X, ts_of
from tests.core.storm import SYMBOLS, carry_out, storms
from tests.core.test_pipeline_props import FEW
from tests.core.world import ACCOUNT, World, refold, through_json
from tradingd.core.book.book import Book
from tradingd.core.book.fold import fold
from tradingd.core.book.ledger import EXACT, Position
from tradingd.core.book.lots import Holding
from tradingd.core.types import ZERO, Side

D = Decimal


NOTHING = Position(symbol=X)


def total(amounts: list[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


# any history --------------------------------------------------------------------------------------------------------------

deals = st.tuples(
    st.just("trade"), st.integers(0, 25), st.sampled_from(Side), st.decimals("0.001", "500", places=3),
    st.decimals("-5", "300", places=4), st.decimals("-1", "3", places=3), st.sampled_from(["", "o", "p", None]),
    st.sampled_from(["1", "0.87", "151.237"]),
)  # fmt: skip
splits = st.tuples(
    st.just("split"), st.integers(0, 25), st.sampled_from(["2", "3", "0.1", "0.3333333333333333", "1.5"])
)
adopts = st.tuples(
    st.just("adopt"), st.integers(0, 25), st.decimals("-200", "200", places=2), st.decimals("1", "300", places=3),
    st.sampled_from(["1", "50"]),
)  # fmt: skip
histories = st.lists(st.one_of(deals, deals, deals, splits, adopts), max_size=20)


def played(history: list[tuple]) -> Account:  # type: ignore[type-arg]
    account, day = Account(), 0
    for what, wait, *rest in history:
        day += wait
        if what == "trade":
            side, qty, price, fee, order, rate = rest
            account.trade(day, side, qty, price, fee=fee, order=order, rate=rate)
        elif what == "split":
            account.split(day, *rest)
        else:
            account.adopt(day, *rest)
    return account


def flat(account: Account) -> Account:
    """All sold or covered, long after."""
    qty = account.holding.qty()
    if qty:
        account.trade(10_000, Side.SELL if qty > 0 else Side.BUY, abs(qty), "77.7", fee="1.23", rate="0.91")
    return account


@given(histories)
def test_the_counts_are_those_of_all_parts(history):
    """E8: parts whose loss is disallowed, also after some of it was taken back; each execution opens one lot at most."""
    account = played(history)
    assert account.lots.washed == len([part for part in account.parts() if part.disallowed])
    assert account.lots.seq == len(account.parts())
    assert len({lot.exec_id for lot in account.held()}) <= account.lots.opened
    assert account.lots.opened <= len(account.facts)


@given(histories)
def test_open_lots_are_the_position(history):
    """E8: always, and all of them on its side."""
    account = played(history)
    position = account.booked.positions.get(X)
    assert account.holding.qty() == (position.qty if position else 0)
    assert all(lot.qty > 0 and (lot.side is Side.BUY) == (position.qty > 0) for lot in account.held())
    assert not position or not position.qty or account.holding.multiplier == position.multiplier


trades = st.lists(
    st.tuples(st.sampled_from(Side), st.decimals("0.01", "500", places=2), st.decimals("1", "300", places=2)),
    max_size=12,
)


def paid(account: Account) -> list[tuple[Decimal, Decimal]]:
    """Shares and what was paid for them, an execution each; which loss they replaced depends on when the split was known."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for lot in account.held():
        qty, cost = found.get(lot.exec_id, (ZERO, ZERO))
        found[lot.exec_id] = qty + lot.qty, cost + lot.basis - lot.wash
    return list(found.values())


purchases = st.lists(
    st.tuples(st.just(Side.BUY), st.decimals("0.01", "500", places=2), st.decimals("1", "300", places=2)), max_size=8
)


@given(trades, purchases, st.sampled_from(["2", "3", "0.1", "0.3333333333333333", "1.5"]))
def test_a_split_told_late_leaves_what_one_told_in_time_leaves(before, after, ratio):
    """I4, F9: whatever was bought after it; as many shares, in lots and ledger, and once all is sold, as much was realised."""
    in_time, late = Account(), Account()
    for account in (in_time, late):
        for side, qty, price in before:
            account.trade(0, side, qty, price)
        if account.holding.qty() < 0:  # it is covered before the split
            account.trade(1, Side.BUY, abs(account.holding.qty()), "50")
        if account is in_time:
            account.split(10, ratio, at=ts_of(10))
        for side, qty, price in after:
            account.trade(20, side, qty, price)
    late.split(30, ratio, at=ts_of(10))
    for account in (in_time, late):
        held = account.booked.positions.get(X)
        assert account.holding.qty() == (held.qty if held else 0)
    assert late.holding.qty() == in_time.holding.qty()
    assert paid(late) == paid(in_time)
    assert flat(late).booked.cash == flat(in_time).booked.cash
    assert late.booked.positions.get(X, NOTHING).realised == in_time.booked.positions.get(X, NOTHING).realised


@given(histories, histories, st.sampled_from(["2", "0.1", "1.5"]))
def test_lots_and_ledger_agree_whenever_a_split_is_told(before, after, ratio):
    """I4: sold, turned or taken over in between, by whomever."""
    account = played(before)
    at = ts_of(25 * 20 + 1)
    day = 25 * 20 + 2
    for what, wait, *rest in after:
        day += wait
        if what == "trade":
            side, qty, price, fee, order, rate = rest
            account.trade(day, side, qty, price, fee=fee, order=order, rate=rate)
        elif what == "adopt":
            account.adopt(day, *rest)
        else:
            account.split(day, *rest)
    account.split(day + 1, ratio, at=at)
    held = account.booked.positions.get(X)
    assert account.holding.qty() == (held.qty if held else 0)
    assert all(lot.qty > 0 and (lot.side is Side.BUY) == (held.qty > 0) for lot in account.held())


@given(histories)
def test_open_lots_stand_in_the_order_of_their_purchases(history):
    """E8."""
    times = [lot.opened_ts for lot in played(history).held()]
    assert times == sorted(times)


def unadjusted(account: Account) -> Decimal:
    """What all parts brought, wash sales left out."""
    return total([EXACT.add(part.realised, part.wash) for part in account.parts()])


@given(histories)
def test_lots_and_ledger_agree_on_all_cash(history):
    """E8, O4: average cost and first in first out differ on which shares went, never on the money: what is carried less what was
    realised is the same in both, wash sales left out of the one and fees out of the other."""
    account = played(history)
    assume(not account.vanished)  # there the ledger keeps the cost of nothing, and the lots call it lost
    position = account.booked.positions.get(X) or Position(symbol=X)
    carried = total([EXACT.subtract(lot.basis, lot.wash) for lot in account.held()])
    assert carried - unadjusted(account) == position.basis - (position.realised - position.fees)


@given(histories)
def test_a_flat_account_made_the_same_by_lots_and_by_average(history):
    """E8, O4: once nothing is held, to the last cent, wash sales included: they move a loss and make none."""
    account = flat(played(history))
    assume(not account.vanished)
    position = account.booked.positions.get(X) or Position(symbol=X)
    allowed = total([year.realised for year in account.lots.years.values()])
    disallowed = total([year.disallowed for year in account.lots.years.values()])
    assert allowed + disallowed == position.realised - position.fees


@given(histories)
def test_what_is_disallowed_stands_in_a_basis(history):
    """E8: each cent in a lot that is held or in a part that was closed since, and by year."""
    account = played(history)
    parts = account.parts()
    disallowed = total([part.disallowed for part in parts])
    added = total([*(lot.wash for lot in account.held()), *(part.wash for part in parts)])
    assert disallowed == added == total([year.disallowed for year in account.lots.years.values()])
    for part in parts:
        assert part.disallowed == total([taken.amount for taken in part.taken])
        assert 0 <= part.disallowed <= max(ZERO, -part.realised)
        assert not part.open_qty or part.open_loss == -part.realised - part.disallowed


@given(histories)
def test_a_share_replaces_once(history):
    """E8: a lot is the replacement of one part at most, and whole; splits left out, which change the count."""
    account = played([what for what in history if what[0] != "split"])
    replaced = [taken.lot for part in account.parts() for taken in part.taken]
    assert len(replaced) == len(set(replaced))
    sizes = {taken.lot: taken.qty for part in account.parts() for taken in part.taken}
    for lot in account.held():
        assert lot.used == (lot.lot_id in sizes)
        assert not lot.used or lot.qty <= sizes[lot.lot_id] <= lot.opened


@given(histories)
def test_a_history_through_json_is_the_same_history(history):
    """E8, J1, I8: replay is live to the byte, and a snapshot half way is no other."""
    account = played(history)
    again = refold([])
    half = len(account.facts) // 2
    for n, fact in enumerate(account.facts):
        if n == half:
            again = Book(ACCOUNT, booked=Book.load(again.dump()))
        fold(again.booked, through_json(fact))
    assert again.dump() == Book(ACCOUNT, booked=account.booked).dump()


@FEW
@given(storms)
def test_lots_are_the_position_under_storms(storm):
    """E8: whatever comes in, in the whole core."""
    world = World()
    for what in storm:
        carry_out(world, what)
    for symbol in SYMBOLS:
        held = world.book.booked.lots.held.get(symbol, Holding())
        assert held.qty() == world.book.qty(symbol)


# property 22 ----------------------------------------------------------------------------------------------------------------

whole = st.tuples(
    st.integers(0, 20),
    st.sampled_from(Side),
    st.integers(1, 30),
    st.integers(5, 15),
    st.sampled_from([None, None, "o", "p"]),
)
simple = st.lists(whole, min_size=1, max_size=16)


def simply(history: list[tuple[int, Side, int, int, str | None]], side: Side | None = None) -> Account:
    account, day = Account(), 0
    for wait, way, qty, price, order in history:
        day += wait
        account.trade(day, way, D(qty), D(price), order=order and f"{order}{way.value}")
    return account


@given(simple)
def test_lots_close_in_the_order_they_were_acquired(history):
    """E8, S2 property 22: FIFO, by counting off single shares; and each part realised (exit - basis per share) x quantity."""
    account = simply(history)
    row: list[tuple[Side, int, int]] = []  # side, execution, price
    expected: list[tuple[str, int]] = []  # execution and profit: one a share
    for n, (_, side, qty, price, _) in enumerate(history, 1):
        for _ in range(qty):
            if row and row[0][0] is not side:
                opened, entry, cost = row.pop(0)
                expected.append((f"x{entry}", (price - cost) * opened.sign))
            else:
                row.append((side, n, price))
    found: list[tuple[str, Decimal]] = []
    for part in account.parts():
        each = (part.realised + part.wash) / part.qty
        found += [(part.lot.partition("/")[0], each)] * int(part.qty)
    assert found == expected
    assert [lot.exec_id for lot in account.held() for _ in range(int(lot.qty))] == [f"x{n}" for _, n, _ in row]


# property 23 ----------------------------------------------------------------------------------------------------------------

seconds = st.integers(0, 86_399)


@given(st.integers(-70, 70), seconds, seconds)
def test_a_loss_is_washed_exactly_within_30_days(days, sold_at, bought_at):
    """E8, S2 property 23: by one purchase, so many days before or after the sale, at any time of the day."""
    midnight = ts_of(500) - 12 * 3_600 * NS
    sale, purchase = midnight + sold_at * NS, midnight + (days * 86_400 + bought_at) * NS
    account = Account()
    account.buy(0, "10", "100")
    for ts, side in sorted([(sale, Side.SELL), (purchase, Side.BUY)]):
        account.trade(0, side, "10", "90", ts=ts)
    [part] = account.parts()
    assert (part.disallowed > 0) == (abs(days) <= 30)
    assert part.disallowed in (0, 100)


@given(st.integers(-70, 70))
def test_a_gain_is_never_washed(days):
    """E8."""
    account = Account()
    account.buy(0, "10", "80")
    for day, side in sorted([(500, Side.SELL), (500 + days, Side.BUY)]):
        account.trade(day, side, "10", "90")
    assert [part.disallowed for part in account.parts()] == [0]


class Share:
    """One share of the oracle."""

    def __init__(self, day: int, cost: int, purchase: int) -> None:
        self.day, self.cost, self.purchase, self.used = day, cost, purchase, False


class Lost(NamedTuple):
    day: int
    loss: int
    sale: int
    purchase: int


def oracle(history: list[tuple[int, Side, int, int, str | None]]) -> tuple[list[int], list[int]]:
    """Long only, one order an execution: what each sale may not deduct, and the costs of the shares still held."""
    held: list[Share] = []
    lost: list[Lost] = []
    day, disallowed = 0, [0] * len(history)
    for n, (wait, side, qty, price, _) in enumerate(history):
        day += wait
        if side is Side.BUY:
            held += [Share(day, price, n) for _ in range(qty)]
        else:
            gone, held = held[:qty], held[qty:]
            lost += [Lost(day, share.cost - price, n, share.purchase) for share in gone if share.cost > price]
        still = []
        for loss in lost:
            near = [share for share in held if not share.used and abs(share.day - loss.day) <= 30]
            fit = [share for share in near if share.purchase != loss.purchase]
            if fit:
                fit[0].used = True
                fit[0].cost += loss.loss
                disallowed[loss.sale] += loss.loss
            else:
                still.append(loss)
        lost = still
    return disallowed, [share.cost for share in held]


def long_only(history: list[tuple[int, Side, int, int, str | None]]) -> list[tuple[int, Side, int, int, str | None]]:
    kept, position = [], 0
    for wait, side, qty, price, _ in history:
        size = qty if side is Side.BUY else min(qty, position)
        if size:
            position += size * side.sign
            kept.append((wait, side, size, price, None))
    return kept


@given(simple)
def test_wash_sales_are_those_of_single_shares(history):
    """E8: share by share, the earliest loss and the earliest purchase first, each share once, the loss moved
    into its cost: the oracle has no lots at all."""
    history = long_only(history)
    account = simply(history)
    disallowed, costs = oracle(history)
    found = [ZERO] * len(history)
    for part in account.parts():
        found[int(part.order_id[1:]) - 1] += part.disallowed
    assert found == disallowed
    assert [lot.basis / lot.qty for lot in account.held() for _ in range(int(lot.qty))] == costs


@given(simple)
def test_shorts_are_the_mirror_of_longs(history):
    """E8: with sides turned and prices mirrored at 20, each amount that is lost or disallowed is the same."""
    here = simply(history)
    there = simply([(wait, side.opposite, qty, 20 - price, order) for wait, side, qty, price, order in history])
    assert [(p.qty, p.realised, p.disallowed) for p in here.parts()] == [
        (p.qty, p.realised, p.disallowed) for p in there.parts()
    ]


@given(simple, st.integers(1, 29), st.integers(5, 15))
def test_one_order_in_many_executions_is_one_sale(history, cut, price):
    """E8: sold at once or a piece at a time, as many shares at a loss stay without a replacement and the order disallows none by
    what it sold itself. Which of its losses on that day are moved may differ."""
    history = long_only(history)
    once, pieces = simply(history), simply(history)
    size = int(once.holding.qty())
    day = int(total([D(wait) for wait, *_ in history]))
    assume(size > cut)
    once.sell(day, D(cut), D(price), order="out")
    for _ in range(cut):
        pieces.sell(day, "1", D(price), order="out")
    assert outcome_of(once) == outcome_of(pieces)


def outcome_of(account: Account) -> tuple[Decimal, Decimal, Decimal]:
    """Open shares and profit of the order, and the shares that have replaced some."""
    parts = [part for part in account.parts() if part.order_id == "out"]
    return (
        total([part.open_qty for part in parts]),
        total([part.realised for part in parts]),
        total([lot.qty for lot in account.held() if lot.used]),
    )
