"""The counter at which ideas from outside are handed in: each is answered with what was decided, once that is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from tradingd.core.events import MarketEvent, Recommendation
from tradingd.core.facts import OWN_SOURCES, AnyFact, Decided, EventNoted, Kind
from tradingd.core.gates.intake import by_confidence, key
from tradingd.core.types import NS, AccountId
from tradingd.ports import Broken
from tradingd.shell.house import House
from tradingd.shell.intake.schema import Decision, Fault, Told, refused
from tradingd.shell.web.desk import Answer, NotReady

ANSWER_S = 5.0
LEARN_S = 60.0  # how long after a start is waited for an account that does not know its instruments yet
PENDING = "taken, not yet decided by every account; ask again by its id: sent twice it is one"

Case = tuple[str, AccountId]  # one recommendation, one account


class Counter:
    """One for all doors: HTTP, the control socket, files.

    A recommendation is known by (source, id), whichever door it comes by. Each account decides it once, at once or when a stop that
    stands in the way is gone; a twin is answered with that decision, also after a restart, for as long as the book remembers it
    (two days; by then it is stale).   Source: E1, E11, R4.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self._waiting: dict[Case, list[asyncio.Future[None]]] = {}
        self._began = house.env.clock.mono()
        house.follow(self._on_durable)

    async def take(self, offered: Sequence[Recommendation], *, timeout_s: float = ANSWER_S) -> list[Told]:
        """Have them decided, highest confidence first; the answers stand in the order of `offered`. timeout_s: after that those
        still undecided are answered `pending`, and may yet be decided.

        Of twins in `offered` the first counts. An account that is not here refuses its recommendation. Raises NotReady.
        """
        cases: dict[Case, Recommendation] = {}
        for rec in offered:
            for case in self._cases(rec):
                cases.setdefault(case, rec)
        self._check_ready(account for _, account in cases)
        before = {case for case in cases if self._seen(case)}
        durable = await self._settled(cases, before, timeout_s)
        told, shown = [], set(before)
        for rec in offered:
            mine = self._cases(rec)
            told.append(self._told(rec, mine, durable, twin=shown.issuperset(mine)))
            shown.update(mine)
        return told

    async def _settled(self, cases: dict[Case, Recommendation], before: set[Case], timeout_s: float) -> set[Case]:
        """The cases whose decision is durable within that time. What was decided before may not be so yet."""
        house, now, upto = self.house, self.house.env.clock.wall(), self.house.journal.seq
        fresh = {case: rec for case, rec in cases.items() if case not in before}
        waits = {case: self._wait(case) for case in fresh}
        durable: set[Case] = set()
        try:
            async with asyncio.timeout(timeout_s):
                each = [msgspec.structs.replace(rec, ts=now, account=account) for (_, account), rec in fresh.items()]
                for rec in by_confidence(each):
                    house.offer(rec)
                house.engine.pump()
                await house.journal.synced(upto)
                durable |= before
                for future in waits.values():
                    await future
        except TimeoutError:
            pass
        finally:
            self._leave(waits)
        return durable | {case for case, future in waits.items() if _came(future)}

    async def find(self, source: str, ident: str) -> Told | None:
        """What became of a recommendation, None when nothing is known of it (any more)."""
        name = f"{source}:{ident}"
        await self.house.journal.synced(self.house.journal.seq)
        decided = [d for account in self.house.members if (d := self._decision((name, account))) is not None]
        pending = any(case[0] == name for case in self._waiting)
        if not decided and not pending:
            return None
        return Told(
            id=ident, source=source, status="pending" if pending else "decided", decisions=tuple(decided),
            text=PENDING if pending else "",
        )  # fmt: skip

    async def happened(self, event: MarketEvent) -> Answer:
        """Tell every account of a market event; returns when it is durable."""
        house = self.house
        house.offer(event)
        await house.settle()
        noted = [a for a, m in house.members.items() if self._noted(event, m.book.booked.events)]
        text = f"{event.severity.value} event noted" if noted else "not noted: no account took it"
        return Answer(command_id=event.id, verb="event", refused=not noted, text=text, accounts=tuple(map(str, noted)))

    @staticmethod
    def _noted(event: MarketEvent, events: dict[str, EventNoted]) -> bool:
        return event.id in events and events[event.id].until == event.until

    # ------------------------------------------------------------------------------------------------------------------

    def _cases(self, rec: Recommendation) -> list[Case]:
        return [(key(rec), account) for account in self.house.members if rec.account in (None, account)]

    def _check_ready(self, accounts: Iterable[AccountId]) -> None:
        if self.house.env.clock.mono() - self._began >= LEARN_S * NS:
            return
        blind = sorted({account for account in accounts if not self.house.members[account].rules.instruments})
        if blind:
            raise NotReady(f"{', '.join(blind)}: the instruments are not known yet; nothing was taken")

    def _seen(self, case: Case) -> bool:
        return case[0] in self.house.members[case[1]].book.booked.seen

    def _decision(self, case: Case) -> Decision | None:
        seen = self.house.members[case[1]].book.booked.seen.get(case[0])
        if seen is None:
            return None
        return Decision(
            account=case[1], decision_id=seen.decision_id, outcome=seen.outcome, reasons=seen.reasons, orders=seen.orders,
            headline=seen.reasons[0] if seen.reasons else None, ts=seen.ts,
        )  # fmt: skip

    def _told(self, rec: Recommendation, mine: list[Case], durable: set[Case], *, twin: bool) -> Told:
        if not mine:
            told = refused(Fault("account", f"no account {rec.account} here"))
            return msgspec.structs.replace(told, id=rec.id, source=rec.source)
        decisions = tuple(d for case in mine if case in durable and (d := self._decision(case)) is not None)
        done = len(decisions) == len(mine)
        return Told(
            id=rec.id, source=rec.source, status="pending" if not done else "duplicate" if twin else "decided",
            decisions=decisions, text="" if done else PENDING,
        )  # fmt: skip

    def _wait(self, case: Case) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(case, []).append(future)
        return future

    def _leave(self, waits: dict[Case, asyncio.Future[None]]) -> None:
        for case, future in waits.items():
            others = self._waiting.get(case, [])
            if future in others:
                others.remove(future)
                if not others:
                    del self._waiting[case]

    def _on_durable(self, facts: Sequence[AnyFact]) -> None:
        for fact in facts:
            if isinstance(fact, Decided) and (fact.kind is Kind.ENTRY or fact.source not in OWN_SOURCES):
                for future in self._waiting.pop((fact.cause, fact.account), ()):
                    if not future.done():
                        future.set_result(None)

    def broken(self, error: Broken) -> None:
        """Nobody waits for an answer that will not come."""
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # whoever asked may have hung up
        self._waiting.clear()


def _came(future: asyncio.Future[None]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
