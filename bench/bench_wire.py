"""From a quote's bytes to an order's bytes: in one call stack, and over a loopback websocket through a whole house.

In process: a frame is parsed, stepped through, the order passes the last gate and is encoded; nothing waits. Loopback: the venue
of `bench.loopback` in a process of its own takes the time of each round; the house is the daemon's (link, inbox, engine, chained
journal, dispatch, `SimBroker` over a websocket), with its journal synced to the disk before an order leaves, and without that sync.
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.bench_decision import FREE, WARM
from bench.peers.growth import Flip
from bench.peers.rig import ACCOUNT, CONFIG
from bench.peers.table import IN_PROCESS, WIRE_50, WIRE_99
from bench.scene import Scene
from tradingd.app import house_of
from tradingd.backtest.disk import HastyDisk
from tradingd.config import load_text
from tradingd.core.events import Quote
from tradingd.core.facts import AnyFact, OrderIntended
from tradingd.core.pipeline import step
from tradingd.core.signals.strategy import Loaded
from tradingd.core.steps.send import refusal
from tradingd.core.types import Order
from tradingd.shell.env import FollowClock, RealEnv
from tradingd.shell.logs import set_up
from tradingd_adapters.sim import SimBroker, parse, render, wire
from tradingd_adapters.sim.settings import SimSettings

ROUNDS = 2_000
Row = tuple[str, float, str]


def run(rounds: int = ROUNDS) -> list[Row]:
    """Wall time, microseconds."""
    set_up(mode="bench", quiet=True, level="error")  # not where a test asks: what is set up stays
    stops = in_process(rounds)
    hasty, synced = (uvloop.run(loopback(rounds, synced=synced)) for synced in (False, True))
    return [
        (IN_PROCESS, _at(stops, 0.50), "us"),
        ("... p99", _at(stops, 0.99), "us"),
        (WIRE_50, _at(hasty, 0.50), "us"),
        (WIRE_99, _at(hasty, 0.99), "us"),
        ("... with the journal on the disk first, p50", _at(synced, 0.50), "us"),
        ("... with the journal on the disk first, p99", _at(synced, 0.99), "us"),
    ]


def _at(nanoseconds: list[int], share: float) -> float:
    return sorted(nanoseconds)[int(len(nanoseconds) * share)] / 1e3


def in_process(rounds: int) -> list[int]:
    """ns from the bytes of the quote that fires a stop to the bytes of the order that closes the position."""
    scene, took = Scene(), []
    gc.collect()
    gc.freeze()
    for i in range(WARM + rounds):
        symbol = FREE[i % len(FREE)]
        scene.enter(symbol)
        data = wire.encode(render.frame(scene.to_the_stop(symbol)))
        began = time.perf_counter_ns()
        facts, frame = answered(scene, data, i)
        took.append(time.perf_counter_ns() - began)
        assert frame, facts
        scene.answer(facts)
        scene.pause()
    gc.unfreeze()
    return took[WARM:]


def answered(scene: Scene, data: bytes, number: int) -> tuple[tuple[AnyFact, ...], bytes]:
    """What the bytes of a frame bring about, and the bytes of the order among it, b"" without one."""
    event = parse.event(parse.frame(data))
    assert isinstance(event, Quote)
    event.recv_ts = event.ts
    facts = step(scene.book, event, scene.rules)
    for fact in facts:
        if type(fact) is OrderIntended and refusal(scene.book, fact.order, scene.rules, now=event.ts, up=True) is None:
            return facts, wire.encode(_frame(fact.order, number))
    return facts, b""


def _frame(order: Order, number: int) -> wire.New:
    """As `SimBroker.submit` makes it."""
    return wire.New(
        req=number, client_id=order.order_id, symbol=order.symbol, side=order.side.value, kind=order.type.value,
        tif=order.tif.value, qty=order.qty, limit=order.limit, stop=order.stop, trail=order.trail, reduce_only=order.reduce_only,
    )  # fmt: skip


async def loopback(rounds: int, *, synced: bool) -> list[int]:
    """ns of each round at the venue, from the quote's write to the order read."""
    words = (sys.executable, "-m", "bench.loopback", "--rounds", str(rounds + WARM))
    venue = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, limit=1 << 26)
    assert venue.stdout is not None
    port = json.loads(await venue.stdout.readline())["port"]
    with tempfile.TemporaryDirectory(prefix="bench-wire-") as folder:
        took: list[int] = await _traded(f"ws://127.0.0.1:{port}/", Path(folder), venue.stdout, synced=synced)
    await venue.wait()
    return took[WARM:]


async def _traded(url: str, folder: Path, said: asyncio.StreamReader, *, synced: bool) -> list[int]:
    """A house trades there until the venue has told its figures."""
    clock = FollowClock()
    env = RealEnv(clock=clock, failpoint="", inline=not synced)
    if not synced:
        env.disk = HastyDisk()
    config = load_text(CONFIG.replace('mode = "paper"', 'mode = "demo"'), name="bench.toml").config
    broker = SimBroker(env, ACCOUNT, SimSettings(url=url))
    flip = Loaded(name="flip", module=Flip(), settings=Flip.Settings())
    house = house_of(env, config, folder, {ACCOUNT: broker}, instance="bench", build="0", strategies=(flip,))
    house.inbox.watch_time(clock.set)
    house.start("demo", "0", "0")
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.run(stopping, lambda: "the rounds are over"))
        line = await said.readline()
        stopping.set()
    await house.journal.close()
    await env.aclose()
    took: list[int] = json.loads(line)["ns"]
    return took
