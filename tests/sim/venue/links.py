"""The weather between one host and the venue: latency, loss, repeats, holds, silence and resets, by channel.

A session is one connection with a pipe for each channel; what goes into a pipe comes out in order, later. Sessions end, the weather
stays: `Links` outlives the daemons of its host. All timers belong to the world, so that a killed host's bytes still travel.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from tests.sim.venue.records import Blow, Tell, Word
from tests.sim.venue.strikes import Strikes

CHANNELS = ("orders_out", "events_in", "market", "rest", "rest_back")
WAYS = {
    "": ("orders_out", "events_in"), "orders": ("orders_out", "events_in"), "market": ("market",), "rest": ("rest", "rest_back"),
    "orders_out": ("orders_out",), "events_in": ("events_in",), "all": CHANNELS,
}  # fmt: skip
OWN = (
    "login",
    "heartbeat",
    "logout",
    "split",
    "status",
)  # of the connection or the market: never dropped, doubled, swapped
GONE_S = 6.0  # when the venue gives up a connection that ended without a word
SWAP_S = 0.5  # how long a word may wait for the next to overtake it
Act = Callable[..., None]


class Pipe:
    """One direction of one connection: first in, first out. blocked: nothing comes out for now.   dead: nothing more goes in."""

    __slots__ = ("_last", "_loop", "_queue", "_world", "blocked", "dead")

    def __init__(self, loop: asyncio.AbstractEventLoop, world: Context) -> None:
        self.blocked = False
        self.dead = False
        self._loop = loop
        self._world = world
        self._last = 0.0
        self._queue: deque[tuple[float, Act, tuple[Any, ...]]] = deque()

    def put(self, at: float, act: Act, *args: Any) -> None:
        if self.dead:
            return
        self._last = at = max(at, self._last)
        self._queue.append((at, act, args))
        if not self.blocked:
            self._loop.call_at(at, self._out, context=self._world)

    def _out(self) -> None:
        if not self.blocked and self._queue and self._queue[0][0] <= self._loop.time() + 1e-9:
            _, act, args = self._queue.popleft()
            act(*args)

    def block(self, yes: bool) -> None:
        released = self.blocked and not yes
        self.blocked = yes
        if released:
            now = self._loop.time()
            for at, _, _ in self._queue:
                self._loop.call_at(max(at, now), self._out, context=self._world)

    def cut(self, keep: float) -> None:
        """The connection died: only the first part of what is under way still arrives."""
        for _ in range(len(self._queue) - round(keep * len(self._queue))):
            self._queue.pop()

    @property
    def empty(self) -> bool:
        return not self._queue


class Session:
    """One connection, both ends. number: the venue's, 0 before its login was read.   ended_at: when the host's end died.
    hear: where words and quotes come out at the host.   ended: told why the host's end died.   lost: told at the venue's end."""

    def __init__(
        self, host: str, pipes: dict[str, Pipe], hear: Callable[[Any], None], ended: Callable[[str], None]
    ) -> None:
        self.host = host
        self.pipes = pipes
        self.hear = hear
        self.ended = ended
        self.number = 0
        self.ended_at: float | None = None
        self.lost: Callable[[Session], None] | None = None
        self.aside: Word | None = None

    def _arrive(self, what: Any) -> None:
        if self.ended_at is None:
            self.hear(what)


class Links:
    """All connections of one host, and what strikes them. `rng` draws latencies; a stream of its own decides what faults hit."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: random.Random, tell: Tell) -> None:
        self.loop = loop
        self.tell = tell
        self.current: Session | None = None
        self._rng = rng
        self._dice = random.Random(rng.getrandbits(64))
        self._world = Context()
        self._strikes = Strikes(self._dice)
        self._refusals = -1
        self._ambush: Blow | None = None  # a hold that begins with the next order
        self._sessions: list[Session] = []

    @property
    def struck(self) -> dict[str, int]:
        """How often each kind hit a message or a session."""
        return self._strikes.struck

    # connections ----------------------------------------------------------------------------------------------------------

    def open(self, host: str, hear: Callable[[Any], None], ended: Callable[[str], None]) -> Session:
        pipes = {name: Pipe(self.loop, self._world) for name in CHANNELS}
        session = Session(host, pipes, hear, ended)
        self._sessions = [s for s in self._sessions if s.ended_at is None or not all(p.empty for p in s.pipes.values())]
        self._sessions.append(session)
        self.current = session
        self._block()
        return session

    def end(self, session: Session, why: str, *, silent: bool = False, keep: float = 1.0) -> None:
        """The host's end dies; what it wrote may still arrive. silent: no farewell reaches the venue."""
        if session.ended_at is not None:
            return
        session.ended_at = self.loop.time()
        self.tell(f"session {session.number} of {session.host} ends: {why}")
        session.pipes["orders_out"].cut(keep)
        session.ended(why)
        if not silent:
            self._put(session, "orders_out", self._lost, session)
        self.loop.call_later(GONE_S, self._lost, session, context=self._world)

    def sever(self, why: str, *, silent: bool = False) -> None:
        """The host was killed: its connection ends, its unsent bytes are lost from some point on."""
        if self.current is not None:
            self.end(self.current, why, silent=silent, keep=self._dice.random())

    def reset(self, why: str) -> None:
        """Both ends die at once."""
        if self.current is not None and self.current.ended_at is None:
            self._strikes.hit("link.reset")
            self._break(self.current, why)

    def _break(self, session: Session, why: str) -> None:
        self.end(session, why, silent=True, keep=self._dice.random())
        self._lost(session)

    def _lost(self, session: Session) -> None:
        if session.lost is not None:
            lost, session.lost = session.lost, None
            lost(session)

    # what travels ---------------------------------------------------------------------------------------------------------

    def write(self, session: Session, act: Act, *args: Any) -> None:
        """Bytes on the order connection. A frame the network lost is the end of its connection: it cannot be skipped."""
        if self._strikes.chance("link.drop:orders_out"):
            session.pipes["orders_out"].dead = True
            self.loop.call_later(self._dice.random(), self._break, session, "connection reset", context=self._world)
            return
        if self._ambush is not None and args[2:3] == ("submit",):
            fault, self._ambush = self._ambush, None
            self._hold(fault)
        self._put(session, "orders_out", act, *args)

    def loses_ack(self) -> bool:
        return self._strikes.chance("link.lose_ack")

    def ask(self, session: Session, act: Act, *args: Any) -> None:
        """A question, on a connection of its own."""
        if not self._strikes.chance("link.drop:rest") and not self._strikes.on("link.mute"):
            self._put(session, "rest", act, *args)

    def answer(self, session: Session, act: Act, *args: Any) -> None:
        if self._strikes.on("link.mute"):
            self._strikes.hit("link.mute")
        else:
            self._put(session, "rest_back", act, *args)

    def word(self, session: Session, word: Word) -> None:
        """One word of the event stream: may be lost, told twice, or overtaken by the next."""
        if word.kind in OWN:
            self._put(session, "events_in", session._arrive, word)
            return
        if self._strikes.chance("link.drop:events_in") or (
            word.kind == "fill" and self._strikes.chance("link.drop_fills")
        ):
            return
        if session.aside is None and self._strikes.chance("link.reorder"):
            session.aside = word
            self.loop.call_later(SWAP_S, self._overtaken, session, word, context=self._world)
            return
        for _ in range(2 if self._strikes.chance("link.dup") else 1):
            self._put(session, "events_in", session._arrive, word)
        if session.aside is not None:
            self._overtaken(session, session.aside)

    def _overtaken(self, session: Session, word: Word) -> None:
        if session.aside is word:
            session.aside = None
            self._put(session, "events_in", session._arrive, word)

    def quote(self, session: Session, quote: Any) -> None:
        if not self._strikes.chance("link.drop:market"):
            self._put(session, "market", session._arrive, quote)

    def refuses_login(self) -> bool:
        """A refusal of the gateway. A fault with n refuses at most n times."""
        if not self._strikes.on("link.refuse_login") or self._refusals == 0:
            return False
        self._refusals -= 1
        self._strikes.hit("link.refuse_login")
        return True

    def _put(self, session: Session, channel: str, act: Act, *args: Any) -> None:
        session.pipes[channel].put(self.loop.time() + self._latency(), act, *args)

    def _latency(self) -> float:
        r = self._rng.random()
        if self._strikes.on("link.slow"):
            return max(self._strikes.values("link.slow")) * r
        return 0.2 if r > 0.99 else 0.001 + 0.02 * r * r

    # weather --------------------------------------------------------------------------------------------------------------

    def apply(self, fault: Blow) -> None:
        """Begin a link.* fault; it ends by itself after for_s."""
        match fault.kind:
            case "link.reset":
                self.reset("connection reset")
            case "link.flap":
                for _ in range(max(1, fault.n)):
                    self.loop.call_later(self._dice.random() * fault.for_s, self.reset, "flapping", context=self._world)
            case "link.hold" if fault.n:
                self._ambush = fault
            case "link.half_open" | "link.hold":
                self._hold(fault)
            case "link.drop":
                self._begin([f"link.drop:{fault.target or 'events_in'}"], fault)
            case _:
                self._refusals = (fault.n or -1) if fault.kind == "link.refuse_login" else self._refusals
                self._begin([fault.kind], fault)

    def heal(self) -> None:
        self._ambush = None
        self._strikes.clear()
        self._block()

    def _hold(self, fault: Blow) -> None:
        self._begin([f"block:{channel}" for channel in WAYS[fault.target]], fault)
        self._strikes.hit(fault.kind)

    def _begin(self, keys: list[str], fault: Blow) -> None:
        self._strikes.begin(keys, fault)
        self._block()
        self.loop.call_later(fault.for_s, self._finish, keys, fault, context=self._world)

    def _finish(self, keys: list[str], fault: Blow) -> None:
        self._strikes.finish(keys, fault)
        self._block()

    def _block(self) -> None:
        for session in self._sessions:
            for name, pipe in session.pipes.items():
                pipe.block(self._strikes.on(f"block:{name}"))
