"""A recorded life once more under another configuration, beside itself as it was: which decisions differ? Source: T3.

Both hear the same entries in the same order. What the venue said of an order goes to the other one too while that one has sent the
same order at the same moment, whatever its number; once it is cancelled or changed in one of them only, and for orders that were
never sent, the stand-in answers. Positions and cash that the venue told are shifted by what the two differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from tradingd.core.events import Event, Quote
from tradingd.core.facts import AnyFact, Decided
from tradingd.core.inputs import Input, Told
from tradingd.core.types import AccountId
from tradingd.core.views.why import explain
from tradingd.lab.parity import Entry
from tradingd.lab.player import Player
from tradingd.lab.standin import Answer, Standin
from tradingd.lab.twin import Twin

Kind = Literal["absent", "new", "verdict", "size", "levels"]
ANSWERS_MAX = 1_000  # of one entry: more is a circle


class Differs(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that differs. kind: absent or new under the other configuration; another verdict, size, or stop and target.
    why_was, why_would: the chains in words, () where there is none."""

    ts: int
    account: AccountId
    symbol: str
    kind: Kind
    was: str
    would: str
    why_was: tuple[str, ...]
    why_would: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One account at the end, as it was and as it would be."""

    account: AccountId
    equity_was: float
    equity_would: float
    realised_was: Decimal
    realised_would: Decimal
    decisions_was: int
    decisions_would: int


class WhatIf:
    """was, would: the life under its own and under the other configuration, both not yet played. stood_in: fills that the stand-in
    made, figures of how much of the answer is recorded."""

    def __init__(self, was: Player, would: Player) -> None:
        self.was = was
        self.would = would
        self.differs: list[Differs] = []
        self.entries = 0
        self._decisions = {account: [0, 0] for account in was.books}
        self._twins = {
            account: Twin(was.books[account], would.books[account], Standin(would.books[account], would.rules[account]))
            for account in was.books
        }

    @property
    def stood_in(self) -> int:
        return sum(twin.standin.fills for twin in self._twins.values())

    def play(self, entries: Iterable[Entry], *, begin: int = 0, before: int | None = None) -> None:
        """begin, before: ns, decisions outside are played and not compared; nothing after `before` is played."""
        for _, _, heard in entries:
            if before is not None and heard.ts >= before:
                return
            self.entries += 1
            shown = self._shown(heard)  # told by both as they are before the step
            mine = self.was.play(heard)
            yours = self._other(heard, shown, mine)
            if mine or yours:
                self._compare(mine, yours, heard.ts >= begin)

    def outcomes(self) -> list[Outcome]:
        return [
            Outcome(
                account=account, equity_was=was.equity, equity_would=would.equity, realised_was=was.booked.realised,
                realised_would=would.booked.realised, decisions_was=self._decisions[account][0],
                decisions_would=self._decisions[account][1],
            )
            for (account, was), would in zip(self.was.books.items(), self.would.books.values(), strict=True)
        ]  # fmt: skip

    def _shown(self, heard: Input) -> list[tuple[AccountId, Event]]:
        """What the accounts under the other configuration hear of an entry that is no quote."""
        if isinstance(heard, Told) or heard.__class__ is Quote:
            return []
        found = [(account, self._twins[account].translate(heard)) for account in self.would.concerned(heard)]
        return [(account, event) for account, event in found if event is not None]

    def _other(
        self, heard: Input, shown: list[tuple[AccountId, Event]], mine: tuple[AnyFact, ...]
    ) -> tuple[AnyFact, ...]:  # fmt: skip
        """The entry under the other configuration, with all that the stand-in says to it."""
        if isinstance(heard, Told):
            return self.would.play(heard)
        waiting: list[Answer] = []
        if isinstance(heard, Quote):
            facts = self.would.play(heard)
            for twin in self._twins.values():
                waiting += twin.look(heard)
        else:
            facts = ()
            for account, event in shown:
                facts += self.would.step_one(account, event)
        for account, twin in self._twins.items() if mine or facts else ():
            own = tuple(fact for fact in facts if fact.account == account)
            waiting += twin.pair(own, tuple(fact for fact in mine if fact.account == account), heard.ts)
        return facts + self._answer(waiting, heard.ts) if waiting else facts

    def _answer(self, waiting: list[Answer], now: int) -> tuple[AnyFact, ...]:
        facts: tuple[AnyFact, ...] = ()
        for _ in range(ANSWERS_MAX):
            if not waiting:
                return facts
            event = waiting.pop(0)
            twin = self._twins[event.account]
            new = self.would.step_one(event.account, twin.numbered(event))
            facts += new
            waiting += twin.pair(new, (), now)
        raise AssertionError(f"the stand-in and the core answer each other for ever: {waiting[:1]}")

    def _compare(self, mine: tuple[AnyFact, ...], yours: tuple[AnyFact, ...], show: bool) -> None:
        was = [fact for fact in mine if isinstance(fact, Decided)]
        would = [fact for fact in yours if isinstance(fact, Decided)]
        for fact in was:
            self._decisions[fact.account][0] += 1
        for fact in would:
            self._decisions[fact.account][1] += 1
        if not show:
            return
        for fact in was:
            same = [other for other in would if _about(other) == _about(fact)]
            other = same[0] if same else None
            if other is not None:
                would.remove(other)
            kind = _kind(fact, other)
            if kind is not None:
                self.differs.append(_differs(kind, fact, other, mine, yours))
        for fact in would:
            self.differs.append(_differs("new", None, fact, mine, yours))


def _about(decided: Decided) -> tuple[object, ...]:
    return decided.account, decided.kind, decided.symbol, decided.side, decided.source


def _kind(was: Decided, would: Decided | None) -> Kind | None:
    if would is None:
        return "absent"
    if (was.outcome, was.headline) != (would.outcome, would.headline):
        return "verdict"
    if was.qty != would.qty or was.tranches != would.tranches:
        return "size"
    return "levels" if (was.stop, was.target) != (would.stop, would.target) else None


def _differs(
    kind: Kind, was: Decided | None, would: Decided | None, mine: tuple[AnyFact, ...], yours: tuple[AnyFact, ...]
) -> Differs:  # fmt: skip
    one = was if was is not None else would
    assert one is not None
    return Differs(
        ts=one.ts, account=one.account, symbol=one.symbol, kind=kind, was=_id(was), would=_id(would), why_was=_chain(was, mine),
        why_would=_chain(would, yours),
    )  # fmt: skip


def _id(decided: Decided | None) -> str:
    return decided.decision_id if decided is not None else ""


def _chain(decided: Decided | None, facts: tuple[AnyFact, ...]) -> tuple[str, ...]:
    if decided is None:
        return ()
    return tuple(explain(decided.decision_id, [fact for fact in facts if fact.account == decided.account]))
