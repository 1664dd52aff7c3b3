"""The simulated loop against stock asyncio: the same programs end with the same results; hosts die and pause."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import anyio
import pytest

from tests.sim.loop import Deadlock, Host, SimLoop, run

Program = Callable[[list[str]], Awaitable[object]]


async def sleepers(log: list[str]) -> None:
    async def one(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        log.append(name)

    await asyncio.gather(one("c", 0.03), one("a", 0.01), one("b", 0.02))


async def timeouts(log: list[str]) -> None:
    with anyio.move_on_after(0.01) as scope:
        await asyncio.sleep(1)
    log.append(f"cancelled {scope.cancelled_caught}")
    try:
        with anyio.fail_after(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        log.append("timed out")


async def groups(log: list[str]) -> None:
    async def fails() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("one of us")

    async def waits() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            log.append("cleaned")

    try:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(waits)
            group.start_soon(fails)
    except* ValueError as found:
        log.append(f"{len(found.exceptions)} error")


async def shielded(log: list[str]) -> None:
    async with anyio.create_task_group() as group:

        async def stubborn() -> None:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.02)
                log.append("finished all the same")
            await asyncio.sleep(1)
            log.append("never")

        group.start_soon(stubborn)
        await asyncio.sleep(0.005)
        group.cancel_scope.cancel()
    log.append("left")


async def queues(log: list[str]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for n in range(5):
            await queue.put(n)

    task = asyncio.create_task(produce())
    log.extend([str(await queue.get()) for _ in range(5)])
    await task


async def futures(log: list[str]) -> None:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_exception, KeyError("gone"))
    try:
        await future
    except KeyError as error:
        log.append(str(error))
    done, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.01))], timeout=1)
    log.append(f"{len(done)} {len(pending)}")


@pytest.mark.parametrize("program", [sleepers, timeouts, groups, shielded, queues, futures])
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_it_does_what_stock_asyncio_does(program: Program, seed: int | None) -> None:
    stock: list[str] = []
    asyncio.run(program(stock))  # type: ignore[arg-type]
    ours: list[str] = []
    run(SimLoop(None if seed is None else random.Random(seed)), program(ours))  # type: ignore[arg-type]
    assert ours == stock


def test_a_seed_chooses_the_order_and_chooses_it_again() -> None:
    def order(seed: int | None) -> list[int]:
        found: list[int] = []

        async def main() -> None:
            async def one(n: int) -> None:
                await asyncio.sleep(0)
                found.append(n)

            await asyncio.gather(*(one(n) for n in range(12)))

        run(SimLoop(None if seed is None else random.Random(seed)), main())
        return found

    assert order(None) == sorted(order(1))
    assert order(1) == order(1) != order(2)


def test_time_jumps_and_an_hour_takes_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert 3600 <= run(SimLoop(None), main()) < 3600.01


def test_nothing_to_wait_for_is_a_deadlock() -> None:
    with pytest.raises(Deadlock):
        run(SimLoop(None), asyncio.Event().wait())


def test_a_dead_host_does_nothing_more_not_even_its_finally() -> None:
    loop, log = SimLoop(None), []

    async def body() -> None:
        try:
            while True:
                await asyncio.sleep(1)
                log.append("beat")
        finally:
            log.append("finally")

    async def main() -> None:
        host = Host("h")
        loop.spawn(host, body())
        await asyncio.sleep(2.5)
        host.dead = True
        await asyncio.sleep(10)

    run(loop, main())
    assert log == ["beat", "beat"]


def test_a_paused_host_goes_on_where_it_was() -> None:
    loop, log = SimLoop(None), []

    async def body() -> None:
        while True:
            await asyncio.sleep(1)
            log.append(round(loop.time(), 1))

    async def main() -> None:
        host = Host("h")
        loop.spawn(host, body())
        await asyncio.sleep(1.5)
        loop.pause(host, 5)
        await asyncio.sleep(7)
        host.dead = True

    run(loop, main())
    assert log[:3] == [1.0, 6.5, 7.5]


def test_timers_of_one_moment_go_in_the_order_they_were_set():
    """What is left out of a world changes nothing before its moment: `shrink` lives on that."""

    def order(extra: list[float]) -> list[int]:
        loop, seen = SimLoop(None), []
        for at in extra:
            loop.call_at(at, lambda: None)
        for n in range(20):
            loop.call_at(1.0, seen.append, n)
            if n % 3 == 0:
                loop.call_at(2.0 + n, lambda: None)
        run(loop, asyncio.sleep(1.5))
        return seen

    assert order([]) == list(range(20))
    assert order([0.5, 3.0, 1.0, 2.5]) == list(range(20))
