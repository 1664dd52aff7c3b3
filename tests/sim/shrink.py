"""Makes a failing world smaller: a shorter run, fewer kinds of faults, fewer faults, callbacks in order; the same promise breaks.

Each stream of chance has its own purpose, so what is left out does not shift the rest. Source: RELIABILITY 4.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from tests.sim.plan import Plan

Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails, *, tries: int = 200) -> Plan:
    """The smallest plan found that still fails. `fails` runs one world."""
    left = tries
    improved = True
    while improved and left > 0:
        improved = False
        for smaller in _smaller(plan):
            left -= 1
            if fails(smaller):
                plan, improved = smaller, True
                break
            if left <= 0:
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Candidates, the boldest first."""
    replace = msgspec.structs.replace
    faults = plan.faults
    half = len(faults) // 2
    if half:
        yield replace(plan, faults=faults[:half])
        yield replace(plan, faults=faults[half:])
    for kind in sorted({fault.kind for fault in faults}):
        if any(fault.kind != kind for fault in faults):
            yield replace(plan, faults=tuple(fault for fault in faults if fault.kind != kind))
    for at in range(len(faults)):
        yield replace(plan, faults=faults[:at] + faults[at + 1 :])
    if not plan.fifo:
        yield replace(plan, fifo=True)
    last = max((fault.at + fault.for_s for fault in faults), default=0.0)
    if plan.calm - last > 6.0:
        calm = round(last + 5.0, 1)
        yield replace(plan, calm=calm, seconds=calm + 35.0)
    for room in plan.rooms:
        yield replace(plan, rooms=tuple(r for r in plan.rooms if r != room))
    if len(plan.minds) > 1:
        for mind in plan.minds:
            yield replace(plan, minds=tuple(m for m in plan.minds if m != mind))
