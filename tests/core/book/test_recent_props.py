"""Laws of what is at hand of the last minutes: it says the same as a walk over everything."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.core.book.test_book_props import DEEDS, deed
from tests.core.world import ACCOUNT, ACME, BOLT, CORN, World
from tradingd.core.book.booked import Booked, Sent
from tradingd.core.book.orders import FINAL
from tradingd.core.book.recent import KEEP_SENT, Recent
from tradingd.core.types import NS, Leg, Side, Symbol

SYMBOLS = [ACME, BOLT, CORN]
SENT = st.tuples(st.integers(-90, 90), st.sampled_from(SYMBOLS), st.sampled_from(list(Side)), st.booleans())
BEGIN = 10_000 * NS


@given(st.lists(SENT, max_size=60), st.integers(-100, 700), st.integers(1, 600))
def test_the_throttles_count_what_was_sent_within_their_window(
    deals: list[tuple[int, Symbol, Side, bool]], later: int, within_s: int
) -> None:
    """R2: also where a clock was set back; what then stands in the future counts once its time has come."""
    booked, ts = Booked(account=ACCOUNT), BEGIN
    live = Recent(booked)
    for seconds, symbol, side, entry in deals:
        ts += seconds * NS
        sent = Sent(ts, symbol, side, Decimal(1), entry)
        booked.sent.append(sent)
        live.sent(sent)
    now, within = ts + later * NS, within_s * NS
    latest = max((sent.ts for sent in booked.sent), default=0)
    if now - within < latest - KEEP_SENT:
        return  # is not kept
    for recent in (live, Recent(booked)):
        lately = [sent for sent in booked.sent if now - within < sent.ts <= now]
        assert recent.entries(now, within) == len([sent for sent in lately if sent.entry])
        assert recent.exits(now, within) == len([sent for sent in lately if not sent.entry])
        for symbol in SYMBOLS:
            for side in Side:
                mine = [sent for sent in lately if sent.entry and sent.symbol == symbol and sent.side is side]
                assert recent.entries_of(symbol, side, now, within) == sorted(mine, key=lambda sent: sent.ts)


@given(st.lists(st.tuples(DEEDS | st.just("wait"), st.sampled_from(SYMBOLS), st.integers(0, 9)), max_size=40))
def test_the_stop_given_back_last_is_the_last_one_of_all_orders(deeds: list[tuple[str, Symbol, int]]) -> None:
    """E4, F7: a stop that was refused is not asked for again at once, live and after a restart alike."""
    world = World()
    for what, symbol, pick in deeds:
        if what == "wait":
            world.wait(7)
        else:
            deed(world, what, symbol, pick)
        _same(world)
    world.restart()
    _same(world)


def _same(world: World) -> None:
    booked = world.book.booked
    over = [booked.orders[order_id] for order_id in booked.finished]
    assert all(w.life in FINAL for w in over)
    for symbol in SYMBOLS:
        mine = [w for w in over if w.order.symbol == symbol and w.order.leg is Leg.PROTECT and w.given_back()]
        assert world.book.recent.stop_given_back(symbol) is (mine[-1] if mine else None)
