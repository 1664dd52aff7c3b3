"""A run: the core's pipeline and a simulated venue, turn by turn, in this thread and as fast as they go. Source: T1.

The daemon's house does the same with tasks and a durable journal; the order of things is its order. One happening of the venue, the
events it caused through `step`, what came of them recorded, what they ask for handed to the venue, until nothing is left; then
the next happening. In between, at the house's rhythm, the core's timer and the comparison of book and venue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from tradingd.config.model import HouseSettings
from tradingd.core.book.book import Book
from tradingd.core.book.market import DAY_S
from tradingd.core.events import Bar, Event, LinkUp, Split, Started, Stopping, Timer
from tradingd.core.facts import AnyFact
from tradingd.core.pipeline import step
from tradingd.core.rules import Rules
from tradingd.core.steps.nights import AFTER, DAY, moments
from tradingd.core.types import NS, Instrument
from tradingd.lab.sides import Clock, Looks, Venue
from tradingd.lab.way_out import WayOut, at_once
from tradingd.ports import Broker

HISTORY_BARS = 120
BREATH = 4_096

Record = Callable[[tuple[AnyFact, ...]], None]
Over = Callable[[int], int]


class Chore:
    """Periodic work. due: ns, when next; at first at once."""

    __slots__ = ("due", "every", "work")

    def __init__(self, every_s: float, work: Callable[[], None]) -> None:
        self.every = int(every_s * NS)
        self.work = work
        self.due = 0


class Run:
    """One account in one run. Call `start`, `drive`, `finish`.

    record: told the facts of each step, in order, before anything they ask for is sent.   on_bar: told each daily bar.   looks:
    makes the comparison of book and venue for this run.   instrument: corrects the venue's word on an instrument.   on_breath: told
    the time, ns, at the start and then after 4,096 happenings or more.   over: makes `leap.Leap.over`; without it every quote is
    looked at.
    events: happenings so far.   stop: set it, from a signal handler or a callback, and `drive` ends before the next happening.
    """

    def __init__(
        self, venue: Venue, broker: Broker, book: Book, rules: Rules, clock: Clock, rhythm: HouseSettings, *,
        record: Record, looks: Callable[[Run], Looks], on_bar: Callable[[Bar], None] = lambda _: None,
        on_breath: Callable[[int], None] = lambda _: None,
        instrument: Callable[[Instrument], Instrument] = lambda i: i, over: Callable[[Run], Over] | None = None,
    ) -> None:  # fmt: skip
        self.venue = venue
        self.broker = broker
        self.book = book
        self.rules = rules
        self.clock = clock
        self.events = 0
        self.stop = False
        self._inbox: deque[Event] = deque()
        self.offer = self._inbox.append
        self.out = WayOut(broker, book, rules, clock, self.offer)
        self._record = record
        self._on_bar = on_bar
        self._on_breath = on_breath
        self._instrument = instrument
        self._looks = looks(self)
        self._over = over(self) if over is not None else None
        self._chores = (
            Chore(rhythm.timer_s, self._tick), Chore(rhythm.orders_s, self._ask_orders),
            Chore(rhythm.positions_s, self._compare),
        )  # fmt: skip
        self._due = 0

    # life ---------------------------------------------------------------------------------------------------------------

    def start(self, mode: str, build: str, config: str) -> None:
        """As the daemon starts: a process takes over, the session opens, instruments and past bars are learned, book and venue are
        compared. build, config: hashes."""
        now, booked = self.venue.now, self.book.booked
        self.clock.set(now)
        self.offer(Started(ts=self.clock.wall(), mode=mode, build=build, config=config, clean=booked.stopped))
        self.settle()
        at_once(self.broker.connect(self._sink))
        self.out.up = True
        self.offer(LinkUp(ts=self.clock.wall(), account=self.book.account, broker=self.broker.name))
        self._learn()
        at_once(self._looks.resync())
        self.settle()

    def drive(self) -> bool:
        """Until nothing happens any more (True) or `stop` was set (False)."""
        venue, clock, inbox, over = self.venue, self.clock, self._inbox, self._over
        last, breath = clock.wall(), 0
        while not self.stop and (ts := venue.next_ts()) is not None:
            if self.events >= breath:
                breath = self.events + BREATH
                self._on_breath(ts)
            if over is not None and (passed := over(self._due)):
                self.events += passed
                last = clock.wall()
                continue
            if ts - last > AFTER:
                self._night(last, ts)
            if ts >= self._due:
                self._pass_time(ts)
            clock.set(ts)
            last = ts
            venue.run_next()
            self.events += 1
            if inbox:
                self.settle()
        if self.stop:
            return False
        self._night(last, last + DAY)  # the last day ends too
        return True

    def finish(self, why: str) -> None:
        """The last fact. Positions and working orders stay as they are."""
        self.out.up = False
        self.offer(Stopping(ts=self.clock.wall(), reason=why))
        self.settle()

    def take(self, facts: tuple[AnyFact, ...]) -> None:
        """What a step made outside of `settle` came to: recorded, and what it asks for sent, to the end."""
        self._record(facts)
        self.out.on_durable(facts)
        self.settle()

    def settle(self) -> None:
        """Everything offered so far was stepped through and recorded, and what it asks for was sent, to the end."""
        inbox, book, rules, out = self._inbox, self.book, self.rules, self.out
        while True:
            made: list[AnyFact] = []
            while inbox:
                facts = step(book, inbox.popleft(), rules)
                if facts:
                    self._record(facts)
                    made += facts
            if made:
                out.on_durable(made)
            if not out.send() and not inbox:
                return

    # what comes in --------------------------------------------------------------------------------------------------------

    def _sink(self, event: Event) -> None:
        if isinstance(event, Bar):
            if event.span_s == DAY_S:
                self._on_bar(event)
        elif isinstance(event, Split):
            event = msgspec.structs.replace(event, account=self.book.account, at=event.ts)
        self.offer(event)

    def _learn(self) -> None:
        quotes = self.rules.quotes
        for raw in at_once(self.broker.instruments()):
            instrument = self._instrument(raw)
            self.rules.instruments[instrument.symbol] = instrument
            self.book.watch(instrument, band=quotes.band, atr_bars=quotes.atr_bars)
        self.book.remark()
        for symbol in self.rules.instruments:
            for bar in at_once(self.broker.history(symbol, HISTORY_BARS)):
                self._on_bar(bar)
                self.offer(bar)

    # time -----------------------------------------------------------------------------------------------------------------

    def _night(self, last: int, until: int) -> None:
        for moment in moments(last, until, (self.rules,)):
            self._pass_time(moment)

    def _pass_time(self, ts: int) -> None:
        """Chores that are due. They take no time."""
        if ts < self._due:
            return
        self.clock.set(ts)
        for chore in self._chores:
            if ts >= chore.due:
                chore.due = ts + chore.every
                chore.work()
        self.settle()
        self._due = min(chore.due for chore in self._chores)

    def _tick(self) -> None:
        self.offer(Timer(ts=self.clock.wall()))

    def _ask_orders(self) -> None:
        if self.book.booked.link_up and self._looks.has_questions():
            at_once(self._looks.orders())

    def _compare(self) -> None:
        if self.book.booked.link_up:
            at_once(self._looks.positions())
            at_once(self._looks.foreign())
            at_once(self._looks.account())
