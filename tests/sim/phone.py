"""The far ends of the channels by which people are told: they take their time, refuse, never answer, or fall over.

What counts as heard is a message that was answered: one that arrived and got no answer may come again, with the same name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import msgspec

from tests.sim.loop import Host, SimLoop
from tests.sim.menu import Fault
from tests.sim.plan import Plan, stream
from tradingd.config import ChannelSettings
from tradingd.shell.notify.message import Message, Undelivered

KINDS = frozenset({"phone.slow", "phone.refuse", "phone.hang", "phone.fault"})
CALM_S = (0.01, 0.4)  # what an answer takes
NEVER_S = 1e6


class Heard(msgspec.Struct, frozen=True):
    """A message that was taken and answered. host: the life that sent it."""

    host: str
    channel: str
    message: Message


class Phones:
    """All channels of a world. on_call: a message is on its way; on_heard: it was taken and answered."""

    def __init__(self, loop: SimLoop, plan: Plan, tell: Callable[[str], None]) -> None:
        self.loop = loop
        self.on_call: Callable[[Heard], None] = lambda _heard: None
        self.on_heard: Callable[[Heard], None] = lambda _heard: None
        self._plan = plan
        self._tell = tell
        self._faults: list[tuple[float, Fault]] = []  # with the moment each ends

    def apply(self, fault: Fault) -> None:
        """Raises ValueError for a kind it does not know."""
        if fault.kind not in KINDS:
            raise ValueError(f"no fault of a phone: {fault.kind}")
        self._faults.append((self.loop.time() + fault.for_s, fault))

    def heal(self) -> None:
        self._faults.clear()

    def transport(self, host: Host) -> Callable[[ChannelSettings, object, object], Line]:
        """What sends for the channels of one life, in the place of the product's own."""

        def of(settings: ChannelSettings, _reveal: object, _stamp: object) -> Line:
            name = str(urlsplit(settings.url or "").hostname).partition(".")[0]
            return Line(self, host, name, stream(self._plan, f"phone:{host.name}:{name}"))

        return of

    def now_on(self, channel: str, kind: str) -> Fault | None:
        now = self.loop.time()
        found = [f for until, f in self._faults if f.kind == kind and now < until and f.target in ("", channel)]
        return found[-1] if found else None

    def heard(self, heard: Heard) -> None:
        self._tell(f"{heard.host} by {heard.channel}: {heard.message.subject}")
        self.on_heard(heard)


class Line:
    """One channel's transport in one life."""

    def __init__(self, phones: Phones, host: Host, channel: str, rng: Random) -> None:
        self.secrets: tuple[str, ...] = ()
        self._phones = phones
        self._host = host
        self._channel = channel
        self._rng = rng

    async def send(self, message: Message) -> str:
        phones, channel = self._phones, self._channel
        heard = Heard(self._host.name, channel, message)
        phones.on_call(heard)
        slow = phones.now_on(channel, "phone.slow")
        await asyncio.sleep(self._rng.uniform(*CALM_S) + (slow.value if slow is not None else 0.0))
        if phones.now_on(channel, "phone.hang") is not None:
            await asyncio.sleep(NEVER_S)
        refused = phones.now_on(channel, "phone.refuse")
        if refused is not None:
            raise Undelivered("busy", final=bool(refused.n))
        if phones.now_on(channel, "phone.fault") is not None:
            raise RuntimeError("no line")
        phones.heard(heard)
        return ""
