"""Quote in, order intent out: what a decision costs, alone and with the journal and the hand-over to a broker behind it.

Every sample is a whole decision of `step()`: all checks, the `Decided` record, the `OrderIntended`. Compute is CPU time of the
thread; what passes through the disk is wall time, its share of write and fsync shown apart.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import uvloop

from bench.scene import ACCOUNT, SYMBOLS, Scene
from tradingd.core.events import Bar, Event, FillSeen
from tradingd.core.facts import AnyFact, Decided, OrderIntended
from tradingd.core.pipeline import step
from tradingd.core.types import AccountId, Instrument, Money, Order, OrderId, Price, Qty, Symbol
from tradingd.ports import AccountReport, OrderReport, PositionsReport, Quirks, Sink
from tradingd.shell.channels import Inbox
from tradingd.shell.dispatch import Dispatch
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd.shell.journal import Genesis, Journal, Settings, open_journal

ROUNDS = 2_000
WARM = 100
DURABLE = 300
FREE = SYMBOLS[10:]
Row = tuple[str, float, str]
T = TypeVar("T")


def run(rounds: int = ROUNDS, durable: int = DURABLE) -> list[Row]:
    """Percentiles in microseconds."""
    stops, entries, early, late = _compute(rounds)
    whole, commit = uvloop.run(_durable(durable))
    apart = [a - b for a, b in zip(whole, commit, strict=True)]
    return [
        *_row("stop fires, exit decided", stops),
        *_row("idea in, entry decided", entries),
        ("an exit after all rounds over one at their beginning", late / early, "ratio"),
        *_row("stop fires, durable, handed to the broker (wall)", whole),
        *_row("... of it write and fsync", commit),
        *_row("... of it all else", apart),
    ]


def _row(name: str, nanoseconds: Sequence[int]) -> list[Row]:
    ordered = sorted(nanoseconds)
    return [
        (f"{name}, p50", ordered[len(ordered) // 2] / 1e3, "us"),
        (f"{name}, p99", ordered[len(ordered) * 99 // 100] / 1e3, "us"),
    ]


def _acted(facts: tuple[AnyFact, ...]) -> None:
    assert any(isinstance(f, Decided) for f in facts), facts
    assert any(isinstance(f, OrderIntended) for f in facts), facts


def _timed(scene: Scene, event: Event) -> int:
    """ns of one step that acts; the venue's answers are outside."""
    began = time.thread_time_ns()
    facts = step(scene.book, event, scene.rules)
    took = time.thread_time_ns() - began
    _acted(facts)
    scene.answer(facts)
    return took


def _compute(rounds: int) -> tuple[list[int], list[int], float, float]:
    """ns of exits, of entries, and the medians of the first and the last tenth of the exits."""
    scene = Scene()
    stops: list[int] = []
    entries: list[int] = []
    gc.collect()
    gc.freeze()
    for i in range(WARM + rounds):
        symbol = FREE[i % len(FREE)]
        scene.take(scene.quote(symbol))
        entries.append(_timed(scene, scene.idea(symbol)))
        stops.append(_timed(scene, scene.to_the_stop(symbol)))
        scene.pause()
    gc.unfreeze()
    del stops[:WARM], entries[:WARM]
    tenth = max(1, rounds // 10)
    early, late = sorted(stops[:tenth])[tenth // 2], sorted(stops[-tenth:])[tenth // 2]
    return stops, entries, early, late


class Stub:
    """A broker that takes every order and says when it had it. Nothing else happens at it."""

    name = "stub"
    quirks = Quirks()

    def __init__(self) -> None:
        self.had: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def submit(self, order: Order) -> None:
        if not self.had.done():
            self.had.set_result(time.perf_counter_ns())

    async def connect(self, sink: Sink) -> None:
        return

    async def wait_closed(self) -> str:
        return await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        return

    async def cancel(self, order_id: OrderId) -> None:
        return

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None:
        return

    async def query(self, order_id: OrderId) -> OrderReport | None:
        return None

    async def open_orders(self) -> Sequence[OrderReport]:
        return ()

    async def fills(self, since: int) -> Sequence[FillSeen]:
        return ()

    async def positions(self) -> PositionsReport:
        return PositionsReport(positions={}, cursor=0, ts=0)

    async def account(self) -> AccountReport:
        nothing = Money(Decimal(0))
        return AccountReport(account=AccountId(ACCOUNT), currency="USD", cash=nothing, equity=nothing)

    async def instruments(self) -> Sequence[Instrument]:
        return ()

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        return ()


class TimedEnv(RealEnv):
    """Remembers how long the writer thread last worked: sealing, write and fsync of one group."""

    worked = 0

    async def blocking(self, fn: Callable[[], T]) -> T:
        def timed() -> T:
            began = time.perf_counter_ns()
            try:
                return fn()
            finally:
                self.worked = time.perf_counter_ns() - began

        return await super().blocking(timed)


async def _durable(rounds: int) -> tuple[list[int], list[int]]:
    """ns from the quote until the broker has the order, and of it ns of write and fsync."""
    scene = Scene(told=True)
    clock = ReplayClock(scene.now)
    env = TimedEnv(clock=clock)
    with tempfile.TemporaryDirectory(prefix="bench-decision-") as directory:
        journal, _ = open_journal(
            env, directory, Genesis(instance="bench", nonce="0", build="0", config="0"), Settings(force=True)
        )
        dispatch = Dispatch(env, Stub(), scene.book, scene.rules, Inbox())
        dispatch.up = True
        journal.subscribe(lambda _first, facts: dispatch.on_durable(facts))
        whole, commit = [], []
        async with asyncio.TaskGroup() as group:
            group.create_task(journal.run())
            sender = group.create_task(dispatch.run())
            for i in range(rounds):
                a, b = await _one(scene, clock, env, journal, dispatch, FREE[i % len(FREE)])
                whole.append(a)
                commit.append(b)
            sender.cancel()
            await journal.close()
        await env.aclose()
    return whole, commit


async def _one(
    scene: Scene, clock: ReplayClock, env: TimedEnv, journal: Journal, dispatch: Dispatch, symbol: Symbol
) -> tuple[int, int]:
    scene.told.clear()
    scene.enter(symbol)
    quote = scene.to_the_stop(symbol)
    clock.set(scene.now)
    await journal.synced(journal.append(scene.told))  # all that came before is durable and was looked at
    await dispatch.idle()
    broker = dispatch.broker = Stub()
    began = time.perf_counter_ns()
    facts = step(scene.book, quote, scene.rules)
    journal.append(facts)
    ended = await broker.had
    _acted(facts)
    written = env.worked
    await dispatch.idle()
    scene.answer(facts)
    scene.pause()
    return ended - began, written
