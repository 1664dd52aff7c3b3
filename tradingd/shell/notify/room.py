"""The room that tells people: hears durable facts, hands notices to the channels, records what became of each.

Nothing here is in the order path: the follower only files a notice, sending is the channels' tasks. What was dealt with stands in
the journal (`Notified`): for each channel the number up to which everything is done, and each notice beyond it. So a restart takes
up exactly what was not dealt with; only what was on its way when the process died may come twice (with the same Message-ID or
Idempotency-Key). A condition that lasted for more than an hour, and ended in the last moment before a crash, may stay without its
closing word. Source: E16.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import anyio
import msgspec
import structlog

from tradingd.core.book.booked import Booked, Notice
from tradingd.core.events import NoticeSent
from tradingd.core.facts import AnyFact
from tradingd.core.types import AccountId
from tradingd.ports import Env
from tradingd.shell.journal import Journal, records
from tradingd.shell.notify.channel import Channel
from tradingd.shell.notify.conditions import Conditions
from tradingd.shell.notify.limit import HOUR
from tradingd.shell.notify.message import trace_of
from tradingd.shell.notify.note import Note, note_of
from tradingd.shell.notify.outbox import DELIVERED, LIMITED, Batch, Outcome

log = structlog.get_logger("tradingd")

MARK_EVERY = 20_000  # facts: what a start reads at most, beside what was not dealt with
NOTED = "noted"


class Told(NamedTuple):
    """How a test of one channel ended."""

    channel: str
    status: str
    error: str = ""


class Notify:
    """offer: the inbox.   books: the booked half of each account, as the journal's end left it.

    Call `open` once, before the first event of this life; then run each of `tasks`.
    """

    def __init__(
        self, env: Env, journal: Journal, directory: str, books: Mapping[AccountId, Booked], offer: Callable[[NoticeSent], None],
        channels: Sequence[Channel],
    ) -> None:  # fmt: skip
        self.env = env
        self.journal = journal
        self.directory = directory
        self.channels = {channel.name: channel for channel in channels}
        self._books = books
        self._offer = offer
        self._conditions: dict[AccountId, Conditions] = {}
        self._heard = journal.durable
        self._marked = dict.fromkeys(self.channels, journal.durable)
        for channel in channels:
            channel.report, channel.on_failed = self._report, self._failed

    @property
    def tasks(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        return [(f"notify:{name}", channel.run) for name, channel in self.channels.items()]

    def open(self) -> None:
        """Find what a former life did not deal with, and follow the journal from here. A channel that is new begins here.
        Before the loop turns: it reads the journal from where everything was dealt with."""
        upto = {
            name: max((booked.dealt_with.get(name, 0) for booked in self._books.values()), default=0)
            for name in self.channels
        }
        known = [name for name in self.channels if upto[name]]
        self._count_deliveries()
        if known:
            self._catch_up({name: upto[name] for name in known})
        for name in self.channels:
            if name not in known:
                self._mark(name, max(1, self._heard))
        self._conditions = {account: Conditions(account, booked) for account, booked in self._books.items()}
        self.journal.subscribe(self._follow)

    async def test(self, name: str | None, text: str) -> list[Told]:
        """Send a test notice over one channel or all of them, now, with one try. Recorded, and counted for the limits."""
        account = next(iter(self._books))
        now = self.env.clock.wall()
        note = Note(
            seq=0,
            notice=f"test-{now}",
            ts=now,
            account=account,
            level="page",
            code="test",
            kind="test",
            text=text,
            names=("test",),
        )
        found: dict[str, Told] = {}

        async def one(channel: Channel) -> None:
            outcome = await channel.once(Batch((note,)))
            self._report(channel, [outcome])
            found[channel.name] = Told(channel.name, outcome.status, outcome.error)

        chosen = [channel for channel in self.channels.values() if name in (None, channel.name)]
        async with anyio.create_task_group() as group:
            for channel in chosen:
                group.start_soon(one, channel)
        return [found[channel.name] for channel in chosen]

    # hearing --------------------------------------------------------------------------------------------------------------

    def _follow(self, first: int, facts: Sequence[AnyFact]) -> None:
        """A fault here would end the journal, and so the house: it is logged instead."""
        try:
            self._hear(first, facts)
        except Exception as fault:  # noqa: BLE001 - of our own, whatever it is: telling people may not end what trades
            log.error("notify.fault", first=first, trace=trace_of(fault))  # noqa: TRY400 - without variables

    def _hear(self, first: int, facts: Sequence[AnyFact]) -> None:
        for seq, fact in enumerate(facts, first):
            for note in self._notes(seq, fact):
                for channel in self.channels.values():
                    channel.hear(note)
        self._heard = first + len(facts) - 1
        for name, channel in self.channels.items():
            if self._heard - self._marked[name] >= MARK_EVERY:
                self._mark(name, channel.outbox.upto(self._heard))

    def _notes(self, seq: int, fact: AnyFact) -> list[Note]:
        conditions = self._conditions.get(fact.account)
        if conditions is None:
            conditions = self._conditions[fact.account] = Conditions(fact.account)
        found = [note for note in (conditions.hear(seq, fact), note_of(seq, fact)) if note is not None]
        return [msgspec.structs.replace(note, begins=conditions.raised_at(note.code)) for note in found]

    # a restart ------------------------------------------------------------------------------------------------------------

    def _catch_up(self, upto: Mapping[str, int]) -> None:
        """Every notice after the oldest number: dealt with already, or taken in now."""
        done = {
            (n.channel, account, n.notice): (n.status, n.ts) for account, b in self._books.items() for n in b.notices
        }
        wall = self.env.clock.wall()
        after = min(upto.values())
        for seq, fact in records(self.env.disk, self.directory, after=after, upto=self.journal.durable):
            for note in self._notes(seq, fact):
                for name in [name for name, number in upto.items() if seq > number]:
                    dealt = done.get((name, note.account, note.notice))
                    if dealt is None:
                        self.channels[name].hear(note)
                    else:
                        self.channels[name].outbox.restore(note, *dealt, wall)

    def _count_deliveries(self) -> None:
        """What the last hour's deliveries leave of the limits, and the pages that a limit kept back since the last one."""
        wall = self.env.clock.wall()
        for name, channel in self.channels.items():
            owed: list[Note] = []
            for account, n in self._notices(name):
                if n.status == DELIVERED:
                    owed.clear()
                    if wall - n.ts < HOUR:
                        channel.outbox.hour.count(n.ts, None)
                elif n.status == LIMITED and n.level == "page":
                    owed.append(
                        Note(seq=0, notice=n.notice, ts=n.ts, account=account, level=n.level, code=n.kind, kind=n.kind, text="",
                             names=(n.kind,))
                    )  # fmt: skip
            channel.outbox.owe(owed)

    def _notices(self, channel: str) -> list[tuple[AccountId, Notice]]:
        found = [(account, n) for account, b in self._books.items() for n in b.notices if n.channel == channel]
        return sorted(found, key=lambda each: each[1].ts)

    # recording ------------------------------------------------------------------------------------------------------------

    def _report(self, channel: Channel, outcomes: Sequence[Outcome]) -> None:
        """Each outcome becomes a fact of its account, by the inbox like everything else."""
        upto = channel.outbox.upto(self._heard)
        self._marked[channel.name] = self._heard
        for outcome in outcomes:
            note = outcome.note
            self._offer(
                NoticeSent(
                    ts=self.env.clock.wall(), account=note.account, notice=note.notice, channel=channel.name, kind=note.kind,
                    status=outcome.status, tries=outcome.tries, error=outcome.error, level=note.level, upto=upto,
                )
            )  # fmt: skip

    def _mark(self, name: str, upto: int) -> None:
        """Nothing to tell for long: say that everything up to here is dealt with."""
        self._marked[name] = self._heard
        self._offer(
            NoticeSent(
                ts=self.env.clock.wall(), account=next(iter(self._books)), notice=str(upto), channel=name, kind="cursor",
                status=NOTED, upto=upto,
            )
        )  # fmt: skip

    def _failed(self, broken: Channel, outcome: Outcome) -> None:
        """A channel does not deliver: the others say so, once until it does again."""
        note = outcome.note
        for channel in self.channels.values():
            if channel is not broken and not (note.code == "channel_failed" and channel.failing):
                channel.hear(
                    Note(
                        seq=0, notice=f"{note.notice}.{broken.name}", ts=self.env.clock.wall(), account=note.account,
                        level=note.level, code="channel_failed", kind="channel_failed", names=("channel_failed",),
                        text=f"{broken.name} could not deliver {note.code}: {outcome.error}",
                    )
                )  # fmt: skip
