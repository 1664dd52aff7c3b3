"""The desk: what web and control may ask of the house. Pages are built when somebody looks, commands answer when durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from prometheus_client import CollectorRegistry

from tradingd import __version__
from tradingd.core.events import Command, Verb
from tradingd.core.facts import AnyFact, CommandSeen, Decided
from tradingd.core.gates.window import in_window, next_window_open
from tradingd.core.rules import Rules
from tradingd.core.types import AccountId
from tradingd.core.views.account import account_view
from tradingd.core.views.lots import LotsView, lots_view
from tradingd.core.views.notices import NoticesView
from tradingd.core.views.page import AccountView, JournalView, Page, SessionView
from tradingd.ports import Broken
from tradingd.shell.house import House
from tradingd.shell.intake.counter import Counter
from tradingd.shell.notify.board import board
from tradingd.shell.notify.room import Notify
from tradingd.shell.web.desk import LATEST, Answer, Probe, TestSaid

DECISIONS_KEPT = 2_000
NO_ROOM = "refused: the journal writes its last words; make room on its disk and start the daemon again"


class HouseDesk:
    """Implements `shell/web/desk.py`. note: one line on what the house does now, set by whoever drives it."""

    def __init__(
        self, house: House, *, mode: str, build: str, config: str, config_text: str, alive: Callable[[], bool],
        shutdown: Callable[[str], None], started: int, reload: Callable[[str], Answer] | None = None,
        notify: Notify | None = None,
    ) -> None:  # fmt: skip
        self.house = house
        self.registry: CollectorRegistry = house.metrics.registry
        self.note = ""
        self.mode, self.build, self.config = mode, build, config
        self.started = started
        self._config_text = config_text
        self._alive = alive
        self._shutdown = shutdown
        self._reload = reload
        self._notify = notify
        self._decisions: list[Decided] = []
        self._answers: dict[tuple[str, str], asyncio.Future[CommandSeen]] = {}
        for member in house.members.values():
            self._decisions.extend(member.book.booked.recent)
        self._page: Page | None = None
        self._built: tuple[int, int, str] | None = None  # what the page was built from
        self.counter = Counter(house)
        house.follow(self._on_durable)

    # looking --------------------------------------------------------------------------------------------------------------

    def seq(self) -> int:
        """Rises with everything that can change the page: facts and quotes."""
        return self.house.inbox.taken + self.house.changes

    def page(self) -> Page:
        built = (self.seq(), self.house.journal.durable, self.note)
        if self._page is None or self._built != built:
            self._page, self._built = self._build(built[0]), built
        return self._page

    def _build(self, seq: int) -> Page:
        house, journal = self.house, self.house.journal
        members = house.members.values()
        now = self.now()
        accounts = tuple(account_view(m.book, m.rules, now) for m in members)
        self.started = self.started or now  # a following clock knows no time before the first event
        session = next((s for m in members if (s := _session(m.rules, now)) is not None), None)
        return Page(
            seq=seq, now=now, mode=self.mode, version=__version__, build=self.build[:12], config=self.config[:12],
            started=self.started, session=session,
            journal=JournalView(seq=journal.seq, durable=journal.durable, head=journal.head, segment=journal.segment),
            accounts=accounts, notices=self._notices(now), note=self.note or _waits_for(accounts, session),
        )  # fmt: skip

    def _notices(self, now: int) -> NoticesView | None:
        books = {account: member.book.booked for account, member in self.house.members.items()}
        return board(self._notify, books, now) if self._notify is not None else None

    async def changed(self, since: int, timeout_s: float) -> Page:
        if self.seq() <= since:
            watcher = self.house.watcher()
            try:
                async with asyncio.timeout(timeout_s):
                    while self.seq() <= since:
                        watcher.clear()
                        await watcher.wait()
            except TimeoutError:
                pass
            finally:
                self.house.unwatch(watcher)
        return self.page()

    def decisions(
        self,
        *,
        symbol: str | None,
        outcome: str | None,
        limit: int,
        before: int | None,
        since: int = 0,
        until: int = LATEST,
    ) -> Sequence[Decided]:
        found = []
        for decided in reversed(self._decisions):
            if symbol is not None and decided.symbol != symbol:
                continue
            if outcome is not None and decided.outcome != outcome:
                continue
            if (before is not None and decided.seq >= before) or not since <= decided.ts < until:
                continue
            found.append(decided)
            if len(found) >= limit:
                break
        return found

    def lots(self, *, symbol: str | None) -> Sequence[LotsView]:
        return [lots_view(member.book, self.now(), symbol) for member in self.house.members.values()]

    def config_text(self) -> str:
        return self._config_text

    # health ---------------------------------------------------------------------------------------------------------------

    def alive(self) -> bool:
        return self._alive()

    def probes(self) -> Sequence[Probe]:
        journal = self.house.journal
        found = [Probe("journal", journal.broken is None, journal.broken or f"record {journal.durable} durable")]
        for account, member in self.house.members.items():
            booked = member.book.booked
            found.append(Probe(f"broker:{account}", booked.link_up, booked.link_why))
            unknown = len(member.book.unknown_orders())
            found.append(Probe(f"orders:{account}", unknown == 0, f"{unknown} unknown"))
            fault = [h.reason for h in booked.holds.values() if h.key.startswith("rule:") and h.state == "halted"]
            found.append(Probe(f"faults:{account}", not fault, "; ".join(fault) or "none"))
        return found

    # commands -------------------------------------------------------------------------------------------------------------

    async def command(self, command: Command) -> Answer:
        """The send gate closes before a halt is journaled; the answer comes when it is durable (I7)."""
        accounts = [a for a in self.house.members if command.account in (None, a)]
        if not accounts:
            return Answer(
                command_id=command.id, verb=command.verb.value, refused=True, text=f"no account {command.account}"
            )
        if command.verb is Verb.RESUME and self.house.journal.full:
            return Answer(command_id=command.id, verb=command.verb.value, refused=True, text=NO_ROOM)
        if command.verb in (Verb.HALT, Verb.FLATTEN) and command.symbol is None:
            for account in accounts:
                if not self._seen(command.id, account):  # a repeat has had its effect
                    self.house.members[account].dispatch.halted = True
        stamped = msgspec.structs.replace(command, ts=max(command.ts, self.now()))
        pending = [
            self._await_answer(command.id, account) for account in accounts if not self._seen(command.id, account)
        ]
        if pending:
            if self.house.env.sometimes("desk.waits"):
                await self.house.env.clock.sleep(0.05)
            self.house.offer(stamped)
            self.house.engine.pump()
            for future in pending:
                await asyncio.shield(future)
        await self.house.journal.synced(
            self.house.journal.seq
        )  # known is not durable: a twin may have come a moment ago
        if (
            command.verb is Verb.RESUME
        ):  # nothing else opens the gate, and not before a halt that came meanwhile is stepped
            await self.house.settle()
            self._sync_switches(accounts)
        texts = [self._seen(command.id, account) or ("its answer is in the journal", False) for account in accounts]
        return self._answer(command, accounts, texts)

    def _seen(self, command_id: str, account: AccountId) -> tuple[str, bool] | None:
        return self.house.members[account].book.booked.commands.get(command_id)

    def _await_answer(self, command_id: str, account: AccountId) -> asyncio.Future[CommandSeen]:
        """One future for all who ask with this id (J19)."""
        key = (command_id, account)
        if key not in self._answers:
            self._answers[key] = asyncio.get_running_loop().create_future()
        return self._answers[key]

    def _sync_switches(self, accounts: list[AccountId]) -> None:
        """The book is the truth again: the switch follows its state."""
        for account in accounts:
            member = self.house.members[account]
            member.dispatch.halted = member.book.halted()

    def _answer(self, command: Command, accounts: list[AccountId], texts: list[tuple[str, bool]]) -> Answer:
        lines = [text if len(accounts) == 1 else f"{a}: {text}" for a, (text, _) in zip(accounts, texts, strict=True)]
        return Answer(
            command_id=command.id, verb=command.verb.value, refused=all(refused for _, refused in texts), text="; ".join(lines),
            accounts=tuple(accounts),
        )  # fmt: skip

    def _on_durable(self, facts: Sequence[AnyFact]) -> None:
        for fact in facts:
            if isinstance(fact, Decided):
                self._decisions.append(fact)
            elif isinstance(fact, CommandSeen):
                future = self._answers.pop((fact.command_id, fact.account), None)
                if future is not None and not future.done():
                    future.set_result(fact)
        del self._decisions[:-DECISIONS_KEPT]

    def broken(self, error: Broken) -> None:
        """Nobody waits for an answer that will not come."""
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever asked may have hung up
        self._answers.clear()
        self.counter.broken(error)

    def reconfigured(self, config: str, text: str) -> None:
        """The running configuration is another one now."""
        self.config, self._config_text, self._built = config, text, None

    async def reload(self, actor: str) -> Answer:
        if self._reload is None:
            return Answer(
                command_id="", verb="reload", refused=True, text="this daemon runs on an embedded configuration"
            )
        answer = self._reload(actor)
        await self.house.settle()
        return answer

    async def tell_test(self, channel: str | None, actor: str) -> Sequence[TestSaid]:
        if self._notify is None:
            return ()
        told = await self._notify.test(channel, f"a test, asked for by {actor}")
        return [TestSaid(channel=t.channel, status=t.status, error=t.error) for t in told]

    def now(self) -> int:
        return self.house.env.clock.wall()

    def shutdown(self, reason: str) -> None:
        self._shutdown(reason)


def _session(rules: Rules, now: int) -> SessionView | None:
    for key, table in rules.calendars.items():
        return SessionView(
            calendar=key, open=table.at(now) is not None, in_window=in_window(table, now, rules.window),
            next_window=next_window_open(table, now, rules.window),
        )  # fmt: skip
    return None


def _waits_for(accounts: tuple[AccountView, ...], session: SessionView | None) -> str:
    """Why nothing happens, in one line."""
    down = [a.broker.why for a in accounts if not a.broker.up]
    if down:
        return f"waits for the broker: {down[0]}"
    held = [a.state for a in accounts if a.state != "active"]
    if held:
        return f"{held[0]}: no new risk"
    if session is not None and not session.in_window:
        return "outside the trading window"
    return "armed: waits for an idea that passes every gate"
