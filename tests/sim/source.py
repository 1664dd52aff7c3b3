"""Those outside who have ideas and news for the daemon: a program that recommends, somebody with earnings dates, a drop folder.

A program asks as a careful one does: it sends the same again under the same name until it is told what was decided, and some send
it once more after that. A request runs on the daemon's host, as a handler of its web does, and dies with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.sim.loop import Dead, Host, SimLoop
from tests.sim.menu import Fault
from tests.sim.plan import SYMBOLS
from tests.sim.site import STATE, Site
from tradingd.core.types import NS
from tradingd.ports import Broken
from tradingd.shell.desk import HouseDesk
from tradingd.shell.intake.schema import Told, market_event, recommendation
from tradingd.shell.web.desk import Answer, NotReady

AGAIN_S = 1.0  # after no answer, or "ask again"
SEVERITIES = ("low", "medium", "high")
IDEAS = ("source.idea", "source.twin", "source.intraday")


class Idea(msgspec.Struct, kw_only=True):
    """One name, however often and by whichever door it is sent. told: every answer with a decision, with its moment.   sent: when
    it was sent first, virtual seconds; None while it lies in a file."""

    ident: str
    source: str
    sent: float | None = None
    told: list[Told] = []

    @property
    def key(self) -> str:
        return f"{self.source}:{self.ident}"


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the drop folder. good: its lines that are recommendations, of `lines` in all."""

    name: str
    good: tuple[str, ...]
    lines: int


class Source:
    """site: the machine of the daemon.   wall: true time, ns.   on_told, on_event: told each answer in its
    moment, and whether the idea had been answered before it was sent."""

    def __init__(self, loop: SimLoop, site: Site, wall: Callable[[], int], tell: Callable[[str], None]) -> None:
        self.loop = loop
        self.ideas: dict[str, Idea] = {}
        self.files: list[Put] = []
        self.on_told: Callable[[Idea, Told, bool], None] = lambda _idea, _told, _known: None
        self.on_event: Callable[[str, int, Answer], None] = lambda _ident, _until, _answer: None
        self._site = site
        self._wall = wall
        self._tell = tell
        self._dates: dict[str, str] = {}

    def apply(self, fault: Fault) -> None:
        """Raises ValueError for a kind it does not know."""
        name = f"{fault.kind.partition('.')[2]}-{fault.at:g}"
        if fault.kind in IDEAS:
            self._idea(fault, name)
        elif fault.kind == "source.event":
            self._event(fault, name)
        elif fault.kind == "source.earnings":
            self._earnings(fault)
        elif fault.kind == "source.file":
            self._file(fault, name)
        else:
            raise ValueError(f"nothing from outside: {fault.kind}")

    # ideas ----------------------------------------------------------------------------------------------------------------

    def _idea(self, fault: Fault, name: str) -> None:
        idea = self._named(name, "desk")
        copies = max(1, fault.n)
        for copy in range(copies):
            other = fault.kind == "source.twin" and copy > 0
            value = self._value(name, "desk", fault.target, -fault.value if other else fault.value)
            value["intraday"] = fault.kind == "source.intraday"
            wait = fault.for_s * copy / copies
            self.loop.call_later(wait, self._send, idea, value, context=Context())

    def _named(self, ident: str, source: str) -> Idea:
        idea = Idea(ident=ident, source=source)
        return self.ideas.setdefault(idea.key, idea)

    def _value(self, ident: str, source: str, symbol: str, sure: float) -> dict[str, Any]:
        """As JSON. sure: confidence, < 0 to sell."""
        return {
            "id": ident, "source": source, "symbol": symbol, "action": "buy" if sure > 0 else "sell", "confidence": abs(sure),
            "generated_at": self._wall(), "thesis": "from outside",
        }  # fmt: skip

    def _send(self, idea: Idea, value: dict[str, Any]) -> None:
        desk = self._desk()
        if desk is None:
            self.loop.call_later(AGAIN_S, self._send, idea, value, context=Context())
            return
        if idea.sent is None:
            idea.sent = self.loop.time()
        known = bool(idea.told)
        self._tell(f"recommends {idea.key} {value['action']} {value['symbol']}")
        task = self.loop.spawn(_host(desk), self._ask(desk, value), name=f"recommends {idea.key}")
        lost = self.loop.call_later(AGAIN_S * 10, self._send, idea, value, context=Context())  # the line went dead
        task.add_done_callback(lambda done: self._told(idea, value, done, lost, known), context=Context())

    async def _ask(self, desk: HouseDesk, value: dict[str, Any]) -> Told:
        rec = recommendation(value, desk.now())
        assert not isinstance(rec, tuple), rec
        [told] = await desk.counter.take([rec])
        return told

    def _told(
        self, idea: Idea, value: dict[str, Any], done: asyncio.Task[Told], lost: asyncio.TimerHandle, known: bool
    ) -> None:  # fmt: skip
        """known: it had been answered before this was sent."""
        lost.cancel()
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, asyncio.CancelledError | Broken | NotReady | Dead):
            raise error
        told = done.result() if error is None else None
        self._tell(f"hears {idea.key} {told.status if told is not None else repr(error)}")
        if told is None or told.status == "pending":
            self.loop.call_later(AGAIN_S, self._send, idea, value, context=Context())
            return
        idea.told.append(told)
        self.on_told(idea, told, known)

    # news -----------------------------------------------------------------------------------------------------------------

    def _event(self, fault: Fault, name: str) -> None:
        until = self._wall() + round(fault.for_s * NS)
        value = {
            "id": name, "severity": SEVERITIES[fault.n], "until": until, "text": "something happened",
            "symbols": [fault.target] if fault.target else [],
        }  # fmt: skip
        self._happened(name, value, until)

    def _happened(self, name: str, value: dict[str, Any], until: int) -> None:
        if self._wall() >= until:
            return
        desk = self._desk()
        event = market_event(value, desk.now(), ident=name, source="desk") if desk is not None else None
        if desk is None or isinstance(event, tuple):  # down, or its clock is elsewhere: perhaps later
            self.loop.call_later(AGAIN_S, self._happened, name, value, until, context=Context())
            return
        assert event is not None
        task = self.loop.spawn(_host(desk), desk.counter.happened(event), name=f"event {name}")
        task.add_done_callback(lambda done: self._noted(name, until, done), context=Context())

    def _noted(self, name: str, until: int, done: asyncio.Task[Answer]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        self._tell(f"hears event {name} {done.result().text}")
        self.on_event(name, until, done.result())

    def _earnings(self, fault: Fault) -> None:
        """The operator writes the file and has it read, as a reload does."""
        day = datetime.fromtimestamp(self._wall() / NS, UTC) + timedelta(days=fault.n)
        self._dates[fault.target] = day.date().isoformat()
        lines = ["symbol,date,confirmed,source", *(f"{symbol},{date},yes,desk" for symbol, date in self._dates.items())]
        self._site.disk.put(str(STATE / "earnings.csv"), "\n".join(lines).encode() + b"\n")
        desk = self._desk()
        if desk is not None:
            self.loop.spawn(_host(desk), desk.reload("operator"), name="reads the earnings")

    # files ----------------------------------------------------------------------------------------------------------------

    def _file(self, fault: Fault, name: str) -> None:
        """n lines, the third of them spoilt, the fourth a twin of the first. Beyond `value` disk operations the daemon dies."""
        symbols = [fault.target, *SYMBOLS[:1]]
        lines, good = [], []
        for n in range(max(1, fault.n)):
            ident = f"{name}.{0 if n == 3 else n}"
            value = self._value(ident, "file", symbols[n % 2], 0.5 + 0.1 * n)
            if n == 2:
                value["confidence"] = 7
            else:
                good.append(ident)
                self._named(ident, "file")
            lines.append(msgspec.json.encode(value))
        put = Put(name=f"{name}.jsonl", good=tuple(good), lines=len(lines))
        self.files.append(put)
        disk = self._site.disk
        disk.put(str(STATE / "drop" / put.name), b"\n".join(lines) + b"\n")
        if fault.value:
            disk.dies_at = round(abs(fault.value))
            disk.on_death = lambda: self._site.die("in a file", power=fault.value < 0)

    def _desk(self) -> HouseDesk | None:
        life = self._site.life
        return life.desk if life is not None and not life.host.dead else None


def _host(desk: HouseDesk) -> Host:
    host: Host = desk.house.env.host  # type: ignore[attr-defined]
    return host
