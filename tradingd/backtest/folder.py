"""A run's folder: the sheet of its results and a real, chained journal, so that why, journal verify and tail work on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tradingd.core.book.book import Book
from tradingd.core.facts import AnyFact, DayClosed
from tradingd.lab.results.result import About, Result
from tradingd.lab.results.sheet import Sheet
from tradingd.lab.way_out import at_once
from tradingd.shell.env import RealEnv
from tradingd.shell.house import SNAPSHOT_SCHEMA
from tradingd.shell.journal import Genesis, open_journal
from tradingd.shell.journal import Settings as JournalSettings

GROUP = 1_000  # facts that may wait to be written
NUMBERED = "tradingd-backtest"


def fresh(base: Path) -> Path:
    """The next numbered folder under `base`, not made yet."""
    taken = [int(path.name) for path in base.iterdir() if path.name.isdigit()] if base.is_dir() else []
    return base / f"{max(taken, default=0) + 1:04d}"


class Folder:
    """directory: made; refused (ResultFault) when it is no empty folder. Takes facts by `record` once `book` is set."""

    def __init__(
        self, env: RealEnv, directory: Path, about: About, config: str, *, segment_bytes: int, page: bool = True
    ) -> None:
        self.directory = directory
        self._page = page
        self.book: Book | None = None
        self.on_day: Callable[[DayClosed], None] = lambda _: None
        self.sheet = Sheet(directory, about, config)
        genesis = Genesis(instance="backtest", nonce="0" * 32, build=about.build, config=about.config_hash)
        settings = JournalSettings(
            segment_bytes=segment_bytes, force=True, state_schema=SNAPSHOT_SCHEMA, reserve_bytes=1
        )
        self.journal, _ = open_journal(env, str(directory / "journal"), genesis, settings)

    def record(self, facts: tuple[AnyFact, ...]) -> None:
        """The facts of one step, already folded into the book."""
        self.journal.append(facts)
        self.sheet.take(facts)
        for fact in facts:
            if type(fact) is DayClosed:
                assert self.book is not None
                self.sheet.close(fact.ts, self.book)
                self.on_day(fact)
                at_once(self.journal.flush())
        if self.journal.pending >= GROUP:
            at_once(self.journal.flush())

    def close(self, state: Literal["complete", "partial"], why: str, notes: list[str]) -> Result:
        """What was recorded is written to its end, whatever it is."""
        at_once(self.journal.close())
        return self.sheet.finish(state, why, notes, self.journal.head, page=self._page)
