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
import msgspec

from tradingd.core.events import Alarm
from tradingd.core.steps.clockwork import main_calendar
from tradingd.core.types import NS
from tradingd.shell.house import House
from tradingd.shell.logs import log

LOOK_S = 60.0
AFTER_CLOSE_NS = 1_800 * NS
PATIENCE_S = 6 * 3600.0
EQUAL, DIFFERS, CANNOT = 0, 1, 2  # what came of it, by the command's own report; how it ended alone proves nothing
KILLED_S = 30.0  # a killed child may still stand in the disk
TEXT_MAX = 1_500
NICE = "nice"

Check = Callable[[], Awaitable[tuple[int, str]]]  # (EQUAL, DIFFERS or anything else, in words)


class _Difference(msgspec.Struct):
    seq: int
    event: str
    journaled: str
    replayed: str


class _Verdict(msgspec.Struct):
    first: int
    last: int
    until: str
    difference: _Difference | None


class _Row(msgspec.Struct):
    """What `tradingd parity --json` says of a run, as far as it matters here."""

    verdict: _Verdict


_rows = msgspec.json.Decoder(list[_Row])


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
        command = [sys.executable, "-m", "tradingd", "parity", "--json", "--dir", directory]
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
                with anyio.move_on_after(KILLED_S, shield=True):
                    await process.wait()
        return outcome(process.returncode, out, err.decode(errors="replace").strip())

    return check


def outcome(code: int | None, out: bytes, err: str) -> tuple[int, str]:
    """What the command found. One that fell over, and one that had to stop at a gap of the tape, proved nothing."""
    try:
        verdicts = [row.verdict for row in _rows.decode(out)]
    except msgspec.DecodeError:
        verdicts = []
    if not verdicts:
        return CANNOT, err or f"it ended with {code} and said nothing"
    for verdict in verdicts:
        if (found := verdict.difference) is not None:
            ours, replayed = found.journaled or "nothing", found.replayed or "nothing"
            return DIFFERS, f"record {found.seq}, by event {found.event}: {ours}; replayed: {replayed}"
    records = f"records {verdicts[0].first} to {verdicts[-1].last}"
    for verdict in verdicts:
        if verdict.until:
            return CANNOT, f"{records} are equal, but the tape goes no further than {verdict.until}"
    return EQUAL, records
