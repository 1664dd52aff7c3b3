"""What one machine's journal has promised: every fact that was told durable, every intent on the platter, and whether a start
still finds all of it and makes the same state of it (I1, I8, I9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tests.fakes.disk import FakeDisk
from tests.sim.disk import SimDisk
from tradingd.core.book.book import Book
from tradingd.core.facts import AnyFact
from tradingd.core.types import OrderId
from tradingd.shell.house import House
from tradingd.shell.journal import records

JOURNAL = "/state/journal"


class _Intent(msgspec.Struct):
    order: dict[str, Any]


class _Line(msgspec.Struct):
    kind: str
    fact: msgspec.Raw


_line = msgspec.json.Decoder(_Line)
_intent = msgspec.json.Decoder(_Intent)


class Ledger:
    """intents: content of each order with a record on the platter, as its JSON says."""

    def __init__(self) -> None:
        self.intents: dict[OrderId, dict[str, Any]] = {}
        self.facts: list[bytes] = []  # acknowledged, from sequence 1
        self._rest: dict[str, bytes] = {}

    def hardened(self, path: str, data: bytes) -> None:
        """Bytes reached the platter. What a start has cut off and keeps aside is no record of anything."""
        if path.rpartition("/")[2].startswith("cut-"):
            return
        if b"OrderIntended" not in data and path not in self._rest:
            return
        lines = (self._rest.pop(path, b"") + data).split(b"\n")
        if lines[-1]:
            self._rest[path] = lines[-1]
        for line in lines[:-1]:
            if b'"kind":"OrderIntended"' in line:
                order = _intent.decode(_line.decode(line).fact).order
                self.intents[OrderId(order["order_id"])] = order

    def acknowledged(self, first: int, facts: Sequence[AnyFact]) -> None:
        """Told durable, from sequence `first` on."""
        del self.facts[first - 1 :]  # what a power cut took was never told; its numbers are used again
        self.facts.extend(msgspec.json.encode(fact) for fact in facts)

    def compare(self, disk: SimDisk, house: House) -> Iterator[tuple[str, str]]:
        """(promise, what is wrong) with the journal a start has just opened."""
        found = list(records(view(disk), JOURNAL))
        if len(found) < len(self.facts):
            yield "I9", f"{len(self.facts)} facts were acknowledged, {len(found)} are there"
        for (seq, fact), promised in zip(found, self.facts, strict=False):
            if msgspec.json.encode(fact) != promised:
                yield "I9", f"fact {seq} was acknowledged as {promised!r} and is {fact}"
                return
        yield from replayed([fact for _, fact in found], house)
        self.facts = [msgspec.json.encode(fact) for _, fact in found]  # a start makes durable what it found


def replayed(facts: Sequence[AnyFact], house: House) -> Iterator[tuple[str, str]]:
    """I8: the same facts from the first make the state that the house has."""
    for account, member in house.members.items():
        book = Book(account, currency=member.book.booked.currency)
        for fact in facts:
            if fact.account == account:
                book.replay(fact)
        ours, again = msgspec.json.encode(member.book.booked), msgspec.json.encode(book.booked)
        if ours != again:
            at = next(
                (i for i, (a, b) in enumerate(zip(ours, again, strict=False)) if a != b), min(len(ours), len(again))
            )
            yield "I8", f"live {ours[max(0, at - 60) : at + 60]!r}, replayed {again[max(0, at - 60) : at + 60]!r}"


def view(disk: FakeDisk) -> FakeDisk:
    """The same files for a reader that is not part of the world: no faults, nothing counted."""
    other = FakeDisk()
    other.names = disk.names
    return other
