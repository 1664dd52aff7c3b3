"""A whole house against the simulated venue with its faults switched on: in the end both sides agree."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec
import pytest

from tradingd.app import house_of
from tradingd.core.facts import AnyFact, Filled, OrderIntended
from tradingd.core.types import AccountId, Money
from tradingd.demo.config import demo_config
from tradingd.demo.lockstep import Lockstep
from tradingd.ports import LinkDown
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd.shell.house import House
from tradingd.shell.schedule import Chore
from tradingd_adapters.sim.accounts import Arrival
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.market import Market

ACCOUNT = AccountId("demo")


async def _breathe(_traded: int) -> bool:
    for _ in range(12):
        await asyncio.sleep(0)
    return True


def _shrugging(work: Chore) -> Chore:
    async def run() -> None:
        with suppress(LinkDown):
            await work()

    return run


async def lived(directory: Path, faults: Faults) -> tuple[House, Exchange, list[AnyFact]]:
    """Some weeks of trading with faults, then two sessions without; every fact, in order."""
    clock = ReplayClock()
    env = RealEnv(clock=clock, failpoint="")
    config = demo_config()
    capital = Money(config.accounts[ACCOUNT].capital)
    exchange = Exchange(Market(start="2008-01-02", end="2008-02-05"), {ACCOUNT: capital}, faults=faults)
    clock.set(exchange.now)
    house = house_of(env, config, directory, {ACCOUNT: InprocSim(exchange, ACCOUNT)}, instance="test", build="b")
    told: list[AnyFact] = []
    house.follow(told.extend)
    rates = dict(faults.rates)
    for chore in house.schedule.chores:  # live, `supervise.chore` ends a round that loses its link
        chore.chore = _shrugging(chore.chore)
    async with anyio.create_task_group() as group:
        house.spawn_writers(group)
        house.start("demo", "b", "c")
        for member in house.members.values():
            group.start_soon(member.link.run)
        await _breathe(0)

        async def pace(traded: int) -> bool:
            if exchange.now > healed:
                faults.rates.clear()
            return await _breathe(traded)

        healed = Exchange(Market(start="2008-02-04", end="2008-02-05"), {}).now
        driver = Lockstep(house, exchange, clock, pace=pace, every=1)
        await driver.run()
        await house.quiesce()
        group.cancel_scope.cancel()
    await house.journal.close()
    await env.aclose()
    assert all(faults.struck[fault] > 0 for fault in rates), f"it never happened: {faults.struck}"
    return house, exchange, told


AGREEING = [
    Fault.LOSE_ORDER, Fault.LOSE_ACK, Fault.ERROR_AFTER_ACCEPT, Fault.DISCONNECT_AFTER_ACCEPT, Fault.REJECT, Fault.DUPLICATE,
    Fault.REORDER, Fault.DROP_FILL, Fault.CROSSED,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", AGREEING, ids=str)
async def test_in_the_end_both_sides_agree(tmp_path: Path, fault: Fault) -> None:
    """O2, I1-I4, A4, A10, A16, D3, D8, D10, D11, F2: half of all chances go wrong; positions equal the venue's, each fill is booked
    once, each id was sent once and known first, and nothing is left unknown."""
    house, exchange, told = await lived(tmp_path, Faults(7, {fault: 0.02 if fault is Fault.CROSSED else 0.5}))
    book, venue = house.members[ACCOUNT].book, exchange.floor.accounts[ACCOUNT]
    intended = [f.order for f in told if isinstance(f, OrderIntended)]
    arrived = [r for r in exchange.records if isinstance(r, Arrival) and r.kind == "submit"]
    assert len(arrived) > 5
    assert {r.order_id for r in arrived} <= {order.order_id for order in intended}
    assert len({r.order_id for r in arrived}) == len(arrived)
    for r in arrived:
        assert any(
            msgspec.json.encode(order).decode() == r.content for order in intended if order.order_id == r.order_id
        )
    assert {s: q for s in book.booked.positions if (q := book.qty(s))} == {
        s: q for s, q in venue.positions.items() if q
    }
    booked = [f.exec_id for f in told if isinstance(f, Filled)]
    assert sorted(booked) == sorted(row.seen().exec_id for row in venue.fills)
    assert len(set(booked)) == len(booked)
    assert book.unknown_orders() == []
    assert book.booked.drift == {}


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.OVERFILL, Fault.DOUBLE_EXECUTION], ids=str)
async def test_a_hostile_venue_is_believed_where_it_is_real_and_told(tmp_path: Path, fault: Fault) -> None:
    """A17, D9, I4: more than ordered is booked and stops new risk; one fill under two ids is known by its number."""
    faults = Faults(7)
    faults.arm(fault, 1)
    house, exchange, _ = await lived(tmp_path, faults)
    book, venue = house.members[ACCOUNT].book, exchange.floor.accounts[ACCOUNT]
    assert faults.struck[fault] == 1
    ours = {s: q for s in book.booked.positions if (q := book.qty(s))}
    theirs = {s: q for s, q in venue.positions.items() if q}
    assert ours == theirs or set(book.booked.drift) == {s for s in {*ours, *theirs} if ours.get(s) != theirs.get(s)}
    if fault is Fault.OVERFILL:
        assert book.state().value == "reducing"
