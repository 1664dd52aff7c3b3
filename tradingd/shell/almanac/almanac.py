"""Reads the operator's files when they changed, tells the accounts what concerns them, and names each line that is wrong.

A file that is not there, cannot be read or has no header is told once; what was read before stays in force. Files are read on the
writer's thread; they belong on a local disk. Format: docs/guide/files.md. Source: E3, E7, F9, T2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePath
from typing import TypeVar

import msgspec

from tradingd.config.model import FilesSettings
from tradingd.core.book.book import Book
from tradingd.core.events import Bar, DividendDue, EarningsSeen, Event, Split
from tradingd.core.plans.earnings import DATES_MAX
from tradingd.core.rules import Rules
from tradingd.core.signals.bars import date_of
from tradingd.core.types import AccountId, Symbol
from tradingd.ports import Env
from tradingd.shell.almanac import past, rows
from tradingd.shell.almanac.due import due
from tradingd.shell.almanac.rows import Action, Earning, Fault
from tradingd.shell.logs import log

LOOK_S = 60.0
TOLD_MAX = 20  # bad lines of one file that are named one by one
KEPT = timedelta(days=7)  # how long a date that is past is still told
AROUND = timedelta(days=31)  # actions further away are not looked at

Row = TypeVar("Row")
Parse = Callable[[bytes], tuple[list[Row], list[Fault]]]


class Account(msgspec.Struct, frozen=True):
    """tells: its broker tells splits and dividends itself."""

    book: Book
    rules: Rules
    tells: bool


class Almanac:
    """base: the directory relative names are meant from.   offer: where events go in.   All methods are called on the loop."""

    def __init__(
        self, env: Env, files: FilesSettings, base: str, offer: Callable[[Event], None],
        accounts: Mapping[AccountId, Account],
    ) -> None:  # fmt: skip
        self.env = env
        self.accounts = accounts
        self._offer = offer
        self._paths = {
            name: str(PurePath(base, value)) for name in ("earnings", "actions") if (value := getattr(files, name))
        }
        self._folder = PurePath(base, files.history) if files.history else None
        self._read: dict[str, bytes | str] = {}  # path -> its bytes, or why there are none, when last looked
        self._dates: dict[Symbol, list[str]] | None = None  # None until the file could be read
        self._sources: dict[Symbol, str] = {}
        self._actions: list[Action] = []
        self._offered: dict[tuple[AccountId, Symbol], tuple[str, ...]] = {}
        self._learned: dict[AccountId, int] = {}

    # reading --------------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """The chore: read what changed, tell what follows from it and from the time."""
        await self._refresh()
        self._tell()

    def reread(self) -> None:
        """The same at once, for an operator who asked for it."""
        self._take(self._fetch())
        self._tell()

    async def _refresh(self) -> None:
        if self._paths:
            self._take(await self.env.blocking(self._fetch))

    def _fetch(self) -> dict[str, bytes | str]:
        found: dict[str, bytes | str] = {}
        for name, path in self._paths.items():
            try:
                found[name] = self.env.disk.read(path)
            except OSError as error:
                found[name] = error.strerror or str(error)
        return found

    def _take(self, found: Mapping[str, bytes | str]) -> None:
        changed = {name: data for name, data in found.items() if self._read.get(name) != data}
        self._read.update(changed)
        if (dates := self._parsed("earnings", changed, rows.earnings)) is not None:
            self._dates, self._sources = _by_symbol(dates)
        if (actions := self._parsed("actions", changed, rows.actions)) is not None:
            self._actions = actions

    def _parsed(self, name: str, changed: Mapping[str, bytes | str], parse: Parse[Row]) -> list[Row] | None:
        """The rows of a file that changed; None when it did not, or nothing of it can be used."""
        data = changed.get(name)
        if data is None:
            return None
        if isinstance(data, str):
            log.warning("file.unreadable", file=self._paths[name], why=data)
            return None
        found, faults = parse(data)
        _complain(self._paths[name], faults)
        if faults and faults[0].line == 1:
            return None
        log.info("file.read", file=self._paths[name], lines=len(found), bad=len(faults))
        return found

    # telling --------------------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        for account, each in self.accounts.items():
            if each.rules.instruments:
                self._tell_earnings(account)
            if each.book.booked.link_up:  # while it is down, the next login puts them among the fills that were missed
                for event in self._due(account):
                    self._offer(event)

    def introduce(self, account: AccountId) -> None:
        """The account's instruments are known now, and its bars come next."""
        self._learned.setdefault(account, self.env.clock.wall())
        self._tell_earnings(account)

    async def overdue(self, account: AccountId) -> list[Split | DividendDue]:
        """At a login: the actions that took effect while nobody listened, each with its time, so that it finds its place among the
        fills."""
        await self._refresh()
        return self._due(account)

    def _tell_earnings(self, account: AccountId) -> None:
        """The file is the whole truth: what it does not hold any more is taken back."""
        if self._dates is None:
            return
        each, now = self.accounts[account], self.env.clock.wall()
        since = (date.fromisoformat(date_of(now)) - KEPT).isoformat()
        booked = each.book.booked
        for symbol in sorted({*self._dates, *booked.earnings}):
            if symbol not in each.rules.instruments and symbol not in booked.positions:
                continue
            want = tuple([day for day in self._dates.get(symbol, ()) if day >= since][:DATES_MAX])
            if want in (booked.earnings.get(symbol, ()), self._offered.get((account, symbol))):
                continue
            self._offered[account, symbol] = want
            source = self._sources.get(symbol, "file")
            self._offer(EarningsSeen(ts=now, symbol=symbol, dates=want, source=source, account=account))

    def _due(self, account: AccountId) -> list[Split | DividendDue]:
        each, now = self.accounts[account], self.env.clock.wall()
        if each.tells:
            return []
        today = date.fromisoformat(date_of(now))
        first, last = (today - AROUND).isoformat(), (today + AROUND).isoformat()
        near = [action for action in self._actions if first <= action.ex_date <= last]
        return due(near, each.book, each.rules, now=now, learned=self._learned.get(account))

    # the past -------------------------------------------------------------------------------------------------------------

    async def history(self, rules: Rules, symbol: Symbol, bars: Sequence[Bar], most: int) -> Sequence[Bar]:
        """The broker's daily bars with the file's where the broker has none, the last `most`, oldest first."""
        instrument = rules.instruments[symbol]
        table = rules.calendar(instrument)
        if self._folder is None or table is None:
            return bars
        path = str(self._folder / f"{symbol.replace('/', '_')}.csv")
        try:
            data = await self.env.blocking(lambda: self.env.disk.read(path))
        except FileNotFoundError:
            return bars
        except OSError as error:
            log.warning("file.unreadable", file=path, why=error.strerror or str(error))
            return bars
        days, faults = rows.history(data)
        splits = [action for action in self._actions if action.symbol == symbol and action.kind == "split"]
        own, closed = past.bars(symbol, days, table, splits, self.env.clock.wall())
        _complain(path, [*faults, *closed])
        return past.merged(bars, own, table)[-most:]


def _by_symbol(found: Sequence[Earning]) -> tuple[dict[Symbol, list[str]], dict[Symbol, str]]:
    """Dates in order, and where each symbol's come from."""
    dates: dict[Symbol, set[str]] = {}
    sources: dict[Symbol, dict[str, None]] = {}
    for earning in found:
        dates.setdefault(earning.symbol, set()).add(earning.date)
        word = (earning.source or "file") + ("" if earning.confirmed else " (not confirmed)")
        sources.setdefault(earning.symbol, {})[word] = None
    return {symbol: sorted(days) for symbol, days in dates.items()}, {
        s: "; ".join(words) for s, words in sources.items()
    }


def _complain(path: str, faults: Sequence[Fault]) -> None:
    for fault in faults[:TOLD_MAX]:
        log.warning("file.bad_line", file=path, line=fault.line, field=fault.field, why=fault.why)
    if len(faults) > TOLD_MAX:
        log.warning("file.bad_lines", file=path, more=len(faults) - TOLD_MAX)
