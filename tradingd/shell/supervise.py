"""Supervision: every task has a name, a parent and a stated fate.

A body that raises Broken (or anything we did not foresee) takes the house down: the essential task is dead, so nothing may trade
on. A chore that loses its link is started again after a pause; cancellation is never swallowed. Source: B1, I8, STYLE B10.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from tradingd.ports import Env, LinkDown, VenueRefused

log = structlog.get_logger("tradingd")


async def essential(name: str, body: Callable[[], Awaitable[None]]) -> None:
    """Run a task the house cannot do without; whatever it raises rises. Its quiet end is a fault too."""
    await body()
    log.error("task.ended", task=name)
    raise RuntimeError(f"essential task {name} ended")


async def chore(env: Env, name: str, body: Callable[[], Awaitable[None]], *, pause_s: float = 1.0) -> None:
    """Run a periodic task; a lost link or a refusal ends this round only."""
    while True:
        try:
            await body()
        except (LinkDown, VenueRefused) as error:
            log.warning("task.paused", task=name, why=str(error))
        await env.clock.sleep(pause_s * 5 if env.sometimes("chore.late") else pause_s)
