"""Does a life's tape, stepped again, give the facts that the journal holds, byte for byte? Source: T1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tradingd.core.events import Quote
from tradingd.core.facts import AnyFact, Decided
from tradingd.core.inputs import Input, Told
from tradingd.core.views.why import explain
from tradingd.lab.player import Player

BEGINNING = b'{"fact":"StartedUp"'

_encode = msgspec.json.Encoder().encode
_fact: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)

Entry = tuple[int, int, Input]  # place on the tape, the inbox's number, what was heard
Record = tuple[int, bytes]  # sequence, the fact's bytes


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first fact that differs. seq: its record.   at, number: what was stepped, its place on the tape and the inbox's number.
    journaled, replayed: the fact as JSON, "" where there is none.   why_*: the chain in words, where it is a decision."""

    seq: int
    at: int
    number: int
    event: str
    journaled: str
    replayed: str
    why_journaled: tuple[str, ...] = ()
    why_replayed: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """first, last: records compared (last < first: none).   events, quotes: stepped, quotes among them.   until: why the comparison
    ends before the life does, "" when it does not.   untaped: records of this life that its tape does not reach: its last moment
    before a kill.   undurable: a fact had no record yet: the process died before it had, or is running."""

    first: int
    last: int
    events: int = 0
    quotes: int = 0
    until: str = ""
    untaped: int = 0
    undurable: bool = False
    difference: Difference | None = None

    @property
    def equal(self) -> bool:
        return self.difference is None


class Parity:
    """One comparison. records: the journal's, from the one after the life's beginning."""

    def __init__(self, player: Player, records: Iterable[Record], seq: int) -> None:
        self._player = player
        self._records: Iterator[Record] = iter(records)
        self._first = self._last = seq
        self._began: set[str] = set()  # accounts whose beginning was seen: the next one is another life's
        self._at = self._number = self._events = self._quotes = 0
        self._undurable = False

    def compare(self, entries: Iterable[Entry], *, before: int | None = None) -> Verdict:
        """Steps what was heard until the tape, the journal or their agreement ends. before: ns, entries from then on are left."""
        for at, number, heard in entries:
            if before is not None and heard.ts >= before:
                return self._verdict(until="the day's end")
            self._at, self._number = at, number
            self._events += not isinstance(heard, Told)
            self._quotes += heard.__class__ is Quote
            for fact in self._player.play(heard):
                difference = self._next(fact, heard)
                if difference is not None or self._undurable:
                    return self._verdict(difference)
        return self._verdict()

    def rest(self, verdict: Verdict, *, ended: bool, gap: str) -> Verdict:
        """The verdict with what the journal holds of this life beyond the tape. ended: the tape was closed on purpose, so that
        nothing may be.   gap: why the tape could not be followed further."""
        if verdict.difference is not None or verdict.undurable or verdict.until:
            return verdict
        if gap:
            return msgspec.structs.replace(verdict, until=gap)
        left = list(self._of_this_life())
        if left and ended:
            seq, data = left[0]
            return msgspec.structs.replace(verdict, difference=self._difference(seq, None, data, None))
        return msgspec.structs.replace(verdict, untaped=len(left))

    def _of_this_life(self) -> Iterator[Record]:
        for seq, data in self._records:
            if self._another(data):
                return
            yield seq, data

    def _another(self, data: bytes) -> bool:
        """Does another life begin with this record?"""
        if not data.startswith(BEGINNING):
            return False
        account = _fact.decode(data).account
        again = account in self._began
        self._began.add(account)
        return again

    def _next(self, fact: AnyFact, heard: Input) -> Difference | None:
        seq, data = next(self._records, (0, b""))
        if not data or self._another(data):  # nothing more was durable of this life
            self._undurable = True
            return None
        if data != _encode(fact):
            return self._difference(seq, heard, data, fact)
        self._last = seq
        return None

    def _difference(self, seq: int, heard: Input | None, data: bytes, fact: AnyFact | None) -> Difference:
        return Difference(
            seq=seq, at=self._at, number=self._number, event=in_words(heard) if heard is not None else "", journaled=data.decode(),
            replayed=_encode(fact).decode() if fact is not None else "", why_journaled=chain(_fact.decode(data)),
            why_replayed=chain(fact) if fact is not None else (),
        )  # fmt: skip

    def _verdict(self, difference: Difference | None = None, until: str = "") -> Verdict:
        return Verdict(
            first=self._first + 1, last=self._last, events=self._events, quotes=self._quotes, until=until,
            undurable=self._undurable, difference=difference,
        )  # fmt: skip


def chain(fact: AnyFact) -> tuple[str, ...]:
    """A decision in words; () for any other fact."""
    return tuple(explain(fact.decision_id, [fact])) if isinstance(fact, Decided) else ()


def in_words(heard: Input) -> str:
    """What was heard, as JSON."""
    if isinstance(heard, Quote):
        return _encode({"event": "Quote", **{name: getattr(heard, name) for name in Quote.__slots__}}).decode()
    return _encode(heard).decode()
