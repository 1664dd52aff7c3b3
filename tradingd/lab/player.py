"""One life's books, stepped again from what its tape heard: the engine's way of an event, without a journal or a venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradingd.core.book.book import Book
from tradingd.core.events import Event, Quote
from tradingd.core.facts import AnyFact
from tradingd.core.inputs import Adopted, Began, Ended, Input, Learned
from tradingd.core.pipeline import step
from tradingd.core.rules import Rules
from tradingd.core.steps import tradables
from tradingd.core.types import AccountId

Adopt = Callable[[Mapping[AccountId, Rules], str], None]


class Player:
    """books, rules: as they were when the life began, in the order of its accounts.   adopt: puts a configuration in force."""

    def __init__(self, books: Mapping[AccountId, Book], rules: Mapping[AccountId, Rules], adopt: Adopt) -> None:
        self.books = books
        self.rules = rules
        self._adopt = adopt

    def play(self, heard: Input) -> tuple[AnyFact, ...]:
        """The facts it brings about, of all accounts, in the journal's order."""
        if isinstance(heard, Learned):
            book = self.books[heard.account]
            tradables.learn(book, heard.instruments, self.rules[heard.account])
            return book.take_facts()
        if isinstance(heard, Adopted):
            self._adopt(self.rules, heard.config)
            return ()
        if isinstance(heard, Began | Ended):
            return ()
        facts: tuple[AnyFact, ...] = ()
        for account in self.concerned(heard):
            facts += self.step_one(account, heard)
        return facts

    def step_one(self, account: AccountId, event: Event) -> tuple[AnyFact, ...]:
        """One account's."""
        return step(self.books[account], event, self.rules[account])

    def concerned(self, event: Event) -> tuple[AccountId, ...]:
        """Whose books an event goes to: the one it names, else all."""
        account = None if event.__class__ is Quote else getattr(event, "account", None)
        if account is None:
            return tuple(self.books)
        return (account,) if account in self.books else ()
