"""What must be true when a world has come to rest: the venue's truth against the journal's, liveness after all faults are over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

from tests.sim.ledger import Ledger, replayed, view
from tests.sim.promises import compare_positions
from tests.sim.site import Site
from tradingd.core.book.booked import Booked
from tradingd.core.book.orders import Life
from tradingd.core.facts import AnyFact, Filled, FillSkipped, OrderMoved
from tradingd.core.types import NS, ExecId, OrderId, Symbol
from tradingd.shell.journal import records

JOURNAL = "/state/journal"
SETTLE_S = 3.0  # what began so late may still be on its way


class Truth(Protocol):
    """What the verdict asks of the venue. fills: executions by id, with the client's order id.   taken: client
    ids that the venue has or had as orders.   open_ids: those that still work."""

    def positions(self) -> dict[Symbol, Decimal]: ...

    def fills(self) -> dict[ExecId, OrderId]: ...

    def taken(self) -> set[OrderId]: ...

    def working(self) -> set[OrderId]: ...


def judge(site: Site, truth: Truth, ledger: Ledger) -> Iterator[tuple[str, str]]:
    """(promise, what is wrong) at the end of a world."""
    life = site.life
    if life is None or life.house is None:
        yield "live", f"{site.name} does not run at the end"
        return
    member = next(iter(life.house.members.values()))
    booked = member.book.booked
    if not booked.link_up:
        yield "live", f"the link is still down: {booked.link_why}"
        return
    facts = [fact for _, fact in records(view(site.disk), JOURNAL)]
    yield from _settled(booked, truth, facts, member.book.now)
    yield from _fills(truth, facts)
    yield from _positions(booked, truth)
    yield from _lots(booked)
    yield from _orders(booked, truth, member.book.now)
    if life.house.journal.pending == 0:
        yield from replayed(facts, life.house)


def _settled(booked: Booked, truth: Truth, facts: list[AnyFact], now: int) -> Iterator[tuple[str, str]]:
    """I2: nothing unknown is left, and what was declared never is not at the venue."""
    for order_id, working in booked.orders.items():
        if working.life in (Life.INTENDED, Life.UNKNOWN) and now - working.opened_ts > SETTLE_S * NS:
            yield "I2", f"{order_id} is still {working.life.value}: {working.why}"
    taken = truth.taken()
    for fact in facts:
        if isinstance(fact, OrderMoved) and fact.to == Life.NEVER and fact.order_id in taken:
            yield "I2", f"{fact.order_id} was declared never ({fact.why}), and the venue has it"


def _fills(truth: Truth, facts: list[AnyFact]) -> Iterator[tuple[str, str]]:
    """I4: each execution once."""
    booked = Counter(fact.exec_id for fact in facts if isinstance(fact, Filled))
    skipped = {fact.exec_id for fact in facts if isinstance(fact, FillSkipped)}
    theirs = truth.fills()
    for exec_id, n in booked.items():
        if n > 1:
            yield "I4", f"execution {exec_id} was booked {n} times"
        if exec_id not in theirs:
            yield "I4", f"execution {exec_id} was booked and never happened"
    for exec_id, order_id in theirs.items():
        if exec_id not in booked and exec_id not in skipped:
            yield "I4", f"execution {exec_id} of {order_id} is not booked"


def _positions(booked: Booked, truth: Truth) -> Iterator[tuple[str, str]]:
    ours = {symbol: Decimal(position.qty) for symbol, position in booked.positions.items() if position.qty}
    theirs = truth.positions()
    for symbol in booked.drift:  # marked, and entries are off
        ours.pop(symbol, None)
        theirs.pop(symbol, None)
    for text in compare_positions(ours, theirs):
        yield "I4", text


def _lots(booked: Booked) -> Iterator[tuple[str, str]]:
    """I4: the tax lots of each symbol come to its position, first in first."""
    for symbol in sorted(booked.positions.keys() | booked.lots.held.keys()):
        position, holding = booked.positions.get(symbol), booked.lots.held.get(symbol)
        held, lots = position.qty if position is not None else 0, holding.qty() if holding is not None else 0
        if held != lots:
            yield "I4", f"{symbol}: the position is {held}, its lots come to {lots}"
        times = [lot.opened_ts for lot in holding.lots] if holding is not None else []
        if times != sorted(times):
            yield "I4", f"{symbol}: its lots stand in the order {times}"


def _orders(booked: Booked, truth: Truth, now: int) -> Iterator[tuple[str, str]]:
    """I2: both sides agree which orders of ours work."""
    ours = {order_id for order_id, working in booked.orders.items() if working.life in (Life.LIVE, Life.PARTIAL)}
    young = {order_id for order_id, w in booked.orders.items() if now - max(w.opened_ts, w.updated_ts) <= SETTLE_S * NS}
    ours, theirs = ours - young, truth.working() - young
    for order_id in sorted(theirs - ours):
        yield "I2", f"{order_id} works at the venue and not in the book"
    for order_id in sorted(ours - theirs):
        yield "I2", f"{order_id} works in the book and not at the venue"
