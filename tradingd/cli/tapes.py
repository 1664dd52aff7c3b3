"""The command line's reading of tapes: a life's books and rules as they were when it began, ready to be stepped again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tradingd.app import rules_of, strategies_of
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.records import journal_dir
from tradingd.config import Config, ConfigError, load_text
from tradingd.core.rules import Rules
from tradingd.core.types import AccountId
from tradingd.lab.parity import Entry, Parity, Verdict
from tradingd.lab.player import Player
from tradingd.lab.whatif import WhatIf
from tradingd.ports import Broken, Quirks
from tradingd.shell.env import RealDisk
from tradingd.shell.house import SNAPSHOT_SCHEMA, fold_books
from tradingd.shell.journal import Genesis, Recovery, head_at, payloads
from tradingd.shell.journal.segments import genesis_of, segments_of
from tradingd.shell.journal.snapshot import read_snapshots
from tradingd.shell.reload import adopt
from tradingd.shell.ticks.read import DIRECTORY, Life, Playback, lives

NONE = (
    "there is no tape in {}, and the journal holds no quotes, so that nothing can be decided again from it alone; "
    "[ticks] record = true keeps a tape from the daemon's next start on"
)


class Tapes:
    """The tapes of one state directory. Raises CliError 6 when there is no journal."""

    def __init__(self, state: Path) -> None:
        self.disk = RealDisk()
        self.journal = journal_dir(state)
        self.directory = str((state / DIRECTORY).absolute())
        self.genesis = self._genesis()

    def lives(self) -> list[Life]:
        """Whole ones, oldest first. CliError 6 when there is none."""
        try:
            found = lives(self.disk, self.directory, self.genesis.instance + self.genesis.nonce)
        except Broken as error:
            raise CliError(str(error), Exit.DISK) from None
        if not found:
            raise CliError(NONE.format(self.directory), Exit.NOT_FOUND)
        return found

    def player(self, life: Life, flags: Mapping[str, Any] | None = None) -> Player:
        """The books folded up to the life's beginning, under its configuration. flags: dotted key -> value, set on top of it.
        CliError 78 for a flag that is wrong, 1 for a journal that is not the tape's."""
        began = life.began
        if began.seq and head_at(self.disk, self.journal, began.seq) != began.head:
            raise CliError(f"record {began.seq} of the journal is not the one that the tape began after")
        config = config_of(began.config, flags)
        strategies = strategies_of(config)
        rules = {
            account: rules_of(
                config, config.accounts[account], strategies,
                Quirks(protective_stops=venue.protective, amend=venue.amend, reduce_only=venue.reduce_only),
            )
            for account, venue in began.venues.items()
        }  # fmt: skip
        currencies = {account: config.accounts[account].currency for account in rules}

        def put(rules: Mapping[AccountId, Rules], text: str) -> None:
            new = config_of(text, flags)
            for each in rules.values():
                adopt(each, new)

        return Player(fold_books(self._recovery(life), rules, currencies), rules, put)

    def entries(self, playback: Playback) -> Iterator[Entry]:
        for heard in playback:
            yield heard.at, heard.number, heard.input

    def parity(self, life: Life, *, before: int | None = None) -> Verdict:
        """Steps a life again and compares. before: ns, up to when."""
        seq = life.began.seq
        parity = Parity(self.player(life), payloads(self.disk, self.journal, after=seq), seq)
        playback = Playback(self.disk, self.directory, life)
        verdict = parity.compare(self.entries(playback), before=before)
        return parity.rest(verdict, ended=playback.ended, gap=playback.gap)

    def what_if(self, life: Life, flags: Mapping[str, Any], *, begin: int, before: int | None) -> tuple[WhatIf, str]:
        """A life beside itself under another configuration, and why the tape could not be followed further. begin, before: ns."""
        answer = WhatIf(self.player(life), self.player(life, flags))
        playback = Playback(self.disk, self.directory, life)
        answer.play(self.entries(playback), begin=begin, before=before)
        return answer, playback.gap

    def _genesis(self) -> Genesis:
        try:
            return genesis_of(self.disk, self.journal, segments_of(self.disk.listdir(self.journal)))
        except IndexError:
            raise CliError(f"there is no journal in {self.journal}", Exit.NOT_FOUND) from None
        except Broken as error:
            raise CliError(str(error)) from None

    def _recovery(self, life: Life) -> Recovery:
        """What a start found that found the journal as this one did."""
        began, disk = life.began, self.disk
        kept = read_snapshots(disk, self.journal, disk.listdir(self.journal), self.genesis.instance)
        usable = [s for s in kept if s.schema == SNAPSHOT_SCHEMA and s.seq <= began.seq]
        start = usable[0] if usable else None
        return Recovery(
            genesis=self.genesis, seq=began.seq, head=began.head, snapshot=start.state if start else None,
            snapshot_seq=start.seq if start else 0, cut_bytes=0, cut_records=0, cut_file="", created=False, disk=disk,
            directory=self.journal,
        )  # fmt: skip


def config_of(text: str, flags: Mapping[str, Any] | None = None) -> Config:
    """CliError 78 naming the key that is wrong."""
    try:
        return load_text(text, name="the recorded configuration", flags=flags).config
    except ConfigError as error:
        raise CliError(str(error), Exit.CONFIG) from None
