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

from tradingd.core.book.book import Book
from tradingd.core.events import (
    AccountSeen,
    Command,
    Dividend,
    Event,
    FillSeen,
    OrderEvent,
    PositionsSeen,
    Quote,
)  # fmt: skip
from tradingd.core.facts import AnyFact, CancelIntended, Decided, OrderIntended, ReplaceIntended
from tradingd.core.inputs import Input, Told
from tradingd.core.types import ZERO, AccountId, DecisionId, Money, Order, OrderId, Qty
from tradingd.core.views.why import explain
from tradingd.lab.parity import Entry
from tradingd.lab.player import Player
from tradingd.lab.standin import Answer, Standin

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


class Twin:
    """One account as it was and as it would be: which orders are the same in both, and what its venue would say to the other."""

    def __init__(self, was: Book, would: Book, standin: Standin) -> None:
        self.standin = standin
        self._was = was
        self._would = would
        self._ours: dict[OrderId, OrderId] = {order_id: order_id for order_id in was.booked.orders}  # recorded -> other
        self._cursors: dict[int, int] = {}
        self._cursor = would.booked.fill_cursor

    def look(self, quote: Quote) -> list[Answer]:
        market = self._would.markets.get(quote.symbol)
        believed = market is not None and market.ts == quote.ts
        return self.standin.look(quote.symbol, quote.ts) if believed else []

    def translate(self, event: Event) -> Event | None:
        """What the other one hears, None for what it does not."""
        match event:
            case FillSeen():
                return self._fill(event)
            case OrderEvent():
                ours = self._ours.get(event.order_id)
                return msgspec.structs.replace(event, order_id=ours) if ours is not None else None
            case PositionsSeen():
                return self._positions(event)
            case AccountSeen():
                off = self._would.booked.cash - self._was.booked.cash
                return msgspec.structs.replace(event, cash=Money(event.cash + off), equity=Money(event.equity + off))
            case Dividend():
                return self._dividend(event)
            case Command(order_id=str(order_id)):
                ours = self._ours.get(order_id)
                return msgspec.structs.replace(event, order_id=ours) if ours is not None else None
            case _:
                return event

    def numbered(self, event: Answer) -> Answer:
        """A fill of the stand-in takes the account's next number, where the venue numbers them."""
        if not isinstance(event, FillSeen) or not (self._cursors or self._cursor):
            return event
        self._cursor += 1
        return msgspec.structs.replace(event, cursor=self._cursor)

    def pair(self, yours: tuple[AnyFact, ...], mine: tuple[AnyFact, ...], now: int) -> list[Answer]:
        """Which orders, cancels and changes of one step are the same in both; the stand-in's answers to those that are not."""
        answers: list[Answer] = []
        sent = [fact.order for fact in mine if isinstance(fact, OrderIntended)]
        asked = {_asked(fact, self._ours) for fact in mine if isinstance(fact, CancelIntended | ReplaceIntended)}
        for fact in yours:
            if isinstance(fact, OrderIntended):
                twin = next((order for order in sent if _content(order) == _content(fact.order)), None)
                if twin is None:
                    answers += self.standin.submit(fact.order, now)
                else:
                    sent.remove(twin)
                    self._ours[twin.order_id] = fact.order.order_id
            elif isinstance(fact, CancelIntended | ReplaceIntended):
                answers += self._ask(fact, asked, now)
        for order_id in [
            each[0] for each in asked if each[0] is not None
        ]:  # asked of the recorded one only: the other goes on without it
            answers += self._part(order_id, now)
        return answers

    def _ask(self, fact: CancelIntended | ReplaceIntended, asked: set[tuple[object, ...]], now: int) -> list[Answer]:
        key = _asked(fact, None)
        if key in asked:
            asked.discard(key)
            return []
        answers = self._part(fact.order_id, now)
        if isinstance(fact, CancelIntended):
            return [*answers, *self.standin.cancel(fact.order_id, now)]
        return [*answers, *self.standin.replace(fact, now)]

    def _part(self, order_id: object, now: int) -> list[Answer]:
        """An order that was the same in both is the stand-in's from here on."""
        recorded = next((mine for mine, ours in self._ours.items() if ours == order_id), None)
        if recorded is None:
            return []
        del self._ours[recorded]
        working = self._would.order(OrderId(str(order_id)))
        if working is None or not working.leaves():
            return []
        return self.standin.take_over(working, now)

    def _fill(self, fill: FillSeen) -> FillSeen | None:
        self.standin.paid(fill)
        ours = self._ours.get(fill.order_id) if fill.order_id else OrderId("")
        if ours is None:
            return None
        if fill.cursor and fill.cursor not in self._cursors:
            self._cursor += 1
            self._cursors[fill.cursor] = self._cursor
        return msgspec.structs.replace(fill, order_id=ours, cursor=self._cursors.get(fill.cursor, 0))

    def _positions(self, event: PositionsSeen) -> PositionsSeen:
        symbols = {*event.positions, *self._was.held(), *self._would.held()}
        shifted = {
            symbol: Qty(event.positions.get(symbol, ZERO) + self._would.qty(symbol) - self._was.qty(symbol))
            for symbol in sorted(symbols)
        }
        cursor = event.cursor + self._would.booked.fill_cursor - self._was.booked.fill_cursor
        return msgspec.structs.replace(event, positions={s: q for s, q in shifted.items() if q}, cursor=cursor)

    def _dividend(self, event: Dividend) -> Dividend:
        was, would = self._was.qty(event.symbol), self._would.qty(event.symbol)
        if was == would or not was:
            return event
        return msgspec.structs.replace(event, amount=Money((event.amount * would / was).quantize(Decimal("0.01"))))


def _content(order: Order) -> Order:
    """An order without its numbers: what the venue is asked for, and the price it stood on."""
    return msgspec.structs.replace(order, order_id=OrderId(""), decision_id=DecisionId(""))


def _asked(fact: CancelIntended | ReplaceIntended, ours: dict[OrderId, OrderId] | None) -> tuple[object, ...]:
    order_id = fact.order_id if ours is None else ours.get(fact.order_id)
    if isinstance(fact, CancelIntended):
        return order_id, "cancel"
    return order_id, fact.rev, fact.qty, fact.limit, fact.stop


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
