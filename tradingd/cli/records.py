"""The command line's reading of the journal's files: the one module that knows how the journal is asked. It never writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from tradingd.cli.exits import CliError
from tradingd.core.facts import Fact
from tradingd.ports import Broken
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import Report, export, export_line, scan, tail, verify

JOURNAL = "journal"  # the journal's directory inside the state directory


class _Seq(msgspec.Struct):
    seq: int


_seq = msgspec.json.Decoder(_Seq)


def journal_dir(state: Path) -> str:
    """Where the segments lie: in the state directory's own folder for them, or in the directory itself."""
    inner = state / JOURNAL
    return str((inner if inner.is_dir() else state).absolute())


def has_journal(state: Path) -> bool:
    return any(Path(journal_dir(state)).glob("journal-*.jsonl"))


def inspect(state: Path) -> Report:
    """Every record checked. Raises CliError when it cannot be read at all."""
    try:
        return verify(RealDisk(), journal_dir(state))
    except (Broken, OSError) as exc:
        raise CliError(f"the journal cannot be read: {exc}") from None


def find(state: Path, needles: Sequence[bytes]) -> list[tuple[int, Fact]]:
    """(sequence, fact) of the records that contain a needle. Raises CliError for a damaged one."""
    try:
        return list(scan(RealDisk(), journal_dir(state), needles))
    except (Broken, OSError) as exc:
        raise CliError(f"the journal cannot be read: {exc}") from None


class Facts:
    """The end of the journal, and what comes after it, as exported lines."""

    def __init__(self, state: Path) -> None:
        self._directory = journal_dir(state)
        self._seq = 0

    def last(self, count: int) -> list[str]:
        """The last `count` facts, oldest first; from here on `new` goes on."""
        lines = [export_line(line) for line in tail(RealDisk(), self._directory, max(count, 1))]
        if lines:
            self._seq = _seq.decode(lines[-1]).seq
        return [line.decode() for line in lines[-count:]] if count else []

    def new(self) -> Iterator[str]:
        for line in export(RealDisk(), self._directory, after=self._seq):
            self._seq = _seq.decode(line).seq
            yield line.decode()


def fs_kind(path: Path) -> str:
    """ "local", or the kind of a file system that is no place for a journal (B17)."""
    return RealDisk().fs_kind(str(path))


def last_session() -> str:
    """ISO date of the last session the shipped session table knows; "" when there is no table."""
    try:
        text = (files("tradingd") / "data" / "sessions_XNYS.csv").read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError):
        return ""
    return text.rstrip().rpartition("\n")[2].partition(",")[0]


def export_lines(state: Path) -> Iterator[str]:
    try:
        for line in export(RealDisk(), journal_dir(state)):
            yield line.decode()
    except (Broken, OSError, msgspec.DecodeError) as exc:
        raise CliError(f"the journal cannot be read: {exc}") from None
