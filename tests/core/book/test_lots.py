"""Tax lots by worked examples: first in first out, and the wash sale rule by the figures that were published with it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.core.book.deals import NS, Account, X, ts_of
from tradingd.core.book.lots import KEEP_CLOSED
from tradingd.core.book.wash import PIECES, WINDOW, day
from tradingd.core.types import Side

D = Decimal


# first in, first out ------------------------------------------------------------------------------------------------------


def test_the_earliest_lot_is_closed_first() -> None:
    """E8: 10 at 100 and 10 at 110; of 15 sold at 120 ten bring 200 and five 50."""
    a = Account()
    a.buy(0, "10", "100")
    a.buy(40, "10", "110")
    a.sell(80, "15", "120")
    assert [(p.lot, p.qty, p.basis, p.proceeds, p.realised) for p in a.parts()] == [
        ("x1", 10, 1000, 1200, 200),
        ("x2", 5, 550, 600, 50),
    ]
    assert a.brief() == [("x2", 5, 550)]
    assert [(lot.opened, lot.opened_ts, lot.acquired_ts) for lot in a.held()] == [(10, ts_of(40, 2), ts_of(40, 2))]


def test_fees_are_part_of_basis_and_proceeds() -> None:
    """E8: 1.00 for buying 3, of which 2 go with 0.66666667; selling costs 0.50."""
    a = Account()
    a.buy(0, "3", "100", fee="1")
    a.sell(1, "2", "110", fee="0.50")
    [part] = a.parts()
    assert (part.basis, part.proceeds, part.realised) == (D("200.66666667"), D("219.50"), D("18.83333333"))
    assert a.brief() == [("x1", 1, D("100.33333333"))]


def test_multiplier_and_rate_are_those_of_the_day() -> None:
    """E8: in account currency, the currency's own move included."""
    a = Account()
    a.buy(0, "2", "100", multiplier="50", rate="1.10")
    a.sell(1, "2", "100", multiplier="50", rate="1.20")
    assert [(p.basis, p.proceeds, p.realised) for p in a.parts()] == [(11_000, 12_000, 1_000)]


def test_an_open_position_keeps_its_multiplier() -> None:
    """E8, O4: as the ledger does, also for what a flip opens."""
    a = Account()
    a.buy(0, "1", "100", multiplier="50")
    a.sell(1, "2", "101", multiplier="5")
    assert [p.realised for p in a.parts()] == [50]
    assert a.brief() == [("x2", 1, -5050)]
    assert a.holding.multiplier == a.booked.positions[X].multiplier


def test_a_short_is_a_lot_that_brought_cash() -> None:
    """E8: opened by selling, closed first in first out by buying; the later one loses."""
    a = Account()
    a.sell(0, "10", "50", fee="1")
    a.sell(1, "10", "40")
    a.buy(100, "15", "45")
    assert [(p.side, p.qty, p.basis, p.proceeds, p.realised) for p in a.parts()] == [
        (Side.SELL, 10, -499, -450, 49),
        (Side.SELL, 5, -200, -225, -25),
    ]
    assert a.brief() == [("x2", 5, -200)]


def test_a_flip_closes_all_and_opens_the_rest() -> None:
    """E8: 10 long, 16 sold with a fee of 1.60: 1.00 of it for closing, 0.60 for the 6 that are short now."""
    a = Account()
    a.buy(0, "10", "100")
    a.sell(1, "16", "110", fee="1.60")
    assert [(p.qty, p.realised) for p in a.parts()] == [(10, 99)]
    assert [(lot.side, lot.lot_id, lot.qty, lot.basis) for lot in a.held()] == [(Side.SELL, "x2", 6, D("-659.40"))]


def test_a_late_report_takes_the_place_of_its_own_time() -> None:
    """E8: earliest acquired first, in whatever order the executions were heard of."""
    a = Account()
    a.buy(5, "10", "110")
    a.buy(1, "10", "100")
    a.sell(50, "10", "120")
    assert [p.lot for p in a.parts()] == ["x2"]


def test_others_executions_count() -> None:
    """E8: they are in the account, so they are in its tax return."""
    a = Account()
    a.buy(0, "10", "100", order="")
    a.sell(1, "10", "90", order="")
    a.buy(2, "10", "80", order="")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 100)]
    assert a.brief() == [("x3", 10, 900)]


# adopted and split --------------------------------------------------------------------------------------------------------


def test_an_adopted_position_changes_lots_by_what_differs() -> None:
    """E8, D24: 30 more than we knew were bought at the mark; 5 fewer were sold there. Both are marked."""
    a = Account()
    a.buy(0, "10", "100")
    a.adopt(1, "40", "120")
    a.adopt(2, "35", "130")
    added = f"adopted:{ts_of(1, 2)}"
    assert a.brief() == [("x1", 5, 500), (added, 30, 3600)]
    assert [(p.lot, p.qty, p.realised, p.adopted) for p in a.parts()] == [("x1", 5, 150, True)]
    assert [lot.adopted for lot in a.held()] == [False, True]


def test_an_adopted_other_side_closes_and_opens() -> None:
    """E8, D24: from 10 long to 4 short at 90."""
    a = Account()
    a.buy(0, "10", "100")
    a.adopt(1, "-4", "90")
    assert [(p.qty, p.realised) for p in a.parts()] == [(10, -100)]
    assert [(lot.side, lot.qty, lot.basis, lot.adopted) for lot in a.held()] == [(Side.SELL, 4, -360, True)]


def test_an_adopted_other_multiplier_closes_and_opens() -> None:
    """E8, D24: what a point is worth has changed, so what is held is another thing."""
    a = Account()
    a.buy(0, "2", "100", multiplier="50")
    a.adopt(1, "2", "100", multiplier="5")
    assert [(p.qty, p.realised) for p in a.parts()] == [(2, 0)]
    assert (a.held()[0].basis, a.holding.multiplier) == (1000, 5)
    a.adopt(2, "0", "100", multiplier="5")
    assert (a.held(), a.holding.qty()) == ([], 0)


def test_a_split_scales_lots_and_not_what_was_paid() -> None:
    """E8: two for one; the loss per share halves too."""
    a = Account()
    a.buy(0, "10", "100")
    a.buy(1, "5", "110")
    a.split(2, "2")
    assert a.brief() == [("x1", 20, 1000), ("x2", 10, 550)]
    a.sell(90, "25", "60")
    assert [(p.lot, p.qty, p.realised) for p in a.parts()] == [("x1", 20, 200), ("x2", 5, 25)]


def test_a_reverse_split_that_rounds_keeps_the_sum() -> None:
    """E8: three lots of 1 by a third are 0.333333333 and their sum is exactly the ledger's."""
    a = Account()
    for n in range(3):
        a.buy(n, "1", "30")
    a.split(5, "0.3333333333333333")
    assert a.holding.qty() == a.booked.positions[X].qty == 1
    assert [lot.basis for lot in a.held()] == [30, 30, 30]


def test_a_lot_that_a_split_rounds_away_leaves_its_basis_to_its_neighbour() -> None:
    """E8: no cent is lost, whichever lot it is."""
    a = Account()
    a.buy(0, "0.000000001", "1000000000")
    a.buy(1, "10", "7")
    a.buy(2, "0.000000001", "2000000000")
    a.split(5, "0.01")
    assert a.brief() == [("x2", D("0.1"), 73)]


def test_a_position_that_a_split_rounds_away_is_closed_for_nothing() -> None:
    """E8: nothing is left, so what was paid is lost."""
    a = Account()
    a.buy(0, "0.00000001", "100000000")
    a.split(1, "0.01")
    assert (a.held(), [p.realised for p in a.parts()]) == ([], [-1])


def late(a: Account, day: int, ratio: str) -> tuple[Decimal, Decimal]:
    """A split of `day` is told long after it. What lots and ledger hold then."""
    a.split(50, ratio, at=ts_of(day))
    return a.holding.qty(), a.booked.positions[X].qty


def test_a_split_told_late_leaves_what_was_bought_after_it() -> None:
    """I4, F9: it is in new shares already."""
    a = Account()
    a.buy(0, "10", "90")
    a.buy(2, "12", "30")
    assert late(a, 1, "3") == (42, 42)
    assert a.brief() == [("x1", 30, 900), ("x2", 12, 360)]
    assert (a.booked.positions[X].cost, a.booked.positions[X].entry_qty) == (1260, 42)


def test_a_split_told_late_to_somebody_who_held_nothing_changes_nothing() -> None:
    """I4, F9: nor what the round trip has been so far."""
    a = Account()
    a.buy(2, "12", "30")
    before = a.booked.positions[X]
    assert late(a, 1, "3") == (12, 12)
    assert a.booked.positions[X] == before


def test_a_split_told_late_does_not_make_good_what_was_sold_as_old_shares() -> None:
    """I4, D24: ten were thirty when four were sold; the venue holds 26, which drift tells, and an operator adopts."""
    a = Account()
    a.buy(0, "10", "90")
    a.sell(2, "4", "30")
    assert late(a, 1, "3") == (18, 18)


def test_a_split_told_late_leaves_a_position_that_was_turned_after_it() -> None:
    """I4: the short was sold in new shares."""
    a = Account()
    a.buy(0, "10", "90")
    a.sell(2, "25", "30")
    assert late(a, 1, "3") == (-15, -15)


def test_two_splits_told_late_in_any_order_scale_what_each_found() -> None:
    """F9: ten, then three for one, then five bought, then two for one, then one bought."""
    for told in ([(1, "3"), (3, "2")], [(3, "2"), (1, "3")]):
        a = Account()
        a.buy(0, "10", "90")
        a.buy(2, "5", "30")
        a.buy(4, "1", "15")
        for when, ratio in told:
            late(a, when, ratio)
        assert a.holding.qty() == a.booked.positions[X].qty == 71


def test_after_an_operator_took_the_venues_position_over_a_late_split_changes_nothing() -> None:
    """D24: the venue's word was in new shares already."""
    a = Account()
    a.buy(0, "10", "90")
    a.adopt(2, "30", "30")
    assert late(a, 1, "3") == (30, 30)
    a.sell(51, "30", "30")
    a.buy(52, "5", "30")
    assert late(a, 1, "3") == (5, 5)


def test_what_was_taken_over_before_a_split_is_scaled_by_it() -> None:
    """D24, F9: also when some of it was sold since: a lot that was adopted once is a lot."""
    a = Account()
    a.adopt(0, "100", "100")
    a.split(1, "2", at=ts_of(1))
    assert a.holding.qty() == 200
    b = Account()
    b.adopt(0, "100", "100")
    b.buy(0, "10", "100")
    b.sell(2, "10", "50")
    assert late(b, 1, "2") == (200, 200)


# wash sales: the published figures -----------------------------------------------------------------------------------------


def test_bought_again_for_less_within_30_days() -> None:
    """E8, Publication 550: 100 bought for 1,000 and sold for 750; 100 bought again for 800. The loss of 250 is not allowed, the new
    basis is 1,050, and the new shares are as old as both together."""
    a = Account()
    a.buy(0, "100", "10")
    a.sell(100, "100", "7.50")
    a.buy(115, "100", "8")
    [part] = a.parts()
    assert (part.realised, part.disallowed, [(t.lot, t.qty, t.amount) for t in part.taken]) == (
        -250,
        250,
        [("x3", 100, 250)],
    )
    [lot] = a.held()
    assert (lot.basis, lot.wash, lot.opened_ts) == (1050, 250, ts_of(115, 3))
    assert lot.opened_ts - lot.acquired_ts == part.closed_ts - part.opened_ts
    assert [(y, t.realised, t.disallowed) for y, t in a.lots.years.items()] == [(2008, -250, 250)]


def test_bought_before_and_still_held() -> None:
    """E8, Regulation 1.1091-1 (h) 1: 100 for 10,000 and two weeks later 100 for 9,000; the first sold for 9,000 in the new year."""
    a = Account()
    a.buy(0, "100", "100")
    a.buy(14, "100", "90")
    a.sell(33, "100", "90")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-1000, 1000)]
    assert a.brief() == [("x2", 100, 10_000)]


def test_fewer_bought_than_sold() -> None:
    """E8, Publication 550: of 100 at a loss of 1,000 the 50 and the 25 that were bought replace 75: 750 is not allowed, 250 is.
    2,750 becomes 3,250 and 1,125 becomes 1,375."""
    a = Account()
    a.buy(0, "100", "50")
    a.buy(91, "50", "55")
    a.buy(97, "25", "45")
    a.sell(104, "100", "40")
    [part] = a.parts()
    assert (part.realised, part.disallowed, part.open_qty, part.open_loss) == (-1000, 750, 25, 250)
    assert a.brief() == [("x2", 50, 3250), ("x3", 25, 1375)]


def test_more_bought_than_sold() -> None:
    """E8, Regulation 1.1091-1 (h) 3: four times 50 bought for 2,000 on four days; the first two take up 500 each."""
    a = Account()
    a.buy(0, "100", "50")
    a.sell(504, "100", "40")
    for n in range(4):
        a.buy(518 + n, "50", "40")
    assert [lot.basis for lot in a.held()] == [2500, 2500, 2000, 2000]


def test_part_of_a_purchase_replaces() -> None:
    """E8: 60 of 100 take the loss up; they are a piece of their own from then on."""
    a = Account()
    a.buy(0, "60", "10")
    a.sell(50, "60", "9")
    a.buy(51, "100", "9")
    assert a.brief() == [("x3", 60, 600), ("x3/2", 40, 360)]
    assert [(lot.used, lot.opened) for lot in a.held()] == [(True, 60), (False, 40)]
    a.sell(300, "70", "9")
    assert [(lot.qty, lot.opened) for lot in a.held()] == [(30, 40)]


def test_blocks_with_a_gain_are_left_alone() -> None:
    """E8, Publication 550: of three blocks sold together only the one with a loss is concerned, by a purchase afterwards."""
    a = Account()
    a.buy(0, "100", "158")
    a.buy(10, "100", "100")
    a.buy(20, "100", "95")
    a.sell(200, "300", "125")
    a.buy(214, "250", "120")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-3300, 3300), (2500, 0), (3000, 0)]
    assert a.brief() == [("x5", 100, 15_300), ("x5/2", 150, 18_000)]


# wash sales: the edges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("later", "washed"), [(0, True), (WINDOW, True), (WINDOW + 1, False)])
def test_the_window_after_the_sale(later: int, washed: bool) -> None:
    """E8: the thirtieth day after counts, the next does not."""
    a = Account()
    a.buy(0, "10", "10")
    a.sell(100, "10", "9")
    a.buy(100 + later, "10", "9")
    [part] = a.parts()
    assert (part.disallowed > 0, a.held()[0].wash > 0) == (washed, washed)


@pytest.mark.parametrize(("before", "washed"), [(0, True), (WINDOW, True), (WINDOW + 1, False)])
def test_the_window_before_the_sale(before: int, washed: bool) -> None:
    """E8."""
    a = Account()
    a.buy(0, "10", "10")
    a.buy(100 - before, "10", "9")
    a.sell(100, "10", "9")
    assert [p.disallowed > 0 for p in a.parts()] == [washed]


def test_days_change_at_midnight_in_new_york_and_not_in_london() -> None:
    """E8: a share sold at 19:30 in New York was sold on that day, though it is the next one in UTC."""
    midnight = ts_of(0) + 12 * 3_600 * NS
    assert day(midnight) == day(midnight - 1) + 1
    a = Account()
    a.buy(0, "10", "10")
    a.trade(0, Side.SELL, "10", "9", ts=ts_of(100) + 7 * 3_600 * NS + 1_800 * NS)
    a.trade(0, Side.BUY, "10", "9", ts=ts_of(131) - 3 * 3_600 * NS)
    assert [p.disallowed for p in a.parts()] == [0]


def test_what_is_left_of_a_purchase_replaces_nothing_of_it() -> None:
    """E8, Revenue Ruling 56-602: 200 bought, 100 of them sold at a loss three weeks later: a smaller holding and no wash, also
    when the order came in two executions. Another order on the same day does replace."""
    a = Account()
    a.buy(0, "150", "10", order="in")
    a.buy(0, "50", "10", order="in")
    a.sell(21, "100", "9")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 0)]
    a.buy(21, "40", "9")
    a.sell(22, "30", "9")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 40), (-30, 0)]
    b = Account()
    b.buy(0, "100", "10")
    b.buy(0, "100", "10")
    b.sell(21, "100", "9")
    assert [p.disallowed for p in b.parts()] == [100]


def test_sold_together_they_replace_nothing() -> None:
    """E8: two lots of the last days sold at once at a loss are a plain loss."""
    a = Account()
    a.buy(0, "100", "10")
    a.buy(5, "100", "10")
    a.sell(10, "200", "9")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 0), (-100, 0)]
    assert a.lots.years[2008].disallowed == 0


def test_sold_by_one_order_in_two_executions_they_replace_nothing() -> None:
    """E8: what the first execution seemed to show is taken back by the second."""
    a = Account()
    a.buy(0, "100", "10")
    a.buy(5, "100", "10")
    a.sell(10, "100", "9", order="out")
    assert [p.disallowed for p in a.parts()] == [100]
    a.sell(10, "100", "9", order="out")
    assert [(p.realised, p.disallowed, p.taken, p.wash) for p in a.parts()] == [(-100, 0, [], 0), (-100, 0, [], 0)]
    assert a.lots.years[2008].disallowed == 0
    a.buy(20, "150", "9")
    assert [p.disallowed for p in a.parts()] == [100, 50]
    assert [lot.wash for lot in a.held()] == [100, 50]


def test_an_order_that_stops_half_way_through_the_replacement() -> None:
    """E8: 120 of 200 sold in two executions: 80 are left and replace 80 of the 100 that were lost first."""
    a = Account()
    a.buy(0, "100", "10")
    a.buy(5, "100", "10")
    a.sell(10, "100", "9", order="out")
    a.sell(10, "20", "9", order="out")
    assert [(p.qty, p.realised, p.disallowed) for p in a.parts()] == [(100, -100, 80), (20, -20, 0)]
    assert a.brief() == [("x2", 80, 880)]
    assert [(t.lot, t.qty, t.amount) for t in a.parts()[0].taken] == [("x2", 80, 80)]


def test_an_order_that_sells_what_was_bought_meanwhile_takes_nothing_back() -> None:
    """E8: the purchase came after the loss, so it replaced the shares, whoever sells it."""
    a = Account()
    a.buy(0, "100", "10")
    a.sell(50, "100", "9", order="out")
    a.buy(51, "100", "9")
    a.sell(52, "100", "9", order="out")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 100), (-100, 0)]


def test_what_was_taken_back_is_matched_anew_in_its_order() -> None:
    """E8: the earlier loss of an order has the first replacement again, also where a late report had turned the lots around."""
    a = Account()
    a.buy(0, "10", "10")
    a.buy(1, "10", "10")
    a.buy(45, "10", "10")
    a.sell(50, "10", "9", order="out")
    a.sell(50, "10", "8", order="out")
    a.buy(44, "10", "10")
    assert [[t.lot for t in p.taken] for p in a.parts()] == [["x3"], ["x6"]]
    a.buy(51, "10", "10")
    a.sell(52, "20", "20", order="out")
    assert [(p.lot, p.disallowed) for p in a.parts()] == [("x1", 10), ("x2", 0), ("x6", 0), ("x3", 0)]
    assert a.brief() == [("x7", 10, 110)]


def test_the_rest_of_an_order_that_comes_after_the_sale_replaces() -> None:
    """E8: bought, sold at a loss, and then more of the same buying order: these were not held when it was sold."""
    a = Account()
    a.buy(0, "10", "10", order="in")
    a.sell(1, "10", "9")
    a.buy(2, "10", "9", order="in")
    assert [p.disallowed for p in a.parts()] == [10]


def test_another_order_takes_nothing_back() -> None:
    """E8: the replacement was held after the first sale; sold later, it brings the loss with it."""
    a = Account()
    a.buy(0, "100", "10")
    a.buy(5, "100", "10")
    a.sell(10, "100", "9")
    a.sell(11, "100", "9")
    assert [(p.realised, p.disallowed, p.wash) for p in a.parts()] == [(-100, 100, 0), (-200, 0, 100)]


def test_a_chain_of_two() -> None:
    """E8: lost 100, bought again, lost 50 more, bought again: 150 stands in the last basis, with the days of all three."""
    a = Account()
    a.buy(0, "100", "10")
    a.sell(50, "100", "9")
    a.buy(60, "100", "9")
    a.sell(90, "100", "8.50")
    a.buy(100, "100", "8.50")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 100), (-150, 150)]
    [lot] = a.held()
    assert (lot.basis, lot.wash) == (1000, 150)
    assert (lot.opened_ts - lot.acquired_ts) // (86_400 * NS) == (50 + 30)
    a.sell(400, "100", "12")
    assert a.parts()[-1].realised == 200


def test_a_share_replaces_once() -> None:
    """E8: two losses of 10 and one purchase of 10: the earlier loss has it."""
    a = Account()
    a.buy(0, "20", "10")
    a.sell(50, "10", "9")
    a.sell(51, "10", "8")
    a.buy(55, "10", "8")
    assert [p.disallowed for p in a.parts()] == [10, 0]
    a.buy(60, "4", "8")
    assert [p.disallowed for p in a.parts()] == [10, 8]


def test_a_short_is_the_mirror() -> None:
    """E8: a short covered at a loss of 100, another one opened within 30 days: it brought 900 and counts as 800."""
    a = Account()
    a.sell(0, "100", "9")
    a.buy(50, "100", "10")
    a.sell(60, "100", "9")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 100)]
    assert a.brief() == [("x3", 100, -800)]
    a.buy(200, "100", "8")
    assert a.parts()[-1].realised == 0


def test_a_short_replaces_no_long_and_a_cover_none_either() -> None:
    """E8: the loss of a long waits through a short; only what opens a long replaces it."""
    a = Account()
    a.buy(0, "100", "10")
    a.sell(50, "150", "9")
    a.buy(55, "50", "8")
    assert [p.disallowed for p in a.parts()] == [0, 0]
    a.sell(56, "50", "8")
    a.buy(60, "80", "8")
    assert [(p.side, p.disallowed) for p in a.parts()] == [(Side.BUY, 30), (Side.SELL, 0), (Side.SELL, 0)]


def test_a_split_inside_the_window() -> None:
    """E8: 100 lost, two for one, 100 new shares bought: they replace 50 of the old ones, and 100 more the rest."""
    a = Account()
    a.buy(0, "100", "10")
    a.sell(50, "100", "9")
    a.split(55, "2")
    a.buy(60, "100", "4.50")
    [part] = a.parts()
    assert (part.qty, part.disallowed, part.open_qty) == (100, 50, 100)
    a.buy(61, "150", "4.50")
    assert (a.parts()[0].disallowed, a.brief()) == (
        100,
        [("x4", 100, 500), ("x5", 100, 500), ("x5/2", 50, 225)],
    )


def test_a_loss_that_a_split_rounds_away_is_final() -> None:
    """E8: a billionth of a share by a tenth is none, and nothing replaces it."""
    a = Account()
    a.buy(0, "0.000000001", "10000000000")
    a.sell(50, "0.000000001", "1")
    a.split(51, "0.1")
    a.buy(52, "10", "10")
    assert [(p.disallowed, p.open_qty, p.open_loss) for p in a.parts()] == [(0, 0, 0)]
    assert a.brief() == [("x4", 10, 100)]


def test_a_split_makes_a_match_final() -> None:
    """E8: the same order going on after it takes nothing back, and the loss stays in the basis."""
    a = Account()
    a.buy(0, "100", "10")
    a.buy(5, "100", "10")
    a.sell(10, "100", "9", order="out")
    a.split(11, "2")
    a.sell(12, "200", "4.50", order="out")
    assert [(p.realised, p.disallowed) for p in a.parts()] == [(-100, 100), (-200, 0)]


def test_a_late_report_of_a_sale_has_its_own_window() -> None:
    """E8: a sale of day 40, heard of after one of day 70, is replaced by what was bought on day 15."""
    a = Account()
    a.buy(0, "20", "10")
    a.buy(15, "10", "10")
    a.sell(70, "10", "9")
    a.sell(40, "10", "9")
    assert [p.disallowed for p in a.parts()] == [0, 10]


def test_late_reports_do_not_reach_over_their_windows() -> None:
    """E8: a purchase 31 days before a sale that is known already, and one 31 days after a sale that is heard of late."""
    a = Account()
    a.buy(0, "10", "10")
    a.sell(50, "10", "9")
    a.buy(19, "5", "10")
    assert [p.disallowed for p in a.parts()] == [0]
    a.buy(20, "5", "10")
    assert [p.disallowed for p in a.parts()] == [5]
    b = Account()
    b.buy(0, "10", "10")
    b.buy(71, "10", "10")
    b.sell(40, "10", "9")
    assert [p.disallowed for p in b.parts()] == [0]


def test_a_late_report_of_a_purchase_replaces_what_it_stood_beside() -> None:
    """E8: another order's purchase of day 48, heard of after the sale of day 50; more of the sold purchase itself does not."""
    a = Account()
    a.buy(45, "10", "10", order="in")
    a.sell(50, "10", "9")
    a.buy(45, "10", "10", order="in")
    assert [p.disallowed for p in a.parts()] == [0]
    a.buy(48, "4", "10")
    assert [p.disallowed for p in a.parts()] == [4]
    assert [(lot.lot_id, lot.wash) for lot in a.held()] == [("x3", 0), ("x4", 4)]


# bounded ------------------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_bounded() -> None:
    """I15, E8: finished parts by number, the year's sums whole."""
    a = Account()
    for n in range(KEEP_CLOSED + 50):
        a.buy(n, "1", "10")
        a.sell(n, "1", "11")
    assert len(a.lots.closed) == KEEP_CLOSED
    assert min(a.lots.closed) == 51
    assert {year: t.realised for year, t in a.lots.years.items()} == {2008: 245, 2009: 5}


def test_a_lot_is_cut_in_few_pieces_and_no_cent_is_lost() -> None:
    """I15, E8: a hundred small losses and one purchase."""
    a = Account()
    a.buy(0, "200", "10")
    for n in range(100):
        a.sell(50, "1", D(9) - D(n) / 100)
    lost = [p.open_loss for p in a.parts()]
    a.buy(51, "150", "5")
    assert len(a.held()) == 1 + PIECES + 1  # of the first purchase, of the second, and its unused rest
    assert sum((lot.wash for lot in a.held()), D(0)) == sum(lost, D(0)) == a.lots.years[2008].disallowed
    assert a.holding.qty() == 250
    later = [lot.acquired_ts for lot in a.held()[1:-1]]
    assert later[-1] == later[-2] - NS, "of what was put together the shortest holding period counts"
