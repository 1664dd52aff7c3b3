"""The operator of a world: commands, reloads, looks at the page, the kill switch; and whoever cleans up after all faults.

A request runs on the daemon's host, as a handler of its web or control socket does, and dies with it. What was asked and what was
answered stands in `asked`, with the moments: an answer is a promise, and the oracles hold the daemon to it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random
from typing import Any

import msgspec

from tests.sim.loop import Host, SimLoop, SimTask
from tests.sim.menu import Fault
from tradingd.app import Daemon
from tradingd.config import Config, load_text
from tradingd.core.book.orders import Life
from tradingd.core.events import Command, Verb
from tradingd.core.types import Leg, OrderId, Symbol, TradingState
from tradingd.shell.desk import HouseDesk
from tradingd.shell.web.desk import Answer

TRIES, TRY_AGAIN_S = 8, 0.5  # while the daemon is down
LOOKS, LOOK_S = 16, 2.0  # after all faults: how often the operator looks whether something must be done
PAGE_S = 0.1
AIM_S = 5.0

VERBS = {
    "operator.pause": Verb.PAUSE, "operator.resume": Verb.RESUME, "operator.halt": Verb.HALT, "operator.flatten": Verb.FLATTEN,
    "operator.cancel": Verb.CANCEL, "operator.twice": Verb.HALT,
}  # fmt: skip
# keys of a running daemon that may change, and to what
CHANGES = (
    ("orders_per_minute", "30"), ("max_open_positions", "3"), ("max_position_pct", "0.12"), ("price_collar", "0.01"),
    ("duplicate_window_s", "2.0"), ("ttl_s", "3.0"), ("breach_grace_s", "1.5"), ("stop_outs", "4"),
)  # fmt: skip
SPOILT = ("\n[no\n", "\nnonsense = 1\n", "\n[accounts.two]\nbroker = 7\n", "\n[instruments.AAA]\nlot = -1\n")


class Asked(msgspec.Struct, kw_only=True):
    """One request. acked: virtual second of its answer, None when none came (nobody knows then what became of it).
    refused: the answer's word, None without one.   symbol: what it was narrowed to, None for everything."""

    verb: str
    command_id: str
    life: str
    asked: float
    acked: float | None = None
    refused: bool | None = None
    text: str = ""
    symbol: Symbol | None = None


class Operator:
    """desk: of the daemon that runs now, None while none does.   asked: all requests, in order.
    on_ask, on_answer: told as it happens."""

    def __init__(
        self, loop: SimLoop, rng: Random, desk: Callable[[], HouseDesk | None], tell: Callable[[str], None]
    ) -> None:
        self.loop = loop
        self.asked: list[Asked] = []
        self.pages = 0
        self.on_ask: Callable[[Asked], None] = lambda _asked: None
        self.on_answer: Callable[[Asked], None] = lambda _asked: None
        self._rng = rng
        self._desk = desk
        self._tell = tell
        self._edits: dict[str, str] = {}
        self._spoil = ""

    # the file -------------------------------------------------------------------------------------------------------------

    def configuration(self, config: Config, text: str) -> Config:
        """What the file says now. config: what it said at first, as `text`. Raises ConfigError while the file is spoilt, which it
        is for one reading."""
        spoil, self._spoil = self._spoil, ""
        if not spoil and not self._edits:
            return config
        for key, value in self._edits.items():
            text, n = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
            assert n == 1, f"{key} stands {n} times in the configuration"
        return load_text(text + spoil).config

    # faults ---------------------------------------------------------------------------------------------------------------

    def apply(self, fault: Fault) -> None:
        """One deed. While the daemon is down it is tried again for a few seconds. Raises ValueError for one it does not know."""
        if fault.kind not in VERBS and fault.kind not in _OTHERS:
            raise ValueError(f"no deed of the operator: {fault.kind}")
        self._attempt(fault, TRIES)

    def _attempt(self, fault: Fault, tries: int) -> None:
        desk = self._desk()
        if desk is None:
            if tries > 1:
                self.loop.call_later(TRY_AGAIN_S, self._attempt, fault, tries - 1)
            return
        if fault.kind in VERBS and fault.n:
            self.loop.spawn(_host(desk), self._aim(desk, fault), name=f"aims {fault.kind}")
        elif fault.kind in VERBS:
            self._command(desk, fault)
        else:
            _OTHERS[fault.kind](self, desk, fault)

    async def _aim(self, desk: HouseDesk, fault: Fault) -> None:
        """Follow the page, and say the word at the moment when an order is on its way to the venue; after AIM_S in any case."""
        seen = desk.house.watcher()
        try:
            async with asyncio.timeout(AIM_S):
                while not _on_its_way(desk):
                    seen.clear()
                    await seen.wait()
        except TimeoutError:
            pass
        desk.house.unwatch(seen)
        self.loop.call_soon(self._command, desk, fault, context=Context())

    def _command(self, desk: HouseDesk, fault: Fault) -> None:
        symbol = Symbol(fault.target) if fault.target else None
        command_id = self._say(desk, VERBS[fault.kind], symbol=symbol)
        if fault.kind == "operator.twice":
            self._say(desk, Verb.HALT, symbol=symbol, command_id=command_id)

    def _kill_switch(self, desk: HouseDesk, _fault: Fault) -> None:
        """SIGUSR1, with the daemon's own handler. A stopped process gets it when it goes on. It answers nobody."""
        self._note(Asked(verb="usr1", command_id="", life=_host(desk).name, asked=self.loop.time()))
        handler: Any = Daemon._kill_switch
        self.loop.call_soon(handler, _Signalled(desk), desk.house, self.loop, context=_host(desk).context)

    def _reload(self, desk: HouseDesk, _fault: Fault) -> None:
        key, value = self._rng.choice(CHANGES)
        self._edits[key] = value
        self._request(desk, desk.reload("operator"), Asked(verb="reload", command_id=key, **self._now(desk)))

    def _reload_bad(self, desk: HouseDesk, _fault: Fault) -> None:
        self._spoil = self._rng.choice(SPOILT)
        self._request(desk, desk.reload("operator"), Asked(verb="reload_bad", command_id="", **self._now(desk)))

    def _page(self, desk: HouseDesk, fault: Fault) -> None:
        end = self.loop.time() + fault.for_s
        self._look_at_page(end)

    def _look_at_page(self, end: float) -> None:
        desk = self._desk()
        if desk is not None:
            self.loop.call_soon(self._build, desk, context=_host(desk).context)
        if self.loop.time() < end:
            self.loop.call_later(PAGE_S, self._look_at_page, end)

    def _build(self, desk: HouseDesk) -> None:
        msgspec.json.encode(desk.page())
        msgspec.json.encode(desk.probes())
        msgspec.json.encode(desk.decisions(symbol=None, outcome=None, limit=20, before=None))
        self.pages += 1

    # requests -------------------------------------------------------------------------------------------------------------

    def _say(
        self, desk: HouseDesk, verb: Verb, *, symbol: Symbol | None = None, order_id: OrderId | None = None, command_id: str = ""
    ) -> str:  # fmt: skip
        command_id = command_id or f"op{len(self.asked)}"
        command = Command(
            ts=desk.now(), id=command_id, verb=verb, actor="operator", reason="by the script", symbol=symbol, order_id=order_id,
        )  # fmt: skip
        asked = Asked(verb=verb.value, command_id=command_id, symbol=symbol, **self._now(desk))
        self._request(desk, desk.command(command), asked)
        return command_id

    def _now(self, desk: HouseDesk) -> dict[str, Any]:
        return {"life": _host(desk).name, "asked": self.loop.time()}

    def _note(self, asked: Asked) -> None:
        self.asked.append(asked)
        self.on_ask(asked)
        self._tell(f"asks {asked.verb} {asked.command_id} {asked.symbol or ''}")

    def _request(self, desk: HouseDesk, handler: Coroutine[Any, Any, Answer], asked: Asked) -> None:
        self._note(asked)
        task = self.loop.spawn(_host(desk), handler, name=f"{asked.verb} {asked.command_id}")
        task.add_done_callback(lambda done: self._answered(asked, done), context=Context())  # type: ignore[arg-type]

    def _answered(self, asked: Asked, done: SimTask) -> None:
        """No answer of a daemon that broke or died: the operator does not know."""
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            asked.text = f"no answer: {error!r}"
        else:
            answer: Answer = done.result()
            asked.acked, asked.refused, asked.text = self.loop.time(), answer.refused, answer.text
            self.on_answer(asked)
        self._tell(f"hears {asked.verb} {asked.command_id} {'refused ' if asked.refused else ''}{asked.text}")

    # cleaning up ----------------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """All faults are over: what only a person may lift is lifted, every LOOK_S until nothing is left to do."""
        self._clean_up(LOOKS)

    def _clean_up(self, looks: int) -> None:
        desk = self._desk()
        if desk is not None:
            self._mend(desk)
        if looks > 1:
            self.loop.call_later(LOOK_S, self._clean_up, looks - 1)

    def _mend(self, desk: HouseDesk) -> None:
        """Drift is the venue's word against ours: adopted. Holds, and breakers with them: resumed."""
        for member in desk.house.members.values():
            booked = member.book.booked
            if not booked.link_up:
                continue
            for symbol in booked.drift:
                self._say(desk, Verb.ADOPT, symbol=symbol)
            stopped = [h for h in booked.holds.values() if h.state is not TradingState.LOCKED]
            if stopped and not booked.flatten:
                self._say(desk, Verb.RESUME)


class _Signalled:
    """What the handler of a signal sees of its daemon."""

    def __init__(self, desk: HouseDesk) -> None:
        self.env = desk.house.env


def _on_its_way(desk: HouseDesk) -> bool:
    orders = [working for member in desk.house.members.values() for working in member.book.open_orders(leg=Leg.ENTRY)]
    return any(working.life is Life.INTENDED for working in orders)


def _host(desk: HouseDesk) -> Host:
    host: Host = desk.house.env.host  # type: ignore[attr-defined]
    return host


_OTHERS: dict[str, Callable[[Operator, HouseDesk, Fault], None]] = {
    "operator.usr1": Operator._kill_switch, "operator.reload": Operator._reload, "operator.reload_bad": Operator._reload_bad,
    "operator.page": Operator._page,
}  # fmt: skip
