"""Folding what people asked for and what they were told."""

from __future__ import annotations

from itertools import takewhile

from tradingd.core.book.booked import Booked, Notice
from tradingd.core.book.fold.counts import count
from tradingd.core.facts import Alerted, Anomaly, CommandSeen, Notified
from tradingd.core.types import NS

HOUR = 3_600 * NS
KEEP_COMMANDS = 200
KEEP_ALERTS = 100
KEEP_NOTICES = 500
KEEP_NOTICES_MAX = 5_000


def command_seen(b: Booked, f: CommandSeen) -> None:
    b.commands[f.command_id] = (f.answer, f.refused)
    if f.verb == "resume" and not f.refused:
        b.rejects.clear()
        b.exits_rejected.clear()
    while len(b.commands) > KEEP_COMMANDS:
        del b.commands[next(iter(b.commands))]


def alerted(b: Booked, f: Alerted) -> None:
    b.alerts.append(f)
    del b.alerts[:-KEEP_ALERTS]
    b.told[f"{f.code}:{f.subject}"] = f.ts
    count(b, f"alerts_{f.level}")


def notified(b: Booked, f: Notified) -> None:
    """What was told within the hour counts for the limits and for folding, so it is kept beyond the usual number."""
    if f.upto:
        b.dealt_with[f.channel] = max(f.upto, b.dealt_with.get(f.channel, 0))
    if f.status == "noted":
        return
    b.notices.append(Notice(f.notice, f.channel, f.kind, f.status, f.ts, f.level))
    spare = b.notices[: max(0, len(b.notices) - KEEP_NOTICES)]
    old = len(list(takewhile(lambda notice: notice.ts < f.ts - HOUR, spare)))
    del b.notices[: max(old, len(b.notices) - KEEP_NOTICES_MAX)]


def anomaly(b: Booked, f: Anomaly) -> None:
    count(b, "anomalies")
