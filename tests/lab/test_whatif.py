"""What would have been decided otherwise: which answers are the recorded ones, which the stand-in's, and what is shown."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from tests.core.world import ACCOUNT, ACME, BOLT, D, make_rules
from tests.lab.taped import Taped, kinds, one, player
from tradingd.core.book.book import Book
from tradingd.core.events import Action, Dividend, Verb
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.sizer import SizerSettings
from tradingd.core.gates.tiers import TierSettings
from tradingd.core.rules import EntrySettings
from tradingd.core.types import Leg, Money
from tradingd.lab.whatif import WhatIf

SMALL = {"gate": GateSettings(max_order_notional=Money(D(1_000)))}
HALF = {"sizer": SizerSettings(absolute_cap=Money(D(800)))}


def would(answer: WhatIf) -> Book:
    return answer.would.books[ACCOUNT]


def sound(answer: WhatIf) -> None:
    """Nothing went wrong in what would have been that did not in what was."""
    book = would(answer)
    codes = {alert.code for alert in book.booked.alerts}
    assert codes <= {alert.code for alert in answer.was.books[ACCOUNT].booked.alerts}
    assert not book.booked.drift
    assert not book.unknown_orders()


def story(world: Taped) -> None:
    """Two positions; one is stopped out at the venue, one is sold by an idea."""
    world.buy(ACME)
    world.buy(BOLT, price="99.90")
    for mid in (101.0, 102.0, 99.0):
        world.quote(ACME, mid)
        world.quote(BOLT, mid)
    stop = world.book.protection(ACME)
    assert stop is not None
    world.quote(ACME, 95.0)
    world.fill(stop.order.order_id, price="95.10")
    world.recommend(BOLT, Action.SELL)
    asked = world.book.protection(BOLT)
    if asked is not None:
        world.cancelled(asked.order.order_id)
    world.fill(world.exit_order(BOLT).order.order_id, price="98.70", fee="0.30")
    world.positions()
    world.minutes(2)


def test_under_the_same_rules_nothing_differs_and_every_answer_is_recorded() -> None:
    """T3: prices that only the record knows are in the other book too."""
    world = Taped()
    story(world)
    answer = world.what_if()
    assert answer.differs == []
    assert answer.stood_in == 0
    assert would(answer).dump() == world.book.dump()


def test_an_entry_that_would_be_refused_shows_both_chains_and_all_that_follows_from_it() -> None:
    world = Taped()
    story(world)
    answer = world.what_if(**SMALL)
    entry = answer.differs[0]
    assert (entry.kind, entry.symbol) == ("verdict", ACME)
    assert any("acted" in line for line in entry.why_was)
    assert any("max_notional" in line for line in entry.why_would)
    assert not would(answer).held()
    assert would(answer).booked.cash == Decimal(100_000)
    assert would(answer).booked.realised == 0
    sound(answer)


def test_what_an_entry_needs_not_is_not_shown() -> None:
    """Only what differs: the other entry's refusal stays a refusal of its own kind."""
    world = Taped()
    world.recommend(ACME, confidence=0.1)
    world.buy(BOLT)
    assert kinds(world.what_if(**SMALL)) == [("verdict", BOLT)]


def test_another_size_is_answered_at_the_recorded_touch_and_ends_flat() -> None:
    """T3: the stand-in fills what was never sent, also stops and exits; positions told by the venue are no drift."""
    world = Taped()
    story(world)
    answer = world.what_if(**HALF)
    assert answer.differs[0].kind == "size"
    assert answer.stood_in >= 3
    book = would(answer)
    assert not book.held()
    assert book.booked.positions[ACME].qty == 0
    sound(answer)


def test_another_target_is_another_level_and_the_entry_itself_stays_the_recorded_one() -> None:
    world = Taped()
    world.buy(ACME, price="99.93")
    world.quote(ACME, 101.0)
    tiers = TierSettings(conservative=msgspec.structs.replace(world.rules.tier.conservative, reward_risk_ratio=9.0))
    answer = world.what_if(tier=tiers)
    assert kinds(answer) == [("levels", ACME)]
    assert answer.stood_in == 0
    assert would(answer).booked.positions[ACME].avg_price == Decimal("99.93")


def test_an_order_cancelled_in_one_of_them_only_is_the_stand_ins_from_there_on() -> None:
    """The recorded entry was taken back by its age; with more patience it stays, and fills when a quote reaches it."""
    world = Taped()
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    for _ in range(20):
        world.minutes(1)
        world.quote(ACME, 104.0)
    world.cancelled(decided.orders[0])
    world.quote(ACME, 100.0)
    world.quote(ACME, 100.0)
    assert not world.book.held()
    answer = world.what_if(entry=EntrySettings(tranches=1, ttl_s=100_000.0))
    assert answer.differs == []
    assert answer.stood_in == 1
    assert would(answer).qty(ACME) == decided.qty
    sound(answer)


def test_a_dividend_follows_what_would_be_held() -> None:
    world = Taped()
    held = world.buy(ACME)
    world.step(Dividend(ts=world.now, account=ACCOUNT, symbol=ACME, amount=Money(held), action_id="d1"))
    answer = world.what_if(**HALF)
    other = would(answer).qty(ACME)
    assert 0 < other < held
    paid = would(answer).booked.cash + would(answer).booked.positions[ACME].basis - Decimal(100_000)
    assert paid == other


def test_an_operators_word_about_an_order_reaches_that_order_or_none() -> None:
    world = Taped()
    world.recommend(BOLT, confidence=0.1)
    decided = world.recommend(ACME)
    world.accept(decided.orders[0])
    world.say(Verb.CANCEL, account=ACCOUNT, order_id=decided.orders[0])
    world.cancelled(decided.orders[0])
    same = world.what_if()
    assert would(same).dump() == world.book.dump()
    refused = world.what_if(**SMALL)
    assert not would(refused).open_orders(leg=Leg.ENTRY)
    sound(refused)


@pytest.mark.parametrize("late", [False, True])
def test_only_days_that_were_asked_for_are_shown(late: bool) -> None:
    world = Taped()
    story(world)
    answer = world.what_if(**SMALL)
    assert answer.differs
    again = WhatIf(player(world.rules), player(make_rules(**SMALL)))
    again.play(world.entries, begin=world.now + 1 if late else 0)
    assert bool(again.differs) is not late


def test_the_outcome_says_what_each_account_came_to() -> None:
    world = Taped()
    story(world)
    [outcome] = world.what_if(**SMALL).outcomes()
    assert outcome.equity_was == world.book.equity
    assert outcome.equity_would == 100_000.0
    assert outcome.realised_was == world.book.booked.realised != 0
    assert (outcome.decisions_was, outcome.decisions_would) == (3, 3)


def test_one_decision_of_the_symbol_is_shown_once() -> None:
    world = Taped()
    world.recommend(ACME)
    assert one(world.what_if(**SMALL)).account == ACCOUNT
