"""After the crashes: the venue's own log against the daemon's own journal, and both against what the daemon promised while it
lived. Nobody's memory is asked, only what is on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.orders import Life
from tradingd.core.facts import CommandSeen, Decided, Filled, Kind, OrderIntended, Outcome
from tradingd.core.types import ZERO, AccountId, ExecId, Order, OrderId, Symbol
from tradingd.demo.witness import FILE as PROMISES
from tradingd.demo.witness import Promise
from tradingd.ports import Disk
from tradingd.shell.journal import records
from tradingd.shell.journal.record import parse
from tradingd.shell.journal.segments import segments_of
from tradingd_adapters.sim.accounts import Adjusted, Arrival, Execution

_record = msgspec.json.Decoder(Arrival | Execution | Adjusted).decode
_promise = msgspec.json.Decoder(Promise).decode


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
    submits: tuple[tuple[int, OrderId], ...]  # bytes of the log up to and with the arrival, id


class Known(msgspec.Struct, frozen=True):
    """The daemon's word. intended: ids with a durable intent, with what they ask for.   fills: how often each execution was booked.
    booked: what they were.   entered: orders of each acted recommendation.   unsettled: orders whose outcome is not known yet.
    protective: ids that may leave under a halt.   answered: ids of commands.   heads: hash of each record."""

    intended: dict[OrderId, Content]
    fills: Counter[ExecId]
    booked: dict[ExecId, Content]
    entered: dict[str, set[OrderId]]
    positions: dict[Symbol, Decimal]
    unsettled: int
    records: int
    protective: frozenset[OrderId]
    answered: frozenset[str]
    heads: dict[int, str]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `--crash --json`. orders_known: orders at the venue with a durable intent before them.   duplicates: orders
    sent twice, decisions with two entries, fills booked twice.   fills_lost: at the venue and not in the journal.
    halts: acknowledged by the daemon.   sent_after_halt: orders that a halt does not allow and that came after its
    acknowledgement and before its end, over all restarts (G14).   promises: records and commands that the daemon called durable;
    promises_broken: of them, those that the journal does not hold any more (B1)."""

    kills: int
    orders_venue: int
    orders_known: int
    duplicates: int
    fills_lost: int
    positions_equal: bool
    halts: int = 0
    sent_after_halt: int = 0
    promises: int = 0
    promises_broken: int = 0

    @property
    def good(self) -> bool:
        wrong = self.duplicates + self.fills_lost + self.sent_after_halt + self.promises_broken
        return wrong == 0 and self.orders_venue == self.orders_known and self.positions_equal

    def plus(self, other: Verdict) -> Verdict:
        """Of both runs together."""
        both = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Verdict(**{
            name: one and two if isinstance(one, bool) else one + two
            for name, (one, two) in zip(self.__struct_fields__, both, strict=True)
        })  # fmt: skip


def venue_of(disk: Disk, log: Path) -> Venue:
    """Read the venue's log; a last line that a kill of the venue cut short is left out."""
    arrived: Counter[OrderId] = Counter()
    live: dict[OrderId, Content] = {}
    fills: dict[ExecId, Content] = {}
    positions: dict[Symbol, Decimal] = {}
    submits: list[tuple[int, OrderId]] = []
    logins = at = 0
    lines = disk.read(str(log)).split(b"\n")
    for line in lines[:-1]:
        at += len(line) + 1
        record = _record(line)
        match record:
            case Arrival(kind="submit"):
                submits.append((at, OrderId(record.order_id)))
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
    return Venue(arrived, live, fills, {s: q for s, q in positions.items() if q}, logins, tuple(submits))


def known_of(disk: Disk, directory: Path, account: AccountId) -> Known:
    """Fold the whole journal from its first record."""
    booked = Booked(account=account)
    intended: dict[OrderId, Content] = {}
    fills: Counter[ExecId] = Counter()
    content: dict[ExecId, Content] = {}
    entered: dict[str, set[OrderId]] = {}
    protective: set[OrderId] = set()
    answered: set[str] = set()
    count = 0
    for _seq, fact in records(disk, str(directory)):
        fold(booked, fact)
        count += 1
        if isinstance(fact, OrderIntended):
            intended[fact.order.order_id] = _content(fact.order)
            if fact.order.protective and fact.order.reduce_only:
                protective.add(fact.order.order_id)
        elif isinstance(fact, CommandSeen):
            answered.add(fact.command_id)
        elif isinstance(fact, Filled):
            fills[fact.exec_id] += 1
            content[fact.exec_id] = (fact.order_id, fact.symbol, fact.side, fact.qty, fact.price, fact.fee)
        elif isinstance(fact, Decided) and fact.kind is Kind.ENTRY and fact.outcome is Outcome.ACT:
            entered.setdefault(fact.cause, set()).update(fact.orders)
    unsettled = len([1 for w in booked.orders.values() if w.life in (Life.INTENDED, Life.UNKNOWN)])
    positions = {s: Decimal(p.qty) for s, p in booked.positions.items() if p.qty}
    return Known(
        intended, fills, content, entered, positions, unsettled, count, frozenset(protective), frozenset(answered),
        _heads(disk, str(directory)),
    )  # fmt: skip


def _heads(disk: Disk, directory: str) -> dict[int, str]:
    """The hash of each record by its sequence; the first line of a segment is none."""
    found: dict[int, str] = {}
    for _, name in segments_of(disk.listdir(directory)):
        for line in disk.read(f"{directory}/{name}").splitlines()[1:]:
            record = parse(line)
            found[record.seq] = record.sha
    return found


def promised(disk: Disk, directory: Path) -> list[Promise]:
    """What the daemon said while it lived; nothing where nobody asked."""
    if PROMISES not in disk.listdir(str(directory)):
        return []
    return [_promise(line) for line in disk.read(str(directory / PROMISES)).splitlines()]


def judge(venue: Venue, known: Known, kills: int, promises: Sequence[Promise] = ()) -> Verdict:
    """Compare them."""
    resent = len([1 for n in venue.arrived.values() if n > 1])
    twice_entered = len([1 for ids in known.entered.values() if len(ids & set(venue.live)) > 1])
    twice_booked = len([1 for n in known.fills.values() if n > 1])
    return Verdict(
        kills=kills, orders_venue=len(venue.live), orders_known=len(set(venue.live) & set(known.intended)),
        duplicates=resent + twice_entered + twice_booked, fills_lost=len(set(venue.fills) - set(known.fills)),
        positions_equal=venue.positions == known.positions, halts=len([1 for p in promises if p.kind == "halt"]),
        sent_after_halt=len(_after_halt(venue, known, promises)), promises=len(promises),
        promises_broken=len([1 for p in promises if not _kept(p, known)]),
    )  # fmt: skip


def _after_halt(venue: Venue, known: Known, promises: Sequence[Promise]) -> list[OrderId]:
    """Orders that came while a halt held. Protective exits may (I7); of an order that the journal does not know nothing is
    believed."""
    held: list[tuple[int, float]] = []
    for p in promises:
        if p.kind == "halt":
            held.append((p.log, float("inf")))
        elif p.kind == "resume" and held:
            held[-1] = (held[-1][0], p.log)
    return [
        order_id
        for at, order_id in venue.submits
        if order_id not in known.protective and any(since < at <= until for since, until in held)
    ]


def _kept(promise: Promise, known: Known) -> bool:
    if promise.command:
        return promise.command in known.answered
    return promise.seq == 0 or known.heads.get(promise.seq) == promise.head


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
