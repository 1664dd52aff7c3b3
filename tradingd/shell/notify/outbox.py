"""What waits to be told on one channel, in which message it goes, and what is kept back. No I/O and no clock: times are given.

A page goes at once, alone. Notices of level tell gather for a while and go in one message. What was said within the hour is not
said again: it is counted, and the count is told when the hour is over. The end of a condition begins a new hour for it, once its
end was told: what people heard last is never better than what is. Beyond the limit nothing goes and everything is recorded; pages
that could not go are named in the next message. Source: E16; S2 property 30.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from tradingd.core.types import NS
from tradingd.shell.notify.limit import HOUR, Hour
from tradingd.shell.notify.note import LEVELS, Note

WAITING_MAX = 200
BATCH_MAX = 50
KEPT_MAX = 1_000
KEPT = "kept_back"
DELIVERED, FAILED, LIMITED, FOLDED, DROPPED = "delivered", "failed", "rate_limited", "folded", "dropped"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel carries. events: patterns of names.   per_hour: > 0.   fold_s: >= 0."""

    levels: tuple[str, ...] = ("page", "tell")
    events: tuple[str, ...] = ("*",)
    per_hour: int = 60
    fold_s: float = 30.0

    def wants(self, note: Note) -> bool:
        return note.level in self.levels and any(fnmatchcase(name, glob) for name in note.names for glob in self.events)


class Outcome(NamedTuple):
    """What became of one notice: to be recorded."""

    note: Note
    status: str
    tries: int = 0
    error: str = ""


class Batch(NamedTuple):
    """One message of at least one notice. kept_back: pages that could not be told before."""

    notes: tuple[Note, ...]
    kept_back: tuple[Note, ...] = ()


class Said(msgspec.Struct):
    """The hour after something was said first. again: how often since; last: the latest of them."""

    first: Note
    opened: int
    again: int = 0
    last: Note | None = None


class Outbox:
    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.hour = Hour(wishes.per_hour)
        self.waiting: dict[str, tuple[Note, int]] = {}  # by notice: with the moment (mono) it came
        self.said: dict[tuple[str, str, str, str], Said] = {}
        self.kept_back: list[Note] = []
        self._going: tuple[Note, ...] = ()
        self._owed = False  # the limit kept pages back: they are named as soon as it allows

    # coming in ------------------------------------------------------------------------------------------------------------

    def add(self, note: Note, wall: int, mono: int) -> list[Outcome]:
        """Take a notice in; what is decided about it, and about those that must make room for it, at once."""
        if not self.wishes.wants(note):
            return []
        if self._again(note, wall):
            return [Outcome(note, FOLDED)]
        note = self._ends(note)
        self._open(note, wall)
        self.waiting[note.notice] = (note, mono)
        return self._shed()

    def restore(self, note: Note, status: str, ts: int, wall: int) -> None:
        """A notice that a former process dealt with, in the order of the journal. ts: when it did."""
        if not self.wishes.wants(note) or status not in (DELIVERED, FOLDED) or not 0 <= wall - ts < HOUR:
            return
        if status == DELIVERED or not self._again(note, ts):
            self._ends(note)
            self._open(note, ts)

    def owe(self, notes: list[Note]) -> None:
        """Pages that the limit kept back in a former process."""
        self.kept_back.extend(notes[:KEPT_MAX])
        self._owed = bool(self.kept_back)

    def _again(self, note: Note, wall: int) -> bool:
        said = self.said.get(note.same_as)
        if said is None or wall - said.opened >= HOUR:
            return False
        said.again += 1
        said.last = note
        return True

    def _ends(self, note: Note) -> Note:
        """Its conditions are over: the next one is news again. What was counted of them is told with it."""
        over = [self.said.pop(key) for key in list(self.said) if key[0] == note.account and key[1] in note.ends]
        if not over:
            return note
        again = sum(said.again for said in over)
        begins = min(said.first.first for said in over)
        text = f"{note.text}; it came {again} times more" if again else note.text
        return msgspec.structs.replace(note, text=text, begins=begins)

    def _open(self, note: Note, wall: int) -> None:
        if note.seq:
            self.said[note.same_as] = Said(note, wall)

    def _shed(self) -> list[Outcome]:
        """Room for the newest: the oldest of the least level goes."""
        shed = []
        while len(self.waiting) > WAITING_MAX:
            notes = [note for note, _ in self.waiting.values() if note not in self._going]
            worst = max(LEVELS.index(note.level) for note in notes)
            note = next(note for note in notes if LEVELS.index(note.level) == worst)
            shed.append(Outcome(note, DROPPED))
            self._lost(note)
        return shed

    # going out ------------------------------------------------------------------------------------------------------------

    def due(self, wall: int, mono: int) -> Batch | None:
        """The next message that should go now. What is in it stays waiting until `sent` says what became of it."""
        batch = self._due(wall, mono)
        self._going = batch.notes if batch is not None else ()
        return batch

    def _due(self, wall: int, mono: int) -> Batch | None:
        kept = tuple(self.kept_back)
        for note, _ in self.waiting.values():
            if note.level == "page":
                return Batch((note,), kept)
        ready = [note for note, _ in self.waiting.values()]
        if ready and mono - min(came for _, came in self.waiting.values()) >= self._fold:
            return Batch(tuple(ready[:BATCH_MAX]), kept)
        if self.hour.full(wall, mono):
            return None
        return self._counted(wall, kept) or self._reminder(wall, kept)

    def due_in(self, wall: int, mono: int) -> float | None:
        """Seconds until something may become due without anything new, None when nothing will."""
        times = [came + self._fold - mono for _, came in self.waiting.values()]
        free = self.hour.free_in(wall, mono)
        times += [max(free, said.opened + HOUR - wall) for said in self.said.values() if not self._waits(said)]
        if self._owed:
            times.append(free)
        return max(0, min(times)) / NS if times else None

    def sent(
        self, batch: Batch, outcome: str, wall: int, mono: int, *, tries: int = 0, error: str = ""
    ) -> list[Outcome]:
        """What became of a message, and so of each notice in it. outcome: delivered, failed or rate_limited."""
        found: list[Outcome] = []
        self._going = ()
        for n, note in enumerate(batch.notes):
            self.waiting.pop(note.notice, None)
            status = FOLDED if n and outcome == DELIVERED else outcome
            found.append(Outcome(note, status, tries, error))
            if outcome != DELIVERED:
                self._lost(note)
                self._owed = self._owed or (outcome == LIMITED and note.level == "page")
        if outcome == DELIVERED:
            self.hour.count(wall, mono)
            del self.kept_back[: len(batch.kept_back)]
            self._owed = self._owed and bool(self.kept_back)
        return found

    def upto(self, heard: int) -> int:
        """Every fact up to that journal number is dealt with; one that opened an hour is not, until that is over: a restart must
        find it again to go on counting. Nor is what raised the condition whose end still waits: it is found only with that.
        heard: the newest that was taken in."""
        open_ = [note.first for note, _ in self.waiting.values() if note.seq]
        open_ += [said.first.first for said in self.said.values()]
        return min(open_) - 1 if open_ else heard

    @property
    def _fold(self) -> int:
        return int(self.wishes.fold_s * NS)

    def _lost(self, note: Note) -> None:
        """It will not be told: the next of its kind is not a repetition. Pages are named later, with what was folded into them."""
        self.waiting.pop(note.notice, None)
        said = self.said.get(note.same_as)
        if said is not None and said.first is note:
            del self.said[note.same_as]
        if note.level == "page" and note.kind != KEPT and len(self.kept_back) < KEPT_MAX:
            self.kept_back.append(note)

    def _waits(self, said: Said) -> bool:
        return said.first.notice in self.waiting

    def _counted(self, wall: int, kept: tuple[Note, ...]) -> Batch | None:
        """The hour of something is over: how often it came again, if it did."""
        for key, said in list(self.said.items()):
            if wall - said.opened < HOUR or self._waits(said):
                continue
            del self.said[key]
            if said.last is not None:
                text = f"{said.again} times more within the hour, the last time: {said.last.text}"
                return Batch((msgspec.structs.replace(said.last, seq=0, text=text, ends=()),), kept)
        return None

    def _reminder(self, wall: int, kept: tuple[Note, ...]) -> Batch | None:
        """The limit allows a message again, and pages were kept back by it."""
        if not self._owed:
            return None
        self._owed = False
        first = kept[0]
        note = Note(
            seq=0, notice=first.notice, ts=first.ts, account=first.account, level="page", code=KEPT, kind=KEPT, names=(KEPT,),
            text=f"{len(kept)} pages could not be told when they came",
        )  # fmt: skip
        return Batch((note,), kept)
