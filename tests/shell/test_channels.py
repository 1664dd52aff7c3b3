"""The inbox: order, conflation, the hard bound, and who is woken."""

from __future__ import annotations

import asyncio

import pytest

from tradingd.core.events import Event, Quote, Timer
from tradingd.core.types import Symbol
from tradingd.ports import Broken
from tradingd.shell.channels import Inbox


def quote(symbol: str, n: int) -> Quote:
    return Quote(Symbol(symbol), float(n), float(n) + 1, n, seq=n, bid_size=n, ask_size=n, recv_ts=n, source=f"s{n}")


def drained(inbox: Inbox) -> list[Event]:
    found = []
    while (event := inbox.take()) is not None:
        found.append(event)
    return found


def test_events_come_out_in_the_order_they_went_in() -> None:
    """I3: below the mark nothing is touched, quotes included."""
    inbox = Inbox(conflate_above=100)
    put: list[Event] = [quote("A", 1), Timer(ts=1), quote("A", 2), quote("B", 3), Timer(ts=4)]
    for event in put:
        inbox.offer(event)
    assert drained(inbox) == put
    assert (inbox.taken, inbox.conflated, inbox.deepest) == (5, 0, 5)


def test_a_burst_keeps_the_latest_quote_of_each_symbol() -> None:
    """F11, I3: 20,000 updates of one symbol become one, in the place of the oldest that waits, with every field of the newest."""
    inbox = Inbox(conflate_above=3)
    first = [Timer(ts=1), quote("A", 2), quote("B", 3)]
    for event in first:
        inbox.offer(event)
    for n in range(4, 20_004):
        inbox.offer(quote("A", n))
    assert len(inbox) == 3
    timer, a, b = drained(inbox)
    assert (timer, b) == (first[0], first[2])
    assert isinstance(a, Quote)
    newest = quote("A", 20_003)
    assert {name: getattr(a, name) for name in Quote.__slots__} == {
        name: getattr(newest, name) for name in Quote.__slots__
    }
    assert inbox.conflated == 20_000


def test_orders_fills_and_commands_are_never_conflated_nor_overtaken() -> None:
    """I3: whatever the burst, each of them comes out, in order."""
    inbox = Inbox(conflate_above=2)
    for n in range(50):
        inbox.offer(quote("A", n))
        inbox.offer(Timer(ts=n))
    timers = [event.ts for event in drained(inbox) if isinstance(event, Timer)]
    assert timers == list(range(50))


def test_a_quote_that_was_taken_is_not_changed_afterwards() -> None:
    """F11: conflation touches only what still waits."""
    inbox = Inbox(conflate_above=1)
    inbox.offer(quote("A", 1))
    taken = inbox.take()
    inbox.offer(Timer(ts=1))
    inbox.offer(quote("A", 2))
    assert isinstance(taken, Quote)
    assert taken.seq == 1
    assert [event.ts for event in drained(inbox)] == [1, 2]


def test_the_hard_bound_is_the_end() -> None:
    """I3, I15: nothing is dropped in silence: the house is broken, with the depth in the message."""
    inbox = Inbox(bound=10)
    for n in range(10):
        inbox.offer(Timer(ts=n))
    with pytest.raises(Broken, match="10 events"):
        inbox.offer(Timer(ts=11))
    assert len(drained(inbox)) == 10


def test_quotes_alone_never_reach_the_bound() -> None:
    """F11, I15: their room is bounded by the number of symbols beyond the mark."""
    inbox = Inbox(conflate_above=5, bound=10)
    for n in range(1_000):
        inbox.offer(quote(f"S{n % 3}", n))
    assert len(inbox) == 5


async def test_the_consumer_sleeps_until_something_comes() -> None:
    """I3: one wake-up a burst, and no turn lost between the look and the sleep."""
    inbox = Inbox()
    waiter = asyncio.ensure_future(inbox.ready())
    await asyncio.sleep(0)
    assert not waiter.done()
    inbox.offer(Timer(ts=1))
    await waiter
    assert inbox.take() is not None
    again = asyncio.ensure_future(inbox.ready())
    await asyncio.sleep(0)
    assert not again.done()
    inbox.offer(Timer(ts=2))
    await again


async def test_an_alarm_wakes_the_consumer_of_an_empty_inbox() -> None:
    """I8 of RELIABILITY I: a step that failed elsewhere must be heard of by the engine's own task."""
    inbox = Inbox()
    waiter = asyncio.ensure_future(inbox.ready())
    await asyncio.sleep(0)
    assert not waiter.done()
    inbox.alarm()
    await asyncio.wait_for(waiter, 1)
    assert len(inbox) == 0


def test_a_following_clock_hears_of_each_events_time_first() -> None:
    """H1: in demo mode wall time is the newest event's, also for events that are conflated away."""
    inbox = Inbox(conflate_above=1)
    told: list[int] = []
    inbox.watch_time(told.append)
    for event in (Timer(ts=1), quote("A", 2), quote("A", 3)):
        inbox.offer(event)
    assert told == [1, 2, 3]
