"""What this build comes to in random worlds, as one JSON document: `python -m tests.house.fingerprint`.

The core by itself, shown quotes as odd as a feed can send them, and whole backtests over random markets, dense and sparse.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np

from tests.core.world import World
from tests.lab.columns import ACCOUNT, BUYER, OBSERVED, Asked, Ran, Random, enter_orders, state_of
from tradingd.backtest.rig import replay_env, run_of
from tradingd.core.book.orders import Life
from tradingd.core.events import Action
from tradingd.core.facts import AnyFact
from tradingd.core.types import Leg, Money
from tradingd.demo.config import demo_config
from tradingd.shell.identity import build_hash, is_compiled
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.market import Item

CORES = 40
MARKETS = 16


def core_world(seed: int) -> tuple[list[AnyFact], Any]:
    """One account whose events are drawn: quotes, odd ones, ideas, answers of the venue, time."""
    rng = random.Random(seed)
    world = World(cash=rng.choice(["3000", "100000"]))
    symbols = list(world.rules.instruments)
    trail = []  # what stands between two facts too: equity is a running sum until something reads it
    for _ in range(250):
        symbol, what = rng.choice(symbols), rng.random()
        mid = world.mids[symbol]
        if what < 0.7:
            world.quote(symbol, round(mid * (1 + rng.gauss(0, 0.006)), 2), after=rng.choice([0.2, 1.0, 1.0, 40.0]))
        elif what < 0.8:
            bid, ask = (rng.choice([float("nan"), float("inf"), 0.0, -mid, mid, mid * 1.5]) for _ in range(2))
            world.raw(symbol, bid, ask, ts=rng.choice([None, world.now, world.now - 1]), seq=rng.randrange(3))
        elif what < 0.9:
            world.recommend(symbol, rng.choice([Action.BUY, Action.SELL]), rng.choice([0.6, 0.9]))
        else:
            world.timer()
        for working in world.book.open_orders():
            if working.life is Life.INTENDED:
                world.accept(working.order.order_id)
            elif working.order.leg is not Leg.PROTECT and rng.random() < 0.5:
                world.fill(working.order.order_id)
        market = world.book.markets[symbol]
        trail.append((world.book.equity, world.book.now, [repr(getattr(market, name)) for name in OBSERVED]))
    return world.facts, (world.book.dump(), world.book.quotes, trail)


class Finite:
    """A market without the quotes that are no numbers: the venue trades at what it shows."""

    def __init__(self, inner: Random) -> None:
        self._inner = inner
        self.instruments, self.history = inner.instruments, inner.history

    def items(self) -> Iterator[Item]:
        for item in self._inner.items():
            if not isinstance(item.what, Block):
                yield item
                continue
            block = item.what.part(np.isfinite(item.what.bid) & np.isfinite(item.what.ask))
            if len(block):
                yield Item(int(block.ts[0]), block)


def asked_of(seed: int) -> Asked:
    rng = random.Random(seed)
    return Asked(
        seed=seed, rows=rng.randrange(200, 2_500), wobble=rng.choice([2e-4, 1e-3, 5e-3]), gap=rng.choice([10_000_000, 10**9]),
        odd=rng.choice([0, 20, 200]), drift=rng.choice([0.0, -4e-4, 4e-4]), split=rng.random() < 0.3, orders=rng.randrange(12),
        digits=rng.choice([2, 4]),
    )  # fmt: skip


def market_world(asked: Asked, *, sparse: bool) -> Ran:
    """One backtest over a random market."""
    config = demo_config()
    env, clock = replay_env()
    exchange = Exchange(Finite(Random(asked)), {ACCOUNT: Money(config.accounts[ACCOUNT].capital)})
    told: list[AnyFact] = []
    run = run_of(env, clock, config, ACCOUNT, exchange, (BUYER,), record=told.extend, sparse=sparse)
    run.start("demo", "b", "c")
    enter_orders(exchange, asked)
    assert run.drive()
    run.finish("over")
    return Ran(told, run.book, exchange.records, run.events, exchange.quotes, exchange.quotes)


def fingerprint() -> dict[str, Any]:
    """counts: what happened at all, so that a world in which nothing does is seen."""
    cores, markets = sha256(), sha256()
    facts = 0
    kinds: set[str] = set()
    for seed in range(CORES):
        told, state = core_world(seed)
        facts += len(told)
        kinds.update(type(fact).__name__ for fact in told)
        cores.update(msgspec.json.encode(told) + repr(state).encode())
    for seed in range(MARKETS):
        one = market_world(asked_of(seed), sparse=seed % 4 == 3)
        facts += len(one.facts)
        kinds.update(type(fact).__name__ for fact in one.facts)
        markets.update(msgspec.json.encode(one.facts) + repr(state_of(one)).encode())
    return {
        "compiled": is_compiled(), "build": build_hash(), "cores": cores.hexdigest(), "markets": markets.hexdigest(),
        "facts": facts, "kinds": sorted(kinds),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(fingerprint()))
