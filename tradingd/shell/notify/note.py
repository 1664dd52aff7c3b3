"""A notice: one durable fact somebody should hear of, under the name that operators know it by (E16)."""

from __future__ import annotations

import re

import msgspec

from tradingd.core.facts import Alerted, AnyFact
from tradingd.core.types import AccountId
from tradingd.core.views.reasons import clean

LEVELS = ("page", "tell", "log")  # somebody must act; somebody should know; for the record
TEXT_MAX = 4_000
_DIGITS = re.compile(r"[-+]?\d[\d.,:]*")


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """seq: journal number of the fact, 0 when there is none behind it.   notice: the id under which it is recorded.
    subject: whom it is about, "" when the text says it.
    names: what an `events` pattern may match.   ends: alert codes of this account whose condition is over with it.
    begins: journal number of the fact that raised the condition it tells of, or the end of; 0 for that of the notice itself."""

    seq: int
    notice: str
    ts: int
    account: AccountId
    level: str
    code: str
    kind: str
    text: str
    names: tuple[str, ...]
    subject: str = ""
    ends: tuple[str, ...] = ()
    begins: int = 0

    @property
    def first(self) -> int:
        """The journal number a start must read from to make this notice again."""
        return self.begins or self.seq

    @property
    def same_as(self) -> tuple[str, str, str, str]:
        """What makes two notices one: account, code, subject, text without its numbers. Another symbol is another notice."""
        return self.account, self.code, self.subject, _DIGITS.sub("#", self.text)


def kind_of(code: str) -> str:
    """The event's name for an alert's code: the breaker's own have one name together, the others are their code."""
    if code == "breaker_resumed":
        return "circuit_breaker_resumed"
    return "circuit_breaker_triggered" if code.startswith("breaker_") else code


def note_of(seq: int, fact: AnyFact) -> Note | None:
    """The notice of a fact, None for all but alerts. seq: the fact's journal number."""
    if not isinstance(fact, Alerted):
        return None
    level = fact.level if fact.level in LEVELS else "tell"  # a level nobody knows is no reason to keep silent
    code, kind = word(fact.code), kind_of(word(fact.code))
    return Note(
        seq=seq, notice=str(seq), ts=fact.ts, account=fact.account, level=level, code=code, kind=kind, text=plain(fact.text),
        names=(kind, code), subject=word(fact.subject),
    )  # fmt: skip


def word(text: str) -> str:
    """A code or a name, safe for a subject line: one line, at most 64 characters."""
    return clean(text).strip()[:64]


def plain(text: str) -> str:
    """Text from a fact: lines stay, control characters go, at most 4,000 characters."""
    return "\n".join(clean(line) for line in text[:TEXT_MAX].split("\n"))
