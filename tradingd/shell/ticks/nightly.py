"""Each night the tape is stepped again beside the daemon, and a difference from the journal is paged (T1).

The replay runs in a process of its own at the lowest priority, from half an hour after the exchange's close; what it found is
journaled as an alert: a difference pages, a check that could not be made is told, equality is for the record.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable

import anyio

from tradingd.core.events import Alarm
from tradingd.core.steps.clockwork import main_calendar
from tradingd.core.types import NS
from tradingd.shell.house import House
from tradingd.shell.logs import log

LOOK_S = 60.0
AFTER_CLOSE_NS = 1_800 * NS
PATIENCE_S = 6 * 3600.0
EQUAL, DIFFERS = 0, 1  # how `tradingd parity` ends; anything else: it could not be made
TEXT_MAX = 1_500
NICE = "nice"

Check = Callable[[], Awaitable[tuple[int, str]]]  # (exit code, what it said)


class Nightly:
    """A chore of the house. check: makes the comparison."""

    def __init__(self, house: House, check: Check) -> None:
        self._house = house
        self._check = check
        self._done = self._closed(house.env.clock.wall())

    async def look(self) -> None:
        """Once after each close."""
        closed = self._closed(self._house.env.clock.wall())
        if closed == self._done:
            return
        self._done = closed
        code, said = await self._check()
        if code in (EQUAL, DIFFERS):
            self._house.metrics.parity(equal=code == EQUAL)
        level, name, text = _words(code, said)
        log.info("parity.checked", code=code, session=closed)
        account = next(iter(self._house.members), None)
        self._house.offer(
            Alarm(ts=self._house.env.clock.wall(), level=level, code=name, text=text[:TEXT_MAX], account=account)
        )

    def _closed(self, now: int) -> str:
        """The date of the last session that is over for long enough, "" without a calendar."""
        for member in self._house.members.values():
            table = main_calendar(member.rules)
            session = table.previous_before(now - AFTER_CLOSE_NS) if table is not None else None
            return session.date if session is not None else ""
        return ""


def _words(code: int, said: str) -> tuple[str, str, str]:
    if code == EQUAL:
        return "log", "parity_equal", f"the tape replays to the journal's facts: {said}"
    if code == DIFFERS:
        return (
            "page",
            "parity_difference",
            f"the tape does not replay to the journal's facts; see tradingd parity: {said}",
        )
    return (
        "tell",
        "parity_not_checked",
        f"the tape could not be compared with the journal: {said or f'it ended with {code}'}",
    )


def parity_of(directory: str) -> Check:
    """`tradingd parity` on a state directory, as a process of its own."""

    async def check() -> tuple[int, str]:
        command = [sys.executable, "-m", "tradingd", "parity", "--dir", directory]
        try:
            process = await asyncio.create_subprocess_exec(
                NICE, "-n", "19", *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
            )
        except OSError as error:
            return -1, f"it cannot be started: {error}"
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        except TimeoutError:
            return -1, f"it took more than {PATIENCE_S / 3600:.0f} hours"
        finally:
            if process.returncode is None:
                process.kill()
                with anyio.CancelScope(shield=True):
                    await process.wait()
        return process.returncode or 0, (out or err).decode(errors="replace").strip()

    return check
