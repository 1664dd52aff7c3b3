"""After the crashes: the venue's own log against the daemon's own journal. Neither side's memory is asked, only what is on disk."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.orders import Life
from tradingd.core.facts import Decided, Filled, Kind, OrderIntended, Outcome
from tradingd.core.types import ZERO, AccountId, ExecId, Order, OrderId, Symbol
from tradingd.ports import Disk
from tradingd.shell.journal import records
from tradingd_adapters.sim.accounts import Adjusted, Arrival, Execution

_record = msgspec.json.Decoder(Arrival | Execution | Adjusted).decode


Content = tuple[Any, ...]
MEANINGFUL = 10  # kills from which on something must have happened


class Venue(msgspec.Struct, frozen=True):
    """The truth. arrived: how often each client id came in.   live: ids it took, with what they asked for.   fills: executions,
    with what they were.   positions: signed, absent means flat."""

    arrived: Counter[OrderId]
    live: dict[OrderId, Content]
    fills: dict[ExecId, Content]
    positions: dict[Symbol, Decimal]
    logins: int


class Known(msgspec.Struct, frozen=True):
    """The daemon's word. intended: ids with a durable intent, with what they ask for.   fills: how often each execution was booked.
    booked: what they were.   entered: orders of each acted recommendation.   unsettled: orders whose outcome is not known yet."""

    intended: dict[OrderId, Content]
    fills: Counter[ExecId]
    booked: dict[ExecId, Content]
    entered: dict[str, set[OrderId]]
    positions: dict[Symbol, Decimal]
    unsettled: int
    records: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `--crash --json`. orders_known: orders at the venue with a durable intent before them.   duplicates: orders
    sent twice, decisions with two entries, fills booked twice.   fills_lost: at the venue and not in the journal."""

    kills: int
    orders_venue: int
    orders_known: int
    duplicates: int
    fills_lost: int
    positions_equal: bool

    @property
    def good(self) -> bool:
        return (
            self.orders_venue == self.orders_known
            and self.duplicates == 0
            and self.fills_lost == 0
            and self.positions_equal
        )


def venue_of(disk: Disk, log: Path) -> Venue:
    """Read the venue's log; a last line that a kill of the venue cut short is left out."""
    arrived: Counter[OrderId] = Counter()
    live: dict[OrderId, Content] = {}
    fills: dict[ExecId, Content] = {}
    positions: dict[Symbol, Decimal] = {}
    logins = 0
    lines = disk.read(str(log)).split(b"\n")
    for line in lines[:-1]:
        record = _record(line)
        match record:
            case Arrival(kind="submit"):
                arrived[OrderId(record.order_id)] += 1
                if record.outcome != "fenced":
                    live.setdefault(OrderId(record.order_id), _asked(record.content))
            case Arrival(kind="login"):
                logins += 1
            case Execution():
                symbol = record.symbol
                fills[record.exec_id] = (record.order_id, symbol, record.side, record.qty, record.price, record.fee)
                positions[symbol] = positions.get(symbol, ZERO) + record.side.sign * record.qty
            case Adjusted():
                symbol = Symbol(record.symbol)
                positions[symbol] = positions.get(symbol, ZERO) + record.qty
            case _:
                continue
    return Venue(arrived, live, fills, {s: q for s, q in positions.items() if q}, logins)


def known_of(disk: Disk, directory: Path, account: AccountId) -> Known:
    """Fold the whole journal from its first record."""
    booked = Booked(account=account)
    intended: dict[OrderId, Content] = {}
    fills: Counter[ExecId] = Counter()
    content: dict[ExecId, Content] = {}
    entered: dict[str, set[OrderId]] = {}
    count = 0
    for _seq, fact in records(disk, str(directory)):
        fold(booked, fact)
        count += 1
        if isinstance(fact, OrderIntended):
            intended[fact.order.order_id] = _content(fact.order)
        elif isinstance(fact, Filled):
            fills[fact.exec_id] += 1
            content[fact.exec_id] = (fact.order_id, fact.symbol, fact.side, fact.qty, fact.price, fact.fee)
        elif isinstance(fact, Decided) and fact.kind is Kind.ENTRY and fact.outcome is Outcome.ACT:
            entered.setdefault(fact.cause, set()).update(fact.orders)
    unsettled = len([1 for w in booked.orders.values() if w.life in (Life.INTENDED, Life.UNKNOWN)])
    positions = {s: Decimal(p.qty) for s, p in booked.positions.items() if p.qty}
    return Known(intended, fills, content, entered, positions, unsettled, count)


def judge(venue: Venue, known: Known, kills: int) -> Verdict:
    """Compare the two."""
    resent = len([1 for n in venue.arrived.values() if n > 1])
    twice_entered = len([1 for ids in known.entered.values() if len(ids & set(venue.live)) > 1])
    twice_booked = len([1 for n in known.fills.values() if n > 1])
    return Verdict(
        kills=kills, orders_venue=len(venue.live), orders_known=len(set(venue.live) & set(known.intended)),
        duplicates=resent + twice_entered + twice_booked, fills_lost=len(set(venue.fills) - set(known.fills)),
        positions_equal=venue.positions == known.positions,
    )  # fmt: skip


def doubts(venue: Venue, known: Known, kills: int) -> list[str]:
    """What would make a good verdict worthless: orders or fills that differ in content, fills from nowhere, orders still open in
    doubt, or a run in which nothing happened. Empty when there is nothing of it."""
    found = [
        f"order {order_id}: the venue read {asked}, the intent says {known.intended[order_id]}"
        for order_id, asked in venue.live.items()
        if asked and order_id in known.intended and asked != known.intended[order_id]
    ]
    found += [
        f"execution {exec_id}: the venue made {made}, the journal says {known.booked[exec_id]}"
        for exec_id, made in venue.fills.items()
        if exec_id in known.booked and made != known.booked[exec_id]
    ]
    found += [
        f"execution {exec_id} is in the journal and not at the venue" for exec_id in set(known.fills) - set(venue.fills)
    ]
    if known.unsettled:
        found.append(f"{known.unsettled} orders are still unknown or unanswered")
    if kills >= MEANINGFUL and not (venue.live and venue.fills):
        found.append("no order or no fill happened: nothing is proven")
    return found


def _content(order: Order) -> Content:
    return (
        order.symbol, order.side, order.qty, order.type, order.tif, order.limit, order.stop, order.reduce_only,
    )  # fmt: skip


def _asked(content: str) -> Content:
    """What an order asked for as the venue read it; () where its log does not say."""
    return _content(msgspec.json.decode(content, type=Order)) if content else ()
