"""The engine: drains the inbox, steps each event through the core, hands the facts to the journal. The only writer of books.

There is no await between an event and its facts. What the facts ask for happens elsewhere, after they are durable
(`shell/dispatch.py`); an event names its account, or, as a quote does, goes to every book that watches the instrument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradingd.core.book.book import Book
from tradingd.core.events import Command, Event, Quote, Recommendation
from tradingd.core.facts import AnyFact
from tradingd.core.pipeline import step
from tradingd.core.rules import Rules
from tradingd.core.types import NS, AccountId
from tradingd.ports import Broken, Env
from tradingd.shell.channels import Inbox
from tradingd.shell.journal import Journal

BURST = 1_000  # events taken before other tasks get a turn


class Engine:
    def __init__(
        self, env: Env, books: Mapping[AccountId, Book], rules: Mapping[AccountId, Rules], journal: Journal, inbox: Inbox,
        *, on_facts: Callable[[tuple[AnyFact, ...]], None], on_seconds: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        self.env = env
        self.books = books
        self.rules = rules
        self.journal = journal
        self.inbox = inbox
        self.broken: str | None = None
        self.ear: Callable[[], Callable[[Event], None]] | None = (
            None  # asked once a burst for who hears each event before its step
        )
        self._pairs = tuple((book, rules[account]) for account, book in books.items())
        self._on_facts = on_facts
        self._on_seconds = on_seconds  # told how long an event that is no quote took, when it had facts

    def pump(self, burst: int = BURST) -> int:
        """Step through what waits, at most `burst` events; the number taken. Raises Broken when the journal refuses.

        Whoever called (a chore, a page's request) may be the one that sees a step fail; from then on every call is Broken, the
        engine's own task included, so that a fault never stays with somebody who shrugs it off.
        """
        if self.broken is not None:
            raise Broken(self.broken)
        taken, event, done = 0, None, False
        hear = self.ear() if self.ear is not None else None
        try:
            while taken < burst and (event := self.inbox.take()) is not None:
                taken += 1
                if hear is not None:
                    hear(event)
                self.feed(event)
            done = True
        finally:
            if not done:
                self.broken = (
                    f"the step for {type(event).__name__} failed: {self.journal.broken or 'see the error before this'}"
                )
                self.inbox.alarm()
        return taken

    def feed(self, event: Event) -> None:
        """One event through every book it concerns."""
        if event.__class__ is Quote:
            for book, rules in self._pairs:
                facts = step(book, event, rules)
                if facts:
                    self._commit(facts)
            return
        began, decided = self.env.clock.mono(), False
        for book, rules in self._concerned(event):
            facts = step(book, event, rules)
            if facts:
                decided = True
                self._commit(facts)
        if decided and self._on_seconds is not None:
            self._on_seconds((self.env.clock.mono() - began) / NS)

    def _concerned(self, event: Event) -> tuple[tuple[Book, Rules], ...]:
        account = getattr(event, "account", None)
        if account is None:
            return self._pairs
        book = self.books.get(account)
        if book is None:
            assert isinstance(event, Recommendation | Command), f"{type(event).__name__} for unknown account {account}"
            return ()
        return ((book, self.rules[account]),)

    def _commit(self, facts: tuple[AnyFact, ...]) -> None:
        self.env.failpoint("K0")
        self.journal.append(facts)
        self._on_facts(facts)

    async def run(self) -> None:
        """Live: step whenever something waits; give other tasks a turn after each burst."""
        while True:
            await self.inbox.ready()
            self.pump(1 if self.env.sometimes("engine.takes_one") else BURST)
            await self.env.clock.sleep(0)
