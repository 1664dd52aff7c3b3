"""After the crashes: the venue's own log against the daemon's own journal. Neither side's memory is asked, only what is on disk."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.facts import Filled, OrderIntended
from tradingd.core.types import ZERO, AccountId, ExecId, OrderId, Symbol
from tradingd.ports import Disk
from tradingd.shell.journal import records
from tradingd_adapters.sim.accounts import Adjusted, Arrival, Execution

_record = msgspec.json.Decoder(Arrival | Execution | Adjusted).decode


class Venue(msgspec.Struct, frozen=True):
    """The truth. arrived: how often each client id came in.   live: ids it took.   fills: execution ids."""

    arrived: Counter[OrderId]
    live: frozenset[OrderId]
    fills: frozenset[ExecId]
    positions: dict[Symbol, Decimal]
    logins: int


class Known(msgspec.Struct, frozen=True):
    """The daemon's word. intended: ids with a durable intent.   fills: how often each execution was booked."""

    intended: frozenset[OrderId]
    fills: Counter[ExecId]
    positions: dict[Symbol, Decimal]
    unknown: int
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
    live: set[OrderId] = set()
    fills: set[ExecId] = set()
    positions: dict[Symbol, Decimal] = {}
    logins = 0
    lines = disk.read(str(log)).split(b"\n")
    for line in lines[:-1]:
        record = _record(line)
        match record:
            case Arrival(kind="submit"):
                arrived[OrderId(record.order_id)] += 1
                if record.outcome != "fenced":
                    live.add(OrderId(record.order_id))
            case Arrival(kind="login"):
                logins += 1
            case Execution():
                fills.add(record.exec_id)
                symbol = record.symbol
                positions[symbol] = positions.get(symbol, ZERO) + record.side.sign * record.qty
            case Adjusted():
                symbol = Symbol(record.symbol)
                positions[symbol] = positions.get(symbol, ZERO) + record.qty
            case _:
                continue
    return Venue(arrived, frozenset(live), frozenset(fills), {s: q for s, q in positions.items() if q}, logins)


def known_of(disk: Disk, directory: Path, account: AccountId) -> Known:
    """Fold the whole journal from its first record."""
    booked = Booked(account=account)
    intended: set[OrderId] = set()
    fills: Counter[ExecId] = Counter()
    count = 0
    for _seq, fact in records(disk, str(directory)):
        fold(booked, fact)
        count += 1
        if isinstance(fact, OrderIntended):
            intended.add(fact.order.order_id)
        elif isinstance(fact, Filled):
            fills[fact.exec_id] += 1
    unknown = len([1 for w in booked.orders.values() if w.life == "unknown"])
    positions = {s: Decimal(p.qty) for s, p in booked.positions.items() if p.qty}
    return Known(frozenset(intended), fills, positions, unknown, count)


def judge(venue: Venue, known: Known, kills: int) -> Verdict:
    """Compare the two."""
    resent = len([1 for n in venue.arrived.values() if n > 1])
    entries = Counter(order_id.rsplit(".", 1)[0] for order_id in venue.live if order_id.endswith(".e"))
    twice_entered = len([1 for n in entries.values() if n > 1])
    twice_booked = len([1 for n in known.fills.values() if n > 1])
    return Verdict(
        kills=kills, orders_venue=len(venue.live), orders_known=len(venue.live & known.intended),
        duplicates=resent + twice_entered + twice_booked, fills_lost=len(venue.fills - set(known.fills)),
        positions_equal=venue.positions == known.positions,
    )  # fmt: skip
