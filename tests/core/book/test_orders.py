"""The order's life row by row, what an order remembers, and what is said of strange executions."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.core.orders import ENTRY as ID
from tests.core.orders import MAIN as A
from tests.core.orders import order
from tradingd.core.book.orders import FINAL, OPEN, TABLE, Life, What, Working, advance, reserved_qty
from tradingd.core.events import FillSeen
from tradingd.core.facts import (
    AmendRefused,
    CancelIntended,
    CancelRefused,
    Filled,
    OrderAmended,
    OrderMoved,
    ReplaceIntended,
)
from tradingd.core.types import (
    ExecId,
    Money,
    Price,
    Qty,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip

# the table as an operator would draw it; "-" is impossible
GRID = """
            accept     reject    fill       fill_all  cancel     expire     lose       find_never
intended    live       rejected  partial    filled    cancelled  expired    unknown    never
live        live       rejected  partial    filled    cancelled  expired    unknown    -
partial     partial    -         partial    filled    cancelled  expired    unknown    -
unknown     live       rejected  partial    filled    cancelled  expired    unknown    never
filled      filled     -         filled     filled    filled     filled     filled     -
cancelled   cancelled  -         cancelled  filled    cancelled  cancelled  cancelled  -
expired     expired    -         expired    filled    expired    expired    expired    -
rejected    -          rejected  -          -         -          -          rejected   rejected
never       -          -         -          -         -          -          never      never
"""
HEAD, *LINES = (line.split() for line in GRID.strip().splitlines())
CELLS = [(row[0], what, to) for row in LINES for what, to in zip(HEAD, row[1:], strict=True)]


def working(life: Life = Life.LIVE, **more: Any) -> Working:
    w = Working.of(order(**{"limit": "100", **more}), 5)
    w.life = life
    return w


def seen(
    exec_id: str = "x1", qty: str = "4", price: str = "99.5", side: Side = Side.BUY, symbol: str = "AAPL"
) -> FillSeen:
    return FillSeen(
        ts=9, account=A, order_id=ID, exec_id=ExecId(exec_id), symbol=Symbol(symbol), side=side, qty=Qty(Decimal(qty)),
        price=Price(Decimal(price)), fee=Money(Decimal("0.1")),
    )  # fmt: skip


def booked(f: FillSeen) -> Filled:
    return Filled(
        ts=f.ts, account=A, order_id=ID, exec_id=f.exec_id, symbol=f.symbol, side=f.side, qty=f.qty, price=f.price, fee=f.fee,
        realised=Money(Decimal(0)),
    )  # fmt: skip


def moved(to: Life, cum: str | None = None, venue_id: str | None = None) -> OrderMoved:
    return OrderMoved(
        ts=9, account=A, order_id=ID, frm="", to=to.value, cum_qty=Qty(Decimal(cum)) if cum else None,
        venue_order_id=VenueOrderId(venue_id) if venue_id else None,
    )  # fmt: skip


def asks(rev: int, qty: str, limit: str | None = "100") -> ReplaceIntended:
    return ReplaceIntended(
        ts=7, account=A, order_id=ID, rev=rev, qty=Qty(Decimal(qty)), limit=Price(Decimal(limit)) if limit else None
    )


def amends(rev: int, qty: str, limit: str | None = "100") -> OrderAmended:
    return OrderAmended(
        ts=8, account=A, order_id=ID, rev=rev, qty=Qty(Decimal(qty)), limit=Price(Decimal(limit)) if limit else None
    )


def refuses(rev: int) -> AmendRefused:
    return AmendRefused(ts=8, account=A, order_id=ID, rev=rev, code="too_late")


class TestTable:
    @pytest.mark.parametrize(("life", "what", "to"), CELLS)
    def test_cell(self, life: str, what: str, to: str) -> None:
        """O3, A10-A16: every pair of state and word leads where the drawing says, or is impossible."""
        expected = None if to == "-" else Life(to)
        assert advance(Life(life), What(what)) is expected

    def test_every_pair_is_drawn(self) -> None:
        """O3: no state and no word was forgotten in the drawing, so none can hide in the code."""
        assert {(a, b) for a, b, _ in CELLS} == {(a.value, b.value) for a in Life for b in What}
        assert set(TABLE) == set(Life)

    def test_nothing_leads_from_final_to_open(self) -> None:
        """O3: final stays final."""
        assert not [(life, to) for life in FINAL for to in TABLE[life].values() if to in OPEN]
        assert set(Life) == OPEN | FINAL
        assert not OPEN & FINAL


class TestStep:
    def test_an_accepted_order_is_never_found_never(self) -> None:
        """A13: it was there once; "not found" now leaves it unknown and its exposure reserved."""
        w = working(Life.INTENDED)
        w.move(moved(Life.LIVE, venue_id="v1"))
        w.move(moved(Life.UNKNOWN))
        assert w.step(What.NEVER) is None
        assert reserved_qty(w) == 10

    def test_an_order_never_answered_can_be_found_never(self) -> None:
        """A2, A13: the twin of the case above, without an acceptance."""
        assert working(Life.UNKNOWN).step(What.NEVER) is Life.NEVER

    def test_a_filled_order_is_not_rejected_even_after_it_was_unknown(self) -> None:
        """A12: a "duplicate id" refusal after a fill proves nothing."""
        w = working(Life.PARTIAL)
        w.filled(booked(seen()))
        w.move(moved(Life.UNKNOWN))
        assert w.step(What.REJECT) is None
        assert w.step(What.CANCEL) is Life.CANCELLED

    def test_an_accept_after_a_fill_is_partial(self) -> None:
        """A16: the acknowledgement that comes after the fill does not undo it."""
        w = working(Life.UNKNOWN)
        w.filled(booked(seen()))
        assert w.step(What.ACCEPT) is Life.PARTIAL


class TestFolds:
    def test_fills_add_up(self) -> None:
        """O4: quantity, average price and fees of the order."""
        w = working()
        w.filled(booked(seen("x1", "4", "99")))
        w.filled(booked(seen("x2", "1", "100")))
        assert (w.cum_qty, w.notional, w.fees) == (5, 496, Decimal("0.2"))
        assert w.avg_price() == Decimal("99.2")
        assert w.leaves() == 5

    def test_nothing_filled_has_no_average(self) -> None:
        assert working().avg_price() is None

    def test_an_execution_is_booked_once(self) -> None:
        """A6, I4: the same execution id again changes nothing."""
        w = working()
        w.filled(booked(seen()))
        once = msgspec.json.encode(w)
        w.filled(booked(seen()))
        assert msgspec.json.encode(w) == once

    def test_an_execution_of_another_side_fills_nothing_of_this_order(self) -> None:
        """A17: the position gets it, the order's exposure stays."""
        w = working()
        w.filled(booked(seen(side=Side.SELL)))
        assert (w.cum_qty, w.leaves()) == (0, 10)

    def test_a_pending_larger_amend_is_exposure_at_once(self) -> None:
        """A15: the venue may have taken it already."""
        w = working()
        w.replace_intended(asks(1, "25"))
        assert (w.qty, w.leaves(), w.rev_asked) == (10, 25, 1)
        w.amended(amends(1, "25"))
        assert (w.qty, w.leaves(), w.rev) == (25, 25, 1)

    def test_a_pending_smaller_amend_frees_nothing_until_confirmed(self) -> None:
        """A15: the venue may not have taken it yet."""
        w = working()
        w.replace_intended(asks(1, "6"))
        assert w.leaves() == 10
        w.amended(amends(1, "6"))
        assert w.leaves() == 6

    def test_a_refused_amend_leaves_what_worked_and_frees_its_number(self) -> None:
        """A15: the question is closed, its number is not used again."""
        w = working()
        w.replace_intended(asks(1, "25"))
        w.amend_refused(refuses(1))
        assert (w.qty, w.leaves(), w.rev_asked, w.next_rev()) == (10, 10, 0, 2)

    def test_an_older_amend_that_comes_late_changes_nothing(self) -> None:
        """A15: confirmations out of order keep the newest."""
        w = working()
        w.replace_intended(asks(1, "30"))
        w.replace_intended(asks(2, "20"))
        w.amended(amends(2, "20"))
        w.amended(amends(1, "30"))
        assert (w.qty, w.rev, w.pending) == (20, 2, {})

    def test_the_last_fill_is_the_last_only_when_no_larger_amend_is_open(self) -> None:
        """A14, A15: filled while an amend is open may be partial by the venue's count."""
        w = working()
        w.replace_intended(asks(1, "20"))
        w.filled(booked(seen("x1", "10")))
        assert w.fill_word() is What.FILL
        w.amend_refused(refuses(1))
        assert w.fill_word() is What.FILL_ALL

    def test_a_replaced_order_keeps_its_former_venue_ids(self) -> None:
        """A15: a fill may still come under the old id."""
        w = working()
        w.move(moved(Life.LIVE, venue_id="v1"))
        w.move(moved(Life.LIVE, venue_id="v2"))
        assert (w.venue_order_id, w.former_ids) == ("v2", ["v1"])

    def test_a_refused_cancel_may_be_asked_again(self) -> None:
        """A14: "too late to cancel" is normal."""
        w = working()
        w.cancel_intended(CancelIntended(ts=6, account=A, order_id=ID, why="ttl"))
        assert w.cancel_asked
        w.cancel_refused(CancelRefused(ts=7, account=A, order_id=ID, code="too_late"))
        assert not w.cancel_asked
        assert w.why == "cancel refused: too_late"

    def test_a_snapshot_brings_it_back(self) -> None:
        """J1, I8: everything an order remembers goes through the snapshot."""
        w = working()
        w.replace_intended(asks(1, "20", "101"))
        w.filled(booked(seen()))
        w.move(moved(Life.PARTIAL, venue_id="v1"))
        data = msgspec.json.encode(w)
        back = msgspec.json.decode(data, type=Working)
        assert back == w
        assert msgspec.json.encode(back) == data


class TestReserved:
    @pytest.mark.parametrize("life", sorted(OPEN))
    def test_open_orders_keep_all_that_may_fill(self, life: Life) -> None:
        """A10, I6: an unknown order counts as if it worked."""
        assert reserved_qty(working(life)) == 10

    @pytest.mark.parametrize("life", [Life.CANCELLED, Life.EXPIRED])
    def test_an_ended_order_keeps_the_fills_we_have_not_seen(self, life: Life) -> None:
        """A14, A16: the venue counted 7, we booked 4: 3 are still coming."""
        w = working()
        w.filled(booked(seen()))
        w.move(moved(life, cum="7"))
        assert reserved_qty(w) == 3
        w.filled(booked(seen("x2", "3")))
        assert reserved_qty(w) == 0
        assert w.step(w.fill_word()) is life

    def test_filled_by_the_venues_word_keeps_what_is_not_booked(self) -> None:
        """A4: told filled before the execution came."""
        w = working()
        w.move(moved(Life.FILLED))
        assert (w.leaves(), reserved_qty(w)) == (0, 10)

    @pytest.mark.parametrize("life", [Life.REJECTED, Life.NEVER])
    def test_refused_holds_nothing_until_a_fill_shows_it_wrong(self, life: Life) -> None:
        """A13, A17: an execution of a "never" order proves the word wrong; the rest of it may work too."""
        w = working(life)
        assert reserved_qty(w) == 0
        w.filled(booked(seen()))
        assert reserved_qty(w) == 6


class TestJudge:
    def test_a_sane_execution(self) -> None:
        judged = working().judge(seen())
        assert (judged.book, judged.kind) == (True, "")

    def test_the_same_execution_again_is_silent(self) -> None:
        """A6: repeats are normal traffic."""
        w = working()
        w.filled(booked(seen()))
        assert (w.judge(seen()).book, w.judge(seen()).kind) == (False, "")

    @pytest.mark.parametrize(
        ("life", "fill", "book", "kind"),
        [
            (Life.LIVE, seen(qty="11"), True, "overfill"),
            (Life.LIVE, seen(side=Side.SELL), True, "fill_mismatch"),
            (Life.LIVE, seen(symbol="MSFT"), True, "fill_mismatch"),
            (Life.LIVE, seen(price="100.01"), True, "fill_mismatch"),
            (Life.LIVE, seen(price="NaN"), False, "fill_mismatch"),
            (Life.LIVE, seen(qty="0"), False, "fill_mismatch"),
            (Life.NEVER, seen(), True, "impossible_transition"),
            (Life.CANCELLED, seen(), True, ""),
        ],
    )
    def test_strange_executions(self, life: Life, fill: FillSeen, book: bool, kind: str) -> None:
        """A16, A17: real but wrong is booked and named; what is no execution is not booked."""
        judged = working(life).judge(fill)
        assert (judged.book, judged.kind) == (book, kind)
        assert bool(judged.detail) is bool(kind)

    def test_other_content_under_a_known_id(self) -> None:
        """D9: one id is one execution."""
        w = working()
        w.filled(booked(seen()))
        judged = w.judge(seen(qty="5"))
        assert (judged.book, judged.kind) == (False, "duplicate_execution")

    def test_a_twin_beyond_the_quantity_is_held_back(self) -> None:
        """D9: same content, another id, more than ordered: most likely the same execution, so the venue is asked."""
        w = working()
        w.filled(booked(seen("x1", "6")))
        assert w.judge(seen("x2", "6")).kind == "duplicate_execution"
        assert not w.judge(seen("x2", "6")).book
        assert w.judge(seen("x3", "5")).kind == "overfill"

    def test_a_price_inside_any_limit_ever_asked_is_no_alarm(self) -> None:
        """A15: the fill may be of the moment before or after the amend."""
        w = working()
        w.replace_intended(asks(1, "10", "101"))
        w.replace_intended(asks(2, "10", "98"))
        w.amended(amends(2, "10", "98"))
        assert w.judge(seen(price="100.5")).kind == ""
        assert w.judge(seen(price="101.5")).kind == "fill_mismatch"

    def test_a_market_order_has_no_limit_to_break(self) -> None:
        assert working(limit=None).judge(seen(price="500")).kind == ""
