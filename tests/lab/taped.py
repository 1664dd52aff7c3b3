"""A test world whose events are kept, to be played again; and what two players make of them."""

from __future__ import annotations

from typing import Any

from tests.core.world import ACCOUNT, World, make_rules
from tradingd.core.book.book import Book
from tradingd.core.events import Event
from tradingd.core.facts import AnyFact
from tradingd.core.inputs import Learned
from tradingd.core.rules import Rules
from tradingd.lab.parity import Entry
from tradingd.lab.player import Player
from tradingd.lab.whatif import Differs, WhatIf


class Taped(World):
    """entries: all events so far, after what the venue lists."""

    def __init__(self, **settings: Any) -> None:
        self.entries: list[Entry] = []
        super().__init__(**settings)

    def step(self, event: Event) -> tuple[AnyFact, ...]:
        if not self.entries:
            listed = Learned(ts=event.ts, account=ACCOUNT, instruments=tuple(self.rules.instruments.values()))
            self.entries.append((1, 0, listed))
        at = len(self.entries)
        self.entries.append((at + 1, at, event))
        return super().step(event)

    def what_if(self, **changes: Any) -> WhatIf:
        """This world beside itself under other rules."""
        answer = WhatIf(player(self.rules), player(make_rules(**changes)))
        answer.play(self.entries)
        assert answer.was.books[ACCOUNT].dump() == self.book.dump(), "what was is what was"
        return answer


def player(rules: Rules) -> Player:
    return Player({ACCOUNT: Book(ACCOUNT)}, {ACCOUNT: rules}, lambda _rules, _text: None)


def kinds(answer: WhatIf) -> list[tuple[str, str]]:
    return [(each.kind, each.symbol) for each in answer.differs]


def one(answer: WhatIf) -> Differs:
    [found] = answer.differs
    return found
