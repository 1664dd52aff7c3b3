"""Watches from a thread that the event loop turns, and says where it hangs when it does not. Source: I1, T_stall."""

from __future__ import annotations

import asyncio
import sys
import threading  # sim-ok: the monitor must see a stalled loop
import traceback
from collections.abc import Callable

from tradingd.core.types import NS
from tradingd.ports import Env

Alarm = Callable[[float, str], None]


class LagMonitor:
    """Loop lag, measured by a beat on the loop and by a thread beside it.

    The beat is a loop callback each `beat_s`; how late it comes is the lag, exactly, also when the thread could not run
    (a C function held the interpreter). The thread sees a stall while it lasts: above `alert_s` it calls `on_alert(lag in
    seconds, the loop thread's stack)` once a stall, in the monitor's thread. on_warn: called on the loop, after a lag above
    `warn_s`.   max_lag_s: the longest so far, a running stall included.
    """

    def __init__(
        self, env: Env, *, warn_s: float = 0.1, alert_s: float = 1.0, beat_s: float = 0.05,
        on_alert: Alarm | None = None, on_warn: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        self._mono = env.clock.mono
        self._warn_s = warn_s
        self._alert_s = alert_s
        self._beat_s = beat_s
        self._on_alert = on_alert
        self._on_warn = on_warn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._loop_thread = 0
        self._last = self._mono()
        self._beats = 0
        self._alerted_at = -1
        self._peak = 0.0
        self.max_lag_s = 0.0
        self.warns = 0
        self.alerts = 0

    def start(self) -> None:
        """Begin; call on the running loop, which is the one that is watched."""
        assert self._thread is None, "started twice"
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._last = self._mono()
        self._handle = self._loop.call_later(self._beat_s, self._beat)
        self._thread = threading.Thread(target=self._watch, name="loop-lag", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the beat and the thread; safe to call twice."""
        self._stop.set()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._thread is not None:
            self._thread.join(timeout=5.0)
            self._thread = None

    def alive(self, within_s: float) -> bool:
        """The loop turned within that time. False before start and after stop."""
        return self._handle is not None and (self._mono() - self._last) / NS <= within_s

    def take_peak(self) -> float:
        """The longest lag since this was last asked, for a gauge."""
        peak, self._peak = max(self._peak, self._lag()), 0.0
        return peak

    def _lag(self) -> float:
        return max(0.0, (self._mono() - self._last) / NS - self._beat_s)

    def _beat(self) -> None:
        lag = self._lag()
        self._note(lag)
        self._last = self._mono()
        self._beats += 1
        if lag > self._warn_s:
            self.warns += 1
            if self._on_warn is not None:
                self._on_warn(lag)
        if self._loop is not None and not self._stop.is_set():
            self._handle = self._loop.call_later(self._beat_s, self._beat)

    def _note(self, lag: float) -> None:
        self.max_lag_s = max(self.max_lag_s, lag)
        self._peak = max(self._peak, lag)

    def _watch(self) -> None:
        """The thread: looks often enough that a stall is told within a tenth of the alert time."""
        while not self._stop.wait(min(self._beat_s, self._alert_s / 10)):
            beats, lag = self._beats, self._lag()
            if lag <= self._alert_s or beats == self._alerted_at:
                continue
            self._alerted_at = beats
            self.alerts += 1
            self._note(lag)
            if self._on_alert is not None:
                self._on_alert(lag, self._stack())

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the documented way to another thread's stack
        return "".join(traceback.format_stack(frame)) if frame is not None else "the loop's thread has ended"
