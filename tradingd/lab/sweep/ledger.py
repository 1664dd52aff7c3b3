"""The trials that are over, one line each, durable before the next is counted: `trials.jsonl`. Source: T4.

A line is whole or it is no line: what was torn by a death is cut off when the file is opened again, and the trial runs again.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tradingd.lab.sweep.faults import SweepFault
from tradingd.lab.sweep.outcome import Outcome
from tradingd.ports import Disk

FILE = "trials.jsonl"


class Ledger:
    """Held by one sweep at a time. directory: made when it is not there. Raises SweepFault when another sweep holds it, and naming
    the line when a whole line is none of ours. Use it in a `with`, or close it."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        disk.mkdir(str(directory))
        held = disk.lock(str(directory / ".lock"))
        if held is None:
            raise SweepFault(f"--out {directory}: another sweep is at work there")
        self._release = held
        self._path = directory / FILE
        try:
            self._file = disk.open_append(str(self._path))
            self.outcomes = self._learn(disk.read(str(self._path)))
            disk.sync_dir(str(directory))
        except BaseException:
            held()
            raise

    def add(self, outcome: Outcome) -> None:
        """Durable when it returns. The last line of a key counts."""
        self._file.append(msgspec.json.encode(outcome) + b"\n")
        self._file.sync()
        self.outcomes[outcome.key] = outcome

    def done(self, key: str) -> bool:
        """Whether this trial need not run: it ended, and not by failing."""
        return key in self.outcomes and self.outcomes[key].state == "done"

    def close(self) -> None:
        self._file.close()
        self._release()

    def _learn(self, data: bytes) -> dict[str, Outcome]:
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)
            self._file.sync()
        found: dict[str, Outcome] = {}
        for n, line in enumerate(data[:whole].splitlines(), 1):
            try:
                outcome = msgspec.json.decode(line, type=Outcome)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise SweepFault(f"{self._path}:{n}: {error}") from None
            found[outcome.key] = outcome
        return found
