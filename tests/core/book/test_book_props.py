"""Laws of the book's short cuts: what is kept at hand says the same as the whole."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.world import ACME, BOLT, CORN, World
from tradingd.core.book.orders import OPEN, Life
from tradingd.core.types import Leg

DEEDS = st.sampled_from(
    ["recommend", "accept", "fill", "part", "cancelled", "reject", "lose", "never", "quote", "crash"]
)
PRICES = {"quote": 101.0, "crash": 95.0}


def deed(world: World, what: str, symbol: str, pick: int) -> None:
    """One thing that may happen; an answer is about one of the open orders."""
    if what in PRICES:
        world.quote(symbol, PRICES[what])  # type: ignore[arg-type]
    elif what == "recommend":
        world.step(world.recommendation(symbol))  # type: ignore[arg-type]
    elif found := world.book.open_orders():
        order_id = found[pick % len(found)].order.order_id
        if what == "part":
            world.fill(order_id, "1")
        else:
            getattr(world, what)(order_id)


@given(st.lists(st.tuples(DEEDS, st.sampled_from([ACME, BOLT, CORN]), st.integers(0, 9)), max_size=25))
def test_open_orders_at_hand_are_the_open_orders_of_the_whole_book(deeds: list[tuple[str, str, int]]) -> None:
    """I6: no order that may still trade is overlooked, none that ended is counted, live and after a restart alike."""
    world = World()
    for what, symbol, pick in deeds:
        deed(world, what, symbol, pick)
        assert_same(world)
    world.restart()
    assert_same(world)


def assert_same(world: World) -> None:
    book = world.book
    open_ones = [w for w in book.booked.orders.values() if w.life in OPEN]
    assert book.open_orders() == open_ones
    assert book.open_orders(leg=Leg.ENTRY) == [w for w in open_ones if w.order.leg is Leg.ENTRY]
    assert book.unknown_orders() == [w for w in open_ones if w.life is Life.UNKNOWN]
    for symbol in (ACME, BOLT, CORN):
        entries = [w.leaves() for w in open_ones if w.order.leg is Leg.ENTRY and w.order.symbol == symbol]
        assert book.working_entries(symbol) == sum(entries)
        for leg in (None, *Leg):
            among = [w for w in open_ones if w.order.symbol == symbol and leg in (None, w.order.leg)]
            assert book.open_orders(symbol, leg) == among


@given(st.lists(st.tuples(DEEDS, st.sampled_from([ACME, BOLT, CORN]), st.integers(0, 9)), max_size=25))
def test_one_sector_is_worth_what_all_sectors_say_of_it(deeds: list[tuple[str, str, int]]) -> None:
    """R1: the sector limit and the sizer see one and the same exposure."""
    world = World()
    for what, symbol, pick in deeds:
        deed(world, what, symbol, pick)
        values = world.book.values()
        for instrument in world.rules.instruments.values():
            assert world.book.sector_value(instrument.sector) == values.get(instrument.sector, 0.0)


@given(st.lists(st.tuples(DEEDS, st.sampled_from([ACME, BOLT, CORN]), st.integers(0, 9)), max_size=25))
def test_what_is_known_of_symbols_changes_no_sector(deeds: list[tuple[str, str, int]]) -> None:
    """R5: the guardian asks for each symbol's value once, and sees the sectors of everybody else."""
    world = World()
    for what, symbol, pick in deeds:
        deed(world, what, symbol, pick)
        book = world.book
        known = {symbol: book.symbol_value(symbol) for symbol in (*book.held(), *book.entering())}
        assert book.values(known=known) == book.values()
        assert book.values(known=dict.fromkeys(book.markets, 0.0)) == {}
