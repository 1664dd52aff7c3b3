"""The fold: total over all facts, bounded in memory, the only writer."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from tests.core.world import ACCOUNT, ACME, DAY, MINUTE, World, refold
from tradingd.core.book import fold as room
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.facts import Alerted, AnyFact, CashMoved, CommandSeen, ConfigChanged, ShutDown
from tradingd.core.types import Money

D = Decimal


def test_every_fact_has_its_fold():
    """J1: facts that change nothing booked are named here, so that a new one is not forgotten."""
    assert set(get_args(AnyFact)) - set(room._HANDLERS) <= {ConfigChanged, ShutDown}


def test_a_fold_of_nothing_is_an_empty_account():
    """J1."""
    assert refold([]).dump() == World(ready=False).book.dump()


def test_no_two_books_share_what_they_hold():
    """ARCHITECTURE: the account is the unit of isolation; defaults are not shared."""
    one, two = Booked(account=ACCOUNT), Booked(account=ACCOUNT)
    fold(one, CashMoved(ts=1, account=ACCOUNT, kind="dividend", amount=Money(D(1)), action_id="x"))
    assert (two.cash, two.actions) == (0, [])


def test_memory_is_bounded_whatever_the_history():
    """I15: alerts, commands, actions, decisions, seen ideas."""
    world = World()
    for i in range(600):
        ts = world.now + i
        world.book.replay(Alerted(ts=ts, account=ACCOUNT, level="log", code="c", text="t"))
        world.book.replay(
            CommandSeen(ts=ts, account=ACCOUNT, command_id=f"c{i}", verb="pause", actor="a", reason="", answer="")
        )
        world.book.replay(CashMoved(ts=ts, account=ACCOUNT, kind="dividend", amount=Money(D(0)), action_id=f"a{i}"))
        world.recommend(ACME, confidence=0.1)
    booked = world.book.booked
    assert (len(booked.alerts), len(booked.commands), len(booked.actions), len(booked.recent)) == (100, 200, 500, 100)


def test_an_idea_is_remembered_for_as_long_as_its_twin_could_be_taken():
    """E1: more than a day; then it is forgotten, because a copy would be stale."""
    world = World()
    world.recommend(ACME, confidence=0.1)
    world.now += DAY + 30 * MINUTE
    world.recommend(ACME, confidence=0.1)
    assert len(world.book.booked.seen) == 2
    world.now += 2 * DAY + MINUTE
    world.recommend(ACME, confidence=0.1)
    assert len(world.book.booked.seen) == 1


def test_the_counts_are_part_of_the_fold():
    """H3: what the page shows survives a restart."""
    world = World()
    world.buy(ACME)
    world.recommend(ACME, confidence=0.1)
    counts = refold(world.facts).booked.counts
    assert counts == world.book.booked.counts
    assert (counts["decisions"], counts["acted"], counts["refused"], counts["orders"], counts["fills"]) == (
        2,
        1,
        1,
        2,
        1,
    )
