"""What was answered to those outside holds: an idea that was acknowledged is durable and was decided once, whatever died meanwhile,
an event that was noted is noted, and a file that was put down is answered line by line (E1, E11, E12; I3, I9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tests.sim.ledger import view
from tests.sim.site import STATE, Site
from tests.sim.source import Idea, Put, Source
from tradingd.core.book.book import Book
from tradingd.core.facts import OWN_SOURCES, AnyFact, Decided, Kind
from tradingd.shell.intake.schema import Told
from tradingd.shell.web.desk import Answer

ANSWER_S = 12.0  # an idea sent so late may still be on its way

Broken = Callable[[str, str], None]


class Answers:
    """book: folded from what became durable at the machine that is asked."""

    def __init__(self, source: Source, book: Callable[[], Book], broken: Broken, now: Callable[[], float]) -> None:
        self.source = source
        self.book = book
        self.broken = broken
        self.now = now
        self.counts: dict[str, int] = {}
        source.on_told, source.on_event = self.told, self.noted

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    # in the moment --------------------------------------------------------------------------------------------------------

    def told(self, idea: Idea, told: Told, known: bool) -> None:
        self._count(f"idea {told.status}")
        if told.status == "refused" or len(told.decisions) != 1:
            self.broken("I9", f"{idea.key} is sound and was answered {told}")
            return
        [decision] = told.decisions
        seen = self.book().booked.seen.get(idea.key)
        if seen is None or seen.decision_id != decision.decision_id:
            self.broken("I9", f"{idea.key} was answered {decision.decision_id}, durable is {seen}")
        first = idea.told[0].decisions[0]
        if (first.decision_id, first.outcome) != (decision.decision_id, decision.outcome):
            self.broken("I3", f"{idea.key} was answered {first} first and {decision} now")
        if known and told.status != "duplicate":
            self.broken("I3", f"{idea.key} was answered {told.status} again, not as a duplicate")

    def noted(self, ident: str, until: int, answer: Answer) -> None:
        booked = self.book().booked
        self._count("event noted" if not answer.refused else "event refused")
        if not answer.refused and ident not in booked.events and booked.last_ts < until:
            self.broken("I9", f"event {ident} was answered {answer.text} and is not durable")

    # at the end -----------------------------------------------------------------------------------------------------------

    def judge(self, site: Site, facts: Sequence[AnyFact]) -> Iterator[tuple[str, str]]:
        """(promise, what is wrong). facts: all of that machine's journal."""
        decided: dict[str, list[Decided]] = {}
        for fact in facts:
            if isinstance(fact, Decided) and (fact.kind is Kind.ENTRY or fact.source not in OWN_SOURCES):
                decided.setdefault(fact.cause, []).append(fact)
        for idea in self.source.ideas.values():
            found = decided.get(idea.key, [])
            if len(found) > 1:
                yield "I3", f"{idea.key} was decided as {', '.join(each.decision_id for each in found)}"
            for told in idea.told:
                if [d.decision_id for d in told.decisions] != [each.decision_id for each in found]:
                    yield "I9", f"{idea.key} was answered {told.decisions}, the journal says {len(found)} decisions"
            if not idea.told and idea.sent is not None and self.now() - idea.sent > ANSWER_S:
                yield "live", f"{idea.key} was sent at {idea.sent:.1f} s and never answered"
        for put in self.source.files:
            yield from self._filed(site, put, {key: each[0].decision_id for key, each in decided.items()})

    def _filed(self, site: Site, put: Put, decisions: dict[str, str]) -> Iterator[tuple[str, str]]:
        disk, done = view(site.disk), str(STATE / "drop" / "done" / put.name)
        if done in disk.names and f"{done}.answers.jsonl" not in disk.names:
            yield "I9", f"{put.name} is done, and its answer is not there"
            return
        if done not in disk.names:
            where = sorted(path for path in disk.names if put.name in path)
            yield "live", f"{put.name} is not done: {', '.join(where) or 'it is nowhere'}"
            return
        lines = disk.read(f"{done}.answers.jsonl").splitlines()
        told = [msgspec.json.decode(line, type=Told) for line in lines]
        status = Counter(each.status for each in told)
        self._count("file answered")
        if len(told) != put.lines or status["refused"] != put.lines - len(put.good):
            yield "I9", f"{put.name} has {put.lines} lines, {len(put.good)} sound, and was answered {dict(status)}"
        for each in told:
            ids = [decision.decision_id for decision in each.decisions]
            if each.status != "refused" and ids != [decisions.get(f"file:{each.id}")]:
                yield "I9", f"{put.name}: {each.id} was answered {ids}, decided is {decisions.get(f'file:{each.id}')}"
