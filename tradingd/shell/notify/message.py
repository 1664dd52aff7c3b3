"""One message in words, and what a transport says when it could not deliver it."""

from __future__ import annotations

import re
from traceback import format_exception
from typing import Any, Protocol

import msgspec

from tradingd.core.views.reasons import clean, utc
from tradingd.shell.notify.note import Note
from tradingd.shell.notify.outbox import Batch

BRIEF_MAX = 300  # two to five parts of an SMS
SUBJECT_MAX = 200
_SYMBOL = re.compile(r"([A-Z][A-Z0-9./-]{0,31}): ")


class Undelivered(Exception):
    """A transport could not deliver, or cannot know. final: trying again would not help (the other side refused it)."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """subject: one line.   body: lines.   brief: one line of at most 300 characters.   ident: the same when it is sent again.
    data: the same for programs."""

    subject: str
    body: str
    brief: str
    ident: str
    data: dict[str, Any]


class Transport(Protocol):
    secrets: tuple[str, ...]  # values that may stand in no text

    async def send(self, message: Message) -> str:
        """Delivered; a remark, "" mostly. Raises Undelivered. Anything else it raises counts as a passing fault."""


def message_of(batch: Batch, mode: str, channel: str) -> Message:
    """Its subject names mode, account and event, its body says how to see more; no text can begin a second header."""
    notes = batch.notes
    subject = clean(f"[tradingd {mode.upper()} {_accounts(notes)}] {_headline(notes)}")[:SUBJECT_MAX]
    parts = [_paragraph(note) for note in notes]
    if batch.kept_back:
        parts.append(f"and {len(batch.kept_back)} more pages that could not be told before: {listed(batch.kept_back)}")
    parts.append("See more: " + ", ".join(_commands(notes)))
    more = f" (and {len(batch.kept_back)} more)" if batch.kept_back else ""
    text = clean(f"{subject} {'; '.join(note.text for note in notes)}")
    return Message(
        subject=subject, body="\n\n".join(parts) + "\n", brief=text[: BRIEF_MAX - len(more)] + more,
        ident=f"{notes[0].account}.{notes[0].notice}.{notes[0].ts}.{channel}",
        data={
            "mode": mode, "subject": subject, "text": "\n\n".join(parts), "kept_back": len(batch.kept_back),
            "notices": [
                {"notice": n.notice, "ts": n.ts, "account": n.account, "level": n.level, "event": n.kind, "code": n.code,
                 "text": n.text} for n in notes
            ],
        },
    )  # fmt: skip


def _accounts(notes: tuple[Note, ...]) -> str:
    accounts = list(dict.fromkeys(note.account for note in notes))
    return ",".join(accounts[:3]) + (f" and {len(accounts) - 3} more" if len(accounts) > 3 else "")


def _headline(notes: tuple[Note, ...]) -> str:
    if len(notes) == 1:
        return f"{notes[0].level.upper()} {notes[0].code}"
    return f"{len(notes)} notices: {listed(notes)}"


def _paragraph(note: Note) -> str:
    return f"{utc(note.ts)}  {note.account}  {note.level.upper()} {note.code}\n{note.text}"


def _commands(notes: tuple[Note, ...]) -> list[str]:
    symbols = dict.fromkeys(found[1] for note in notes if (found := _SYMBOL.match(note.text)) is not None)
    return ["tradingd status", *(f"tradingd why {symbol}" for symbol in list(symbols)[:5]), "tradingd notifications"]


def listed(notes: tuple[Note, ...]) -> str:
    """Codes with how often each came: "position_drift (3), link_missing"."""
    counts: dict[str, int] = {}
    for note in notes:
        counts[note.code] = counts.get(note.code, 0) + 1
    return ", ".join(code if n == 1 else f"{code} ({n})" for code, n in counts.items())


def trace_of(fault: Exception, secrets: tuple[str, ...] = ()) -> str:
    """A fault's trace for the log, without the variables of its frames, in which secrets would stand."""
    text = "".join(format_exception(fault))
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


def without(text: str, secrets: tuple[str, ...]) -> str:
    """An error's text on one line, without the values of secrets, at most 300 characters."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return clean(text)[:300]
