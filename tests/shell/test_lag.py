"""The loop is really stalled here."""

from __future__ import annotations

import asyncio
import threading
import time

from tradingd.shell.env import RealEnv
from tradingd.shell.lag import LagMonitor


def hang(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_turning_loop_is_alive_and_quiet() -> None:
    """I1: no alarm without a stall."""
    env = RealEnv(failpoint="")
    told: list[float] = []
    monitor = LagMonitor(env, warn_s=0.5, alert_s=1.0, beat_s=0.02, on_alert=lambda lag, _stack: told.append(lag))
    assert not monitor.alive(10)
    monitor.start()
    await asyncio.sleep(0.3)
    assert monitor.alive(0.5)
    assert (monitor.warns, monitor.alerts, told) == (0, 0, [])
    monitor.stop()
    assert not monitor.alive(10)
    await env.aclose()


async def test_a_stall_is_told_from_the_thread_with_the_loops_stack() -> None:
    """I1, T_stall: while it lasts, once, and naming the function that hangs."""
    env = RealEnv(failpoint="")
    told: list[tuple[float, str, str, bool]] = []
    warned: list[float] = []
    hanging = threading.Event()
    monitor = LagMonitor(
        env, warn_s=0.1, alert_s=0.2, beat_s=0.02, on_warn=warned.append,
        on_alert=lambda lag, stack: told.append((lag, stack, threading.current_thread().name, hanging.is_set())),
    )  # fmt: skip
    monitor.start()
    await asyncio.sleep(0.1)
    hanging.set()
    hang(0.7)
    alive_in_stall = monitor.alive(0.3)
    hanging.clear()
    await asyncio.sleep(0.1)
    monitor.stop()
    ((lag, stack, thread, while_hanging),) = told
    assert 0.2 < lag < 0.7
    assert "in hang" in stack
    assert thread == "loop-lag"
    assert while_hanging
    assert not alive_in_stall
    assert monitor.alerts == 1
    assert monitor.max_lag_s > 0.5
    assert max(warned) > 0.5
    assert monitor.take_peak() > 0.5
    await env.aclose()


async def test_a_short_stall_warns_without_alert() -> None:
    """I1: 100 ms is counted, nobody is called."""
    env = RealEnv(failpoint="")
    told: list[float] = []
    monitor = LagMonitor(env, warn_s=0.1, alert_s=5.0, beat_s=0.02, on_alert=lambda lag, _stack: told.append(lag))
    monitor.start()
    await asyncio.sleep(0.1)
    hang(0.3)
    await asyncio.sleep(0.1)
    monitor.stop()
    assert monitor.warns >= 1
    assert told == []
    await env.aclose()


async def test_stop_ends_the_thread() -> None:
    """I7: nothing is left behind."""
    env = RealEnv(failpoint="")
    monitor = LagMonitor(env)
    monitor.start()
    assert any(thread.name == "loop-lag" for thread in threading.enumerate())
    monitor.stop()
    monitor.stop()
    assert not any(thread.name == "loop-lag" for thread in threading.enumerate())
    await env.aclose()
