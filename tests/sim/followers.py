"""One world twice: alone, and with people and programs that look on. The venue must see the same both times (I11).

`python -m tests.sim.followers SEED ...` prints a line of JSON for each. Callbacks take no time there, else each look would put off
all that comes after it by some microseconds; with `--cost` they take it, and the comparison must notice.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys

import msgspec

from tests.sim import loop
from tests.sim.menu import Fault
from tests.sim.plan import Plan, draw
from tests.sim.site import Life
from tests.sim.world import ALIVE, Result, World

SLOW_S = 1.7  # what the slow one takes to read a page
NEVER = 1 << 60
DESK = ("operator.page", "operator.reload", "operator.reload_bad")


class Compared(msgspec.Struct):
    """arrivals: messages the venue read when nobody looked.   first: the first that differs, None when all are the same.
    looks: pages that were built or waited for.   steps: callbacks alone, and with the others."""

    seed: int
    arrivals: int
    first: tuple[str, str] | None
    looks: int
    steps: tuple[int, int]
    violation: str = ""


class Watched(World):
    """On each life of the daemon hang one who reads slowly, one who waits for a page that never comes, and one who was told of a
    change and never looked."""

    looks = 0

    def opened(self, life: Life) -> None:
        super().opened(life)
        assert life.house is not None
        life.house.watcher()
        self.loop.spawn(life.host, self._slow(life), name="reads slowly")
        self.loop.spawn(life.host, self._stuck(life), name="waits for ever")

    async def _slow(self, life: Life) -> None:
        assert life.desk is not None
        while life.site.life is life:
            page = await life.desk.changed(life.desk.page().seq, 5.0)
            msgspec.json.encode(page)
            self.looks += 1
            await asyncio.sleep(SLOW_S)

    async def _stuck(self, life: Life) -> None:
        assert life.desk is not None
        await life.desk.changed(NEVER, 1e6)


def quiet(seed: int) -> Plan:
    """The world of that seed, callbacks in order, with nobody at the desk."""
    plan = draw(seed)
    faults = tuple(fault for fault in plan.faults if fault.kind not in DESK)
    return msgspec.structs.replace(plan, faults=faults, fifo=True)


def looked_at(plan: Plan) -> Plan:
    """The same, with the page built ten times a second from beginning to end."""
    page = Fault("operator.page", at=0.2, for_s=plan.seconds)
    return msgspec.structs.replace(plan, faults=(page, *plan.faults))


def compare(seed: int) -> Compared:
    plan = quiet(seed)
    alone, watched = World(plan), Watched(looked_at(plan))
    results = [_ran(alone), _ran(watched)]
    ours, theirs = arrivals(alone), arrivals(watched)
    differs = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), None)
    if differs is None and len(ours) != len(theirs):
        differs = (f"{len(ours)} arrivals", f"{len(theirs)} arrivals")
    broken = "; ".join(str(result.violation) for result in results if result.violation)
    steps = (results[0].steps, results[1].steps)
    return Compared(seed, len(ours), differs, watched.looks + watched.operator.pages, steps, broken)


def _ran(world: World) -> Result:
    ALIVE.append(world)
    return world.run()


def arrivals(world: World) -> list[str]:
    """What the venue read, in order: the moment to the microsecond, who, what, and its answer."""
    return [
        f"{a.t:.6f} {a.host} {a.session} {a.kind} {a.order_id} {a.content} {a.outcome} {a.late}"
        for a in world.venue.arrivals
    ]


def main(seeds: list[str]) -> None:
    gc.disable()
    if seeds[0] == "--cost":
        seeds = seeds[1:]
    else:
        loop.COST = 0.0
    for seed in seeds:
        print(msgspec.json.encode(compare(int(seed))).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
