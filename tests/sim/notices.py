"""What people are told: nothing counts as delivered that nobody heard, nothing that was delivered comes again, no limit is passed,
and nothing that somebody must act upon is lost, whatever died meanwhile (E16; I3, I9, I14, I15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.sim.phone import Heard
from tests.sim.plan import Plan
from tests.sim.site import Life
from tradingd.config import Config
from tradingd.core.facts import Alerted, AnyFact, Notified
from tradingd.core.types import NS
from tradingd.shell.notify.outbox import DELIVERED, FAILED, FOLDED, KEPT

TOLD_S = 12.0  # what happened so late may still wait for its message

Broken = Callable[[str, str], None]
Line = tuple[str, str]  # machine, channel


class Notices:
    def __init__(self, plan: Plan, config: Config, broken: Broken) -> None:
        self.plan = plan
        self.config = config
        self.broken = broken
        self.counts: dict[str, int] = {}
        self._heard: dict[Line, set[str]] = {}
        self._events: dict[Line, set[str]] = {}
        self._delivered: dict[Line, set[str]] = {}  # by the durable word
        self._before: dict[Line, int] = {}  # delivered before this life
        self._by_life: dict[tuple[str, str], int] = {}  # heard from each life

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    # in the moment --------------------------------------------------------------------------------------------------------

    def opened(self, life: Life) -> None:
        """What the journal holds now was delivered, told durable or not."""
        assert life.house is not None
        for channel in self.config.notify:
            found = [
                n.notice
                for member in life.house.members.values()
                for n in member.book.booked.notices
                if n.channel == channel and n.status == DELIVERED
            ]
            line = (life.site.name, channel)
            self._before[line] = len(found)
            self._delivered[line] = set(found)

    def called(self, heard: Heard) -> None:
        """A message is on its way: is any of it an old story?"""
        line = (heard.host.partition(".")[0], heard.channel)
        for each in heard.message.data["notices"]:
            if each["notice"] in self._delivered.get(line, ()) and each["code"] != KEPT:
                self.broken("I3", f"{line}: {each['code']} {each['notice']} is told again, it was delivered before")

    def heard(self, heard: Heard) -> None:
        site = heard.host.partition(".")[0]
        line, life = (site, heard.channel), (heard.host, heard.channel)
        notices = heard.message.data["notices"]
        self._heard.setdefault(line, set()).update(each["notice"] for each in notices)
        self._events.setdefault(line, set()).update(each["event"] for each in notices)
        self._by_life[life] = self._by_life.get(life, 0) + 1
        limit = self.config.notify[heard.channel].hourly
        sent = self._before[line] + self._by_life[life]
        self._count("message heard")
        if sent > limit and not self._clock_wrong():
            self.broken("I15", f"{heard.host} sent {sent} messages by {heard.channel} within the hour, allowed {limit}")

    def durable(self, life: Life, facts: Sequence[AnyFact]) -> None:
        for fact in facts:
            if isinstance(fact, Notified):
                self._count(f"notice {fact.status}")
                line = (life.site.name, fact.channel)
                if fact.status == DELIVERED:
                    self._delivered.setdefault(line, set()).add(fact.notice)
                    if fact.notice not in self._heard.get(line, ()):
                        self.broken(
                            "I14", f"{line}: {fact.kind} {fact.notice} counts as delivered, and nobody heard it"
                        )

    def _clock_wrong(self) -> bool:
        return any(fault.kind == "host.wall" for fault in self.plan.faults)

    # at the end -----------------------------------------------------------------------------------------------------------

    def judge(self, site: str, facts: Sequence[AnyFact], now: int) -> Iterator[tuple[str, str]]:
        """(promise, what is wrong). facts: all of that machine's journal, from number 1.   now: ns."""
        for channel, settings in self.config.notify.items():
            ends = [fact for fact in facts if isinstance(fact, Notified) and fact.channel == channel]
            begins = next((fact.upto for fact in ends if fact.upto), None)
            told = [fact for fact in ends if fact.status == DELIVERED]
            if len(told) > settings.hourly and not self._clock_wrong():
                yield "I15", f"{len(told)} messages by {channel} are booked within the hour, allowed {settings.hourly}"
            if begins is None:
                continue
            yield from self._all_told(channel, settings.carries, facts, ends, begins, now)
            yield from self._in_words((site, channel), ends)

    def _all_told(
        self, channel: str, levels: Sequence[str], facts: Sequence[AnyFact], ends: list[Notified], begins: int, now: int
    ) -> Iterator[tuple[str, str]]:  # fmt: skip
        dealt = {fact.notice for fact in ends}
        for seq, fact in enumerate(facts, 1):
            if not isinstance(fact, Alerted) or fact.level not in levels or seq <= begins:
                continue
            self._count("notice due")
            if str(seq) not in dealt and now - fact.ts > TOLD_S * NS and not self._clock_wrong():
                yield "I14", f"{channel}: {fact.code} (#{seq}) was never told: {fact.text}"

    def _in_words(self, line: Line, ends: list[Notified]) -> Iterator[tuple[str, str]]:
        """What was folded was heard with, or after, another of its kind; what failed met a line in trouble."""
        troubled = {fact.kind for fact in ends if fact.status not in (DELIVERED, FOLDED)}
        for fact in ends:
            known = fact.notice in self._heard.get(line, ()) or fact.kind in self._events.get(line, ())
            if fact.status == FOLDED and not known and fact.kind not in troubled:
                yield "I14", f"{line}: {fact.kind} {fact.notice} was folded into something that nobody heard"
            if fact.status == FAILED and not any(f.kind.startswith("phone.") for f in self.plan.faults):
                yield "I14", f"{line}: {fact.kind} {fact.notice} failed on a line that works: {fact.error}"
